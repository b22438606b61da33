"""Statistics of the position, weighted by time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lob_backtest.report.metrics.ledger import Ledger
from lob_backtest.report.metrics.stretches import Ints, running, total, widen


@dataclass(frozen=True, slots=True)
class Inventory:
    """Statistics of one account's position at the exchange, from the start of the replay to its end.

    Attributes:
        mean_lots: time-weighted; `None` if the run has no duration.
        mean_absolute_lots: time-weighted.
        min_lots: the lowest position.
        max_lots: the highest.
        end_lots: at the end.
        at_limit_fraction: the share of time with the absolute position at its limit or beyond; `None` without a limit.
        near_limit_fraction: the share of time with the absolute position within one order of its limit, or beyond;
            `None` without a limit.
        traded_lots: size bought and sold.
        traded_tick_lots: notional bought and sold, as Σ |price| · size.
    """

    mean_lots: float | None
    mean_absolute_lots: float | None
    min_lots: int
    max_lots: int
    end_lots: int
    at_limit_fraction: float | None
    near_limit_fraction: float | None
    traded_lots: int
    traded_tick_lots: int


def position_steps(ledger: Ledger) -> Iterator[tuple[Ints, Ints]]:
    """Yield the position as steps, one stretch at a time: each holds from its time until the next.

    Args:
        ledger: the account.

    Yields:
        times in nanoseconds and signed lots, each of shape `(n,)`: first the start of the replay, then each fill.
    """
    position = ledger.position_start_lots
    yield np.array([ledger.start_ns]), np.array([position])
    for rows in ledger.fills.read("ts_exchange_ns", "side", "size_lots"):
        reached = running(position, rows["side"] * rows["size_lots"])[1:]
        yield rows["ts_exchange_ns"], reached
        position = int(reached[-1])


def inventory(ledger: Ledger, order_lots: int = 0) -> Inventory:
    """Measure the position of one account.

    Args:
        ledger: the account.
        order_lots: the size of one order, for the time near the limit.
    """
    limit = ledger.instrument.max_position_lots
    span = lot_ns = absolute_lot_ns = at_limit_ns = near_limit_ns = 0
    lowest = highest = ledger.position_start_lots
    for held_ns, position in _held(ledger):
        lots, time = widen(position, held_ns)
        span += total(held_ns)
        lot_ns += total(lots * time)
        absolute_lot_ns += total(np.abs(lots) * time)
        lowest, highest = min(lowest, int(position.min())), max(highest, int(position.max()))
        if limit is not None:
            at_limit_ns += total(held_ns[np.abs(position) >= limit])
            near_limit_ns += total(held_ns[np.abs(position) >= limit - order_lots])
    traded_lots, traded_tick_lots = _traded(ledger)
    return Inventory(
        mean_lots=lot_ns / span if span else None,
        mean_absolute_lots=absolute_lot_ns / span if span else None,
        min_lots=lowest,
        max_lots=highest,
        end_lots=ledger.position_end_lots,
        at_limit_fraction=at_limit_ns / span if span and limit is not None else None,
        near_limit_fraction=near_limit_ns / span if span and limit is not None else None,
        traded_lots=traded_lots,
        traded_tick_lots=traded_tick_lots,
    )


def _held(ledger: Ledger) -> Iterator[tuple[Ints, Ints]]:
    """Yield the duration of each position, ns, and the positions."""
    time, position = ledger.start_ns, ledger.position_start_lots
    for times, positions in position_steps(ledger):
        yield np.diff(times, prepend=time), np.append(position, positions[:-1])
        time, position = int(times[-1]), int(positions[-1])
    yield np.array([max(ledger.end_ns - time, 0)]), np.array([position])


def _traded(ledger: Ledger) -> tuple[int, int]:
    """Return the size bought and sold, in lots and in tick·lots."""
    lots = tick_lots = 0
    for rows in ledger.fills.read("size_lots", "price_ticks"):
        sizes, prices = widen(rows["size_lots"], rows["price_ticks"])
        lots += total(sizes)
        tick_lots += total(sizes * np.abs(prices))
    return lots, tick_lots
