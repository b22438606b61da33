"""Config keys that have been renamed: old names work for one minor version, with a warning that gives the new one.

They work as keys of a table, and as attributes of the part that was made of it.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any, Final

UNTIL: Final = "0.6"
RENAMED: Final = {
    "fills.evidence": "fills.fill_on_younger_execution",
    "instrument.strip_orders": "instrument.exclude_order_ids",
}
"""Old key to new key, without the number of an instrument. Only the last part differs."""


def with_new_names(table: str, values: Any) -> Any:
    """Return one table of a config under its new names, and warn of each old one.

    Args:
        table: "fills" or "instrument".
        values: plain values; anything but a dict is returned as it is.

    Raises:
        ValueError: an old and a new name of one key are given.
    """
    for old, new in _leaves(table).items():
        if isinstance(values, dict) and old in values:
            if new in values:
                raise ValueError(f"{old} is the old name of {new}; give {new} alone")
            _warn(table, old, new)
            values = {new if name == old else name: value for name, value in values.items()}
    return values


def old_attribute(part: Any, key: str) -> Any:
    """Return the attribute of a part of a config that has an old name, and warn of it.

    Args:
        part: the part.
        key: the old name, as in `RENAMED`.
    """
    table, _, old = key.rpartition(".")
    new = RENAMED[key].rpartition(".")[2]
    _warn(table, old, new)
    return getattr(part, new)


def other_name(key: str) -> str | None:
    """Return the last part of a key's old or new name, whichever is not given; `None` for a key never renamed.

    Args:
        key: dotted, as in "instrument.0.strip_orders".
    """
    names = {**RENAMED, **{new: old for old, new in RENAMED.items()}}
    other = names.get(".".join(part for part in key.split(".") if not part.isdigit()))
    return None if other is None else other.rpartition(".")[2]


def new_name(key: str) -> str:
    """Return a dotted key with its new last part, where it has one."""
    if ".".join(part for part in key.split(".") if not part.isdigit()) not in RENAMED:
        return key
    return f"{key.rpartition('.')[0]}.{other_name(key)}"


def _leaves(table: str) -> dict[str, str]:
    return {
        old.rpartition(".")[2]: new.rpartition(".")[2]
        for old, new in RENAMED.items()
        if old.rpartition(".")[0] == table
    }


def _warn(table: str, old: str, new: str) -> None:
    warnings.warn(
        f"{table}.{old} is now {table}.{new}; the old name works until {UNTIL}",
        DeprecationWarning,
        stacklevel=_callers_level(),
    )


def _callers_level() -> int:
    """Return the `stacklevel` of the first frame outside of this package and pydantic, seen from `_warn`."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in {
        "lob_backtest",
        "pydantic",
    }:
        level, frame = level + 1, frame.f_back
    return level
