"""Write canonical market data files, and read one whole."""

from __future__ import annotations

import os
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from lob_backtest.contract.rows import SCHEMA_BY_LEVEL, Meta, columns_of
from lob_backtest.data.coerce import as_table
from lob_backtest.data.files import MarketFile
from lob_backtest.data.output import DraftWriter, ParquetDraft
from lob_backtest.data.parquet import footer_checksum
from lob_backtest.data.parquet.encodings import encodings
from lob_backtest.errors import DataError
from lob_backtest.process.interrupts import uninterrupted, with_guard
from lob_backtest.units import DURATION_LIMIT_NS

if TYPE_CHECKING:
    import pandas as pd

ROW_GROUP_ROWS: Final = 1 << 20


def decimal_text(name: str, value: str | int | float | Decimal) -> str:
    """Format a tick or lot size for a file's metadata: a plain decimal string.

    Args:
        name: of the value, for the message.
        value: the size in quote or base units; a float stands for its shortest decimal form.

    Raises:
        DataError: it is not a positive, finite decimal.
    """
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value))
    except InvalidOperation:
        number = Decimal(0)
    if not number.is_finite() or number <= 0:
        raise DataError(f"{name} {value!r}: expected a positive decimal, such as '0.01'")
    return format(number, "f")


class EventWriter(DraftWriter):
    """Write a canonical file piece by piece; a context manager.

    The file appears under its name when the block ends without an exception, complete and on disk. In the block it has
    a temporary name beside it, which an exception removes. `depth`, `clock_shift_ns` and `source` may be set
    as attributes until the end of the block: some converters know them only then.

    Args:
        path: where the file goes; an existing regular file is replaced.
        level: 2 or 3.
        symbol: the instrument's name at its venue.
        tick_size: the price of one tick in quote currency, such as "0.01".
        lot_size: the size of one lot in base units.
        venue: where it trades.
        depth: number of levels per side that the feed shows; `None`: all.
        clock_shift_ns: added to local times to correct the capture's clock; `None`: nothing.
        late_level_ns: L2: how long after a print its LEVEL row may follow, 0 to 2^60 - 1; `None`: unknown.
        late_print_ns: L2: how long after a fall of a level its print may follow, as above, 0: never; `None`: unknown.
        source: the vendor file, with its SHA-256.
        compression: of pages; "lz4" decodes fastest, "zstd" is smaller by a few percent.
        force: replace the file; otherwise a file that exists at the end of the block is kept.

    Raises:
        DataError: the level, the tick or lot size or a late time is out of range.
        OutputError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        level: int,
        symbol: str,
        tick_size: str | int | float | Decimal,
        lot_size: str | int | float | Decimal,
        venue: str = "",
        depth: int | None = None,
        clock_shift_ns: int | None = None,
        late_level_ns: int | None = None,
        late_print_ns: int | None = None,
        source: str = "",
        compression: str = "lz4",
        force: bool = True,
    ) -> None:
        self.schema = columns_of(level)
        self.rows = 0
        self.depth = depth
        self.clock_shift_ns = clock_shift_ns
        self.source = source
        options = encodings(self.schema) | {"store_schema": False}  # Arrow would show it instead of the file's metadata
        self._draft = ParquetDraft(path, self.schema, force=force, compression=compression, **options)
        self._path = self._draft.target
        self._meta = {
            Meta.SCHEMA: SCHEMA_BY_LEVEL[level],
            Meta.SYMBOL: _symbol(symbol),
            Meta.VENUE: venue,
            Meta.TICK_SIZE: decimal_text("tick_size", tick_size),
            Meta.LOT_SIZE: decimal_text("lot_size", lot_size),
            Meta.LATE_LEVEL_NS: _late_text("late_level_ns", late_level_ns, level),
            Meta.LATE_PRINT_NS: _late_text("late_print_ns", late_print_ns, level),
        }
        self._pending: list[pa.Table] = []
        self._pending_rows = 0

    def write(self, events: Any) -> None:
        """Append rows.

        Args:
            events: columns as a dict of lists or arrays, a DataFrame or an Arrow table, all of length `(n,)`.

        Raises:
            DataError: a column is missing, unknown, of another type or out of its type's range; the row in the
                message counts from the file's first.
            OutputError: the disk is full, or the like.
        """
        table = as_table(events, self.schema, first_row=self.rows)
        self.rows += table.num_rows
        self._pending.append(table)
        self._pending_rows += table.num_rows
        if self._pending_rows >= ROW_GROUP_ROWS:
            self._flush(whole_groups_only=True)

    @uninterrupted
    def _flush(self, *, whole_groups_only: bool) -> None:
        table = pa.concat_tables(self._pending)
        keep = table.num_rows % ROW_GROUP_ROWS if whole_groups_only else 0
        self._draft.write(table.slice(0, table.num_rows - keep), ROW_GROUP_ROWS)
        self._pending = [table.slice(table.num_rows - keep)]
        self._pending_rows = keep

    def _finish(self) -> None:
        if not self.rows:
            raise DataError(f"{self._path}: no events to write; a market data file has at least one row")
        self._flush(whole_groups_only=False)
        meta = self._meta | {
            Meta.DEPTH: None if self.depth is None else str(self.depth),
            Meta.CLOCK_SHIFT_NS: None if self.clock_shift_ns is None else str(self.clock_shift_ns),
            Meta.SOURCE: self.source or None,
            Meta.CREATED_BY: _created_by(),
        }
        with self._draft.writing():
            parquet = self._draft.parquet
            parquet.add_key_value_metadata({key: value for key, value in meta.items() if value is not None})
            parquet.close()
            footer_checksum.insert(self._draft.file)


@with_guard
def write_events(
    path: str | os.PathLike[str],
    events: Any,
    *,
    level: int,
    symbol: str,
    tick_size: str | int | float | Decimal,
    lot_size: str | int | float | Decimal,
    venue: str = "",
    depth: int | None = None,
    clock_shift_ns: int | None = None,
    late_level_ns: int | None = None,
    late_print_ns: int | None = None,
    source: str = "",
) -> None:
    """Write one canonical file.

    Args:
        path: where it goes; an existing regular file is replaced.
        events: columns as a dict of lists or arrays, a DataFrame or an Arrow table; `OPTIONAL` ones may be absent.
        level: 2 or 3.
        symbol: the instrument's name at its venue.
        tick_size: the price of one tick in quote currency, such as "0.01".
        lot_size: the size of one lot in base units.
        venue: where it trades.
        depth: number of levels per side that the feed shows; `None`: all.
        clock_shift_ns: added to local times; `None`: nothing.
        late_level_ns: L2: how long after a print its LEVEL row may follow, 0 to 2^60 - 1; `None`: unknown.
        late_print_ns: L2: how long after a fall of a level its print may follow, as above, 0: never; `None`: unknown.
        source: the vendor file, with its SHA-256.

    Raises:
        DataError: as in `EventWriter.write`, or there are no rows.
        OutputError: the file cannot be written.
    """
    with EventWriter(
        path,
        level=level,
        symbol=symbol,
        tick_size=tick_size,
        lot_size=lot_size,
        venue=venue,
        depth=depth,
        clock_shift_ns=clock_shift_ns,
        late_level_ns=late_level_ns,
        late_print_ns=late_print_ns,
        source=source,
    ) as writer:
        writer.write(events)


def read_events(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read one canonical file whole; rows are not checked, and none is left out.

    Args:
        path: a local path, or a URI that pyarrow knows.

    Returns:
        Every column with its integer type; `ts_local_ns` is `Int64` if it has nulls. `attrs` holds the
        metadata under the names of the arguments of `write_events`, so that
        ``write_events(other, frame, **frame.attrs)`` writes it again.

    Raises:
        DataError: the file is unreadable, or not canonical.
    """
    import pandas as pd

    file = MarketFile.open(path)
    batches = [batch for _, batch in file.raw_batches(columns_of(file.level).names, batch_rows=ROW_GROUP_ROWS)]
    table = pa.Table.from_batches(batches)
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count:
            kind = str(column.type)
            kind = "UInt" + kind[4:] if kind[0] == "u" else "Int" + kind[3:]
            missing = column.is_null().to_numpy()
            values = pd.array(column.fill_null(0).to_numpy(), dtype=kind)
            values[missing] = pd.NA
            columns[name] = values
        else:
            columns[name] = column.to_numpy()
    frame = pd.DataFrame(columns)
    frame.attrs.update(file.keywords())
    return frame


def _symbol(symbol: str) -> str:
    if not isinstance(symbol, str) or not symbol.strip():
        raise DataError(f"symbol {symbol!r}: expected the instrument's name")
    return symbol


def _late_text(name: str, value: int | None, level: int) -> str | None:
    """Format a time limit between prints and LEVEL rows for a file's metadata."""
    if value is None:
        return None
    if level != 2:
        raise DataError(f"{name} {value!r}: only L2 files have it; leave it out")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < DURATION_LIMIT_NS:
        raise DataError(f"{name} {value!r}: expected an integer of nanoseconds from 0 to 2^60 - 1")
    return str(value)


def _created_by() -> str:
    from importlib.metadata import version

    return f"lob_backtest {version('lob-backtest')}"
