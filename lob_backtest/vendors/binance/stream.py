"""Parse Binance's messages as recorders write them, line by line.

A line is the local time in nanoseconds, a space, and the message as received: of a combined stream
(`{"stream": …, "data": …}`), of a raw one, or the answer of the REST call for the order book.

Sources: Binance's documentation of the spot and USD-M futures streams ("Diff. Depth Stream", "Partial Book Depth
Streams", "Trade Streams", "Aggregate Trade Streams", "Individual Symbol Book Ticker Streams") and of the order book
endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from lob_backtest.errors import DataError
from lob_backtest.vendors.binance.fields import (
    EARLIEST_NS,
    LATEST_NS,
    LevelTexts,
    LineError,
    Times,
    decimal,
    integer,
    levels,
    optional_symbol,
    parse_json,
    shown,
    symbol_of,
    unsupported,
)
from lob_backtest.vendors.text_file import lines

DEPTH_STREAM: Final = re.compile(r"[^@]+@depth(\d{1,4})?(?:@(\d{1,5})ms)?")
"""`btcusdt@depth@100ms`: diffs. With a number of levels (`btcusdt@depth5@100ms`): the whole top of the book."""
FUTURES_INTERVAL_MS: Final = 250
"""Interval of a futures stream whose name has none."""
TIMELESS_BOOKS: Final = "partial_books_without_time"


class Diff(NamedTuple):
    """Levels that have changed.

    Attributes:
        number: its line.
        local_ns: time of receipt.
        symbol: of the instrument.
        ts_ns: time of the last of the changes (futures: `T`) or of sending (spot: `E`).
        previous: the number of the last update before its own: `pu` of futures, `U` - 1 of spot.
        last: the number of its last update, `u`.
        bids: new sizes.
        asks: new sizes.
        futures: whether it is of a futures market.
        named: whether the stream's name identifies these as changes. Without a name, a futures message can also be the
            top of the book.
    """

    number: int
    local_ns: int
    symbol: str
    ts_ns: int
    previous: int
    last: int
    bids: LevelTexts
    asks: LevelTexts
    futures: bool
    named: bool


class Top(NamedTuple):
    """All of the best levels of each side: at most `depth`, each side from the best price.

    `stream` is the name of its stream, of interval `interval_ms`; the rest is as in `Diff`.
    """

    number: int
    local_ns: int
    symbol: str
    ts_ns: int
    previous: int
    last: int
    bids: LevelTexts
    asks: LevelTexts
    futures: bool
    depth: int
    stream: str
    interval_ms: int


class Trade(NamedTuple):
    """A trade, or trades of one order at one price (`aggregate`); `side` is that of the resting order.

    A trade has its number in `first` and `last`. An aggregate has the first and last number of its trades there;
    `aggregate` is its own number, `None` of a trade.

    `on_book` is false for prints of futures markets without an order of the displayed book: liquidations that the
    insurance fund or other traders take over, and price improvements for retail orders.
    """

    number: int
    local_ns: int
    symbol: str
    ts_ns: int
    first: int
    last: int
    side: int
    price: str
    size: str
    aggregate: int | None
    on_book: bool


class Snapshot(NamedTuple):
    """The answer of the REST call: levels as of update `last`; `symbol` is `None` if it has none."""

    number: int
    local_ns: int
    symbol: str | None
    last: int
    bids: LevelTexts
    asks: LevelTexts


class Other(NamedTuple):
    """A message of another kind; `kind` is its name."""

    number: int
    local_ns: int
    symbol: str | None
    kind: str


Message = Diff | Top | Trade | Snapshot | Other


def read_messages(path: Path) -> Iterator[Message]:
    """Read a file line by line.

    Args:
        path: plain, or compressed with gzip or zstd.

    Raises:
        DataError: it is missing or corrupt, or a line is malformed.
    """
    times = Times()
    for number, line in enumerate(lines(path), 1):
        try:
            if line.strip():
                yield _read(line, number, times)
        except LineError as error:
            raise DataError(f"{path}, line {number}: {error}") from None


def _read(line: bytes, number: int, times: Times) -> Message:
    prefix, _, body = line.strip().partition(b" ")
    if not prefix.isdigit() or not EARLIEST_NS <= int(prefix[:20]) < LATEST_NS:
        raise LineError(
            f"starts with {shown(prefix.decode('ascii', 'replace'))}; expected the local time in nanoseconds since "
            "1970, a space, and the message"
        )
    message = parse_json(body)
    local_ns = int(prefix)
    if not isinstance(message, dict):
        raise LineError(f"{shown(message)} is no JSON object; expected a message of Binance")
    stream = message.get("stream")
    if stream is not None and not isinstance(stream, str):
        raise LineError(f"stream is {shown(stream)}; expected its name")
    data = message.get("data") if stream is not None else message
    if not isinstance(data, dict):
        return Other(number, local_ns, None, "other")
    return _message(data, stream, (number, local_ns), times)


def _message(data: dict[str, Any], stream: str | None, place: tuple[int, int], times: Times) -> Message:
    """Parse a message; `place` is its line and its local time."""
    event = data.get("e")
    if event in ("depthUpdate", "trade", "aggTrade"):
        symbol = symbol_of(data)
        if unsupported(symbol):
            return Other(*place, symbol, "other_contracts")
        if event == "depthUpdate":
            return _depth(data, stream, (*place, symbol), times)
        return _trade(data, (*place, symbol), times)
    if "lastUpdateId" in data:
        if stream is None:
            last = integer(data, "lastUpdateId")
            return Snapshot(*place, optional_symbol(data), last, levels(data, "bids"), levels(data, "asks"))
        return Other(*place, optional_symbol({"s": stream.partition("@")[0].upper()}), TIMELESS_BOOKS)
    is_ticker = event == "bookTicker" or {"u", "b", "B", "a", "A"} <= data.keys()
    return Other(*place, optional_symbol(data), "book_tickers" if is_ticker else "other")


def _depth(data: dict[str, Any], stream: str | None, head: tuple[int, int, str], times: Times) -> Diff | Top | Other:
    """Return changes or the top of a book, by the stream's name; `head` is line, local time and symbol."""
    named = None if stream is None else DEPTH_STREAM.fullmatch(stream)
    if stream is not None and named is None:
        return Other(*head, "other_depth_streams")
    futures = "pu" in data
    first, last = integer(data, "U"), integer(data, "u")
    previous = integer(data, "pu") if futures else first - 1
    if not previous < first <= last:
        raise LineError(f"update numbers U {first}, u {last} after {previous}; expected them to rise")
    ts_ns = times.ns(data, "T" if futures else "E")
    bids, asks = levels(data, "b"), levels(data, "a")
    if stream is None or named is None or named[1] is None:
        return Diff(*head, ts_ns, previous, last, bids, asks, futures, named is not None)
    depth = int(named[1])
    if not (_is_top(bids, depth, 1) and _is_top(asks, depth, -1)):
        raise LineError(
            f"a book of the stream {shown(stream)} with other levels than its best {depth}; expected at most {depth} a "
            "side, each with a size, from the best price"
        )
    interval_ms = int(named[2] or FUTURES_INTERVAL_MS)
    return Top(*head, ts_ns, previous, last, bids, asks, futures, depth, stream, interval_ms)


def _is_top(side_levels: LevelTexts, depth: int, side: int) -> bool:
    """Return whether levels can be the best of a side: at most `depth`, from the best price, none empty."""
    keys = [-side * float(price) for price, _ in side_levels]
    return len(keys) <= depth and keys == sorted(set(keys)) and all(size.strip("0.") for _, size in side_levels)


def looks_whole(diff: Diff) -> bool:
    """Return whether a diff could be the whole top of a book: its best 5, 10 or 20 levels per side, none empty."""
    depth = len(diff.bids)
    return depth in (5, 10, 20) and depth == len(diff.asks) and _can_be_top(diff)


def _can_be_top(diff: Diff) -> bool:
    return _is_top(diff.bids, 20, 1) and _is_top(diff.asks, 20, -1)


def is_surely_a_change(diff: Diff) -> bool:
    """Return whether a diff cannot be the top of a book: it empties a level, or has its levels in another order."""
    return not _can_be_top(diff)


def _trade(data: dict[str, Any], head: tuple[int, int, str], times: Times) -> Trade:
    buyer_is_maker = data.get("m")
    if not isinstance(buyer_is_maker, bool):
        raise LineError(f"m is {shown(buyer_is_maker)}; expected true (the buyer was resting) or false")
    side = 1 if buyer_is_maker else -1
    ts_ns = times.ns(data, "T")
    price, size = decimal(data.get("p"), "p"), decimal(data.get("q"), "q")
    if data["e"] == "trade":
        trade_id = integer(data, "t")
        on_book = data.get("X", "MARKET") == "MARKET"
        return Trade(*head, ts_ns, trade_id, trade_id, side, price, size, None, on_book)
    first, last = integer(data, "f"), integer(data, "l")
    if last < first:
        raise LineError(f"trades f {first} to l {last}; expected the first and the last of the aggregate")
    if "nq" in data:  # futures: size without price improvements for retail orders, which are not in the displayed book
        size = decimal(data["nq"], "nq")
    on_book = bool(size.strip("0."))
    if not on_book and "nq" not in data:
        raise LineError(f"q is {size}; expected more than 0")
    return Trade(*head, ts_ns, first, last, side, price, size, integer(data, "a"), on_book)
