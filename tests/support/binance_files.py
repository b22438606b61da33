"""Small recordings of Binance streams made by hand; times are milliseconds after 2024-07-19T00:00:00Z."""

from __future__ import annotations

import gzip
import json

from vendor_files import rows_of

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.audit.validate import validate
from lob_backtest.vendors.convert import convert

MIDNIGHT_MS = 1_721_347_200_000
DELAY_NS = 2_000_000


def at(ms):
    return (MIDNIGHT_MS + ms) * 10**6


def line(local_ms, message, *, stream=None, clock_ns=DELAY_NS):
    """Write a message as it is received `clock_ns` after a time."""
    body = message if stream is None else {"stream": stream, "data": message}
    return f"{at(local_ms) + clock_ns} {json.dumps(body)}"


def depth(ms, first, last, bids=(), asks=(), *, symbol="BTCUSDT", previous=None, received=None, **options):
    """A diff; futures if `previous` is given."""
    data = {"e": "depthUpdate", "E": MIDNIGHT_MS + ms, "s": symbol, "U": first, "u": last}
    if previous is not None:
        data |= {"T": MIDNIGHT_MS + ms, "E": MIDNIGHT_MS + ms + 1, "pu": previous}
    data |= {"b": [list(level) for level in bids], "a": [list(level) for level in asks]}
    return line(ms if received is None else received, data, stream=f"{symbol.lower()}@depth", **options)


def top(ms, previous, last, bids=(), asks=(), *, symbol="BTCUSDT", stream="depth5@100ms", **options):
    """The best levels of a futures market, whole."""
    data = {"e": "depthUpdate", "E": MIDNIGHT_MS + ms + 1, "T": MIDNIGHT_MS + ms, "s": symbol}
    data |= {"U": previous + 1, "u": last, "pu": previous}
    data |= {"b": [list(level) for level in bids], "a": [list(level) for level in asks]}
    return line(ms, data, stream=None if stream is None else f"{symbol.lower()}@{stream}", **options)


def trade(ms, number, price, size, *, buyer_rests=True, received=None, symbol="BTCUSDT", **extra):
    """A trade."""
    data = {"e": "trade", "E": MIDNIGHT_MS + ms, "T": MIDNIGHT_MS + ms, "s": symbol, "p": price, "q": size}
    data |= {"t": number, "m": buyer_rests}
    return line(ms if received is None else received, data | extra, stream=f"{symbol.lower()}@trade")


def aggregate(ms, number, trades, price, size, *, buyer_rests=True, received=None, **extra):
    """An aggregate; `trades` are the numbers of its first and its last."""
    data = {"e": "aggTrade", "E": MIDNIGHT_MS + ms, "T": MIDNIGHT_MS + ms, "s": "BTCUSDT", "p": price, "q": size}
    data |= {"a": number, "f": trades[0], "l": trades[1], "m": buyer_rests}
    return line(ms if received is None else received, data | extra, stream="btcusdt@aggTrade")


def snapshot(received, last, bids=(), asks=(), **extra):
    """The answer of the REST call."""
    return line(received, {"lastUpdateId": last, "bids": list(bids), "asks": list(asks), **extra})


def ticker(received, update):
    data = {"u": update, "s": "BTCUSDT", "b": "1.0", "B": "1", "a": "2.0", "A": "1"}
    return line(received, data, stream="btcusdt@bookTicker")


def recording(path, lines):
    """Write a gzip file of lines."""
    with gzip.open(path, "wt") as file:
        file.writelines(each + "\n" for each in lines)
    return path


def told(rows):
    """Write rows as text: time, action, side, size @ price, flags but LAST, sequence; a bar ends a packet."""
    texts = []
    for row in rows:
        flags = Flag(row["flags"])
        names = "".join(f" {flag.name}" for flag in flags & ~Flag.LAST)
        text = f"{row['ts_exchange_ns'] // 10**6 - MIDNIGHT_MS} {Action(row['action']).name} {row['side']:+d} "
        text += f"{row['size_lots']}@{row['price_ticks']} #{row['sequence']}{names}"
        texts.append(text + (" |" if Flag.LAST in flags else ""))
    return texts


BOOK = [("100.0", "5")], [("101.0", "7")]
START = [depth(0, 8, 10, [("99.0", "3")]), snapshot(1, 10, [("100.0", "5"), ("99.0", "3")], [("101.0", "7")])]
KNOWN = [
    "0 LEVEL +1 3@99 #10 SUSPECT |",
    "0 CLEAR +0 0@0 #10 SNAPSHOT",
    "0 LEVEL +1 5@100 #10 SNAPSHOT",
    "0 LEVEL +1 3@99 #10 SNAPSHOT",
    "0 LEVEL -1 7@101 #10 SNAPSHOT |",
]


def converted(tmp_path, *recordings, **options):
    """Convert recordings of lines, check that the file is clean, and return what was done and the rows as text."""
    paths = [recording(tmp_path / f"{i}.gz", lines) for i, lines in enumerate(recordings)]
    output = tmp_path / "out.parquet"
    done = convert("binance", paths, output, force=True, **options)
    assert validate([output]).is_clean
    return done, told(rows_of(output))
