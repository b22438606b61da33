"""Collects the rows of converters, row by row and packet by packet, into columns."""

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


class EventRows:
    """Collect L3 rows.

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
        self._rows: list[tuple[int | None, ...]] = []

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
        self._rows.append(
            (
                self.ts_exchange_ns,
                self.ts_local_ns,
                action,
                side,
                order_id,
                price_ticks,
                size_lots,
                flags | self.base_flags,
                phase,
                self.sequence,
            )
        )

    def end_packet(self) -> None:
        """Flag the last row as LAST; without effect for a packet without rows."""
        if self._rows:
            row = self._rows[-1]
            self._rows[-1] = (*row[:FLAGS], (row[FLAGS] or 0) | LAST, *row[FLAGS + 1 :])

    @property
    def full(self) -> bool:
        """Return whether there are enough rows for a stretch."""
        return len(self._rows) >= STRETCH_ROWS

    def take(self) -> dict[str, Any]:
        """Return and drop all rows so far, as columns; to be called between packets.

        Raises:
            OutOfRangeError: a column cannot hold a value.
        """
        columns: dict[str, Any] = {}
        for field, values in zip(COLUMNS, zip(*self._rows, strict=True), strict=True):
            if field.name in self._names:
                kind = field.type.to_pandas_dtype()
                try:
                    columns[field.name] = np.array(values, kind)
                except OverflowError:
                    raise self._out_of_range(field.name, values, np.iinfo(kind)) from None
        self._rows.clear()
        return columns

    def _out_of_range(self, name: str, values: tuple[Any, ...], limits: np.iinfo[Any]) -> OutOfRangeError:
        row = next(i for i, value in enumerate(values) if not limits.min <= value <= limits.max)
        return OutOfRangeError(
            f"{name} {values[row]} of the event at {self._rows[row][0]} ns; expected {limits.min} to {limits.max}"
        )

    def __len__(self) -> int:
        return len(self._rows)
