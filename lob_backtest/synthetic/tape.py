"""Record the events of an exchange, packet by packet, as rows of the canonical schema."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.data.packet_rows import PacketRows
from lob_backtest.synthetic.exchange import MatchingEngine

ADD, CANCEL, MODIFY, EXECUTE = int(Action.ADD), int(Action.CANCEL), int(Action.MODIFY), int(Action.EXECUTE)
TRADE, CLEAR, STATUS, LEVEL = int(Action.TRADE), int(Action.CLEAR), int(Action.STATUS), int(Action.LEVEL)
SNAPSHOT, HIDDEN = int(Flag.SNAPSHOT), int(Flag.HIDDEN)


class Tape(ABC):
    """Recorded rows in columns, one packet at a time; subclasses define the rows of each event.

    Attributes:
        packets: packets begun since the opening; a packet's rows have its number as `sequence`.
        trades: executions and prints since the opening.
    """

    def __init__(self) -> None:
        self.packets = self.trades = 0
        self._taken = 0
        self._collected = PacketRows(local_clock=True)

    def __len__(self) -> int:
        """Return the number of rows that `take_columns` has not returned yet."""
        return len(self._collected)

    def take_columns(self) -> dict[str, NDArray[np.generic]]:
        """Return and drop the rows written since the last call, as columns of shape `(n,)`."""
        self._taken += len(self._collected)
        return self._collected.take()

    @property
    def rows(self) -> int:
        """Return the number of rows written since the opening."""
        return self._taken + len(self._collected)

    def begin(self, ts_exchange_ns: int, ts_local_ns: int, *, snapshot: bool = False) -> None:
        """Start a packet.

        Args:
            ts_exchange_ns: its exchange time.
            ts_local_ns: its arrival at a client.
            snapshot: whether it describes a whole book instead of events.
        """
        self.packets += 1
        rows = self._collected
        rows.ts_exchange_ns, rows.ts_local_ns, rows.sequence = ts_exchange_ns, ts_local_ns, self.packets
        rows.base_flags = SNAPSHOT if snapshot else 0
        if snapshot:
            self._collected.add(CLEAR, 0, 0, 0, 0)

    def end(self, exchange: MatchingEngine) -> None:
        """End the packet: `exchange` is now as the packet leaves it."""
        self._collected.end_packet()

    def status(self, ts_exchange_ns: int, ts_local_ns: int, phase: Phase) -> None:
        """Write a packet with a change of the trading phase."""
        self.begin(ts_exchange_ns, ts_local_ns)
        self._collected.add(STATUS, 0, 0, 0, 0, phase=int(phase))
        self._collected.end_packet()

    def hidden(self, side: int, price_ticks: int, size_lots: int) -> None:
        """Write a print of a hidden resting order."""
        self.trades += 1
        self._collected.add(TRADE, side, 0, price_ticks, size_lots, HIDDEN)

    @abstractmethod
    def add(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Record that an order joins the book."""

    @abstractmethod
    def cancel(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Record that an order loses `size_lots`."""

    @abstractmethod
    def modify(self, order_id: int, side: int, old_ticks: int, price_ticks: int, size_lots: int) -> None:
        """Record that an order has moved from `old_ticks` to `price_ticks`, with `size_lots` open."""

    @abstractmethod
    def execute(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Record that a resting order traded `size_lots`."""


class OrderTape(Tape):
    """The rows of an L3 file: one per event."""

    def add(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Write an ADD."""
        self._collected.add(ADD, side, order_id, price_ticks, size_lots)

    def cancel(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Write a CANCEL of part of an order or all of it."""
        self._collected.add(CANCEL, side, order_id, price_ticks, size_lots)

    def modify(self, order_id: int, side: int, old_ticks: int, price_ticks: int, size_lots: int) -> None:
        """Write a MODIFY."""
        self._collected.add(MODIFY, side, order_id, price_ticks, size_lots)

    def execute(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Write an EXECUTE."""
        self.trades += 1
        self._collected.add(EXECUTE, side, order_id, price_ticks, size_lots)


class LevelTape(Tape):
    """The rows of an L2 file: a packet's prints, then the final size of every level that it changed."""

    def __init__(self) -> None:
        super().__init__()
        # A dict for its order: levels are written in the order in which they were first changed.
        self._changed: dict[tuple[int, int], None] = {}

    def take_columns(self) -> dict[str, NDArray[np.generic]]:
        """Return and drop the rows since the last call, without the orders' ids."""
        columns = super().take_columns()
        del columns["order_id"]
        return columns

    def end(self, exchange: MatchingEngine) -> None:
        """Write the levels that the packet has changed, and end it."""
        for side, price_ticks in self._changed:
            self._collected.add(LEVEL, side, 0, price_ticks, exchange.size_at(side, price_ticks))
        self._changed.clear()
        super().end(exchange)

    def add(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Note the level."""
        self._changed[side, price_ticks] = None

    def cancel(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Note the level."""
        self._changed[side, price_ticks] = None

    def modify(self, order_id: int, side: int, old_ticks: int, price_ticks: int, size_lots: int) -> None:
        """Note the level that the order leaves and the one it joins."""
        self._changed[side, old_ticks] = None
        self._changed[side, price_ticks] = None

    def execute(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Write a TRADE, and note the level."""
        self.trades += 1
        self._collected.add(TRADE, side, 0, price_ticks, size_lots)
        self._changed[side, price_ticks] = None
