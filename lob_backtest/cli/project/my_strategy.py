"""A market maker to start from: it joins the best prices and leans against its inventory."""

import lob_backtest as lob


class MyStrategy(lob.Strategy):
    """Quotes both sides, lower as its position grows."""

    size: int = 10  # lots per side. Annotated attributes are the parameters: set them in run.toml or with -p size=5
    lean: int = 3  # ticks by which both quotes shift at the limit
    limit: int = 100  # lots

    def on_start(self, ctx: lob.Context) -> None:
        """Start a timer of ten calls a second."""
        ctx.every(100 * lob.MS)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        """Set the quotes; only changes against the live ones are sent."""
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None or bid >= ask:
            return
        shift = -round(self.lean * ctx.position / self.limit)
        ctx.quote(
            bid=(min(bid + shift, ask - 1), self.size) if ctx.position < self.limit else None,
            ask=(max(ask + shift, bid + 1), self.size) if ctx.position > -self.limit else None,
        )
