"""What is known of Binance's book: whether diffs follow each other, and which levels they have told.

The rules are those of "How to manage a local order book correctly" in Binance's documentation: a snapshot and diffs
from the one that contains its update on, none missing, make the book. A snapshot has a limited number of levels; what
lies beyond them is known once it changes, or once the market has been there.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from lob_backtest.engine.book import LEVEL, Book
from lob_backtest.units import SECOND

RECENT_NS: Final = 60 * SECOND
"""A snapshot is brought up to date with the diffs of so long before it arrives."""

Place = tuple[int, int]
"""Side and price of a level."""
Levels = list[tuple[int, int, int]]
"""Side, price in ticks and size in lots of each level."""


class Update(NamedTuple):
    """A diff in ticks and lots; `previous` and `last` are numbers of updates, as `binance_stream.Diff` has them."""

    ts_ns: int
    previous: int
    last: int
    levels: Levels


class BinanceBook:
    """Follow diffs and snapshots of one instrument.

    Args:
        counts: where gaps, repeated diffs and useless snapshots are counted.

    Attributes:
        last: the number of the latest update that the book holds, `None` before the first.
        ts_ns: when the latest diff happened; it never falls.
        snapshots: how many have been used.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self.last: int | None = None
        self.ts_ns = 0
        self.snapshots = 0
        self._counts = counts
        self._book = Book(2)
        self._recent: deque[Update] = deque()
        self._pending: tuple[int, Levels] | None = None
        self._stale: set[Place] = set()
        # Bids from here up and asks from here down are known: none at first.
        self._lowest_bid: float = float("inf")
        self._highest_ask: float = float("-inf")

    @property
    def suspect(self) -> bool:
        """Say whether the best prices are not known to be right."""
        bid, ask = self._book.best_bid, self._book.best_ask
        return (
            self.snapshots == 0
            or bool(self._stale)
            or (bid is not None and bid < self._lowest_bid)
            or (ask is not None and ask > self._highest_ask)
        )

    def update(self, diff: Update) -> bool:
        """Take in a diff; say whether it is new; a repeated one is left out."""
        if self.last is not None:
            if diff.last <= self.last:
                self._counts["dropped_repeated_diffs"] += 1
                return False
            if diff.previous > self.last:
                self._counts["gaps"] += 1
                self._recent.clear()
                self._stale = set(self._shown())
        self.last = diff.last
        self._counts["diffs_raised_to_the_time_before"] += diff.ts_ns < self.ts_ns
        self.ts_ns = max(self.ts_ns, diff.ts_ns)
        while self._recent and self._recent[0].ts_ns < diff.ts_ns - RECENT_NS:
            self._recent.popleft()
        self._recent.append(diff)
        for side, price_ticks, size_lots in diff.levels:
            self._book.apply(LEVEL, side, 0, price_ticks, size_lots, 0)
            self._stale.discard((side, price_ticks))
        self._widen()
        return True

    def snapshot(self, last: int, levels: Levels) -> None:
        """Take in a snapshot; it waits for diffs that reach its update.

        Args:
            last: the number of its last update.
            levels: both sides.
        """
        self.drop_pending()
        self._pending = last, levels

    def drop_pending(self) -> None:
        """Give up a snapshot that diffs have not reached, if there is one."""
        if self._pending is not None:
            self._pending = None
            self._counts["dropped_snapshots_without_diffs"] += 1

    def whole(self) -> Levels | None:
        """Rebuild the book from the snapshot and the diffs since, once they meet.

        Returns:
            The whole book as of the latest diff, each side from the best price; `None` if there is nothing to rebuild.
        """
        if self._pending is None or self.last is None or self.last < self._pending[0]:
            return None
        last, levels = self._pending
        self._pending = None
        if last < self._recent[0].previous:
            self._counts["dropped_snapshots_too_old"] += 1
            return None
        found = {(side, price_ticks): size_lots for side, price_ticks, size_lots in levels}
        lowest_bid = min((price for side, price in found if side > 0), default=float("-inf"))
        highest_ask = max((price for side, price in found if side < 0), default=float("inf"))
        for diff in self._recent:
            if diff.last > last:
                found.update({(side, price): size for side, price, size in diff.levels})
        if self.snapshots and not self._stale:
            # Levels beyond the snapshot's are as known as they were.
            for (side, price), size_lots in self._shown().items():
                if price < lowest_bid if side > 0 else price > highest_ask:
                    found.setdefault((side, price), size_lots)
            self._compare(found)
            lowest_bid, highest_ask = min(self._lowest_bid, lowest_bid), max(self._highest_ask, highest_ask)
        self._lowest_bid, self._highest_ask = lowest_bid, highest_ask
        self.snapshots += 1
        self._stale.clear()
        return self._rebuild(found)

    def _rebuild(self, found: dict[Place, int]) -> Levels:
        self._book = Book(2)
        ordered = sorted(((side, price) for (side, price), size in found.items() if size), key=_from_the_best)
        whole = [(side, price, found[side, price]) for side, price in ordered]
        for side, price_ticks, size_lots in whole:
            self._book.apply(LEVEL, side, 0, price_ticks, size_lots, 0)
        self._widen()
        return whole

    def _compare(self, found: dict[Place, int]) -> None:
        """Count the levels in which a snapshot contradicts the book."""
        shown = self._shown()
        wrong = sum(shown.get(place, 0) != found.get(place, 0) for place in shown.keys() | found.keys())
        inside = self._beyond_known(place for place in found if place not in shown and found[place])
        self._counts["levels_that_a_snapshot_corrected"] += wrong - inside

    def _beyond_known(self, places: Iterable[Place]) -> int:
        """Count the levels that the book could not know."""
        return sum(price < self._lowest_bid if side > 0 else price > self._highest_ask for side, price in places)

    def _shown(self) -> dict[Place, int]:
        return {(side, level.price_ticks): level.size_lots for side in (1, -1) for level in self._book.levels(side)}

    def _widen(self) -> None:
        """Where an ask stands there is no bid: what is told there from now on is all there is."""
        if self._book.best_ask is not None:
            self._lowest_bid = min(self._lowest_bid, self._book.best_ask)
        if self._book.best_bid is not None:
            self._highest_ask = max(self._highest_ask, self._book.best_bid)


def _from_the_best(place: Place) -> tuple[int, int]:
    side, price_ticks = place
    return -side, -side * price_ticks
