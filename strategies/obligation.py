"""Keep the quoting duty of a market maker: both sides, of a least size, within a spread, for a share of the time."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

import lob_backtest as lob


class Obligation(lob.Strategy):
    """Two quotes at the touch, no farther apart than the duty allows; absences are saved up for a large position.

    The quoting time is that of the strategy's own knowledge, weighed at each timer: both sides stand with `size` lots
    or more, at most `max_spread` ticks apart. While the position is beyond `limit`, the side that would add to it is
    left out as long as the share of quoting time so far is above `duty`. Quotes are larger than the duty asks by
    `spare` lots, so that a small fill does not end them. The series `quoting_share` has the share.
    """

    duty: Annotated[float, Ge(0), Le(1)] = 0.9  # share of the time
    size: Annotated[int, Ge(1)] = 10  # lots per side that the duty asks for
    max_spread: Annotated[int, Ge(1)] = 5  # ticks that the duty allows
    spare: Annotated[int, Ge(0)] = 5  # lots on top of that
    limit: Annotated[int, Ge(0)] = 50  # lots of position
    interval: lob.Duration = 100 * lob.MS

    def on_start(self, ctx: lob.Context) -> None:
        """Set the timer."""
        self._quoted = self._timers = 0
        ctx.every(self.interval)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        """Weigh the time behind, and quote."""
        self._timers += 1
        self._quoted += self._is_quoting(ctx)
        share = self._quoted / self._timers
        ctx.record("quoting_share", share)
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None or bid >= ask:
            ctx.quote(bid=None, ask=None)
            return
        excess = ask - bid - self.max_spread
        if excess > 0:  # the touch is wider than the duty: come nearer, on the side that brings the position back
            bid, ask = (bid, ask - excess) if ctx.position > 0 else (bid + excess, ask)
        rests = share > self.duty
        size = self.size + self.spare
        ctx.quote(
            bid=None if rests and ctx.position > self.limit else (bid, size),
            ask=None if rests and ctx.position < -self.limit else (ask, size),
            top_up=self._needs_more(ctx),
        )

    def _is_quoting(self, ctx: lob.Context) -> bool:
        """Return whether both sides stand as the duty asks."""
        bids, asks = ([o for o in ctx.orders if o.side == side and self._counts(o)] for side in (1, -1))
        if not bids or not asks:
            return False
        best_bid = max(order.price_ticks or 0 for order in bids)
        return min(order.price_ticks or 0 for order in asks) - best_bid <= self.max_spread

    def _counts(self, order: lob.Order) -> bool:
        return order.state == lob.OrderState.LIVE and order.open_lots >= self.size and order.price_ticks is not None

    def _needs_more(self, ctx: lob.Context) -> bool:
        """Return whether a quote has become too small: topping it up costs its place."""
        return any(order.open_lots < self.size for order in ctx.orders if order.state == lob.OrderState.LIVE)
