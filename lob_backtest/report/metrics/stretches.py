"""Read a result table one stretch at a time, as numpy columns; memory does not grow with the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lob_backtest.contract.tables import Rows

STRETCH_ROWS: Final = 1 << 16
"""Maximum number of rows of a stretch."""

Ints: TypeAlias = "NDArray[Any]"
"""Integers of shape `(n,)`: int64, or Python integers where 64 bits could overflow."""

Columns: TypeAlias = "dict[str, Ints]"
"""Columns of a stretch by name, each of shape `(n,)`, n > 0."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """Some rows of a table: those of one account, or of one instrument.

    Attributes:
        tables: of the run, by name; a file that is moved is replaced there.
        name: of the table.
        codes: required values of columns, by name; empty: all rows.
        mid2: the value of null doubled mids, half-ticks.
    """

    tables: Mapping[str, Rows]
    name: str
    codes: Mapping[str, int]
    mid2: int = 0

    def read(self, *names: str) -> Iterator[Columns]:
        """Read columns, one stretch at a time, from the start.

        Integers become int64. A null becomes 0, or `mid2` in a column of doubled mids; `has_<name>` is the
        validity of a column that can have nulls.

        Args:
            names: of the columns.
        """
        chosen = list(dict.fromkeys((*self.codes, *names)))
        for batch in self.tables[self.name].select(chosen).to_batches():
            for first in range(0, batch.num_rows, STRETCH_ROWS):
                part = self._mine(batch.slice(first, STRETCH_ROWS))
                if part.num_rows:
                    yield self._columns(part, names)

    def nothing(self, *names: str) -> Columns:
        """Return the columns of `read` without rows."""
        schema = self.tables[self.name].select(list(names)).schema
        return self._columns(pa.RecordBatch.from_pylist([], schema=schema), names)

    def _mine(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for name, code in self.codes.items():
            batch = batch.filter(pc.equal(batch.column(name), pa.scalar(code, batch.schema.field(name).type)))
        return batch

    def _columns(self, batch: pa.RecordBatch, names: tuple[str, ...]) -> Columns:
        out: Columns = {}
        for name in names:
            column = batch.column(name)
            if batch.schema.field(name).nullable:
                out["has_" + name] = np.asarray(column.is_valid())
                column = column.fill_null(self.mid2 if name.startswith("mid2") else 0)
            out[name] = column.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
        return out


def widen(sizes: Ints, *factors: Ints) -> tuple[Ints, ...]:
    """Return the arrays unchanged, or as Python integers if a sum of `sizes · factor` could exceed 64 bits.

    Args:
        sizes: integers, shape `(n,)`.
        factors: prices, mids or times that `sizes` will be multiplied by, up to doubled and in differences; same shape.
    """
    largest_factor = max([1, *(largest(each) for each in factors)])
    arrays = (sizes, *factors)
    if 4 * max(1, len(sizes)) * max(1, largest(sizes)) * largest_factor < 1 << 63:
        return arrays
    return tuple(each.astype(object) for each in arrays)


def largest(values: Ints) -> int:
    """Return the largest absolute value; 0 of no values."""
    return max(abs(int(values.min())), abs(int(values.max()))) if len(values) else 0


def total(values: Ints) -> int:
    """Return the sum as a Python integer."""
    return int(values.sum()) if len(values) else 0


def running(start: int, values: Ints) -> Ints:
    """Return `start` plus the sums of the first 0, 1, …, n values; Python integers if 64 bits could overflow."""
    if abs(start) + len(values) * largest(values) >= 1 << 63:
        values = values.astype(object)
    out = np.empty(len(values) + 1, dtype=values.dtype)
    out[0] = 0
    np.cumsum(values, out=out[1:])
    out += start
    return out
