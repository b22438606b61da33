"""The CSV export of Databento's MBO records.

The form of prices and times is determined once per file, and checked on each row. Prices are decimals if any price of
the file has a point, and whole numbers in 10⁻⁹ otherwise. An ambiguous whole number is refused: one of 1,000,000 and
more in a file of decimals, and a file of whole numbers below that, which would be prices below 0.001.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from lob_backtest.errors import DataError
from lob_backtest.units import SECOND
from lob_backtest.vendors.databento.publishers import dataset_of
from lob_backtest.vendors.databento.records import (
    MBO_RTYPE,
    NO_PRICE,
    NO_TIME,
    PRICE_SCALE,
    Origin,
    Record,
    RecordFile,
    time_fault,
)
from lob_backtest.vendors.text_file import lines

COLUMNS: Final = (
    "ts_recv",
    "ts_event",
    "action",
    "side",
    "price",
    "size",
    "order_id",
    "flags",
    "sequence",
    "instrument_id",
)
KINDS: Final = {
    "0": "trades",
    "1": "mbp_1",
    "10": "mbp_10",
    "18": "status",
    "19": "definitions",
    "20": "imbalance",
    "21": "errors",
    "22": "symbol_mappings",
    "23": "system",
    "24": "statistics",
    "32": "ohlcv",
    "33": "ohlcv",
    "34": "ohlcv",
    "35": "ohlcv",
}
"""Other records than MBO, by rtype."""
MBO: Final = str(MBO_RTYPE)
AMBIGUOUS: Final = 10**6
"""A whole number below this is a price in currency, one from here on a price in 10⁻⁹."""

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII)
_PRICE: Final = re.compile(r"(-?)(\d+)(?:\.(\d{1,9}))?", re.ASCII)


class Form(NamedTuple):
    """The form of the numbers of a file.

    Attributes:
        at: index of each column.
        decimals: whether prices are decimals; otherwise whole numbers in 10⁻⁹.
        dates: whether times are dates; otherwise nanoseconds since the epoch.
    """

    at: dict[str, int]
    decimals: bool
    dates: bool


def open_csv(path: Path) -> RecordFile:
    """Open a CSV export, plain or compressed.

    Args:
        path: the file.

    Raises:
        DataError: it is unreadable, not an export of MBO, or the unit of its prices is ambiguous.
    """
    rows = _rows(path)
    header = next(rows, (1, []))[1]
    first = next(rows, (2, []))[1]
    if not header or (set(COLUMNS) <= set(header) and not first):
        raise DataError(f"{path}: no MBO records; expected a header line and a line for each")
    at = _columns(path, header, first)
    sample = dict(zip(header, first, strict=False))
    dates = any(_TIME.fullmatch(sample.get(name, "")) is not None for name in ("ts_recv", "ts_event"))
    form = Form(at, _has_decimals(path, at["price"]), dates)
    publisher = sample.get("publisher_id", "")
    dataset = dataset_of(int(publisher)) if publisher.isascii() and publisher.isdigit() else ""
    return RecordFile(path, dataset, lambda counts: _records(path, form, counts))


def _columns(path: Path, header: list[str], first: list[str]) -> dict[str, int]:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        kind = KINDS.get(first[header.index("rtype")]) if "rtype" in header and len(first) == len(header) else None
        rows = f"; its rows are {kind.replace('_', '-')}, of which no book of orders can be made" if kind else ""
        raise DataError(
            f"{path}, line 1: not the CSV export of Databento MBO: no column {', '.join(missing)}{rows}; expected a "
            f"header line with {', '.join(COLUMNS)}"
        )
    twice = [name for name, n in Counter(header).items() if n > 1]
    if twice:
        raise DataError(f"{path}, line 1: column {', '.join(twice)} is there twice; expected each once")
    return {name: header.index(name) for name in header}


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Read the rows that are not blank, each with the number of its line."""
    reader = csv.reader((line.decode() for line in lines(path)), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}, line {reader.line_num + isinstance(error, UnicodeDecodeError)}: not CSV in UTF-8 ({error}); get "
            "the file again from its source"
        ) from error


def _has_decimals(path: Path, price_at: int) -> bool:
    """Return whether prices are decimals: whether any of them has a point."""
    largest = 0
    for _, row in _rows(path):
        text = row[price_at] if price_at < len(row) else ""
        if "." in text:
            return True
        if _PRICE.fullmatch(text):
            largest = max(largest, abs(int(text)))
    if 0 < largest < AMBIGUOUS:
        raise DataError(
            f"{path}: no price has a point, and the largest is {largest}: {_both(largest)}. Write prices with a point, "
            f"such as {largest}.0, or as whole numbers in 10⁻⁹"
        )
    return False


def _both(number: int) -> str:
    size, sign = abs(number), "-" if number < 0 else ""
    return f"in 10⁻⁹ that is {sign}{size // PRICE_SCALE}.{size % PRICE_SCALE:09d}, as a decimal {number}"


def _records(path: Path, form: Form, counts: Counter[str]) -> Iterator[Record]:
    at, origin = form.at, Origin(path, "line")
    symbol_at, publisher_at, rtype_at = (at.get(name) for name in ("symbol", "publisher_id", "rtype"))
    rows = _rows(path)
    next(rows)  # the header
    for line, row in rows:
        if len(row) != len(at):
            raise DataError(f"{path}, line {line}: {len(row)} columns; expected {len(at)}")
        if rtype_at is not None and row[rtype_at] != MBO:
            if row[rtype_at] not in KINDS:
                raise DataError(f"{path}, line {line}: rtype {row[rtype_at]!r}; expected {MBO}, an MBO record")
            counts[f"left_out_{KINDS[row[rtype_at]]}"] += 1
            continue
        try:
            instrument_id, publisher_id, names = _identity(
                row[at["instrument_id"]],
                row[publisher_at] if publisher_at is not None else "0",
                row[symbol_at] if symbol_at is not None else "",
            )
            yield Record(
                parse_time("ts_recv", row[at["ts_recv"]], dates=form.dates),
                parse_time("ts_event", row[at["ts_event"]], dates=form.dates),
                row[at["action"]],
                row[at["side"]],
                parse_price(row[at["price"]], decimals=form.decimals),
                whole("size", row[at["size"]], 32),
                whole("order_id", row[at["order_id"]], 64),
                whole("flags", row[at["flags"]], 8),
                whole("sequence", row[at["sequence"]], 64),
                instrument_id,
                publisher_id,
                names,
                line,
                origin,
            )
        except ValueError as error:
            raise DataError(f"{path}, line {line}: {error}") from None


@lru_cache(maxsize=1024)
def _identity(instrument_id: str, publisher_id: str, symbol: str) -> tuple[int, int, tuple[str]]:
    number = whole("instrument_id", instrument_id, 32)
    return number, whole("publisher_id", publisher_id, 16), (symbol or str(number),)


def whole(column: str, text: str, bits: int) -> int:
    """Parse a whole number, not negative.

    Args:
        column: its name, for messages.
        text: decimal digits.
        bits: size of the vendor's field.

    Raises:
        ValueError: it is anything else, or too large.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > bits or (number := int(text)) >> bits:
        raise ValueError(f"{column} {text[:40]!r}; expected a whole number from 0 to 2^{bits} - 1")
    return number


def parse_time(column: str, text: str, *, dates: bool) -> int:
    """Parse a time to nanoseconds since the epoch; empty text is no time.

    Args:
        column: its name, for messages.
        text: a UTC date with up to nine decimals, or nanoseconds since the epoch.
        dates: whether the file has dates.

    Raises:
        ValueError: it is neither, or the other one.
    """
    if not text:
        return NO_TIME
    found = _TIME.fullmatch(text)
    if found is not None and dates:
        return _whole_seconds(found[1], found[2]) * SECOND + int((found[3] or "").ljust(9, "0"))
    if found is None and not (text.isascii() and text.isdigit()):
        raise ValueError(
            f"{column} {text[:40]!r}; expected nanoseconds or a UTC date such as 2025-07-17T08:05:03.360842448Z"
        )
    if found is None and not dates:
        return whole(column, text, 64)
    fault = None if found is not None else time_fault(column, int(text[:40]))
    raise ValueError(fault or f"{column} {text}: dates and whole numbers in one file; expected one of the two")


@lru_cache(maxsize=1024)
def _whole_seconds(day: str, time: str) -> int:
    return int(datetime.fromisoformat(f"{day}T{time}+00:00").timestamp())


def parse_price(text: str, *, decimals: bool) -> int:
    """Parse a price to 10⁻⁹; empty text is no price.

    Args:
        text: a decimal with at most nine digits after the point, or a whole number in 10⁻⁹.
        decimals: whether the file has decimals.

    Raises:
        ValueError: it is neither, or may be the other one.
    """
    if not text:
        return NO_PRICE
    found = _PRICE.fullmatch(text)
    if found is None or len(text) > 30:
        raise ValueError(f"price {text[:40]!r}; expected a decimal with at most nine digits after the point")
    if not decimals:
        price = int(text)
    else:
        if found[3] is None and int(found[2]) >= AMBIGUOUS:
            raise ValueError(f"price {text} has no point, others of the file have: {_both(int(text))}; write its point")
        size = int(found[2]) * PRICE_SCALE + int((found[3] or "").ljust(9, "0"))
        price = -size if found[1] else size
    if abs(price) >> 63:
        raise ValueError(f"price {text}; expected one below 2^63 in 10⁻⁹")
    return price
