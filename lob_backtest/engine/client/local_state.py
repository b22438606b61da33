"""The local state of a session: its orders, its position, and its position limit.

All of it follows from the requests sent and the messages received; nothing here reads the exchange.
"""

from __future__ import annotations

from typing import Final

from lob_backtest.contract.plan import InstrumentPlan, SessionPlan
from lob_backtest.contract.tables import OrderState, RejectReason, UpdateKind
from lob_backtest.contract.terms import Terms
from lob_backtest.engine.money.account import Account
from lob_backtest.engine.wire.messages import Answer, Filled, OrderSnapshot, RequestKind
from lob_backtest.engine.wire.view import View
from lob_backtest.strategy.api import Order

NOTHING_KNOWN: Final = Terms(0, None, 0)
"""The terms of an order that was never there, or is forgotten."""
PLACED: Final = (UpdateKind.ACCEPTED, UpdateKind.REPLACED, UpdateKind.TRIGGERED)
GONE = (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED)


class KnownOrder:
    """An own order as the strategy knows it.

    Attributes:
        terms: those in force, as far as answers have arrived.
        asked_ticks: the price that was asked for, where the venue has set another one.
        size_is_total: whether sizes of replacements count what has filled; else they are what is to be open.
        requested_sizes: sizes of the replacements in flight: any of them may be in force already.
        requested_prices: their prices.
        counted_lots: what `LocalState.exposed` counts of it.
        in_flight: requests that are unanswered.
        early: the last queue position of each stay whose answer has not arrived yet, by stay.
    """

    __slots__ = (
        "ahead_lots",
        "asked_ticks",
        "counted_lots",
        "early",
        "filled_lots",
        "in_flight",
        "order_id",
        "queue_stay",
        "requested_prices",
        "requested_sizes",
        "size_is_total",
        "state",
        "terms",
    )

    def __init__(self, order_id: int, terms: Terms, *, size_is_total: bool = True) -> None:
        self.order_id = order_id
        self.terms = terms
        self.asked_ticks: int | None = None
        self.size_is_total = size_is_total
        self.filled_lots = 0
        self.state = OrderState.PENDING
        self.in_flight = 0
        self.requested_sizes: list[int] = []
        self.requested_prices: list[int | None] = []
        self.counted_lots = 0
        self.queue_stay = 0
        self.ahead_lots: int | None = None
        self.early: dict[int, int | None] = {}

    @property
    def open_lots(self) -> int:
        """Return what is still to fill, by the size in force."""
        return self.terms.size_lots - self.filled_lots

    @property
    def exposed_lots(self) -> int:
        """Return the most that can still fill, whichever request in flight is in force already."""
        if self.state in GONE:
            return 0
        if self.size_is_total:
            return max((self.terms.size_lots, *self.requested_sizes)) - self.filled_lots
        return self.open_lots + sum(self.requested_sizes)

    def exposed_with(self, size_lots: int) -> int:
        """Return the most that can still fill if a replacement by this size is in force alone."""
        return size_lots - self.filled_lots if self.size_is_total else self.exposed_lots + size_lots

    @property
    def quoted_ticks(self) -> int | None:
        """Return the price that was last asked for."""
        asked = self.terms.price_ticks if self.asked_ticks is None else self.asked_ticks
        return next((price for price in reversed(self.requested_prices) if price is not None), asked)

    def at_exchange(self) -> OrderSnapshot:
        """Return the order as it stands at the exchange, as far as known."""
        return OrderSnapshot(self.order_id, self.terms, self.state, self.filled_lots)

    def prices(self) -> list[int]:
        """Return every price at which the order may stand."""
        return [price for price in (self.terms.price_ticks, *self.requested_prices) if price is not None]


class LocalState:
    """Orders, position and limits of an agent in one instrument, from the messages received.

    Args:
        plan: the instrument's part of the plan.
        session: the agent's part in it.
        view: the market as received.

    Attributes:
        account: position, cash and fees from the fills received.
        orders: live orders and those with a request in flight, by id, oldest first.
        exposed: the most that the orders of a side can still fill.
        size_is_total: as in `KnownOrder`, of orders of this instrument.
    """

    def __init__(self, plan: InstrumentPlan, session: SessionPlan, view: View) -> None:
        self.plan = plan
        self.instrument = session.instrument or plan.instrument
        self.size_is_total = plan.order_rules.replace.size_is_total
        self._max_position = session.max_position
        self.view = view
        self.account = Account(plan.instrument.name, session.initial_position)
        self.orders: dict[int, KnownOrder] = {}
        self.exposed = {1: 0, -1: 0}

    def count(self, known: KnownOrder) -> None:
        """Update `exposed` after an order was added or changed."""
        exposed_lots = known.exposed_lots
        self.exposed[known.terms.side] += exposed_lots - known.counted_lots
        known.counted_lots = exposed_lots

    def room(self, side: int, apart_from: KnownOrder | None = None) -> int | None:
        """Return how many lots a new order of a side may have, if everything in flight fills; `None`: no limit."""
        limit = self._max_position
        if limit is None:
            return None
        exposed = self.exposed[side]
        if apart_from is not None and apart_from.terms.side == side:
            exposed -= apart_from.counted_lots
        return max(0, limit - side * self.account.position_lots - exposed)

    def room_to_replace(self, known: KnownOrder) -> int | None:
        """Return how many lots a replacement of an order may leave open, if everything in flight fills."""
        room = self.room(known.terms.side, known)
        return room if room is None or self.size_is_total else room - known.counted_lots

    def moved(self, order_id: int, queue_stay: int, ahead_lots: int | None) -> None:
        """Apply a queue position that arrived with a packet."""
        known = self.orders.get(order_id)
        if known is None:
            return
        if queue_stay == known.queue_stay:
            known.ahead_lots = ahead_lots
        elif queue_stay > known.queue_stay:
            known.early[queue_stay] = ahead_lots
            _show_tip(known)

    def take_answer(self, answer: Answer) -> Order:
        """Apply an answer; return the order as now known."""
        known = self.orders.get(answer.order.order_id)
        if known is None:
            # A refusal that names an order which is gone or never was.
            known = KnownOrder(answer.order.order_id, NOTHING_KNOWN)
            known.state = answer.order.state
            return self.snapshot(known, answer.kind, answer.reason)
        if answer.requested is not None:
            known.in_flight -= 1
        if answer.requested == RequestKind.REPLACE:
            del known.requested_sizes[0], known.requested_prices[0]
        if answer.kind in PLACED:
            self._take_place(known, answer.order)
        elif answer.kind == UpdateKind.REDUCED:
            known.terms = answer.order.terms
        elif answer.kind in (UpdateKind.REJECTED, UpdateKind.CANCELLED, UpdateKind.EXPIRED):
            known.state = answer.order.state
        _show_tip(known)
        self._sweep(known)
        return self.snapshot(known, answer.kind, answer.reason)

    def take_fill(self, fill: Filled) -> KnownOrder:
        """Apply a fill; return its order."""
        known = self.orders[fill.order_id]
        known.filled_lots += fill.size_lots
        self.account.fill(known.terms.side, fill.price_ticks, fill.size_lots, fill.fee_micro)
        self._sweep(known)
        return known

    def snapshot(
        self, known: KnownOrder, kind: UpdateKind | None = None, reason: RejectReason = RejectReason.NONE
    ) -> Order:
        """Freeze what is known of an order."""
        return Order(
            order_id=known.order_id,
            instrument=self.plan.instrument.name,
            filled_lots=known.filled_lots,
            state=known.state,
            queue_ahead_lots=known.ahead_lots if known.state == OrderState.LIVE else None,
            in_flight=known.in_flight > 0,
            kind=kind,
            reason=reason,
            **known.terms._asdict(),
        )

    def _take_place(self, known: KnownOrder, order: OrderSnapshot) -> None:
        known.state = order.state
        known.terms = order.terms
        known.asked_ticks = order.asked_ticks
        if order.queue_stay > known.queue_stay:
            known.queue_stay = order.queue_stay
            known.ahead_lots = known.early.pop(order.queue_stay, order.ahead_lots)
            known.early = {stay: lots for stay, lots in known.early.items() if stay > order.queue_stay}

    def _sweep(self, known: KnownOrder) -> None:
        """Forget an order that is over, when no request for it is unanswered."""
        if known.state == OrderState.LIVE and known.open_lots <= 0 and not known.requested_sizes:
            known.state = OrderState.FILLED
        self.count(known)
        if known.state in GONE and not known.in_flight:
            del self.orders[known.order_id]


def _show_tip(known: KnownOrder) -> None:
    """Take up the position of an iceberg's next tip, which no answer tells, unless an answer may be about it."""
    is_settled = known.state == OrderState.LIVE and not known.requested_sizes
    if known.early and is_settled and known.terms.display_lots is not None:
        known.queue_stay = max(known.early)
        known.ahead_lots = known.early[known.queue_stay]
        known.early = {}
