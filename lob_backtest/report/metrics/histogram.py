"""Counts of integers: exact means and medians without keeping the values."""

from __future__ import annotations

from typing import Final

import numpy as np

from lob_backtest.report.metrics.stretches import Ints, total, widen

_PENDING: Final = 1 << 17


class Histogram:
    """Counts and weights of integers. Memory grows with the number of different values, not of all values."""

    def __init__(self) -> None:
        nothing = np.zeros(0, dtype=np.int64)
        self._parts: list[tuple[Ints, Ints, Ints]] = [(nothing, nothing, nothing)]
        self._pending = 0
        self._weight = 0

    def add(self, values: Ints, weights: Ints | None = None) -> None:
        """Count values.

        Args:
            values: int64, shape `(n,)`.
            weights: of each value, not negative; 1 if not given.
        """
        ones = np.ones(len(values), dtype=np.int64)
        part = _summed(values, ones, ones if weights is None else widen(weights)[0])
        self._weight += total(part[2])
        if self._weight >= 1 << 62:
            part = (part[0], part[1], part[2].astype(object))
        self._parts.append(part)
        self._pending += len(part[0])
        if self._pending >= max(_PENDING, len(self._parts[0][0])):
            self._merge()

    def read(self) -> tuple[Ints, Ints, Ints]:
        """Return the different values, rising, and the count and total weight of each."""
        if len(self._parts) > 1:
            self._merge()
        return self._parts[0]

    def _merge(self) -> None:
        values, counts, weights = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        self._parts, self._pending = [_summed(values, counts, weights)], 0


def _summed(values: Ints, counts: Ints, weights: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the different values, with the sums of their counts and weights."""
    if not len(values):
        return values, counts, weights
    order = np.argsort(values, kind="stable")
    values = values[order]
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    return values[starts], np.add.reduceat(counts[order], starts), np.add.reduceat(weights[order], starts)


def at_rank(values: Ints, weights: Ints, rank: int) -> int:
    """Return the lowest value at which the cumulative weight is `rank` or more.

    Args:
        values: rising, shape `(n,)`, n > 0.
        weights: of each, shape `(n,)`.
        rank: more than 0, at most the sum of the weights.
    """
    return int(values[np.searchsorted(np.cumsum(weights), rank)])
