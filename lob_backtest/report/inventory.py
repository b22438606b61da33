"""How much was held, and for how long: statistics of the position, weighted by time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lob_backtest.report.ledger import Ints, Ledger, total, widen


@dataclass(frozen=True, slots=True)
class Inventory:
    """Statistics of one account's position at the exchange, from the start of the replay to its end.

    Attributes:
        mean_lots: time-weighted; `None` where no time passed.
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


def position_steps(ledger: Ledger) -> tuple[Ints, Ints]:
    """Return the position as steps: from each time on, until the next.

    Args:
        ledger: the account.

    Returns:
        times in nanoseconds and signed lots, each of shape `(n + 1,)` for n fills; the first is the start.
    """
    (signed,) = widen(ledger.signed_lots)
    times = np.concatenate([[ledger.start_ns], ledger.fills["ts_exchange_ns"]])
    first = np.array([ledger.position_start_lots], dtype=signed.dtype)
    return times, np.cumsum(np.concatenate([first, signed]))


def inventory(ledger: Ledger, order_lots: int = 0) -> Inventory:
    """Measure the position of one account.

    Args:
        ledger: the account.
        order_lots: the size of one order, for the time near the limit.
    """
    times, position = position_steps(ledger)
    held_ns = np.diff(np.append(times, max(ledger.end_ns, int(times[-1]))))
    span = total(held_ns)
    weighted, time = widen(position, held_ns)
    limit = ledger.instrument.max_position_lots
    at_limit = near_limit = None
    if limit is not None and span:
        at_limit = total(held_ns[np.abs(position) >= limit]) / span
        near_limit = total(held_ns[np.abs(position) >= limit - order_lots]) / span
    sizes, prices = widen(ledger.fills["size_lots"], ledger.fills["price_ticks"])
    return Inventory(
        mean_lots=total(weighted * time) / span if span else None,
        mean_absolute_lots=total(np.abs(weighted) * time) / span if span else None,
        min_lots=int(position.min()),
        max_lots=int(position.max()),
        end_lots=ledger.position_end_lots,
        at_limit_fraction=at_limit,
        near_limit_fraction=near_limit,
        traded_lots=total(sizes),
        traded_tick_lots=total(sizes * np.abs(prices)),
    )
