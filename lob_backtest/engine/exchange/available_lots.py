"""The lots of the market's displayed book that own orders can still take.

History goes on as recorded, so the feed does not know what own orders took. `AvailableLots` keeps it as one number per
level: its first lots, in time order. Trades of the market do not give them back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lob_backtest.book.book import Book, BookOrder
from lob_backtest.engine.exchange.level_queue import after
from lob_backtest.engine.exchange.own_order import Past, note
from lob_backtest.engine.exchange.print_match import Fall, LevelKey, PrintMatch
from lob_backtest.engine.models.queue import SHIFT, Model


class Offer(NamedTuple):
    """Lots that can be taken at one price: of one market order (L3) or of one level (L2)."""

    side: int
    price_ticks: int
    size_lots: int


class Taken:
    """What own orders have taken of a level.

    Attributes:
        lots: how much; lots on L3, 2⁻²⁰ lot on L2.
        past: L2: what has changed it since the oldest fall of the level that a print may still explain.
        frozen: whether the price has left what the feed shows.
        survivors: L3: from a CLEAR until the side is shown again, the lots taken of each order.
    """

    __slots__ = ("frozen", "lots", "past", "survivors")

    def __init__(self) -> None:
        self.lots = 0
        self.past: list[Past] = []
        self.frozen = False
        self.survivors: dict[int, int] | None = None


class AvailableLots:
    """Displayed lots less those that own orders have taken and, on L2, those that prints have taken since.

    Args:
        book: the market's book.
        print_match: the prints since each level's last update; they stay empty on L3.
        model: L2: how much of an unexplained fall was taken.

    Attributes:
        taken: what own orders have taken, by level.
        unplaced: flow of the market that found no untaken lot at its price; lots on L3, 2⁻²⁰ lot on L2.
    """

    __slots__ = ("_book", "_model", "_print_match", "_unit", "_visibility_unknown", "taken", "unplaced")

    def __init__(self, book: Book, print_match: PrintMatch, model: Model) -> None:
        self._book = book
        self._print_match = print_match
        self._model = model
        self._unit = SHIFT if book.level == 2 else 0
        self._visibility_unknown = False
        self.taken: dict[LevelKey, Taken] = {}
        self.unplaced = 0

    @property
    def unplaced_lots(self) -> int:
        """Return the whole lots of flow that found no untaken lot at its price."""
        return self.unplaced >> self._unit

    def taken_at(self, level_key: LevelKey) -> int:
        """Return what own orders have taken of a level; lots on L3, 2⁻²⁰ lot on L2."""
        taken = self.taken.get(level_key)
        return 0 if taken is None else taken.lots

    def offers(self, side: int, limit_ticks: int | None, now_ns: int) -> Iterator[Offer]:
        """Iterate the offers of one side of the market, best first, no worse than a limit (`None`: any price)."""
        if side in self._book.awaiting_snapshot:
            return
        for level in self._book.levels(side):
            price_ticks = level.price_ticks
            if limit_ticks is not None and side * price_ticks < side * limit_ticks:
                return
            taken = self.taken.get((side, price_ticks))
            lots = taken.lots if taken is not None else 0
            if self._book.level == 3:
                for order in level.orders.values():
                    left = order.size_lots - min(order.size_lots, lots)
                    lots -= order.size_lots - left
                    if left:
                        yield Offer(side, price_ticks, left)
            else:
                printed = self._print_match.printed((side, price_ticks), now_ns)
                left = (((level.size_lots - printed) << SHIFT) - lots) >> SHIFT
                if left > 0:
                    yield Offer(side, price_ticks, left)

    def take(self, offer: Offer, size_lots: int) -> None:
        """Count what own orders take of an offer."""
        level_key = (offer.side, offer.price_ticks)
        taken = self.taken.setdefault(level_key, Taken())
        self._note(level_key, taken, Past(0, taken.lots, size_lots << SHIFT))
        taken.lots += size_lots << self._unit

    def executed(self, order: BookOrder, size_lots: int) -> None:
        """L3: apply an execution, which meets the first untaken lots."""
        taken = self._known((order.side, order.price_ticks))
        if taken is not None:
            displayed = self._book.size_at(order.side, order.price_ticks) - size_lots
            self.unplaced += max(0, taken.lots - displayed)
            self._keep((order.side, order.price_ticks), taken, min(taken.lots, displayed))

    def reduced(self, order_id: int, order: BookOrder, left_lots: int) -> None:
        """L3: apply an order's loss of size, or of its place (`left_lots` 0); lots taken of that can be taken again."""
        level_key = (order.side, order.price_ticks)
        taken = self._known(level_key)
        if taken is not None:
            share = self._shares(level_key, taken).get(order_id, 0)
            self._keep(level_key, taken, taken.lots - max(0, share - left_lots))

    def freeze(self, level_key: LevelKey) -> None:
        """Stop following a level that a WINDOW row has changed."""
        taken = self.taken.get(level_key)
        if taken is not None:
            taken.frozen = self._visibility_unknown = True

    def fell(self, level_key: LevelKey, fall: Fall) -> None:
        """L2: apply a fall of a level."""
        taken = self._known(level_key)
        if taken is not None:
            self._note(level_key, taken, Past(fall.number, taken.lots))
            if not fall.new:
                taken.past.clear()  # a later row cannot raise a position of 0
            self._keep(level_key, taken, after(fall, taken.lots, self._model))

    def late(self, level_key: LevelKey, fall: Fall) -> None:
        """L2: judge what is taken again, since a late print explains more of a fall."""
        taken = self.taken.get(level_key)
        entry = next((i for i, past in enumerate(taken.past) if past.fall == fall.number), None) if taken else None
        if taken is None or entry is None:
            return
        falls = {each.number: each for each in self._print_match.falls[level_key]}
        lots = taken.past[entry].before
        for past in taken.past[entry:]:
            past.before = lots
            lots = after(falls[past.fall], lots, self._model) if past.fall else lots + past.flow
        self._keep(level_key, taken, min(lots, self._book.size_at(*level_key) << SHIFT))

    def printed(self, level_key: LevelKey, size_lots: int, now_ns: int) -> None:
        """L2: count what of a new print finds no untaken lot at its price."""
        taken = self._known(level_key)
        if taken is not None:
            left = (self._book.size_at(*level_key) - self._print_match.printed(level_key, now_ns)) << SHIFT
            flow = size_lots << SHIFT
            # Flow beyond what is displayed would not have been placed without takes either.
            over = max(0, flow - (left - taken.lots)) - max(0, taken.lots - left)
            self.unplaced += over - (max(0, flow - left) - max(0, -left))

    def clear(self, side: int) -> None:
        """Keep what is taken of a side (0: both) that a CLEAR empties next."""
        for level_key, taken in self.taken.items():
            if side in (0, level_key[0]) and level_key[0] not in self._book.awaiting_snapshot:
                taken.survivors = self._shares(level_key, taken) if self._book.level == 3 and not taken.frozen else None
                self._visibility_unknown = True

    def end_packet(self, falls: dict[LevelKey, Fall]) -> None:
        """Update what is taken after a snapshot or a change of the window; `falls` are those that a snapshot shows."""
        if not self._visibility_unknown:
            return
        self._visibility_unknown = False
        for level_key, taken in list(self.taken.items()):
            side, price_ticks = level_key
            if side in self._book.awaiting_snapshot:
                if not self._book.ladders[side]:
                    self._visibility_unknown = True
                    continue
                self._survive(level_key, taken)
                if level_key in falls:
                    self._note(level_key, taken, Past(falls[level_key].number, taken.lots))
            if self._book.beyond_window(side, price_ticks):
                taken.frozen = self._visibility_unknown = True
            else:
                taken.frozen = False
                self._keep(level_key, taken, min(taken.lots, self._book.size_at(*level_key) << self._unit))

    def _known(self, level_key: LevelKey) -> Taken | None:
        """Return what is taken of a level that the feed shows."""
        taken = self.taken.get(level_key)
        return None if taken is None or taken.frozen or level_key[0] in self._book.awaiting_snapshot else taken

    def _survive(self, level_key: LevelKey, taken: Taken) -> None:
        """L3: keep, of what was taken before a CLEAR, what is listed again."""
        if taken.survivors is None or self._book.beyond_window(*level_key):
            return
        level = self._book.ladders[level_key[0]].get(-level_key[0] * level_key[1])
        orders = level.orders if level is not None else {}
        listed = {order_id: lots for order_id, lots in taken.survivors.items() if order_id in orders}
        taken.lots = sum(min(lots, orders[order_id].size_lots) for order_id, lots in listed.items())
        taken.survivors = None

    def _shares(self, level_key: LevelKey, taken: Taken) -> dict[int, int]:
        """L3: return how much is taken of each order of a level."""
        level = self._book.ladders[level_key[0]].get(-level_key[0] * level_key[1])
        shares: dict[int, int] = {}
        left = taken.lots
        for order_id, order in level.orders.items() if level is not None else ():
            shares[order_id] = min(left, order.size_lots)
            left -= shares[order_id]
        return shares

    def _note(self, level_key: LevelKey, taken: Taken, past: Past) -> None:
        if self._book.level == 2:
            note(taken.past, past, self._print_match.oldest(level_key))

    def _keep(self, level_key: LevelKey, taken: Taken, lots: int) -> None:
        taken.lots = lots
        if not lots and not taken.past:
            del self.taken[level_key]

    def check(self) -> None:
        """Assert the invariants; for tests and runs that check everything."""
        for (side, price_ticks), taken in self.taken.items():
            # No displayed lot is taken twice.
            assert taken.lots >= 0
            if side not in self._book.awaiting_snapshot and not taken.frozen:
                assert taken.lots <= self._book.size_at(side, price_ticks) << self._unit
