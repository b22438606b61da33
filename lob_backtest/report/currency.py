"""Exact integers as currency: each value is the float nearest to the exact product."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lob_backtest.report.metrics.stretches import Ints, largest

Floats: TypeAlias = "NDArray[np.float64]"

_EXACT: Final = 1 << 53
"""Integers up to this are exact as floats."""


def in_units(values: Ints, unit: Decimal | Fraction) -> Floats:
    """Return integers times a unit, rounded once.

    Args:
        values: integers, int64 or Python's, shape `(n,)`.
        unit: the value of 1, in currency.

    Returns:
        currency, shape `(n,)`.
    """
    numerator, denominator = unit.as_integer_ratio()
    if largest(values) * numerator <= _EXACT and int(float(denominator)) == denominator:
        return np.asarray(values, dtype=np.float64) * numerator / denominator
    return np.array([int(each) * numerator / denominator for each in values], dtype=np.float64)


def by_code(values: Ints, codes: Ints, units: Sequence[Decimal]) -> Floats:
    """Return integers times the unit of the instrument of each, rounded once.

    Args:
        values: integers, shape `(n,)`.
        codes: of the instruments, shape `(n,)`.
        units: the value of 1 in each instrument, in currency.
    """
    out = np.empty(len(values))
    for code, unit in enumerate(units):
        mine = codes == code
        out[mine] = in_units(values[mine], unit)
    return out
