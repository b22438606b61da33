"""Stop orders: held by the exchange in no book until a price reaches their stop, fixed or trailing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lob_backtest.contract.tables import Trigger
from lob_backtest.contract.terms import Terms
from lob_backtest.engine.exchange.own_order import OwnOrder
from lob_backtest.engine.record.recorder import NEVER

BPS: Final = 10_000


class Stops:
    """The untriggered orders of one strategy in one instrument.

    A price is compared with each order that watches its kind: time linear in their number. Prices are doubled, as mids
    are.

    Attributes:
        orders: by id, which ascends in the order sent.
        due_ns: when triggered orders arrive in the book, `NEVER` where there are none.
    """

    __slots__ = ("_due", "_held", "due_ns", "orders")

    def __init__(self) -> None:
        self.orders: dict[int, OwnOrder] = {}
        self._held: dict[int, OwnOrder] = {}  # reached by a print of the packet at hand
        self._due: dict[int, OwnOrder] = {}
        self.due_ns = NEVER

    def add(self, own: OwnOrder) -> None:
        """Add an order that has arrived."""
        self.orders[own.order_id] = own

    def remove(self, own: OwnOrder) -> None:
        """Remove an order."""
        for orders in (self.orders, self._held, self._due):
            orders.pop(own.order_id, None)
        self._update_due(self.due_ns)

    def printed(self, price_ticks: int) -> None:
        """Compare the price of a print; what it reaches is held until its packet ends."""
        for own in self._reached(Trigger.LAST, (2 * price_ticks, 2 * price_ticks)):
            self._held[own.order_id] = own

    def arrived(self, bid_ticks: int | None, ask_ticks: int | None, now_ns: int) -> None:
        """Compare the best prices when an order arrives."""
        self._release(self._touched(bid_ticks, ask_ticks), now_ns)

    def end_packet(self, bid_ticks: int | None, ask_ticks: int | None, now_ns: int) -> None:
        """Compare the best prices that a packet left, `None` where they are not to be trusted; release what is held."""
        held = list(self._held.values())
        self._held.clear()
        self._release([*held, *self._touched(bid_ticks, ask_ticks)], now_ns)

    def due(self) -> list[OwnOrder]:
        """Take out the triggered orders, by the row that triggered them and then as they were sent."""
        due = list(self._due.values())
        for own in due:
            self.remove(own)
        return due

    def _touched(self, bid_ticks: int | None, ask_ticks: int | None) -> list[OwnOrder]:
        reached = self._reached(Trigger.TOUCH, (_doubled(ask_ticks), _doubled(bid_ticks)))
        if bid_ticks is not None and ask_ticks is not None:
            mid2 = bid_ticks + ask_ticks
            reached += self._reached(Trigger.MID, (mid2, mid2))
        return sorted(reached, key=lambda own: own.order_id)

    def _reached(self, trigger: Trigger, prices2: tuple[int | None, int | None]) -> list[OwnOrder]:
        """List the orders whose stop is reached now: buys by the first price, sells by the second."""
        reached = []
        for order_id, own in self.orders.items():
            price2 = prices2[own.side < 0]
            watches = trigger_of(own.terms) == trigger and order_id not in self._held and order_id not in self._due
            if watches and price2 is not None and _reaches(own, price2):
                reached.append(own)
        return reached

    def _release(self, owns: Iterable[OwnOrder], now_ns: int) -> None:
        for own in owns:
            self._due[own.order_id] = own
        self._update_due(now_ns)

    def _update_due(self, now_ns: int) -> None:
        self.due_ns = now_ns if self._due else NEVER


def is_stop(terms: Terms) -> bool:
    """Return whether an order waits for a price before it enters the book."""
    return terms.stop_ticks is not None or terms.trail_ticks is not None or terms.trail_bps is not None


def trigger_of(terms: Terms) -> Trigger:
    """Return which price a stop order is compared with."""
    return Trigger.LAST if terms.trigger is None else terms.trigger


def _doubled(price_ticks: int | None) -> int | None:
    return None if price_ticks is None else 2 * price_ticks


def _reaches(own: OwnOrder, price2: int) -> bool:
    """Return whether a price triggers an order; a trailing one first moves its extreme."""
    terms, side = own.terms, own.side
    is_at_stop = terms.stop_ticks is None or side * price2 >= side * 2 * terms.stop_ticks
    if terms.trail_ticks is None and terms.trail_bps is None:
        return is_at_stop
    if own.extreme2 is None:
        own.extreme2 = price2 if is_at_stop else None  # the stop starts the trailing
        return False
    own.extreme2 = side * min(side * own.extreme2, side * price2)
    gap2 = side * (price2 - own.extreme2)
    if terms.trail_ticks is not None:
        return gap2 >= 2 * terms.trail_ticks
    assert terms.trail_bps is not None
    return gap2 * BPS >= terms.trail_bps * own.extreme2
