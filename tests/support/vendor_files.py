"""Small vendor files made by hand, and the place of real ones."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.audit.validate import validate
from lob_backtest.vendors.convert import convert

SHARED = Path(os.environ.get("LOB_SHARED_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data")
needs_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"real market data are not at {SHARED}; set LOB_SHARED_DATA"
)

STEM = "TEST_2012-06-21_34200000_57600000_{}_{}.csv"
MIDNIGHT_NS = 1_340_251_200 * 10**9  # 2012-06-21 in New York: UTC-4


def lobster(folder, messages, book=None, *, stem=STEM):
    """Write message rows, and book rows of ``(ask, size, bid, size, ...)`` in ticks of 0.01; return the paths."""
    depth = len(book[0]) // 4 if book else 1
    message_path = folder / stem.format("message", depth)
    message_path.write_text("".join(line + "\n" for line in messages))
    if book is None:
        return message_path, None
    book_path = folder / stem.format("orderbook", depth)
    book_path.write_text("".join(",".join(map(str, scaled(row))) + "\n" for row in book))
    return message_path, book_path


def scaled(row):
    """Turn ``(ask, size, bid, size, ...)`` in ticks into LOBSTER's numbers; a price of None is no level."""
    numbers = []
    for i in range(0, len(row), 2):
        missing = 9_999_999_999 if i % 4 == 0 else -9_999_999_999
        numbers += [missing if row[i] is None else row[i] * 100, row[i + 1]]
    return numbers


CSV_HEADER = (
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,channel_id,order_id,flags,ts_in_delta,"
    "sequence,symbol"
)
SECOND_0 = "2025-07-17T08:05:03"
EPOCH_NS = 1_752_739_503 * 10**9


CLEAR = (0, "R", "N", "", 0, 0, 128, 0)
"""The record with which a day begins: from here on the book is known."""


def databento(path, records, *, publisher=2):
    """Write MBO rows given as ``(nanosecond, action, side, price, size, order_id, flags[, sequence[, symbol]])``."""
    lines = [CSV_HEADER]
    for number, record in enumerate(records, 1):
        ns, action, side, price, size, order_id, flags, *rest = record
        sequence = rest[0] if rest else number
        symbol = rest[1] if len(rest) > 1 else "TEST"
        instrument = sum(map(ord, symbol))
        lines.append(
            f"{SECOND_0}.{ns + 500:09d}Z,{SECOND_0}.{ns:09d}Z,160,{publisher},{instrument},{action},{side},{price},"
            f"{size},0,{order_id},{flags},500,{sequence},{symbol}"
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def dbn(path, records, *, dataset="XNAS.ITCH", schema="mbo", stype_in="raw_symbol", symbols=(), mappings=(), **head):
    """Write a DBN file of records as `mbo` makes them, or as the library does.

    Args:
        path: of the file.
        records: the library's objects.
        dataset: as Databento names it.
        schema: `None` for a live recording.
        stype_in: what kind of symbols were asked for.
        symbols: what was asked for.
        mappings: ``(symbol, first day, day behind the last, id)`` each, days of June 2024.
        head: `start` and `end` of what was asked for, in nanoseconds.
    """
    library = pytest.importorskip("databento_dbn")
    intervals = {}
    for symbol, start, end, number in mappings:
        days = {"start_date": date(2024, 6, start), "end_date": date(2024, 6, end)}
        intervals.setdefault(symbol, []).append(SimpleNamespace(**days, symbol=str(number)))
    metadata = library.Metadata(
        dataset=dataset,
        start=head.get("start", DAY_NS),
        end=head.get("end"),
        stype_in=library.SType(stype_in),
        stype_out=library.SType("raw_symbol" if stype_in == "instrument_id" else "instrument_id"),
        schema=schema and library.Schema(schema),
        symbols=list(symbols),
        mappings=[SimpleNamespace(raw_symbol=name, intervals=each) for name, each in intervals.items()],
    )
    path.write_bytes(b"".join(bytes(each) for each in (metadata, *records)))
    return path


DAY_NS = 1_718_668_800 * 10**9  # 2024-06-18


def mbo(ns, action, *values, of=1, publisher=2, day=18, **named):
    """Make an MBO record at a nanosecond of 14:00 on a day of June 2024.

    Args:
        ns: the nanosecond.
        action: a letter.
        values: side, price in cents, size, order_id, flags, sequence; or by name.
        of: the instrument's id.
        publisher: the publisher's.
        day: of June.
        named: see values.
    """
    library = pytest.importorskip("databento_dbn")
    fields = {"side": "N", "price": None, "size": 0, "order_id": 0, "flags": 128, "sequence": 0}
    fields |= dict(zip(fields, values, strict=False)) | named
    price = fields.pop("price")
    ts_event = DAY_NS + ((day - 18) * 24 + 14) * 3600 * 10**9 + ns
    return library.MBOMsg(
        publisher_id=publisher,
        instrument_id=of,
        ts_event=ts_event,
        ts_recv=ts_event + 500,
        price=(1 << 63) - 1 if price is None else price * 10**7,
        action=library.Action(action),
        side=library.Side(fields.pop("side")),
        **fields,
    )


def rows_of(path):
    return pq.read_table(path).to_pylist()


def shown(rows):
    """Write rows as text: action, side, id (P for placeholders), size @ price, flags but LAST; a bar ends a packet."""
    texts, placeholders = [], {}
    for row in rows:
        order_id = row["order_id"]
        if order_id >> 63:
            order_id = placeholders.setdefault(order_id, f"P{len(placeholders) + 1}")
        flags = Flag(row["flags"])
        names = "".join(f" {flag.name}" for flag in flags & ~Flag.LAST)
        text = (
            f"{Action(row['action']).name} {row['side']:+d} {order_id} {row['size_lots']}@{row['price_ticks']}{names}"
        )
        texts.append(text + (" |" if Flag.LAST in flags else ""))
    return texts


def converted(tmp_path, *arguments, **options):
    """Convert, check that nothing is wrong with the file, and return what was done and the rows."""
    output = tmp_path / "out.parquet"
    done = convert(arguments[0], arguments[1], output, force=True, **options)
    result = validate([output])
    assert result.is_clean, result.to_dict()
    return done, rows_of(output)
