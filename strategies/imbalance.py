"""Quote around the microprice: the side with less displayed size is quoted further off."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt

import lob_backtest as lob


class Imbalance(lob.Strategy):
    """Two quotes around the microprice, leaning against the inventory.

    The microprice is the mid weighted by the opposite sizes, (bid · ask size + ask · bid size) / (bid size + ask size):
    with a small size at the ask, it is near the ask. It predicts the next mid better than the mid does: Gatheral and
    Oomen (2010), "Zero-intelligence realized variance estimation", Finance and Stochastics 14(2); Stoikov (2018),
    "The micro-price", Quantitative Finance 18(12), who estimates the prediction from data. It assumes that
    the displayed sizes at the best prices are genuine; with `half_spread` below half the market's spread, the heavier
    side is joined at its best price or improved on.
    """

    half_spread: Annotated[float, Gt(0)] = 1.0  # ticks from the microprice
    skew: Annotated[float, Ge(0)] = 3.0  # ticks of shift at the limit
    size: Annotated[int, Ge(1)] = 10  # lots per side
    limit: Annotated[int, Ge(1)] = 200  # lots of position
    interval: lob.Duration = 100 * lob.MS

    def on_start(self, ctx: lob.Context) -> None:
        """Make the parts and set the timer."""
        self._skew = lob.InventorySkew(self.skew / self.limit)
        self._limit = lob.InventoryLimit(self.limit)
        ctx.every(self.interval)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        """Quote around the microprice."""
        centre, spread = ctx.book.microprice_ticks, ctx.book.spread_ticks
        if centre is None or spread is None or spread <= 0:
            ctx.quote(bid=None, ask=None)
            return
        bid, ask = lob.quote_prices(centre + self._skew.shift(ctx.position), self.half_spread, ctx.book)
        bid_lots, ask_lots = self._limit.sizes(ctx.position, self.size)
        ctx.quote(bid=(bid, bid_lots), ask=(ask, ask_lots))
