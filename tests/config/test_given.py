"""`lob.run` with market data and settings instead of a config."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lob_backtest as lob
from lob_backtest.config.given import config_of
from lob_backtest.errors import ConfigError, DataError

NOTHING: dict[str, Any] = {}


def data_of(given: Any) -> list[list[str]]:
    return [part.data for part in config_of(given, NOTHING).instrument]


@pytest.mark.parametrize(
    ("given", "data"),
    [
        ("x.parquet", ["x.parquet"]),
        (Path("x.PARQUET"), ["x.PARQUET"]),
        ("days/*", ["days/*"]),
        (["x.parquet", Path("y.parquet")], ["x.parquet", "y.parquet"]),
        (("x.parquet",), ["x.parquet"]),
        ({"instrument": {"data": "x"}}, ["x"]),
        ({"instrument": [{"data": Path("x")}]}, ["x"]),
        ({"instrument": [{"data": ["x", Path("y")]}]}, ["x", "y"]),
    ],
)
def test_market_data_are_given_in_any_usual_form(given: Any, data: list[str]) -> None:
    assert data_of(given) == [data]


def test_a_toml_file_may_have_one_table_of_an_instrument_and_one_path(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[instrument]\ndata = "x.parquet"\n')
    assert data_of(file) == [[str(tmp_path / "x.parquet")]]


def test_settings_go_before_the_config() -> None:
    config = {"instrument": [{"data": "x", "fees": {"taker_bps": 2}}, {"data": "y"}], "latency": {"response": "3ms"}}
    found = config_of(
        config,
        {
            "fees": {"maker_bps": -0.5},
            "latency": {"entry": "1ms"},
            "params": {"size": 5},
            "seed": 7,
            "settings": {"risk.max_position": 10, "instrument.1.name": "Y"},
        },
    )
    assert [part.fees.maker_bps for part in found.instrument] == [Decimal("-0.5")] * 2
    assert [part.fees.taker_bps for part in found.instrument] == [2, None]
    assert (found.latency.entry, found.latency.response) == (1_000_000, 3_000_000)
    assert found.strategy.params == {"size": 5}
    assert (found.run.seed, found.risk.max_position, found.instrument[1].name) == (7, 10, "Y")


@pytest.mark.parametrize(
    "latency",
    ["2ms", 2_000_000, timedelta(milliseconds=2), pd.Timedelta("2ms"), np.timedelta64(2, "ms"), np.int64(2_000_000)],
)
def test_one_latency_is_that_of_both_ways(latency: Any) -> None:
    found = config_of("x.parquet", {"latency": latency}).latency
    assert (found.entry, found.response) == (2_000_000, 2_000_000)


@pytest.mark.parametrize(
    ("given", "settings", "message"),
    [
        (lob.Strategy, {}, "config: got the class Strategy; the data or the config come first, then the strategy"),
        (5, {}, "config: expected the path of a Parquet or TOML file, a list .*, got 5"),
        (pd.DataFrame({"a": [1]}), {}, "got a DataFrame; write the rows to a file with lob_backtest.write_events"),
        ("x.parquet", {"fees": 3}, r"fees: expected a dict such as \{'maker_bps'"),
        ("x.parquet", {"fees": {"maker": 3}}, "unknown key .* did you mean 'maker_bps'"),
        (
            "x.parquet",
            {"latency": "fast"},
            "latency.entry, latency.response: 'fast' is not a duration; write a number and a unit",
        ),
        ("x.parquet", {"latency": pd.NaT}, "latency.entry, latency.response: NaT is not a duration"),
        (
            "x.parquet",
            {"latency": np.timedelta64("NaT")},
            r"latency.entry, latency.response: .*NaT.* is not a duration",
        ),
        (
            "x.parquet",
            {"settings": {"run.start": pd.Timestamp("2024-07-19 13:31")}},
            "run.start: 2024-07-19T13:31:00 is not a time; write it with its time of day and its offset from UTC",
        ),
        (
            "x.parquet",
            {"settings": {"run.start": date(2024, 7, 19)}},
            "run.start: 2024-07-19 is not a time; write it with its time of day and its offset from UTC",
        ),
        ("x.parquet", {"latency": True}, "latency.entry, latency.response: True is not a duration"),
        ("x.parquet", {"settings": {"risk.max_pos": 1}}, "risk.max_pos: unknown key .* did you mean 'max_position'"),
        ("x.parquet", {"settings": {1: 1}}, "settings: expected a dict such as"),
        (
            "x.parquet",
            {"settings": {"fees.maker_bps": 1}},
            "fees: unknown key .*; write instrument.0.fees or venue",
        ),
        ("x.parquet", {"settings": {"seed": 1}}, "seed: unknown key .*; write run.seed or agent.0.seed"),
        ("x.csv", {}, r"x\.csv: no such file; expected a TOML config, or market data in Parquet"),
        ({"instrument": 5}, {}, r"instrument: expected a list of tables, as in \[\{'data': 'file.parquet'\}\], got 5"),
        ({"instrument": {"data": 5}}, {}, "instrument.0.data: expected the path of a file, .*, got 5"),
        ({"instrument": {"data": [5]}}, {}, "instrument.0.data.0: expected a path, got 5"),
        ({"instrument": {"data": "x"}, "run": {"start": pd.Timestamp("2024-01-01")}}, {}, "2024-01-01T00:00:00 is not"),
    ],
)
def test_what_is_none_of_these_is_refused(given: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_of(given, settings)


def test_a_number_without_a_unit_is_refused_where_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[[instrument]]\ndata = ["x"]\n[latency]\nentry = 500\nfeed = 0\n[report]\nmarkouts = [1, "5s"]\n')
    with pytest.raises(ConfigError) as caught:
        lob.RunConfig.load(file)
    assert "latency.entry: 500 has no unit; write one of ns, us, ms, s, m, h, d, as in '500us'" in str(caught.value)
    assert "report.markouts.0: 1 has no unit" in str(caught.value)
    assert "feed" not in str(caught.value)
    assert lob.RunConfig.parse({"instrument": [{"data": ["x"]}], "latency": {"entry": 500}}).latency.entry == 500


def test_a_latency_is_that_to_every_venue() -> None:
    config = {"instrument": {"data": "x"}, "venue": [{"name": "A", "latency": {"entry": "3ms"}}, {"name": "B"}]}
    entry, both = (config_of(config, {"latency": given}) for given in ({"entry": "1ms"}, "2ms"))
    assert [venue.latency.entry for venue in entry.venue] == [1_000_000, None]
    assert [venue.latency.entry for venue in both.venue] == [2_000_000, None]
    assert [venue.latency.response for venue in both.venue] == [None, None]
    assert both.latency.response == 2_000_000


@pytest.mark.parametrize("rate", [3, 3.0, "3", Decimal(3), np.int64(3), np.uint8(3), np.float64(3)])
def test_a_fee_is_any_usual_number(rate: Any) -> None:
    found = config_of("x.parquet", {"fees": {"taker_bps": rate}})
    assert found.instrument[0].fees.taker_bps == 3


def test_a_run_needs_no_more_than_data_and_a_strategy(tmp_path: Path) -> None:
    class Buys(lob.Strategy):
        size: int = 1

        def on_start(self, ctx: lob.Context) -> None:
            ctx.at(ctx.now_ns + lob.SECOND)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            ctx.buy(None, self.size)

    lob.generate(tmp_path / "market.parquet", events=2000)
    result = lob.run(tmp_path / "market.parquet", Buys, fees={"taker_per_lot": 2}, latency="1ms", params={"size": 3})
    assert result.fills["size_lots"].sum() == 3
    assert result.summary["fees_paid_currency"] == pytest.approx(6)


def test_a_folder_and_a_table_of_a_result_are_told_apart_from_market_data(tmp_path: Path) -> None:
    lob.generate(tmp_path / "market.parquet", events=2_000)
    lob.run(tmp_path / "market.parquet", lob.Strategy, out=tmp_path / "out")
    with pytest.raises(ConfigError, match="is a folder; it holds a result; lob-backtest report shows it"):
        lob.run(tmp_path / "out", lob.Strategy)
    with pytest.raises(ConfigError, match=r"is a folder; give its files, or a pattern such as .*\*\.parquet"):
        lob.run(tmp_path, lob.Strategy)
    with pytest.raises(DataError, match="is a folder; it holds a result"):
        lob.run([tmp_path / "out"], lob.Strategy)
    with pytest.raises(DataError, match="is the table 'fills' of a result, not market data"):
        lob.run(tmp_path / "out" / "fills.parquet", lob.Strategy)


@pytest.mark.parametrize("written", ["1us", "1\N{MICRO SIGN}s", "1\N{GREEK SMALL LETTER MU}s"])
def test_a_microsecond_is_written_with_either_mu(written: str) -> None:
    assert config_of("x.parquet", {"latency": written}).latency.entry == 1_000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": "m.parquet"}, "data: expected a table of keys and values, got 'm.parquet'; market data are given as"),
        ({"fills": "x"}, "fills: expected a table of keys and values, got 'x'"),
        ({"venue": "x"}, "venue: expected a list of tables, got 'x'"),
        ({"agent": [{"name": "a\nb"}]}, r"agent.0.name: 'a\nb' has characters that cannot be printed"),
        ({"version": True}, "version: True is no number; expected 1"),
        ({"instrument": {"data": ""}}, "instrument.0.data.0: an empty path; expected that of a file"),
    ],
)
def test_a_message_names_keys_and_no_classes(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of({"instrument": {"data": "m.parquet"}, **values}, {})
    assert message in str(caught.value)
    assert "Part" not in str(caught.value)


def test_what_is_wrong_with_several_keys_is_said_once() -> None:
    with pytest.raises(ConfigError) as caught:
        config_of("x.parquet", {"latency": "soon"})
    assert str(caught.value).startswith("latency.entry, latency.response: 'soon' is not a duration; ")
    assert str(caught.value).count("soon") == 1


def test_an_empty_text_is_named() -> None:
    with pytest.raises(ConfigError, match="config: an empty text; expected the path of market data"):
        config_of("", {})


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        ("fills", {"late_print": -1}, "fills.late_print: "),
        ("fills", {"quee": "proportional"}, "fills.quee: unknown key .*did you mean 'queue'"),
        ("latency", {"entry": 0}, "latency.entry: "),
        ("latency", {"entry": None}, "latency.entry: "),
        ("run", {"start": "yesterday"}, "run.start: "),
    ],
)
def test_a_copy_that_pydantic_did_not_check_is_checked(table: str, changes: dict[str, Any], message: str) -> None:
    config = lob.RunConfig.of({"instrument": {"data": "x.parquet"}})
    part = getattr(config, table).model_copy(update=changes)
    with pytest.raises(ConfigError, match=message):
        config_of(config.model_copy(update={table: part}), NOTHING)


def test_a_copy_reads_values_as_a_config_does() -> None:
    config = lob.RunConfig.of({"instrument": {"data": "x.parquet"}})
    changed = config.model_copy(update={"latency": config.latency.model_copy(update={"entry": "2ms"})})
    assert config_of(changed, NOTHING).latency.entry == 2 * lob.MS


def test_a_config_stays_as_it_is_with_every_key() -> None:
    config = lob.RunConfig.parse(
        {
            "instrument": [{"data": ["x"], "fees": {"maker_bps": "-0.25"}, "replace": {"decrease": "lose"}}],
            "venue": [{"name": "V", "latency": {"entry": "1ms"}}],
            "run": {"start": "2024-07-19T00:00:00.000000001Z", "at_end": "flatten"},
            "report": {"markouts": ["1s", "2s"]},
            "latency": {
                "feed": {"model": "gamma", "mean": "2ms", "shape": 3, "max": "80ms"},
                "entry": {
                    "model": "queue",
                    "base": {"model": "uniform", "low": "1ms", "high": "2ms"},
                    "service": "1us",
                },
            },
            "data": {"policies": {"crossed": "keep"}},
            "strategy": {"class": "a:B", "params": {"x": [1, {"y": None}]}},
        }
    )
    assert lob.RunConfig.of(config) is config
