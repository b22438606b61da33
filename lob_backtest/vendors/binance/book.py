"""The known part of Binance's book: whether diffs are consecutive, and which levels they have determined.

The rules are those of "How to manage a local order book correctly" in Binance's documentation: a snapshot and diffs
from the one that contains its update on, none missing, make the book. But a snapshot has a limited number of levels,
and recordings start without one or miss diffs. The known part then follows from the market itself: at the price of an
ask there is no bid, and a diff reports any bid that appears there later.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

from lob_backtest.book.book import LEVEL, Book
from lob_backtest.units import SECOND

RECENT_NS: Final = 60 * SECOND
"""A snapshot is updated with the diffs of this time before its arrival."""

NOTHING: Final = float("-inf")
ALL: Final = float("inf")
"""Prices below and above every price."""

LevelKey = tuple[int, int]
"""Side and price of a level."""
Levels = list[tuple[int, int, int]]
"""Side, price in ticks and size in lots of each level."""


class Update(NamedTuple):
    """A diff in ticks and lots; `previous` and `last` are numbers of updates, as in `binance.stream.Diff`."""

    ts_ns: int
    previous: int
    last: int
    levels: Levels


class BinanceBook:
    """Apply the diffs and snapshots of one instrument.

    Args:
        counts: counts gaps, repeated diffs and unusable snapshots.

    Attributes:
        last: the number of the latest update that the book holds, `None` before the first.
        ts_ns: exchange time of the latest diff; it never falls.
        snapshots: number of snapshots used.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self.last: int | None = None
        self.ts_ns = 0
        self.snapshots = 0
        self._counts = counts
        self._book = Book(2)
        self._recent: deque[Update] = deque()
        self._pending: tuple[int, Levels] | None = None
        self._stale: set[LevelKey] = set()
        # Bids from here up and asks from here down are known; at first none are.
        self._lowest_bid: float = ALL
        self._highest_ask: float = NOTHING

    @property
    def suspect(self) -> bool:
        """Return whether a best price lies in the unknown part of the book, where better ones may exist."""
        bid, ask = self._book.best_bid, self._book.best_ask
        return (NOTHING if bid is None else bid) < self._lowest_bid or (ALL if ask is None else ask) > self._highest_ask

    def update(self, diff: Update) -> Levels | None:
        """Apply a diff.

        Returns:
            The levels to change: its own, and levels from before a gap that cannot exist any more. `None`: the diff is
            a repeated one.
        """
        if self.last is not None:
            if diff.last <= self.last:
                self._counts["dropped_repeated_diffs"] += 1
                return None
            if diff.previous > self.last:
                self._counts["gaps"] += 1
                self._recent.clear()
                self._stale = set(self._shown())
                self._lowest_bid, self._highest_ask = ALL, NOTHING
        self.last = diff.last
        self._counts["diffs_raised_to_the_time_before"] += diff.ts_ns < self.ts_ns
        self.ts_ns = max(self.ts_ns, diff.ts_ns)
        while self._recent and self._recent[0].ts_ns < diff.ts_ns - RECENT_NS:
            self._recent.popleft()
        self._recent.append(diff)
        for side, price_ticks, size_lots in diff.levels:
            self._book.apply(LEVEL, side, 0, price_ticks, size_lots, 0)
            self._stale.discard((side, price_ticks))
        return diff.levels + self._widen()

    def snapshot(self, last: int, levels: Levels) -> None:
        """Add a snapshot, which is used when diffs have reached its update.

        Args:
            last: the number of its last update.
            levels: both sides.
        """
        self.drop_pending()
        self._pending = last, levels

    def drop_pending(self) -> None:
        """Drop a snapshot that diffs have not reached, if any."""
        if self._pending is not None:
            self._pending = None
            self._counts["dropped_snapshots_without_diffs"] += 1

    def whole(self) -> Levels | None:
        """Rebuild the book from the snapshot and the diffs since, if the diffs have reached it.

        Returns:
            The whole book as of the latest diff, each side from the best price; `None` without a usable snapshot.
        """
        if self._pending is None or self.last is None or self.last < self._pending[0]:
            return None
        last, levels = self._pending
        self._pending = None
        if last < self._recent[0].previous:
            self._counts["dropped_snapshots_too_old"] += 1
            return None
        found = {(side, price_ticks): size_lots for side, price_ticks, size_lots in levels}
        lowest_bid = min((price for side, price in found if side > 0), default=NOTHING)
        highest_ask = max((price for side, price in found if side < 0), default=ALL)
        for diff in self._recent:
            if diff.last > last:
                found.update({(side, price): size for side, price, size in diff.levels})
        # Levels of diffs beyond the snapshot's range are as known as before.
        told = {place: size_lots for place, size_lots in self._shown().items() if place not in self._stale}
        for (side, price), size_lots in told.items():
            if price < lowest_bid if side > 0 else price > highest_ask:
                found.setdefault((side, price), size_lots)
        self._compare(found, told)
        self._lowest_bid = min(self._lowest_bid, lowest_bid)
        self._highest_ask = max(self._highest_ask, highest_ask)
        self.snapshots += 1
        self._stale.clear()
        return self._rebuild(found)

    def _rebuild(self, found: dict[LevelKey, int]) -> Levels:
        self._book = Book(2)
        ordered = sorted(((side, price) for (side, price), size in found.items() if size), key=_from_the_best)
        whole = [(side, price, found[side, price]) for side, price in ordered]
        for side, price_ticks, size_lots in whole:
            self._book.apply(LEVEL, side, 0, price_ticks, size_lots, 0)
        self._widen()
        return whole

    def _compare(self, found: dict[LevelKey, int], told: dict[LevelKey, int]) -> None:
        """Count the levels in which a snapshot contradicts the diffs."""
        wrong = sum(found.get(place) != size_lots for place, size_lots in told.items())
        for (side, price), size_lots in found.items():
            is_known = price >= self._lowest_bid if side > 0 else price <= self._highest_ask
            wrong += bool(size_lots) and is_known and (side, price) not in told
        self._counts["levels_that_a_snapshot_corrected"] += wrong

    def _shown(self) -> dict[LevelKey, int]:
        return {(side, level.price_ticks): level.size_lots for side in (1, -1) for level in self._book.levels(side)}

    def _widen(self) -> Levels:
        """Widen the known part by the best prices; return the removal of levels that they contradict."""
        bid, ask = self._best_told(1), self._best_told(-1)
        if ask is not None:
            self._lowest_bid = min(self._lowest_bid, ask)
        if bid is not None:
            self._highest_ask = max(self._highest_ask, bid)
        gone = []
        for side, price in self._stale:
            if price >= self._lowest_bid if side > 0 else price <= self._highest_ask:
                gone.append((side, price, 0))
        for side, price, _ in gone:
            self._stale.discard((side, price))
            self._book.apply(LEVEL, side, 0, price, 0, 0)
        return sorted(gone)

    def _best_told(self, side: int) -> int | None:
        """Return the best price of a side, without levels from before a gap."""
        if not self._stale:
            return self._book.best(side)
        return next((x.price_ticks for x in self._book.levels(side) if (side, x.price_ticks) not in self._stale), None)


def _from_the_best(place: LevelKey) -> tuple[int, int]:
    side, price_ticks = place
    return -side, -side * price_ticks
