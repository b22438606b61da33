"""Collects the rows of converters and of the synthetic market, row by row and packet by packet, into columns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from lob_backtest.contract.rows import COLUMNS, Flag
from lob_backtest.errors import DataError

STRETCH_ROWS: Final = 1 << 17
LAST: Final = int(Flag.LAST)
FLAGS: Final = COLUMNS.get_field_index("flags")


class OutOfRangeError(DataError):
    """A value that its column cannot hold; the message names column, value and time, and no file."""


class PacketRows:
    """Collect rows into columns.

    Attributes:
        ts_exchange_ns: exchange time of the next rows.
        ts_local_ns: their local time, `None` if the file has no local clock.
        sequence: their number in the feed.
        base_flags: flags of all next rows.
    """

    def __init__(self, *, local_clock: bool) -> None:
        self.ts_exchange_ns = 0
        self.ts_local_ns: int | None = None
        self.sequence = 0
        self.base_flags = 0
        self._names = [name for name in COLUMNS.names if local_clock or name != "ts_local_ns"]
        self._columns: tuple[list[Any], ...] = tuple([] for _ in COLUMNS)
        self._flags = self._columns[FLAGS]

    def add(
        self,
        action: int,
        side: int,
        order_id: int,
        price_ticks: int,
        size_lots: int,
        flags: int = 0,
        *,
        phase: int = 0,
    ) -> None:
        """Append a row at the current times and sequence; the columns are those of `contract.rows`."""
        ts_exchange, ts_local, actions, sides, ids, prices, sizes, all_flags, phases, sequences = self._columns
        ts_exchange.append(self.ts_exchange_ns)
        ts_local.append(self.ts_local_ns)
        actions.append(action)
        sides.append(side)
        ids.append(order_id)
        prices.append(price_ticks)
        sizes.append(size_lots)
        all_flags.append(flags | self.base_flags)
        phases.append(phase)
        sequences.append(self.sequence)

    def end_packet(self) -> None:
        """Flag the last row as LAST; without effect for a packet without rows."""
        if self._flags:
            self._flags[-1] |= LAST

    @property
    def full(self) -> bool:
        """Return whether there are enough rows for a stretch."""
        return len(self._flags) >= STRETCH_ROWS

    def take(self) -> dict[str, Any]:
        """Return and drop all rows so far, as columns; to be called between packets.

        Raises:
            OutOfRangeError: a column cannot hold a value.
        """
        columns: dict[str, Any] = {}
        for field, values in zip(COLUMNS, self._columns, strict=True):
            if field.name in self._names:
                kind = field.type.to_pandas_dtype()
                try:
                    columns[field.name] = np.array(values, kind)
                except OverflowError:
                    raise self._out_of_range(field.name, values, np.iinfo(kind)) from None
        for values in self._columns:
            values.clear()
        return columns

    def _out_of_range(self, name: str, values: list[Any], limits: np.iinfo[Any]) -> OutOfRangeError:
        row = next(i for i, value in enumerate(values) if not limits.min <= value <= limits.max)
        return OutOfRangeError(
            f"{name} {values[row]} of the event at {self._columns[0][row]} ns; expected {limits.min} to {limits.max}"
        )

    def __len__(self) -> int:
        return len(self._flags)
