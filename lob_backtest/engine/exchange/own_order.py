"""An own order at the exchange."""

from __future__ import annotations

from typing import NamedTuple

from lob_backtest.contract.tables import Cause, OrderState
from lob_backtest.contract.terms import Terms
from lob_backtest.engine.models.queue import to_lots
from lob_backtest.engine.wire.messages import OrderSnapshot


class OwnTrade(NamedTuple):
    """A trade of an own order; `ts_traded_ns` is the time of the fall that a late print explains, `None` elsewhere."""

    price_ticks: int
    size_lots: int
    cause: Cause
    tainted: bool = False
    ts_traded_ns: int | None = None


class Past:
    """A change of a queue position, kept in case a late print turns an older fall of the level into a trade.

    Attributes:
        fall: the number of a fall of the level, 0 for anything else.
        before: the position before it.
        flow: the lots of a print that reached the order, or of a take; 2⁻²⁰ lot.
        matched: whether the order could fill then.
    """

    __slots__ = ("before", "fall", "flow", "matched")

    def __init__(self, fall: int, before: int, flow: int = 0, *, matched: bool = False) -> None:
        self.fall = fall
        self.before = before
        self.flow = flow
        self.matched = matched


def note(past: list[Past], add: Past, oldest: int | None) -> None:
    """Add a change of a position; drop those before the oldest fall that is kept (`None`: there is none)."""
    if oldest is None:
        past.clear()
        return
    keep = 0
    while keep < len(past) and past[keep].fall < oldest:
        keep += 1
    del past[:keep]
    if add.fall or past:
        past.append(add)


class OwnOrder:
    """An order of a strategy as the exchange holds it.

    Attributes:
        order_id: unique among the orders of its agent.
        terms: those in force.
        asked_ticks: the price that was asked for, where the venue has set another one; `None` elsewhere.
        filled_lots: how much has filled.
        state: where it stands.
        ts_arrival_ns: when it took its place at the exchange.
        ahead_at_arrival: the lots ahead of it then; `None` for a taker and outside what the feed shows.
        queue_stay: the number of its stay in a queue: lower is older.
        arrival: L3: market orders up to this `BookOrder.arrival` are older than it.
        ahead: the market's size ahead of it at its price: lots on L3, 2⁻²⁰ lot on L2.
        older_lots: L3: the size of all older market orders at the price; `ahead` but after a return to the window.
        past: L2: what has moved `ahead` since the oldest fall of its level that a print may still explain.
        since: L2: the number of the last fall of the instrument when it took its place.
        waits: whether it arrived while nothing could be taken, and takes once something can.
        visible: whether its price is within what the feed shows, so that `ahead` is current.
        shown: whether `ahead` means something: it was visible at some time, or a print went through its price.
        expiry: when it ends by itself, and its number among such orders; `None`: it does not.
        extreme2: the lowest (of a sell the highest) price since its trailing started, doubled; `None`: it has not.
        survivors: L3: ids of the older orders at the last CLEAR, until the snapshot behind it is complete.
        tip: what was left of the displayed tip of an iceberg when it last changed.
    """

    __slots__ = (
        "ahead",
        "ahead_at_arrival",
        "arrival",
        "asked_ticks",
        "expiry",
        "extreme2",
        "filled_lots",
        "older_lots",
        "order_id",
        "past",
        "queue_stay",
        "shown",
        "since",
        "state",
        "survivors",
        "terms",
        "tip",
        "ts_arrival_ns",
        "visible",
        "waits",
    )

    def __init__(self, order_id: int, terms: Terms) -> None:
        self.order_id = order_id
        self.terms = terms
        self.asked_ticks: int | None = None
        self.filled_lots = 0
        self.state = OrderState.PENDING
        self.ts_arrival_ns = 0
        self.ahead_at_arrival: int | None = None
        self.queue_stay = 0
        self.arrival = 0
        self.ahead = 0
        self.older_lots = 0
        self.past: list[Past] = []
        self.since = 0
        self.waits = False
        self.visible = False
        self.shown = False
        self.extreme2: int | None = None
        self.expiry: tuple[int, int] | None = None
        self.survivors: frozenset[int] = frozenset()
        self.tip = 0

    @property
    def side(self) -> int:
        """Return +1 for a buy order, -1 for a sell order."""
        return self.terms.side

    @property
    def price_ticks(self) -> int | None:
        """Return the limit, `None` for a market order."""
        return self.terms.price_ticks

    @property
    def limit_ticks(self) -> int:
        """Return the limit of an order that has one."""
        assert self.terms.price_ticks is not None
        return self.terms.price_ticks

    @property
    def open_lots(self) -> int:
        """Return what is still to fill."""
        return self.terms.size_lots - self.filled_lots

    @property
    def tip_lots(self) -> int:
        """Return how much of it is displayed: all but an iceberg's reserve."""
        return self.open_lots if self.terms.display_lots is None else min(self.tip, self.open_lots)

    def snapshot(self) -> OrderSnapshot:
        """Return the order as it stands."""
        return OrderSnapshot(
            self.order_id,
            self.terms,
            self.state,
            self.filled_lots,
            self.queue_stay,
            self.ahead_at_arrival,
            self.asked_ticks,
        )

    def ahead_lots(self, level: int) -> int | None:
        """Return the whole lots ahead on a feed of this level, `None` outside what the feed shows."""
        if not self.visible:
            return None
        return self.ahead if level == 3 else to_lots(self.ahead)
