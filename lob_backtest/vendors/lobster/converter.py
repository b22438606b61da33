"""LOBSTER: message and order book files of NASDAQ stocks, reconstructed by LOBSTER from ITCH.

With the order book file the rebuilt book equals it after every message: message k is packet k, `sequence` is k (from 0,
counted through a chain of files). The book starts as a snapshot of the order book's row 0, which is packet 0; message 0
is part of it if it is a new order or a cancel, and precedes it, flagged SUSPECT, if it is a trade or a halt.

Without the order book file the book holds only the orders that the messages add. It lacks older orders and orders
outside of the visible levels, so every row is flagged SUSPECT.

Sources: LOBSTER's "Output Structure" and the readme of its samples; Nasdaq's notice that the side of hidden executions
is always "B" from 14 July 2014.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from lob_backtest.contract.rows import LIMIT, Action, Flag, Phase
from lob_backtest.data.packet_rows import PacketRows
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.archive import Member, is_archive
from lob_backtest.vendors.lobster.files import (
    Day,
    Message,
    find_days,
    may_pair,
    messages,
    orderbook_depth,
    orderbook_rows,
)
from lob_backtest.vendors.lobster.window import Shown, Window
from lob_backtest.vendors.paths import PathLike, as_paths

OPTIONS: Final = frozenset({"orderbook"})

NEW, REDUCE, DELETE, EXECUTED, HIDDEN, CROSS, HALT = 1, 2, 3, 4, 5, 6, 7
PHASE_BY_HALT_CODE: Final = {-1: Phase.HALTED, 0: Phase.AUCTION, 1: Phase.CONTINUOUS}
HIDDEN_SIDE_UNTIL: Final = date(2014, 7, 14)
PRICE_UNITS: Final = 10_000
FINEST_TICK: Final = Decimal("0.0001")
NO_LEVEL: Final = 9_999_999_999
"""The price of a missing level; negative on the bid side."""


def open_source(
    inputs: Sequence[Path],
    *,
    symbol: str | None = None,
    tick_size: Decimal | None = None,
    lot_size: Decimal | None = None,
    orderbook: PathLike | Iterable[PathLike] = (),
) -> LobsterSource:
    """Open message files, or LOBSTER's zip archives of them, in time order.

    Args:
        inputs: message files under LOBSTER's names, or .zip files of message and order book files.
        symbol: name of the instrument; the symbol in the files' names if `None`.
        tick_size: 0.01 if `None`; stocks below a dollar have 0.0001.
        lot_size: 1 share if `None`.
        orderbook: the order book file of each message file, in the same order; one path or several.

    Raises:
        ConfigError: order book files that do not pair with message files; an impossible tick or lot size.
        DataError: a file is missing or misnamed, or the files are of different symbols or depths.
    """
    books = as_paths("orderbook", orderbook)
    days = [day for path in inputs for day in find_days(path)]
    if books:
        days = _with_books(days, books)
    twice = [name for name, n in Counter(str(day.messages) for day in days).items() if n > 1]
    if twice:
        raise ConfigError(f"{twice[0]}: given twice; expected each file once")
    if len({day.symbol for day in days}) > 1:
        raise DataError(
            f"files of several symbols: {', '.join(sorted({day.symbol for day in days}))}; convert them one by one"
        )
    if len({day.orderbook is None for day in days}) > 1:
        raise DataError("some inputs have an order book file and some have none; give all or none")
    return LobsterSource(days, symbol, Decimal("0.01") if tick_size is None else tick_size, lot_size or Decimal(1))


class LobsterSource:
    """Opened message files of one symbol; the attributes are those of `vendors.Source`.

    Args:
        days: one or more days, in time order.
        symbol: name of the instrument; `None`: that in the files' names.
        tick_size: of visible prices.
        lot_size: of sizes.

    Raises:
        ConfigError: the tick is finer than the files' prices, or the lot is not a whole number of shares.
        DataError: the order book files show different numbers of levels.
    """

    level = 3

    def __init__(self, days: list[Day], symbol: str | None, tick_size: Decimal, lot_size: Decimal) -> None:
        self.symbol = symbol or days[0].symbol
        self.venue = "XNAS"
        self.tick_size = tick_size
        self.lot_size = lot_size
        self.depth = _common_depth([day.orderbook for day in days if day.orderbook])
        members = [member for day in days for member in (day.messages, day.orderbook) if member]
        self.files = list(dict.fromkeys(member.path for member in members))
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        self._days = days
        self._tick = _whole("--tick-size", tick_size * PRICE_UNITS, "LOBSTER prices have four decimals", "0.0001")
        self._lot = _whole("--lot-size", lot_size, "LOBSTER sizes are shares", "1")
        self._rows = PacketRows(local_clock=False)
        self._window = Window(self._rows, self.counts)
        self._sequence = 0
        self._phase = Phase.CONTINUOUS
        self._place = ""

    def columns(self) -> Iterator[dict[str, Any]]:
        """Yield stretches of whole packets as canonical columns.

        Raises:
            DataError: a line is malformed or invalid, a file ends early, or two files overlap.
        """
        for day in self._days:
            if day.orderbook is None:
                self._warn(day)
            for _ in self._packets(day):
                self._rows.end_packet()
                if self._rows.full:
                    yield self._rows.take()
        if len(self._rows):
            yield self._rows.take()

    def _packets(self, day: Day) -> Iterator[None]:
        """Write the rows of the messages, one after the other."""
        rows = self._rows
        midnight_ns = day.midnight_ns()
        rows.base_flags = 0 if day.orderbook else int(Flag.SUSPECT)
        shown = orderbook_rows(day.orderbook) if day.orderbook else None
        line = 0
        for message, row in zip_longest(messages(day.messages), shown or ()):
            line += 1
            self._place = f"{day.messages}, line {line}"
            if message is None or (row is None and shown is not None):
                short, long = (day.messages, day.orderbook) if message is None else (day.orderbook, day.messages)
                raise DataError(
                    f"{short}: ends after line {line - 1}, but {long} continues; expected one row per message"
                )
            ts_ns = midnight_ns + message[0]
            if line == 1 and ts_ns < rows.ts_exchange_ns:
                raise DataError(f"{self._place}: starts before the end of the file before it; give files in time order")
            if ts_ns < rows.ts_exchange_ns:
                self.counts["times_raised_to_the_row_before"] += 1
            rows.ts_exchange_ns = max(ts_ns, rows.ts_exchange_ns)
            rows.sequence = self._sequence
            if line == 1:
                self._start_phase(day)
            if row is None:
                self._apply_alone(message, day, first=line == 1)
            elif line == 1:
                self._seed(message, self._shown(row, day, line), day)
            else:
                self._apply(message, day)
                self._window.match(self._shown(row, day, line))
            self._sequence += 1
            yield
        if not line:
            raise DataError(f"{day.messages}: no messages; expected a LOBSTER message file")

    def _seed(self, message: Message, shown: dict[int, Shown], day: Day) -> None:
        """Write message 0 and the book after it as one packet that ends with the snapshot.

        Rows before the snapshot are SUSPECT: the book is unknown until then.
        """
        kind, order_id = message[1], message[2]
        self._rows.base_flags = int(Flag.SUSPECT)
        newcomer = None
        if kind == NEW:
            side, price_ticks, size_lots = self._order(message)
            newcomer = (side, price_ticks, size_lots, order_id)
        elif kind in (REDUCE, DELETE):
            self._order(message)
        elif kind == EXECUTED:
            side, price_ticks, size_lots = self._order(message)
            # An order has to be in the book to be executed; the snapshot's CLEAR follows.
            self._window.sides = {1: {}, -1: {}}
            self._window.known = {}
            self._window.take(Action.EXECUTE, order_id, side, price_ticks, size_lots)
            self.counts["size_not_in_sight"] -= 1
        else:
            self._apply(message, day)
        self._rows.base_flags = 0
        self._window.seed(shown, newcomer)

    def _start_phase(self, day: Day) -> None:
        """End a halt that the file before left open: without a message, trading is continuous."""
        if self._phase != Phase.CONTINUOUS:
            self.notes.append(f"{day.messages}: the file before it ends in a halt; taken as over where this one starts")
            self._phase = Phase.CONTINUOUS
            self._rows.add(Action.STATUS, 0, 0, 0, 0, phase=self._phase)

    def _apply(self, message: Message, day: Day) -> None:
        """Write the rows of one message itself."""
        _, kind, order_id, _, price, _ = message
        if kind in (NEW, REDUCE, DELETE, EXECUTED):
            side, price_ticks, size_lots = self._order(message)
            if kind == NEW:
                self._window.add(order_id, side, price_ticks, size_lots)
            else:
                action = Action.EXECUTE if kind == EXECUTED else Action.CANCEL
                self._window.take(action, order_id, side, price_ticks, size_lots)
        elif kind in (HIDDEN, CROSS):
            self._print(message, day)
        elif kind == HALT:
            if price not in PHASE_BY_HALT_CODE:
                raise DataError(
                    f"{self._place}: halt with price {price}; expected -1 (halt), 0 (quoting) or 1 (trading)"
                )
            self._phase = PHASE_BY_HALT_CODE[price]
            self._rows.add(Action.STATUS, 0, 0, 0, 0, phase=self._phase)
        else:
            raise DataError(f"{self._place}: message type {kind}; expected 1 to 7")

    def _apply_alone(self, message: Message, day: Day, *, first: bool) -> None:
        """Write the rows of one message of a file without order book: only orders that it added are known."""
        if first:
            self._window.sides = {1: {}, -1: {}}
            self._window.known = {}
            self._rows.add(Action.CLEAR, 0, 0, 0, 0)
        kind, order_id = message[1:3]
        if kind in (REDUCE, DELETE, EXECUTED):
            side, price_ticks, size_lots = self._order(message)
            held = 0
            if self._window.known.get(order_id) == (side, price_ticks):
                held = self._window.sides[side][price_ticks].orders[order_id]
            if size_lots > held:
                if kind == EXECUTED:
                    self.counts["executions_of_unknown_orders"] += 1
                    self._rows.add(Action.TRADE, side, 0, price_ticks, size_lots)
                else:
                    self.counts["dropped_cancels_of_unknown_orders"] += 1
                return
        self._apply(message, day)

    def _order(self, message: Message) -> tuple[int, int, int]:
        """Return side, price and size of a message about a visible order."""
        _, _, order_id, size, price, side = message
        if order_id < 1:
            raise DataError(f"{self._place}: order id {order_id}; expected 1 or more")
        if side not in (1, -1):
            raise DataError(f"{self._place}: direction {side}; expected 1 (buy) or -1 (sell)")
        ticks, off = divmod(price, self._tick)
        if off or not 0 < ticks < LIMIT:
            raise DataError(f"{self._place}: {self._bad_price(price)}")
        return side, ticks, self._lots(size)

    def _lots(self, size: int) -> int:
        lots, off = divmod(size, self._lot)
        if off or not 0 < lots < LIMIT:
            raise DataError(f"{self._place}: {self._bad_size(size)}")
        return lots

    def _bad_price(self, price: int) -> str:
        if price <= 0:
            return f"price {price}; expected more than 0"
        if price // self._tick >= LIMIT:
            return f"price {price} (in 1/10000) is 2^40 ticks or more; expected less"
        return (
            f"price {price} (in 1/10000) is no multiple of the tick size {self.tick_size}; pass --tick-size "
            f"{FINEST_TICK}, which every price is a multiple of"
        )

    def _bad_size(self, size: int) -> str:
        if size <= 0:
            return f"size {size}; expected more than 0"
        if size // self._lot >= LIMIT:
            return f"size {size} is 2^40 lots or more; expected less"
        return f"size {size} is no multiple of the lot size {self.lot_size}; pass --lot-size 1"

    def _print(self, message: Message, day: Day) -> None:
        """Write a hidden execution or a cross: it leaves the displayed book alone and may be off tick."""
        _, kind, _, size, price, direction = message
        if kind == CROSS and size == 0:  # an auction without a match
            self.counts["dropped_empty_crosses"] += 1
            return
        if not 0 < price < LIMIT * self._tick:
            raise DataError(f"{self._place}: {self._bad_price(price)}")
        if kind == CROSS:
            self._rows.add(Action.TRADE, 0, 0, price // self._tick, self._lots(size), Flag.AUCTION)
            return
        side = direction if day.date < HIDDEN_SIDE_UNTIL and direction in (1, -1) else 0
        # The better price of the resting side is the higher one for a bid.
        price_ticks = -(-price // self._tick) if side > 0 else price // self._tick
        self._rows.add(Action.TRADE, side, 0, price_ticks, self._lots(size), Flag.HIDDEN)

    def _shown(self, row: tuple[int, ...], day: Day, line: int) -> dict[int, Shown]:
        """Convert an order book row to both sides, best first, without missing levels."""
        tick, lot = self._tick, self._lot
        sides: dict[int, Shown] = {1: {}, -1: {}}
        for side, start in ((-1, 0), (1, 2)):
            levels = sides[side]
            before = 0 if side < 0 else LIMIT * tick
            for i in range(start, len(row), 4):
                price, size = row[i], row[i + 1]
                if abs(price) == NO_LEVEL:
                    if any(abs(further) != NO_LEVEL for further in row[i::4]):
                        raise self._bad_level(day, line, price, size, "no level; expected none behind it")
                    break
                if price % tick or not 0 < price < LIMIT * tick:
                    raise self._bad_level(day, line, price, size, self._bad_price(price))
                if size % lot or not 0 < size < LIMIT * lot:
                    raise self._bad_level(day, line, price, size, self._bad_size(size))
                if (before - price) * side <= 0:
                    raise self._bad_level(day, line, price, size, f"expected a price worse than {before}")
                levels[price // tick] = size // lot
                before = price
        return sides

    def _bad_level(self, day: Day, line: int, price: int, size: int, fault: str) -> DataError:
        return DataError(f"{day.orderbook}, line {line}: level of {size} at {price}: {fault}")

    def _warn(self, day: Day) -> None:
        beside = f" {day.sibling} lies beside it." if day.sibling else ""
        missing = "no order book file in the archive" if day.messages.member else "no --orderbook"
        self.notes.append(
            f"{day.messages}: {missing}: the book holds only orders that this file adds, and every row is flagged "
            f"SUSPECT, where own orders fill only by trades at worse prices, marked tainted.{beside}"
        )


def _with_books(days: list[Day], books: list[Path]) -> list[Day]:
    """Pair message files with their order book files."""
    if any(day.messages.member for day in days) or len(books) != len(days):
        raise ConfigError(
            f"--orderbook: {len(books)} files for {len(days)} message files; expected one for each message "
            "file, in the same order, and none for a zip archive, which holds its own"
        )
    for day, path in zip(days, books, strict=True):
        if is_archive(path):
            raise ConfigError(f"--orderbook {path}: an archive; unpack it first, or give one that holds both as input")
        if not may_pair(day.messages.name, path.name):
            raise ConfigError(
                f"--orderbook {path}: by its name not the order book file of {day.messages}; expected one for each "
                "message file, in the same order"
            )
    return [day._replace(orderbook=Member(path)) for day, path in zip(days, books, strict=True)]


def _common_depth(books: list[Member]) -> int | None:
    depths = {orderbook_depth(book): book for book in books}
    if len(depths) > 1:
        shown = ", ".join(f"{depth} in {book}" for depth, book in depths.items())
        raise DataError(f"order book files of different depths: {shown}; convert them one by one")
    return next(iter(depths), None)


def _whole(option: str, value: Decimal, reason: str, least: str) -> int:
    if value <= 0 or value != int(value):
        raise ConfigError(f"{option}: {reason}; expected a positive multiple of {least}")
    return int(value)
