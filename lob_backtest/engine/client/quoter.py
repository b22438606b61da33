"""`ctx.quote`: turns the quotes that a market maker wants into requests.

A quoter touches only orders that it sent. An order that stands at a wanted price with no more than the wanted size
keeps its place; the others are moved, then sent or cancelled. An order with a request in flight is waited for:
its next request is sent with the answer. A price that was refused is left until the next call of `ctx.quote`.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from lob_backtest.engine.client.arguments import Number, Options, Wanted
from lob_backtest.engine.client.local_state import GONE, KnownOrder, LocalState
from lob_backtest.engine.client.order_entry import OrderEntry

AS_A_QUOTE: Final = Options({"post_only": True})


class Quoter:
    """The quotes of one strategy in one instrument."""

    __slots__ = ("_due", "_local_state", "_order_entry", "_refused", "_requested", "_top_up", "_waiting", "_wanted")

    def __init__(self, local_state: LocalState, order_entry: OrderEntry) -> None:
        self._local_state = local_state
        self._order_entry = order_entry
        self._requested: dict[int, dict[int, Number]] = {1: {}, -1: {}}  # the price last requested for, by order
        self._refused: dict[int, set[Number]] = {1: set(), -1: set()}
        self._due = False
        self._wanted: dict[int, Wanted] = {1: [], -1: []}
        self._waiting = {1: False, -1: False}
        self._top_up = False

    def quote(self, wanted: dict[int, Wanted], *, top_up: bool) -> None:
        """Replace the wanted quotes of some sides, and send the requests that they need."""
        self._top_up = top_up
        self._wanted.update(wanted)
        for side in wanted:
            self._refused[side].clear()
        # The side that makes room is first, so that own quotes never meet: asks when prices rise.
        rising = 1 in wanted and self._meets(1, [price for price, _ in wanted[1]], self._nearest(-1))
        for side in (-1, 1) if rising else (1, -1):
            if side in wanted:
                self._reconcile(side)

    def note(self, order_id: int, *, refused: bool) -> None:
        """Keep which order a message is about, before the callback, which may change the wanted quotes."""
        self._due = False
        for side, requested in self._requested.items():
            if order_id in requested:
                self._due = True
                if refused:
                    self._refused[side].add(requested[order_id])

    def answered(self) -> None:
        """Resume reconciling sides that waited for the answer noted."""
        for side in (1, -1):
            if self._due and self._waiting[side]:
                self._reconcile(side)

    def _live(self, side: int) -> list[KnownOrder]:
        orders, requested = self._local_state.orders, self._requested[side]
        live = [orders[order_id] for order_id in requested if order_id in orders]
        live = [known for known in live if known.state not in GONE]
        self._requested[side] = {known.order_id: requested[known.order_id] for known in live}
        return live

    def _nearest(self, side: int) -> int | None:
        """Return the best price at which an own quote of a side stands or may stand."""
        prices = [price for known in self._live(side) for price in known.prices()]
        return max(prices, key=lambda price: side * price, default=None)

    def _meets(self, side: int, prices: list[Number], nearest: int | None) -> bool:
        """Return whether a price of a side would meet an own quote of the other side."""
        return nearest is not None and any(side * price >= side * nearest for price in prices)

    def _reconcile(self, side: int) -> None:
        """Find an order for each wanted level: one at its price or on its way, then a free one, then a new one."""
        self._waiting[side] = False
        missing, refused = dict(self._wanted[side]), self._refused[side]
        free: deque[KnownOrder] = deque()
        busy = 0
        for known in self._live(side):
            price_ticks = known.quoted_ticks
            assert price_ticks is not None
            size_lots = missing.pop(price_ticks, None)
            if known.in_flight:
                self._waiting[side] = True
                busy += size_lots is None
            elif size_lots is None:
                free.append(known)
            elif price_ticks in refused:
                continue
            elif known.open_lots > size_lots or (self._top_up and known.open_lots < size_lots):
                self._move(side, known, price_ticks, size_lots)
        nearest = self._nearest(-side) if missing else None
        for price, size in missing.items():
            if price in refused or self._meets(side, [price], nearest):
                self._waiting[side] |= price not in refused
                if free:
                    free.popleft()
            elif free:
                self._move(side, free.popleft(), price, size)
            elif busy:
                busy -= 1
            else:
                self._send(side, price, size)
        for known in free:
            self._order_entry.cancel(known.order_id)

    def _move(self, side: int, known: KnownOrder, price_ticks: Number, size_lots: Number) -> None:
        room = self._local_state.room_to_replace(known)
        size_lots = size_lots if room is None else min(size_lots, room)
        if size_lots <= 0:
            self._order_entry.cancel(known.order_id)
        elif price_ticks != known.quoted_ticks or size_lots != known.open_lots:
            filled_lots = known.filled_lots if known.size_is_total else 0
            self._order_entry.replace(known.order_id, price_ticks, filled_lots + size_lots)
            self._sent(side, known.order_id, price_ticks)

    def _send(self, side: int, price_ticks: Number, size_lots: Number) -> None:
        room = self._local_state.room(side)
        size_lots = size_lots if room is None else min(size_lots, room)
        if size_lots > 0:
            self._sent(side, self._order_entry.new(side, price_ticks, size_lots, AS_A_QUOTE), price_ticks)

    def _sent(self, side: int, order_id: int, price_ticks: Number) -> None:
        self._requested[side][order_id] = price_ticks
        if not self._local_state.orders[order_id].in_flight:  # refused on the spot
            self._refused[side].add(price_ticks)
