"""Order kinds at the exchange, over three operations: list what can be taken, take, rest.

A matcher answers the requests of one strategy in one instrument when they arrive, and books its fills. Refusals are
answers, never exceptions.
"""

from __future__ import annotations

from lob_backtest.contract.rows import Phase
from lob_backtest.contract.tables import Cause, OrderState, RejectReason, TimeInForce, UpdateKind
from lob_backtest.contract.terms import Terms
from lob_backtest.engine.exchange.available_lots import Offer
from lob_backtest.engine.exchange.market_state import MarketState, Match
from lob_backtest.engine.exchange.order_event import OrderEvent, Update
from lob_backtest.engine.exchange.own_book import OwnBook
from lob_backtest.engine.exchange.own_order import OwnOrder, OwnTrade
from lob_backtest.engine.money.account import Account
from lob_backtest.engine.wire.messages import Request, RequestKind


class Matcher:
    """The exchange's side of one strategy in one instrument.

    Args:
        agent: the strategy's number.
        state: the instrument at the exchange.
        events: takes answers and fills.
        initial_position: lots at the start.

    Attributes:
        account: position, cash and fees, as the exchange knows them.
        own_book: the resting orders.
        orders: all orders that a request may still be about, by id.
    """

    __slots__ = ("_agent", "_events", "_state", "account", "orders", "own_book")

    def __init__(self, agent: int, state: MarketState, events: list[OrderEvent], initial_position: int) -> None:
        self._agent = agent
        self._state = state
        self._events = events
        self.account = Account(state.plan.instrument.name, initial_position)
        self.own_book = OwnBook(agent, state, events, initial_position)
        self.orders: dict[int, OwnOrder] = {}

    def serve(self, request: Request) -> None:
        """Answer a request that has arrived."""
        if request.terms is not None:
            self.submit(request.order_id, request.terms, request.ts_exchange_ns)
        elif request.kind == RequestKind.REPLACE:
            self.replace(request.order_id, request.price_ticks, request.size_lots, request.ts_exchange_ns)
        else:
            self.cancel(request.order_id)

    def submit(self, order_id: int, terms: Terms, now_ns: int) -> None:
        """Accept a new order, or reject it."""
        own = self.orders[order_id] = OwnOrder(order_id, self.own_book.reduce_only.within_position(terms, 0))
        reason = self._refusal(own, own.price_ticks, now_ns)
        if reason:
            own.terms = terms
            own.state = OrderState.REJECTED
            self._update(own, UpdateKind.REJECTED, reason)
            return
        self._enter(own, UpdateKind.ACCEPTED, now_ns)

    def replace(self, order_id: int, price_ticks: int | None, size_lots: int | None, now_ns: int) -> None:
        """Change the price or the total size of an order; what is `None` stays."""
        own = self.orders[order_id]
        price_ticks = own.terms.price_ticks if price_ticks is None else price_ticks
        size_lots = own.terms.size_lots if size_lots is None else size_lots
        terms = own.terms._replace(price_ticks=price_ticks, size_lots=size_lots)
        if own.state != OrderState.LIVE:
            self._update(own, UpdateKind.REPLACE_REJECTED, RejectReason.TOO_LATE)
        elif size_lots <= own.filled_lots:
            self._take_off(own)
        elif price_ticks == own.price_ticks and size_lots <= own.terms.size_lots:
            own.terms = terms
            self._update(own, UpdateKind.REPLACED)
        elif reason := self._refusal(own, price_ticks, now_ns):
            self._update(own, UpdateKind.REPLACE_REJECTED, reason)
        else:
            self.own_book.remove(own)
            own.terms = self.own_book.reduce_only.within_position(terms, own.filled_lots)
            self._enter(own, UpdateKind.REPLACED, now_ns)

    def cancel(self, order_id: int) -> None:
        """Cancel an order."""
        own = self.orders[order_id]
        if own.state == OrderState.LIVE:
            self._take_off(own)
        else:
            self._update(own, UpdateKind.CANCEL_REJECTED, RejectReason.TOO_LATE)

    def forget(self, order_id: int) -> None:
        """Drop an order that is over and that no request on its way is about."""
        self.orders.pop(order_id, None)

    def flatten(self, request: Request) -> None:
        """Take what is displayed, whatever the phase, to close a position at the end of a run."""
        assert request.terms is not None
        now_ns = request.ts_exchange_ns
        own = OwnOrder(request.order_id, request.terms)
        own.ts_arrival_ns = now_ns
        own.state = OrderState.LIVE
        self._update(own, UpdateKind.ACCEPTED)
        self._walk(own, list(self.own_book.available.offers(-own.side, None, now_ns)))
        if own.open_lots:
            own.state = OrderState.EXPIRED
            self._update(own, UpdateKind.EXPIRED)

    def _take_off(self, own: OwnOrder) -> None:
        self.own_book.remove(own)
        own.state = OrderState.CANCELLED
        self._update(own, UpdateKind.CANCELLED)

    def _refusal(self, own: OwnOrder, price_ticks: int | None, now_ns: int) -> RejectReason:
        if self._state.phase != Phase.CONTINUOUS:
            return RejectReason.HALTED
        if not own.open_lots:
            return RejectReason.REDUCE_ONLY
        if self._meets_itself(own, price_ticks, now_ns):
            return RejectReason.SELF_TRADE
        if own.terms.post_only and self._would_take(own.side, price_ticks, now_ns):
            return RejectReason.POST_ONLY
        return RejectReason.NONE

    def _meets_itself(self, own: OwnOrder, price_ticks: int | None, now_ns: int) -> bool:
        """Return whether an order would reach an own resting order of the other side."""
        best = self.own_book.best(-own.side)
        if best is None:
            return False
        if price_ticks is None:
            offers = self._offers(own.side, None, own.open_lots, now_ns)
            return bool(offers) and own.side * offers[-1].price_ticks >= own.side * best
        return own.side * price_ticks >= own.side * best

    def _takes(self, side: int) -> bool:
        """Return whether an order of a side can take now: the book is good, and what it would take is shown."""
        return self._state.match == Match.ALL and -side not in self._state.book.awaiting_snapshot

    def _would_take(self, side: int, price_ticks: int | None, now_ns: int) -> bool:
        assert price_ticks is not None
        if self._takes(side):
            return bool(self._offers(side, price_ticks, 1, now_ns))
        best = self._state.book.best(-side)
        return best is not None and side * price_ticks >= side * best

    def _offers(self, side: int, limit_ticks: int | None, size_lots: int, now_ns: int) -> list[Offer]:
        """List what an order of a side would take, in turn; nothing while it cannot take."""
        listed: list[Offer] = []
        if self._takes(side):
            for offer in self.own_book.available.offers(-side, limit_ticks, now_ns):
                listed.append(offer)
                size_lots -= offer.size_lots
                if size_lots <= 0:
                    break
        return listed

    def _enter(self, own: OwnOrder, kind: UpdateKind, now_ns: int) -> None:
        """Let an order take, and rest or expire with what is left; the answer precedes the fills."""
        own.state = OrderState.LIVE
        own.ts_arrival_ns = now_ns
        own.ahead_at_arrival = None
        offers = self._offers(own.side, own.price_ticks, own.open_lots, now_ns)
        fills = sum(offer.size_lots for offer in offers) >= own.open_lots
        rests = not fills and own.terms.tif == TimeInForce.GTC and own.price_ticks is not None
        if rests:
            self.own_book.rest(own, now_ns, waits=not own.terms.post_only and not self._takes(own.side))
        self._update(own, kind)
        if fills or own.terms.tif != TimeInForce.FOK:
            if own.terms.reduce_only:
                self.own_book.cut(own)
            self._walk(own, offers)
        if own.open_lots and not rests:
            own.state = OrderState.EXPIRED
            self._update(own, UpdateKind.EXPIRED)

    def _walk(self, own: OwnOrder, offers: list[Offer]) -> None:
        for offer in offers:
            lots = min(offer.size_lots, own.open_lots)
            if not lots:
                break
            self.own_book.available.take(offer, lots)
            self.own_book.fill(own, OwnTrade(offer.price_ticks, lots, Cause.TAKE))

    def _update(self, own: OwnOrder, kind: UpdateKind, reason: RejectReason = RejectReason.NONE) -> None:
        self._events.append(Update(self._agent, own.snapshot(), kind, reason))
