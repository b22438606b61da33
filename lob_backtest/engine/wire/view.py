"""One instrument as the strategies have received it: the same book, later, packet by packet."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple, Protocol

from lob_backtest.book.book import Book
from lob_backtest.contract.plan import InstrumentPlan
from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.engine.record.recorder import NEVER
from lob_backtest.strategy.api import Print

TRADE, EXECUTE, STATUS = int(Action.TRADE), int(Action.EXECUTE), int(Action.STATUS)
HIDDEN: Final = int(Flag.HIDDEN)

Row = tuple[int, int, int, int, int, int, int, int, int]
"""ts_exchange_ns, ts_local_ns, action, side, order_id, price_ticks, size_lots, flags, phase."""


class QueueMove(NamedTuple):
    """A new queue position of an own order; `queue_stay` is the stay in a queue that it belongs to."""

    agent: int
    order_id: int
    queue_stay: int
    ahead_lots: int | None


class Packet(NamedTuple):
    """Rows `start` to `end` of a list, on their way to the strategies."""

    ts_local_ns: int
    rows: list[Row]
    start: int
    end: int
    moves: list[QueueMove]


class Delivered(NamedTuple):
    """What a packet changed."""

    prints: list[Print]
    best_changed: bool
    any_changed: bool


class QueueListener(Protocol):
    """Receives the new queue positions of one strategy's orders."""

    def moved(self, order_id: int, queue_stay: int, ahead_lots: int | None) -> None:
        """Take the position of an order in its current stay in a queue."""


class View:
    """The delayed market of one instrument.

    Attributes:
        book: the book after the last packet received.
        phase: the trading phase after it.
        mid2: the last two-sided doubled mid.
        packets: on their way, in order.
        queue_listeners: receivers of new queue positions, by agent.
        has_packet_subscribers: whether a strategy is called for packets; else they are delivered on the next read.
        last_print: the last one received, `None` before the first.
    """

    __slots__ = ("_bbo", "book", "has_packet_subscribers", "last_print", "mid2", "packets", "phase", "queue_listeners")

    def __init__(self, plan: InstrumentPlan) -> None:
        self.book = Book(plan.feed, plan.depth)
        self.phase = int(Phase.CONTINUOUS)
        self.packets: deque[Packet] = deque()
        self.queue_listeners: dict[int, QueueListener] = {}
        self.has_packet_subscribers = False
        self.mid2: int | None = None
        self.last_print: Print | None = None
        self._bbo = self.book.bbo()

    @property
    def next_ns(self) -> int:
        """Return when the next packet arrives, `NEVER` while none is on its way."""
        return self.packets[0].ts_local_ns if self.packets else NEVER

    def catch_up(self, now_ns: int) -> None:
        """Apply all packets that have arrived by now, without a callback."""
        packets = self.packets
        while packets and packets[0].ts_local_ns <= now_ns:
            self.deliver()

    def deliver(self) -> Delivered:
        """Apply the next packet."""
        packet = self.packets.popleft()
        prints: list[Print] = []
        changed = False
        apply, rows = self.book.apply, packet.rows
        for i in range(packet.start, packet.end):
            ts_ns, _, action, side, order_id, price_ticks, size_lots, flags, phase = rows[i]
            if action == TRADE:
                prints.append(Print(ts_ns, -side, price_ticks, size_lots, bool(flags & HIDDEN)))
            elif action == STATUS:
                self.phase = phase
            elif action == EXECUTE and order_id in self.book.orders:
                order = self.book.orders[order_id]
                if apply(action, side, order_id, price_ticks, size_lots, flags) == 0:
                    prints.append(Print(ts_ns, -order.side, order.price_ticks, size_lots, False))
                    changed = True
            elif apply(action, side, order_id, price_ticks, size_lots, flags) == 0:
                changed = True
        for agent, order_id, queue_stay, ahead_lots in packet.moves:
            self.queue_listeners[agent].moved(order_id, queue_stay, ahead_lots)
        if prints:
            self.last_print = prints[-1]
        before, self._bbo = self._bbo, self.book.bbo()
        if self._bbo[0] is not None and self._bbo[2] is not None:
            self.mid2 = self._bbo[0] + self._bbo[2]
        return Delivered(prints, before != self._bbo, changed)
