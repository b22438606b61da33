"""Order kinds at the exchange, over three operations: list what can be taken, take, rest.

A matcher answers the requests of one strategy in one instrument when they arrive, and books its fills. Refusals are
answers, never exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from lob_backtest.contract.plan import PostOnly, SessionPlan
from lob_backtest.contract.rows import Phase
from lob_backtest.contract.tables import Cause, OrderState, RejectReason, SelfTrade, TimeInForce, UpdateKind
from lob_backtest.contract.terms import Terms
from lob_backtest.engine.exchange.available_lots import Offer
from lob_backtest.engine.exchange.market_state import MarketState, Match
from lob_backtest.engine.exchange.order_event import OrderEvent, Update
from lob_backtest.engine.exchange.order_kinds.stops import is_stop
from lob_backtest.engine.exchange.order_kinds.walk import Walk, meetings, walk
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
        session: the strategy's part in the instrument.

    Attributes:
        account: position, cash and fees, as the exchange knows them.
        own_book: the resting orders.
        orders: all orders that a request may still be about, by id.
    """

    __slots__ = ("_agent", "_events", "_rules", "_state", "account", "orders", "own_book")

    def __init__(self, agent: int, state: MarketState, events: list[OrderEvent], session: SessionPlan) -> None:
        self._agent = agent
        self._state = state
        self._events = events
        self._rules = state.plan.order_rules
        self.account = Account(state.plan.instrument.name, session.initial_position)
        self.own_book = OwnBook(agent, state, events, session)
        self.orders: dict[int, OwnOrder] = {}

    def serve(self, request: Request) -> None:
        """Answer a request that has arrived."""
        self._state.now_ns = request.ts_exchange_ns
        if request.terms is not None:
            self.submit(request.order_id, request.terms, request.ts_exchange_ns)
        elif request.kind == RequestKind.REPLACE:
            self.replace(request.order_id, request.price_ticks, request.size_lots, request.ts_exchange_ns)
        elif request.kind == RequestKind.MMP_RESET:
            self.own_book.protection.reset()
        else:
            for order_id in request.order_ids or (request.order_id,):
                self.cancel(order_id)
        self.own_book.protect()

    def submit(self, order_id: int, terms: Terms, now_ns: int) -> None:
        """Accept a new order, or reject it."""
        own = self.orders[order_id] = OwnOrder(order_id, terms)
        if is_stop(terms):
            self._await_trigger(own, now_ns)
            return
        placed = self._placed(terms, 0, now_ns)
        reason = self._refusal(own, placed, now_ns)
        if reason:
            own.state = OrderState.REJECTED
            self._update(own, UpdateKind.REJECTED, reason)
            return
        self._enter(own, terms, placed, UpdateKind.ACCEPTED, now_ns)

    def _await_trigger(self, own: OwnOrder, now_ns: int) -> None:
        """Hold an order until a price reaches its stop, or reject it."""
        reason = self._untimely(own.terms, now_ns)
        own.state = OrderState.REJECTED if reason else OrderState.UNTRIGGERED
        if not reason:
            self.own_book.stops.add(own)
            self.own_book.expiries.add(own)
        self._update(own, UpdateKind.REJECTED if reason else UpdateKind.ACCEPTED, reason)

    def trigger(self, now_ns: int) -> None:
        """Let the triggered orders arrive in the book."""
        self._state.now_ns = now_ns
        for own in self.own_book.stops.due():
            self.own_book.expiries.remove(own)
            placed = self._placed(own.terms, 0, now_ns)
            reason = self._refusal(own, placed, now_ns)
            if reason:
                own.state = OrderState.CANCELLED
                self._update(own, UpdateKind.CANCELLED, reason)
            else:
                self._enter(own, own.terms, placed, UpdateKind.TRIGGERED, now_ns)
                self.own_book.protect()

    def replace(self, order_id: int, price_ticks: int | None, size_lots: int | None, now_ns: int) -> None:
        """Change the price or the size of an order by the venue's rules; what is `None` stays."""
        own, rules = self.orders[order_id], self._rules.replace
        price_ticks = own.terms.price_ticks if price_ticks is None else price_ticks
        if size_lots is None:
            size_lots = own.terms.size_lots
        elif not rules.size_is_total:
            size_lots += own.filled_lots
        terms = own.terms._replace(price_ticks=price_ticks, size_lots=size_lots)
        is_smaller = size_lots < own.terms.size_lots
        if own.state == OrderState.UNTRIGGERED:
            own.terms = terms
            self._update(own, UpdateKind.REPLACED)
        elif own.state != OrderState.LIVE:
            self._update(own, UpdateKind.REPLACE_REJECTED, RejectReason.TOO_LATE)
        elif size_lots <= own.filled_lots and rules.cancels_filled:
            self.own_book.take_off(own)
        elif size_lots <= own.filled_lots:
            self._update(own, UpdateKind.REPLACE_REJECTED, RejectReason.TOO_LATE)
        elif terms == own.terms or (price_ticks == own.price_ticks and is_smaller and rules.keeps_place):
            own.terms = terms
            self._update(own, UpdateKind.REPLACED)
        else:
            self._move(own, terms, now_ns)

    def _move(self, own: OwnOrder, terms: Terms, now_ns: int) -> None:
        """Let an order arrive again with other terms, unless that is refused."""
        placed = self._placed(terms, own.filled_lots, now_ns)
        reason = self._refusal(own, placed, now_ns)
        if not reason:
            self.own_book.remove(own)
            self._enter(own, terms, placed, UpdateKind.REPLACED, now_ns)
        elif terms.post_only and reason != RejectReason.HALTED and self._rules.replace.cancels_taker:
            self.own_book.take_off(own, reason)
        else:
            self._update(own, UpdateKind.REPLACE_REJECTED, reason)

    def cancel(self, order_id: int) -> None:
        """Cancel an order."""
        own = self.orders[order_id]
        if own.state in (OrderState.LIVE, OrderState.UNTRIGGERED):
            self.own_book.take_off(own)
        else:
            self._update(own, UpdateKind.CANCEL_REJECTED, RejectReason.TOO_LATE)

    def expire(self, now_ns: int) -> None:
        """End the orders whose time is over."""
        for own in self.own_book.expiries.due(now_ns):
            self.own_book.remove(own)
            own.state = OrderState.EXPIRED
            self._update(own, UpdateKind.EXPIRED)

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
        offers = self.own_book.available.offers(-own.side, None, now_ns)
        self._follow(own, walk(offers, own.open_lots, SelfTrade.CANCEL_NEWEST))
        if own.open_lots:
            own.state = OrderState.EXPIRED
            self._update(own, UpdateKind.EXPIRED)

    def _refusal(self, own: OwnOrder, terms: Terms, now_ns: int) -> RejectReason:
        """Return why an order with these terms is refused as a whole."""
        if reason := self._untimely(terms, now_ns):
            return reason
        if self.own_book.protection.refuses(terms, now_ns):
            return RejectReason.MMP
        if terms.size_lots == own.filled_lots:
            return RejectReason.REDUCE_ONLY
        mode = self._mode(terms)
        if not terms.post_only and mode != SelfTrade.REJECT:
            return RejectReason.NONE
        way = self._way(terms, terms.size_lots - own.filled_lots, now_ns)
        if terms.post_only and (way.traded_lots or self._reaches_what_is_shown(terms)):
            return RejectReason.POST_ONLY
        refuses = mode == SelfTrade.REJECT or (terms.post_only and mode == SelfTrade.CANCEL_NEWEST)
        return RejectReason.SELF_TRADE if way.ends and refuses else RejectReason.NONE

    def _untimely(self, terms: Terms, now_ns: int) -> RejectReason:
        """Return why no order with these terms can come at this time."""
        if self._state.phase != Phase.CONTINUOUS:
            return RejectReason.HALTED
        if terms.tif == TimeInForce.DAY and not self._state.has_phases:
            return RejectReason.BAD_VALUE
        if terms.expire_ns is not None and terms.expire_ns <= now_ns:
            return RejectReason.TOO_LATE
        return RejectReason.NONE

    def _mode(self, terms: Terms) -> SelfTrade:
        return self._rules.self_trade if terms.self_trade is None else terms.self_trade

    def _takes(self, side: int) -> bool:
        """Return whether an order of a side can take now: the book is good, and what it would take is shown."""
        return self._state.match == Match.ALL and -side not in self._state.book.awaiting_snapshot

    def _reaches_what_is_shown(self, terms: Terms) -> bool:
        """Return whether a limit reaches the displayed book of the other side while nothing of it can be taken."""
        best = self._state.book.best(-terms.side)
        if self._takes(terms.side) or best is None or terms.price_ticks is None:
            return False
        return terms.side * terms.price_ticks >= terms.side * best

    def _placed(self, terms: Terms, filled_lots: int, now_ns: int) -> Terms:
        """Return the terms that an order has on arrival: of a post-only one at the price that the venue gives it."""
        terms = self.own_book.reduce_only.within_position(terms, filled_lots)
        if not terms.post_only or self._rules.post_only != PostOnly.SLIDE or terms.price_ticks is None:
            return terms
        side = terms.side
        best = self._state.book.best(-side)
        if self._takes(side):
            offers = self.own_book.available.offers(-side, terms.price_ticks, now_ns)
            best = next((offer.price_ticks for offer in offers), None)
        own_best = (
            self.own_book.best(-side) if self._mode(terms) in (SelfTrade.CANCEL_NEWEST, SelfTrade.REJECT) else None
        )
        nearest = min((side * price - 1 for price in (best, own_best) if price is not None), default=None)
        if nearest is None or nearest >= side * terms.price_ticks:
            return terms
        return terms._replace(price_ticks=side * nearest)

    def _way(self, terms: Terms, open_lots: int, now_ns: int) -> Walk:
        """Return the way of an order that arrives with these terms; it meets no offer while it cannot take."""
        side, limit_ticks = terms.side, terms.price_ticks
        met: Iterable[Offer | OwnOrder] = ()
        if self._takes(side):
            met = self.own_book.available.offers(-side, limit_ticks, now_ns)
        elif not _may_rest(terms):
            return walk((), open_lots, SelfTrade.CANCEL_NEWEST)
        if self.own_book.best(-side) is not None:
            met = meetings(self.own_book, side, limit_ticks, cast("Iterable[Offer]", met))
        return walk(met, open_lots, self._mode(terms))

    def _enter(self, own: OwnOrder, asked: Terms, placed: Terms, kind: UpdateKind, now_ns: int) -> None:
        """Let an order take, and rest or expire with what is left; the answer precedes the fills."""
        own.terms = placed
        own.asked_ticks = None if asked.price_ticks == placed.price_ticks else asked.price_ticks
        own.state = OrderState.LIVE
        own.ts_arrival_ns = now_ns
        own.ahead_at_arrival = None
        way = self._way(placed, own.open_lots, now_ns)
        fills = way.traded_lots == own.open_lots
        rests = way.left_lots > 0 and not way.ends and _may_rest(placed)
        if rests:
            self.own_book.rest(own, now_ns, waits=not placed.post_only and not self._takes(own.side))
        self._update(own, kind)
        if fills or placed.tif != TimeInForce.FOK:
            if placed.reduce_only:
                self.own_book.cut(own)
            self._follow(own, way)
        if own.open_lots and not rests:
            own.state = OrderState.EXPIRED
            self._update(own, UpdateKind.EXPIRED, RejectReason.SELF_TRADE if way.ends else RejectReason.NONE)

    def _follow(self, own: OwnOrder, way: Walk) -> None:
        """Let an order trade with the offers on its way, and prevent trades with own orders."""
        for met, lots in way.steps:
            if isinstance(met, Offer):
                self.own_book.available.take(met, lots)
                self.own_book.fill(own, OwnTrade(met.price_ticks, lots, Cause.TAKE))
                continue
            if 0 < lots < met.open_lots:
                self._shrink(met, lots)
            else:
                self.own_book.take_off(met, RejectReason.SELF_TRADE)
            if 0 < lots < own.open_lots:
                self._shrink(own, lots)

    def _shrink(self, own: OwnOrder, lots: int) -> None:
        own.terms = own.terms._replace(size_lots=own.terms.size_lots - lots)
        self._update(own, UpdateKind.REDUCED, RejectReason.SELF_TRADE)

    def _update(self, own: OwnOrder, kind: UpdateKind, reason: RejectReason = RejectReason.NONE) -> None:
        self._events.append(Update(self._agent, own.snapshot(), kind, reason))


def _may_rest(terms: Terms) -> bool:
    """Return whether what does not trade on arrival stays."""
    return terms.tif not in (TimeInForce.IOC, TimeInForce.FOK) and terms.price_ticks is not None
