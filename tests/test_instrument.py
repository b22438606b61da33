"""Prices and sizes in ticks and lots, and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import lob_backtest as lob

INSTRUMENT = lob.Instrument("X", "V", tick_size=Decimal("0.01"), lot_size=Decimal("0.001"))


@pytest.mark.parametrize(
    ("price", "rounding", "ticks"),
    [
        (99.95, "nearest", 9995),
        ("99.95", "nearest", 9995),
        (Decimal("99.95"), "up", 9995),
        (99.955, "nearest", 9996),
        (99.965, "nearest", 9996),  # halves to the even tick
        (99.959, "down", 9995),
        (99.951, "up", 9996),
        (-0.015, "down", -2),
        (100, "nearest", 10000),
        (np.float64(99.95), "nearest", 9995),
        (np.float32(0.5), "nearest", 50),
    ],
)
def test_a_price_in_ticks(price: Any, rounding: Any, ticks: int) -> None:
    found = INSTRUMENT.ticks(price, rounding)
    assert (found, type(found)) == (ticks, int)


def test_sizes_and_the_ways_back() -> None:
    assert INSTRUMENT.lots(0.25) == 250
    assert INSTRUMENT.lots(0.0019, "down") == 1
    assert INSTRUMENT.price(9995) == 99.95
    assert INSTRUMENT.price(9995.5) == 99.955
    assert INSTRUMENT.size(250) == 0.25
    assert all(INSTRUMENT.ticks(INSTRUMENT.price(ticks)) == ticks for ticks in range(-1000, 200_000, 37))


@pytest.mark.parametrize("price", [None, float("nan"), float("inf"), "much", True])
def test_what_is_no_number_is_refused(price: Any) -> None:
    with pytest.raises(ValueError, match="expected a finite number"):
        INSTRUMENT.ticks(price)
    with pytest.raises(ValueError, match="rounding 'off'"):
        INSTRUMENT.ticks(1, "off")  # type: ignore[arg-type]
