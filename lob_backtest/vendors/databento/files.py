"""Detect the format of a Databento file by its content, and open it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lob_backtest.errors import DataError
from lob_backtest.vendors.databento.csv_file import open_csv
from lob_backtest.vendors.databento.dbn_file import MAGIC, is_fragment, open_dbn
from lob_backtest.vendors.databento.records import RecordFile
from lob_backtest.vendors.text_file import BROKEN, opened

HEAD_BYTES: Final = 1 << 16
OTHERS: Final = {
    b"PK\x03\x04": "a zip archive; unpack it, and give the files in it",
    b"PAR1": "Parquet; expected DBN or CSV, as Databento delivers them",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
    b"\xfd7zXZ": "compressed with xz; unpack it first",
    b"BZh": "compressed with bzip2; unpack it first",
}


def open_records(path: Path) -> RecordFile:
    """Open a DBN or CSV file, plain or compressed with gzip or zstd, detected by its content.

    Args:
        path: the file.

    Raises:
        ConfigError: it is DBN, and the package databento-dbn is not installed.
        DataError: it is missing, unreadable, or does not hold MBO records.
    """
    with opened(path) as stream:
        try:
            head = stream.read(HEAD_BYTES)
        except BROKEN as error:
            raise DataError(
                f"{path}: truncated or corrupt at its start ({error}); get the file again from its source"
            ) from error
    if _is_dbz(path):
        raise DataError(
            f"{path}: DBZ, Databento's format before DBN; convert it with a version of Databento's dbn tool that "
            "reads DBZ, or request the data again as DBN"
        )
    if not head:
        raise DataError(f"{path}: empty; expected Databento MBO records, as DBN or CSV")
    if head.startswith(MAGIC):
        return open_dbn(path)
    for magic, name in OTHERS.items():
        if head.startswith(magic):
            raise DataError(f"{path}: {name}")
    if is_fragment(head):
        raise DataError(
            f"{path}: DBN records without the metadata before them, a fragment; add the metadata, such as with "
            "Databento's dbn tool, or request the data again"
        )
    if b"\0" in head:
        raise DataError(f"{path}: neither DBN nor text; expected Databento MBO records, as DBN or CSV")
    return open_csv(path)


def _is_dbz(path: Path) -> bool:
    """Return whether a file starts like DBZ: with its metadata in a zstd frame that decompression skips."""
    with path.open("rb") as file:
        head = file.read(11)
    return head[1:4] == b"\x2a\x4d\x18" and head[8:] == b"DBZ"
