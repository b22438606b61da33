"""Record the events of an exchange, packet by packet, as rows of the canonical schema."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from lob_backtest.contract.rows import COLUMNS, Action, Flag, Phase
from lob_backtest.synthetic.exchange import MatchingEngine

ADD, CANCEL, MODIFY, EXECUTE = int(Action.ADD), int(Action.CANCEL), int(Action.MODIFY), int(Action.EXECUTE)
TRADE, CLEAR, STATUS, LEVEL = int(Action.TRADE), int(Action.CLEAR), int(Action.STATUS), int(Action.LEVEL)
LAST, SNAPSHOT, HIDDEN = int(Flag.LAST), int(Flag.SNAPSHOT), int(Flag.HIDDEN)


class Tape(ABC):
    """Recorded rows in columns, one packet at a time; subclasses define the rows of each event.

    Attributes:
        rows: rows written since the opening.
        packets: packets begun since the opening; a packet's rows have its number as `sequence`.
        trades: executions and prints since the opening.
    """

    def __init__(self) -> None:
        self.rows = self.packets = self.trades = 0
        self._ts_exchange_ns = self._ts_local_ns = 0
        self._snapshot_flag = 0
        self._clear_columns()

    def _clear_columns(self) -> None:
        self._ts_exchange: list[int] = []
        self._ts_local: list[int] = []
        self._action: list[int] = []
        self._side: list[int] = []
        self._order_id: list[int] = []
        self._price: list[int] = []
        self._size: list[int] = []
        self._flags: list[int] = []
        self._phase: list[int] = []
        self._sequence: list[int] = []

    def __len__(self) -> int:
        """Return the number of rows that `take_columns` has not returned yet."""
        return len(self._action)

    def take_columns(self) -> dict[str, NDArray[np.generic]]:
        """Return and drop the rows written since the last call, as columns of shape `(n,)`."""
        lists = (
            self._ts_exchange,
            self._ts_local,
            self._action,
            self._side,
            self._order_id,
            self._price,
            self._size,
            self._flags,
            self._phase,
            self._sequence,
        )
        columns = {
            field.name: np.array(values, dtype=field.type.to_pandas_dtype())
            for field, values in zip(COLUMNS, lists, strict=True)
        }
        self._clear_columns()
        return columns

    def begin(self, ts_exchange_ns: int, ts_local_ns: int, *, snapshot: bool = False) -> None:
        """Start a packet.

        Args:
            ts_exchange_ns: its exchange time.
            ts_local_ns: its arrival at a client.
            snapshot: whether it describes a whole book instead of events.
        """
        self._ts_exchange_ns = ts_exchange_ns
        self._ts_local_ns = ts_local_ns
        self._snapshot_flag = SNAPSHOT if snapshot else 0
        self.packets += 1
        if snapshot:
            self._row(CLEAR, 0, 0, 0, 0)

    def end(self, exchange: MatchingEngine) -> None:
        """End the packet; `exchange` is in the state after it."""
        self._flags[-1] |= LAST

    def status(self, ts_exchange_ns: int, ts_local_ns: int, phase: Phase) -> None:
        """Write a packet with a change of the trading phase."""
        self.begin(ts_exchange_ns, ts_local_ns)
        self._row(STATUS, 0, 0, 0, 0)
        self._phase[-1] = int(phase)
        self._flags[-1] |= LAST

    def hidden(self, side: int, price_ticks: int, size_lots: int) -> None:
        """Write a print of a hidden resting order."""
        self.trades += 1
        self._row(TRADE, side, 0, price_ticks, size_lots)
        self._flags[-1] |= HIDDEN

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

    def _row(self, action: int, side: int, order_id: int, price_ticks: int, size_lots: int) -> None:
        self.rows += 1
        self._ts_exchange.append(self._ts_exchange_ns)
        self._ts_local.append(self._ts_local_ns)
        self._action.append(action)
        self._side.append(side)
        self._order_id.append(order_id)
        self._price.append(price_ticks)
        self._size.append(size_lots)
        self._flags.append(self._snapshot_flag)
        self._phase.append(0)
        self._sequence.append(self.packets)


class OrderTape(Tape):
    """The rows of an L3 file: one per event."""

    def add(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Write an ADD."""
        self._row(ADD, side, order_id, price_ticks, size_lots)

    def cancel(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Write a CANCEL of part of an order or all of it."""
        self._row(CANCEL, side, order_id, price_ticks, size_lots)

    def modify(self, order_id: int, side: int, old_ticks: int, price_ticks: int, size_lots: int) -> None:
        """Write a MODIFY."""
        self._row(MODIFY, side, order_id, price_ticks, size_lots)

    def execute(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        """Write an EXECUTE."""
        self.trades += 1
        self._row(EXECUTE, side, order_id, price_ticks, size_lots)


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
            self._row(LEVEL, side, 0, price_ticks, exchange.size_at(side, price_ticks))
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
        self._row(TRADE, side, 0, price_ticks, size_lots)
        self._changed[side, price_ticks] = None
