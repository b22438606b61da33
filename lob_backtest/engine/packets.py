"""L2: rows in the order in which an engine applies them, in whole packets.

A feed of levels and prints has each trade twice, in either order. Within a packet its prints are applied first, and
each carries what its own packet shows of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lob_backtest.contract.rows import Action, Batch, Flag

_TRADE, _CLEAR, _STATUS, _LEVEL = (int(a) for a in (Action.TRADE, Action.CLEAR, Action.STATUS, Action.LEVEL))
_LAST, _WINDOW = int(Flag.LAST), int(Flag.WINDOW)
_SILENT: Final = int(Flag.HIDDEN | Flag.AUCTION)
"""Prints with one of these flags explain no fall."""

Ints = NDArray[np.int64]


def whole_packets(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Cut batches at ends of packets, with the prints of each packet first.

    The `order_id` of a print, which L2 has no use for, becomes 1 + the size that its packet leaves at its price at the
    same exchange time, and what earlier prints of the packet take there until the level is shown; it stays 0 where
    the packet shows nothing of the price behind the print then. Later rows have not happened yet.
    """
    held: list[Batch] = []
    for batch in batches:
        ends = np.flatnonzero(batch.flags & _LAST)
        if not len(ends):
            held.append(batch)
            continue
        end = int(ends[-1]) + 1
        yield _prints_first(_joined([*held, _cut(batch, 0, end)]))
        held = [_cut(batch, end, len(batch.flags))] if end < len(batch.flags) else []
    if held:
        yield _prints_first(_joined(held))


def _cut(batch: Batch, begin: int, end: int) -> Batch:
    if begin == 0 and end == len(batch.flags):
        return batch
    return _batch([column[begin:end] for column in batch[:9]], batch.row + begin, batch.path)


def _joined(batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    columns = [np.concatenate(parts) for parts in zip(*(batch[:9] for batch in batches), strict=True)]
    return _batch(columns, batches[0].row, batches[0].path)


def _batch(columns: list[Any], row: int, path: str) -> Batch:
    return Batch._make([*columns, row, path])


def _prints_first(batch: Batch) -> Batch:
    trades = batch.action == _TRADE
    packets = _numbered(batch.flags[:-1] & _LAST != 0)
    mixed = _of_packets(trades, packets) & _of_packets((batch.action == _LEVEL) | (batch.action == _CLEAR), packets)
    rows = np.flatnonzero(mixed[packets])
    if not len(rows):
        return batch
    keys = _order_keys(batch, rows, packets[rows])
    if (np.diff(keys) < 0).any():
        order = np.arange(len(trades))
        order[rows] = rows[np.argsort(keys, kind="stable")]  # which moves no row into another packet
        last = np.uint8(_LAST)
        flags = ((batch.flags[order] & ~last) | (batch.flags & last)).astype(np.uint8)
        moved = _batch([column[order] for column in batch[:9]], batch.row, batch.path)
        # Where a packet ends, and when each of its rows has been received, is of its places, not of its rows.
        batch = moved._replace(flags=flags, ts_local_ns=batch.ts_local_ns)
    instants = _numbered((np.diff(packets[rows]) > 0) | (np.diff(batch.ts_exchange_ns[rows]) != 0))
    shown = _shown(batch, rows, instants)
    return batch._replace(order_id=shown) if shown.any() else batch


def _of_packets(rows: NDArray[np.bool_], packets: Ints) -> NDArray[np.bool_]:
    """Return per packet whether it has one of the rows."""
    found = np.zeros(packets[-1] + 1, np.bool_)
    found[packets[rows]] = True
    return found


def _order_keys(batch: Batch, rows: Ints, packets: Ints) -> Ints:
    """Return for rows of the packets that have prints and levels a number that ascends in the order of application."""
    status = batch.action[rows] == _STATUS
    breaks = (np.diff(packets) > 0) | (np.diff(batch.ts_exchange_ns[rows]) != 0) | status[1:] | status[:-1]
    keys: Ints = _numbered(breaks) * 2 + (batch.action[rows] != _TRADE)
    return keys


def _numbered(breaks: NDArray[np.bool_]) -> Ints:
    """Number stretches of rows, given whether a stretch ends between one row and the next."""
    return np.concatenate(([0], np.cumsum(breaks, dtype=np.int64)))


def _shown(batch: Batch, mixed: Ints, instants: Ints) -> NDArray[np.uint64]:
    """Return for each row of a print 1 + what its packet leaves at its price, see `whole_packets`; 0 elsewhere.

    Args:
        batch: rows in the order of application.
        mixed: the rows of packets that have prints and levels.
        instants: a number for each packet and exchange time of theirs.
    """
    shown = np.zeros(len(batch.action), np.uint64)
    actions, flags, sides = batch.action[mixed], batch.flags[mixed], batch.side[mixed]
    prints = (actions == _TRADE) & (sides != 0) & (flags & _SILENT == 0)
    levels = (actions == _LEVEL) & (flags & _WINDOW == 0)
    kept = np.flatnonzero(prints | levels)
    if not prints.any():
        return shown
    prices = batch.price_ticks[mixed]
    at = kept[np.lexsort((kept, prices[kept], sides[kept], instants[kept]))]
    is_print, sizes = prints[at], batch.size_lots[mixed][at]
    same = (np.diff(instants[at]) == 0) & (np.diff(sides[at]) == 0) & (np.diff(prices[at]) == 0)
    places = _numbered(~same)
    lowest = _lowest_behind(places, np.where(is_print, -1, sizes))
    clears = np.flatnonzero(actions == _CLEAR)
    if len(clears):
        lowest[_cleared_behind(clears, sides, instants, at)] = 0
    before = _printed_before(places, is_print, sizes)
    found = is_print & (lowest >= 0)
    shown[mixed[at[found]]] = (1 + lowest + before)[found]
    return shown


def _lowest_behind(places: Ints, sizes: Ints) -> Ints:
    """Return the smallest size from each row on in its place, -1 where there is none; a size of -1 is none."""
    values, ranks = np.unique(sizes[sizes >= 0], return_inverse=True)
    filled = np.full(len(sizes), len(values))
    filled[sizes >= 0] = ranks
    # Places ascend, so that backwards each begins with a number below all of the place before.
    span = len(values) + 1
    least = np.minimum.accumulate((places * span + filled)[::-1])[::-1] - places * span
    return np.concatenate((values, [-1]))[least]


def _cleared_behind(clears: Ints, sides: NDArray[np.int8], instants: Ints, rows: Ints) -> NDArray[np.bool_]:
    """Return per row whether its side is cleared behind it at the same time."""
    found = np.zeros(len(rows), np.bool_)
    for side in (1, -1):
        here = clears[sides[clears] != -side]
        last = np.full(instants[-1] + 1, -1)
        np.maximum.at(last, instants[here], here)
        found |= (sides[rows] == side) & (last[instants[rows]] > rows)
    return found


def _printed_before(places: Ints, is_print: NDArray[np.bool_], sizes: Ints) -> Ints:
    """Return how much is printed before each row in its place since the last level there."""
    lots = np.where(is_print, sizes, 0)
    before = np.cumsum(lots) - lots
    starts = ~is_print | np.concatenate(([True], np.diff(places) > 0))
    return before - np.maximum.accumulate(np.where(starts, before, 0))
