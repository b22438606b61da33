"""What follows from messages that each state the best levels of a book, and nothing of the rest."""

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
    """Follow the best levels of a book.

    Args:
        depth: how many levels a side are stated at most. A side with fewer is stated whole.
        counts: where gaps and repeated messages are counted.

    Attributes:
        last: the number of the latest update that the book holds, `None` before the first.
        ts_ns: when it happened; it never falls.
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
        """Take in a message.

        Args:
            ts_ns: exchange time.
            previous: the number of the last update of the message before.
            last: the number of its own.
            levels: side, price in ticks and size in lots of each level, each side from the best price.

        Returns:
            The changes since the message before; all levels, behind a CLEAR, if messages are missing between them or
            there was none. `None`: it is a repeated one.
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
        """Return what changes one side into another, what leaves it first.

        A level within both ranges changed. One that only one of the ranges reaches entered or left what is shown.
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
        """Return whether a side states a price: one at its worst level or better, or any if it has levels to spare."""
        return len(levels) < self._depth or side * price >= min(side * each for each in levels)
