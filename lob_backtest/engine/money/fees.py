"""The fee of a fill, in integers."""

from __future__ import annotations

from lob_backtest.contract.plan import FeePlan
from lob_backtest.instrument import fee_micro


def fill_fee_micro(plan: FeePlan, price_ticks: int, size_lots: int, *, is_taker: bool) -> int:
    """Return the fee of one fill in 10⁻⁶ tick·lots, rounded half-even; positive: paid.

    Args:
        plan: the fees of the agent in the instrument.
        price_ticks: the fill's price; the fee depends on its magnitude.
        size_lots: positive.
        is_taker: whether the order traded on arrival.
    """
    return fee_micro(price_ticks, size_lots, plan.taker_rates if is_taker else plan.maker_rates)
