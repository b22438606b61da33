"""Measure in a market the moves of its mid and the reach of its market orders.

A market order is the sum of the trades of one side at one exchange nanosecond, over all its rows. It reaches a
distance: from the mid just before that nanosecond to the furthest price at which it traded. Distances are in
half-ticks, as mids are, and therefore integers; since prices are whole ticks, a distance is odd exactly when its mid
lies between two.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lob_backtest.book.book import Book
from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.data.audit.book_walk import Step, book_walk
from lob_backtest.data.faults import Tally
from lob_backtest.data.reader import MarketSource
from lob_backtest.units import SECOND

EXECUTE, TRADE, STATUS = int(Action.EXECUTE), int(Action.TRADE), int(Action.STATUS)
LAST, AUCTION = int(Flag.LAST), int(Flag.AUCTION)
SLICE_NS: Final = SECOND


@dataclass
class Slice:
    """The sums over a stretch of time.

    Attributes:
        moves: number of steps between samples of the mid, an interval apart.
        squares: sum of their squares, in half-ticks².
        open_ns: time with a mid, by whether that lay between two ticks: `[on a tick, between]`.
        reached: market orders by the distance that they reached, in half-ticks; 0 or less: they traded at the mid or
            at a better price.
    """

    moves: int = 0
    squares: int = 0
    open_ns: list[int] = field(default_factory=lambda: [0, 0])
    reached: Counter[int] = field(default_factory=Counter)

    def add(self, other: Slice) -> None:
        """Add the sums of another stretch."""
        self.moves += other.moves
        self.squares += other.squares
        self.open_ns = [ours + theirs for ours, theirs in zip(self.open_ns, other.open_ns, strict=True)]
        self.reached.update(other.reached)


class Watched(NamedTuple):
    """The result of `watch`.

    Attributes:
        slices: one per second, in order of time; seconds without a mid are left out.
        spread_ns: time by the market's spread in ticks.
        unsigned_trades: prints of unknown side, left out.
        skipped: rows that the book could not apply, by kind.
    """

    slices: list[Slice]
    spread_ns: Counter[int]
    unsigned_trades: int
    skipped: dict[str, int]


def watch(source: MarketSource, interval_ns: int) -> Watched:
    """Replay a market and sum the moves of its mid and the reach of its orders, in constant memory per second.

    The mid is that of a book with both sides that is neither crossed nor SUSPECT, in the continuous phase, at the end
    of a packet. Auction prints are left out.

    Args:
        source: what to replay.
        interval_ns: time between two samples of the mid.

    Raises:
        DataError: a row is impossible for the book.
    """
    book, tally = Book(source.level, source.depth), Tally()
    watcher = _Watcher(book, interval_ns)
    for step in book_walk(source.batches(), book, tally):
        watcher.take(step)
    watcher.advance(watcher.now_ns)
    skipped = {kind: sum(by.values()) for kind, by in tally.counts.items()}
    slices = [watcher.slices[second] for second in sorted(watcher.slices)]
    return Watched(slices, watcher.spread_ns, watcher.unsigned_trades, skipped)


class _Watcher:
    """The market at one nanosecond, and the sums so far."""

    def __init__(self, book: Book, interval_ns: int) -> None:
        self.book = book
        self.slices: dict[int, Slice] = {}
        self.spread_ns: Counter[int] = Counter()
        self.unsigned_trades = 0
        self.now_ns = 0
        self._interval_ns = interval_ns
        self._continuous = True
        self._spread_ticks = 0
        self._mid2: int | None = None  # at the end of the last packet, None while there is no mid
        self._mid2_before: int | None = None  # before this nanosecond
        self._sampled: tuple[int, int] | None = None  # number of the last sample of the mid, and its value
        self._furthest: dict[int, int] = {}  # by the aggressor's side, at this nanosecond

    def take(self, step: Step) -> None:
        """Take in a row that the book has applied."""
        batch, i, ts_exchange_ns, action, side, price_ticks, flags = step
        if ts_exchange_ns != self.now_ns:
            self.advance(ts_exchange_ns)
        if action == TRADE or (action == EXECUTE and side):
            self._trade(side, price_ticks, flags)
        elif action == STATUS:
            self._continuous = int(batch.phase[i]) == Phase.CONTINUOUS
        if flags & LAST:
            self._update_mid()

    def advance(self, now_ns: int) -> None:
        """End one nanosecond and begin another."""
        if self._furthest:
            self._count_orders()
        if self._mid2 is None:
            self._sampled = None
        elif now_ns > self.now_ns:
            self._slice().open_ns[self._mid2 & 1] += now_ns - self.now_ns
            self.spread_ns[self._spread_ticks] += now_ns - self.now_ns
            self._sample(self._mid2, now_ns)
        self._mid2_before = self._mid2
        self.now_ns = now_ns

    def _slice(self) -> Slice:
        second = self.now_ns // SLICE_NS
        if second not in self.slices:
            self.slices[second] = Slice()
        return self.slices[second]

    def _update_mid(self) -> None:
        bid, ask = self.book.best_bid, self.book.best_ask
        if bid is None or ask is None or bid >= ask or self.book.suspect or not self._continuous:
            self._mid2 = None
        else:
            self._mid2, self._spread_ticks = bid + ask, ask - bid

    def _sample(self, mid2: int, now_ns: int) -> None:
        """Sample a mid that was valid from the current nanosecond until just before the next."""
        first, last = -(-self.now_ns // self._interval_ns), (now_ns - 1) // self._interval_ns
        if first > last:
            return
        if self._sampled is not None:
            number, before = self._sampled
            counted = self._slice()
            counted.moves += last - number
            counted.squares += (mid2 - before) ** 2
        self._sampled = last, mid2

    def _trade(self, side: int, price_ticks: int, flags: int) -> None:
        """Add a trade with a resting order of a side."""
        if flags & AUCTION:
            return
        if side == 0:
            self.unsigned_trades += 1
            return
        furthest = self._furthest.get(-side)
        if furthest is None or -side * price_ticks > -side * furthest:
            self._furthest[-side] = price_ticks

    def _count_orders(self) -> None:
        if self._mid2_before is not None:
            reached = self._slice().reached
            for side, price_ticks in self._furthest.items():
                reached[side * (2 * price_ticks - self._mid2_before)] += 1
        self._furthest.clear()
