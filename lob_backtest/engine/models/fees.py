"""What a fill costs, in integers.

Assumption: a fee depends on one fill alone: its price, its size, and whether the order had rested. Each fill is charged
and rounded by itself.
Bias: none for a venue with flat rates. Under tiers of turnover, minimums per order or caps the true fee differs, in
either direction.
"""

from __future__ import annotations

from typing import Final

from lob_backtest.contract.plan import FeePlan, Rates

MICRO_PER_PICO: Final = 10**6


def fill_fee_micro(plan: FeePlan, price_ticks: int, size_lots: int, *, is_taker: bool) -> int:
    """Return the fee of one fill in 10⁻⁶ tick·lots; positive: paid.

    Args:
        plan: the fees of the agent in the instrument.
        price_ticks: the fill's price.
        size_lots: positive.
        is_taker: whether the order traded on arrival.
    """
    return fee_micro(price_ticks, size_lots, plan.taker_rates if is_taker else plan.maker_rates)


def fee_micro(price_ticks: int, size_lots: int, rates: Rates) -> int:
    """Return the fee of one fill in 10⁻⁶ tick·lots, rounded half-even.

    Args:
        price_ticks: the fill's price; the fee depends on its magnitude.
        size_lots: positive.
        rates: of `Instrument.fee_rates`.
    """
    pico = abs(price_ticks) * size_lots * rates[0] + size_lots * rates[1]
    quotient, rest = divmod(pico, MICRO_PER_PICO)
    if rest * 2 > MICRO_PER_PICO or (rest * 2 == MICRO_PER_PICO and quotient % 2):
        quotient += 1
    return quotient
