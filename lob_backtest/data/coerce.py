"""Convert a user's columns to the types of the canonical schema, without ever changing a value."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from lob_backtest.contract.rows import OPTIONAL
from lob_backtest.errors import DataError


def as_table(events: Any, schema: pa.Schema, *, first_row: int = 0) -> pa.Table:
    """Convert columns to the types of a schema, without ever changing a value.

    Args:
        events: a dict of lists or arrays, a DataFrame or an Arrow table.
        schema: of the result; absent columns of `OPTIONAL` are filled (null local time, else 0).
        first_row: the number of the first row, for messages.

    Raises:
        DataError: columns are missing, unknown or of different lengths; a value is not an integer, or out of range.
    """
    given = dict(zip(events.column_names, events.columns, strict=True)) if isinstance(events, pa.Table) else events
    if not isinstance(given, Mapping):
        if not hasattr(given, "columns"):
            raise DataError(
                f"events: {type(events).__name__}; expected a dict of columns, a DataFrame or a pyarrow.Table"
            )
        given = {str(name): given[name] for name in given.columns}
    _check_names(set(given), schema)
    lengths = {name: len(column) for name, column in given.items()}
    if len(set(lengths.values())) > 1:
        raise DataError("columns differ in length: " + ", ".join(f"{name} {n}" for name, n in lengths.items()))
    rows = next(iter(lengths.values()))
    filled = []
    for field in schema:
        if field.name in given:
            filled.append(_narrow(field, given[field.name], first_row))
        elif field.nullable:
            filled.append(pa.nulls(rows, field.type))
        else:
            filled.append(pa.array(np.zeros(rows, field.type.to_pandas_dtype())))
    return pa.Table.from_arrays(filled, schema=schema)


def _check_names(given: set[str], schema: pa.Schema) -> None:
    missing = [name for name in schema.names if name not in given and name not in OPTIONAL]
    unknown = sorted(given - set(schema.names))
    if missing or unknown:
        parts = []
        if missing:
            parts.append("missing " + ", ".join(missing))
        if unknown:
            parts.append("unknown " + ", ".join(unknown))
        raise DataError(f"columns: {'; '.join(parts)}; expected " + ", ".join(schema.names))


def _narrow(field: pa.Field, values: Any, first_row: int) -> pa.Array:
    """Convert one column to its Arrow type; the error for a value that does not fit names its row."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    elif hasattr(values, "to_numpy") and not isinstance(values, pa.Array):  # a Series, without importing pandas
        values = pa.Array.from_pandas(values)
    if isinstance(values, pa.Array) and pa.types.is_integer(values.type):
        present = values.is_valid().to_numpy(zero_copy_only=False)
        if not field.nullable and values.null_count:
            raise DataError(f"{field.name}, row {first_row + int(np.argmin(present))}: null; expected {field.type}")
        numbers = values.fill_null(0).to_numpy()
    else:
        numbers, present = _integers(field, values, first_row)
    limits = np.iinfo(field.type.to_pandas_dtype())
    if len(numbers) and (int(numbers.min()) < limits.min or int(numbers.max()) > limits.max):
        # Compared as Python integers: numpy has no common type for int64 and uint64.
        row, value = next((i, int(v)) for i, v in enumerate(numbers) if not limits.min <= int(v) <= limits.max)
        raise DataError(_misfit(field, first_row + row, value))
    mask = None if present is None or present.all() else ~present
    return pa.array(numbers.astype(limits.dtype, copy=False), mask=mask)


def _integers(field: pa.Field, values: Any, first_row: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """Split lists and arrays of integers (`None`: null) into values and a mask of the present ones."""
    if isinstance(values, pa.Array):
        raise DataError(f"{field.name}: {values.type}; expected {field.type}, {_meaning(field.name)}")
    array = np.asarray(values) if isinstance(values, np.ndarray) or not any(v is None for v in values) else None
    if array is not None and array.dtype.kind in "iu" and array.ndim == 1:
        return array, None
    if array is not None and len(array) == 0:
        return np.zeros(0, np.int64), None
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        raise DataError(f"{field.name}: {values.dtype} {values.shape}; expected {field.type}, {_meaning(field.name)}")
    present = np.array([value is not None for value in values])
    numbers = np.zeros(len(values), object)
    for row, value in enumerate(values):
        if value is None and field.nullable:
            continue
        try:
            numbers[row] = operator.index(value)
        except TypeError:
            raise DataError(_misfit(field, first_row + row, value)) from None
    return numbers, present


def _misfit(field: pa.Field, row: int, value: object) -> str:
    limits = np.iinfo(field.type.to_pandas_dtype())
    return (
        f"{field.name}, row {row}: {value!r} does not fit; expected an integer from {limits.min} to {limits.max} "
        f"({field.type}), {_meaning(field.name)}"
    )


def _meaning(name: str) -> str:
    if name.endswith("_ns"):
        return "nanoseconds since 1970 (UTC)"
    if name.endswith(("_ticks", "_lots")):
        return f"a whole number of {name.rpartition('_')[2]}"
    return "see lob_backtest.contract.rows"
