"""Vendor formats: one folder per format, found by name, imported on use.

A format is a module (or any object) with

* ``open_source(inputs, *, symbol, tick_size, lot_size, **options) -> Source``, which reads names and heads only;
* ``OPTIONS``, the names of its further options.

Other packages add formats with an entry point in the group ``lob_backtest.formats``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol, cast

from lob_backtest.errors import ConfigError

GROUP: Final = "lob_backtest.formats"

BUILT_IN: Final = {
    "lobster": "lob_backtest.vendors.lobster.converter",
    "databento": "lob_backtest.vendors.databento.converter",
    "binance": "lob_backtest.vendors.binance.converter",
}


class Source(Protocol):
    """Opened vendor files: their description, and their events as canonical columns.

    A source that corrects local times also has `clock_shift_ns`, which it adds to each of them. One of L2 may have
    `late_level_ns` and `late_print_ns`: how far apart a print and the LEVEL row that shows it can be in its feed.

    Attributes:
        level: 3 for orders, 2 for level sizes.
        symbol: the instrument's name at its venue.
        venue: where it trades.
        tick_size: the price of one tick in quote currency.
        lot_size: the size of one lot in base units.
        depth: number of levels per side in the files; `None`: all.
        files: every vendor file that is read.
        counts: dropped, changed and synthesized events, by kind; complete when `columns` is exhausted.
        notes: sentences for the user; complete when `columns` is exhausted.
    """

    level: int
    symbol: str
    venue: str
    tick_size: Decimal
    lot_size: Decimal
    depth: int | None
    files: Sequence[Path]
    counts: Mapping[str, int]
    notes: Sequence[str]

    def columns(self) -> Iterator[dict[str, Any]]:
        """Yield stretches of whole packets as canonical columns, each an array of shape `(n,)`."""


class Format(Protocol):
    """The interface of a format's module; see the docstring of `lob_backtest.vendors`."""

    OPTIONS: frozenset[str]

    def open_source(
        self,
        inputs: Sequence[Path],
        *,
        symbol: str | None,
        tick_size: Decimal | None,
        lot_size: Decimal | None,
        **options: Any,
    ) -> Source:
        """Open vendor files that follow each other in time."""


def names() -> list[str]:
    """Return the names of all formats: built in, then those of other packages."""
    return [*BUILT_IN, *sorted(e.name for e in entry_points(group=GROUP) if e.name not in BUILT_IN)]


def load(name: str) -> Format:
    """Import a format.

    Args:
        name: one of `names`.

    Raises:
        ConfigError: there is no such format, or its package cannot be imported.
    """
    if name in BUILT_IN:
        return cast(Format, importlib.import_module(BUILT_IN[name]))
    for entry in entry_points(group=GROUP, name=name):
        try:
            return cast(Format, entry.load())
        except ImportError as error:
            raise ConfigError(f"format {name!r}: {entry.value} cannot be imported ({error})") from error
    raise ConfigError(
        f"format {name!r} is unknown; expected one of {', '.join(names())}. Rows of other sources are written with "
        "lob_backtest.write_events (docs/data.md)"
    )
