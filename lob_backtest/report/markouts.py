"""Adverse selection: how the mid moves against a fill, over horizons, with confidence intervals.

A markout is side · (mid later - fill price), in ticks: what the fill is worth a horizon later. Fills whose horizon
reaches beyond the end are left out, and counted.

The confidence interval is that of the size-weighted mean, by circular block bootstrap over fills in time order
(Politis and Romano, 1992), with blocks of about n^(1/3) fills: neighbouring fills see the same moves of the market,
and single fills resampled one by one would make the interval too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lob_backtest.report.ledger import Ledger
from lob_backtest.tables import Cause

_REPLICATES: Final = 500
_FEWEST: Final = 10  # fills, below which an interval would pretend to know something
_ELEMENTS: Final = 2_000_000  # of index arrays drawn at once: bounded memory whatever the number of fills


@dataclass(frozen=True, slots=True)
class Markout:
    """The markouts of a group of fills at one horizon, in ticks a lot.

    Attributes:
        horizon_ns: how much later.
        group: "all", "buy", "sell" or a cause, such as "queue".
        count: fills counted.
        left_out: fills of the group whose horizon reaches beyond the end, or where no mid was known.
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
        one entry a horizon and group that has fills; "all" always.
    """
    out = []
    for horizon in ledger.markouts_ns:
        fills = ledger.fills
        known = fills[f"known_{horizon}ns"] & (fills["ts_exchange_ns"] + horizon <= ledger.end_ns)
        ticks = fills["side"] * (fills[f"mid2_after_{horizon}ns"] - 2 * fills["price_ticks"]) / 2
        for group, members in _groups(ledger):
            use = known & members
            entry = _measure(horizon, group, ticks[use], fills["size_lots"][use].astype(float))
            left_out = int(members.sum()) - entry.count
            low, high = (None, None)
            if group == "all" and entry.count >= _FEWEST:
                low, high = interval(ticks[use], fills["size_lots"][use].astype(float), seed=seed)
            out.append(_with(entry, left_out, low, high))
    return out


def _groups(ledger: Ledger) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    side, cause = ledger.fills["side"], ledger.fills["cause"]
    yield "all", np.ones(len(side), dtype=bool)
    for name, members in (("buy", side > 0), ("sell", side < 0), *((c.name.lower(), cause == c) for c in Cause)):
        if members.any():
            yield name, members


def _measure(horizon: int, group: str, ticks: NDArray[Any], sizes: NDArray[Any]) -> Markout:
    if not len(ticks):
        return Markout(horizon, group, 0, 0)
    order = np.argsort(ticks, kind="stable")
    reached = np.cumsum(sizes[order])
    middle = order[np.searchsorted(reached, reached[-1] / 2)]
    return Markout(
        horizon,
        group,
        count=len(ticks),
        left_out=0,
        mean_ticks=float(ticks @ sizes / sizes.sum()),
        median_ticks=float(ticks[middle]),
        mean_per_fill_ticks=float(ticks.mean()),
        median_per_fill_ticks=float(np.median(ticks)),
    )


def _with(entry: Markout, left_out: int, low: float | None, high: float | None) -> Markout:
    from dataclasses import replace

    return replace(entry, left_out=left_out, low_ticks=low, high_ticks=high)


def interval(values: NDArray[Any], weights: NDArray[Any], *, seed: int, level: float = 0.95) -> tuple[float, float]:
    """Return the confidence interval of a weighted mean by circular block bootstrap.

    Args:
        values: in time order, shape `(n,)`, n > 0.
        weights: positive, shape `(n,)`.
        seed: of the generator.
        level: how much of the distribution lies within.
    """
    count = len(values)
    block = max(1, round(count ** (1 / 3)))
    blocks = -(-count // block)
    circle = np.arange(count + block) % count
    sums = np.concatenate([[0.0], np.cumsum((values * weights)[circle])])
    sizes = np.concatenate([[0.0], np.cumsum(weights[circle])])
    random = np.random.Generator(np.random.PCG64(seed))
    rows = max(1, _ELEMENTS // blocks)
    means = []
    for first in range(0, _REPLICATES, rows):
        starts = random.integers(0, count, size=(min(rows, _REPLICATES - first), blocks))
        top = (sums[starts + block] - sums[starts]).sum(axis=1)
        bottom = (sizes[starts + block] - sizes[starts]).sum(axis=1)
        means.append(top / bottom)
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
