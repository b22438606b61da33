"""L2: estimated queue positions, from level sizes and prints. Positions are in 2⁻²⁰ lot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lob_backtest.engine.book import Book
from lob_backtest.engine.own_order import OwnOrder
from lob_backtest.engine.queue_model import SHIFT, Model


class LevelQueue:
    """Positions of own orders behind the displayed sizes of an L2 book.

    Args:
        book: the market's book, before the row at hand.
        model: how much of an unexplained fall was ahead.
    """

    __slots__ = ("_book", "_model")

    def __init__(self, book: Book, model: Model) -> None:
        self._book = book
        self._model = model

    def join(self, own: OwnOrder) -> None:
        """Put an own order behind the displayed size at its price."""
        assert own.price_ticks is not None
        own.ahead = self._book.size_at(own.side, own.price_ticks) << SHIFT
        own.removed = 0

    def reappear(self, own: OwnOrder) -> None:
        """Take up the position of an order whose price has come back into the window."""
        frozen, shown = own.ahead, own.shown
        self.join(own)
        if shown:
            own.ahead = min(frozen, own.ahead)

    def reached(self, owns: Sequence[OwnOrder], size_lots: int, *, matching: bool) -> Iterator[tuple[OwnOrder, int]]:
        """Move the positions by a print at the price and yield the own orders that it fills, with the lots.

        The print passes what is ahead of the first own order, fills it, passes what stands between it and the next,
        and so on. What the last LEVEL row showed of this print already (`removed`) is not passed twice.
        """
        used_lots = 0
        for own in owns:
            if not own.visible:
                continue
            flow = (size_lots - used_lots) << SHIFT
            counted = min(own.removed, flow)
            own.removed -= counted
            past = flow - counted - own.ahead
            own.ahead = max(0, -past)
            lots = min(own.open_lots, past >> SHIFT) if past > 0 and matching else 0
            if lots:
                used_lots += lots
                yield own, lots

    def level(self, own: OwnOrder, before: int, after: int, printed: int) -> bool:
        """Take in a LEVEL row at the price; say whether the position changed."""
        ahead = own.ahead
        if before - after - printed > 0:
            own.ahead = self._model(ahead, before, after, printed)
        own.ahead = min(own.ahead, after << SHIFT)
        own.removed = ahead - own.ahead
        return own.ahead != ahead

    def remember(self, own: OwnOrder) -> None:
        """Do nothing before a CLEAR: sizes have no identity."""

    def rebuild(self, own: OwnOrder) -> None:
        """Cap the position at the displayed size after a snapshot."""
        assert own.price_ticks is not None
        own.ahead = min(own.ahead, self._book.size_at(own.side, own.price_ticks) << SHIFT)
        own.removed = 0
