"""Read vendor files as bytes or lines: plain or compressed, without a byte order mark, with a limit of line length."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

import pyarrow as pa

from lob_backtest.errors import DataError

LINE_BYTES: Final = 1 << 24
"""Limit of the length of a line. A snapshot of 5,000 levels per side has some 400 kB."""

BROKEN: Final = (OSError, EOFError, zlib.error, pa.ArrowException)
"""Exceptions of reading a damaged file, for all compressions."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = tuple(bytes((low, 0x2A, 0x4D, 0x18)) for low in range(0x50, 0x60))
"""A frame that holds no data: pzstd and seekable zstd begin with one (RFC 8878, 3.1.2)."""
_BUFFER_BYTES: Final = 1 << 20


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed if its content is compressed.

    Args:
        path: plain, or compressed with gzip or zstd.

    Raises:
        DataError: it is missing, or cannot be opened.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        file = _decompressed(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    with file:
        yield file


def _decompressed(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(_GZIP):
        return cast(BinaryIO, gzip.open(path, "rb"))
    if head.startswith((_ZSTD, *_ZSTD_SKIPPABLE)):
        stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, stream), _BUFFER_BYTES))
    return path.open("rb", buffering=_BUFFER_BYTES)


def lines(path: Path) -> Iterator[bytes]:
    """Read a text file line by line, line ends included.

    Args:
        path: plain, or compressed with gzip or zstd; a byte order mark at its start is skipped.

    Raises:
        DataError: the file is missing or corrupt, or a line is longer than `LINE_BYTES`.
    """
    number = 0
    with opened(path) as file:
        try:
            while line := file.readline(LINE_BYTES + 1):
                number += 1
                if len(line) > LINE_BYTES:
                    raise DataError(
                        f"{path}, line {number}: longer than {LINE_BYTES >> 20} MB; expected a text file of lines"
                    )
                yield line if number > 1 else line.removeprefix(_BYTE_ORDER_MARK)
        except BROKEN as error:
            raise DataError(
                f"{path}: truncated or corrupt after line {number} ({error}); get the file again, or save what can be "
                "read of it in another file"
            ) from error
