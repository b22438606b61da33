"""An instrument: the sizes of a tick and a lot, the multiplier, the fees."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final, Literal, TypeAlias

PICO: Final = 10**12
Rounding: TypeAlias = Literal["nearest", "down", "up"]


@dataclass(frozen=True, slots=True)
class Fees:
    """Fee rates per fill; negative is a rebate.

    Attributes:
        maker_bps: of the notional, in basis points, for an order that rested.
        taker_bps: the same, for an order that traded on arrival.
        maker_per_lot: in currency per lot, added to `maker_bps`.
        taker_per_lot: the same, for an order that traded on arrival.
    """

    maker_bps: Decimal = Decimal(0)
    taker_bps: Decimal = Decimal(0)
    maker_per_lot: Decimal = Decimal(0)
    taker_per_lot: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument at one venue.

    Attributes:
        name: as in the config and in the strategy API.
        venue: where it trades, from the file's metadata.
        tick_size: the price of one tick, in currency.
        lot_size: the size of one lot, in base units.
        multiplier: currency per unit and point of price.
        currency: quote currency; a label.
        fees: rates per fill.
    """

    name: str
    venue: str
    tick_size: Decimal
    lot_size: Decimal
    multiplier: Decimal = Decimal(1)
    currency: str = ""
    fees: Fees = Fees()

    @property
    def tick_lot_value(self) -> Decimal:
        """Return the gain of one lot when the price rises by one tick, in currency."""
        return self.tick_size * self.lot_size * self.multiplier

    def ticks(self, price: float | Decimal | str, rounding: Rounding = "nearest") -> int:
        """Return a price in ticks.

        Args:
            price: in currency; a float counts as its shortest decimal text.
            rounding: of a price between two ticks: "nearest" (halves to the even one), "down" or "up".

        Raises:
            ValueError: it is no finite number, or the rounding is unknown.
        """
        return _whole(price, self.tick_size, rounding, "a price")

    def price(self, ticks: float) -> float:
        """Return the price of a number of ticks, in currency; fractions such as a mid's are kept."""
        return float(_decimal(ticks, "a number of ticks") * self.tick_size)

    def lots(self, size: float | Decimal | str, rounding: Rounding = "nearest") -> int:
        """Return a size in lots.

        Args:
            size: in base units; a float counts as its shortest decimal text.
            rounding: as in `ticks`.

        Raises:
            ValueError: it is no finite number, or the rounding is unknown.
        """
        return _whole(size, self.lot_size, rounding, "a size")

    def size(self, lots: float) -> float:
        """Return the size of a number of lots, in base units."""
        return float(_decimal(lots, "a number of lots") * self.lot_size)

    def fee_rates(self, *, taker: bool) -> tuple[int, int]:
        """Return the fee rates per tick·lot of notional and per lot, both as integers of 10⁻¹² tick·lots."""
        bps, per_lot = (
            (self.fees.taker_bps, self.fees.taker_per_lot) if taker else (self.fees.maker_bps, self.fees.maker_per_lot)
        )
        of_notional = (bps * PICO / 10_000).to_integral_value(ROUND_HALF_EVEN)
        of_lot = round(Fraction(per_lot) / Fraction(self.tick_lot_value) * PICO)  # round() is half-even on fractions
        return int(of_notional), of_lot


def _decimal(value: Any, what: str) -> Decimal:
    """Read a number, exactly; a float by its shortest text.

    Raises:
        ValueError: it is no finite number.
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or isinstance(value, bool):
        raise ValueError(f"{value!r} is not {what}; expected a finite number")
    return number


def _whole(value: Any, unit: Decimal, rounding: str, what: str) -> int:
    if rounding not in _ROUNDINGS:
        raise ValueError(f"rounding {rounding!r}: expected one of {', '.join(map(repr, _ROUNDINGS))}")
    ratio = Fraction(_decimal(value, what)) / Fraction(unit)
    return _ROUNDINGS[rounding](ratio)


_ROUNDINGS: Final[dict[str, Callable[[Fraction], int]]] = {"nearest": round, "down": floor, "up": ceil}


def __getattr__(name: str) -> Any:
    """Return `fee_micro`, which is in `lob_backtest.engine.models.fees`, under its old name."""
    if name == "fee_micro":
        return importlib.import_module("lob_backtest.engine.models.fees").fee_micro
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
