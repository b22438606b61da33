"""Count each trade once where trades come singly, in aggregates, or both.

Trades have numbers without holes, aggregates have numbers of their own, and an aggregate names the first and the last
of its trades. So it is known which trades an aggregate repeats, at any place of a recording: where both streams run,
where one begins earlier than the other, and where one day has the one and the next day the other.

An aggregate waits for `WAIT_NS` for its trades. Those of it that have not come by then are in no other message: what
it traded beyond those that came is a print.
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
"""How long an aggregate waits for its trades, in exchange time. Futures send it up to 100 ms after them. Packets wait
for twice as long for earlier ones, so that it still finds its place in time."""
KEPT: Final = 1 << 12
"""How many stretches of numbers are kept; holes are few, so that one or two are the rule."""


class Numbers:
    """Which numbers of a sequence have been seen, in bounded memory.

    Attributes:
        missing: how many are missing before those that are kept.
    """

    def __init__(self) -> None:
        self.missing = 0
        self._first: list[int] = []
        self._last: list[int] = []

    def holes(self) -> int:
        """Return how many numbers are missing between the first and the last."""
        between = zip(self._first[1:], self._last, strict=False)
        return self.missing + sum(first - last - 1 for first, last in between)

    def missing_of(self, first: int, last: int) -> int:
        """Return how many numbers of a stretch have not been seen."""
        if not self._last or first > self._last[-1]:
            return last - first + 1
        seen = 0
        i = bisect_left(self._last, first)
        while i < len(self._first) and self._first[i] <= last:
            seen += min(last, self._last[i]) - max(first, self._first[i]) + 1
            i += 1
        return last - first + 1 - seen

    def add(self, first: int, last: int) -> None:
        """Add a stretch; its ends are part of it."""
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
    """Choose what is printed of trades and aggregates.

    Args:
        counts: where repeated trades, those beside the book and aggregates of single trades are counted.
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
        """Return how many trades are missing between the first and the last."""
        return self._trades.holes()

    def add(self, trade: Trade, place: str, number: int) -> bool:
        """Take in a trade or an aggregate, and return whether it is a print now. An aggregate waits.

        Args:
            trade: the message.
            place: its file and line.
            number: of the packet that it makes.
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
        """Yield what aggregates print beyond single trades, those that have waited long enough by an exchange time.

        Each comes with its place and its packet's number.

        Args:
            ts_ns: of the message that follows; `None` at the end of the recording.
        """
        while self._waiting and (ts_ns is None or self._waiting[0][0].ts_ns < ts_ns - WAIT_NS):
            aggregate, place, number = self._waiting.popleft()
            rest = self._rest_of(aggregate)
            if rest is not None:
                yield rest, place, number
        # A trade that an aggregate may still name: one that waits is at most this old, and at most this late.
        while ts_ns is not None and self._recent and self._recent[0].ts_ns < ts_ns - 2 * WAIT_NS:
            self._recent.popleft()

    def _rest_of(self, aggregate: Trade) -> Trade | None:
        first, last = aggregate.first, aggregate.last
        self._pass_over(aggregate)
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

    def _pass_over(self, aggregate: Trade) -> None:
        """Take trades between two aggregates that follow each other for what is beside the book: nothing is missing."""
        assert aggregate.aggregate is not None
        if self._last_aggregate is not None:
            number, last = self._last_aggregate
            if aggregate.aggregate == number + 1 and last + 1 < aggregate.first:
                self._trades.add(last + 1, aggregate.first - 1)
        self._last_aggregate = aggregate.aggregate, aggregate.last
