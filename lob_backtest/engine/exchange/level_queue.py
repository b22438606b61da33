"""L2: estimated queue positions, from level sizes and prints. Positions are in 2⁻²⁰ lot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lob_backtest.book.book import Book
from lob_backtest.contract.tables import OrderState
from lob_backtest.engine.exchange.own_order import OwnOrder, Past, note
from lob_backtest.engine.exchange.print_match import Fall, PrintMatch
from lob_backtest.engine.models.queue import SHIFT, Model

_ALL: Final = 1 << 62
"""More flow than any queue is long."""


class LevelQueue:
    """Positions of own orders behind the displayed sizes of an L2 book.

    Args:
        book: the market's book, before the row at hand.
        print_match: which print explains which fall.
        model: how much of an unexplained fall was ahead.
    """

    __slots__ = ("_book", "_model", "_print_match")

    def __init__(self, book: Book, print_match: PrintMatch, model: Model) -> None:
        self._book = book
        self._print_match = print_match
        self._model = model

    def join(self, own: OwnOrder, now_ns: int) -> None:
        """Put an own order behind the displayed size at its price, less what is printed there."""
        assert own.price_ticks is not None
        level_key = (own.side, own.price_ticks)
        own.ahead = max(0, self._book.size_at(*level_key) - self._print_match.printed(level_key, now_ns)) << SHIFT
        own.since = self._print_match.number
        own.past.clear()

    def reappear(self, own: OwnOrder) -> None:
        """Find the position of an order whose price is within the window again."""
        assert own.price_ticks is not None
        displayed = self._book.size_at(own.side, own.price_ticks) << SHIFT
        own.ahead = min(own.ahead, displayed) if own.shown else displayed
        own.past.clear()

    def printed(self, owns: Sequence[OwnOrder], size_lots: int, *, matching: bool) -> Iterator[tuple[OwnOrder, int]]:
        """Pass new flow at the price along the queue and yield the own orders that it fills, with the lots.

        It uses up what is ahead of the first own order, fills it, uses up what stands between it and the next, and so
        on. The next tip of an iceberg that has filled joins behind what the flow so far has left of the level.
        """
        used_lots = 0
        # Each order with the part of the flow that had passed when it joined, and what own orders had used of it then.
        turns = [(own, 0, 0) for own in owns]
        for own, passed, used_before in turns:
            if not own.visible or own.state != OrderState.LIVE:
                continue  # not shown, or cut by a fill of this print
            flow = max(0, ((size_lots - used_lots + used_before) << SHIFT) - passed)
            self._note(own, Past(0, own.ahead, flow, matched=matching))
            ahead, stay = own.ahead, own.queue_stay
            past = flow - ahead
            own.ahead = max(0, -past)
            lots = min(own.tip_lots, past >> SHIFT) if past > 0 and matching else 0
            if lots:
                used_lots += lots
                yield own, lots
                if own.queue_stay != stay:
                    passed_now = passed + ((used_lots - used_before) << SHIFT) + ahead
                    own.ahead = max(0, own.ahead - passed_now)
                    turns.append((own, passed_now, used_lots))

    def emptied(self, own: OwnOrder) -> None:
        """Apply a print through the price: nothing is ahead any more, shown or not."""
        self._note(own, Past(0, own.ahead, _ALL))
        own.ahead = 0
        own.shown = True

    def fell(self, own: OwnOrder, fall: Fall) -> None:
        """Apply a fall of the level."""
        self._note(own, Past(fall.number, own.ahead))
        own.ahead = after(fall, own.ahead, self._model)

    def late(self, own: OwnOrder, fall: Fall, size_lots: int) -> int:
        """Pass late flow along the queue as it was before a fall; return how many lots reach the order."""
        entry = next((i for i, past in enumerate(own.past) if past.fall == fall.number), None)
        if entry is None or not own.visible:
            return 0
        assert own.price_ticks is not None
        falls = {each.number: each for each in self._print_match.falls[own.side, own.price_ticks]}
        beyond = (size_lots << SHIFT) - own.past[entry].before
        own.past[entry].before = max(0, -beyond)
        reached = max(0, beyond)
        ahead = after(fall, own.past[entry].before, self._model)
        for past in own.past[entry + 1 :]:
            if not past.fall and past.matched:
                reached += max(0, past.flow - ahead - max(0, past.flow - past.before))
            past.before = ahead
            ahead = after(falls[past.fall], ahead, self._model) if past.fall else max(0, ahead - past.flow)
        own.ahead = ahead
        return min(own.tip_lots, size_lots, reached >> SHIFT)

    def _note(self, own: OwnOrder, past: Past) -> None:
        assert own.price_ticks is not None
        note(own.past, past, self._print_match.oldest((own.side, own.price_ticks)))

    def remember(self, own: OwnOrder) -> None:
        """Do nothing before a CLEAR: sizes have no identity."""

    def rebuild(self, own: OwnOrder) -> None:
        """Cap the position at the displayed size after a snapshot."""
        assert own.price_ticks is not None
        own.ahead = min(own.ahead, self._book.size_at(own.side, own.price_ticks) << SHIFT)


def after(fall: Fall, before: int, model: Model) -> int:
    """Return a position behind a fall, as far as it is explained by now."""
    ahead = before
    if fall.by_model and fall.unexplained > 0:
        ahead = model(before, fall.old, fall.new, fall.explained + fall.late)
    return min(ahead, fall.new << SHIFT)
