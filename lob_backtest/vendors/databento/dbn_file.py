"""Read DBN files with Databento's own library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.databento.records import (
    F_MAYBE_BAD_BOOK,
    MBO_RTYPE,
    NO_TIME,
    Origin,
    Record,
    RecordFile,
)
from lob_backtest.vendors.databento.symbols import Symbols
from lob_backtest.vendors.text_file import BROKEN, opened

MAGIC: Final = b"DBN"
METADATA_BYTES: Final = 1 << 28
"""Limit of the metadata's length. A name takes some 150 bytes per day: this is enough for a million and a half."""
PIECE_BYTES: Final = 1 << 20
MBO_BYTES: Final = 56
TS_OUT_BYTES: Final = 8
RTYPES: Final = frozenset((0, 1, 10, 17, 18, 19, 20, 21, 22, 23, 24, 32, 33, 34, 35, 36, 160, 177, *range(192, 199)))
"""The codes of all kinds of records."""
LEFT_OUT: Final = {
    "TradeMsg": "trades",
    "MBP1Msg": "mbp_1",
    "MBP10Msg": "mbp_10",
    "CMBP1Msg": "cmbp_1",
    "StatMsg": "statistics",
    "InstrumentDefMsg": "definitions",
    "ErrorMsg": "errors",
}
"""Names under which records of other kinds are counted; the rest are counted by the name of their class."""
AGAIN: Final = "get the file again from its source"


class Head(NamedTuple):
    """The head of a file, before the records.

    Attributes:
        metadata: decoded.
        version: of the file's format.
    """

    metadata: Any
    version: int

    @property
    def mbo_bytes(self) -> int:
        """The size of an MBO record."""
        return MBO_BYTES + TS_OUT_BYTES * bool(self.metadata.ts_out)


def is_fragment(head: bytes) -> bool:
    """Return whether the head of a file is DBN records without the metadata before them.

    Args:
        head: the first bytes of the file, 64 kB at most.
    """
    at = 0
    while at + 16 <= len(head):
        if head[at] < 4 or head[at + 1] not in RTYPES:
            return False
        at += head[at] * 4
    return at >= 16


def open_dbn(path: Path) -> RecordFile:
    """Open a DBN file, plain or compressed.

    Args:
        path: the file.

    Raises:
        ConfigError: the package databento-dbn is not installed.
        DataError: the file is unreadable, or of another schema than MBO.
    """
    try:
        import databento_dbn  # noqa: F401 - what reads it imports it again
    except ImportError:
        raise ConfigError(
            f"{path}: reading DBN needs the package databento-dbn; "
            "install it with: pip install 'lob-backtest[databento]'"
        ) from None
    with opened(path) as stream:
        metadata = _head(path, stream)[0].metadata
    if metadata.schema is not None and str(metadata.schema) != "mbo":
        raise DataError(f"{path}: schema {metadata.schema}; expected mbo (market by order)")
    file = RecordFile(path, metadata.dataset, lambda counts: _records(path, counts), end_ns=metadata.end or None)
    first = next(file.records(Counter()), None)
    # The metadata of a file split from another start at its first record, and do not describe the time before.
    asked = metadata.start if first is not None and 0 < metadata.start < first.ts_recv else None
    return file._replace(start_ns=asked)


def _head(path: Path, stream: BinaryIO) -> tuple[Head, Any]:
    """Read the metadata; return them, and the decoder that has read them."""
    import databento_dbn

    prelude = _read(path, stream, 8, 0)
    length = int.from_bytes(prelude[4:], "little")
    if len(prelude) < 8:
        raise DataError(f"{path}: truncated within the metadata; {AGAIN}")
    if length > METADATA_BYTES:
        raise DataError(
            f"{path}: not readable as DBN: it declares {length} bytes of metadata; expected at most {METADATA_BYTES}; "
            f"{AGAIN}"
        )
    metadata = bytearray()
    while len(metadata) < length and (piece := _read(path, stream, min(PIECE_BYTES, length - len(metadata)), 0)):
        metadata += piece
    if len(metadata) < length:
        raise DataError(f"{path}: truncated within the metadata; {AGAIN}")
    decoder = databento_dbn.DBNDecoder()
    try:
        objects = _decoded(decoder, bytes(prelude + metadata))
    except _UnreadableError as error:
        raise DataError(f"{path}: not readable as DBN ({error}); {AGAIN}") from error
    if len(objects) != 1 or not isinstance(objects[0], databento_dbn.Metadata):
        raise DataError(f"{path}: DBN without metadata; {AGAIN}")
    return Head(objects[0], prelude[3]), decoder


def _read(path: Path, stream: BinaryIO, size: int, records: int) -> bytes:
    try:
        return stream.read(size)
    except BROKEN as error:
        raise DataError(f"{path}: truncated or corrupt after record {records} ({error}); {AGAIN}") from error


class _UnreadableError(Exception):
    """Bytes that the library cannot decode."""


def _decoded(decoder: Any, piece: bytes) -> list[Any]:
    try:
        decoder.write(piece)
        return list(decoder.decode())
    except MemoryError:
        raise
    except BaseException as error:
        # On a record that is too short for its kind the library's Rust panics, which is not an Exception in Python.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise _UnreadableError(str(error)) from error


def _objects(path: Path) -> Iterator[Any]:
    """Read the metadata, then all records."""
    import databento_dbn

    with opened(path) as stream:
        head, decoder = _head(path, stream)
        yield head.metadata
        number, rest = 0, b""
        while piece := _read(path, stream, PIECE_BYTES, number):
            data = rest + piece
            try:
                objects = _decoded(decoder, piece)
            except _UnreadableError as error:
                place = f"record {number + _good(head, data) + 1}"
                raise DataError(f"{path}, {place}: not readable as DBN ({error}); {AGAIN}") from error
            rest = decoder.buffer()
            # A damaged length of a record can swallow the next.
            only_mbo = all(type(each) is databento_dbn.MBOMsg for each in objects)
            if only_mbo and len(data) - len(rest) != len(objects) * head.mbo_bytes:
                place = f"record {number + _good(head, data) + 1}"
                raise DataError(f"{path}, {place}: an MBO record is not {head.mbo_bytes} bytes long; {AGAIN}")
            number += len(objects)
            yield from objects
        if rest:
            raise DataError(f"{path}: truncated within record {number + 1}; {AGAIN}")


def _good(head: Head, data: bytes) -> int:
    """Return the number of decodable records at the start of some bytes, decoding them one by one."""
    import databento_dbn

    at = number = 0
    while at + 2 <= len(data):
        length = data[at] * 4
        if data[at + 1] == MBO_RTYPE and length != head.mbo_bytes:
            break
        decoder = databento_dbn.DBNDecoder(
            has_metadata=False, ts_out=bool(head.metadata.ts_out), input_version=head.version
        )
        try:
            if len(_decoded(decoder, data[at : at + length])) != 1:
                break
        except _UnreadableError:
            break
        at += length
        number += 1
    return number


def _records(path: Path, counts: Counter[str]) -> Iterator[Record]:
    import databento_dbn

    objects = _objects(path)
    metadata = next(objects)
    symbols, origin = Symbols(metadata), Origin(path, "record")
    lost: set[int] | None = None  # instruments with a record since the session skipped some
    for number, each in enumerate(objects, 1):
        if not isinstance(each, databento_dbn.MBOMsg):
            if isinstance(each, databento_dbn.SymbolMappingMsg):
                try:
                    symbols.update(each)
                except databento_dbn.DBNError as error:
                    raise DataError(f"{path}, record {number}: a damaged symbol ({error}); {AGAIN}") from error
            elif not isinstance(each, databento_dbn.SystemMsg):
                if metadata.schema is not None:
                    raise DataError(f"{path}, record {number}: {type(each).__name__}; expected MBO records")
                counts[f"left_out_{_kind(each)}"] += 1
                lost = set() if _skipped(each) else lost
            continue
        flags, instrument_id, ts_recv, action = int(each.flags), each.instrument_id, each.ts_recv, str(each.action)
        if lost is not None and instrument_id not in lost:
            lost.add(instrument_id)
            flags |= 0 if action == "R" else F_MAYBE_BAD_BOOK
        yield Record(
            ts_recv,
            each.ts_event,
            action,
            str(each.side),
            each.price,
            each.size,
            each.order_id,
            flags,
            each.sequence,
            instrument_id,
            each.publisher_id,
            symbols.names(instrument_id, ts_recv if ts_recv != NO_TIME else each.ts_event),
            number,
            origin,
        )


def _kind(record: Any) -> str:
    name = type(record).__name__
    return LEFT_OUT.get(name) or name.partition("Msg")[0].lower()


def _skipped(record: Any) -> bool:
    """Return whether a record reports that the live gateway skipped records for a slow reader."""
    import databento_dbn

    if not isinstance(record, databento_dbn.ErrorMsg):
        return False
    return record.code == databento_dbn.ErrorCode.SKIPPED_RECORDS_AFTER_SLOW_READING
