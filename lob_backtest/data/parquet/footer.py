"""Read the footer of a Parquet file, and check it against itself, the file and its checksum.

Arrow reads the rows, but not the metadata of column chunks: if they contradict the schema, their constructors throw
C++ exceptions that are not caught, and the process ends. The required part of them is decoded here.

Source of field numbers and codes: "parquet.thrift" of apache/parquet-format.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import pyarrow as pa

from lob_backtest.data.parquet import thrift
from lob_backtest.data.parquet.footer_checksum import CHECKSUM_BYTES, TRAILER_BYTES, is_intact

MAGIC: Final = b"PAR1"
_TYPES: Final = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
_CODECS: Final = ("UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4")
_ENCODINGS: Final = {
    0: "PLAIN",
    2: "PLAIN_DICTIONARY",
    3: "RLE",
    4: "BIT_PACKED",
    5: "DELTA_BINARY_PACKED",
    6: "DELTA_LENGTH_BYTE_ARRAY",
    7: "DELTA_BYTE_ARRAY",
    8: "RLE_DICTIONARY",
    9: "BYTE_STREAM_SPLIT",
}
_REPEATED: Final = 2


class DamageError(Exception):
    """A file is damaged; the text has the difference."""


class Column(NamedTuple):
    """A column of the schema that holds values."""

    path: str
    physical_type: str
    is_nested: bool


class Chunk(NamedTuple):
    """A column in one row group."""

    physical_type: str
    values: int
    nulls: int | None  # None: not in the footer
    bounds: tuple[int, int] | None  # least and greatest value of INT64; None: not in the footer
    begin: int
    length: int
    compression: str
    encodings: tuple[str, ...]


class Group(NamedTuple):
    """A row group."""

    rows: int
    chunks: tuple[Chunk, ...]


class Footer(NamedTuple):
    """The footer's description of the rows.

    Attributes:
        has_checksum: whether there is a checksum, which then matches.
    """

    rows: int
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    has_checksum: bool


def read_footer(file: pa.NativeFile) -> Footer:
    """Read and check the footer of a Parquet file.

    Raises:
        DamageError: there is none, it does not match its checksum or contradicts itself; or the gap between the last
            page and the footer has the size of a checksum, but holds none.
        OSError: the file cannot be read.
    """
    size = file.size()
    trailer = file.read_at(TRAILER_BYTES, size - TRAILER_BYTES) if size >= TRAILER_BYTES else b""
    length = int.from_bytes(trailer[:4], "little")
    start = size - TRAILER_BYTES - length
    if trailer[4:] != MAGIC or start < len(MAGIC):
        raise DamageError("truncated or corrupt (no Parquet footer at its end)")
    before = file.read_at(CHECKSUM_BYTES, start - CHECKSUM_BYTES) if start >= CHECKSUM_BYTES else b""
    data = file.read_at(length, start)
    matches = is_intact(before, data)
    if matches is False:
        raise DamageError("corrupt (the footer does not match its checksum)")
    try:
        footer = _decoded(data, has_checksum=bool(matches))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DamageError(f"corrupt footer ({error or type(error).__name__})") from None
    _check(footer, start)
    return footer


def _decoded(data: bytes, *, has_checksum: bool) -> Footer:
    """Decode the required part of a footer; a missing value or one of another type raises any exception."""
    found = thrift.decode(data)
    groups = tuple(Group(_natural(group[3]), tuple(_chunk(each[3]) for each in group[1])) for group in found[4])
    return Footer(_natural(found[3]), tuple(_columns(found[2])), groups, has_checksum)


def _columns(elements: list[dict[int, Any]]) -> list[Column]:
    """Return the leaves of a schema, which lists its tree from the root, parents first."""
    columns = []
    above: list[tuple[int, str, bool]] = []  # of each parent: children still missing, path, whether it repeats
    for element in elements:
        while above and not above[-1][0]:
            above.pop()
        prefix, is_nested = (above[-1][1], above[-1][2]) if above else ("", False)
        path = prefix + element[4].decode()
        is_nested = is_nested or element.get(3) == _REPEATED
        if above:
            above[-1] = (above[-1][0] - 1, prefix, above[-1][2])
        if element.get(5):
            above.append((_natural(element[5]), f"{path}." if above else "", is_nested))
        else:
            columns.append(Column(path, _TYPES[_natural(element[1])], is_nested))
    return columns


def _chunk(meta: dict[int, Any]) -> Chunk:
    begin = _natural(meta[9])
    if 0 < meta.get(11, 0) < begin or not begin:  # the offset of the dictionary, if any
        begin = _natural(meta.get(11, 0))
    statistics = meta.get(12, {})
    nulls = statistics.get(3)
    encodings = tuple(_ENCODINGS.get(code, str(code)) for code in meta[2])
    return Chunk(
        physical_type=_TYPES[_natural(meta[1])],
        values=_natural(meta[5]),
        nulls=None if nulls is None else _natural(nulls),
        bounds=_bounds(statistics) if _TYPES[meta[1]] == "INT64" else None,
        begin=begin,
        length=_natural(meta[7]),
        compression=_CODECS[_natural(meta[4])],
        encodings=encodings,
    )


def _bounds(statistics: dict[int, Any]) -> tuple[int, int] | None:
    least, greatest = statistics.get(6, statistics.get(2)), statistics.get(5, statistics.get(1))
    if least is None or greatest is None:
        return None
    return int.from_bytes(least, "little", signed=True), int.from_bytes(greatest, "little", signed=True)


def _natural(value: int) -> int:
    if value < 0:
        raise ValueError(f"{value}, expected 0 or more")
    return value + 0


def _check(footer: Footer, start: int) -> None:
    """Compare a footer's column chunks with its schema and with the footer's offset."""
    end = len(MAGIC)
    for index, group in enumerate(footer.groups):
        if len(group.chunks) != len(footer.columns):
            raise DamageError(f"corrupt (row group {index} has {len(group.chunks)} columns of {len(footer.columns)})")
        for column, chunk in zip(footer.columns, group.chunks, strict=True):
            where = f"row group {index}, column {column.path}"
            if chunk.physical_type != column.physical_type:
                raise DamageError(f"corrupt ({where}: {chunk.physical_type}, expected {column.physical_type})")
            if not column.is_nested and chunk.values != group.rows:
                raise DamageError(f"corrupt ({where}: {chunk.values} values in {group.rows} rows)")
            if group.rows and chunk.begin < len(MAGIC):
                raise DamageError(f"corrupt ({where}: begins at {chunk.begin})")
            end = max(end, chunk.begin + chunk.length)
    rows = sum(group.rows for group in footer.groups)
    if rows != footer.rows:
        raise DamageError(f"corrupt (the footer has {footer.rows} rows, its row groups {rows})")
    if end > start:
        raise DamageError("corrupt (pages overlap the footer)")
    if not footer.has_checksum and start - end == CHECKSUM_BYTES:
        raise DamageError("corrupt (the mark of its footer checksum is damaged)")
