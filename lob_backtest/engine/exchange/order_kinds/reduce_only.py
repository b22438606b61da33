"""Reduce-only orders: those of a side that rest are never more than the position that they close."""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedDict

from lob_backtest.contract.terms import Terms
from lob_backtest.engine.exchange.own_order import OwnOrder


class ReduceOnly:
    """The resting reduce-only orders of one strategy in one instrument, and the position that they may reduce.

    Args:
        position_lots: the position at the start.
    """

    __slots__ = ("_position_lots", "_resting")

    def __init__(self, position_lots: int) -> None:
        self._position_lots = position_lots
        # Of each side by `-side * price_ticks` and stay: the first to be cut is the last.
        self._resting: dict[int, SortedDict[tuple[int, int], OwnOrder]] = {1: SortedDict(), -1: SortedDict()}

    def within_position(self, terms: Terms, filled_lots: int) -> Terms:
        """Return the terms of an arriving order with a size that the position allows."""
        if not terms.reduce_only:
            return terms
        room = max(0, -terms.side * self._position_lots)
        return terms._replace(size_lots=filled_lots + min(terms.size_lots - filled_lots, room))

    def rest(self, own: OwnOrder) -> None:
        """Add an order that rests."""
        self._resting[own.side][_place(own)] = own

    def remove(self, own: OwnOrder) -> None:
        """Remove an order that rests no longer."""
        del self._resting[own.side][_place(own)]

    def traded(self, side: int, size_lots: int) -> bool:
        """Apply a trade of an own order; return whether reduce-only orders rest."""
        self._position_lots += side * size_lots
        return bool(self._resting[1] or self._resting[-1])

    def excess(self, arriving: OwnOrder | None = None) -> Iterator[tuple[OwnOrder, int]]:
        """Yield the resting orders to cut, and by how many lots: farthest from the touch first, then newest.

        Args:
            arriving: counts as open, and is not cut.
        """
        for side, resting in self._resting.items():
            kept_lots = max(0, -side * self._position_lots)
            if arriving is not None and arriving.side == side:
                kept_lots -= arriving.open_lots
            open_lots = sum(own.open_lots for own in resting.values() if own is not arriving)
            for own in list(reversed(resting.values())) if open_lots > kept_lots else ():
                lots = min(own.open_lots, open_lots - kept_lots) if own is not arriving else 0
                if lots > 0:
                    open_lots -= lots
                    yield own, lots

    def check(self) -> None:
        """Assert that no fill of these orders can turn the position."""
        for side, resting in self._resting.items():
            assert all(own.terms.reduce_only and own.open_lots > 0 for own in resting.values())
            assert sum(own.open_lots for own in resting.values()) <= max(0, -side * self._position_lots)


def _place(own: OwnOrder) -> tuple[int, int]:
    assert own.price_ticks is not None
    return -own.side * own.price_ticks, own.queue_stay
