"""One SHA-256 over the logical values of the result tables: the same run gives the same digest on any machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lob_backtest.contract.tables import DIGEST_COLUMNS, MARKOUTS, RENAMED, UNUSED, Rows

if TYPE_CHECKING:
    from hashlib import _Hash

_LITTLE_ENDIAN: Final = {pa.int8(): "<i1", pa.int16(): "<i2", pa.int64(): "<i8"}


def digest(tables: Mapping[str, Rows]) -> str:
    """Hash the reproducible tables of a run (`lob_backtest.contract.tables.DIGEST_COLUMNS`, in that order).

    Hashed are, for each table, its name and number of rows; for each column its name, its type, one byte per value for
    its validity, and its values, little-endian, with nulls as 0. Strings are hashed as their lengths in bytes and their
    UTF-8 bytes. A column of `UNUSED` that no row uses is left out. Chunks, file bytes and machine make no difference.
    Columns are read twice, batch by batch, so that no table has to be in memory.

    Args:
        tables: by name; others are ignored.

    Returns:
        64 hexadecimal digits.
    """
    sha = hashlib.sha256()
    for name in DIGEST_COLUMNS:
        table = tables[name]
        columns = [(label, column) for label, column in covered(name, table.schema) if _is_used(name, table, column)]
        _text(sha, name)
        sha.update(table.num_rows.to_bytes(8, "little"))
        sha.update(len(columns).to_bytes(8, "little"))
        for label, column in columns:
            _text(sha, label)
            _text(sha, str(table.schema.field(column).type))
            _column(sha, table.select([column]))
    return sha.hexdigest()


def covered(name: str, schema: pa.Schema) -> Iterator[tuple[str, str]]:
    """Yield the columns of a table that the digest covers: the name that is hashed, and the name in the schema.

    Args:
        name: of the table.
        schema: of the table; columns of `UNUSED` may be missing.
    """
    for label in DIGEST_COLUMNS[name]:
        if label == MARKOUTS:
            prefix, suffix = MARKOUTS.split("*")
            yield from ((each, each) for each in schema.names if each.startswith(prefix) and each.endswith(suffix))
            continue
        column = RENAMED.get(name, {}).get(label, label)
        if column in schema.names or column not in UNUSED.get(name, {}):
            yield label, column


def _is_used(name: str, table: Rows, column: str) -> bool:
    """Return whether a column is of the first version, or any row has another value than `UNUSED`."""
    if column not in UNUSED.get(name, {}):
        return True
    value = UNUSED[name][column]
    for part in _parts(table.select([column])):
        unused = part.null_count if value is None else pc.sum(pc.equal(part, value)).as_py() or 0
        if unused < len(part):
            return True
    return False


def _text(sha: _Hash, text: str) -> None:
    encoded = text.encode()
    sha.update(len(encoded).to_bytes(8, "little"))
    sha.update(encoded)


def _column(sha: _Hash, column: Rows) -> None:
    (field,) = column.schema
    for part in _parts(column):
        sha.update(np.asarray(part.is_valid()).astype("u1").tobytes())
    if pa.types.is_string(field.type):
        _strings(sha, column)
        return
    for part in _parts(column):
        values = part.fill_null(0).to_numpy(zero_copy_only=False)
        sha.update(np.ascontiguousarray(values, dtype=_LITTLE_ENDIAN[field.type]).data)


def _strings(sha: _Hash, column: Rows) -> None:
    """Hash the lengths of all values, then their bytes: different lists of strings differ in one of them."""
    for part in _parts(column):
        lengths = pc.binary_length(part.fill_null(""))
        sha.update(np.ascontiguousarray(lengths.to_numpy(zero_copy_only=False), dtype="<i8").data)
    for part in _parts(column):
        sha.update(_joined(part.fill_null("")))


def _parts(column: Rows) -> Iterator[pa.Array]:
    return (batch.column(0) for batch in column.to_batches())


def _joined(texts: pa.Array) -> memoryview:
    """Return the concatenated bytes of all texts."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return memoryview(b"")
    at = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[int(at[0]) : int(at[-1])]
