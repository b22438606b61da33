"""Convert Databento's records, packet by packet, to canonical rows, by the rules of `databento.converter`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from lob_backtest.contract.rows import LIMIT, Action, Flag
from lob_backtest.data.checks import TIME_LIMIT_NS
from lob_backtest.data.packet_rows import PacketRows
from lob_backtest.errors import DataError
from lob_backtest.vendors.databento.records import (
    EARLIEST_NS,
    F_BAD_TS_RECV,
    F_LAST,
    F_MAYBE_BAD_BOOK,
    F_MBP,
    F_SNAPSHOT,
    F_TOB,
    NO_PRICE,
    NO_SIZE,
    Record,
    time_fault,
)

SIDE: Final = {"B": 1, "A": -1, "N": 0}
HIDDEN: Final = int(Flag.HIDDEN)
PACKET_RECORDS: Final = 1 << 16
"""Limit of packets other than snapshots. Without it, a file that has lost its flags is one packet, and takes hours."""

START: Final = "before the first clear (R) or snapshot"
GAP: Final = "after missing records (F_MAYBE_BAD_BOOK), up to the next clear or snapshot"
CUT: Final = "from a packet without its end (F_LAST), up to the next clear or snapshot"
NEW_ID: Final = "after a change of the instrument id, up to the next clear or snapshot"


def packets(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Split the records of one instrument, from one or more files in order, into packets.

    Raises:
        DataError: a packet does not end.
    """
    packet: list[Record] = []
    for record in records:
        if packet and _ends(packet[-1], record):
            yield packet
            packet = []
        packet.append(record)
        if len(packet) > PACKET_RECORDS and not record.flags & F_SNAPSHOT:
            raise DataError(
                f"{packet[0].place}: {PACKET_RECORDS} records from here on, none of which ends a packet (F_LAST, "
                f"{F_LAST} in flags); get the file again with its flags"
            )
    if packet:
        yield packet


def _ends(last: Record, following: Record) -> bool:
    if last.flags & F_LAST:
        return (last.sequence, last.ts_event) != (following.sequence, following.ts_event)
    if last.origin is not following.origin and last.sequence != following.sequence:
        return last.ts_event != following.ts_event
    return _stands_alone(last) and last.ts_event != following.ts_event


def _stands_alone(record: Record) -> bool:
    """Return whether a record is the clear at the start of a day, which has no end flag."""
    return record.action == "R" and not record.flags & F_SNAPSHOT


def is_cut(packet: list[Record]) -> bool:
    """Return whether the end of a packet is missing."""
    return not packet[-1].flags & F_LAST and not _stands_alone(packet[-1])


def resolvers(packet: list[Record]) -> dict[int, int]:
    """Return, by the index of each fill, the index of the cancel or modify that removes it from the book."""
    found: dict[int, int] = {}
    waiting: dict[int, list[int]] = {}
    for i, record in enumerate(packet):
        if record.action == "F":
            waiting.setdefault(record.order_id, []).append(i)
        elif record.action in ("C", "M"):
            for j in waiting.pop(record.order_id, ()):
                found[j] = i
    return found


def unaccounted(packet: list[Record]) -> dict[int, int]:
    """Return, by the index of each trade, the size that no fill of the packet accounts for.

    A fill belongs to the nearest trade before it, at its price and against its side, that has size left.
    """
    left: dict[int, int] = {}
    for i, record in enumerate(packet):
        if record.action == "T":
            left[i] = record.size
        elif record.action == "F":
            size = record.size
            for j in reversed(left):
                if not size:
                    break
                trade = packet[j]
                if trade.price == record.price and trade.side != record.side:
                    part = min(size, left[j])
                    left[j] -= part
                    size -= part
    return left


class PacketWriter:
    """Track the orders of one instrument, and write its packets as rows.

    Args:
        rows: receives the rows.
        tick: the tick size in 10⁻⁹.
        lot: the lot size in whole units.
        counts: counts dropped and changed events, by kind.

    Attributes:
        orders: side, price in ticks and size in lots of the displayed orders, by id.
        doubtful: the stretches in which the book is unknown: reason, place of the first record, number of records.
    """

    def __init__(self, rows: PacketRows, tick: int, lot: int, counts: Counter[str]) -> None:
        self.rows = rows
        self.counts = counts
        self.orders: dict[int, tuple[int, int, int]] = {}
        self.doubtful: dict[str, tuple[str, int]] = {}
        self._doubt: str | None = START
        self._instrument_id: int | None = None
        self._tick = tick
        self._lot = lot
        self._executed: dict[int, int] = {}

    def lose_book(self, why: str) -> None:
        """Treat the book as unknown until the next clear or snapshot.

        Args:
            why: one of the reasons of this module.
        """
        self._doubt = self._doubt or why

    def write(self, packet: list[Record]) -> None:
        """Write the rows of one packet.

        Args:
            packet: its records, in order.

        Raises:
            DataError: a record is invalid.
        """
        self._executed = {}
        after = resolvers(packet)
        left = unaccounted(packet)
        for i, record in enumerate(packet):
            self._judge_book(record)
            self._set_time(record)
            if record.instrument_id != self._instrument_id:
                self._change_instrument(record)
            action = record.action
            if action == "A":
                self._add(record)
            elif action == "C":
                self._cancel(record, self._executed.get(i, 0))
            elif action == "M":
                self._modify(record, self._executed.get(i))
            elif action == "F":
                self._fill(record, after.get(i), packet)
            elif action == "T":
                if left[i]:
                    self._print(record, -self._any_side(record), self._lots(record, left[i]))
            elif action == "R":
                self.orders.clear()
                self.rows.add(Action.CLEAR, 0, 0, 0, 0)
            elif action != "N":
                raise self._error(record, f"action {action!r}; expected one of A, C, M, R, T, F, N")

    def _judge_book(self, record: Record) -> None:
        """Update whether the book is known from this record on."""
        if record.action == "R":
            self._doubt = None
        elif self._instrument_id not in (None, record.instrument_id):
            self.lose_book(NEW_ID)
        if record.flags & F_MAYBE_BAD_BOOK:
            self.lose_book(GAP)
        if self._doubt is not None:
            place, n = self.doubtful.get(self._doubt, (record.place, 0))
            self.doubtful[self._doubt] = (place, n + 1)

    def _change_instrument(self, record: Record) -> None:
        """Start a new book if the instrument has a new id: the ids of orders restart as well."""
        if self._instrument_id is not None and record.action != "R":
            self.orders.clear()
            self.rows.add(Action.CLEAR, 0, 0, 0, 0)
        self._instrument_id = record.instrument_id

    def _set_time(self, record: Record) -> None:
        rows, flags = self.rows, record.flags
        if flags & (F_TOB | F_MBP):
            raise self._error(record, f"flags {flags}: a level, not an order; expected MBO records")
        time_ns = record.exchange_ns
        if not (EARLIEST_NS <= time_ns < TIME_LIMIT_NS and EARLIEST_NS <= record.ts_recv < TIME_LIMIT_NS):
            fault = time_fault("ts_recv", record.ts_recv) or time_fault("ts_event", time_ns)
            raise self._error(record, str(fault))
        if time_ns < rows.ts_exchange_ns:
            self.counts["times_raised_to_the_row_before"] += 1
            time_ns = rows.ts_exchange_ns
        local_ns = record.ts_recv
        if local_ns < time_ns:
            self.counts["local_times_raised_to_exchange_time"] += 1
            local_ns = time_ns
        rows.ts_exchange_ns, rows.ts_local_ns, rows.sequence = time_ns, local_ns, record.sequence
        # A snapshot's time of receipt is synthetic: a fault in it does not concern the book.
        doubt = F_MAYBE_BAD_BOOK if flags & F_SNAPSHOT else F_MAYBE_BAD_BOOK | F_BAD_TS_RECV
        is_suspect = flags & doubt or self._doubt is not None
        rows.base_flags = (Flag.SNAPSHOT if flags & F_SNAPSHOT else 0) | (Flag.SUSPECT if is_suspect else 0)

    def _add(self, record: Record) -> None:
        if record.order_id in self.orders:
            self.counts["orders_added_twice"] += 1
            self._take_off(Action.CANCEL, record.order_id, self.orders[record.order_id][2])
        self._join(record)

    def _join(self, record: Record) -> None:
        if record.order_id == 0:
            raise self._error(record, "an order with order_id 0; expected orders with ids: these are levels or prints")
        side = self._side(record)
        price_ticks, size_lots = self._ticks(record), self._lots(record, record.size)
        self.orders[record.order_id] = (side, price_ticks, size_lots)
        self.rows.add(Action.ADD, side, record.order_id, price_ticks, size_lots)

    def _cancel(self, record: Record, executed: int) -> None:
        """Write a cancel, less the size that fills of the packet have removed."""
        size_lots = self._lots(record, record.size) - executed
        order = self.orders.get(record.order_id)
        if size_lots <= 0:
            return
        if order is None:
            self.counts["dropped_cancels_of_unknown_orders"] += 1
            return
        if size_lots > order[2]:
            self.counts["cancels_cut_to_the_order"] += 1
        self._take_off(Action.CANCEL, record.order_id, min(size_lots, order[2]))

    def _modify(self, record: Record, executed: int | None) -> None:
        order = self.orders.get(record.order_id)
        if order is None:
            # If its fills left nothing, this is an iceberg's next part. Otherwise its start is not in the data.
            self.counts["orders_refreshed" if executed else "modifies_of_unknown_orders"] += 1
            self._join(record)
            return
        side, price_ticks, size_lots = self._side(record), self._ticks(record), self._lots(record, record.size)
        if side != order[0]:
            self.counts["orders_that_changed_side"] += 1
            self._take_off(Action.CANCEL, record.order_id, order[2])
            self._join(record)
        elif (price_ticks, size_lots) != order[1:]:
            self.orders[record.order_id] = (side, price_ticks, size_lots)
            self.rows.add(Action.MODIFY, side, record.order_id, price_ticks, size_lots)
        elif executed is None:
            self.counts["dropped_modifies_without_change"] += 1

    def _fill(self, record: Record, resolver: int | None, packet: list[Record]) -> None:
        """Write a fill: EXECUTE of the displayed part, TRADE of the rest."""
        size_lots = self._lots(record, record.size)
        order = self.orders.get(record.order_id)
        part = 0
        if order is not None and resolver is not None:
            part = min(size_lots, order[2])
            done = self._executed.setdefault(resolver, 0)
            if packet[resolver].action == "C":
                part = min(part, self._lots(packet[resolver], packet[resolver].size) - done)
            if part > 0:
                self._take_off(Action.EXECUTE, record.order_id, part)
                self._executed[resolver] = done + part
        if part < size_lots:
            self.counts["fills_beyond_the_displayed_size" if part else "fills_of_no_displayed_order"] += 1
            self._print(record, self._side(record), size_lots - part)

    def _take_off(self, action: Action, order_id: int, size_lots: int) -> None:
        side, price_ticks, displayed = self.orders[order_id]
        self.rows.add(action, side, order_id, price_ticks, size_lots)
        if size_lots == displayed:
            del self.orders[order_id]
        else:
            self.orders[order_id] = (side, price_ticks, displayed - size_lots)

    def _print(self, record: Record, side: int, size_lots: int) -> None:
        """Write a print that does not change the displayed book; off tick, at the resting side's better price."""
        if record.price == NO_PRICE:
            raise self._error(record, "a trade without a price")
        price_ticks = -(-record.price // self._tick) if side > 0 else record.price // self._tick
        self._check_range(record, price_ticks)
        self.rows.add(Action.TRADE, side, 0, price_ticks, size_lots, HIDDEN)

    def _any_side(self, record: Record) -> int:
        side = SIDE.get(record.side)
        if side is None:
            raise self._error(record, f"side {record.side!r}; expected B, A or N")
        return side

    def _side(self, record: Record) -> int:
        side = SIDE.get(record.side, 0)
        if side == 0:
            raise self._error(record, f"side {record.side!r} of an order; expected B or A")
        return side

    def _ticks(self, record: Record) -> int:
        if record.price == NO_PRICE:
            raise self._error(record, "an order without a price")
        if record.price % self._tick:
            raise self._error(
                record,
                f"price {decimal_price(record.price)} is no multiple of the tick size {decimal_price(self._tick)}; if "
                "it is right, pass its --tick-size",
            )
        price_ticks = record.price // self._tick
        self._check_range(record, price_ticks)
        return price_ticks

    def _check_range(self, record: Record, price_ticks: int) -> None:
        if abs(price_ticks) >= LIMIT:
            raise self._error(
                record,
                f"price {decimal_price(record.price)} is {price_ticks} ticks of {decimal_price(self._tick)}; expected "
                "fewer than 2^40",
            )

    def _lots(self, record: Record, size: int) -> int:
        if size == NO_SIZE:
            raise self._error(record, "no size (it is undefined)")
        if size % self._lot or size <= 0:
            raise self._error(record, f"size {size} is no positive multiple of the lot size; pass another --lot-size")
        return size // self._lot

    def _error(self, record: Record, message: str) -> DataError:
        return DataError(f"{record.place}: {message}")


def decimal_price(price: int) -> str:
    """Format a price in 10⁻⁹ as a decimal."""
    return f"{Decimal(price).scaleb(-9).normalize():f}"
