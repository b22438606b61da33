"""Own resting orders beside the market's book, in one price-time order with it; history is never altered.

The market hands every row to `before` while its book still stands as it was, and calls `end_packet` after LAST.
docs/fill-model.md states the rules; `_execute`, `_print` and `_cross` are its three ways to a fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sortedcontainers import SortedDict

from lob_backtest.engine.book import CANCEL, CLEAR, EXECUTE, LEVEL, MODIFY, Book, MarketOrder
from lob_backtest.engine.level_queue import LevelQueue
from lob_backtest.engine.liquidity import Liquidity
from lob_backtest.engine.order_queue import OrderQueue
from lob_backtest.engine.own_order import OwnOrder
from lob_backtest.engine.prints import Prints
from lob_backtest.engine.queue_model import MODELS
from lob_backtest.market.schema import Action, Flag
from lob_backtest.plan import InstrumentPlan
from lob_backtest.tables import Cause

TRADE: Final = int(Action.TRADE)
HIDDEN, AUCTION, WINDOW = int(Flag.HIDDEN), int(Flag.AUCTION), int(Flag.WINDOW)

FillOrder = Callable[[OwnOrder, int, int, Cause], None]
"""Book a fill: order, price in ticks, size in lots, cause."""


class Overlay:
    """The resting orders of one strategy in one instrument.

    Args:
        book: the market's book.
        prints: the prints since each level's last update (L2).
        plan: the instrument's part of the plan.
        fill: books a fill; the overlay takes a filled order off by itself.

    Attributes:
        liquidity: what own orders can still take.
        moved: orders whose queue position changed in the packet at hand, by id.
    """

    __slots__ = (
        "_any_side",
        "_book",
        "_fill",
        "_levels",
        "_orders",
        "_prints",
        "_turns",
        "liquidity",
        "moved",
        "sides",
    )

    def __init__(self, book: Book, prints: Prints, plan: InstrumentPlan, fill: FillOrder) -> None:
        self._book = book
        self._prints = prints
        self._fill = fill
        self._any_side = plan.hidden_any_side
        self._orders = OrderQueue(book, plan.evidence)
        self._levels = LevelQueue(book, MODELS[plan.queue_model])
        self._turns = 0
        self.liquidity = Liquidity(book, prints)
        self.moved: dict[int, OwnOrder] = {}
        self.sides: dict[int, SortedDict[int, list[OwnOrder]]] = {1: SortedDict(), -1: SortedDict()}

    @property
    def _queue(self) -> OrderQueue | LevelQueue:
        return self._orders if self._book.level == 3 else self._levels

    @property
    def watching(self) -> bool:
        """Say whether any row can matter: an order rests, or a taken lot is remembered."""
        return bool(self.sides[1] or self.sides[-1] or self.liquidity.taken)

    def resting(self, side: int) -> Iterator[OwnOrder]:
        """Iterate the orders of one side in price-time order."""
        for owns in self.sides[side].values():
            yield from owns

    def at(self, side: int, price_ticks: int) -> list[OwnOrder]:
        """Return the orders at a price, oldest first; a copy."""
        return list(self.sides[side].get(-side * price_ticks, ()))

    def best(self, side: int) -> int | None:
        """Return the best own price of one side."""
        ladder = self.sides[side]
        return -side * int(ladder.peekitem(0)[0]) if ladder else None

    def rest(self, own: OwnOrder) -> None:
        """Put an order at the end of the queue at its price."""
        assert own.price_ticks is not None
        self._turns += 1
        own.turn = self._turns
        # In the midst of a snapshot nothing is known: the order takes its place when the snapshot is complete.
        known = own.side not in self._book.partial and not self._book.beyond_window(own.side, own.price_ticks)
        own.visible = own.shown = known
        self._queue.join(own)
        own.ahead_at_arrival = own.ahead_lots(self._book.level)
        self.sides[own.side].setdefault(-own.side * own.price_ticks, []).append(own)

    def remove(self, own: OwnOrder) -> None:
        """Take an order off."""
        assert own.price_ticks is not None
        key = -own.side * own.price_ticks
        owns = self.sides[own.side][key]
        owns.remove(own)
        if not owns:
            del self.sides[own.side][key]

    def before(self, row: tuple[int, int, int, int, int, int], *, matching: bool) -> None:
        """Take in a row that the book is about to apply.

        Args:
            row: action, side, order_id, price_ticks, size_lots, flags.
            matching: whether own orders may fill now.
        """
        action, side, order_id, price_ticks, size_lots, flags = row
        self.liquidity.before(action, side, order_id, price_ticks, size_lots)
        if action == EXECUTE:
            self._execute(self._book.orders[order_id], size_lots, matching and not flags & AUCTION)
        elif action == CANCEL:
            self._cancel(self._book.orders[order_id], size_lots, flags)
        elif action == MODIFY:
            order = self._book.orders[order_id]
            keeps = price_ticks == order.price_ticks and size_lots < order.size_lots
            self._cancel(order, order.size_lots - size_lots if keeps else order.size_lots, flags)
        elif action == LEVEL:
            self._level(side, price_ticks, size_lots, flags)
        elif action == TRADE:
            self._trade(side, price_ticks, size_lots, flags, matching)
        elif action == CLEAR:
            self._clear(side)

    def end_packet(self, *, matching: bool) -> None:
        """Settle what is judged by the book after a whole packet: snapshots, the window, crosses."""
        self.liquidity.end_packet()
        for side in (1, -1):
            shown = side not in self._book.partial
            if not shown and not self._book.ladders[side]:
                continue  # cleared and not shown again: nothing is known of any queue
            for own in self.resting(side):
                if not shown:
                    self._rebuild(own)
                self._look(own)
        if matching:
            self._cross(1)
            self._cross(-1)

    def _take(self, own: OwnOrder, price_ticks: int, size_lots: int, cause: Cause) -> None:
        if size_lots == own.open_lots:
            self.remove(own)
        self._fill(own, price_ticks, size_lots, cause)

    def _changed(self, own: OwnOrder) -> None:
        self.moved[own.order_id] = own

    def _through(self, side: int, price_ticks: int, size_lots: int, cause: Cause) -> int:
        """Fill orders at better prices than a trade's, each at its own price; return what is left of the trade."""
        for own in list(self.resting(side)):
            assert own.price_ticks is not None
            if size_lots == 0 or side * own.price_ticks <= side * price_ticks:
                break
            lots = min(size_lots, own.open_lots)
            size_lots -= lots
            self._take(own, own.price_ticks, lots, cause)
        return size_lots

    def _execute(self, order: MarketOrder, size_lots: int, matching: bool) -> None:
        side, price_ticks = order.side, order.price_ticks
        if matching:
            left = self._through(side, price_ticks, size_lots, Cause.THROUGH)
            for own, lots in self._orders.reached(self.at(side, price_ticks), left, order):
                self._take(own, price_ticks, lots, Cause.QUEUE)
        for own in self.at(side, price_ticks):
            if self._orders.executed(own, order, size_lots):
                self._changed(own)

    def _cancel(self, order: MarketOrder, size_lots: int, flags: int) -> None:
        for own in self.at(order.side, order.price_ticks):
            if flags & WINDOW:
                self._freeze(own)
            elif self._orders.cancelled(own, order, size_lots):
                self._changed(own)

    def _level(self, side: int, price_ticks: int, size_lots: int, flags: int) -> None:
        if side in self._book.partial:
            return
        owns = self.at(side, price_ticks)
        if not owns:
            return
        before = self._book.size_at(side, price_ticks)
        printed = self._prints.printed.get((side, price_ticks), 0)
        for own in owns:
            if flags & WINDOW and size_lots == 0:
                self._freeze(own)
            elif own.visible and self._levels.level(own, before, size_lots, printed):
                self._changed(own)

    def _trade(self, side: int, price_ticks: int, size_lots: int, flags: int, matching: bool) -> None:
        if flags & AUCTION:
            return
        if flags & HIDDEN:
            if matching:
                self._hidden(side, price_ticks, size_lots)
        elif self._book.level == 2 and side:
            self._print(side, price_ticks, size_lots, matching)

    def _print(self, side: int, price_ticks: int, size_lots: int, matching: bool) -> None:
        left = self._through(side, price_ticks, size_lots, Cause.THROUGH) if matching else size_lots
        owns = self.at(side, price_ticks)
        for own, lots in self._levels.reached(owns, left, matching=matching):
            self._take(own, price_ticks, lots, Cause.QUEUE)
        for own in owns:
            self._changed(own)

    def _hidden(self, side: int, price_ticks: int, size_lots: int) -> None:
        sides = (side,) if side else (1, -1) if self._any_side else ()
        for each in sides:
            size_lots = self._through(each, price_ticks, size_lots, Cause.HIDDEN)
            for own in self.at(each, price_ticks):
                if size_lots and own.visible and own.ahead == 0:
                    lots = min(size_lots, own.open_lots)
                    size_lots -= lots
                    self._take(own, price_ticks, lots, Cause.HIDDEN)

    def _cross(self, side: int) -> None:
        opposite = self._book.best(-side)
        if opposite is None:
            return
        for own in list(self.resting(side)):
            assert own.price_ticks is not None
            if side * own.price_ticks < side * opposite:
                break
            for offer in self.liquidity.offers(-side, own.price_ticks):
                lots = min(offer.size_lots, own.open_lots)
                self.liquidity.take(offer, lots)
                self._take(own, own.price_ticks, lots, Cause.CROSS)
                if own.open_lots == 0:
                    break

    def _clear(self, side: int) -> None:
        for each in (1, -1) if side == 0 else (side,):
            if each not in self._book.partial:
                for own in self.resting(each):
                    self._queue.remember(own)

    def _rebuild(self, own: OwnOrder) -> None:
        assert own.price_ticks is not None
        if own.visible and not self._book.beyond_window(own.side, own.price_ticks):
            self._queue.rebuild(own)
            self._changed(own)

    def _freeze(self, own: OwnOrder) -> None:
        if own.visible:
            own.visible = False
            self._changed(own)

    def _look(self, own: OwnOrder) -> None:
        assert own.price_ticks is not None
        if self._book.beyond_window(own.side, own.price_ticks):
            self._freeze(own)
        elif not own.visible:
            self._queue.reappear(own)
            own.visible = own.shown = True
            self._changed(own)

    def check(self) -> None:
        """Assert the invariants of own orders; for tests and runs that check everything."""
        for side, ladder in self.sides.items():
            for key, owns in ladder.items():
                # Own orders stand oldest first, at their price, with something open.
                assert [own.turn for own in owns] == sorted(own.turn for own in owns)
                assert all((own.side, -side * int(own.price_ticks or 0)) == (side, key) for own in owns)
                assert all(own.open_lots > 0 for own in owns)
                for own in owns:
                    # A queue position is never negative; on L3 it is the size of the older orders, or less.
                    assert own.ahead >= 0
                    if self._book.level == 3 and own.visible and side not in self._book.partial:
                        level = self._book.ladders[side].get(key)
                        orders = level.orders.values() if level is not None else ()
                        assert own.older_lots == sum(o.size_lots for o in orders if o.arrival <= own.arrival)
                        assert own.ahead <= own.older_lots
        for key, lots in self.liquidity.taken.items():
            # No displayed lot is taken twice.
            displayed = self._book.size_at(*key) if isinstance(key, tuple) else self._book.orders[key].size_lots  # type: ignore[index]
            assert 0 < lots <= displayed
