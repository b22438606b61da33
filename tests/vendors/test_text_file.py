"""Vendor files as bytes and lines: what they are compressed with, byte order marks, lines without end."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from lob_backtest.errors import DataError
from lob_backtest.vendors.text_file import LINE_BYTES, lines, opened

TEXT = b"one\ntwo\r\nthree"
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"


def zstd(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


CONTENTS = {
    "plain": TEXT,
    "plain with a byte order mark": b"\xef\xbb\xbf" + TEXT,
    "gzip": gzip.compress(TEXT),
    "gzip of two members": gzip.compress(TEXT[:5]) + gzip.compress(TEXT[5:]),
    "gzip with trailing zeros": gzip.compress(TEXT) + bytes(512),
    "zstd": zstd(TEXT),
    "zstd of two frames": zstd(TEXT[:5]) + zstd(TEXT[5:]),
    "zstd behind a skippable frame": SKIPPABLE + zstd(TEXT),
    "zstd around a skippable frame": zstd(TEXT[:5]) + SKIPPABLE + zstd(TEXT[5:]),
    "zstd with a byte order mark": zstd(b"\xef\xbb\xbf" + TEXT),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_lines_are_the_same_however_the_file_is_stored(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENTS[name])
    assert list(lines(path)) == [b"one\n", b"two\r\n", b"three"]


def test_bytes_are_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(zstd(bytes(range(256)) * 40_000))
    with opened(path) as file:
        pieces = iter(lambda: file.read(70_001), b"")
        assert b"".join(pieces) == bytes(range(256)) * 40_000


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_an_endless_line_is_refused_with_its_number(tmp_path: Path, compress) -> None:
    path = tmp_path / "file"
    path.write_bytes(compress(b"head\n" + bytes(LINE_BYTES + 1)))
    with pytest.raises(DataError, match=r"file, line 2: longer than 16 MB"):
        list(lines(path))


@pytest.mark.parametrize("compress", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_a_truncated_file_is_named_with_the_last_line_that_was_read(tmp_path: Path, compress) -> None:
    path = tmp_path / "file"
    path.write_bytes(compress(b"".join(b"%d\n" % i for i in range(100_000)))[:-20])
    with pytest.raises(DataError, match=r"file: truncated or corrupt after line \d+ "):
        list(lines(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: no such file"):
        list(lines(tmp_path / "none"))
