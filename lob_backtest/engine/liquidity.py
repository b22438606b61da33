"""What the market's displayed book still has for own orders that take.

History goes on as recorded, so the feed does not know what own orders took. `Liquidity` remembers it: each displayed
lot is taken once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from lob_backtest.engine.book import CANCEL, CLEAR, EXECUTE, LEVEL, MODIFY, Book
from lob_backtest.engine.prints import Prints


class Offer(NamedTuple):
    """Lots that can be taken at one price: of one market order (L3) or of one level (L2)."""

    price_ticks: int
    size_lots: int
    key: Hashable


class Liquidity:
    """Displayed lots less those that own orders have taken and, on L2, those that prints say are gone.

    Args:
        book: the market's book.
        prints: the prints since each level's last update; they stay empty on L3.
    """

    __slots__ = ("_book", "_cleared", "_prints", "taken")

    def __init__(self, book: Book, prints: Prints) -> None:
        self._book = book
        self._prints = prints
        self._cleared = False
        self.taken: dict[Hashable, int] = {}

    def offers(self, side: int, limit_ticks: int | None) -> Iterator[Offer]:
        """Iterate what one side of the market offers, best first, no worse than a limit (`None`: any price)."""
        for level in self._book.levels(side):
            price_ticks = level.price_ticks
            if limit_ticks is not None and side * price_ticks < side * limit_ticks:
                return
            if self._book.level == 3:
                for order_id, order in level.orders.items():
                    left = order.size_lots - self.taken.get(order_id, 0)
                    if left > 0:
                        yield Offer(price_ticks, left, order_id)
            elif not self._prints.emptied(side, price_ticks):
                key = (side, price_ticks)
                left = level.size_lots - self.taken.get(key, 0) - self._prints.printed.get(key, 0)
                if left > 0:
                    yield Offer(price_ticks, left, key)

    def take(self, offer: Offer, size_lots: int) -> None:
        """Remember that own orders took some of an offer."""
        self.taken[offer.key] = self.taken.get(offer.key, 0) + size_lots

    def before(self, action: int, side: int, order_id: int, price_ticks: int, size_lots: int) -> None:
        """Take in a row that the book is about to apply: a taken lot is taken until its order or its level loses it."""
        if action in (CANCEL, EXECUTE, MODIFY):
            if order_id in self.taken:
                left = size_lots if action == MODIFY else self._book.orders[order_id].size_lots - size_lots
                self._keep(order_id, min(self.taken[order_id], left))
        elif action == LEVEL:
            key = (side, price_ticks)
            if key in self.taken:
                fall = max(0, self._book.size_at(side, price_ticks) - size_lots)
                self._keep(key, self.taken[key] - fall if size_lots else 0)
        elif action == CLEAR:
            self._cleared = True

    def end_packet(self) -> None:
        """Forget, after a CLEAR, what did not come back with the snapshot."""
        if not self._cleared:
            return
        self._cleared = False
        for key, lots in list(self.taken.items()):
            if isinstance(key, tuple):
                displayed = self._book.size_at(*key)
            else:
                order = self._book.orders.get(key)  # type: ignore[call-overload]
                displayed = order.size_lots if order is not None else 0
            self._keep(key, min(lots, displayed))

    def _keep(self, key: Hashable, lots: int) -> None:
        if lots > 0:
            self.taken[key] = lots
        else:
            del self.taken[key]
