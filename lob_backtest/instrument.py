"""What is traded: the sizes of a tick and a lot, the multiplier, the fees."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Final

PICO: Final = 10**12
MICRO_PER_PICO: Final = 10**6


@dataclass(frozen=True, slots=True)
class Fees:
    """What a venue charges a fill; negative is a rebate.

    Attributes:
        maker_bps: of the notional, in basis points, for an order that rested.
        taker_bps: the same for one that traded on arrival.
        maker_per_lot: a lot, in currency, on top.
        taker_per_lot: the same for one that traded on arrival.
    """

    maker_bps: Decimal = Decimal(0)
    taker_bps: Decimal = Decimal(0)
    maker_per_lot: Decimal = Decimal(0)
    taker_per_lot: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument at one venue.

    Attributes:
        name: how the config and the strategy call it.
        venue: where it trades, as the file says.
        tick_size: the price of one tick, in currency.
        lot_size: the size of one lot, in units.
        multiplier: currency a unit a point of price.
        currency: what prices are quoted in; a label.
        fees: what a fill costs.
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
        """Return what one lot gains when the price rises by one tick, in currency."""
        return self.tick_size * self.lot_size * self.multiplier

    def fee_rates(self, *, taker: bool) -> tuple[int, int]:
        """Return the fee of a fill as two integers, both in 10⁻¹² tick·lots: a tick·lot of notional, and a lot."""
        bps, per_lot = (
            (self.fees.taker_bps, self.fees.taker_per_lot) if taker else (self.fees.maker_bps, self.fees.maker_per_lot)
        )
        of_notional = (bps * PICO / 10_000).to_integral_value(ROUND_HALF_EVEN)
        of_lot = round(Fraction(per_lot) / Fraction(self.tick_lot_value) * PICO)  # round() is half-even on fractions
        return int(of_notional), of_lot


def fee_micro(price_ticks: int, size_lots: int, rates: tuple[int, int]) -> int:
    """Return the fee of one fill in 10⁻⁶ tick·lots, rounded half-even.

    Args:
        price_ticks: the fill's price; the fee goes by its magnitude.
        size_lots: positive.
        rates: as `Instrument.fee_rates` gives them.
    """
    pico = abs(price_ticks) * size_lots * rates[0] + size_lots * rates[1]
    quotient, rest = divmod(pico, MICRO_PER_PICO)
    if rest * 2 > MICRO_PER_PICO or (rest * 2 == MICRO_PER_PICO and quotient % 2):
        quotient += 1
    return quotient
