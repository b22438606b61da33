"""Parquet files that take their name when they are complete."""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from lob_backtest.atomic.drafts import FileDraft
from lob_backtest.process.interrupts import entering, uninterrupted


class ParquetDraft(FileDraft):
    """A Parquet file that is being written; it takes its name when the block ends without an exception.

    Args:
        target: where it goes.
        schema: of its rows.
        force: replace an existing regular file.
        options: of `pyarrow.parquet.ParquetWriter`.

    Attributes:
        parquet: the writer, within the block.
    """

    parquet: pq.ParquetWriter

    def __init__(
        self, target: str | os.PathLike[str], schema: pa.Schema, *, force: bool = True, **options: Any
    ) -> None:
        super().__init__(target, force=force)
        self._schema = schema
        self._options = options

    def _create(self) -> None:
        super()._create()
        self.parquet = pq.ParquetWriter(self.file, self._schema, **self._options)

    @uninterrupted
    def write(self, table: pa.Table, row_group_rows: int | None = None) -> None:
        """Append rows.

        Args:
            table: of the file's schema.
            row_group_rows: of each row group but the last; `None`: pyarrow's default.

        Raises:
            OutputError: the disk is full, or the like.
        """
        with self.writing():
            self.parquet.write_table(table, row_group_size=row_group_rows)

    def _complete(self) -> None:
        self.parquet.close()

    @uninterrupted
    def discard(self) -> None:
        """Close the file and remove it, unless it has its target's name."""
        with contextlib.suppress(OSError, pa.ArrowException, AttributeError):  # the first error has the cause
            self.parquet.close()
        super().discard()


class DraftWriter(ABC):
    """What writes rows of its own kind into a draft, which takes its name if the block and `_finish` do not raise."""

    _draft: ParquetDraft

    @abstractmethod
    def _finish(self) -> None:
        """Write what is still held."""

    @entering
    def __enter__(self) -> Self:
        self._draft.__enter__()
        return self

    @uninterrupted
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        except BaseException as failure:
            kind, error, trace = type(failure), failure, failure.__traceback__
            raise
        finally:
            self._draft.__exit__(kind, error, trace)
