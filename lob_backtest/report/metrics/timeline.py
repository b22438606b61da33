"""Merge several tables along time: yield the rows of each up to a time that all of them have reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lob_backtest.report.metrics.stretches import Columns


class Track:
    """Rows of one table in the order of their times; holds those that were read and not taken yet.

    Args:
        parts: the rows, as columns, one stretch at a time.
        nothing: the same columns without rows.
        time: the column of times.
    """

    def __init__(self, parts: Iterator[Columns], nothing: Columns, time: str) -> None:
        self._parts, self._held, self._time = parts, nothing, time
        self.is_ended = False
        self.load()

    @property
    def last_ns(self) -> int:
        """Return the time of the last row read."""
        return int(self._held[self._time][-1])

    def load(self) -> None:
        """Read the next stretch."""
        part = next(self._parts, None)
        self.is_ended = part is None
        if part is not None:
            self._held = {name: np.concatenate([column, part[name]]) for name, column in self._held.items()}

    def take(self, until_ns: int | None) -> Columns:
        """Return and drop the rows before a time, or all rows read."""
        count = None if until_ns is None else int(np.searchsorted(self._held[self._time], until_ns))
        taken = {name: column[:count] for name, column in self._held.items()}
        self._held = {name: column[len(taken[name]) :] for name, column in self._held.items()}
        return taken


def together(tracks: Sequence[Track], *, at_once: bool = False) -> Iterator[tuple[list[Columns], int | None]]:
    """Yield the rows of each table, one stretch of time after another.

    Args:
        tracks: the tables.
        at_once: take all in one stretch, for tables that are not in the order of time.

    Yields:
        the rows of each table from the previous time to the next, and the next time; `None` with the last rows.
    """
    while open_ones := [each for each in tracks if not each.is_ended]:
        if not at_once:
            until_ns = min(each.last_ns for each in open_ones)
            taken = [each.take(until_ns) for each in tracks]
            if any(len(column) for columns in taken for column in columns.values()):
                yield taken, until_ns
            open_ones = [each for each in open_ones if each.last_ns == until_ns]
        for each in open_ones:
            each.load()
    yield [each.take(None) for each in tracks], None
