"""Config values as TOML has them: read from a file or a text, and changed by a dotted key."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from lob_backtest.config.renamed import other_name
from lob_backtest.errors import ConfigError, folder_remedy
from lob_backtest.printable import cut

MAX_DEPTH = 50
"""Tables within tables; no key is as deep."""


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML file and make the paths in it relative to the working directory.

    Raises:
        ConfigError: the file is missing, a folder, or not TOML.
    """
    path = Path(path)
    try:
        values = parse_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; expected a TOML config, or market data in Parquet (--data on the command line)"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder; {folder_remedy(path)}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # not TOML, not UTF-8, or a NUL in the path
        remedy = "; a market data file is named with --data" if path.suffix == ".parquet" else ""
        raise ConfigError(f"{path}: not a TOML file: {error}{remedy}") from None
    if isinstance(values.get("instrument"), dict):  # [instrument] for [[instrument]]
        values["instrument"] = [values["instrument"]]
    for part in values.get("instrument", ()) if isinstance(values.get("instrument"), list) else ():
        if isinstance(part, dict) and isinstance(part.get("data"), list | str):
            data = part["data"] if isinstance(part["data"], list) else [part["data"]]
            part["data"] = [_beside(path, each) for each in data]
    agents = values.get("agent")
    for part in [values.get("strategy"), *(agents if isinstance(agents, list) else [])]:
        if isinstance(part, dict) and isinstance(part.get("class"), str) and _is_file(part["class"]):
            part["class"] = _beside(path, part["class"])
    _place_latency_files(path, values)
    return values


def _place_latency_files(path: Path, values: dict[str, Any]) -> None:
    """Make the paths of measured latencies, wherever a table `latency` has them, relative to the working directory."""
    parts = [
        values,
        *(each for name in ("venue", "agent") if isinstance(values.get(name), list) for each in values[name]),
    ]
    models = [part["latency"] for part in parts if isinstance(part, dict) and isinstance(part.get("latency"), dict)]
    while models:
        model = models.pop()
        if isinstance(model.get("file"), str):
            model["file"] = _beside(path, model["file"])
        models += [each for each in model.values() if isinstance(each, dict)]


def parse_toml(text: str) -> dict[str, Any]:
    """Read TOML.

    Raises:
        ValueError: it is none, a number has thousands of digits, or tables or lists are nested too deep.
    """
    for line in text.splitlines():
        parts = line.partition("=")[0].count(".") + 1
        if parts > MAX_DEPTH:  # which takes quadratic time
            raise ValueError(f"a key of {parts:,} parts; expected at most {MAX_DEPTH}")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("lists or tables are nested too deep") from None


def is_deep(values: Any) -> bool:
    """Return whether tables are nested deeper than any key, before anything descends into them."""
    nested = [values]
    for _ in range(MAX_DEPTH):
        parts = (each.values() if isinstance(each, dict) else each for each in nested)
        nested = [each for part in parts for each in part if isinstance(each, dict | list | tuple)]
    return bool(nested)


def changed(values: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return plain config values with one dotted key set; its old or new name, if it has one, is taken out.

    Raises:
        ConfigError: the key runs through something that is not a table.
    """
    if key.count(".") >= MAX_DEPTH:
        raise ConfigError(f"{key[:100]}…: a key of {key.count('.') + 1:,} parts; no key of a config has as many")
    try:
        whole: dict[str, Any] = _changed(values, key, value, other_name(key))
    except KeyError:
        raise ConfigError(
            f"{cut(key, 100)}: there is no table to set it in; write instrument.0.KEY, agent.0.KEY or venue.0.KEY for "
            "those that the config has"
        ) from None
    return whole


def _changed(values: Any, key: str, value: Any, dropped: str | None) -> Any:
    head, _, rest = key.partition(".")
    if isinstance(values, list) and head.isdigit() and int(head) < len(values):
        copy = list(values)
        copy[int(head)] = _changed(copy[int(head)], rest, value, dropped) if rest else value
        return copy
    if not isinstance(values, dict):
        raise KeyError(head)
    if rest:
        return {**values, head: _changed(values.get(head, {}), rest, value, dropped)}
    return {name: each for name, each in values.items() if name != dropped} | {head: value}


def _beside(path: Path, name: Any) -> Any:
    if not isinstance(name, str) or "://" in name or Path(name).is_absolute():
        return name
    return str(path.parent / name)


def _is_file(strategy: str) -> bool:
    """Return whether a strategy is named by its file; the class may be left out where the file has one."""
    return ".py:" in strategy or strategy.endswith(".py")
