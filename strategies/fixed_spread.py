"""Quote both sides at a fixed distance from the mid."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

import lob_backtest as lob


class FixedSpread(lob.Strategy):
    """Two quotes, each `half_spread` ticks from the mid, moved at an interval.

    The baseline: it captures the spread, and only the run's position limit bounds its inventory.
    """

    half_spread: Annotated[int, Ge(1)] = 1  # ticks from the mid
    size: Annotated[int, Ge(1)] = 10  # lots per side
    interval: lob.Duration = 100 * lob.MS

    def on_start(self, ctx: lob.Context) -> None:
        """Set the timer."""
        ctx.every(self.interval)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        """Quote around the mid."""
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None or bid >= ask:
            ctx.quote(bid=None, ask=None)
            return
        # The mid may lie between two ticks: the bid rounds down, the ask up.
        ctx.quote(
            bid=((bid + ask) // 2 - self.half_spread, self.size),
            ask=(-(-(bid + ask) // 2) + self.half_spread, self.size),
        )
