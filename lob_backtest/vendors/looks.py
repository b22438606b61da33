"""What a vendor's file looks like, for the message about a file of another format than was named."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import Final

HEAD_BYTES: Final = 4096
GZIP: Final = b"\x1f\x8b"
LOOKS: Final = {
    "binance": re.compile(rb'\s*(?:\d{10,20}\s+)?\{"?(?:stream"|e"|lastUpdateId"|u")'),
    "databento": re.compile(rb"DBN|(?:[\w ]+,)*(?:rtype|publisher_id),"),
    "lobster": re.compile(rb"\d{4,5}(?:\.\d+)?,[1-7],\d+,\d+,\d+,-?1\r?\n"),
}
"""How the first bytes of each format's files begin."""


def looks_like(path: Path) -> str | None:
    """Return the format whose files begin as this one; `None` if none does, or the file cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if head.startswith(GZIP):
            with gzip.open(path) as unpacked:
                head = unpacked.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return None
    return next((name for name, start in LOOKS.items() if start.match(head)), None)
