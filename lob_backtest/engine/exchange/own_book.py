"""Own resting orders beside the market's book, in one price-time order with it; history is never altered.

The market passes every row to `before` while its book is as it was, and calls `end_packet` after LAST.
docs/fill-model.md states the rules; `_execute`, `printed` with `late`, and `_cross` are its ways to a fill.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from sortedcontainers import SortedDict

from lob_backtest.book.book import CANCEL, CLEAR, EXECUTE, MODIFY, BookOrder
from lob_backtest.contract.plan import SessionPlan
from lob_backtest.contract.rows import Action, Flag
from lob_backtest.contract.tables import Cause, OrderState, RejectReason, UpdateKind
from lob_backtest.engine.exchange.available_lots import AvailableLots
from lob_backtest.engine.exchange.level_queue import LevelQueue
from lob_backtest.engine.exchange.market_state import MarketState, Match
from lob_backtest.engine.exchange.order_event import Fill, OrderEvent, Update
from lob_backtest.engine.exchange.order_kinds.expiries import Expiries
from lob_backtest.engine.exchange.order_kinds.protection import Protection, is_quote
from lob_backtest.engine.exchange.order_kinds.reduce_only import ReduceOnly
from lob_backtest.engine.exchange.order_kinds.stops import Stops
from lob_backtest.engine.exchange.order_queue import OrderQueue
from lob_backtest.engine.exchange.own_order import OwnOrder, OwnTrade
from lob_backtest.engine.exchange.print_match import Fall, LevelKey
from lob_backtest.engine.models.queue import model_of, to_lots

TRADE: Final = int(Action.TRADE)
HIDDEN, AUCTION, WINDOW = int(Flag.HIDDEN), int(Flag.AUCTION), int(Flag.WINDOW)


class OwnBook:
    """The resting orders of one strategy in one instrument.

    Args:
        agent: the strategy's number.
        state: the instrument's book, prints and plan.
        events: takes the fills; a filled order is removed here.
        session: the strategy's part in the instrument.

    Attributes:
        available: what own orders can still take.
        expiries: the orders that end by themselves.
        protection: market maker protection.
        reduce_only: the resting reduce-only orders, and the position.
        moved: orders whose queue position changed in the packet at hand, by id.
        stops: the orders that wait for a price.
        sides: the resting orders of each side by `-side * price_ticks`, at each price by stay, oldest first.
    """

    __slots__ = (
        "_agent",
        "_behind",
        "_book",
        "_events",
        "_levels",
        "_orders",
        "_queue_stays",
        "_rules",
        "_state",
        "_visibility_unknown",
        "_waiting",
        "available",
        "expiries",
        "moved",
        "protection",
        "reduce_only",
        "sides",
        "stops",
    )

    def __init__(self, agent: int, state: MarketState, events: list[OrderEvent], session: SessionPlan) -> None:
        book, print_match, rules = state.book, state.print_match, state.plan.fill_rules
        model = model_of(state.plan)
        self._agent = agent
        self._book = book
        self._state = state
        self._events = events
        self._rules = rules
        self._orders = OrderQueue(book, rules)
        self._levels = LevelQueue(book, print_match, model)
        self._queue_stays = 0
        self._waiting: dict[int, OwnOrder] = {}  # those that take once something can be taken, by stay
        self._visibility_unknown = False  # whether some resting order may be outside of what the feed shows
        # L2: keys, stays and orders of each side that may have something ahead, or are not shown.
        self._behind: dict[int, SortedDict[tuple[int, int], OwnOrder]] = {1: SortedDict(), -1: SortedDict()}
        self.available = AvailableLots(book, print_match, model)
        self.expiries = Expiries()
        self.stops = Stops()
        self.moved: dict[int, OwnOrder] = {}
        self.protection = Protection(session.mmp)
        self.reduce_only = ReduceOnly(session.initial_position)
        self.sides: dict[int, SortedDict[int, OrderedDict[int, OwnOrder]]] = {1: SortedDict(), -1: SortedDict()}

    @property
    def _queue(self) -> OrderQueue | LevelQueue:
        return self._orders if self._book.level == 3 else self._levels

    @property
    def needs_rows(self) -> bool:
        """Return whether any row can matter: an order rests or waits for a price, or a taken lot is remembered."""
        return bool(self.sides[1] or self.sides[-1] or self.available.taken or self.stops.orders)

    def resting(self, side: int) -> Iterator[OwnOrder]:
        """Iterate the orders of one side in price-time order."""
        for owns in self.sides[side].values():
            yield from owns.values()

    def available_ahead(self, own: OwnOrder) -> int:
        """Return the lots ahead of an order that own orders have not taken."""
        ahead = max(0, own.ahead - self.available.taken_at((own.side, own.limit_ticks)))
        return ahead if self._book.level == 3 else to_lots(ahead)

    def at(self, side: int, price_ticks: int) -> list[OwnOrder]:
        """Return the orders at a price, oldest first; a copy."""
        owns = self.sides[side].get(-side * price_ticks)
        return list(owns.values()) if owns else []

    def best(self, side: int) -> int | None:
        """Return the best own price of one side."""
        ladder = self.sides[side]
        return -side * int(ladder.peekitem(0)[0]) if ladder else None

    def rest(self, own: OwnOrder, now_ns: int, *, waits: bool) -> None:
        """Add an order at the end of the queue at its price; `waits`: it takes once something can be taken."""
        assert own.price_ticks is not None
        self._queue_stays += 1
        own.queue_stay = self._queue_stays
        own.tip = own.terms.display_lots or 0
        # Within a snapshot no queue is known: the order takes its place when the snapshot is complete.
        known = own.side not in self._book.awaiting_snapshot and not self._book.beyond_window(own.side, own.price_ticks)
        own.visible = own.shown = known
        if self._book.level == 3:
            self._orders.join(own)
        else:
            self._levels.join(own, now_ns)
        own.ahead_at_arrival = own.ahead_lots(self._book.level)
        key = -own.side * own.price_ticks
        self.sides[own.side].setdefault(key, OrderedDict())[own.queue_stay] = own
        self._visibility_unknown |= not known
        if self._book.level == 2 and (own.ahead or not known):
            self._behind[own.side][key, own.queue_stay] = own
        own.waits = waits
        if waits:
            self._waiting[own.queue_stay] = own
        if own.terms.reduce_only:
            self.reduce_only.rest(own)
        self.expiries.add(own)

    def remove(self, own: OwnOrder) -> None:
        """Remove an order, from its queue or from those that wait for a price."""
        if own.state == OrderState.UNTRIGGERED:
            self.stops.remove(own)
            self.expiries.remove(own)
            return
        assert own.price_ticks is not None
        key = -own.side * own.price_ticks
        owns = self.sides[own.side][key]
        del owns[own.queue_stay]
        if not owns:
            del self.sides[own.side][key]
        self._behind[own.side].pop((key, own.queue_stay), None)
        if own.waits:
            own.waits = False
            del self._waiting[own.queue_stay]
        if own.terms.reduce_only:
            self.reduce_only.remove(own)
        self.expiries.remove(own)

    def _first(self, side: int, limit_key: int) -> OwnOrder | None:
        """Return the first order of a side in price-time order, if its price is better than a limit's."""
        ladder = self.sides[side]
        if not ladder or ladder.keys()[0] >= limit_key:
            return None
        oldest: OwnOrder = next(iter(ladder.peekitem(0)[1].values()))
        return oldest

    def before(self, row: tuple[int, int, int, int, int, int], match: Match) -> None:
        """Apply a row that the book applies next; levels and prints of L2 have methods of their own.

        Args:
            row: action, side, order_id, price_ticks, size_lots, flags.
            match: what may fill now.
        """
        action, side, order_id, price_ticks, size_lots, flags = row
        if action == EXECUTE:
            order = self._book.orders[order_id]
            self._execute(order, size_lots, Match.NOTHING if flags & AUCTION else match)
            if flags & AUCTION:
                self._lose(order_id, size_lots)
            else:
                self.available.executed(order, size_lots)
        elif action == CANCEL:
            self._cancel(order_id, size_lots, flags)
        elif action == MODIFY:
            order = self._book.orders[order_id]
            keeps = price_ticks == order.price_ticks and size_lots <= order.size_lots
            self._cancel(order_id, order.size_lots - size_lots if keeps else order.size_lots, flags)
        elif action == TRADE and flags & HIDDEN and not flags & AUCTION:
            self._hidden(side, price_ticks, size_lots, match)
        elif action == CLEAR:
            self._clear(side)

    def update_visibility(self, falls: dict[LevelKey, Fall]) -> None:
        """Update which orders are visible at the end of a packet, before the book counts a side as shown again.

        Args:
            falls: the levels of which a snapshot shows less.
        """
        self.available.end_packet(falls)
        if not (self._visibility_unknown or self._book.depth or self._book.awaiting_snapshot):
            return
        self._visibility_unknown = False
        for side in (1, -1):
            shown = side not in self._book.awaiting_snapshot
            if not shown and not self._book.ladders[side]:
                self._visibility_unknown = True  # cleared and not shown again: no queue of it is known
                continue
            for own in self.resting(side):
                if not shown:
                    self._rebuild(own, falls)
                self._update_order_visibility(own)

    def end_packet(self, now_ns: int) -> None:
        """Let orders that wait or are crossed trade with a good book at the end of a packet."""
        self._end_wait(now_ns)
        self._cross(1, now_ns)
        self._cross(-1, now_ns)
        self.protect()

    def level(self, level_key: LevelKey, fall: Fall | None) -> None:
        """L2: apply a LEVEL row that takes something off, or (`None`) takes the price out of the window."""
        if fall is None:
            for own in self.at(*level_key):
                self._freeze(own)
            self.available.freeze(level_key)
            return
        for own in self.at(*level_key):
            ahead = own.ahead
            if own.visible:
                self._levels.fell(own, fall)
            if own.ahead != ahead:
                self._changed(own)
        self.available.fell(level_key, fall)

    def late(self, level_key: LevelKey, fall: Fall, size_lots: int, match: Match) -> None:
        """L2: apply the part of a print that belongs to an earlier fall."""
        side, price_ticks = level_key
        flow = OwnTrade(0, size_lots, Cause.THROUGH, ts_traded_ns=fall.ts_ns)
        left = self._late_through(level_key, fall, flow, match)
        for own in self.at(side, price_ticks):
            if own.since >= fall.number:
                break  # the oldest stood with their present place when the level fell
            if own.state != OrderState.LIVE:
                continue  # cut by a fill of this print
            ahead = own.ahead
            lots = self._levels.late(own, fall, left)
            if own.ahead != ahead:
                if own.ahead:
                    self._behind[side][-side * price_ticks, own.queue_stay] = own
                self._changed(own)
            if lots and match == Match.ALL:
                left -= lots
                self._take(own, OwnTrade(price_ticks, lots, Cause.QUEUE, ts_traded_ns=fall.ts_ns))
        self.available.late(level_key, fall)

    def printed(self, level_key: LevelKey, size_lots: int, match: Match, now_ns: int) -> None:
        """L2: apply the new part of a print."""
        side, price_ticks = level_key
        left = self._through(level_key, OwnTrade(0, size_lots, Cause.THROUGH), match)
        owns = self.at(side, price_ticks)
        for own, lots in self._levels.printed(owns, left, matching=match == Match.ALL):
            self._take(own, OwnTrade(price_ticks, lots, Cause.QUEUE))
        for own in owns:
            self._changed(own)
        behind = self._behind[side]
        while behind and behind.keys()[0][0] < -side * price_ticks:
            own = behind.popitem(0)[1]
            if own.ahead or not own.shown:
                self._levels.emptied(own)
                self._changed(own)
        self.available.printed(level_key, size_lots, now_ns)

    def _take(self, own: OwnOrder, trade: OwnTrade) -> None:
        """Let a resting order trade: an iceberg tip by tip, unless it takes."""
        left = trade.size_lots
        while left:
            lots = left if trade.cause == Cause.TAKE else min(left, own.tip_lots)
            tip = own.tip_lots - lots
            left -= lots
            if lots == own.open_lots:
                self.remove(own)
            self.fill(own, trade._replace(size_lots=lots))
            if own.terms.display_lots is not None and trade.cause != Cause.TAKE:
                own.tip = tip
                if own.open_lots and not tip:
                    self._refresh(own)

    def _refresh(self, own: OwnOrder) -> None:
        """Let the next tip of an iceberg join the end of its level as it stands."""
        self.remove(own)
        own.ts_arrival_ns = self._state.now_ns
        self.rest(own, self._state.now_ns, waits=False)
        self._changed(own)

    def fill(self, own: OwnOrder, trade: OwnTrade) -> None:
        """Let an order trade; whether it rests is the caller's business."""
        self._events.append(Fill(self._agent, own.snapshot(), own.ts_arrival_ns, trade))
        own.filled_lots += trade.size_lots
        if own.open_lots == 0:
            own.state = OrderState.FILLED
        if self.protection.is_on and is_quote(own.terms):
            self.protection.traded(trade.size_lots, self._state.now_ns)
        # A fill of a reduce-only order takes as much off the open lots as off the position.
        if self.reduce_only.traded(own.side, trade.size_lots) and not own.terms.reduce_only:
            self.cut()

    def cut(self, arriving: OwnOrder | None = None) -> None:
        """Cut the reduce-only orders to the position; `arriving` counts, and stays as it is."""
        for own, lots in self.reduce_only.excess(arriving):
            if lots == own.open_lots:
                self.take_off(own, RejectReason.REDUCE_ONLY)
            else:
                own.terms = own.terms._replace(size_lots=own.terms.size_lots - lots)
                self._events.append(Update(self._agent, own.snapshot(), UpdateKind.REDUCED, RejectReason.REDUCE_ONLY))

    def take_off(self, own: OwnOrder, reason: RejectReason = RejectReason.NONE) -> None:
        """Cancel a resting order: with a reason where no request asked for it."""
        self.remove(own)
        own.state = OrderState.CANCELLED
        self._events.append(Update(self._agent, own.snapshot(), UpdateKind.CANCELLED, reason))

    def protect(self) -> None:
        """Cancel all quotes if market maker protection has tripped."""
        if self.protection.is_on and self.protection.trips(self._state.now_ns):
            for own in [*self.resting(1), *self.resting(-1)]:
                self.take_off(own, RejectReason.MMP)

    def _changed(self, own: OwnOrder) -> None:
        self.moved[own.order_id] = own

    def _through(self, level_key: LevelKey, flow: OwnTrade, match: Match) -> int:
        """Fill orders at better prices than a trade's, each at its own price; return what is left of the trade."""
        side, price_ticks = level_key
        left = flow.size_lots
        while left and match != Match.NOTHING:
            own = self._first(side, -side * price_ticks)
            if own is None:
                break
            left -= self._take_first(own, left, flow, match)
        return left

    def _late_through(self, level_key: LevelKey, fall: Fall, flow: OwnTrade, match: Match) -> int:
        """Fill orders at better prices that stood when a level fell; return what is left of the late flow."""
        side, price_ticks = level_key
        left = flow.size_lots if match != Match.NOTHING else 0
        for key in list(self.sides[side].irange(maximum=-side * price_ticks, inclusive=(True, False))) if left else ():
            for own in self.at(side, -side * key):
                if not left or own.since >= fall.number:
                    break
                if own.state == OrderState.LIVE:
                    left -= self._take_first(own, left, flow, match)
        return left if match != Match.NOTHING else flow.size_lots

    def _take_first(self, own: OwnOrder, left_lots: int, flow: OwnTrade, match: Match) -> int:
        """Fill an order at its own price by flow at a worse one; return how much."""
        assert own.price_ticks is not None
        lots = min(left_lots, own.open_lots)
        tainted = match == Match.THROUGH
        self._take(own, flow._replace(price_ticks=own.price_ticks, size_lots=lots, tainted=tainted))
        return lots

    def _execute(self, order: BookOrder, size_lots: int, match: Match) -> None:
        side, price_ticks = order.side, order.price_ticks
        left = self._through((side, price_ticks), OwnTrade(0, size_lots, Cause.THROUGH), match)
        if match == Match.ALL:
            for own, lots in self._orders.reached(self.at(side, price_ticks), left, order):
                self._take(own, OwnTrade(price_ticks, lots, Cause.QUEUE))
        for own in self.at(side, price_ticks):
            if self._orders.executed(own, order, size_lots):
                self._changed(own)

    def _cancel(self, order_id: int, size_lots: int, flags: int) -> None:
        order = self._book.orders[order_id]
        for own in self.at(order.side, order.price_ticks):
            if flags & WINDOW:
                self._freeze(own)
            elif self._orders.cancelled(own, order, size_lots):
                self._changed(own)
        if flags & WINDOW:
            self.available.freeze((order.side, order.price_ticks))
        else:
            self._lose(order_id, size_lots)

    def _lose(self, order_id: int, size_lots: int) -> None:
        order = self._book.orders[order_id]
        self.available.reduced(order_id, order, order.size_lots - size_lots)

    def _hidden(self, side: int, price_ticks: int, size_lots: int, match: Match) -> None:
        sides = (side,) if side else (1, -1) if self._rules.hidden_any_side else ()
        for each in sides:
            size_lots = self._through((each, price_ticks), OwnTrade(0, size_lots, Cause.HIDDEN), match)
            for own in self.at(each, price_ticks) if match == Match.ALL else ():
                if size_lots and own.visible and own.ahead == 0 and own.state == OrderState.LIVE:
                    lots = min(size_lots, own.tip_lots)
                    size_lots -= lots
                    self._take(own, OwnTrade(price_ticks, lots, Cause.HIDDEN))

    def _end_wait(self, now_ns: int) -> None:
        """Let orders that arrived while nothing could be taken take the offers within their limits."""
        waiting = [own for own in self._waiting.values() if -own.side not in self._book.awaiting_snapshot]
        for own in waiting:
            if own.queue_stay not in self._waiting:
                continue  # cut by the fill of another
            del self._waiting[own.queue_stay]
            own.waits = False
            self._meet(own, Cause.TAKE, now_ns)

    def _cross(self, side: int, now_ns: int) -> None:
        opposite = self._book.best(-side)
        # Where the offers are too few for one order, none is left for those behind it.
        while opposite is not None:
            own = self._first(side, -side * opposite + 1)
            if own is None:
                return
            self._meet(own, Cause.CROSS, now_ns)
            if own.open_lots:
                return

    def _meet(self, own: OwnOrder, cause: Cause, now_ns: int) -> None:
        """Let a resting order trade with what is available within its limit: a taker at that price, else at its own."""
        assert own.price_ticks is not None
        for offer in list(self.available.offers(-own.side, own.price_ticks, now_ns)):
            lots = min(offer.size_lots, own.open_lots)
            if not lots:
                return
            self.available.take(offer, lots)
            self._take(own, OwnTrade(offer.price_ticks if cause == Cause.TAKE else own.price_ticks, lots, cause))

    def _clear(self, side: int) -> None:
        self.available.clear(side)
        for each in (1, -1) if side == 0 else (side,):
            if each not in self._book.awaiting_snapshot:
                for own in self.resting(each):
                    self._queue.remember(own)

    def _rebuild(self, own: OwnOrder, falls: dict[LevelKey, Fall]) -> None:
        assert own.price_ticks is not None
        if own.visible and not self._book.beyond_window(own.side, own.price_ticks):
            fall = falls.get((own.side, own.price_ticks))
            if fall is not None:
                self._levels.fell(own, fall)
            self._queue.rebuild(own)
            self._changed(own)

    def _freeze(self, own: OwnOrder) -> None:
        if own.visible:
            own.visible = False
            self._visibility_unknown = True
            self._changed(own)

    def _update_order_visibility(self, own: OwnOrder) -> None:
        assert own.price_ticks is not None
        if self._book.beyond_window(own.side, own.price_ticks):
            self._freeze(own)
        elif not own.visible:
            self._queue.reappear(own)
            own.visible = own.shown = True
            if self._book.level == 2 and own.ahead:
                self._behind[own.side][-own.side * own.price_ticks, own.queue_stay] = own
            self._changed(own)

    def check(self) -> None:
        """Assert the invariants of own orders; for tests and runs that check everything."""
        for side, ladder in self.sides.items():
            for key, by_stay in ladder.items():
                owns = list(by_stay.values())
                # Own orders stand oldest first, at their price, with something open.
                assert [own.queue_stay for own in owns] == sorted(own.queue_stay for own in owns)
                assert all((own.side, -side * int(own.price_ticks or 0)) == (side, key) for own in owns)
                assert all(own.open_lots > 0 and own.tip_lots > 0 for own in owns)
                for own in owns:
                    # A queue position is never negative; on L3 it is the size of the older orders, or less.
                    assert own.ahead >= 0
                    if self._book.level == 3 and own.visible and side not in self._book.awaiting_snapshot:
                        level = self._book.ladders[side].get(key)
                        orders = level.orders.values() if level is not None else ()
                        assert own.older_lots == sum(o.size_lots for o in orders if o.arrival <= own.arrival)
                        assert own.ahead <= own.older_lots
        self.available.check()
        self.reduce_only.check()
        self.expiries.check()
