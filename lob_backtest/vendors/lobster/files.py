"""LOBSTER's files: names, pairs of message and order book file, zip archives, and their rows as integers.

Source: LOBSTER's "Output Structure", https://lobsterdata.com/info/DataStructure.php.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa

from lob_backtest.errors import DataError
from lob_backtest.printable import utf8
from lob_backtest.units import SECOND
from lob_backtest.vendors.archive import Member, find_members, is_archive
from lob_backtest.vendors.csv_blocks import csv_blocks
from lob_backtest.vendors.text_file import LINE_BYTES

FILE_NAME: Final = re.compile(
    r"(?P<symbol>.+)_(?P<date>\d{4}-\d\d-\d\d)_\d+_\d+_(?P<kind>message|orderbook)_(?P<depth>\d+)\.csv(\.gz|\.zst)?"
)
EXAMPLE: Final = "AMZN_2012-06-21_34200000_57600000_message_5.csv"
MESSAGE_COLUMNS: Final = ("time", "type", "order_id", "size", "price", "direction")
DAY_SECONDS: Final = 86_400
YEARS: Final = range(1974, 2116)
"""Years whose times fit in canonical files."""

Message = tuple[int, int, int, int, int, int]
"""Nanoseconds after midnight, type, order id, size, price in 1/10000, direction."""


class Day(NamedTuple):
    """One day of one symbol.

    Attributes:
        symbol: from the file's name.
        date: from the file's name.
        messages: the message file.
        orderbook: the order book file; `None` if not given.
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
    """Return the days of an input, one message file or the pairs in a zip archive, by date.

    Args:
        path: a message file under LOBSTER's name, or a .zip of message and order book files, in any folders.

    Raises:
        DataError: there is no such file, its name lacks symbol and date, or an archive holds order book files
            that do not pair with its message files.
    """
    if not is_archive(path):
        return [_day(Member(path), None)]
    found = find_members(path, FILE_NAME)
    packed = next((member for member in found.values() if not member.name.endswith(".csv")), None)
    if packed:
        raise DataError(f"{packed}: compressed within the archive; unpack it first")
    books = {name: member for name, member in found.items() if _is_orderbook(name)}
    messages = {name: member for name, member in found.items() if name not in books}
    days = [_day(member, books.pop(_orderbook_name(name), None)) for name, member in messages.items()]
    if not days:
        raise DataError(f"{path}: no LOBSTER message file in it; expected a member named like {EXAMPLE}")
    bare = [day.messages.name for day in days if day.orderbook is None]
    if books or (bare and len(bare) < len(days)):
        raise DataError(
            f"{path}: message and order book files do not pair: {_listed('without order book file', bare)}"
            f"{_listed('without message file', list(books))}expected names that differ in message and orderbook alone; "
            "unpack the archive, and give the files that belong together"
        )
    return sorted(days, key=lambda day: day.date)


def _listed(what: str, names: list[str]) -> str:
    return f"{what} {', '.join(names)}; " if names else ""


def _day(messages: Member, orderbook: Member | None) -> Day:
    found = FILE_NAME.fullmatch(messages.name)
    try:
        day = date.fromisoformat(found["date"]) if found else None
    except ValueError:
        day = None
    if found is not None and found["kind"] == "orderbook":
        raise DataError(f"{messages}: an order book file; give its message file, and this one with --orderbook")
    if found is None or day is None:
        raise DataError(
            f"{messages}: the name of a LOBSTER message file has symbol and date; expected one like {EXAMPLE}; "
            "rename it"
        )
    if day.year not in YEARS:
        raise DataError(f"{messages}: date {day} in the name; expected a year from {YEARS[0]} to {YEARS[-1]}")
    sibling = messages.path.with_name(_orderbook_name(messages.path.name))
    beside = not messages.member and orderbook is None and sibling.is_file()
    return Day(utf8(found["symbol"]), day, messages, orderbook, sibling if beside else None)


def may_pair(message_name: str, book_name: str) -> bool:
    """Return whether a file's name allows it to be a message file's order book file; names of another form do."""
    message, book = FILE_NAME.fullmatch(message_name), FILE_NAME.fullmatch(book_name)
    if message is None or book is None:
        return True
    return book_name[: book.end("depth")] == _orderbook_name(message_name[: message.end("depth")])


def _orderbook_name(message_name: str) -> str:
    return "_orderbook_".join(message_name.rsplit("_message_", 1))


def _is_orderbook(name: str) -> bool:
    found = FILE_NAME.fullmatch(name)
    return found is not None and found["kind"] == "orderbook"


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
    """Return the number of levels per side of an order book file.

    Raises:
        DataError: its first line does not hold whole levels.
    """
    width = _width(file)
    if width == 0 or width % 4:
        raise DataError(
            f"{file}, line 1: {width} columns; expected 4 per level: ask price, ask size, bid price, bid size"
        )
    return width // 4


def _width(file: Member) -> int:
    with file.open() as stream:
        first = stream.readline(LINE_BYTES + 1).strip()
    if len(first) > LINE_BYTES:
        raise DataError(f"{file}, line 1: longer than {LINE_BYTES >> 20} MB; expected a LOBSTER file")
    return first.count(b",") + 1 if first else 0


def _nanoseconds(text: str, file: Member, line: int) -> int:
    """Parse seconds after midnight exactly, without a float.

    Real files hold a few times such as 43002.632812672004, printed from a double by their writer: digits beyond the
    ninth are rounded off.
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
