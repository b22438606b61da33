"""Config keys under their old names: they work, with a warning that gives the new one."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.config.json_schema import run_schema
from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import FillsPart
from lob_backtest.config.renamed import RENAMED
from lob_backtest.errors import ConfigError

VALUES: dict[str, Any] = {"fills.evidence": True, "instrument.strip_orders": [7]}
PAIRS = list(RENAMED.items())


def config_of(key: str, value: Any) -> dict[str, Any]:
    """Return a config with one key of `[fills]` or of its instrument."""
    table, _, name = key.partition(".")
    if table == "instrument":
        return {"instrument": [{"data": ["x"], name: value}]}
    return {"instrument": [{"data": ["x"]}], table: {name: value}}


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_an_old_key_is_its_new_one_with_a_warning(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"{old} is now {new}; the old name works until 0\.6") as caught:
        config = RunConfig.parse(config_of(old, VALUES[old]))
    assert config == RunConfig.parse(config_of(new, VALUES[old]))
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_an_old_key_of_one_table_warns_where_the_table_is_made() -> None:
    with pytest.warns(DeprecationWarning, match="fill_on_younger_execution") as caught:
        part = FillsPart.model_validate({"evidence": True})
    assert part.fill_on_younger_execution
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_an_old_key_is_an_attribute_with_a_warning(old: str, new: str) -> None:
    config = RunConfig.parse(config_of(new, VALUES[old]))
    part = config.fills if old.startswith("fills.") else config.instrument[0]
    with pytest.warns(DeprecationWarning, match=rf"{old} is now {new}; the old name works until 0\.6") as caught:
        value = getattr(part, old.rpartition(".")[2])
    assert value == getattr(part, new.rpartition(".")[2])
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_an_old_and_a_new_key_together_are_refused(old: str, new: str) -> None:
    values = config_of(new, VALUES[old])
    table = values["fills"] if old.startswith("fills.") else values["instrument"][0]
    table[old.partition(".")[2]] = VALUES[old]
    leaf = new.partition(".")[2]
    with pytest.raises(ConfigError, match=rf"is the old name of {leaf}; give {leaf} alone"):
        RunConfig.parse(values)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_an_old_key_can_be_set(old: str, new: str) -> None:
    place = {"instrument.strip_orders": "instrument.0.strip_orders"}.get(old, old)
    with pytest.warns(DeprecationWarning, match=new):
        config = RunConfig.parse({"instrument": [{"data": ["x"]}]}).set(place, VALUES[old])
    assert config == RunConfig.parse(config_of(new, VALUES[old]))


def test_a_parameter_of_the_same_name_is_left_alone() -> None:
    values = {"instrument": [{"data": ["x"]}], "strategy": {"params": {"fill_on_younger_execution": 1}}}
    config = RunConfig.parse(values).set("strategy.params.evidence", 2)
    assert config.strategy.params == {"fill_on_younger_execution": 1, "evidence": 2}


def test_plain_values_and_the_schema_have_new_names() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        plain = RunConfig.parse({**config_of("instrument.strip_orders", [7]), "fills": {"evidence": True}}).plain()
    assert plain["fills"]["fill_on_younger_execution"] is True
    assert plain["instrument"][0]["exclude_order_ids"] == [7]
    for text in (str(plain), str(run_schema())):
        assert not any(f"'{old.rpartition('.')[2]}'" in text for old in RENAMED)


def test_the_command_line_warns_in_one_line_and_saves_the_new_names(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lob.generate(tmp_path / "market.parquet", events=2_000)
    config, strategy = tmp_path / "run.toml", tmp_path / "still.py"
    strategy.write_text("import lob_backtest as lob\n\n\nclass Still(lob.Strategy):\n    pass\n")
    config.write_text(
        '[[instrument]]\ndata = ["market.parquet"]\n[fills]\nevidence = true\n[strategy]\nclass = "still.py:Still"\n'
    )
    with pytest.raises(SystemExit) as stop:
        main(["run", str(config), "-q", "-o", str(tmp_path / "out")])
    err = capsys.readouterr().err
    assert stop.value.code == 0
    assert [line for line in err.splitlines() if line.startswith("warning")] == [
        f"warning: {config}: fills.evidence is now fills.fill_on_younger_execution; the old name works until 0.6"
    ]
    saved = lob.Result.load(tmp_path / "out").info.config["fills"]
    assert saved["fill_on_younger_execution"] is True
    assert "evidence" not in saved
