"""When orders with an end of their own expire: GTD at its time, DAY when the market closes."""

from __future__ import annotations

from sortedcontainers import SortedDict

from lob_backtest.contract.tables import TimeInForce
from lob_backtest.engine.exchange.own_order import OwnOrder
from lob_backtest.engine.record.recorder import NEVER


class Expiries:
    """The GTD and DAY orders of one strategy in one instrument that have not ended.

    Adding, removing and finding the next takes time logarithmic in their number, closing linear.
    """

    __slots__ = ("_added", "_orders")

    def __init__(self) -> None:
        self._added = 0
        self._orders: SortedDict[tuple[int, int], OwnOrder] = SortedDict()  # by time and number of their addition

    @property
    def next_ns(self) -> int:
        """Return when the next order expires, `NEVER` or later where none does."""
        return int(self._orders.keys()[0][0]) if self._orders else NEVER

    def add(self, own: OwnOrder) -> None:
        """Add an order, if it has an end of its own."""
        terms = own.terms
        if terms.tif in (TimeInForce.GTD, TimeInForce.DAY):
            self._added += 1
            own.expiry = (NEVER if terms.expire_ns is None else terms.expire_ns, self._added)
            self._orders[own.expiry] = own

    def remove(self, own: OwnOrder) -> None:
        """Remove an order, if it is here."""
        if own.expiry is not None:
            del self._orders[own.expiry]
            own.expiry = None

    def close(self, now_ns: int) -> int:
        """Let DAY orders expire now, since the market has closed; return when the next order expires."""
        for own in [own for own in self._orders.values() if own.terms.tif == TimeInForce.DAY]:
            assert own.expiry is not None
            del self._orders[own.expiry]
            own.expiry = (now_ns, own.expiry[1])
            self._orders[own.expiry] = own
        return self.next_ns

    def due(self, now_ns: int) -> list[OwnOrder]:
        """List the orders whose time is over, in the order of their ends."""
        return [self._orders[place] for place in self._orders.irange(maximum=(now_ns, self._added))]

    def check(self) -> None:
        """Assert that each order is where it is looked for, and has something open."""
        assert all(own.expiry == place and own.open_lots > 0 for place, own in self._orders.items())
