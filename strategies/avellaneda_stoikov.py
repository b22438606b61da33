"""Quote around the reservation price of Avellaneda and Stoikov, which falls with the inventory."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Ge, Gt

import lob_backtest as lob


class AvellanedaStoikov(lob.Strategy):
    """Two quotes around r = s - qγσ²(T-t), apart by γσ²(T-t) + (2/γ) ln(1 + γ/k).

    Avellaneda and Stoikov (2008), "High-frequency trading in a limit order book", Quantitative Finance 8(3), the
    expansion in the inventory. It assumes a mid that is a Brownian motion, fills that arrive at a rate A exp(-kδ) at a
    distance δ from it, whatever the book shows, and exponential utility. The paper's unit of inventory is one order:
    here `size` lots, so that γ, which is per currency, becomes γ · size · (value of a tick per lot), per tick and
    order.

    T is the configured end of the run, or `horizon` from now if that is sooner or no end is configured.
    `lob-backtest calibrate` estimates `volatility` and `fill_decay`.
    """

    gamma: Annotated[float, Gt(0)] = 0.1  # γ, risk aversion, 1/currency
    fill_decay: Annotated[float, Gt(0)] = 1.0  # k, 1/tick
    volatility: Annotated[float, Ge(0)] = 0.0  # σ, ticks/√s; 0: estimated during the run
    half_life: lob.Duration = 60 * lob.SECOND  # of that estimate
    horizon: lob.Duration = 60 * lob.SECOND
    size: Annotated[int, Ge(1)] = 10  # lots per side
    limit: Annotated[int, Ge(1)] = 200  # lots of position
    interval: lob.Duration = 100 * lob.MS

    def on_start(self, ctx: lob.Context) -> None:
        """Make the parts and set the timer."""
        self._volatility = lob.EwmaVolatility(self.half_life)
        self._limit = lob.InventoryLimit(self.limit)
        ctx.every(self.interval)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        """Quote around the reservation price."""
        mid, spread = ctx.book.mid_ticks, ctx.book.spread_ticks
        if mid is None or spread is None or spread <= 0:
            ctx.quote(bid=None, ask=None)
            return
        sigma = self.volatility or self._volatility.update(ctx.now_ns, mid)
        if sigma is None:
            return
        gamma = self.gamma * self.size * float(ctx.instrument.tick_lot_value)
        left_ns = self.horizon if ctx.end_ns is None else min(self.horizon, ctx.end_ns - ctx.now_ns)
        risk = gamma * sigma**2 * left_ns / lob.SECOND
        reservation = mid - ctx.position / self.size * risk
        half_spread = risk / 2 + math.log1p(gamma / self.fill_decay) / gamma
        bid, ask = lob.quote_prices(reservation, half_spread, ctx.book)
        bid_lots, ask_lots = self._limit.sizes(ctx.position, self.size)
        ctx.quote(bid=(bid, bid_lots), ask=(ask, ask_lots))
