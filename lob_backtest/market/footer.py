"""Check what the footer of a Parquet file says before Arrow acts on it.

A damaged footer can do worse than make Arrow raise: where a column chunk is of another physical type than its column,
Arrow ends the process as soon as statistics are asked for. A seal excludes that; the checks are for files without one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from lob_backtest.market import seal

MAGIC: Final = b"PAR1"


class DamageError(Exception):
    """A file is not as it was written; the text says in what."""


class Frame(NamedTuple):
    """The footer of a file and what stands around it."""

    start: int  # of the footer
    footer: bytes
    before: bytes  # the bytes before the footer, where a seal would be

    @property
    def is_sealed(self) -> bool:
        """Whether there is a seal, or what looks like one."""
        return seal.is_intact(self.before, self.footer) is not None


def read_frame(file: pa.NativeFile) -> Frame:
    """Find the footer of a Parquet file, and compare it with its seal.

    Raises:
        DamageError: there is no footer, or it does not match its seal.
        OSError: the file cannot be read.
    """
    size = file.size()
    trailer = file.read_at(seal.TRAILER_BYTES, size - seal.TRAILER_BYTES) if size >= seal.TRAILER_BYTES else b""
    length = int.from_bytes(trailer[:4], "little")
    start = size - seal.TRAILER_BYTES - length
    if trailer[4:] != MAGIC or start < len(MAGIC):
        raise DamageError("truncated or corrupt (no Parquet footer at its end)")
    before = file.read_at(seal.SEAL_BYTES, start - seal.SEAL_BYTES) if start >= seal.SEAL_BYTES else b""
    frame = Frame(start, file.read_at(length, start), before)
    if seal.is_intact(frame.before, frame.footer) is False:
        raise DamageError("corrupt (the footer does not match its checksum)")
    return frame


def check_footer(meta: pq.FileMetaData, frame: Frame) -> None:
    """Compare what a footer says of column chunks with its schema and with the file; one with a seal is right.

    Raises:
        DamageError: they contradict each other; or there are as many bytes between the last page and the footer as a
            seal has, but no seal.
    """
    if frame.is_sealed:
        return
    rows, end = 0, len(MAGIC)
    for index in range(meta.num_row_groups):
        group = meta.row_group(index)
        rows += group.num_rows
        if group.num_columns != len(meta.schema):
            raise DamageError(f"corrupt (row group {index} has {group.num_columns} columns of {len(meta.schema)})")
        for at in range(group.num_columns):
            end = max(end, _chunk_end(meta.schema.column(at), group, index, at))
    if rows != meta.num_rows:
        raise DamageError(f"corrupt (the footer says {meta.num_rows} rows, its row groups {rows})")
    if end > frame.start:
        raise DamageError("corrupt (the footer says that pages reach into it)")
    if frame.start - end == seal.SEAL_BYTES:
        raise DamageError("corrupt (the mark of its seal is damaged)")


def _chunk_end(column: pq.ColumnSchema, group: pq.RowGroupMetaData, index: int, at: int) -> int:
    """Return where a column chunk ends in the file."""
    chunk = group.column(at)
    where = f"row group {index}, column {column.path}"
    if chunk.physical_type != column.physical_type:
        raise DamageError(f"corrupt ({where}: stored as {chunk.physical_type}, expected {column.physical_type})")
    if column.max_repetition_level == 0 and chunk.num_values != group.num_rows:
        raise DamageError(f"corrupt ({where}: {chunk.num_values} values in {group.num_rows} rows)")
    begin, length = chunk.data_page_offset, chunk.total_compressed_size
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < begin:
        begin = chunk.dictionary_page_offset
    if not group.num_rows:
        return len(MAGIC)
    if begin < len(MAGIC) or length < 0:
        raise DamageError(f"corrupt ({where}: {length} bytes at {begin})")
    return int(begin + length)
