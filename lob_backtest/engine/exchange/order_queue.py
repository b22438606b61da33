"""L3: exact queue positions, from the market orders that stand ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lob_backtest.book.book import Book, BookOrder
from lob_backtest.contract.plan import FillRules
from lob_backtest.contract.tables import OrderState
from lob_backtest.engine.exchange.own_order import OwnOrder


class OrderQueue:
    """Positions of own orders among the orders of an L3 book.

    Args:
        book: the market's book, before the row at hand.
        rules: how own orders fill.
    """

    __slots__ = ("_book", "_rules")

    def __init__(self, book: Book, rules: FillRules) -> None:
        self._book = book
        self._rules = rules

    def join(self, own: OwnOrder) -> None:
        """Put an own order behind everything that stands at its price."""
        assert own.price_ticks is not None
        own.arrival = self._book.arrivals
        own.ahead = own.older_lots = self._book.size_at(own.side, own.price_ticks)

    def reappear(self, own: OwnOrder) -> None:
        """Find the position of an order whose price is within the window again."""
        frozen, shown = own.ahead, own.shown
        self.join(own)
        if shown:
            own.ahead = min(frozen, own.older_lots)

    def reached(self, owns: Sequence[OwnOrder], size_lots: int, order: BookOrder) -> Iterator[tuple[OwnOrder, int]]:
        """Yield the own orders that an execution of `order` fills at its price, with the lots; `size_lots` in all."""
        # Within a snapshot it is not known which order is older.
        younger_fills = self._rules.fill_on_younger_execution and order.side not in self._book.awaiting_snapshot
        for own in owns:
            if size_lots == 0:
                return
            # After a return to the window orders with nothing ahead may stand among those that count as older.
            if own.state != OrderState.LIVE:
                continue  # cut by a fill of this execution
            if own.visible and (own.ahead == 0 or (younger_fills and own.arrival < order.arrival)):
                lots = min(size_lots, own.tip_lots)
                size_lots -= lots
                yield own, lots

    def executed(self, own: OwnOrder, order: BookOrder, size_lots: int) -> bool:
        """Apply a trade of a market order at the price; return whether the position changed."""
        if order.arrival > own.arrival or not own.visible:
            return False
        own.older_lots -= size_lots
        own.ahead = max(0, own.ahead - size_lots)
        return True

    def cancelled(self, own: OwnOrder, order: BookOrder, size_lots: int) -> bool:
        """Apply a cancel or a reduction of a market order at the price; return whether the position changed."""
        if order.arrival > own.arrival or not own.visible:
            return False
        own.older_lots -= size_lots
        own.ahead = min(own.ahead, own.older_lots)
        return True

    def remember(self, own: OwnOrder) -> None:
        """Keep which orders stand ahead, before a CLEAR removes them."""
        assert own.price_ticks is not None
        level = self._book.ladders[own.side].get(-own.side * own.price_ticks)
        orders = level.orders.items() if level is not None else ()
        own.survivors = frozenset(order_id for order_id, order in orders if order.arrival <= own.arrival)

    def rebuild(self, own: OwnOrder) -> None:
        """Find the position after a snapshot: behind the last listed order that was ahead before it."""
        assert own.price_ticks is not None
        level = self._book.ladders[own.side].get(-own.side * own.price_ticks)
        listed = list(level.orders.items()) if level is not None else []
        last = max((i for i, (order_id, _) in enumerate(listed) if order_id in own.survivors), default=None)
        if last is None:
            own.arrival = self._book.arrivals
            own.older_lots = level.size_lots if level is not None else 0
        else:
            own.arrival = listed[last][1].arrival
            own.older_lots = sum(order.size_lots for _, order in listed[: last + 1])
        own.ahead = min(own.ahead, own.older_lots)
        own.survivors = frozenset()
