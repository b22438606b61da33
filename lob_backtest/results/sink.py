"""Sinks for the tables of a run: in memory, or on disk."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias

import pyarrow as pa

from lob_backtest.contract.tables import Rows, schemas
from lob_backtest.errors import StrategyError
from lob_backtest.printable import printable_lines
from lob_backtest.process import interrupts
from lob_backtest.results.folder import Draft
from lob_backtest.results.table_file import TableFile, TableWriter
from lob_backtest.units import format_instant

if TYPE_CHECKING:
    from lob_backtest.contract.output import Packed

Column: TypeAlias = "list[Any] | Packed"
"""Values, or memory in the layout of `lob_backtest.contract.output.Packed`."""


class TableSink(ABC):
    """Converts each chunk of a table to Arrow, eight bytes per number.

    Args:
        markouts_ns: horizons of the run, which decide the columns of `fills`.
        agents: the names of several agents, for lines of the log; those of one are not named.

    Attributes:
        is_saved: whether the tables are in files that can be kept.
    """

    is_saved = False

    def __init__(self, markouts_ns: Sequence[int], agents: Sequence[str] = ()) -> None:
        self._schemas = schemas(markouts_ns)
        self._agents = agents if len(agents) > 1 else ()

    @interrupts.uninterrupted
    def write(self, table: str, columns: Mapping[str, Column]) -> None:
        """Append rows to a table, column by column: lists of values, or memory in Arrow's layout."""
        schema = self._schemas[table]
        arrays = [_array(columns[field.name], field.type) for field in schema]
        self._take(table, pa.RecordBatch.from_arrays(arrays, schema=schema))

    @abstractmethod
    def _take(self, table: str, batch: pa.RecordBatch) -> None:
        """Keep a chunk."""

    @abstractmethod
    def tables(self) -> Mapping[str, Rows]:
        """Return the complete tables; nothing is appended afterwards."""

    def log(self, ts_ns: int, agent: int, text: str) -> None:
        """Write a line of an agent's log on stderr, with the agent's name if there are several."""
        line = f"{self._agents[agent]}: {text}" if self._agents else text
        print(f"{format_instant(ts_ns)} {printable_lines(line)}", file=sys.stderr)


class MemorySink(TableSink):
    """Keeps each chunk; `tables` concatenates them."""

    def __init__(self, markouts_ns: Sequence[int], agents: Sequence[str] = ()) -> None:
        super().__init__(markouts_ns, agents)
        self._batches: dict[str, list[pa.RecordBatch]] = {name: [] for name in self._schemas}

    def _take(self, table: str, batch: pa.RecordBatch) -> None:
        self._batches[table].append(batch)

    def tables(self) -> dict[str, pa.Table]:
        """Return the rows so far."""
        return {name: pa.Table.from_batches(batches, self._schemas[name]) for name, batches in self._batches.items()}


class FileSink(TableSink):
    """Writes each chunk to its table's file, so that memory does not grow with the run; a context manager.

    Args:
        markouts_ns: horizons of the run.
        draft: the folder of the files.
        agents: as in `TableSink`.

    Raises:
        OutputError: in the block: a file cannot be written.
    """

    is_saved = True

    def __init__(self, markouts_ns: Sequence[int], draft: Draft, agents: Sequence[str] = ()) -> None:
        super().__init__(markouts_ns, agents)
        self._draft = draft
        self._process = os.getpid()
        self._writers = {name: TableWriter(self._path(name), schema) for name, schema in self._schemas.items()}
        self._files = ExitStack()

    def _path(self, name: str) -> Path:
        return self._draft.path / f"{name}.parquet"

    def _take(self, table: str, batch: pa.RecordBatch) -> None:
        if os.getpid() != self._process:
            _end_fork()
        with self._draft.writing():
            self._writers[table].write(batch)

    def tables(self) -> dict[str, TableFile]:
        """Complete the files and return them."""
        with self._draft.writing():
            for writer in self._writers.values():
                writer.finish()
        pa.default_memory_pool().release_unused()  # memory of the replay, before the report allocates its own
        return {name: TableFile.of(self._path(name), schema) for name, schema in self._schemas.items()}

    @interrupts.entering
    def __enter__(self) -> Self:
        with ExitStack() as files, self._draft.writing():
            for writer in self._writers.values():
                files.enter_context(writer)
            self._files = files.pop_all()
        return self

    @interrupts.uninterrupted
    def __exit__(self, *_: object) -> None:
        self._files.close()


def _end_fork() -> NoReturn:
    """End a forked child that has returned from a callback: the files are the parent's."""
    os.write(
        2, b"error: a process that the strategy forked returned from its callback, and ends: forks are unsupported\n"
    )
    os._exit(StrategyError.exit_code)


def _array(column: Column, kind: pa.DataType) -> pa.Array:
    if isinstance(column, list):
        return pa.array(column, kind)
    rows, validity, offsets, values = column
    buffers = [validity, values] if offsets is None else [validity, offsets, values]
    return pa.Array.from_buffers(kind, rows, [None if each is None else _copied(each) for each in buffers])


def _copied(block: Any) -> pa.Buffer:
    """Copy Python's memory into Arrow's: a thread of Arrow may release it after Python has ended."""
    source = memoryview(block).cast("B")
    buffer = pa.allocate_buffer(source.nbytes)
    memoryview(buffer).cast("B")[:] = source
    return buffer
