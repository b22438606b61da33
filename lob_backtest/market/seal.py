"""A checksum of the Parquet footer, where page checksums do not reach.

Parquet can carry a CRC-32 of each page, but has none for the footer: one flipped bit in `lob.tick_size`, or in
the offset of a page, reads back as another market. A sealed file holds the CRC-32 of its own footer
as metadata, computed with the checksum's eight digits as zeros.
"""

from __future__ import annotations

import os
import zlib
from typing import BinaryIO, Final

KEY: Final = "lob.footer_crc32"
BLANK: Final = "0" * 8
"""The value that a file is written with; `seal` then fills in the checksum."""

TRAILER: Final = 8
"""Bytes behind the footer: its length (4, little-endian) and the magic (4)."""

_MARK = KEY.encode() + b"\x18\x08"  # Thrift's compact protocol: a string field follows, eight bytes long


def _checksum(footer: bytes, at: int) -> bytes:
    return f"{zlib.crc32(footer[:at] + BLANK.encode() + footer[at + len(BLANK) :]):08x}".encode()


def seal(file: BinaryIO) -> None:
    """Put the checksum into the footer of a file that was written with `BLANK` under `KEY`.

    Args:
        file: a whole Parquet file, open for reading and writing.
    """
    file.seek(-TRAILER, os.SEEK_END)
    length = int.from_bytes(file.read(4), "little")
    start = file.seek(-TRAILER - length, os.SEEK_END)
    footer = file.read(length)
    at = footer.index(_MARK + BLANK.encode()) + len(_MARK)
    file.seek(start + at)
    file.write(_checksum(footer, at))


def is_intact(footer: bytes) -> bool | None:
    """Compare a footer with its checksum.

    Args:
        footer: the bytes between the row groups and the trailer.

    Returns:
        Whether they agree; `None` where the file was never sealed.
    """
    found = footer.find(_MARK)
    if found < 0:
        return None
    at = found + len(_MARK)
    return _checksum(footer, at) == footer[at : at + len(BLANK)]
