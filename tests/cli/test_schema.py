"""`schema`: what it says is what the config and the files accept."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lob_backtest.cli.group import main
from lob_backtest.config.model import RunConfig
from lob_backtest.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    with pytest.raises(SystemExit) as stop:
        main(["schema", *argv])
    assert stop.value.code == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def run_schema(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    schema = printed(capsys)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert isinstance(schema, dict)
    return schema


@pytest.mark.parametrize("path", ["strategies/demo.toml", "lob_backtest/cli/project/run.toml"])
def test_the_projects_own_configs_follow_it(path: str, run_schema: dict[str, Any]) -> None:
    jsonschema.validate(tomllib.loads((ROOT / path).read_text("utf-8")), run_schema)


INSTRUMENT = "[[instrument]]\ndata = ['x.parquet']\n"


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        (INSTRUMENT, True),
        (INSTRUMENT + "multiplier = 0.5\nfees = { maker_bps = '-0.2', taker_bps = 1 }", True),
        (INSTRUMENT + "[latency]\nfeed = 'recorded'\nentry = '1.5ms'\nresponse = 250", True),
        (INSTRUMENT + "[latency]\nfeed = '0s'", True),
        (INSTRUMENT + "[run]\nstart = '2024-07-19T13:30:00Z'\nend = '2024-07-19 14:00:00.5+00:00'", True),
        (INSTRUMENT + "[report]\nmarkouts = ['100ms', '1s']", True),
        (INSTRUMENT + "[strategy]\nclass = 'a.py:A'\nparams = { size = 3 }", True),
        ("[run]\nseed = 1", False),
        ("instrument = []", False),
        ("[[instrument]]\ndata = []", False),
        (INSTRUMENT + "multiplier = 0", False),
        (INSTRUMENT + "max_position = -1", False),
        (INSTRUMENT + "[latency]\nentry = 'fast'", False),
        (INSTRUMENT + "[latency]\nentri = '1ms'", False),
        (INSTRUMENT + "[run]\nstart = 'yesterday'", False),
        (INSTRUMENT + "[run]\nat_end = 'sell'", False),
        (INSTRUMENT + "[data]\nmax_bad_fraction = 1.5", False),
    ],
)
def test_it_accepts_what_the_config_accepts(text: str, fine: bool, run_schema: dict[str, Any]) -> None:
    values = tomllib.loads(text)
    assert jsonschema.Draft202012Validator(run_schema).is_valid(values) == fine
    if fine:
        RunConfig.parse(values)
    else:
        with pytest.raises(ConfigError):
            RunConfig.parse(values)


def test_every_key_says_what_it_means(run_schema: dict[str, Any]) -> None:
    for name, part in run_schema["$defs"].items():
        assert [key for key, about in part["properties"].items() if not about.get("description")] == [], name


def test_null_is_nowhere_since_toml_has_none(run_schema: dict[str, Any]) -> None:
    assert "null" not in json.dumps(run_schema)


def test_json_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "run", "--json") == printed(capsys)


def test_events_are_the_columns_that_files_have(capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow.parquet as pq

    found = printed(capsys, "events")
    columns = [{"name": f.name, "type": str(f.type)} for f in pq.read_schema(ROOT / "data/sample-l3.parquet")]
    assert [{k: c[k] for k in ("name", "type")} for c in found["schemas"]["l3/1"]] == columns
    assert "order_id" not in [column["name"] for column in found["schemas"]["l2/1"]]
    assert found["action"]["EXECUTE"] == 4


def test_result_tables_are_those_of_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "result")
    assert list(found["tables"]) == ["fills", "orders", "bbo", "samples", "series", "lots"]
    assert "mid2_after_1000000000ns" in [column["name"] for column in found["tables"]["fills"]]
    assert found["digested"] == ["fills", "orders", "bbo", "samples"]
    assert found["codes"]["liquidity"]
