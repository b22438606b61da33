"""Quote by the closed form of Guéant, Lehalle and Fernandez-Tapia for a market maker without a deadline."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Ge, Gt

import lob_backtest as lob


class Glft(lob.Strategy):
    """Two quotes at the distances that are optimal far from the end of the session, with a bound on inventory.

    With q in orders, the bid is (1/γ) ln(1 + γ/k) + (q + ½) c below the mid, and the ask is
    (1/γ) ln(1 + γ/k) - (q - ½) c above it, where c = √(σ²γ/(2kA) · (1 + γ/k)^(1 + k/γ)).

    Guéant, Lehalle and Fernandez-Tapia (2013), "Dealing with the inventory risk: a solution to the market making
    problem", Mathematics and Financial Economics 7(4), the closed-form approximation. It has the assumptions
    of Avellaneda and Stoikov, and a horizon long enough to be irrelevant; the approximation is for inventories well
    within the limit. The paper's unit of inventory is one order: here `size` lots, so that γ, which is per currency,
    becomes γ · size · (value of a tick per lot), per tick and order.

    `lob-backtest calibrate` estimates `volatility`, `fill_rate` and `fill_decay`.
    """

    gamma: Annotated[float, Gt(0)] = 0.1  # γ, risk aversion, 1/currency
    fill_rate: Annotated[float, Gt(0)] = 0.5  # A, 1/s, of one side
    fill_decay: Annotated[float, Gt(0)] = 1.0  # k, 1/tick
    volatility: Annotated[float, Ge(0)] = 0.0  # σ, ticks/√s; 0: estimated during the run
    half_life: lob.Duration = 60 * lob.SECOND  # of that estimate
    size: Annotated[int, Ge(1)] = 10  # lots per side
    limit: Annotated[int, Ge(1)] = 200  # lots of position
    interval: lob.Duration = 100 * lob.MS

    def on_start(self, ctx: lob.Context) -> None:
        """Make the parts and set the timer."""
        self._volatility = lob.EwmaVolatility(self.half_life)
        self._limit = lob.InventoryLimit(self.limit)
        ctx.every(self.interval)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        """Quote at the optimal distances from the mid."""
        mid, spread = ctx.book.mid_ticks, ctx.book.spread_ticks
        if mid is None or spread is None or spread <= 0:
            ctx.quote(bid=None, ask=None)
            return
        sigma = self.volatility or self._volatility.update(ctx.now_ns, mid)
        if sigma is None:
            return
        gamma, k = self.gamma * self.size * float(ctx.instrument.tick_lot_value), self.fill_decay
        power = math.exp((1 + k / gamma) * math.log1p(gamma / k))
        slope = math.sqrt(sigma**2 * gamma / (2 * k * self.fill_rate) * power)
        centre = mid - ctx.position / self.size * slope
        bid, ask = lob.quote_prices(centre, math.log1p(gamma / k) / gamma + slope / 2, ctx.book)
        bid_lots, ask_lots = self._limit.sizes(ctx.position, self.size)
        ctx.quote(bid=(bid, bid_lots), ask=(ask, ask_lots))
