"""`lob-backtest run`: what it writes, and one clear message for everything that can be wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.engine import ENGINES

QUOTES = """
import lob_backtest as lob

class Quotes(lob.Strategy):
    size: int = 2

    def on_start(self, ctx):
        ctx.every(100 * lob.MS)

    def on_timer(self, ctx, timer_id):
        if ctx.book.mid_ticks is not None:
            ctx.quote(bid=(ctx.book.bid_ticks, self.size), ask=(ctx.book.ask_ticks, self.size))
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=4_000)
    return path


@pytest.fixture
def quotes(tmp_path: Path) -> str:
    (tmp_path / "quotes.py").write_text(QUOTES)
    return f"{tmp_path / 'quotes.py'}:Quotes"


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in argv])
    out, err = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return stop.value.code, out, err


def test_a_run_prints_where_the_money_came_from_and_writes_a_folder(
    capsys: pytest.CaptureFixture[str], market: Path, quotes: str, tmp_path: Path
) -> None:
    code, out, err = call(capsys, "run", "--data", market, "--strategy", quotes, "-o", tmp_path / "out")
    assert code == 0
    assert "Where the money came from" in out
    assert "report.html" in err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["status"] == "complete"
    assert len(summary["digest"]) == 64
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"fills.parquet", "orders.parquet", "bbo.parquet", "samples.parquet", "lots.parquet", "report.html"} <= names
    loaded = lob.Result.load(tmp_path / "out")
    assert len(loaded.fills) > 0


def test_a_config_the_command_line_and_python_give_the_same_digest(
    capsys: pytest.CaptureFixture[str], market: Path, quotes: str, tmp_path: Path
) -> None:
    (tmp_path / "run.toml").write_text(
        f'[[instrument]]\ndata = ["{market}"]\nfees = {{ maker_bps = -0.2 }}\n'
        '[strategy]\nclass = "quotes.py:Quotes"\nparams = { size = 3 }\n[latency]\nentry = "1ms"\n'
    )
    _, out, _ = call(capsys, "run", tmp_path / "run.toml", "--json")
    by_file = json.loads(out)["digest"]
    words = ["--data", market, "-s", quotes, "-p", "size=3", "--set", "latency.entry=1ms", "--json"]
    _, out, _ = call(capsys, "run", *words, "--set", "instrument.0.fees.maker_bps=-0.2")
    assert json.loads(out)["digest"] == by_file
    assert lob.run(tmp_path / "run.toml").digest == by_file


def test_a_folder_that_is_there_is_kept_without_force(
    capsys: pytest.CaptureFixture[str], market: Path, quotes: str, tmp_path: Path
) -> None:
    words = ["run", "--data", market, "-s", quotes, "-q", "-o", tmp_path / "out"]
    assert call(capsys, *words) == (0, "", "")
    before = (tmp_path / "out" / "summary.json").read_bytes()
    code, _, err = call(capsys, *words)
    assert code == 6
    assert "--force" in err
    assert (tmp_path / "out" / "summary.json").read_bytes() == before
    assert call(capsys, *words, "--force")[0] == 0


def _bad_file(kind: str, market: Path, folder: Path) -> Path:
    path = folder / f"{kind}.parquet"
    table = pq.read_table(market)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("time,price\n1,2\n")
    elif kind == "truncated":
        path.write_bytes(market.read_bytes()[:-100])
    elif kind == "no_rows":
        pq.write_table(table.slice(0, 0), path)
    elif kind == "missing_column":
        pq.write_table(table.drop_columns(["size_lots"]), path)
    elif kind == "microseconds":
        micros = pa.array([t // 1000 for t in table["ts_exchange_ns"].to_pylist()], pa.int64())
        pq.write_table(table.set_column(0, table.schema.field(0), micros), path)
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("empty", "empty"),
        ("text", "not Parquet"),
        ("truncated", "Parquet"),
        ("no_rows", "0 rows"),
        ("missing_column", "size_lots"),
        ("microseconds", "microseconds"),
        ("absent", "absent.parquet"),
    ],
)
def test_a_bad_file_is_one_message_with_exit_code_3(
    kind: str, says: str, capsys: pytest.CaptureFixture[str], market: Path, quotes: str, tmp_path: Path
) -> None:
    path = _bad_file(kind, market, tmp_path)
    code, out, err = call(capsys, "run", "--data", path, "-s", quotes, "-o", tmp_path / "out")
    _one_message(code, out, err, 3, says, tmp_path)
    assert str(path) in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-s", "nowhere.py:Quotes"], "nowhere.py: no such file"),
        (["-s", "lob_backtest.nowhere:Quotes"], "No module named 'lob_backtest.nowhere'"),
        (["-s", "{quotes}x"], "no strategy class 'Quotesx'"),
        ([], "strategy.class: missing"),
        (["-s", "{quotes}", "-p", "sizes=3"], "Did you mean 'size'?"),
        (["-s", "{quotes}", "-p", "size=three"], "parameter size = 'three'"),
        (["-s", "{quotes}", "-p", "size"], "expected KEY=VALUE"),
        (["-s", "{quotes}", "--set", "latency.entri=1ms"], "did you mean 'entry'?"),
        (["-s", "{quotes}", "--set", "latency.entry=fast"], "latency.entry"),
        (["-s", "{quotes}", "--set", "latency.entry=0"], "latency.entry"),
        (["-s", "{quotes}", "--set", "fills.impact=displace"], "fills.impact"),
        (["-s", "{quotes}", "--set", "risk.max_loss=5000"], "risk.max_loss: unknown key"),
        (["-s", "{quotes}", "--set", "run.end=yesterday"], "run.end"),
        (["-s", "{quotes}", "--set", "data.policies.nul=skip"], "did you mean 'null'?"),
        (["-s", "{quotes}", "--set", "instrument.7.name=X"], "instrument.7.name: there is no table"),
        (["-s", "{quotes}", "--set", "run.start=2030-01-01T00:00:00Z"], "lies after the data, which end at 2024-07-19"),
        (
            ["-s", "{quotes}", "--set", "run.end=2020-01-01T00:00:00Z"],
            "lies before the data, which begin at 2024-07-19",
        ),
        (["-s", "{quotes}", "--engine", "warp"], "engine 'warp'"),
    ],
)
def test_a_bad_setting_is_one_message_with_exit_code_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], market: Path, quotes: str, tmp_path: Path
) -> None:
    words = [word.replace("{quotes}", quotes) for word in words]
    code, out, err = call(capsys, "run", "--data", market, *words, "-o", tmp_path / "out")
    _one_message(code, out, err, 2, says, tmp_path)


def test_a_wrong_key_of_an_instrument_is_the_only_complaint(
    capsys: pytest.CaptureFixture[str], market: Path, quotes: str
) -> None:
    code, _, err = call(capsys, "run", "--data", market, "-s", quotes, "--set", "instrument.0.fees.makr_bps=1")
    assert code == 2
    assert err.count("instrument") == 1
    assert "did you mean 'maker_bps'?" in err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[run]\nseeed = 1\n[[instrument]]\ndata = ['x']", "run.seeed: unknown key"),
        ("[[instrument]]\ndate = ['x']", "instrument.0.date: unknown key"),
        ("[run", "not a TOML file"),
        ("[run]\nseed = 1", "instrument: missing"),
        ("[[instrument]]\ndata = []", "instrument.0.data"),
        ("[[instrument]]\ndata = ['x']\nfees = { maker_bps = 'much' }", "instrument.0.fees.maker_bps"),
        ("[[instrument]]\ndata = ['x']\n[report]\nmarkouts = ['1s', '1ms']", "ascending order"),
    ],
)
def test_a_bad_config_file_is_one_message_with_exit_code_2(
    text: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "run.toml").write_text(text)
    code, out, err = call(capsys, "run", tmp_path / "run.toml", "-o", tmp_path / "out")
    _one_message(code, out, err, 2, says, tmp_path)
    assert "run.toml" in err


def test_a_market_data_file_in_the_place_of_the_config_is_told_where_it_goes(
    capsys: pytest.CaptureFixture[str], market: Path
) -> None:
    code, _, err = call(capsys, "run", market)
    assert code == 2
    assert "not a TOML file" in err
    assert "a market data file is named with --data" in err


def _one_message(code: int, out: str, err: str, expected: int, says: str, folder: Path) -> None:
    assert (code, out) == (expected, "")
    assert says in err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert not [path for path in folder.iterdir() if path.name.startswith(("out", ".out"))]


def test_a_strategy_that_raises_leaves_a_partial_result_and_exit_code_4(
    capsys: pytest.CaptureFixture[str], market: Path, tmp_path: Path
) -> None:
    raising = QUOTES.replace(
        "if ctx.book", "self.n = getattr(self, 'n', 0) + 1\n        1 / (50 - self.n)\n        if ctx.book"
    )
    (tmp_path / "raises.py").write_text(raising)
    code, _, err = call(capsys, "run", "--data", market, "-s", tmp_path / "raises.py", "-q", "-o", tmp_path / "out")
    assert code == 4
    assert "Quotes.on_timer(1) at 2024-07-19T13:30:05.0" in err
    assert "ZeroDivisionError" in err
    assert "raises.py, line 12" in err  # where in the author's file
    result = lob.Result.load(tmp_path / "out")
    assert result.status == "partial"
    assert result.summary["residual_half_tick_lots"] == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (QUOTES.replace("if ctx.book", "raise SystemExit(0)\n        if ctx.book"), "on_timer(1) at 2024"),
        (
            QUOTES + "    def __init__(self, **parameters):\n        raise KeyError('size')\n",
            "__init__(): raised KeyError",
        ),
        (QUOTES + "raise SystemExit(0)\n", "SystemExit when it was imported"),
    ],
)
def test_a_strategy_can_neither_end_the_process_nor_show_a_traceback(
    text: str, says: str, capsys: pytest.CaptureFixture[str], market: Path, tmp_path: Path
) -> None:
    (tmp_path / "rude.py").write_text(text)
    code, _, err = call(capsys, "run", "--data", market, "-s", f"{tmp_path / 'rude.py'}:Quotes", "-q")
    assert code == 4
    assert says in err
    assert "Traceback" not in err


def test_what_a_strategy_prints_stays_out_of_the_json(
    capsys: pytest.CaptureFixture[str], market: Path, tmp_path: Path
) -> None:
    (tmp_path / "loud.py").write_text("print('imported')\n" + QUOTES.replace("ctx.every", "print('on'); ctx.every"))
    code, out, err = call(capsys, "run", "--data", market, "-s", tmp_path / "loud.py", "--json")
    assert code == 0
    assert json.loads(out)["status"] == "complete"
    assert "imported" in err
    assert "on\n" in err


def test_a_strategy_beside_the_config_needs_no_class_name(
    capsys: pytest.CaptureFixture[str], market: Path, quotes: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(f"[[instrument]]\ndata = ['{market}']\n[strategy]\nclass = 'quotes.py'\n")
    assert call(capsys, "run", path, "-q")[0] == 0


def test_a_strategy_file_that_cannot_be_imported_is_exit_code_4(
    capsys: pytest.CaptureFixture[str], market: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("import lob_backtest as lob\nclass S(lob.Strategy:\n")
    code, _, err = call(capsys, "run", "--data", market, "-s", tmp_path / "broken.py")
    assert code == 4
    assert "SyntaxError" in err


def test_a_console_without_the_characters_shows_others(market: Path, quotes: str) -> None:
    words: list[Any] = [sys.executable, "-m", "lob_backtest.cli", "run", "--data", market, "-s", quotes]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["note", "not saved"]
    assert "SYN ? SYNTHETIC ? L3" in done.stdout


def test_a_bug_is_exit_code_5_and_not_that_of_a_comparison(
    capsys: pytest.CaptureFixture[str], market: Path, quotes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lob_backtest.backtest.make_plan", lambda *_, **__: 1 / 0)
    code, _, err = call(capsys, "run", "--data", market, "-s", quotes)
    assert code == 5
    assert "ZeroDivisionError: division by zero. This is a bug" in err
    assert "Traceback" in err  # here it helps


def test_an_interrupt_that_an_import_turns_into_another_exception_is_one(
    capsys: pytest.CaptureFixture[str], market: Path, quotes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise SystemError("returned a result with an exception set") from error

    monkeypatch.setattr("lob_backtest.backtest.make_plan", interrupted)
    code, out, err = call(capsys, "run", "--data", market, "-s", quotes)
    assert (code, out, err.strip()) == (130, "", "interrupted")
    assert not [name for name in sys.modules if name.startswith("_lob_strategy_")]


def test_the_digest_depends_neither_on_the_hash_seed_nor_on_the_engine(market: Path, quotes: str) -> None:
    words: list[Any] = [sys.executable, "-m", "lob_backtest.cli", "run", "--data", market, "-s", quotes, "--json"]
    digests = {}
    for engine, seed in product(ENGINES, ("0", "1")):
        environment = {"PYTHONHASHSEED": seed}
        done = subprocess.run([*words, "--engine", engine], capture_output=True, text=True, check=True, env=environment)
        summary = json.loads(done.stdout)
        assert summary["fills"] > 10
        digests[engine, seed] = summary["digest"]
    assert len(set(digests.values())) == 1, digests
