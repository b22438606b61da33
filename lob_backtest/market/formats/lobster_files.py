"""LOBSTER's files: names, pairs of message and order book file, zip archives, and their rows as integers.

Source: LOBSTER's "Output Structure", https://lobsterdata.com/info/DataStructure.php.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast
from zoneinfo import ZoneInfo

import pyarrow as pa

from lob_backtest.errors import DataError
from lob_backtest.market.formats.csv_blocks import csv_blocks
from lob_backtest.units import SECOND

MESSAGE_NAME: Final = re.compile(r"(?P<symbol>.+)_(?P<date>\d{4}-\d\d-\d\d)_\d+_\d+_message_(?P<depth>\d+)\.csv")
MESSAGE_COLUMNS: Final = ("time", "type", "order_id", "size", "price", "direction")
DAY_SECONDS: Final = 86_400

Message = tuple[int, int, int, int, int, int]
"""Nanoseconds after midnight, type, order id, size, price in 1/10000, direction."""


class Member(NamedTuple):
    """A file, or the member of a zip archive."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """The file's own name, without its folder."""
        return Path(self.member).name if self.member else self.path.name

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open for reading."""
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                    yield cast(BinaryIO, file)
            else:
                with self.path.open("rb") as file:
                    yield file
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{self}: cannot be read ({error})") from error


class Day(NamedTuple):
    """One day of one symbol.

    Attributes:
        symbol: from the file's name.
        date: from the file's name.
        messages: the message file.
        orderbook: the order book file; `None` where it is not given.
        sibling: an order book file that was not given but lies beside the message file.
    """

    symbol: str
    date: date
    messages: Member
    orderbook: Member | None
    sibling: Path | None

    def midnight_ns(self) -> int:
        """Return New York's midnight of the day in nanoseconds since the epoch."""
        start = datetime(self.date.year, self.date.month, self.date.day, tzinfo=ZoneInfo("America/New_York"))
        return int(start.timestamp()) * SECOND


def find_days(path: Path) -> list[Day]:
    """Find the days that an input holds: one message file, or the pairs in a zip archive, by date.

    Args:
        path: a message file named as LOBSTER names it, or a .zip of message and order book files.

    Raises:
        DataError: there is no such file, or its name tells neither symbol nor date.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.suffix.lower() != ".zip":
        return [_day(Member(path), None)]
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as a zip archive ({error})") from error
    days = []
    for name in members:
        if MESSAGE_NAME.fullmatch(Path(name).name):
            book = _orderbook_name(name)
            days.append(_day(Member(path, name), Member(path, book) if book in members else None))
    if not days:
        raise DataError(
            f"{path}: no LOBSTER message file in it; expected a member named like "
            "AMZN_2012-06-21_34200000_57600000_message_5.csv"
        )
    return sorted(days, key=lambda day: day.date)


def _day(messages: Member, orderbook: Member | None) -> Day:
    found = MESSAGE_NAME.fullmatch(messages.name)
    try:
        day = date.fromisoformat(found["date"]) if found else None
    except ValueError:
        day = None
    if found is None or day is None:
        raise DataError(
            f"{messages}: the name of a LOBSTER message file tells symbol and date; expected one like "
            "AMZN_2012-06-21_34200000_57600000_message_5.csv"
        )
    sibling = messages.path.with_name(_orderbook_name(messages.path.name))
    beside = not messages.member and orderbook is None and sibling.is_file()
    return Day(found["symbol"], day, messages, orderbook, sibling if beside else None)


def _orderbook_name(message_name: str) -> str:
    return "_orderbook_".join(message_name.rsplit("_message_", 1))


def messages(file: Member) -> Iterator[Message]:
    """Yield the rows of a message file.

    Raises:
        DataError: a row is malformed; the message has its line number.
    """
    width = _width(file)
    if width not in (0, 6, 7):  # some files have a seventh column, the market participant, that is not used
        raise DataError(f"{file}, line 1: {width} columns; expected 6: {', '.join(MESSAGE_COLUMNS)}")
    types: list[Any] = [pa.string(), *[pa.int64()] * 5, *[pa.string()] * (width - 6)]
    line = 0
    for columns in _blocks(file, types):
        for time, kind, order_id, size, price, direction in zip(*columns[:6], strict=True):
            line += 1
            yield _nanoseconds(time, file, line), kind, order_id, size, price, direction


def orderbook_rows(file: Member) -> Iterator[tuple[int, ...]]:
    """Yield the rows of an order book file: ask price, ask size, bid price, bid size, level by level.

    Raises:
        DataError: a row is malformed; the message has its line number.
    """
    for columns in _blocks(file, [pa.int64()] * (4 * orderbook_depth(file))):
        yield from zip(*columns, strict=True)


def orderbook_depth(file: Member) -> int:
    """Return the number of levels a side of an order book file.

    Raises:
        DataError: its first line does not hold whole levels.
    """
    width = _width(file)
    if width == 0 or width % 4:
        raise DataError(
            f"{file}, line 1: {width} columns; expected 4 a level: ask price, ask size, bid price, bid size"
        )
    return width // 4


def _width(file: Member) -> int:
    with file.open() as stream:
        first = stream.readline().strip()
    return first.count(b",") + 1 if first else 0


def _nanoseconds(text: str, file: Member, line: int) -> int:
    """Read seconds after midnight, all digits, without a float.

    Real files hold a few times such as 43002.632812672004, printed from a double by their maker: digits beyond the
    ninth are rounded away.
    """
    whole, _, fraction = text.partition(".")
    readable = whole.isdecimal() and (fraction.isdecimal() or not fraction)
    if not readable or len(whole) > 5 or int(whole) > DAY_SECONDS:
        raise DataError(f"{file}, line {line}: time {text!r}; expected seconds after midnight, such as 34200.017459617")
    ns = int(whole) * SECOND + int(fraction[:9].ljust(9, "0"))
    return ns + (fraction[9:10] >= "5")


def _blocks(file: Member, types: list[Any]) -> Iterator[list[list[Any]]]:
    with file.open() as stream:
        yield from csv_blocks(stream, str(file), types)
