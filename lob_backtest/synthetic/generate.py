"""Write a seeded synthetic market as a canonical file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal
from typing import Any, Final, NamedTuple

from lob_backtest.contract.rows import Phase
from lob_backtest.data.writer import EventWriter, decimal_text
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.process.interrupts import with_guard
from lob_backtest.progress import Progress
from lob_backtest.synthetic.exchange import MatchingEngine
from lob_backtest.synthetic.order_flow import OrderFlow, Taker
from lob_backtest.synthetic.tape import LevelTape, OrderTape, Tape
from lob_backtest.synthetic.truth import TruthWriter

START_NS: Final = 1_721_395_800_000_000_000
"""Every synthetic market opens at 2024-07-19T13:30:00Z."""

MIN_EVENTS: Final = 1_000
CHUNK_ROWS: Final = 1 << 16


class Generated(NamedTuple):
    """The result of `generate`.

    `exchange` is the market's own exchange at the close: a replay of the file must rebuild its book.
    """

    path: str
    rows: int
    packets: int
    trades: int
    start_ns: int
    end_ns: int
    exchange: MatchingEngine


@with_guard
def generate(
    path: str | os.PathLike[str],
    *,
    events: int = 500_000,
    seed: int = 1,
    symbol: str = "SYN",
    tick_size: str | Decimal = "0.01",
    lot_size: str | Decimal = "1",
    level: int = 3,
    compression: str = "lz4",
    progress: Progress | None = None,
    truth: str | os.PathLike[str] | None = None,
) -> Generated:
    """Write a synthetic market: realistic in kind, the same for the same seed on every machine.

    The file starts with a snapshot and a STATUS row and ends with a STATUS row; the participants are described in
    `lob_backtest.synthetic.order_flow`. Level 2 is the same market seen through levels. A longer file of the same seed
    begins with the rows of a shorter one, up to its closing row. Memory stays constant whatever the length.

    Args:
        path: of the file, replaced if it exists.
        events: rows to write, at least 1,000; the last packet may exceed it by a few.
        seed: of all random choices, 0 or more.
        symbol: the instrument's name.
        tick_size: the price of one tick in quote currency.
        lot_size: the size of one lot in base units.
        level: 3 for orders, 2 for level sizes.
        compression: of the file's pages, as in `EventWriter`.
        progress: called with the rows written and in all.
        truth: path of a file of the hidden truth (`lob_backtest.synthetic.truth`); `None`: not written.

    Returns:
        The number of rows and the exchange at the close.

    Raises:
        ConfigError: a setting is out of range.
        OutputError: a file cannot be written.
    """
    _check_settings(events, seed, level, tick_size, lot_size)
    flow = OrderFlow(seed, START_NS, tape := OrderTape() if level == 3 else LevelTape())
    writer = EventWriter(
        path,
        level=level,
        symbol=symbol,
        tick_size=tick_size,
        lot_size=lot_size,
        compression=compression,
        **_facts(level, seed),
    )
    with writer, TruthWriter(truth) if truth else nullcontext() as witness:
        for _ in _packets(flow, tape, events):
            if witness:
                witness.note(flow, tape.packets)
            if len(tape) >= CHUNK_ROWS:
                writer.write(tape.take_columns())
                if progress is not None:
                    progress(tape.rows, events)
        writer.write(tape.take_columns())
    return Generated(os.fspath(path), tape.rows, tape.packets, tape.trades, START_NS, flow.now_ns, flow.exchange)


def _facts(level: int, seed: int) -> dict[str, Any]:
    """Return the metadata of a file; on L2 a packet has both its prints and their levels, so that no row is late."""
    late = {} if level == 3 else {"late_level_ns": 0, "late_print_ns": 0}
    return {"venue": "SYNTHETIC", "source": f"synthetic market, seed {seed}", **late}


def _packets(flow: OrderFlow, tape: Tape, events: int) -> Iterator[None]:
    """Run a market until it has `events` rows, and yield after each packet."""
    flow.open_book()
    yield
    tape.status(flow.now_ns, flow.local_ns, Phase.CONTINUOUS)
    yield
    while tape.rows < events - 1:
        flow.step()
        yield
    flow.taker = Taker.NONE
    tape.status(flow.now_ns, flow.local_ns, Phase.CLOSED)
    yield


def _check_settings(events: int, seed: int, level: int, tick_size: str | Decimal, lot_size: str | Decimal) -> None:
    if type(events) is not int or events < MIN_EVENTS:
        raise ConfigError(f"events = {events!r}: expected a whole number, at least {MIN_EVENTS:,} (the opening book)")
    if type(seed) is not int or seed < 0:
        raise ConfigError(f"seed = {seed!r}: expected a whole number, 0 or more")
    if level not in (2, 3):
        raise ConfigError(f"level = {level!r}: expected 2 (level sizes) or 3 (orders)")
    try:
        decimal_text("tick_size", tick_size)
        decimal_text("lot_size", lot_size)
    except DataError as error:
        raise ConfigError(str(error)) from error
