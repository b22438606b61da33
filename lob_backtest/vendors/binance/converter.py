"""Binance: raw streams of depth diffs, trades and snapshots, as a recorder writes them, each line with a local time.

The rows of each message:

* A depth diff is one packet of LEVEL rows, `sequence` its last update number `u`. Diffs have to be consecutive,
  across files too: futures by `pu`, spot by `U`.
* The answer of the REST call for the order book is one packet, CLEAR and LEVELs flagged SNAPSHOT. It is updated
  with the diffs that had arrived before it, and follows the last of them.
* The book is SUSPECT while a best price is not known to be the best: while it lies beyond the levels of every
  snapshot, before the first snapshot, and from a gap to the next snapshot. Within these, a bid is known to be the best
  after an ask has been at its price or below: diffs have reported every bid above it since.
* A message of a partial stream (`@depth5`) states the best levels whole. Without diffs in the files these make the
  book (`binance.top`); beside diffs they are left out.
* A trade is TRADE, one packet, `sequence` 0. Its side is that of the resting order. An aggregate is TRADE for the
  part of its trades that have no message of their own (`binance.prints`).
* bookTicker is left out: it repeats the book, and serves as an independent check of it.

Exchange time is `T`; spot diffs have only `E`. Rows are in the order of that time; at one time prints go before levels.
The local clock is corrected by a constant, so that no message arrives before its exchange time (`binance.clock`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.packet_rows import PacketRows
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.units import MS, format_duration, format_instant, parse_duration
from lob_backtest.vendors.binance.book import BinanceBook, Levels, Update
from lob_backtest.vendors.binance.clock import CREDIBLE_NS, check_clock
from lob_backtest.vendors.binance.fields import LevelTexts
from lob_backtest.vendors.binance.prints import Prints
from lob_backtest.vendors.binance.stream import Diff, Message, Snapshot, Top, Trade, read_messages
from lob_backtest.vendors.binance.survey import Survey, survey
from lob_backtest.vendors.binance.top import TopOfBook
from lob_backtest.vendors.binance.units import ROUNDED_DOWN, ROUNDED_UP, Units, lot_of
from lob_backtest.vendors.time_order import FeedPacket, Row, TimeOrder

OPTIONS: Final = frozenset({"min_latency", "clock_offset"})
MIN_LATENCY_NS: Final = MS // 2
LATE_LEVEL_NS: Final = 250 * MS
"""A print's LEVEL row follows within two diffs of 100 ms, 160 ms at most on the samples (docs/data.md). Two messages
of a partial stream can be further apart."""
LATE_PRINT_NS: Final = 0
"""No print follows its LEVEL row: on no market are falls followed by more prints than rises are (docs/data.md)."""
LONGEST_NS: Final = 366 * 86_400_000 * MS
PRINT, BOOK = 0, 1
TRADE, CLEAR, LEVEL = int(Action.TRADE), int(Action.CLEAR), int(Action.LEVEL)
SUSPECT, SNAPSHOT = int(Flag.SUSPECT), int(Flag.SNAPSHOT)


def open_source(
    inputs: Sequence[Path],
    *,
    symbol: str | None = None,
    tick_size: Decimal | None = None,
    lot_size: Decimal | None = None,
    min_latency: str | int = MIN_LATENCY_NS,
    clock_offset: str | int | None = None,
) -> BinanceSource:
    """Open recordings that follow each other in time; they are read once for their clocks and sizes.

    Args:
        inputs: plain, or compressed with gzip or zstd.
        symbol: the instrument to convert; required if the files have several.
        tick_size: if `None`, the finest decimal of the prices.
        lot_size: if `None`, the finest decimal of the sizes.
        min_latency: the least time from the exchange to the recorder, as a duration or in nanoseconds: local times are
            shifted so that no latency is shorter.
        clock_offset: how far the recorder's clock is ahead (behind: negative), as a duration or in nanoseconds. If
            `None`, whole quarter hours are removed, and a clock that is ahead otherwise is refused.

    Raises:
        ConfigError: the symbol is missing or not in the files, no lot size is exact, or an option is out of range.
        DataError: a file is missing or corrupt, a line is malformed, or the clock cannot be corrected.
    """
    min_latency_ns = _duration("--min-latency", min_latency)
    if not 0 <= min_latency_ns <= CREDIBLE_NS:
        raise ConfigError(f"--min-latency: {min_latency}; expected 0 to {format_duration(CREDIBLE_NS)}")
    offset_ns = None if clock_offset is None else _duration("--clock-offset", clock_offset)
    return BinanceSource(
        survey(inputs, symbol),
        tick_size,
        lot_size,
        min_latency_ns=min_latency_ns,
        clock_offset_ns=offset_ns,
    )


def _duration(option: str, text: str | int) -> int:
    behind = isinstance(text, str) and text.startswith("-")
    try:
        ns = parse_duration(str(text)[1:] if behind else text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from None
    if abs(ns) >= LONGEST_NS:
        raise ConfigError(f"{option}: {text}; expected less than a year")
    return -ns if behind else ns


class BinanceSource:
    """Opened recordings of one instrument; the attributes are those of `vendors.Source`.

    Args:
        found: the survey of the files.
        tick_size: of prices; `None`: the finest decimal.
        lot_size: of sizes; `None`: the finest decimal.
        min_latency_ns: the least time from the exchange to the recorder.
        clock_offset_ns: how far its clock is ahead; `None`: unknown.

    Attributes:
        clock_shift_ns: added to every local time.
    """

    level = 2
    late_print_ns = LATE_PRINT_NS

    def __init__(
        self,
        found: Survey,
        tick_size: Decimal | None,
        lot_size: Decimal | None,
        *,
        min_latency_ns: int,
        clock_offset_ns: int | None,
    ) -> None:
        self.symbol = found.symbol
        self.venue = "BINANCE_FUTURES" if found.futures else "BINANCE"
        self.depth = found.depth
        self.late_level_ns = max(LATE_LEVEL_NS, 2 * found.interval_ns)
        self.tick_size = tick_size or found.prices.finest
        self.lot_size, self._is_rounded = lot_of(found.sizes, lot_size, str(found.files[0]))
        self.files = found.files
        self.counts: Counter[str] = Counter()
        clock = check_clock(found.latencies, min_latency_ns, clock_offset_ns)
        self.clock_shift_ns = clock.shift_ns
        self.counts["late_minutes"] = clock.late_minutes
        self.notes: list[str] = list(clock.notes)
        self._has_other_symbols = found.has_other_symbols
        self._price = Units("price", "--tick-size", self.tick_size, found.prices.finest)
        rounded = self.counts if self._is_rounded else None
        self._size = Units("size", "--lot-size", self.lot_size, found.sizes.finest, rounded)
        self._book = BinanceBook(self.counts)
        self._top = None if found.depth is None else TopOfBook(found.depth, self.counts)
        self._prints = Prints(self.counts)
        self._order = TimeOrder()
        self._rows = PacketRows(local_clock=True)
        self._number = 0
        self._suspect = True
        found_units = [f"tick size {self.tick_size:f}"] * (tick_size is None)
        found_units += [f"lot size {self.lot_size:f}"] * (lot_size is None)
        if found_units:
            self.notes.append(
                f"{', '.join(found_units)}: the finest decimals in the files; if the exchange has others, pass "
                "--tick-size and --lot-size"
            )

    def columns(self) -> Iterator[dict[str, Any]]:
        """Yield stretches of whole packets as canonical columns.

        Raises:
            DataError: a price or size is not a multiple of the tick or lot size, or out of range.
        """
        for packet in self._in_order():
            self._write(packet)
            if self._rows.full:
                yield self._take()
        self.counts["packets_raised_to_the_time_before"] = self._order.late
        self.counts["missing_trades"] = self._prints.missing()
        self._note_counts()
        if len(self._rows):
            yield self._take()

    def _take(self) -> dict[str, Any]:
        columns = self._rows.take()
        del columns["order_id"]
        return columns

    def _in_order(self) -> Iterator[FeedPacket]:
        for path in self.files:
            for message in read_messages(path):
                if message.symbol not in (self.symbol, None):
                    continue
                place = f"{path}, line {message.number}"
                if isinstance(message, Diff | Top | Trade):
                    yield from self._aggregates(message.ts_ns)
                for packet in self._packets(message, place):
                    yield from self._order.add(packet)
        self._book.drop_pending()
        yield from self._aggregates(None)
        yield from self._order.rest()

    def _aggregates(self, ts_ns: int | None) -> Iterator[FeedPacket]:
        """Yield the prints of aggregates whose wait for trades has ended by an exchange time."""
        for trade, place, number in self._prints.due(ts_ns):
            for packet in self._print(trade, place, number):
                yield from self._order.add(packet)

    def _packets(self, message: Message, place: str) -> Iterator[FeedPacket]:
        """Yield the packets of a message: none, one, or a diff and the snapshot that it completes."""
        if isinstance(message, Trade):
            self._number += 1
            if self._prints.add(message, place, self._number):
                yield from self._print(message, place, self._number)
        elif isinstance(message, Top):
            yield from self._stated(message, place)
        elif isinstance(message, Diff | Snapshot):
            yield from self._changed(message, place)
        else:
            self.counts[f"left_out_{message.kind}"] += 1

    def _changed(self, message: Diff | Snapshot, place: str) -> Iterator[FeedPacket]:
        if isinstance(message, Diff):
            gaps = self.counts["gaps"]
            levels = self._levels(message.bids, message.asks, place)
            changed = self._book.update(Update(message.ts_ns, message.previous, message.last, levels))
            if changed is not None:
                if self.counts["gaps"] > gaps:
                    self.notes.append(f"{place}: diffs are missing before this one, of {format_instant(message.ts_ns)}")
                yield self._book_packet(message.local_ns, _level_rows(changed))
        elif self._top is not None:
            self.counts["left_out_snapshots"] += 1
            return
        elif message.symbol is None and self._has_other_symbols:
            self.counts["dropped_snapshots_without_symbol"] += 1
            return
        else:
            self._book.snapshot(message.last, self._levels(message.bids, message.asks, place))
        if (levels_now := self._book.whole()) is not None:
            yield self._book_packet(message.local_ns, ((CLEAR, 0, 0, 0, 0), *_level_rows(levels_now)), SNAPSHOT)

    def _stated(self, message: Top, place: str) -> Iterator[FeedPacket]:
        if self._top is None:
            self.counts["left_out_partial_books"] += 1
            return
        levels = self._levels(message.bids, message.asks, place)
        rows = self._top.update(message.ts_ns, message.previous, message.last, levels)
        if rows:
            assert self._top.last is not None
            flags = SNAPSHOT if rows[0][0] == CLEAR else 0
            self._number += 1
            yield FeedPacket(self._top.ts_ns, BOOK, self._number, message.local_ns, self._top.last, flags, rows)

    def _print(self, trade: Trade, place: str, number: int) -> Iterator[FeedPacket]:
        price_ticks = self._price.of(trade.price, place)
        size_lots = self._size.of(trade.size, place, ROUNDED_DOWN)
        if not price_ticks or not trade.size.strip("0."):
            raise DataError(f"{place}: trade of {trade.size} at {trade.price}; expected a price and a size")
        if size_lots:
            row = (TRADE, trade.side, price_ticks, size_lots, 0)
            yield FeedPacket(trade.ts_ns, PRINT, number, trade.local_ns, 0, 0, (row,))

    def _book_packet(self, local_ns: int, rows: tuple[Row, ...], flags: int = 0) -> FeedPacket:
        assert self._book.last is not None
        self._number += 1
        flags |= SUSPECT if self._book.suspect else 0
        return FeedPacket(self._book.ts_ns, BOOK, self._number, local_ns, self._book.last, flags, rows)

    def _levels(self, bids: LevelTexts, asks: LevelTexts, place: str) -> Levels:
        """Return levels in ticks and lots."""
        price, size = self._price, self._size
        levels = []
        for side, texts in ((1, bids), (-1, asks)):
            for price_text, size_text in texts:
                price_ticks = price.of(price_text, place)
                if not price_ticks:
                    raise DataError(f"{place}: a level at price {price_text}; expected more than 0")
                levels.append((side, price_ticks, size.of(size_text, place, ROUNDED_UP)))
        return levels

    def _write(self, packet: FeedPacket) -> None:
        """Write a packet's rows; a print is SUSPECT if the book is."""
        rows = self._rows
        if packet.rank == BOOK:
            self._suspect = bool(packet.flags & SUSPECT)
        rows.base_flags = packet.flags | (SUSPECT if self._suspect else 0)
        rows.ts_exchange_ns = packet.ts_ns
        local_ns = packet.local_ns + self.clock_shift_ns
        rows.ts_local_ns = local_ns if rows.ts_local_ns is None else max(local_ns, rows.ts_local_ns)
        rows.sequence = packet.sequence
        for action, side, price_ticks, size_lots, flags in packet.rows:
            rows.add(action, side, 0, price_ticks, size_lots, flags)
        rows.end_packet()
        self.counts["suspect_packets"] += self._suspect

    def _note_counts(self) -> None:
        """Add notes for the user on the counts."""
        if self._is_rounded:
            self.notes.append(
                f"{self.counts[ROUNDED_UP]} sizes of levels were rounded up to whole lots of {self.lot_size:f}, and "
                f"{self.counts[ROUNDED_DOWN]} of prints down, those below one lot to none: queues are too long by less "
                "than a lot, and own orders fill late rather than early"
            )
        if not self.counts["suspect_packets"]:
            return
        if self._top is not None:
            why = "before the first partial book"
        elif self._book.snapshots:
            why = f"before the first snapshot, after {self.counts['gaps']} gaps, or beyond the snapshots' levels"
        else:
            why = (
                "no snapshot of the book could be used, so that best prices are known only where the market has been; "
                "if the recording before this one has a snapshot, convert them together"
            )
        self.notes.append(
            f"{self.counts['suspect_packets']} packets are flagged SUSPECT, where own orders fill only by trades at "
            f"worse prices, marked tainted: {why}"
        )


def _level_rows(levels: Iterable[tuple[int, int, int]]) -> tuple[Row, ...]:
    return tuple((LEVEL, side, price_ticks, size_lots, 0) for side, price_ticks, size_lots in levels)
