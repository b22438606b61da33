"""The book that follows from messages with the best levels of each side only."""

from __future__ import annotations

from collections import Counter
from typing import Final

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.vendors.time_order import Row

LEVEL, CLEAR, WINDOW = int(Action.LEVEL), int(Action.CLEAR), int(Flag.WINDOW)
Side = dict[int, int]
"""Size in lots by price in ticks."""
SIDES: Final = (1, -1)


class TopOfBook:
    """Track the best levels of a book.

    Args:
        depth: maximum number of levels per side in a message. A side with fewer is complete.
        counts: counts gaps and repeated messages.

    Attributes:
        last: the number of the latest update that the book holds, `None` before the first.
        ts_ns: its exchange time; it never falls.
    """

    def __init__(self, depth: int, counts: Counter[str]) -> None:
        self.last: int | None = None
        self.ts_ns = 0
        self._depth = depth
        self._counts = counts
        self._sides: dict[int, Side] = {side: {} for side in SIDES}

    def update(
        self, ts_ns: int, previous: int, last: int, levels: list[tuple[int, int, int]]
    ) -> tuple[Row, ...] | None:
        """Apply a message.

        Args:
            ts_ns: exchange time.
            previous: the number of the last update of the message before.
            last: the number of its own.
            levels: side, price in ticks and size in lots of each level, each side from the best price.

        Returns:
            The changes since the message before; after a gap and for the first message, a CLEAR and all levels. `None`:
            the message is a repeated one.
        """
        if self.last is not None and last <= self.last:
            self._counts["dropped_repeated_books"] += 1
            return None
        stated: dict[int, Side] = {side: {} for side in SIDES}
        for side, price_ticks, size_lots in levels:
            stated[side][price_ticks] = size_lots
        follows = self.last is not None and previous == self.last
        if self.last is not None and not follows:
            self._counts["gaps"] += 1
        self.last = last
        self.ts_ns = max(self.ts_ns, ts_ns)
        shown, self._sides = self._sides, stated
        if not follows:
            return ((CLEAR, 0, 0, 0, 0), *((LEVEL, *level, 0) for level in levels))
        return tuple(row for side in SIDES for row in self._changes(side, shown[side], stated[side]))

    def _changes(self, side: int, old: Side, new: Side) -> list[Row]:
        """Return the rows that change one side into another, removals first.

        A level within the ranges of both messages has changed. One within only one of the ranges has entered or left
        the visible part.
        """
        rows = [
            (LEVEL, side, price, 0, 0 if self._reaches(side, new, price) else WINDOW)
            for price in old
            if price not in new
        ]
        for price, size in new.items():
            if price not in old:
                rows.append((LEVEL, side, price, size, 0 if self._reaches(side, old, price) else WINDOW))
            elif old[price] != size:
                rows.append((LEVEL, side, price, size, 0))
        return rows

    def _reaches(self, side: int, levels: Side, price: int) -> bool:
        """Return whether a side covers a price: one at its worst level or better; any if it has fewer than `depth`."""
        return len(levels) < self._depth or side * price >= min(side * each for each in levels)
