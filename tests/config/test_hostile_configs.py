"""Every number of a config that an engine cannot count is refused by its key, whatever writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.config.compile import make_plan
from lob_backtest.config.model import RunConfig
from lob_backtest.data.reader import open_market
from lob_backtest.engine import ENGINES
from lob_backtest.errors import ConfigError
from lob_backtest.units import shown

VALUES: dict[str, str] = {
    "2^63": str(2**63),
    "-2^63-1": str(-(2**63) - 1),
    "2^64": str(2**64),
    "2^60": str(2**60),
    "2^61 as text": f'"{2**61}ns"',
    "1e30": "1e30",
    "-1e30": "-1e30",
    "nan": "nan",
    "inf": "inf",
    "-inf": "-inf",
    "5000 digits": "9" * 5000,
    "5000 digits as text": f'"{"9" * 5000}s"',
    "5000 digits as a number in text": f'"{"9" * 5000}"',
    "a huge exponent in text": '"1e999999999"',
    "a tiny exponent in text": '"1e-999999999"',
    "year 9999": '"9999-12-31T23:59:59+00:00"',
    "year 1": "0001-01-01T00:00:00Z",
    "year 1600": '"1600-01-01T00:00:00Z"',
    "date": "2024-07-19",
    "true": "true",
    "list": "[[[]]]",
    "table": "{ a = 1 }",
}
FEW = [VALUES[name] for name in ("2^63", "-2^63-1", "1e30", "nan", "5000 digits", "5000 digits as text", "year 9999")]
IS_FREE = {"strategy.params", "instrument.0.currency", "instrument.0.name"}


def keys(model: type[BaseModel] = RunConfig, place: str = "") -> Iterator[str]:
    """List the keys of the config, tables left out."""
    for name, field in model.model_fields.items():
        key = f"{place}{field.alias or name}"
        parts = [
            each for each in (field.annotation, *getattr(field.annotation, "__args__", ())) if isinstance(each, type)
        ]
        part = next((each for each in parts if issubclass(each, BaseModel)), None)
        if part is None:
            yield key
        else:
            yield from keys(part, f"{key}.0." if key == "instrument" else f"{key}.")


KEYS = [key for key in keys() if key not in IS_FREE]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=1_500)
    return path


def test_the_keys_are_those_of_the_config() -> None:
    assert {"run.start", "run.seed", "instrument.0.fees.maker_bps", "latency.feed", "report.markouts"} <= set(KEYS)
    assert len(KEYS) > 25


@pytest.mark.parametrize("key", KEYS)
def test_no_number_of_a_key_ends_in_a_traceback(key: str, market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_values(key, FEW, market, ENGINES[0], capsys)


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_no_value_of_a_key_ends_in_a_traceback(
    key: str, market: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check_values(key, [given for value in VALUES.values() for given in (value, f"[{value}]")], market, engine, capsys)


def check_values(key: str, values: list[str], market: Path, engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Run with each value of a key, which is refused by that key or harmless."""
    words = [
        "run",
        "-d",
        str(market),
        "-s",
        "lob_backtest.strategies.fixed_spread:FixedSpread",
        "-q",
        "--engine",
        engine,
    ]
    for given in values:
        with pytest.raises(SystemExit) as stop:
            main([*words, "--set", f"{key}={given}"])
        err = capsys.readouterr().err
        assert stop.value.code in (0, 2, 3), f"{given[:40]}: {err}"
        assert "Traceback" not in err
        assert len(err) < 20_000
        if stop.value.code == 2:
            assert err.startswith("error: ")
            assert key.replace("instrument.0", "instrument").split(".")[0] in err, f"{given[:40]}: {err}"


CONFIG = "[[instrument]]\ndata = ['x']\n"
BOMBS = {
    "lists": CONFIG + "[strategy.params]\na = " + "[" * 100_000,
    "closed lists": CONFIG + "[strategy.params]\na = " + "[" * 400 + "]" * 400,
    "tables": CONFIG + "[strategy.params]\na = " + "{a=" * 100_000,
    "dotted": CONFIG + "[strategy.params." + "a." * 3000 + "a]\n",
    "a key of many parts": ".".join(["a"] * 50_000) + " = 1\n",
    "headers": "[" + "a." * 50_000 + "a]\n",
    "digits": CONFIG + "[run]\nseed = " + "9" * 5000,
    "a long key": CONFIG + "[run]\n" + "a" * 1_000_000 + " = 1\n",
    "a long value": CONFIG + "[run]\nstart = '" + "a" * 1_000_000 + "'\n",
    "nul in data": "[[instrument]]\ndata = ['a\\u0000b', \"a\\u0000b\"]\n",
    "nul in the class": CONFIG + '[strategy]\nclass = "a\\u0000.py"\n',
    "many keys": CONFIG + "[run]\n" + "".join(f"k{n} = 1\n" for n in range(2000)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_hostile_file_is_one_message(bomb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.toml").write_text(BOMBS[bomb])
    with pytest.raises(SystemExit) as stop:
        main(["run", str(tmp_path / "run.toml")])
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    assert err.startswith(f"error: {tmp_path}/run.toml: ")
    assert len(err) < 20_000


@pytest.mark.parametrize("given", ["a." * 3000 + "a=1", "a" * 100_000 + "=1", "run.start=" + "[" * 5000, "..=1", "=1"])
def test_a_hostile_option_is_one_message(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "-d", "x.parquet", "-s", "lob_backtest.strategies.fixed_spread", "--set", given])
    err = capsys.readouterr().err
    assert stop.value.code == 2
    assert err.startswith("error: ")
    assert len(err) < 20_000


@pytest.mark.parametrize("seed", ["9" * 5000, str(2**64), str(-(2**63) - 1), "x"])
def test_a_seed_is_64_bits(seed: str, market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "-d", str(market), "-s", "lob_backtest.strategies.fixed_spread", "--seed", seed])
    err = capsys.readouterr().err
    assert stop.value.code == 2
    assert "seed" in err
    assert len(err) < 20_000


@pytest.mark.parametrize("seed", [2**64 - 1, -(2**63)])
def test_the_largest_seeds_run(seed: int, market: Path, engine: str) -> None:
    assert lob.run({"instrument": [{"data": [str(market)]}], "run": {"seed": seed}}, lob.Strategy, engine=engine)


@pytest.mark.parametrize(
    "keys",
    [
        {"report.sample": 1},
        {"report.sample": "1us", "latency.feed": 2**59},
        {"latency.feed": 2**60 - 1},
    ],
)
def test_endless_samples_are_refused_by_their_key(keys: dict[str, Any], market: Path) -> None:
    config = RunConfig.parse({"instrument": [{"data": [str(market)]}]})
    for key, value in keys.items():
        config = config.set(key, value)
    with pytest.raises(ConfigError, match=r"^report\.sample: .* makes [\d,]+ samples .*; at most 20,") as caught:
        lob.run(config, lob.Strategy)
    least = str(caught.value).partition("Set it to ")[2].partition(" or more")[0]
    make_plan(config.set("report.sample", least), [open_market(str(market), feed_ns=0)])


def test_a_message_cuts_what_it_shows() -> None:
    assert shown("a" * 1000) == f"'{'a' * 99}… (1,002 characters)"
    assert shown(10**5000) == "a number of type int with thousands of digits"
    with pytest.raises(ConfigError, match="nested more than 50 deep"):
        RunConfig.parse({"instrument": nested(60)})


def nested(depth: int) -> Any:
    return [] if not depth else [nested(depth - 1)]
