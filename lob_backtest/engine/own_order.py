"""An own order at the exchange."""

from __future__ import annotations

from lob_backtest.engine.queue_model import to_lots
from lob_backtest.tables import OrderState, TimeInForce


class OwnOrder:
    """An order of a strategy as the exchange holds it.

    Attributes:
        order_id: unique in the run.
        agent: whose it is.
        side: +1 buy, -1 sell.
        price_ticks: the limit, `None` for a market order.
        size_lots: the total, fills included.
        filled_lots: how much has filled.
        turn: its place among own orders: lower is older.
        arrival: L3: market orders up to this `MarketOrder.arrival` are older than it.
        ahead: the market's size ahead of it at its price: lots on L3, 2⁻²⁰ lot on L2.
        older_lots: L3: the size of all older market orders at the price; `ahead` but after a return to the window.
        removed: L2: how much of `ahead` the last LEVEL row took off without a print, 2⁻²⁰ lot.
        visible: whether its price is within what the feed shows, so that `ahead` is current.
        shown: whether it was at some time, so that `ahead` means something.
        survivors: L3: ids of the older orders at the last CLEAR, until the snapshot behind it is complete.
    """

    __slots__ = (
        "agent",
        "ahead",
        "ahead_at_arrival",
        "arrival",
        "filled_lots",
        "older_lots",
        "order_id",
        "post_only",
        "price_ticks",
        "removed",
        "shown",
        "side",
        "size_lots",
        "state",
        "survivors",
        "tag",
        "tif",
        "ts_arrival_ns",
        "turn",
        "visible",
    )

    def __init__(
        self,
        order_id: int,
        agent: int,
        side: int,
        price_ticks: int | None,
        size_lots: int,
        *,
        tif: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        tag: str = "",
    ) -> None:
        self.order_id = order_id
        self.agent = agent
        self.side = side
        self.price_ticks = price_ticks
        self.size_lots = size_lots
        self.filled_lots = 0
        self.tif = tif
        self.post_only = post_only
        self.tag = tag
        self.state = OrderState.PENDING
        self.ts_arrival_ns = 0
        self.ahead_at_arrival: int | None = None
        self.turn = 0
        self.arrival = 0
        self.ahead = 0
        self.older_lots = 0
        self.removed = 0
        self.visible = False
        self.shown = False
        self.survivors: frozenset[int] = frozenset()

    @property
    def open_lots(self) -> int:
        """Return what is still to fill."""
        return self.size_lots - self.filled_lots

    def ahead_lots(self, level: int) -> int | None:
        """Return the whole lots ahead on a feed of this level, `None` outside what the feed shows."""
        if not self.visible:
            return None
        return self.ahead if level == 3 else to_lots(self.ahead)
