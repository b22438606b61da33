"""Databento's market-by-order records, from DBN files or their CSV export, all digits kept.

Source: Databento's documentation of the MBO schema, https://databento.com/docs/schemas-and-data-formats/mbo.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.units import SECOND

MBO_RTYPE: Final = 160
NO_PRICE: Final = (1 << 63) - 1
PRICE_SCALE: Final = 10**9
PIECE_BYTES: Final = 1 << 20
MAGIC_BYTES: Final = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}
DATASET_BY_PUBLISHER: Final = {1: "GLBX.MDP3", 2: "XNAS.ITCH"}
CSV_COLUMNS: Final = (
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
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)")


class Record(NamedTuple):
    """One MBO record. Prices are in 10⁻⁹, times in nanoseconds since the epoch; `number` is the line or record."""

    ts_recv: int
    ts_event: int
    action: str
    side: str
    price: int
    size: int
    order_id: int
    flags: int
    sequence: int
    instrument_id: int
    name: str
    number: int


class RecordFile(NamedTuple):
    """An opened file.

    Attributes:
        path: of the file.
        dataset: as Databento names it, such as XNAS.ITCH; empty if the file does not say.
        unit: what `Record.number` counts: "line" or "record".
        records: reads them from the start.
    """

    path: Path
    dataset: str
    unit: str
    records: Callable[[], Iterator[Record]]


def open_records(path: Path) -> RecordFile:
    """Open a DBN or CSV file, plain or compressed with gzip or zstd; the content tells which.

    Args:
        path: the file.

    Raises:
        ConfigError: it is DBN, and the package databento-dbn is not installed.
        DataError: it is missing, unreadable, or does not hold MBO records.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    with _stream(path) as stream:
        head = _read(stream, path, 3)
    if not head:
        raise DataError(f"{path}: empty; expected Databento MBO records, as DBN or CSV")
    if head == b"DBN":
        return _open_dbn(path)
    if next(_csv_records(path), None) is None:
        raise DataError(f"{path}: a header line, but no MBO records")
    return RecordFile(path, _csv_dataset(path), "line", lambda: _csv_records(path))


def _stream(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            head = file.read(4)
        compression = next((name for magic, name in MAGIC_BYTES.items() if head.startswith(magic)), None)
        return pa.input_stream(str(path), compression=compression)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _read(stream: Any, path: Path, size: int) -> bytes:
    try:
        piece: bytes = stream.read(size)
    except OSError as error:
        raise DataError(f"{path}: truncated or corrupt ({error}); get the file again from its source") from error
    return piece


def _open_dbn(path: Path) -> RecordFile:
    try:
        import databento_dbn
    except ImportError:
        raise ConfigError(
            f"{path}: reading DBN needs the package databento-dbn; "
            "install it with: pip install 'lob-backtest[databento]'"
        ) from None
    metadata: Any = next(_dbn_objects(path), None)
    if not isinstance(metadata, databento_dbn.Metadata):
        raise DataError(f"{path}: DBN without metadata; get the file again from its source")
    if metadata.schema is not None and str(metadata.schema) != "mbo":
        raise DataError(f"{path}: schema {metadata.schema}; expected mbo (market by order)")
    names: dict[int, str] = {}
    for symbol, intervals in metadata.mappings.items():
        for interval in intervals:
            if interval["symbol"].isdecimal():
                names[int(interval["symbol"])] = symbol
            elif symbol.isdecimal():
                names[int(symbol)] = interval["symbol"]
    return RecordFile(path, metadata.dataset, "record", lambda: _dbn_records(path, names))


def _dbn_objects(path: Path) -> Iterator[Any]:
    import databento_dbn

    decoder = databento_dbn.DBNDecoder()
    with _stream(path) as stream:
        try:
            while piece := _read(stream, path, PIECE_BYTES):
                decoder.write(piece)
                yield from decoder.decode()
        except BaseException as error:
            # A record of an impossible length makes the decoder's Rust panic, which is no Exception in Python.
            if not isinstance(error, databento_dbn.DBNError) and type(error).__name__ != "PanicException":
                raise
            raise DataError(f"{path}: not readable as DBN ({error}); get the file again from its source") from error
    if decoder.buffer():
        raise DataError(f"{path}: truncated within a record; get the file again from its source")


def _dbn_records(path: Path, names: dict[int, str]) -> Iterator[Record]:
    import databento_dbn

    for number, each in enumerate(_dbn_objects(path)):
        if number == 0:
            continue  # the metadata
        if not isinstance(each, databento_dbn.MBOMsg):
            if isinstance(each, databento_dbn.SystemMsg | databento_dbn.SymbolMappingMsg):
                continue
            raise DataError(f"{path}, record {number}: {type(each).__name__}; expected MBO records")
        yield Record(
            each.ts_recv,
            each.ts_event,
            str(each.action),
            str(each.side),
            each.price,
            each.size,
            each.order_id,
            int(each.flags),
            each.sequence,
            each.instrument_id,
            names.get(each.instrument_id) or str(each.instrument_id),
            number,
        )


def _csv_rows(path: Path) -> Iterator[list[str]]:
    with _stream(path) as stream, io.TextIOWrapper(stream, "utf-8", newline="") as text:
        try:
            yield from csv.reader(text, strict=True)
        except (OSError, csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path}: truncated or corrupt ({error}); get the file again from its source") from error


def _csv_dataset(path: Path) -> str:
    """Tell the dataset from the publisher of the first row; empty where it is none that is known here."""
    rows = _csv_rows(path)
    header, first = next(rows), next(rows)
    publisher = first[header.index("publisher_id")] if "publisher_id" in header else ""
    return DATASET_BY_PUBLISHER.get(int(publisher), "") if publisher.isdecimal() else ""


def _csv_records(path: Path) -> Iterator[Record]:
    rows = _csv_rows(path)
    header = next(rows, [])
    missing = [name for name in CSV_COLUMNS if name not in header]
    if missing:
        raise DataError(
            f"{path}, line 1: not the CSV export of Databento MBO: no column {', '.join(missing)}; expected a header "
            f"line with {', '.join(CSV_COLUMNS)}"
        )
    at = {name: header.index(name) for name in header}
    symbol_at, rtype_at = at.get("symbol"), at.get("rtype")
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}: {len(row)} columns; expected {len(header)}")
        if rtype_at is not None and row[rtype_at] != str(MBO_RTYPE):
            raise DataError(f"{path}, line {line}: rtype {row[rtype_at]}; expected {MBO_RTYPE}, an MBO record")
        try:
            yield Record(
                parse_time(row[at["ts_recv"]]),
                parse_time(row[at["ts_event"]]),
                row[at["action"]],
                row[at["side"]],
                parse_price(row[at["price"]]),
                int(row[at["size"]]),
                int(row[at["order_id"]]),
                int(row[at["flags"]]),
                int(row[at["sequence"]]),
                int(row[at["instrument_id"]]),
                (row[symbol_at] if symbol_at is not None else "") or row[at["instrument_id"]],
                line,
            )
        except ValueError as error:
            raise DataError(f"{path}, line {line}: {error}") from None


def parse_time(text: str) -> int:
    """Read a time: an ISO date with up to nine decimals (UTC), or nanoseconds since the epoch.

    Raises:
        ValueError: it is neither.
    """
    if text.isdecimal():
        return int(text)
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"time {text!r}; expected nanoseconds or a UTC date such as 2025-07-17T08:05:03.360842448Z")
    return _whole_seconds(found[1], found[2]) * SECOND + int((found[3] or "").ljust(9, "0"))


@lru_cache(maxsize=1024)
def _whole_seconds(day: str, time: str) -> int:
    return int(datetime.fromisoformat(f"{day}T{time}+00:00").timestamp())


def parse_price(text: str) -> int:
    """Read a price into 10⁻⁹: a decimal with a point, or an integer that is already scaled; empty is no price.

    Raises:
        ValueError: it is neither, or has more than nine decimals.
    """
    if not text:
        return NO_PRICE
    found = re.fullmatch(r"(-?)(\d+)(?:\.(\d{1,9}))?", text)
    if found is None:
        raise ValueError(f"price {text!r}; expected a decimal with at most nine digits after the point")
    if found[3] is None:
        return int(text)
    size = int(found[2]) * PRICE_SCALE + int(found[3].ljust(9, "0"))
    return -size if found[1] else size
