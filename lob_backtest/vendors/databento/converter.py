"""Databento: market by order (MBO), as DBN or as the CSV export of the same.

The rows of each packet's records:

* A fill (F) and the cancel or modify (C, M) of the same order that follows in its packet are one EXECUTE at the fill's
  place. The part of the cancel beyond the fill is CANCEL. If the modify leaves another size than the fill does, that is
  MODIFY; if the fill left nothing, the order is new at the back of the queue (an iceberg's next part): ADD.
* A fill of more than the order displayed, or of an order whose displayed size no record changes, is TRADE with HIDDEN
  for that part. The sizes of all fills are therefore in the file.
* A trade (T) is dropped if fills account for it; the part that they do not account for is TRADE with HIDDEN.
  Databento's side of a trade is the aggressor's; ours is the resting order's: the opposite one, or 0 without a side.
* A modify that changes nothing keeps its priority, and is dropped.
* R is CLEAR. Records of a snapshot take `ts_recv` as exchange time: their `ts_event` is when the order was entered.

A packet ends with the flag F_LAST. If a feed has one message per event (Nasdaq), each record of a message is flagged;
records of the same sequence number and time therefore stay together. A packet continues in the next file if that starts
with the same sequence number or time; otherwise its end is missing.

The book is unknown before the first R, after a record with F_MAYBE_BAD_BOOK and after a packet without its end, each up
to the next R: rows are SUSPECT there. A snapshot starts with an R.

Sources: Databento's documentation of the MBO schema, of its flags, and its example of an order book builder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from lob_backtest.data.packet_rows import PacketRows
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.units import format_instant
from lob_backtest.vendors.databento.files import open_records
from lob_backtest.vendors.databento.instrument import Instrument
from lob_backtest.vendors.databento.packet import CUT, PacketWriter, is_cut, packets
from lob_backtest.vendors.databento.publishers import dataset_of, venue_of
from lob_backtest.vendors.databento.records import (
    F_BAD_TS_RECV,
    F_MAYBE_BAD_BOOK,
    F_SNAPSHOT,
    PRICE_SCALE,
    Record,
    RecordFile,
)

OPTIONS: Final[frozenset[str]] = frozenset({"publisher"})
TICK_BY_DATASET: Final = {"XNAS.ITCH": Decimal("0.01")}


def open_source(
    inputs: Sequence[Path],
    *,
    symbol: str | None = None,
    tick_size: Decimal | None = None,
    lot_size: Decimal | None = None,
    publisher: int | None = None,
) -> DatabentoSource:
    """Open MBO files that follow each other in time.

    Args:
        inputs: DBN or CSV, plain or compressed with gzip or zstd.
        symbol: the instrument, by symbol or instrument id; required if a file has several.
        tick_size: 0.01 for XNAS.ITCH if `None`; other datasets do not have theirs.
        lot_size: 1 if `None`.
        publisher: of the book, by publisher id; required if the instrument has several.

    Raises:
        ConfigError: the tick size is missing or impossible, databento-dbn is not installed, or the files lack the
            instrument or publisher.
        DataError: a file is missing, unreadable, or does not hold MBO records.
    """
    if publisher is not None and (isinstance(publisher, bool) or not isinstance(publisher, int)):
        raise ConfigError(f"publisher {publisher!r}: expected the id of a publisher, a whole number such as 39")
    files = [open_records(path) for path in inputs]
    if len({file.dataset for file in files}) > 1:
        raise DataError("files of several datasets: " + ", ".join(f"{f.dataset or '?'} in {f.path}" for f in files))
    instrument = Instrument(files, symbol, publisher)
    dataset = dataset_of(instrument.first.publisher_id) or files[0].dataset
    tick = tick_size or TICK_BY_DATASET.get(dataset)
    if tick is None:
        raise ConfigError(
            f"{files[0].path}: prices of {dataset or 'an unknown dataset'} do not determine the tick size; "
            "pass --tick-size, for example 0.25 for the E-mini S&P 500"
        )
    return DatabentoSource(files, instrument, tick, lot_size or Decimal(1))


class DatabentoSource:
    """Opened MBO files of one instrument; the attributes are those of `vendors.Source`.

    Args:
        files: one or more, in time order.
        instrument: selects the records.
        tick_size: of visible prices.
        lot_size: of sizes.

    Raises:
        ConfigError: the tick is finer than 10⁻⁹, or the lot is not a whole number.
    """

    level = 3
    depth = None

    def __init__(
        self, files: Sequence[RecordFile], instrument: Instrument, tick_size: Decimal, lot_size: Decimal
    ) -> None:
        self.venue = venue_of(instrument.first.publisher_id, files[0].dataset)
        self.symbol = instrument.symbol
        self.tick_size = tick_size
        self.lot_size = lot_size
        self.files = [file.path for file in files]
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        tick = tick_size * PRICE_SCALE
        if tick != int(tick) or lot_size != int(lot_size):
            raise ConfigError(
                f"tick size {tick_size}, lot size {lot_size}: Databento's prices have nine decimals and its sizes none"
            )
        self._files = files
        self._instrument = instrument
        self._records_read = 0
        self._rows = PacketRows(local_clock=True)
        self._writer = PacketWriter(self._rows, int(tick), int(lot_size), self.counts)

    def columns(self) -> Iterator[dict[str, Any]]:
        """Yield stretches of whole packets as canonical columns.

        Raises:
            ConfigError: there are several instruments or publishers, and none was chosen.
            DataError: a record is invalid, two files overlap, or no record becomes a row.
        """
        is_empty = True
        for packet in packets(self._records()):
            cut = is_cut(packet)
            if cut:
                self._writer.lose_book(CUT)
            self._writer.write(packet)
            if cut:
                self._writer.lose_book(CUT)
                self.notes.append(f"{packet[-1].place}: ends within a packet, and nothing carries it on")
            self._rows.end_packet()
            is_empty = is_empty and not len(self._rows)
            if self._rows.full:
                yield self._rows.take()
        if is_empty:
            why = "".join(f", {name.replace('_', ' ')} {n}" for name, n in self.counts.items() if n)
            raise DataError(
                f"{', '.join(map(str, self.files))}: no events of {self.symbol}: {self._records_read} records{why}"
            )
        if len(self._rows):
            yield self._rows.take()
        self.notes += self._instrument.notes
        self.notes += [
            f"{place}: the book is not known {why}; {n} records are SUSPECT"
            for why, (place, n) in self._writer.doubtful.items()
        ]

    def _records(self) -> Iterator[Record]:
        """Read the instrument's records of all files, file after file."""
        before: RecordFile | None = None
        last: Record | None = None
        for file in self._files:
            is_start, behind, in_time = True, None, False
            for record in self._instrument.records(file, self.counts):
                if is_start and before is not None and last is not None:
                    record = self._started(before, last, file, record)  # noqa: PLW2901 - the same, flagged
                if not in_time and record.action != "R" and not record.flags & (F_SNAPSHOT | F_BAD_TS_RECV):
                    in_time = record.ts_recv >= record.ts_event
                    behind = behind or record
                is_start, last = False, record
                self._records_read += 1
                yield record
            if behind is not None and not in_time:
                raise DataError(
                    f"{behind.place}: ts_recv {behind.ts_recv} lies before ts_event {behind.ts_event}, as in every "
                    "record of the file, so that it has no latency; correct the clock or the unit of either"
                )
            before = file

    def _started(self, before: RecordFile, last: Record, file: RecordFile, first: Record) -> Record:
        """Check that a file follows the one before; return its first record, flagged if records are missing."""
        if first.exchange_ns < max(self._rows.ts_exchange_ns, last.exchange_ns):
            raise DataError(
                f"{first.place}: starts before the end of the file before it; give files in time order, none twice"
            )
        if before.end_ns is None or file.start_ns is None or before.end_ns >= file.start_ns or first.action == "R":
            return first
        self.notes.append(
            f"{file.path}: begins at {format_instant(file.start_ns)}, but {before.path} ends at "
            f"{format_instant(before.end_ns)}: what happened between is missing"
        )
        return first._replace(flags=first.flags | F_MAYBE_BAD_BOOK)
