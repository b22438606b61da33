"""The visible part of a LOBSTER book, and the rows that keep a reader's book equal to it.

A book can follow these rows without an unknown id, an oversize or a duplicate.

A LOBSTER file with N levels leaves out events outside the best N. A level that becomes visible therefore has a size of
unknown orders. That size is one **placeholder** order, older than all known orders of the level. An event of an order
with an unknown id applies to the placeholder of its level. When a level leaves the window, its orders are dropped,
since their changes are no longer visible.

Ids of placeholders have the top bit set; the files' own ids are read as signed 64-bit numbers and never have it.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.packet_rows import PacketRows

PLACEHOLDER: Final = 1 << 63
WINDOW: Final = int(Flag.WINDOW)
SNAPSHOT: Final = int(Flag.SNAPSHOT)
ADD, CANCEL, CLEAR = int(Action.ADD), int(Action.CANCEL), int(Action.CLEAR)

Shown = dict[int, int]
"""A side of an order book row: price in ticks to size in lots, best first."""


class Level:
    """A visible level: its size, its orders by id, and the id of its latest placeholder (0: none)."""

    __slots__ = ("orders", "placeholder", "size_lots")

    def __init__(self) -> None:
        self.size_lots = 0
        self.orders: dict[int, int] = {}
        self.placeholder = 0


class Window:
    """Track the visible book, and write the rows that keep a reader's book equal to it.

    Args:
        rows: receives the rows.
        counts: `corrected_levels` counts levels that the messages do not explain: they neither entered or left at the
            window's edge, nor does their size follow from messages.
    """

    def __init__(self, rows: PacketRows, counts: Counter[str]) -> None:
        self.rows = rows
        self.counts = counts
        self.sides: dict[int, dict[int, Level]] = {1: {}, -1: {}}
        self.known: dict[int, tuple[int, int]] = {}
        self._placeholders = 0

    def seed(self, shown: dict[int, Shown], newcomer: tuple[int, int, int, int] | None) -> None:
        """Reset to an order book row: a CLEAR and one ADD per level, flagged SNAPSHOT.

        Args:
            shown: both sides by sign.
            newcomer: side, price, size and id of an order that is known to be the youngest at its level.
        """
        self.sides = {1: {}, -1: {}}
        self.known = {}
        self.rows.add(CLEAR, 0, 0, 0, 0, SNAPSHOT)
        for side, levels in shown.items():
            for price_ticks, size_lots in levels.items():
                own = newcomer[2] if newcomer and newcomer[:2] == (side, price_ticks) else 0
                if own > size_lots:
                    own = 0
                if size_lots > own:
                    self._reveal(side, price_ticks, size_lots - own, SNAPSHOT)
                if own and newcomer:
                    self.add(newcomer[3], side, price_ticks, own, SNAPSHOT)

    def add(self, order_id: int, side: int, price_ticks: int, size_lots: int, flags: int = 0) -> None:
        """Add a new order; one whose id is in use gets an id of its own."""
        if order_id in self.known:
            self.counts["reused_ids"] += 1
            order_id = self._new_id()
        level = self._level(side, price_ticks)
        level.orders[order_id] = size_lots
        level.size_lots += size_lots
        self.known[order_id] = (side, price_ticks)
        self.rows.add(ADD, side, order_id, price_ticks, size_lots, flags)

    def take(self, action: int, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Cancel or execute size of an order, or of its level's placeholder if the order is unknown.

        Size that neither has is first added to the placeholder, so that no trade is lost.
        """
        level = self._level(side, price_ticks)
        named = order_id if self.known.get(order_id) == (side, price_ticks) else 0
        left = size_lots
        for each in (named, level.placeholder):
            part = min(left, level.orders.get(each, 0))
            if part:
                self._reduce(action, side, price_ticks, each, part)
                left -= part
        if left:
            self.counts["size_not_in_sight"] += 1
            extra = self._new_id()
            self._place(extra, side, price_ticks, left, WINDOW)
            self._reduce(action, side, price_ticks, extra, left)

    def match(self, shown: dict[int, Shown]) -> None:
        """Write the WINDOW rows that make the visible book equal to an order book row."""
        for side, levels in shown.items():
            mine = self.sides[side]
            gone = [price for price in mine if price not in levels]
            for price_ticks in gone:
                if levels and (price_ticks - next(reversed(levels))) * side > 0:
                    self.counts["corrected_levels"] += 1
                self._hide(side, price_ticks)
            for price_ticks, size_lots in levels.items():
                level = mine.get(price_ticks)
                if level is None:
                    if any((price_ticks - price) * side > 0 for price in mine):
                        self.counts["corrected_levels"] += 1
                    self._reveal(side, price_ticks, size_lots, WINDOW)
                elif level.size_lots != size_lots:
                    self.counts["corrected_levels"] += 1
                    self._hide(side, price_ticks)
                    self._reveal(side, price_ticks, size_lots, WINDOW)

    def _level(self, side: int, price_ticks: int) -> Level:
        level = self.sides[side].get(price_ticks)
        if level is None:
            level = self.sides[side][price_ticks] = Level()
        return level

    def _new_id(self) -> int:
        self._placeholders += 1
        return PLACEHOLDER | self._placeholders

    def _reveal(self, side: int, price_ticks: int, size_lots: int, flags: int) -> None:
        placeholder = self._new_id()
        self._place(placeholder, side, price_ticks, size_lots, flags)
        self.sides[side][price_ticks].placeholder = placeholder

    def _place(self, order_id: int, side: int, price_ticks: int, size_lots: int, flags: int) -> None:
        level = self._level(side, price_ticks)
        level.orders[order_id] = size_lots
        level.size_lots += size_lots
        self.rows.add(ADD, side, order_id, price_ticks, size_lots, flags)

    def _hide(self, side: int, price_ticks: int) -> None:
        for order_id, size_lots in list(self.sides[side][price_ticks].orders.items()):
            self._reduce(CANCEL, side, price_ticks, order_id, size_lots, WINDOW)

    def _reduce(self, action: int, side: int, price_ticks: int, order_id: int, size_lots: int, flags: int = 0) -> None:
        level = self.sides[side][price_ticks]
        self.rows.add(action, side, order_id, price_ticks, size_lots, flags)
        level.orders[order_id] -= size_lots
        level.size_lots -= size_lots
        if not level.orders[order_id]:
            del level.orders[order_id]
            self.known.pop(order_id, None)
            if not level.orders:
                del self.sides[side][price_ticks]
