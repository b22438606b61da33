"""Pairwise summation of floats that arrive in stretches: equal to numpy's sum to the last bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LEAF: Final = 1 << 15
"""Values that numpy sums in one call; numpy halves longer sums at the same places."""


def pairwise_sum(parts: Iterable[NDArray[np.float64]], count: int) -> float:
    """Add values by halves, so that the rounding error grows with the logarithm of `count`.

    Args:
        parts: the values, in any stretches.
        count: number of values.
    """
    return _sum(_Reader(iter(parts)), count)


def _sum(reader: _Reader, count: int) -> float:
    if count <= _LEAF:
        return float(np.add.reduce(reader.take(count)))
    half = count // 2
    half -= half % 8
    return _sum(reader, half) + _sum(reader, count - half)


class _Reader:
    """Reads any number of values from stretches."""

    def __init__(self, parts: Iterator[NDArray[np.float64]]) -> None:
        self._parts = parts
        self._held: NDArray[np.float64] = np.zeros(0)

    def take(self, count: int) -> NDArray[np.float64]:
        """Return the next `count` values."""
        parts, missing = [self._held], count - len(self._held)
        while missing > 0:
            parts.append(next(self._parts))
            missing -= len(parts[-1])
        values = np.concatenate(parts)
        self._held = values[count:]
        return values[:count]
