"""Replay market data through the reference book alone, and write the book's states as a table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lob_backtest.atomic.drafts import check_output
from lob_backtest.book.book import Book
from lob_backtest.contract.rows import Flag, Meta
from lob_backtest.data.audit.book_walk import book_walk
from lob_backtest.data.faults import Tally
from lob_backtest.data.output import ParquetDraft
from lob_backtest.data.reader import MarketSource, open_market
from lob_backtest.errors import ConfigError
from lob_backtest.process.interrupts import with_guard
from lob_backtest.progress import Progress

STRETCH_ROWS: Final = 1 << 15
_LAST: Final = int(Flag.LAST)
_META_KEYS: Final = [key.encode() for name, key in vars(Meta).items() if name.isupper()]


class Moment(NamedTuple):
    """A row after which the book can be read.

    Attributes:
        row: 0-based, counted through all files.
        sequence: of the row.
        ts_exchange_ns: of the row.
        last: whether the row ends its packet.
    """

    row: int
    sequence: int
    ts_exchange_ns: int
    last: bool


@dataclass(frozen=True, slots=True)
class BookDump:
    """The result of `dump_book`.

    Attributes:
        output: the Parquet file.
        rows: number of states in it.
        skipped: input rows that the book could not apply, by kind.
    """

    output: Path
    rows: int
    skipped: dict[str, int]


@with_guard
def dump_book(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    levels: int = 10,
    every: str | int = "packet",
    force: bool = False,
    progress: Progress | None = None,
) -> BookDump:
    """Write the rebuilt book as a Parquet table.

    Columns: `row` (0-based input row after which the state holds, counted through all files), `sequence`,
    `ts_exchange_ns`, then `bid_ticks_i`, `bid_lots_i`, `bid_orders_i`, `ask_ticks_i`, `ask_lots_i`, `ask_orders_i` for
    each level i from the best, 0. Null where there is no level; `orders` is null on L2. The metadata of the source is
    carried over.

    Args:
        paths: canonical files of one instrument.
        output: the table; it appears whole or not at all.
        levels: number of levels per side.
        every: "row"; "packet" (after each LAST); or an interval in nanoseconds: the last packet of each interval,
            counted from the epoch, that has one.
        force: replace `output` if it exists.
        progress: called with the rows read and in all.

    Raises:
        ConfigError: `levels` or `every` is impossible.
        DataError: a file is unreadable or broken, or a row is impossible for the book (rows of unknown orders are
            skipped and counted).
        OutputError: `output` exists, or cannot be written.
    """
    if levels < 1:
        raise ConfigError(f"levels: {levels}; expected 1 or more")
    if every not in ("row", "packet") and not (isinstance(every, int) and every > 0):
        raise ConfigError(f"every: {every!r}; expected 'row', 'packet' or an interval, such as 100ms")
    source = open_market(paths, require_local=False)
    source.progress = progress
    destination = Path(output)
    check_output(destination, [Path(file.path) for file in source.files], force=force)
    book = Book(source.level, source.depth)
    tally = Tally()
    schema = table_schema(levels).with_metadata(_metadata(source))
    rows = 0
    with ParquetDraft(destination, schema, force=force, compression="zstd") as draft:
        for table in _tables(_chosen(replay(source, book, tally), every, book, levels), schema, source.level):
            draft.write(table)
            rows += table.num_rows
    return BookDump(destination, rows, {kind: sum(by.values()) for kind, by in tally.counts.items()})


def table_schema(levels: int) -> pa.Schema:
    """Return the columns of a book table.

    Args:
        levels: number of levels per side.
    """
    fields = [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("sequence", pa.uint64(), nullable=False),
        pa.field("ts_exchange_ns", pa.int64(), nullable=False),
    ]
    for i in range(levels):
        fields += [
            pa.field(f"{s}_{what}_{i}", pa.int64()) for s in ("bid", "ask") for what in ("ticks", "lots", "orders")
        ]
    return pa.schema(fields)


def replay(source: MarketSource, book: Book, tally: Tally) -> Iterator[Moment]:
    """Apply the rows to a book one by one, and yield after each.

    Args:
        source: what to replay.
        book: changed in place; read it between two moments.
        tally: counts rows of unknown orders, which are skipped.

    Raises:
        DataError: a row is impossible for the book; the message has file, row and time.
    """
    sequences = _Sequences(source)
    begin, numbers = 0, list[int]()
    for batch, i, ts_exchange_ns, _, _, _, flags in book_walk(source.batches(), book, tally):
        if i == 0:
            numbers = sequences.of(batch.path, batch.row, len(batch.action))
            begin = sequences.first_row(batch.path) + batch.row
        yield Moment(begin + i, numbers[i], ts_exchange_ns, bool(flags & _LAST))


class _Sequences:
    """The sequence numbers of a source's files, which batches lack since engines do not need them."""

    def __init__(self, source: MarketSource) -> None:
        self._files = {file.path: file for file in source.files}
        self._first_rows: dict[str, int] = {}
        rows = 0
        for file in source.files:
            self._first_rows[file.path] = rows
            rows += file.rows
        self._path = ""
        self._pieces: Iterator[NDArray[np.uint64]] = iter(())
        self._held: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._held_row = 0

    def first_row(self, path: str) -> int:
        """Return the number of rows in the files before this one."""
        return self._first_rows[path]

    def of(self, path: str, row: int, count: int) -> list[int]:
        """Return the sequence numbers of consecutive rows; calls go forward through the files."""
        if path != self._path:
            raw = self._files[path].raw_batches(["sequence"], batch_rows=STRETCH_ROWS)
            self._path, self._held_row = path, 0
            self._pieces = (piece.column(0).fill_null(0).to_numpy() for _, piece in raw)
            self._held = np.zeros(0, np.uint64)
        while self._held_row + len(self._held) < row + count:
            kept = self._held[max(0, row - self._held_row) :]
            self._held_row += len(self._held) - len(kept)
            self._held = np.concatenate([kept, next(self._pieces)])
        start = row - self._held_row
        numbers: list[int] = self._held[start : start + count].tolist()
        return numbers


def _chosen(moments: Iterable[Moment], every: str | int, book: Book, levels: int) -> Iterator[list[int]]:
    """Yield the flat state at the moments selected by `every`: row, sequence, time, then level by level."""
    interval, held = None, None
    for moment in moments:
        if every == "row" or (every == "packet" and moment.last):
            yield _state(moment, book, levels)
        elif isinstance(every, int) and moment.last:
            if held is not None and interval != moment.ts_exchange_ns // every:
                yield held
            interval, held = moment.ts_exchange_ns // every, _state(moment, book, levels)
    if held is not None:
        yield held


def _state(moment: Moment, book: Book, levels: int) -> list[int]:
    flat = [moment.row, moment.sequence, moment.ts_exchange_ns]
    bids, asks = book.top(1, levels), book.top(-1, levels)
    for i in range(levels):
        flat += bids[i] if i < len(bids) else (0, 0, 0)
        flat += asks[i] if i < len(asks) else (0, 0, 0)
    return flat


def _tables(states: Iterable[list[int]], schema: pa.Schema, level: int) -> Iterator[pa.Table]:
    pending: list[list[int]] = []
    for state in states:
        pending.append(state)
        if len(pending) == STRETCH_ROWS:
            yield _table(pending, schema, level)
            pending = []
    yield _table(pending, schema, level)


def _table(states: list[list[int]], schema: pa.Schema, level: int) -> pa.Table:
    values: list[Any] = [np.array([s[k] for s in states], f.type.to_pandas_dtype()) for k, f in enumerate(schema)]
    columns = [pa.array(column) for column in values[:3]]
    for k in range(3, len(values), 3):
        absent = values[k + 1] == 0  # an existing level has a size
        columns += [pa.array(values[k], mask=absent), pa.array(values[k + 1], mask=absent)]
        columns.append(pa.array(values[k + 2], mask=absent if level == 3 else np.ones(len(absent), bool)))
    return pa.Table.from_arrays(columns, schema=schema)


def _metadata(source: MarketSource) -> dict[bytes, bytes]:
    """Return the first file's own metadata, with the source of every file."""
    with source.files[0].parquet() as parquet:
        found = parquet.metadata.metadata or {}
    kept = {key: found[key] for key in _META_KEYS if key in found}
    origins = "; ".join(file.source for file in source.files if file.source)
    return kept | ({Meta.SOURCE.encode(): origins.encode()} if origins else {})
