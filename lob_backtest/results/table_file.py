"""A result table as a Parquet file, written and read chunk by chunk in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from lob_backtest.atomic.drafts import create_native, flush, reopen
from lob_backtest.contract.tables import UNUSED
from lob_backtest.data.parquet import footer_checksum
from lob_backtest.data.parquet.encodings import encodings
from lob_backtest.data.parquet.footer import DamageError, read_footer
from lob_backtest.data.provenance import READ_BYTES, Origin, Stamp, stamp_of
from lob_backtest.errors import DataError
from lob_backtest.printable import utf8
from lob_backtest.process.interrupts import entering, uninterrupted

ROW_GROUP_ROWS: Final = 1 << 17
"""Rows that a writer holds at most: 5 MB of best prices, 25 MB of fills."""
_BATCH_ROWS: Final = 1 << 16


class TableWriter:
    """Write a table piece by piece, in a ``with`` block; the file's bytes depend on its rows alone, not on the pieces.

    Args:
        path: of the file, which is replaced.
        schema: of the table.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._pending: list[pa.RecordBatch] = []
        self._rows = 0

    @entering
    def __enter__(self) -> Self:
        self._file = create_native(self._path)
        try:
            self._parquet = pq.ParquetWriter(self._file, self._schema, compression="zstd", **encodings(self._schema))
        except BaseException:
            self._file.close()
            raise
        return self

    @uninterrupted
    def __exit__(self, *_: object) -> None:
        """Close the file, unless `finish` has."""
        for part in (self._parquet, self._file):
            with suppress(OSError, pa.ArrowException):  # the first error has the cause
                part.close()

    @uninterrupted
    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        Raises:
            OSError: the disk is full, or the like.
            pa.ArrowException: the same.
        """
        self._pending.append(batch)
        self._rows += batch.num_rows
        if self._rows >= ROW_GROUP_ROWS:
            self._flush(whole_groups_only=True)

    def _flush(self, *, whole_groups_only: bool) -> None:
        table = pa.Table.from_batches(self._pending, self._schema).combine_chunks()
        keep = self._rows % ROW_GROUP_ROWS if whole_groups_only else 0
        self._parquet.write_table(table.slice(0, self._rows - keep), row_group_size=ROW_GROUP_ROWS)
        self._pending, self._rows = table.slice(self._rows - keep).to_batches(), keep

    @uninterrupted
    def finish(self) -> None:
        """Write the remaining rows and the footer with its checksum, and flush the file to disk.

        Raises:
            OSError: the disk is full, or the like.
            pa.ArrowException: the same.
        """
        if self._rows:
            self._flush(whole_groups_only=False)
        self._parquet.close()
        self._file.close()
        with reopen(self._path) as file:
            footer_checksum.insert(file)
            flush(file)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table in a file, as `lob_backtest.contract.tables.Rows`: columns are read on demand, batch by batch.

    Attributes:
        path: of the file.
        schema: of the columns that are chosen.
        num_rows: number of rows.
        identity: the stamp that tells the file from another one of its name.
        absent: columns that the file lacks, since an earlier version wrote it, with the value of all of their rows.
    """

    path: Path
    schema: pa.Schema
    num_rows: int
    identity: Stamp
    absent: dict[str, int | str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, schema: pa.Schema) -> TableFile:
        """Open a table's file, and check its columns.

        Args:
            path: of the file.
            schema: the table's.

        Raises:
            DataError: the file is missing, damaged or of other columns.
        """
        with _opened(path) as file:
            found, rows, identity = file.schema_arrow, file.metadata.num_rows, _identity(path)
        absent = {name: value for name, value in UNUSED.get(path.stem, {}).items() if name not in found.names}
        if not found.equals(pa.schema([each for each in schema if each.name not in absent])):
            expected = ", ".join(f"{each.name} {each.type}" for each in schema if each not in list(found))
            raise DataError(
                f"{utf8(str(path))}: other columns than expected (missing or different: {expected or 'order'})"
            )
        return cls(path, schema, rows, identity, absent)

    def moved(self, folder: Path) -> TableFile:
        """Return the same file, in another folder."""
        return replace(self, path=folder / self.path.name)

    def select(self, columns: Sequence[str]) -> TableFile:
        """Return the same rows with some of the columns."""
        return replace(self, schema=pa.schema([self.schema.field(name) for name in columns]))

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """Read the rows from the start, checking page checksums.

        Raises:
            DataError: the file is missing, damaged, or not the one that `of` opened.
        """
        names, rows = [name for name in self.schema.names if name not in self.absent], 0
        with _opened(self.path) as file:
            if _identity(self.path) != self.identity:
                raise DataError(f"{self.path}: changed since the result was made or loaded; load it again")
            names = names or file.schema_arrow.names[:1]  # any column gives the number of rows
            for batch in file.iter_batches(_BATCH_ROWS, columns=names, use_threads=False):
                rows += batch.num_rows
                yield self._completed(batch) if self.absent else batch
            if rows != self.num_rows:  # a damaged page header can look like the end of a column
                raise OSError(f"{rows} rows of {self.num_rows}")

    def _completed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [
            pa.repeat(pa.scalar(self.absent[each.name], each.type), batch.num_rows)
            if each.name in self.absent
            else batch.column(each.name)
            for each in self.schema
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def read(self) -> pa.Table:
        """Read all rows."""
        return pa.Table.from_batches(self.to_batches(), self.schema)


def _identity(path: Path) -> Stamp:
    return stamp_of(path)._replace(changed_ns=0)  # a new name or owner changes it, too


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file for reading; errors of the block become DataError."""
    try:
        with Origin.local(path).open() as source:
            read_footer(source)
            with pq.ParquetFile(
                source, page_checksum_verification=True, pre_buffer=False, buffer_size=READ_BYTES
            ) as file:
                yield file
    except FileNotFoundError:
        raise DataError(f"{utf8(str(path))}: missing; run the backtest again") from None
    except (OSError, pa.ArrowException, DamageError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{utf8(str(path))}: not readable as Parquet ({first}); run the backtest again") from None
