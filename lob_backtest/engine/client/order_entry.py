"""The entry of orders: a strategy's requests are checked here before they are sent.

Nonsense and breaches of a limit are refused at once, as data. Orders in flight count as if they were filled, so that
no race can breach the position limit.
"""

from __future__ import annotations

import math

from lob_backtest.contract.rows import LIMIT
from lob_backtest.contract.tables import OrderState, RejectReason, TimeInForce, UpdateKind
from lob_backtest.contract.terms import Terms
from lob_backtest.engine.client.agent import Agent
from lob_backtest.engine.client.arguments import Number, Options
from lob_backtest.engine.client.clock import Clock
from lob_backtest.engine.client.local_state import GONE, NOTHING_KNOWN, KnownOrder, LocalState
from lob_backtest.engine.wire.messages import OrderSnapshot, Request, RequestKind


def whole(value: Number, reason: RejectReason) -> tuple[int, RejectReason]:
    """Return an integer; a float gives 0 and why: `reason`, or `BAD_VALUE` where it is not finite."""
    if isinstance(value, int):
        return value, RejectReason.NONE
    return 0, reason if math.isfinite(value) else RejectReason.BAD_VALUE


def check_price(value: Number) -> tuple[int, RejectReason]:
    """Read a price in ticks."""
    price_ticks, reason = whole(value, RejectReason.OFF_TICK)
    if not reason and abs(price_ticks) >= LIMIT:
        return 0, RejectReason.PRICE
    return price_ticks, reason


def check_size(value: Number) -> tuple[int, RejectReason]:
    """Read a size in lots."""
    size_lots, reason = whole(value, RejectReason.OFF_LOT)
    if not reason and not 0 < size_lots < LIMIT:
        return 0, RejectReason.SIZE
    return size_lots, reason


def order_number(value: Number) -> int:
    """Read an order's id; -1 for what cannot be one."""
    number, reason = whole(value, RejectReason.UNKNOWN_ORDER)
    return number if not reason and abs(number) < LIMIT else -1


class OrderEntry:
    """Sends the requests of one strategy in one instrument.

    Args:
        agent: the strategy.
        instrument: the instrument's place in the plan.
        local_state: what the strategy knows of it.
        clock: the strategy's time.
    """

    __slots__ = ("_agent", "_clock", "_instrument", "_local_state")

    def __init__(self, agent: Agent, instrument: int, local_state: LocalState, clock: Clock) -> None:
        self._agent = agent
        self._instrument = instrument
        self._local_state = local_state
        self._clock = clock

    def new(self, side: int, price: Number | None, size: Number, options: Options) -> int:
        """Send a new order, or refuse it; return its id in both cases."""
        self._count()
        terms = Terms(side, None, 0, **options.given)
        self._agent.limits.check_order(len(self._local_state.orders), terms.tag)
        order_id = self._agent.new_id()
        size_lots, reason = check_size(size)
        price_ticks: int | None = None
        if price is not None:
            price_ticks, price_reason = check_price(price)
            reason = reason or price_reason
        terms = terms._replace(price_ticks=price_ticks, size_lots=size_lots)
        if options.has_bad_option or _contradicts_itself(terms):
            reason = reason or RejectReason.BAD_VALUE
        known = KnownOrder(order_id, terms, size_is_total=self._local_state.size_is_total)
        reason = reason or self._closed() or self._breach(side, size_lots, None)
        if reason:
            known.state = OrderState.REJECTED
            self._refuse(known.at_exchange(), UpdateKind.REJECTED, reason)
        else:
            known.in_flight += 1
            self._send(RequestKind.NEW, order_id, terms=terms)
        self._local_state.orders[order_id] = known
        self._local_state.count(known)
        return order_id

    def replace(self, order_id: Number, price: Number | None, size: Number | None) -> None:
        """Send another price or size for an order, or refuse it."""
        self._count()
        known, reason = self._find(order_id)
        price_ticks = size_lots = None
        if price is not None:
            price_ticks, bad = check_price(price)
            reason = reason or bad
        if size is not None:
            size_lots, bad = check_size(size)
            reason = reason or bad
        reason = reason or self._closed()
        if known is not None and not reason and size_lots is not None:
            reason = self._breach(known.terms.side, known.exposed_with(size_lots), known)
        if known is None or reason:
            self._refuse(_named(order_id, known), UpdateKind.REPLACE_REJECTED, reason)
            return
        known.in_flight += 1
        unchanged = known.terms.size_lots if known.size_is_total else 0
        known.requested_sizes.append(unchanged if size_lots is None else size_lots)
        known.requested_prices.append(price_ticks)
        self._local_state.count(known)
        self._send(RequestKind.REPLACE, known.order_id, price_ticks=price_ticks, size_lots=size_lots)

    def cancel(self, order_id: Number) -> None:
        """Request the cancellation of an order, or refuse."""
        self._count()
        known, reason = self._find(order_id)
        if self._agent.stopped:
            reason = reason or RejectReason.STOPPED
        if known is None or reason:
            self._refuse(_named(order_id, known), UpdateKind.CANCEL_REJECTED, reason)
            return
        known.in_flight += 1
        self._send(RequestKind.CANCEL, known.order_id)

    def cancel_all(self, side: int | None, tag: str | None) -> None:
        """Request the cancellation of all orders of a side and a tag (`None`: of any) in one message."""
        live = [known for known in self._local_state.orders.values() if known.state not in GONE]
        chosen = [each for each in live if side in (None, each.terms.side) and tag in (None, each.terms.tag)]
        if self._agent.stopped:
            for known in chosen:
                self.cancel(known.order_id)
        elif chosen:
            self._count()
            for known in chosen:
                known.in_flight += 1
            order_ids = tuple(known.order_id for known in chosen)
            self._send(RequestKind.CANCEL_ALL, order_ids[0], order_ids=order_ids)

    def mmp_reset(self) -> None:
        """Request that market maker protection takes quotes again; nothing answers."""
        if not self._agent.stopped:
            self._count()
            self._send(RequestKind.MMP_RESET, 0)

    def has(self, order_id: Number) -> bool:
        """Return whether the local state knows an order."""
        return order_number(order_id) in self._local_state.orders

    def _count(self) -> None:
        self._agent.limits.count(self._clock.now_ns)
        self._agent.limits.check_requests(self._agent.channels_of(self._instrument).under_way)

    def _send(
        self,
        kind: RequestKind,
        order_id: int,
        *,
        terms: Terms | None = None,
        price_ticks: int | None = None,
        size_lots: int | None = None,
        order_ids: tuple[int, ...] = (),
    ) -> None:
        now_ns = self._clock.now_ns
        request = Request(kind, now_ns, now_ns, self._instrument, order_id, terms, price_ticks, size_lots, order_ids)
        self._agent.channels_of(self._instrument).send(request)

    def _find(self, order_id: Number) -> tuple[KnownOrder | None, RejectReason]:
        _, bad = whole(order_id, RejectReason.NONE)
        order_id = order_number(order_id)
        known = self._local_state.orders.get(order_id)
        if known is not None and known.state not in GONE:
            return known, RejectReason.NONE
        if bad:
            return None, bad
        return None, RejectReason.TOO_LATE if self._agent.knew(order_id) else RejectReason.UNKNOWN_ORDER

    def _closed(self) -> RejectReason:
        if self._agent.stopped:
            return RejectReason.STOPPED
        return RejectReason.WARM_UP if self._clock.now_ns < self._agent.open_ns else RejectReason.NONE

    def _breach(self, side: int, size_lots: int, apart_from: KnownOrder | None) -> RejectReason:
        room = self._local_state.room(side, apart_from)
        return RejectReason.POSITION_LIMIT if room is not None and size_lots > room else RejectReason.NONE

    def _refuse(self, order: OrderSnapshot, kind: UpdateKind, reason: RejectReason) -> None:
        self._agent.refuse(self._clock.now_ns, self._instrument, order, kind, reason)


def _contradicts_itself(terms: Terms) -> bool:
    """Return whether no order can have these terms (`docs/fill-model.md`, ICEBERG-5 and STOP-6)."""
    is_stop = terms.stop_ticks is not None or terms.trail_ticks is not None or terms.trail_bps is not None
    may_rest = terms.tif not in (TimeInForce.IOC, TimeInForce.FOK)
    rests = may_rest and (terms.price_ticks is not None or is_stop)
    has_end, has_tip = terms.tif == TimeInForce.GTD, terms.display_lots is not None
    needs_rest = terms.post_only or has_end or terms.tif == TimeInForce.DAY
    needs_stop = terms.trigger is not None
    if (needs_rest and not rests) or has_end != (terms.expire_ns is not None) or (needs_stop and not is_stop):
        return True
    if has_tip and (terms.price_ticks is None or not may_rest or (terms.display_lots or 0) <= 0):
        return True
    if (is_stop and terms.post_only) or (terms.trail_ticks is not None and terms.trail_bps is not None):
        return True
    bounds = ((terms.stop_ticks, 1 - LIMIT, LIMIT), (terms.trail_ticks, 1, LIMIT), (terms.trail_bps, 1, 10_000))
    return any(value is not None and not least <= value < bound for value, least, bound in bounds)


def _named(order_id: Number, known: KnownOrder | None) -> OrderSnapshot:
    """Return the order that a refused request names; of one that is over or never was, the id and nothing else."""
    if known is not None:
        return known.at_exchange()
    return OrderSnapshot(order_number(order_id), NOTHING_KNOWN, OrderState.REJECTED)
