"""The config of a run from what `lob_backtest.run` is given: a config or market data, and settings beside it."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import frame_remedy
from lob_backtest.config.toml import changed
from lob_backtest.errors import ConfigError
from lob_backtest.units import shown

DataPath: TypeAlias = str | os.PathLike[str]
Given: TypeAlias = RunConfig | dict[str, Any] | DataPath | Sequence[DataPath]

PARQUET: Final = (".parquet", ".pq")


def config_of(given: Given, settings: Mapping[str, Any]) -> RunConfig:
    """Return the config of a run.

    Args:
        given: a config, its plain values, the path of a TOML file, or the market data of one instrument: a path, a
            pattern, or a list of them.
        settings: the arguments `fees`, `latency`, `seed`, `params` and `settings` of `lob_backtest.run`, which go
            before the config; `None`: not given.

    Raises:
        ConfigError: it is none of these, or a key or value is wrong.
    """
    config = RunConfig.of(_without_paths(given))
    changes = {name: value for name, value in settings.items() if value is not None}
    return _with_settings(config, changes) if changes else config


def _without_paths(given: Any) -> Any:
    """Return a config for market data; anything else as it is."""
    if isinstance(given, list | tuple):
        return {"instrument": [{"data": list(given)}]}
    if isinstance(given, str | os.PathLike) and _is_data(os.fspath(given)):
        return {"instrument": [{"data": [given]}]}
    if isinstance(given, str) and not given:
        raise ConfigError("config: an empty text; expected the path of market data or of a TOML file")
    if isinstance(given, type):
        raise ConfigError(
            f"config: got the class {given.__name__}; the data or the config come first, then the strategy"
        )
    if found := frame_remedy(given):
        raise ConfigError(f"config: expected a config or the path of market data, got {found}")
    return given


def _is_data(path: str) -> bool:
    """Return whether a path names market data: Parquet, or a pattern."""
    return path.lower().endswith(PARQUET) or (glob.has_magic(path) and not os.path.exists(path))


def _with_settings(config: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    values = config.plain()
    for name, value in settings.items():
        for key, each in _KEYS[name](config, value).items():
            values = changed(values, key, each)
    return RunConfig.parse(values)


def _fees(config: RunConfig, value: Any) -> dict[str, Any]:
    fees = _table("fees", value, "{'maker_bps': -0.5, 'taker_bps': 3}")
    return {f"instrument.{i}.fees.{key}": each for i in range(len(config.instrument)) for key, each in fees.items()}


def _latency(config: RunConfig, value: Any) -> dict[str, Any]:
    keys = dict(value) if isinstance(value, Mapping) else {"entry": value, "response": value}
    found = {f"latency.{key}": each for key, each in keys.items()}
    for i, venue in enumerate(config.venue):
        own = [key for key in keys if getattr(venue.latency, str(key), None) is not None]
        found |= {f"venue.{i}.latency.{key}": keys[key] for key in own}
    return found


def _seed(config: RunConfig, value: Any) -> dict[str, Any]:
    return {"run.seed": value}


def _params(config: RunConfig, value: Any) -> dict[str, Any]:
    params = _table("params", value, "{'size': 5}")
    return {f"strategy.params.{key}": each for key, each in params.items()}


def _settings(config: RunConfig, value: Any) -> dict[str, Any]:
    return _table("settings", value, "{'risk.max_position': 100}")


def _table(name: str, value: Any, example: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f"{name}: expected a dict such as {example}, got {shown(value)}")
    return dict(value)


_KEYS: Final = {"fees": _fees, "latency": _latency, "seed": _seed, "params": _params, "settings": _settings}
