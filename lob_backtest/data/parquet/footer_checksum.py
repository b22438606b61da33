"""A checksum of the Parquet footer, which page checksums do not cover.

Parquet can carry a CRC-32 of each page, but has none for the footer: with one flipped bit in `lob.tick_size`,
or in the offset of a page, the file is still valid and describes another market. The checksum is a mark and the CRC-32
of the footer, between the last page and the footer, where readers of Parquet do not look. It is not part of the
metadata, so that a tool that copies the metadata into another file does not copy the checksum.
"""

from __future__ import annotations

import os
import zlib
from typing import BinaryIO, Final

CHECKSUM_BYTES: Final = 12
"""The mark (8) and the CRC-32 of the footer (4, little-endian)."""

TRAILER_BYTES: Final = 8
"""After the footer: its length (4, little-endian) and Parquet's magic (4)."""

_MARK: Final = b"LOBSEAL1"


def insert(file: BinaryIO) -> None:
    """Insert the checksum before the footer of a whole Parquet file.

    Args:
        file: open for reading and writing.
    """
    file.seek(-TRAILER_BYTES, os.SEEK_END)
    trailer = file.read(TRAILER_BYTES)
    length = int.from_bytes(trailer[:4], "little")
    start = file.seek(-TRAILER_BYTES - length, os.SEEK_END)
    footer = file.read(length)
    file.seek(start)
    file.write(_checksum_of(footer) + footer + trailer)


def is_intact(before: bytes, footer: bytes) -> bool | None:
    """Compare a footer with its checksum.

    Args:
        before: the `CHECKSUM_BYTES` before the footer.
        footer: the bytes between the row groups and the trailer.

    Returns:
        Whether they agree; `None` where the file has no checksum.
    """
    if not before.startswith(_MARK):
        return None
    return before == _checksum_of(footer)


def _checksum_of(footer: bytes) -> bytes:
    return _MARK + zlib.crc32(footer).to_bytes(4, "little")
