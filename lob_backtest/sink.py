"""Collects the tables of a run in memory."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from lob_backtest.tables import schemas
from lob_backtest.units import format_instant

if TYPE_CHECKING:
    from lob_backtest.engine import Packed

Column: TypeAlias = "list[Any] | Packed"
"""Values, or memory as `lob_backtest.engine.Packed` says."""


class MemorySink:
    """Keeps each chunk of a table as Arrow, eight bytes a number; `tables` puts them together.

    Args:
        markouts_ns: horizons of the run, which decide the columns of `fills`.
    """

    def __init__(self, markouts_ns: Sequence[int]) -> None:
        self._schemas = schemas(markouts_ns)
        self._batches: dict[str, list[pa.RecordBatch]] = {name: [] for name in self._schemas}

    def write(self, table: str, columns: Mapping[str, Column]) -> None:
        """Take rows of a table, column by column: lists of values, or memory as Arrow lays it out."""
        schema = self._schemas[table]
        arrays = [_array(columns[field.name], field.type) for field in schema]
        self._batches[table].append(pa.RecordBatch.from_arrays(arrays, schema=schema))

    def log(self, ts_ns: int, text: str) -> None:
        """Write a line of the strategy's on stderr."""
        print(f"{format_instant(ts_ns)} {text}", file=sys.stderr)

    def tables(self) -> dict[str, pa.Table]:
        """Return everything taken so far."""
        return {name: pa.Table.from_batches(batches, self._schemas[name]) for name, batches in self._batches.items()}


def _array(column: Column, kind: pa.DataType) -> pa.Array:
    if isinstance(column, list):
        return pa.array(column, kind)
    rows, validity, offsets, values = column
    buffers = [validity, values] if offsets is None else [validity, offsets, values]
    return pa.Array.from_buffers(kind, rows, [None if each is None else pa.py_buffer(each) for each in buffers])
