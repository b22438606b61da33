"""Fields of Binance's messages, each checked: decimals, integers, times, symbols and levels."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from lob_backtest.units import MS, US

DECIMAL: Final = re.compile(r"(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?", re.ASCII)
EARLIEST_NS: Final = 10**18
"""The year 2001; times in coarser units are less."""
LATEST_NS: Final = 1 << 62
MICROSECONDS_FROM: Final = 10**14
"""Times of the exchange from here on are in microseconds (an option of the connection), below in milliseconds."""
SYMBOL: Final = re.compile(r"[\w.-]{1,50}")
"""Letters, digits, `_`, `-` and `.`, by the exchange's rule; letters need not be Latin."""
INVERSE: Final = re.compile(r".+(?:_PERP|USD_\d{6})")
"""COIN-M: BTCUSD_PERP, BTCUSD_240927."""
OPTION: Final = re.compile(r".+-\d{6}-[\d.]+-[CP]")
"""BTC-240927-60000-C."""
LINEAR: Final = re.compile(r"[^\W_]+(?:_\d{6})?")
"""Spot, USD-M perpetuals and USD-M delivery contracts: BTCUSDT, BTCUSDT_240927."""

LevelTexts = list[tuple[str, str]]
"""Price and size of each level, as text."""


class LineError(Exception):
    """A line is malformed; the text has the reason."""


def parse_json(body: bytes) -> Any:
    """Read a JSON text strictly.

    Raises:
        LineError: it is not JSON, has a key of an object twice, or holds NaN or Infinity.
    """
    try:
        return json.loads(body, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise LineError(f"no JSON behind the local time ({error})") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise LineError("an object of the message has a key twice; expected each once")
    return found


def _no_constant(name: str) -> None:
    raise LineError(f"{name} in the message; expected JSON, which has no such number")


class Times:
    """Read exchange times of one file in one unit: that of the first.

    Milliseconds and microseconds have disjoint ranges (`MICROSECONDS_FROM`). A file in which both occur
    is a mixture of connections, or damaged.
    """

    def __init__(self) -> None:
        self._unit_ns = 0

    def ns(self, data: dict[str, Any], key: str) -> int:
        """Return a time in nanoseconds since 1970.

        Raises:
            LineError: it is not a time, or in another unit than the first of the file.
        """
        value = integer(data, key)
        unit_ns = US if value >= MICROSECONDS_FROM else MS
        ts_ns = value * unit_ns
        if not EARLIEST_NS <= ts_ns < LATEST_NS:
            raise LineError(f"{key} is {value}; expected milliseconds (or microseconds) since 1970")
        if unit_ns != self._unit_ns:
            if self._unit_ns:
                names = {MS: "milliseconds", US: "microseconds"}
                raise LineError(
                    f"{key} is {value}, in {names[unit_ns]}; expected {names[self._unit_ns]}, as before in this file "
                    "(put the messages of connections with different units into different files)"
                )
            self._unit_ns = unit_ns
        return ts_ns


def levels(data: dict[str, Any], key: str) -> LevelTexts:
    """Return the levels of one side."""
    value = data.get(key)
    if not isinstance(value, list):
        raise LineError(f"{key} is {shown(value)}; expected a list of price and size")
    found = []
    for level in value:
        if not isinstance(level, list) or len(level) < 2:
            raise LineError(f"{key} holds {shown(level)}; expected price and size")
        found.append((decimal(level[0], key), decimal(level[1], key)))
    return found


def decimal(value: Any, key: str) -> str:
    """Return a decimal as text."""
    if not isinstance(value, str) or not DECIMAL.fullmatch(value):
        raise LineError(f"{key} holds {shown(value)}; expected a decimal as text, such as '63944.10'")
    return value


def integer(data: dict[str, Any], key: str) -> int:
    """Return an integer of at least 0 and below 2^63."""
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise LineError(f"{key} is {shown(value)}; expected an integer")
    return value


def symbol_of(data: dict[str, Any]) -> str:
    """Return the symbol of a message."""
    symbol = optional_symbol(data)
    if symbol is None:
        raise LineError(f"s is {shown(data.get('s'))}; expected the symbol")
    return symbol


def optional_symbol(data: dict[str, Any]) -> str | None:
    """Return the symbol of a message, `None` if it has none."""
    name = data.get("s", data.get("symbol"))
    if not isinstance(name, str) or not name:
        return None
    if not SYMBOL.fullmatch(name):
        raise LineError(f"symbol {shown(name)}; expected letters, digits, '_', '-' and '.', 50 at most")
    return name


def unsupported(symbol: str) -> str | None:
    """Return the reason why an instrument of this name cannot be converted, `None` if it can."""
    if INVERSE.fullmatch(symbol):
        return (
            "is a COIN-M contract (inverse): its sizes are contracts of a fixed value in USD, paid in coin, and money "
            "is computed for linear contracts only"
        )
    if OPTION.fullmatch(symbol):
        return "is an option; expected an instrument of the spot or the USD-M futures market"
    if not LINEAR.fullmatch(symbol):
        return "has the name of no known kind of instrument; expected spot (BTCUSDT) or USD-M (BTCUSDT, BTCUSDT_240927)"
    return None


def shown(value: Any) -> str:
    """Return the text of a file's value for a message: escaped, and cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
