"""Quote around the touch and shift against the inventory, so that it tends to return to zero."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

import lob_backtest as lob


class InventorySkew(lob.Strategy):
    """Two quotes `offset` ticks behind the touch, both shifted down when long and up when short.

    At the limit the shift is `skew` ticks, and the side that would add to the position is not quoted. The linear
    shift is the first-order form of the reservation price of Avellaneda and Stoikov (2008), "High-frequency trading
    in a limit order book", Quantitative Finance 8(3).
    """

    offset: Annotated[int, Ge(0)] = 0  # ticks behind the touch
    skew: Annotated[int, Ge(0)] = 3  # ticks of shift at the limit
    size: Annotated[int, Ge(1)] = 10  # lots per side
    limit: Annotated[int, Ge(1)] = 200  # lots of position
    interval: lob.Duration = 100 * lob.MS

    def on_start(self, ctx: lob.Context) -> None:
        """Set the timer."""
        ctx.every(self.interval)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        """Quote around the touch, shifted against the position."""
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None or bid >= ask:
            ctx.quote(bid=None, ask=None)
            return
        lean = -round(self.skew * ctx.position / self.limit)
        # A shifted quote never crosses the touch: it would be refused as post-only.
        bid_price = min(bid - self.offset + lean, ask - 1)
        ask_price = max(ask + self.offset + lean, bid + 1)
        ctx.quote(
            bid=(bid_price, self.size) if ctx.position < self.limit else None,
            ask=(ask_price, self.size) if ctx.position > -self.limit else None,
        )
