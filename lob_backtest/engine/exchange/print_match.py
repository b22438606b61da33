"""L2: what explains what at each level, kept once for all own orders.

A feed of levels and prints has each trade twice, as a print and as a fall of its level, in either order and some time
apart. `PrintMatch` matches the two, so that a trade counts once.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from lob_backtest.book.book import Book

LevelKey = tuple[int, int]
"""Side and price of a level."""

_SWEEP: Final = 4096
"""How many falls are kept between two searches for those that no print can explain any more."""


class Fall:
    """A LEVEL row that took something off a level.

    Attributes:
        number: lower is older; unique in the instrument.
        ts_ns: when it happened.
        old: the size before, in lots.
        new: the size after.
        explained: how much of it earlier prints explain.
        late: how much of it later prints have explained since.
        by_model: whether unexplained lots move positions by the queue model; those of a snapshot do not.
    """

    __slots__ = ("by_model", "explained", "late", "new", "number", "old", "ts_ns")

    def __init__(self, number: int, ts_ns: int, old: int, new: int, explained: int, *, by_model: bool = True) -> None:
        self.number = number
        self.ts_ns = ts_ns
        self.old = old
        self.new = new
        self.explained = explained
        self.late = 0
        self.by_model = by_model

    @property
    def unexplained(self) -> int:
        """Return the lots that no print explains so far."""
        return self.old - self.new - self.explained - self.late


class Split(NamedTuple):
    """The parts of a print: what earlier falls have shown already, oldest first, and what is new."""

    late: list[tuple[Fall, int]]
    new: int


class PrintMatch:
    """The prints that no LEVEL row has shown yet, and the falls that no print has explained yet.

    Args:
        late_level_ns: how long a print explains a fall behind it.
        late_print_ns: how long a fall can be explained by a print behind it; 0: not at all.

    Attributes:
        number: the number of the last fall.
        falls: kept falls by level, oldest first, with all later ones of the level.
    """

    __slots__ = ("_late_level_ns", "_late_print_ns", "_printed", "_shown", "falls", "number")

    def __init__(self, late_level_ns: int, late_print_ns: int) -> None:
        self._late_level_ns = late_level_ns
        self._late_print_ns = late_print_ns
        self._printed: dict[LevelKey, deque[tuple[int, int]]] = {}
        self._shown: dict[LevelKey, tuple[int, int]] = {}
        self.falls: dict[LevelKey, deque[Fall]] = {}
        self.number = 0

    def printed(self, level_key: LevelKey, now_ns: int) -> int:
        """Return the lots printed at a level that its next LEVEL row is to show."""
        prints = self._printed.get(level_key)
        if prints is None:
            return 0
        self._let_go(prints, now_ns)
        return sum(lots for _, lots in prints)

    def _let_go(self, prints: deque[tuple[int, int]], now_ns: int) -> None:
        while prints and now_ns - prints[0][0] > self._late_level_ns:
            prints.popleft()

    def level(self, level_key: LevelKey, old: int, new: int, now_ns: int) -> Fall | None:
        """Apply a LEVEL row; return what it took off, if anything."""
        explained = min(self.printed(level_key, now_ns), old - new)
        self._printed.pop(level_key, None)
        return self._fall(level_key, old, new, explained, now_ns) if new < old else None

    def window(self, level_key: LevelKey, old: int, new: int, now_ns: int) -> Fall | None:
        """Forget a level that a WINDOW row changes; return what it takes off a level that stays, if anything."""
        self._printed.pop(level_key, None)
        self.falls.pop(level_key, None)
        if not 0 < new < old:
            return None
        self.number += 1
        return Fall(self.number, now_ns, old, new, 0, by_model=False)

    def split(self, level_key: LevelKey, size_lots: int, fresh_lots: int, now_ns: int) -> Split:
        """Split a print into what is late and what is new; up to `fresh_lots` are new in any case."""
        late: list[tuple[Fall, int]] = []
        left = size_lots - min(size_lots, fresh_lots)
        new = size_lots - left
        for fall in self._alive(level_key, now_ns):
            lots = min(left, fall.unexplained)
            if lots:
                late.append((fall, lots))
                left -= lots
        return Split(late, new + left)

    def trade(self, level_key: LevelKey, size_lots: int, now_ns: int, book: Book) -> None:
        """Apply the new part of a print: it went through all better levels."""
        side, price_ticks = level_key
        prints = self._printed.setdefault(level_key, deque())
        self._let_go(prints, now_ns)
        prints.append((now_ns, size_lots))
        for level in book.levels(side):
            if side * level.price_ticks <= side * price_ticks:
                return
            self._printed[side, level.price_ticks] = deque([(now_ns, level.size_lots)])

    def clear(self, side: int, now_ns: int, book: Book) -> None:
        """Forget a side (0: both) that a CLEAR is about to empty; remember what it showed."""
        for each in (1, -1) if side == 0 else (side,):
            if each not in book.awaiting_snapshot and self._late_print_ns:
                for level in book.levels(each):
                    level_key = (each, level.price_ticks)
                    self._shown[level_key] = (level.size_lots, self.printed(level_key, now_ns))
            for table in (self._printed, self.falls):
                for level_key in [level_key for level_key in table if level_key[0] == each]:
                    del table[level_key]

    def end_packet(self, now_ns: int, book: Book) -> dict[LevelKey, Fall]:
        """Note, once a side is shown again after a CLEAR, which levels it shows less of, and return those falls."""
        falls: dict[LevelKey, Fall] = {}
        for side in [side for side in (1, -1) if side in book.awaiting_snapshot and book.ladders[side]]:
            for level_key in [level_key for level_key in self._shown if level_key[0] == side]:
                old, printed = self._shown.pop(level_key)
                new = book.size_at(*level_key)
                if new < old and not book.beyond_window(*level_key):
                    falls[level_key] = self._fall(level_key, old, new, min(printed, old - new), now_ns, by_model=False)
        return falls

    def oldest(self, level_key: LevelKey) -> int | None:
        """Return the number of the oldest fall that is kept at a level."""
        falls = self.falls.get(level_key)
        return falls[0].number if falls else None

    def _fall(
        self, level_key: LevelKey, old: int, new: int, explained: int, now_ns: int, *, by_model: bool = True
    ) -> Fall:
        self.number += 1
        fall = Fall(self.number, now_ns, old, new, explained, by_model=by_model)
        # What is explained in full is kept only to be applied again behind an older fall.
        if self._late_print_ns and (self._alive(level_key, now_ns) or fall.unexplained):
            self.falls.setdefault(level_key, deque()).append(fall)
        if self.number % _SWEEP == 0:
            for each in list(self.falls):
                self._alive(each, now_ns)
            for each in [each for each in self._printed if not self.printed(each, now_ns)]:
                del self._printed[each]
        return fall

    def _alive(self, level_key: LevelKey, now_ns: int) -> deque[Fall]:
        """Return the falls of a level from the oldest that a print may still explain."""
        falls = self.falls.get(level_key)
        if falls is None:
            return deque()
        while falls and (now_ns - falls[0].ts_ns > self._late_print_ns or not falls[0].unexplained):
            falls.popleft()
        if not falls:
            del self.falls[level_key]
        return falls
