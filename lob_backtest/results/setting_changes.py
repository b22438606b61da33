"""What two runs were given that differs: parameters and keys of the config, engine, versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lob_backtest.results.run_info import RunInfo
from lob_backtest.units import format_duration, format_instant, parse_duration

_LATENCIES: Final = {"feed", "entry", "new", "cancel", "replace", "response"}
_MODELS: Final = {"base", "low", "high", "median", "mean", "max", "values", "service", "half_life"}
DURATIONS: Final = _LATENCIES | _MODELS | {"warm_up", "taint", "markouts", "sample", "late_level", "late_print"}
"""Keys of a config, without their tables, whose integers are durations, ns."""
TIMES: Final = {"start", "end"}
"""Keys of a config, without their tables, whose integers are times, ns since the epoch."""
_FILES: Final = re.compile(r"instrument\.\d+\.data")
"""Paths of files, which are compared by what they hold."""
_PARAMETERS: Final = re.compile(r"(strategy|agent\.\d+)\.params\.")


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting that differs.

    Attributes:
        name: a key of the config as `--set` takes it, such as "strategy.params.size", "engine", or "versions.NAME".
        base: its value in the base, durations and times as text; `None` where it is not set.
        new: its value in the new result.
    """

    name: str
    base: Any
    new: Any


def setting_changes(base: RunInfo, new: RunInfo) -> tuple[SettingChange, ...]:
    """Return the settings that differ: parameters of strategies first, then other keys, then engine and versions.

    Args:
        base: description of one run.
        new: description of the other.
    """
    old, now = dict(_settings(base)), dict(_settings(new))
    names = sorted(dict.fromkeys([*old, *now]), key=lambda name: _PARAMETERS.match(name) is None)
    pairs = [(name, old.get(name), now.get(name)) for name in names]
    return tuple(SettingChange(*each) for each in pairs if _plain(each[1]) != _plain(each[2]))


def _settings(info: RunInfo) -> Iterator[tuple[str, Any]]:
    yield from _flat("", info.config)
    yield "engine", info.engine
    yield from _flat("versions", info.versions)


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables by their dotted keys."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _flat(f"{key}.{name}" if key else str(name), each)
    elif isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        for place, each in enumerate(value):
            yield from _flat(f"{key}.{place}", each)
    elif not _FILES.fullmatch(key):
        yield key, _readable(key, value)


def _readable(key: str, value: Any) -> Any:
    name = key.rpartition(".")[2]
    if isinstance(value, list | tuple):
        return [_readable(key, each) for each in value]
    if isinstance(value, bool) or not isinstance(value, int) or _PARAMETERS.match(key):
        return value
    if name in DURATIONS:
        return format_duration(value)
    return format_instant(value) if name in TIMES else value


def _plain(value: Any) -> Any:
    """Return a duration as nanoseconds: results of earlier versions have parameters that are durations as integers."""
    try:
        return parse_duration(value) if isinstance(value, str) else value
    except ValueError:
        return value
