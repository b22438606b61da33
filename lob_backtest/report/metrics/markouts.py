"""Markouts: the value of fills against the mid, over horizons, with confidence intervals.

A markout is side · (mid later - fill price), in ticks: the value of the fill a horizon later. Fills whose horizon
reaches beyond the end are left out, and counted.

The confidence interval is that of the size-weighted mean, by circular block bootstrap over fills in time order
(Politis and Romano, 1992), with blocks of about n^(1/3) fills: neighbouring fills see the same moves of the market,
and single fills resampled one by one would make the interval too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lob_backtest.contract.tables import Cause
from lob_backtest.report.metrics.histogram import Histogram, at_rank
from lob_backtest.report.metrics.ledger import Ledger
from lob_backtest.report.metrics.stretches import Columns, Ints, total, widen

Floats: TypeAlias = "NDArray[np.float64]"

_REPLICATES: Final = 500
_FEWEST: Final = 10  # fills; with fewer an interval would be meaningless
_ELEMENTS: Final = 1 << 18  # of index arrays drawn at once
_CELLS: Final = 2 * (max(Cause) + 1)  # a side and a cause


@dataclass(frozen=True, slots=True)
class Markout:
    """The markouts of a group of fills at one horizon, in ticks per lot.

    Attributes:
        horizon_ns: time after the fill.
        group: "all", "buy", "sell" or a cause, such as "queue".
        count: number of fills counted.
        left_out: number of fills of the group whose horizon reaches beyond the end, or without a known mid.
        mean_ticks: size-weighted; `None` without fills, as are those below.
        median_ticks: size-weighted (the lower one).
        mean_per_fill_ticks: each fill counts once.
        median_per_fill_ticks: each fill counts once.
        low_ticks: lower end of the 95% interval of `mean_ticks`; for "all" only, from 10 fills on.
        high_ticks: its upper end.
    """

    horizon_ns: int
    group: str
    count: int
    left_out: int
    mean_ticks: float | None = None
    median_ticks: float | None = None
    mean_per_fill_ticks: float | None = None
    median_per_fill_ticks: float | None = None
    low_ticks: float | None = None
    high_ticks: float | None = None


def markouts(ledger: Ledger, *, seed: int = 0) -> list[Markout]:
    """Measure an account's markouts at every horizon: all fills, by side, by cause.

    Args:
        ledger: the account.
        seed: of the bootstrap.

    Returns:
        one entry per horizon and group with fills; "all" always.
    """
    members, counted = _count(ledger)
    out = []
    for horizon, histogram in zip(ledger.markouts_ns, counted, strict=True):
        for group, cells in _groups(members):
            entry = _measure(horizon, group, cells, members, histogram.read())
            if group == "all" and entry.count >= _FEWEST:
                low, high = interval(partial(_ticks, ledger, horizon), entry.count, seed=seed)
                entry = replace(entry, low_ticks=low, high_ticks=high)
            out.append(entry)
    return out


def _count(ledger: Ledger) -> tuple[Ints, list[Histogram]]:
    """Count the fills of each cell (a side and a cause), and per horizon the markouts, half-ticks, of each.

    A histogram holds `markout · _CELLS + cell`, weighted by size.
    """
    members, counted = np.zeros(_CELLS, dtype=np.int64), [Histogram() for _ in ledger.markouts_ns]
    for rows in ledger.fills.read("side", "cause", "size_lots", *_columns(ledger.markouts_ns)):
        cell = rows["cause"] * 2 + (rows["side"] > 0)
        members += np.bincount(cell, minlength=_CELLS)
        for horizon, histogram in zip(ledger.markouts_ns, counted, strict=True):
            known, half_ticks = _half_ticks(ledger, rows, horizon)
            histogram.add((half_ticks * _CELLS + cell)[known], rows["size_lots"][known])
    return members, counted


def _columns(horizons: Sequence[int]) -> list[str]:
    return ["side", "price_ticks", "ts_exchange_ns", *(f"mid2_after_{horizon}ns" for horizon in horizons)]


def _half_ticks(ledger: Ledger, rows: Columns, horizon: int) -> tuple[Ints, Ints]:
    """Return a mask of the fills with a markout, and the markouts of all fills, half-ticks."""
    known = rows[f"has_mid2_after_{horizon}ns"] & (rows["ts_exchange_ns"] + horizon <= ledger.end_ns)
    return known, rows["side"] * (rows[f"mid2_after_{horizon}ns"] - 2 * rows["price_ticks"])


def _groups(members: Ints) -> Iterator[tuple[str, Ints]]:
    """Yield the groups that have fills, with their cells."""
    cells = np.arange(_CELLS)
    yield "all", cells
    sides = (("buy", cells[1::2]), ("sell", cells[::2]))
    for name, chosen in (*sides, *((cause.name.lower(), cells[cells // 2 == cause]) for cause in Cause)):
        if members[chosen].any():
            yield name, chosen


def _measure(horizon: int, group: str, cells: Ints, members: Ints, counted: tuple[Ints, Ints, Ints]) -> Markout:
    mine = np.isin(counted[0] % _CELLS, cells)
    keys, counts, weights = (each[mine] for each in counted)
    values, count, members_count = keys // _CELLS, total(counts), total(members[cells])
    if not count:
        return Markout(horizon, group, 0, members_count)
    sizes, factors = widen(weights, values)
    weight = total(sizes)
    middle = (at_rank(values, counts, (count + 1) // 2), at_rank(values, counts, count // 2 + 1))
    return Markout(
        horizon,
        group,
        count=count,
        left_out=members_count - count,
        mean_ticks=total(sizes * factors) / (2 * weight),
        median_ticks=at_rank(values, weights, (weight + 1) // 2) / 2,
        mean_per_fill_ticks=total(counts * values) / (2 * count),
        median_per_fill_ticks=sum(middle) / 4,
    )


def _ticks(ledger: Ledger, horizon: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield the known markouts, ticks, and the sizes of their fills."""
    for rows in ledger.fills.read("size_lots", *_columns((horizon,))):
        known, half_ticks = _half_ticks(ledger, rows, horizon)
        yield half_ticks[known] / 2, rows["size_lots"][known].astype(float)


def interval(
    read: Callable[[], Iterator[tuple[Floats, Floats]]], count: int, *, seed: int, level: float = 0.95
) -> tuple[float, float]:
    """Return the confidence interval of a weighted mean by circular block bootstrap.

    Holds one column of sums at a time, 8 bytes per value, since the blocks of a replicate start anywhere.

    Args:
        read: yields values in time order, and positive weights, one stretch at a time; called twice.
        count: number of values, more than 0.
        seed: of the generator.
        level: the share of the distribution within the interval.
    """
    block = max(1, round(count ** (1 / 3)))
    top = _resampled(_sums((values * weights for values, weights in read()), count, block), count, block, seed)
    bottom = _resampled(_sums((weights for _, weights in read()), count, block), count, block, seed)
    tail = (1 - level) / 2
    low, high = np.quantile(top / bottom, [tail, 1 - tail])
    return float(low), float(high)


def _sums(parts: Iterable[Floats], count: int, block: int) -> Floats:
    """Return the sums of the first 0, 1, …, count + block values of a circle of `count` values."""
    out, done = np.zeros(count + block + 1), 1
    for part in parts:
        out[done : done + len(part)] = part
        done += len(part)
    out[count + 1 :] = out[1 : block + 1]
    return np.cumsum(out, out=out)


def _resampled(sums: Floats, count: int, block: int, seed: int) -> Floats:
    """Return the sum over the blocks of each replicate; the same blocks for the same count and seed."""
    blocks = -(-count // block)
    random = np.random.Generator(np.random.PCG64(seed))
    rows = max(1, _ELEMENTS // blocks)
    out = []
    for first in range(0, _REPLICATES, rows):
        starts = random.integers(0, count, size=(min(rows, _REPLICATES - first), blocks))
        blocked = sums[starts + block]
        blocked -= sums[starts]
        out.append(blocked.sum(axis=1))
    return np.concatenate(out)
