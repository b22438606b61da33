"""Read CSV files without a header, some megabytes at a time, as columns of Python values.

Arrow parses, and its I/O threads get only memory of Arrow. They may release a buffer after an error, when the
interpreter is already ending; releasing memory of a Python object then aborts the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

import pyarrow as pa

from lob_backtest.errors import DataError
from lob_backtest.vendors.text_file import LINE_BYTES

BLOCK_BYTES: Final = 1 << 22

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_INTEGER: Final = re.compile(rb"[ \t]*-?\d{1,100}[ \t]*")
_LIMIT: Final = 1 << 63


def csv_blocks(stream: BinaryIO, name: str, types: Sequence[pa.DataType]) -> Iterator[list[list[Any]]]:
    """Yield the columns of a CSV file, a list of lists for each block of whole lines.

    Args:
        stream: read from its current position; a byte order mark at the start is skipped.
        name: of the file, for messages.
        types: of each column, `int64` or `string`; every line has one cell per column. Quotes have no meaning.

    Raises:
        DataError: a line is longer than `LINE_BYTES`, has another number of cells, or a cell is of another type.
    """
    line = 1
    for text in _whole_lines(stream, name):
        block = text.removeprefix(_BYTE_ORDER_MARK) if line == 1 else text
        if not block:
            return
        columns = _parsed(block, name, line, types)
        line += len(columns[0])
        yield columns


def _whole_lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield blocks of some megabytes, each cut at the end of a line."""
    line = 1
    while head := stream.read(BLOCK_BYTES):
        room = LINE_BYTES - (len(head) - head.rfind(b"\n") - 1)
        tail = b"" if head.endswith(b"\n") else stream.readline(room + 1)
        newlines = head.count(b"\n")
        if len(tail) > room:
            raise DataError(
                f"{name}, line {line + newlines}: longer than {LINE_BYTES >> 20} MB; expected a text file of lines"
            )
        line += newlines + tail.endswith(b"\n")
        yield head + tail


def _parsed(block: bytes, name: str, line: int, types: Sequence[pa.DataType]) -> list[list[Any]]:
    from pyarrow import csv as arrow_csv

    if b"0x" in block or b"0X" in block:  # Arrow reads integers in base 16 as well
        refused = _refused(block, name, line, types)
        if refused:
            raise DataError(refused)
    names = [str(i) for i in range(len(types))]
    buffer = pa.allocate_buffer(len(block))
    memoryview(buffer).cast("B")[:] = block
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(buffer),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
            parse_options=arrow_csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict(zip(names, types, strict=True)), null_values=[], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise DataError(_refused(block, name, line, types) or f"{name}, line {line} or later: {error}") from error
    return [column.to_pylist() for column in table.columns]


def _refused(block: bytes, name: str, first: int, types: Sequence[pa.DataType]) -> str | None:
    """Describe the first bad cell or line, which Arrow's messages do not identify."""
    for line, row in enumerate(block.splitlines(), first):
        cells = row.split(b",") if row else []
        if len(cells) != len(types):
            return f"{name}, line {line}: {len(cells)} columns; expected {len(types)}"
        for position, (cell, kind) in enumerate(zip(cells, types, strict=True), 1):
            place = f"{name}, line {line}, column {position}: {repr(cell[:80])[1:]}"
            if kind == pa.int64():
                if not _INTEGER.fullmatch(cell):
                    return f"{place}; expected an integer"
                if not -_LIMIT <= int(cell) < _LIMIT:
                    return f"{place}; expected an integer of at most 64 bits"
            elif not _is_utf8(cell):
                return f"{place}; expected text in UTF-8"
    return None


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
