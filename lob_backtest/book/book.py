"""The market's order book, rebuilt row by row: L3 with every order, L2 with sizes alone.

A `Book` depends on the feed alone, not on own orders, so that any number of strategies can share one replay. A side is
a `SortedDict` keyed by `-side * price_ticks`, so that on both sides the best level is first.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from sortedcontainers import SortedDict

from lob_backtest.contract.rows import Action, Flag

ADD, CANCEL, MODIFY, EXECUTE = int(Action.ADD), int(Action.CANCEL), int(Action.MODIFY), int(Action.EXECUTE)
CLEAR, LEVEL = int(Action.CLEAR), int(Action.LEVEL)
SUSPECT: Final = int(Flag.SUSPECT)


class Issue(IntEnum):
    """Why a book cannot apply a row. The book is left as it was."""

    NONE = 0
    UNKNOWN_ORDER = 1
    DUPLICATE_ORDER = 2
    OVERSIZE = 3
    BAD_SIDE = 4


class BookOrder:
    """A displayed order of the market. `arrival` numbers the places in all queues of the book: lower is older."""

    __slots__ = ("arrival", "price_ticks", "side", "size_lots")

    def __init__(self, side: int, price_ticks: int, size_lots: int, arrival: int) -> None:
        self.side = side
        self.price_ticks = price_ticks
        self.size_lots = size_lots
        self.arrival = arrival


class Level:
    """A price: its displayed size and, on L3, its orders by id, oldest first."""

    __slots__ = ("orders", "price_ticks", "size_lots")

    def __init__(self, price_ticks: int) -> None:
        self.price_ticks = price_ticks
        self.size_lots = 0
        self.orders: dict[int, BookOrder] = {}


class Book:
    """The displayed book of one instrument.

    Args:
        level: 3 for a feed of orders, 2 for a feed of level sizes.
        depth: how many levels per side the feed shows; 0 where it shows all.

    Attributes:
        best_bid: the highest bid in ticks, `None` where there is none.
        best_ask: the lowest ask in ticks, `None` where there is none.
        suspect: whether the last row was flagged SUSPECT: the book may be wrong.
        arrivals: the number of the last place in a queue.
        awaiting_snapshot: sides that a CLEAR has emptied and that no complete packet has shown again; see `complete`.
    """

    __slots__ = (
        "arrivals",
        "awaiting_snapshot",
        "best_ask",
        "best_bid",
        "depth",
        "ladders",
        "level",
        "orders",
        "suspect",
    )

    def __init__(self, level: int, depth: int = 0) -> None:
        self.level = level
        self.depth = depth
        self.ladders: dict[int, SortedDict[int, Level]] = {1: SortedDict(), -1: SortedDict()}
        self.orders: dict[int, BookOrder] = {}
        self.best_bid: int | None = None
        self.best_ask: int | None = None
        self.suspect = False
        self.arrivals = 0
        self.awaiting_snapshot: set[int] = set()

    def apply(self, action: int, side: int, order_id: int, price_ticks: int, size_lots: int, flags: int) -> int:
        """Apply one row of the feed; O(log levels).

        Args:
            action: a code of `contract.rows.Action`; TRADE and STATUS leave the book alone.
            side: +1 bid, -1 ask; 0: both (CLEAR), or that of the order (CANCEL, MODIFY, EXECUTE).
            order_id: the order on L3, 0 where there is none.
            price_ticks: the price, unused by CANCEL and EXECUTE.
            size_lots: as `contract.rows` defines it for the action.
            flags: bits of `contract.rows.Flag`.

        Returns:
            0, or the `Issue` for which the row was not applied.
        """
        self.suspect = flags & SUSPECT != 0
        if action == ADD:
            if order_id in self.orders:
                return Issue.DUPLICATE_ORDER
            self._join(order_id, side, price_ticks, size_lots)
        elif action in (CANCEL, EXECUTE):
            order = self.orders.get(order_id)
            if order is None:
                return Issue.UNKNOWN_ORDER
            if side == -order.side:
                return Issue.BAD_SIDE
            if size_lots > order.size_lots:
                return Issue.OVERSIZE
            self._reduce(order_id, order, size_lots)
        elif action == LEVEL:
            self._set_level(side, price_ticks, size_lots)
        elif action == MODIFY:
            order = self.orders.get(order_id)
            if order is None:
                return Issue.UNKNOWN_ORDER
            if side == -order.side:
                return Issue.BAD_SIDE
            if price_ticks == order.price_ticks and size_lots <= order.size_lots:
                self._reduce(order_id, order, order.size_lots - size_lots)
            else:
                self._reduce(order_id, order, order.size_lots)
                self._join(order_id, order.side, price_ticks, size_lots)
        elif action == CLEAR:
            self._clear(side)
        return 0

    def issue(self, action: int, side: int, order_id: int, size_lots: int) -> Issue:
        """Return what `apply` would return for a row, without applying it."""
        if action == ADD:
            return Issue.DUPLICATE_ORDER if order_id in self.orders else Issue.NONE
        if action in (CANCEL, EXECUTE, MODIFY):
            order = self.orders.get(order_id)
            if order is None:
                return Issue.UNKNOWN_ORDER
            if side == -order.side:
                return Issue.BAD_SIDE
            if action != MODIFY and size_lots > order.size_lots:
                return Issue.OVERSIZE
        return Issue.NONE

    def _join(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        self.arrivals += 1
        order = BookOrder(side, price_ticks, size_lots, self.arrivals)
        self.orders[order_id] = order
        level = self.ladders[side].get(-side * price_ticks)
        if level is None:
            level = self._open_level(side, price_ticks)
        level.orders[order_id] = order
        level.size_lots += size_lots

    def _reduce(self, order_id: int, order: BookOrder, size_lots: int) -> None:
        side, price_ticks = order.side, order.price_ticks
        level = self.ladders[side][-side * price_ticks]
        level.size_lots -= size_lots
        order.size_lots -= size_lots
        if order.size_lots == 0:
            del self.orders[order_id], level.orders[order_id]
            if not level.orders:
                self._close_level(side, price_ticks)

    def _set_level(self, side: int, price_ticks: int, size_lots: int) -> None:
        level = self.ladders[side].get(-side * price_ticks)
        if size_lots == 0:
            if level is not None:
                self._close_level(side, price_ticks)
            return
        if level is None:
            level = self._open_level(side, price_ticks)
        level.size_lots = size_lots

    def _open_level(self, side: int, price_ticks: int) -> Level:
        level = self.ladders[side][-side * price_ticks] = Level(price_ticks)
        if side > 0:
            if self.best_bid is None or price_ticks > self.best_bid:
                self.best_bid = price_ticks
        elif self.best_ask is None or price_ticks < self.best_ask:
            self.best_ask = price_ticks
        return level

    def _close_level(self, side: int, price_ticks: int) -> None:
        ladder = self.ladders[side]
        del ladder[-side * price_ticks]
        if side > 0:
            if price_ticks == self.best_bid:
                self.best_bid = -ladder.peekitem(0)[0] if ladder else None
        elif price_ticks == self.best_ask:
            self.best_ask = ladder.peekitem(0)[0] if ladder else None

    def _clear(self, side: int) -> None:
        for each in (1, -1) if side == 0 else (side,):
            for level in self.ladders[each].values():
                for order_id in level.orders:
                    del self.orders[order_id]
            self.ladders[each].clear()
            self.awaiting_snapshot.add(each)
            if each > 0:
                self.best_bid = None
            else:
                self.best_ask = None

    def complete(self) -> None:
        """Apply the end of a packet: a side that shows something again is known again."""
        for side in (1, -1):
            if self.ladders[side]:
                self.awaiting_snapshot.discard(side)

    def best(self, side: int) -> int | None:
        """Return the best price of one side in ticks, `None` where it is empty."""
        return self.best_bid if side > 0 else self.best_ask

    def size_at(self, side: int, price_ticks: int) -> int:
        """Return the displayed size at a price in lots, 0 where there is no level."""
        level = self.ladders[side].get(-side * price_ticks)
        return level.size_lots if level is not None else 0

    def levels(self, side: int) -> Iterator[Level]:
        """Iterate one side from the best price outwards."""
        return iter(self.ladders[side].values())

    def top(self, side: int, n: int) -> list[tuple[int, int, int]]:
        """Return the best `n` levels of one side as `(price_ticks, size_lots, orders)`; `orders` is 0 on L2."""
        return [(level.price_ticks, level.size_lots, len(level.orders)) for level in self.ladders[side].values()[:n]]

    def bbo(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Return best bid, its size, best ask, its size; `None` for a side that is empty."""
        bid, ask = self.best_bid, self.best_ask
        return (
            bid,
            None if bid is None else self.ladders[1][-bid].size_lots,
            ask,
            None if ask is None else self.ladders[-1][ask].size_lots,
        )

    def uncrossed(self) -> bool:
        """Return whether the best bid is below the best ask (or a side is empty)."""
        return self.best_bid is None or self.best_ask is None or self.best_bid < self.best_ask

    def beyond_window(self, side: int, price_ticks: int) -> bool:
        """Return whether a price lies outside of what a feed of limited depth shows of a side."""
        ladder = self.ladders[side]
        if not self.depth or len(ladder) < self.depth:
            return False
        return bool(-side * price_ticks > ladder.peekitem(-1)[0])

    def check(self) -> None:
        """Assert the invariants (docs/reproducibility.md); for tests and `--paranoid` runs."""
        for side, ladder in self.ladders.items():
            for key, level in ladder.items():
                # Keys and prices agree, and no empty level is kept.
                assert key == -side * level.price_ticks
                assert level.size_lots > 0
                if self.level == 3:
                    # A level's size is the sum of its orders, which stand oldest first.
                    assert level.size_lots == sum(order.size_lots for order in level.orders.values())
                    arrivals = [order.arrival for order in level.orders.values()]
                    assert arrivals == sorted(arrivals)
                for order_id, order in level.orders.items():
                    # The index and the queues name the same orders.
                    assert self.orders[order_id] is order
                    assert (order.side, order.price_ticks) == (side, level.price_ticks)
                    assert order.size_lots > 0
            # The cached best price is the ladder's.
            assert self.best(side) == (-side * ladder.keys()[0] if ladder else None)
        # Every indexed order stands in a level.
        assert len(self.orders) == sum(
            len(level.orders) for ladder in self.ladders.values() for level in ladder.values()
        )
