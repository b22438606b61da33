"""CSV files without a header: blocks of whole lines, bad cells by line and column, and whose memory Arrow gets."""

from __future__ import annotations

import io
import random

import pyarrow as pa
import pyarrow.csv
import pytest

from lob_backtest.errors import DataError
from lob_backtest.vendors import csv_blocks as module
from lob_backtest.vendors.csv_blocks import csv_blocks
from lob_backtest.vendors.text_file import LINE_BYTES

TYPES = [pa.string(), pa.int64()]


def rows_of(data: bytes) -> list[tuple[str, int]]:
    blocks = csv_blocks(io.BytesIO(data), "a.csv", TYPES)
    return [row for columns in blocks for row in zip(*columns, strict=True)]


@pytest.mark.parametrize(
    "data",
    [b"a,1\nb,2\n", b"a,1\nb,2", b"a,1\r\nb,2\r\n", b"\xef\xbb\xbfa,1\nb,2\n", b"\xef\xbb\xbfa,1\r\nb,2"],
    ids=["lines", "no last line end", "line ends of Windows", "byte order mark", "all three"],
)
def test_rows_are_the_same_whatever_ends_a_line(data: bytes) -> None:
    assert rows_of(data) == [("a", 1), ("b", 2)]


def test_text_may_look_like_an_integer_of_base_16() -> None:
    assert rows_of(b"0x1F,1\n0X,2\n") == [("0x1F", 1), ("0X", 2)]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_rows(data: bytes) -> None:
    assert rows_of(data) == []


def test_rows_do_not_depend_on_where_blocks_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)
    rows = [("x" * rng.randrange(9), rng.randrange(-(1 << 63), 1 << 63)) for _ in range(40)]
    for end in ("\n", "\r\n"):
        data = "".join(f"{text},{number}{end}" for text, number in rows).encode()
        for size in (1, 2, 3, 5, 8, 13, 21, 34, 55, 1000):
            monkeypatch.setattr(module, "BLOCK_BYTES", size)
            assert rows_of(data) == rows


@pytest.mark.parametrize("size", [1, 7, 1 << 22])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"a,", "line 3, column 2: ''; expected an integer"),
        (b"a,1.5", "line 3, column 2: '1.5'; expected an integer"),
        (b"a,9223372036854775808", "line 3, column 2: '9223372036854775808'; expected an integer of at most 64 bits"),
        (b"a,-99999999999999999999", "line 3, column 2: '-99999999999999999999'; expected an integer"),
        (b"\xff,1", r"line 3, column 1: '\xff'; expected text in UTF-8"),
        (b"a", "line 3: 1 columns; expected 2"),
        (b"a,1,2", "line 3: 3 columns; expected 2"),
        (b"", "line 3: 0 columns; expected 2"),
        (b'"a,b",1', "line 3: 3 columns; expected 2"),
        (b"a,1\x00", "line 3, column 2"),
        (b"a,0x1F", "line 3, column 2: '0x1F'; expected an integer"),
        (b"a,-0X1F", "line 3, column 2: '-0X1F'; expected an integer"),
        (b"a,+5", "line 3, column 2: '+5'; expected an integer"),
        (b"a,1_000", "line 3, column 2: '1_000'; expected an integer"),
        (b"a,\x0b5", "line 3, column 2: '\\x0b5'; expected an integer"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(
    monkeypatch: pytest.MonkeyPatch, line: bytes, message: str, size: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", size)
    with pytest.raises(DataError) as caught:
        rows_of(b"a, 1\nb,2 \n" + line + b"\nd,4\n")
    assert str(caught.value).startswith("a.csv, ")
    assert message in str(caught.value)


class Endless(io.RawIOBase):
    """Some lines, then a line that never ends; counts what was taken of it."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = self.head[: len(buffer)] or b"7" * len(buffer)
        self.head = self.head[len(part) :]
        buffer[: len(part)] = part
        self.taken += len(part)
        return len(part)


@pytest.mark.parametrize("lines", [0, 1, 1000, 700_000])
def test_a_line_without_end_is_refused_with_its_number_before_memory_grows(lines: int) -> None:
    endless = Endless(b"abc,1\n" * lines)
    with pytest.raises(DataError, match=rf"a\.csv, line {lines + 1}: longer than 16 MB"):
        for _ in csv_blocks(io.BufferedReader(endless), "a.csv", TYPES):
            pass
    assert endless.taken < LINE_BYTES + 6 * lines + (1 << 23)


def test_the_longest_line_that_is_allowed_is_read() -> None:
    text = "x" * (LINE_BYTES - 3)
    assert rows_of(b"a,1\n" + text.encode() + b",2\nb,3\n") == [("a", 1), (text, 2), ("b", 3)]


def test_arrow_parses_memory_of_its_own_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    allocated, parsed = [], []
    allocate, read_csv = pa.allocate_buffer, pyarrow.csv.read_csv

    def watched(source, **options):
        assert isinstance(source, pa.BufferReader)
        parsed.append(source.read_buffer().address)
        source.seek(0)
        assert not options["read_options"].use_threads
        return read_csv(source, **options)

    monkeypatch.setattr(pa, "allocate_buffer", lambda size: allocated.append(allocate(size)) or allocated[-1])
    monkeypatch.setattr(pyarrow.csv, "read_csv", watched)
    monkeypatch.setattr(module, "BLOCK_BYTES", 4)
    with pytest.raises(DataError):
        rows_of(b"a,1\nb,\n")
    assert parsed == [buffer.address for buffer in allocated]
    assert len(parsed) == 2
