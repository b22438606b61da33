"""The contract of the canonical Parquet files: columns, types, codes and metadata keys.

One file is one instrument for one stretch of time, its rows in exchange order. docs/data.md is the
explanation for users; this module is the definition in code.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, IntFlag
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lob_backtest.errors import DataError


class Action(IntEnum):
    """What a row does to the market."""

    ADD = 1  # an order joins the book (L3)
    CANCEL = 2  # an order loses `size_lots`; it leaves at zero (L3)
    MODIFY = 3  # an order has a new price or size (L3)
    EXECUTE = 4  # the named resting order trades `size_lots` (L3)
    TRADE = 5  # a print that leaves the displayed book alone
    CLEAR = 6  # one side (or both, side 0) is emptied
    STATUS = 7  # the trading phase changes
    LEVEL = 8  # a level shows `size_lots`; zero removes it (L2)


class Flag(IntFlag):
    """Bits of the `flags` column."""

    LAST = 1  # ends its packet
    SNAPSHOT = 2  # part of a snapshot
    HIDDEN = 4  # the resting side of this print was not displayed
    AUCTION = 8  # traded in an auction or cross
    SUSPECT = 16  # the book may be wrong here
    WINDOW = 32  # visibility, not an event: it entered or left the displayed depth


class Phase(IntEnum):
    """The trading phase that a STATUS row announces."""

    CLOSED = 0
    CONTINUOUS = 1
    AUCTION = 2
    HALTED = 3


LEVEL_BY_SCHEMA: Final = {"l3/1": 3, "l2/1": 2}
SCHEMA_BY_LEVEL: Final = {level: name for name, level in LEVEL_BY_SCHEMA.items()}

LIMIT: Final = 1 << 40
"""Exclusive bound of sizes and of the magnitude of prices; the reader refuses other rows."""

COLUMNS: Final = pa.schema(
    [
        pa.field("ts_exchange_ns", pa.int64(), nullable=False),
        pa.field("ts_local_ns", pa.int64(), nullable=True),
        pa.field("action", pa.uint8(), nullable=False),
        pa.field("side", pa.int8(), nullable=False),
        pa.field("order_id", pa.uint64(), nullable=False),
        pa.field("price_ticks", pa.int64(), nullable=False),
        pa.field("size_lots", pa.int64(), nullable=False),
        pa.field("flags", pa.uint8(), nullable=False),
        pa.field("phase", pa.uint8(), nullable=False),
        pa.field("sequence", pa.uint64(), nullable=False),
    ]
)
"""Every column in file order. L2 files have no `order_id`; `ts_local_ns` may be null."""

OPTIONAL: Final = ("ts_local_ns", "order_id", "phase", "sequence")
"""Columns that `write_events` fills when they are absent (null local time, zero elsewhere)."""


def columns_of(level: int) -> pa.Schema:
    """Return the columns of an L2 or L3 file, in file order.

    Args:
        level: 2 or 3.

    Raises:
        DataError: another level.
    """
    if level not in SCHEMA_BY_LEVEL:
        raise DataError(f"level {level!r}: expected 2 (LEVEL rows) or 3 (orders)")
    return COLUMNS if level == 3 else COLUMNS.remove(COLUMNS.get_field_index("order_id"))


META_PREFIX: Final = "lob."


class Meta:
    """Keys of the Parquet key-value metadata; all begin with `META_PREFIX`."""

    SCHEMA = "lob.schema"
    SYMBOL = "lob.symbol"
    VENUE = "lob.venue"
    TICK_SIZE = "lob.tick_size"
    LOT_SIZE = "lob.lot_size"
    DEPTH = "lob.depth"
    CLOCK_SHIFT_NS = "lob.clock_shift_ns"
    LATE_LEVEL_NS = "lob.late_level_ns"
    LATE_PRINT_NS = "lob.late_print_ns"
    SOURCE = "lob.source"
    CREATED_BY = "lob.created_by"


class Batch(NamedTuple):
    """A stretch of rows as the engines take them: complete columns, shape `(n,)`, no nulls, C-contiguous.

    `ts_local_ns` is complete and monotone here, whatever the file holds. `path` and `row`, the 0-based file row of the
    first element, are for messages; the rows of one batch are consecutive in the file, so that a reader that skips a
    row starts a new batch behind it.
    """

    ts_exchange_ns: NDArray[np.int64]
    ts_local_ns: NDArray[np.int64]
    action: NDArray[np.uint8]
    side: NDArray[np.int8]
    order_id: NDArray[np.uint64]
    price_ticks: NDArray[np.int64]
    size_lots: NDArray[np.int64]
    flags: NDArray[np.uint8]
    phase: NDArray[np.uint8]
    row: int
    path: str

    def read_only(self) -> Batch:
        """Return the batch with columns that cannot be written to: engines read them from several threads."""
        columns = [column.view() for column in self[:9]]
        for column in columns:
            column.flags.writeable = False
        return Batch._make([*columns, self.row, self.path])

    def book_rows(self) -> Iterator[tuple[int, int, int, int, int, int]]:
        """Iterate the rows as a book applies them, from action to flags, in plain integers."""
        return zip(*(column.tolist() for column in self[2:8]), strict=True)
