"""`lob-backtest run --show-config`: each effective setting, where it is from, and no run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.config.compile import make_plan
from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import AgentPart, InstrumentPart, ReplacePart
from lob_backtest.contract.rows import Action
from lob_backtest.data.reader import open_market
from lob_backtest.units import parse_duration

ROOT = Path(__file__).resolve().parents[2]
STRATEGY = """
import lob_backtest as lob

print("imported")

class Shown(lob.Strategy):
    size: int = 2
    wait: lob.Duration = 100 * lob.MS
    name: str = "a\\nb"

    def on_start(self, ctx):
        raise RuntimeError("must not run")
"""
CONFIG = """
[run]
start = "2024-07-19T13:30:01Z"
warm_up = "5s"

[[instrument]]
name = "A"
data = ["l3.parquet"]
fees = { maker_bps = -0.2 }
max_position = 70

[[instrument]]
name = "B"
venue = "ELSEWHERE"
data = ["l2.parquet"]

[[venue]]
name = "ELSEWHERE"
latency = { entry = "3ms" }
fees = { maker_bps = 1, taker_per_lot = 0.5 }

[latency]
response = "40us"

[fills]
late_print = "70ms"

[data.policies]
unknown_order = "fail"

[[agent]]
name = "first"
class = "shown.py:Shown"
params = { size = 3 }

[[agent]]
name = "second"
class = "shown.py:Shown"
seed = 9
latency = { entry = "1ms" }
fees = { maker_bps = 2 }
max_position = 50
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show")
    (folder / "shown.py").write_text(STRATEGY)
    (folder / "run.toml").write_text(CONFIG)
    lob.generate(folder / "l3.parquet", events=1_500)
    ts = [1_721_395_801 * 10**9, 1_721_395_900 * 10**9]
    rows = {"ts_exchange_ns": ts, "ts_local_ns": ts, "action": [Action.LEVEL] * 2, "side": [1, -1], "flags": [1, 1]}
    rows |= {"price_ticks": [99, 101], "size_lots": [5, 5]}
    facts: dict[str, Any] = {"tick_size": "0.5", "lot_size": "1", "late_level_ns": 30 * lob.MS, "depth": 5}
    lob.write_events(folder / "l2.parquet", rows, level=2, symbol="X", venue="V", **facts)
    return folder


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["run", *map(str, argv), "--show-config"])
    return (stop.value.code, *capsys.readouterr())


def shown(capsys: pytest.CaptureFixture[str], *argv: object) -> dict[tuple[str, ...], dict[str, tuple[Any, str]]]:
    """Return value and origin of each setting, by the names of its section's place."""
    code, out, err = call(capsys, *argv, "--json")
    assert code == 0, err
    return {
        tuple(name for what, name in section.items() if what != "settings"): {
            key: (row["value"], row["origin"]) for key, row in section["settings"].items()
        }
        for section in json.loads(out)["sections"]
    }


def test_every_source_of_a_value_is_named(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    changes = ["--set", "latency.response=60us", "--set", "instrument.0.fees.taker_bps=4", "--seed", 5]
    found = shown(capsys, folder / "run.toml", *changes)
    assert found[()]["run.start"] == ("2024-07-19T13:30:01.000000000Z", "run.start")
    assert found[()]["data.policies.unknown_order"] == ("fail", "data.policies.unknown_order")
    assert found[()]["report.sample"] == ("1s", "default")
    assert found[("A",)]["venue"] == ("SYNTHETIC", "file")
    assert found[("A",)]["tick_size"] == ("0.01", "file")
    assert found[("B",)]["venue"] == ("ELSEWHERE", "instrument.1.venue")
    assert found[("B",)]["late_level"] == ("30ms", "file")
    assert found[("B",)]["late_print"] == ("70ms", "fills.late_print")
    assert found[("first",)]["params.size"] == (3, "agent.0.params.size")
    assert found[("first",)]["params.wait"] == ("100ms", "default")
    assert found[("first",)]["seed"] == (5, "--seed")
    assert found[("second",)]["seed"] == (9, "agent.1.seed")
    assert found[("second",)]["warm_up"] == ("5s", "run.warm_up")
    assert found[("first", "ELSEWHERE")]["entry"] == ("3ms", "venue.0.latency.entry")
    assert found[("second", "ELSEWHERE")]["entry"] == ("1ms", "agent.1.latency.entry")
    assert found[("first", "SYNTHETIC")]["entry"] == ("500us", "default")
    assert found[("first", "SYNTHETIC")]["response"] == ("60us", "--set latency.response")
    assert found[("first", "A")]["fees.maker_bps"] == ("-0.2", "instrument.0.fees.maker_bps")
    assert found[("first", "A")]["fees.taker_bps"] == ("4", "--set instrument.0.fees.taker_bps")
    assert found[("first", "B")]["fees.taker_per_lot"] == ("0.5", "venue.0.fees.taker_per_lot")
    assert found[("second", "B")]["fees.maker_bps"] == ("2", "agent.1.fees.maker_bps")
    assert found[("first", "A")]["max_position"] == (70, "instrument.0.max_position")
    assert found[("second", "A")]["max_position"] == (50, "agent.1.max_position")
    assert found[("first", "B")]["max_position"] == (None, "default")


def test_the_values_are_those_of_the_plan(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    found = shown(capsys, folder / "run.toml")
    config = RunConfig.load(folder / "run.toml")
    plan = make_plan(config, [open_market(part.data) for part in config.instrument])
    names, venues = ["A", "B"], ["SYNTHETIC", "ELSEWHERE"]
    assert found[()]["data.taint"][0] == f"{plan.taint_ns // lob.SECOND}s"
    assert parse_duration(found[("B",)]["late_level"][0]) == plan.instruments[1].fill_rules.late_level_ns
    assert found[("B",)]["queue"][0] == plan.instruments[1].fill_rules.queue_model.name.lower()
    for agent, each in zip(("first", "second"), plan.agents, strict=True):
        assert found[(agent,)]["seed"][0] == each.seed
        assert parse_duration(found[(agent,)]["warm_up"][0]) == each.warm_up_ns
        for venue, channel in zip(venues, each.channels, strict=True):
            rows = found[(agent, venue)]
            assert parse_duration(rows["entry"][0]) == channel.entry_ns
            assert parse_duration(rows["response"][0]) == channel.response_ns
        for name, session in zip(names, each.sessions, strict=True):
            rows = found[(agent, name)]
            assert rows["max_position"][0] == session.max_position
            assert rows["initial_position"][0] == session.initial_position


def test_every_key_of_the_config_is_shown(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    found = {key.rpartition(".")[2] for rows in shown(capsys, folder / "run.toml").values() for key in rows}
    tables = {name: field.annotation for name, field in RunConfig.model_fields.items()}
    parts = [InstrumentPart, AgentPart, *(part for part in tables.values() if hasattr(part, "model_fields"))]
    keys = {field.alias or name for part in parts for name, field in part.model_fields.items()}
    assert keys - {"fees", "latency", "mmp", "policies", "params", "replace"} <= found
    assert set(ReplacePart.model_fields) <= found


def test_the_text_fits_80_columns_and_nothing_runs(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = call(capsys, folder / "run.toml", "-o", folder / "out")
    assert code == 0
    assert not (folder / "out").exists()
    assert "imported" in err
    assert "imported" not in out
    assert "must not run" not in err
    assert max(map(len, out.splitlines())) <= 80
    assert "  entry     3ms    venue.0.latency.entry" in out
    assert re.search(r"^  late_level +30ms +file$", out, re.MULTILINE)
    assert re.search(r"^  params\.name +a�b +default$", out, re.MULTILINE)


def test_one_strategy_without_a_config(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    found = shown(capsys, "--data", folder / "l3.parquet", "--strategy", f"{folder}/shown.py:Shown", "-p", "size=4")
    assert found[("SYN",)]["data"] == ([str(folder / "l3.parquet")], "--data")
    assert found[("Shown",)]["class"] == (f"{folder}/shown.py:Shown", "--strategy")
    assert found[("Shown",)]["params.size"] == (4, "-p")


def test_an_old_key_of_the_command_line_is_shown_under_its_new_name(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    found = shown(capsys, folder / "run.toml", "--set", "fills.evidence=true")
    assert found[("A",)]["fill_on_younger_execution"] == (True, "--set fills.fill_on_younger_execution")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("run.end=2024-07-19T13:30:00Z", "run.end"),
        ("instrument.1.name=A", "occurs twice"),
        ("venue.0.name=NOWHERE", "no instrument trades on"),
        ("agent.0.params.sice=1", "sice"),
        ("latency.enrty=1ms", "did you mean 'entry'?"),
    ],
)
def test_what_a_run_refuses_is_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, change: str, says: str
) -> None:
    code, out, err = call(capsys, folder / "run.toml", "--set", change)
    assert (code, out) == (2, "")
    assert says in err


def test_the_page_shows_what_is_printed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    config = page.partition("```toml file=two.toml\n")[2].partition("```")[0]
    section = page.partition("\n## Precedence\n")[2]
    command = section.partition("```sh\nlob-backtest run ")[2].partition("\n")[0].split()
    expected = section.partition("```text\n")[2].partition("```")[0].splitlines()
    (tmp_path / "data").mkdir()
    lob.generate(tmp_path / "data/sample-l3.parquet", events=1_500)
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies")
    (tmp_path / "two.toml").write_text(config)
    monkeypatch.chdir(tmp_path)
    _, out, _ = call(capsys, *(word for word in command if word != "--show-config"))
    assert len(expected) > 10
    lines = iter(out.splitlines())
    assert [each for each in expected if each not in lines] == []  # in this order
