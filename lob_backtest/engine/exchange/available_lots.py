"""What the market's displayed book still has for own orders that take.

History goes on as recorded, so the feed does not know what own orders took. `Liquidity` remembers it as one number a
level: its first lots, in time order. Trades of the market do not give them back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lob_backtest.book.book import Book, MarketOrder
from lob_backtest.engine.exchange.level_queue import after
from lob_backtest.engine.exchange.own_order import Past, note
from lob_backtest.engine.exchange.prints import Fall, Place, Prints
from lob_backtest.engine.exchange.queue_model import SHIFT, Model


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


class Liquidity:
    """Displayed lots less those that own orders have taken and, on L2, those that prints say are gone.

    Args:
        book: the market's book.
        prints: the prints since each level's last update; they stay empty on L3.
        model: L2: how much of an unexplained fall was taken.

    Attributes:
        taken: what own orders have taken, by level.
        unplaced: flow of the market that found no untaken lot at its price; lots on L3, 2⁻²⁰ lot on L2.
    """

    __slots__ = ("_book", "_model", "_prints", "_unit", "_unsettled", "taken", "unplaced")

    def __init__(self, book: Book, prints: Prints, model: Model) -> None:
        self._book = book
        self._prints = prints
        self._model = model
        self._unit = SHIFT if book.level == 2 else 0
        self._unsettled = False
        self.taken: dict[Place, Taken] = {}
        self.unplaced = 0

    @property
    def unplaced_lots(self) -> int:
        """Return the whole lots of flow that found no untaken lot at its price."""
        return self.unplaced >> self._unit

    def offers(self, side: int, limit_ticks: int | None, now_ns: int) -> Iterator[Offer]:
        """Iterate what one side of the market offers, best first, no worse than a limit (`None`: any price)."""
        if side in self._book.partial:
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
                printed = self._prints.printed((side, price_ticks), now_ns)
                left = (((level.size_lots - printed) << SHIFT) - lots) >> SHIFT
                if left > 0:
                    yield Offer(side, price_ticks, left)

    def take(self, offer: Offer, size_lots: int) -> None:
        """Remember that own orders took some of an offer."""
        place = (offer.side, offer.price_ticks)
        taken = self.taken.setdefault(place, Taken())
        self._note(place, taken, Past(0, taken.lots, size_lots << SHIFT))
        taken.lots += size_lots << self._unit

    def executed(self, order: MarketOrder, size_lots: int) -> None:
        """L3: take in an execution, which meets the first untaken lots."""
        taken = self._known((order.side, order.price_ticks))
        if taken is not None:
            displayed = self._book.size_at(order.side, order.price_ticks) - size_lots
            self.unplaced += max(0, taken.lots - displayed)
            self._keep((order.side, order.price_ticks), taken, min(taken.lots, displayed))

    def reduced(self, order_id: int, order: MarketOrder, left_lots: int) -> None:
        """L3: take in that an order has lost size, or its place (`left_lots` 0); what was taken of that comes back."""
        place = (order.side, order.price_ticks)
        taken = self._known(place)
        if taken is not None:
            share = self._shares(place, taken).get(order_id, 0)
            self._keep(place, taken, taken.lots - max(0, share - left_lots))

    def freeze(self, place: Place) -> None:
        """Take in that a WINDOW row has changed a level."""
        taken = self.taken.get(place)
        if taken is not None:
            taken.frozen = self._unsettled = True

    def fell(self, place: Place, fall: Fall) -> None:
        """L2: take in a fall of a level."""
        taken = self._known(place)
        if taken is not None:
            self._note(place, taken, Past(fall.number, taken.lots))
            if not fall.new:
                taken.past.clear()  # what comes later cannot make more of nothing
            self._keep(place, taken, after(fall, taken.lots, self._model))

    def late(self, place: Place, fall: Fall) -> None:
        """L2: judge what is taken again, since a late print explains more of a fall."""
        taken = self.taken.get(place)
        entry = next((i for i, past in enumerate(taken.past) if past.fall == fall.number), None) if taken else None
        if taken is None or entry is None:
            return
        falls = {each.number: each for each in self._prints.falls[place]}
        lots = taken.past[entry].before
        for past in taken.past[entry:]:
            past.before = lots
            lots = after(falls[past.fall], lots, self._model) if past.fall else lots + past.flow
        self._keep(place, taken, min(lots, self._book.size_at(*place) << SHIFT))

    def printed(self, place: Place, size_lots: int, now_ns: int) -> None:
        """L2: count what of a new print finds no untaken lot at its price."""
        taken = self._known(place)
        if taken is not None:
            left = (self._book.size_at(*place) - self._prints.printed(place, now_ns)) << SHIFT
            flow = size_lots << SHIFT
            # Flow beyond what is displayed would not have been placed without takes either.
            over = max(0, flow - (left - taken.lots)) - max(0, taken.lots - left)
            self.unplaced += over - (max(0, flow - left) - max(0, -left))

    def clear(self, side: int) -> None:
        """Take in that a CLEAR is about to empty a side (0: both)."""
        for place, taken in self.taken.items():
            if side in (0, place[0]) and place[0] not in self._book.partial:
                taken.survivors = self._shares(place, taken) if self._book.level == 3 and not taken.frozen else None
                self._unsettled = True

    def end_packet(self, falls: dict[Place, Fall]) -> None:
        """Settle what a snapshot or the window has left open; `falls` are those that a snapshot shows."""
        if not self._unsettled:
            return
        self._unsettled = False
        for place, taken in list(self.taken.items()):
            side, price_ticks = place
            if side in self._book.partial:
                if not self._book.ladders[side]:
                    self._unsettled = True
                    continue
                self._survive(place, taken)
                if place in falls:
                    self._note(place, taken, Past(falls[place].number, taken.lots))
            if self._book.beyond_window(side, price_ticks):
                taken.frozen = self._unsettled = True
            else:
                taken.frozen = False
                self._keep(place, taken, min(taken.lots, self._book.size_at(*place) << self._unit))

    def _known(self, place: Place) -> Taken | None:
        """Return what is taken of a level that the feed shows."""
        taken = self.taken.get(place)
        return None if taken is None or taken.frozen or place[0] in self._book.partial else taken

    def _survive(self, place: Place, taken: Taken) -> None:
        """L3: keep, of what was taken before a CLEAR, what is listed again."""
        if taken.survivors is None or self._book.beyond_window(*place):
            return
        level = self._book.ladders[place[0]].get(-place[0] * place[1])
        orders = level.orders if level is not None else {}
        listed = {order_id: lots for order_id, lots in taken.survivors.items() if order_id in orders}
        taken.lots = sum(min(lots, orders[order_id].size_lots) for order_id, lots in listed.items())
        taken.survivors = None

    def _shares(self, place: Place, taken: Taken) -> dict[int, int]:
        """L3: return how much is taken of each order of a level."""
        level = self._book.ladders[place[0]].get(-place[0] * place[1])
        shares: dict[int, int] = {}
        left = taken.lots
        for order_id, order in level.orders.items() if level is not None else ():
            shares[order_id] = min(left, order.size_lots)
            left -= shares[order_id]
        return shares

    def _note(self, place: Place, taken: Taken, past: Past) -> None:
        if self._book.level == 2:
            note(taken.past, past, self._prints.oldest(place))

    def _keep(self, place: Place, taken: Taken, lots: int) -> None:
        taken.lots = lots
        if not lots and not taken.past:
            del self.taken[place]

    def check(self) -> None:
        """Assert the invariants; for tests and runs that check everything."""
        for (side, price_ticks), taken in self.taken.items():
            # No displayed lot is taken twice.
            assert taken.lots >= 0
            if side not in self._book.partial and not taken.frozen:
                assert taken.lots <= self._book.size_at(side, price_ticks) << self._unit
