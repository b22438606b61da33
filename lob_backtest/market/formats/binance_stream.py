"""Binance's raw streams: lines of a local clock and a message, read into what the messages say.

A line is the local clock in nanoseconds, a space, and the message as it came: of a combined stream
(`{"stream": …, "data": …}`), of a raw one, or the answer of the REST call for the order book.

Sources: Binance's documentation of the spot and USD-M futures streams ("Diff. Depth Stream", "Trade Streams",
"Aggregate Trade Streams", "Individual Symbol Book Ticker Streams") and of the order book endpoint.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from lob_backtest.errors import DataError
from lob_backtest.units import MS, US

GZIP_MAGIC: Final = b"\x1f\x8b"
DECIMAL: Final = re.compile(r"\d{1,18}(?:\.(\d{1,18}))?", re.ASCII)
EARLIEST_LOCAL_NS: Final = 10**18
"""The year 2001: a clock of another unit gives less."""
LATEST_LOCAL_NS: Final = 1 << 62
MICROSECONDS_FROM: Final = 10**14
"""Times of the exchange are in milliseconds, or in microseconds where the connection asked for that."""

LevelTexts = list[tuple[str, str]]
"""Price and size of each level as the exchange writes them."""


class Diff(NamedTuple):
    """Levels that have changed.

    Attributes:
        number: its line.
        local_ns: when it was received.
        symbol: of the instrument.
        ts_ns: when the last of the changes happened (futures: `T`) or when it was sent (spot: `E`).
        previous: the number of the last update before its own: `pu` of futures, `U` - 1 of spot.
        last: the number of its last update, `u`.
        bids: new sizes.
        asks: new sizes.
        futures: whether it is of a futures market.
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


class Trade(NamedTuple):
    """A trade, or trades of one order at one price (`aggregate`); `side` is that of the resting order.

    `on_book` is false of what futures markets print without an order of the book: liquidations that the
    insurance fund or other traders take over.
    """

    number: int
    local_ns: int
    symbol: str
    ts_ns: int
    trade_id: int
    side: int
    price: str
    size: str
    aggregate: bool
    on_book: bool


class Snapshot(NamedTuple):
    """The answer of the REST call: levels as of update `last`; `ts_ns` and `symbol` only where it has them."""

    number: int
    local_ns: int
    symbol: str | None
    ts_ns: int | None
    last: int
    bids: LevelTexts
    asks: LevelTexts


class Other(NamedTuple):
    """A message that is none of these; `kind` says what."""

    number: int
    local_ns: int
    symbol: str | None
    kind: str


Message = Diff | Trade | Snapshot | Other


def read_messages(path: Path) -> Iterator[Message]:
    """Read a file line by line.

    Args:
        path: plain or compressed with gzip.

    Raises:
        DataError: it is missing or corrupt, or a line is not what it should be.
    """
    number = 0
    with _open(path) as file:
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _read(line, number)
        except _LineError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{path}: truncated or corrupt after line {number} ({error}); get the file again, or save what can be "
                "read of it in another file"
            ) from error


class _LineError(Exception):
    """What is wrong with a line."""


def _open(path: Path) -> BinaryIO:
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == GZIP_MAGIC
        return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip else path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _read(line: bytes, number: int) -> Message:
    prefix, _, body = line.strip().partition(b" ")
    if not prefix.isdigit() or not EARLIEST_LOCAL_NS <= int(prefix[:20]) < LATEST_LOCAL_NS:
        raise _LineError(
            f"starts with {_shown(prefix.decode('ascii', 'replace'))}; expected the local time in nanoseconds since "
            "1970, a space, and the message"
        )
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _LineError(f"no JSON behind the local time ({error})") from None
    local_ns = int(prefix)
    if not isinstance(message, dict):
        raise _LineError(f"{_shown(message)} is no JSON object; expected a message of Binance")
    stream = message.get("stream")
    data = message.get("data") if stream is not None else message
    if not isinstance(data, dict):
        return Other(number, local_ns, None, "other")
    event = data.get("e")
    if event == "depthUpdate":
        return _diff(data, number, local_ns)
    if event in ("trade", "aggTrade"):
        return _trade(data, number, local_ns)
    if "lastUpdateId" in data and stream is None:
        return _snapshot(data, number, local_ns)
    is_ticker = event == "bookTicker" or {"u", "b", "B", "a", "A"} <= data.keys()
    return Other(number, local_ns, _name(data), "book_tickers" if is_ticker else "other")


def _diff(data: dict[str, Any], number: int, local_ns: int) -> Diff:
    futures = "pu" in data
    first, last = _integer(data, "U"), _integer(data, "u")
    previous = _integer(data, "pu") if futures else first - 1
    if not previous < first <= last:
        raise _LineError(f"update numbers U {first}, u {last} after {previous}; expected them to rise")
    ts_ns = _time_ns(data, "T" if futures else "E")
    return Diff(number, local_ns, _symbol(data), ts_ns, previous, last, _levels(data, "b"), _levels(data, "a"), futures)


def _trade(data: dict[str, Any], number: int, local_ns: int) -> Trade:
    buyer_is_maker = data.get("m")
    if not isinstance(buyer_is_maker, bool):
        raise _LineError(f"m is {_shown(buyer_is_maker)}; expected true (the buyer was resting) or false")
    aggregate = data["e"] == "aggTrade"
    return Trade(
        number,
        local_ns,
        _symbol(data),
        _time_ns(data, "T"),
        _integer(data, "a" if aggregate else "t"),
        1 if buyer_is_maker else -1,
        _decimal(data.get("p"), "p"),
        _decimal(data.get("q"), "q"),
        aggregate,
        data.get("X", "MARKET") == "MARKET",
    )


def _snapshot(data: dict[str, Any], number: int, local_ns: int) -> Snapshot:
    ts_ns = _time_ns(data, "T") if "T" in data else None
    last = _integer(data, "lastUpdateId")
    return Snapshot(number, local_ns, _name(data), ts_ns, last, _levels(data, "bids"), _levels(data, "asks"))


def _levels(data: dict[str, Any], key: str) -> LevelTexts:
    levels = data.get(key)
    if not isinstance(levels, list):
        raise _LineError(f"{key} is {_shown(levels)}; expected a list of price and size")
    found = []
    for level in levels:
        if not isinstance(level, list) or len(level) < 2:
            raise _LineError(f"{key} holds {_shown(level)}; expected price and size")
        found.append((_decimal(level[0], key), _decimal(level[1], key)))
    return found


def _decimal(value: Any, key: str) -> str:
    if not isinstance(value, str) or not DECIMAL.fullmatch(value):
        raise _LineError(f"{key} holds {_shown(value)}; expected a decimal as text, such as '63944.10'")
    return value


def _integer(data: dict[str, Any], key: str) -> int:
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise _LineError(f"{key} is {_shown(value)}; expected an integer")
    return value


def _time_ns(data: dict[str, Any], key: str) -> int:
    value = _integer(data, key)
    ts_ns = value * (US if value >= MICROSECONDS_FROM else MS)
    if not EARLIEST_LOCAL_NS <= ts_ns < LATEST_LOCAL_NS:
        raise _LineError(f"{key} is {value}; expected milliseconds (or microseconds) since 1970")
    return ts_ns


def _symbol(data: dict[str, Any]) -> str:
    symbol = _name(data)
    if symbol is None:
        raise _LineError(f"s is {_shown(data.get('s'))}; expected the symbol")
    return symbol


def _name(data: dict[str, Any]) -> str | None:
    name = data.get("s", data.get("symbol"))
    return name if isinstance(name, str) and name else None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
