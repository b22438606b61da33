"""Count each trade once in streams of single trades, of aggregates, or of both.

Trades are numbered without gaps, aggregates have numbers of their own, and an aggregate has the numbers of its first
and last trade. The trades that an aggregate repeats are therefore known at any place of a recording: where both streams
run, where one starts earlier than the other, and where one day has the one and the next day the other.

An aggregate waits for its trades for `WAIT_NS`. Trades of it that have not arrived by then are in no other message:
the aggregate's size less that of the arrived trades is a print.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from lob_backtest.vendors.binance.stream import Trade
from lob_backtest.vendors.time_order import HOLD_NS

WAIT_NS: Final = HOLD_NS // 2
"""How long an aggregate waits for its trades, in exchange time. Futures send it up to 100 ms after them. Packets are
held twice as long, so that the print is still written in the order of time."""
KEPT: Final = 1 << 12
"""Maximum number of ranges that are kept; gaps are rare, so that there are mostly one or two."""


class Numbers:
    """The set of numbers of a sequence seen so far, in bounded memory.

    Attributes:
        missing: count of missing numbers before the ranges that are kept.
    """

    def __init__(self) -> None:
        self.missing = 0
        self._first: list[int] = []
        self._last: list[int] = []

    def holes(self) -> int:
        """Return the count of missing numbers between the first and the last."""
        between = zip(self._first[1:], self._last, strict=False)
        return self.missing + sum(first - last - 1 for first, last in between)

    def missing_of(self, first: int, last: int) -> int:
        """Return how many numbers of a range have not been seen."""
        if not self._last or first > self._last[-1]:
            return last - first + 1
        seen = 0
        i = bisect_left(self._last, first)
        while i < len(self._first) and self._first[i] <= last:
            seen += min(last, self._last[i]) - max(first, self._first[i]) + 1
            i += 1
        return last - first + 1 - seen

    def add(self, first: int, last: int) -> None:
        """Add a range; both ends are included."""
        if self._last and first == self._last[-1] + 1:
            self._last[-1] = last
            return
        i = bisect_left(self._last, first - 1)
        j = i
        while j < len(self._first) and self._first[j] <= last + 1:
            first, last = min(first, self._first[j]), max(last, self._last[j])
            j += 1
        self._first[i:j], self._last[i:j] = [first], [last]
        if len(self._first) > KEPT:
            self.missing += self._first[1] - self._last[0] - 1
            self._first[:2], self._last[:2] = [self._first[0]], [self._last[1]]


class Prints:
    """Choose the prints among trades and aggregates.

    Args:
        counts: counts repeated trades, trades beside the book and aggregates of single trades.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._trades = Numbers()
        self._singles = Numbers()
        self._aggregates = Numbers()
        self._last_aggregate: tuple[int, int] | None = None
        self._recent: deque[Trade] = deque()
        self._waiting: deque[tuple[Trade, str, int]] = deque()

    def missing(self) -> int:
        """Return the count of missing trades between the first and the last."""
        return self._trades.holes()

    def add(self, trade: Trade, place: str, number: int) -> bool:
        """Add a trade or an aggregate, and return whether it is a print now. An aggregate waits.

        Args:
            trade: the message.
            place: its file and line.
            number: of its packet.
        """
        if trade.aggregate is not None:
            if self._aggregates.missing_of(trade.aggregate, trade.aggregate):
                self._aggregates.add(trade.aggregate, trade.aggregate)
                self._waiting.append((trade, place, number))
            else:
                self._counts["dropped_repeated_trades"] += 1
            return False
        if not self._trades.missing_of(trade.first, trade.first):
            self._counts["dropped_repeated_trades"] += 1
            return False
        self._trades.add(trade.first, trade.first)
        self._singles.add(trade.first, trade.first)
        if not trade.on_book:
            self._counts["dropped_trades_beside_the_book"] += 1
            return False
        self._recent.append(trade)
        return True

    def due(self, ts_ns: int | None) -> Iterator[tuple[Trade, str, int]]:
        """Yield the prints of aggregates whose wait has ended by an exchange time, less their single trades.

        Each is yielded with its place and its packet's number.

        Args:
            ts_ns: of the message that follows; `None` at the end of the recording.
        """
        while self._waiting and (ts_ns is None or self._waiting[0][0].ts_ns < ts_ns - WAIT_NS):
            aggregate, place, number = self._waiting.popleft()
            rest = self._rest_of(aggregate)
            if rest is not None:
                yield rest, place, number
        # Trades that an aggregate may still repeat: one that waits is at most this old, and at most this late.
        while ts_ns is not None and self._recent and self._recent[0].ts_ns < ts_ns - 2 * WAIT_NS:
            self._recent.popleft()

    def _rest_of(self, aggregate: Trade) -> Trade | None:
        first, last = aggregate.first, aggregate.last
        self._count_beside_book(aggregate)
        self._trades.add(first, last)
        missing = self._singles.missing_of(first, last)
        if not aggregate.on_book:
            self._counts["dropped_trades_beside_the_book"] += bool(missing)
            return None
        rest = Decimal(aggregate.size) if missing else Decimal(0)
        if 0 < missing <= last - first:
            for trade in self._recent:
                same = (trade.side, trade.price) == (aggregate.side, aggregate.price)
                rest -= Decimal(trade.size) if same and first <= trade.first <= last else 0
        if rest <= 0:
            self._counts["left_out_aggregates_of_trades"] += 1
            return None
        return aggregate._replace(size=f"{rest:f}")

    def _count_beside_book(self, aggregate: Trade) -> None:
        """Count the numbers between two consecutive aggregates as trades beside the book, not as missing."""
        assert aggregate.aggregate is not None
        if self._last_aggregate is not None:
            number, last = self._last_aggregate
            if aggregate.aggregate == number + 1 and last + 1 < aggregate.first:
                self._trades.add(last + 1, aggregate.first - 1)
        self._last_aggregate = aggregate.aggregate, aggregate.last
