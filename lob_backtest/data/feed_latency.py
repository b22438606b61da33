"""Local times of a feed from a model of its latency: the rules of `engine.models.latency`, for columns of times.

The random number of a row is that of its exchange time, so that rows of one time arrive together, and a row that is
left out moves no other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from lob_backtest.contract.output import PERCENTILES
from lob_backtest.contract.plan import LatencyPlan
from lob_backtest.contract.queue_grid import STEP_BITS, STEPS
from lob_backtest.contract.rank_grid import GOLDEN, MAX_STRETCHES, RANK_BITS, REDRAW_BELOW
from lob_backtest.contract.rows import Batch

Times = NDArray[np.int64]
SAMPLED_ROWS: Final = 64
"""One row in so many is sampled."""


class FeedSample:
    """Local minus exchange time of one row in `SAMPLED_ROWS`."""

    def __init__(self) -> None:
        self._rows = 0
        self._found: list[Times] = []

    def take(self, batch: Batch) -> None:
        """Sample the next rows."""
        sampled = slice(-self._rows % SAMPLED_ROWS, None, SAMPLED_ROWS)
        self._found.append(batch.ts_local_ns[sampled] - batch.ts_exchange_ns[sampled])
        self._rows += len(batch.action)

    def percentiles_ns(self, rows: int) -> dict[str, int]:
        """Return percentiles of the first rows, by the names of `PERCENTILES`; empty without any."""
        found = np.concatenate([np.zeros(0, np.int64), *self._found])[: -(-rows // SAMPLED_ROWS)]
        if not len(found):
            return {}
        return {name: int(np.percentile(found, share, method="inverted_cdf")) for name, share in PERCENTILES.items()}


def feed_latency_ns(plan: LatencyPlan, times: Times) -> Times:
    """Return the latency of what happens at each time, nanoseconds.

    Args:
        plan: of the feed.
        times: of the exchange, of shape `(n,)`.
    """
    if not plan.quantiles_ns and not plan.measured_ns:
        return np.full_like(times, plan.constant_ns)
    distinct, places = np.unique(times, return_inverse=True)
    if plan.quantiles_ns:
        ranks = _ranks_at(plan, distinct) if plan.stretch_ns else _words(plan.stream, distinct) >> (64 - RANK_BITS)
        varying = _at_lengths(np.array(plan.quantiles_ns), ranks.astype(np.int64))
    else:
        varying = _measured(plan, distinct)
    found: Times = (plan.constant_ns + varying)[places]
    return found


def _words(stream: int, numbers: Times) -> NDArray[np.uint64]:
    """Return random numbers of a stream by their places: `contract.rank_grid.random_word`."""
    seed = np.uint64(stream % (1 << 64))
    word = (numbers.view(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN) + seed
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: NDArray[np.uint64] = word ^ (word >> np.uint64(31))
    return found


def _ranks_at(plan: LatencyPlan, times: Times) -> NDArray[np.uint64]:
    """Return the rank that holds at each time: that of the latest stretch that has drawn a new one."""
    stretches, places = np.unique(times // plan.stretch_ns, return_inverse=True)
    words = _words(plan.stream, stretches)
    waiting = np.flatnonzero(words >> np.uint64(32) >= REDRAW_BELOW)
    for back in range(1, MAX_STRETCHES):
        if not len(waiting):
            break
        words[waiting] = _words(plan.stream, stretches[waiting] - back)
        waiting = waiting[words[waiting] >> np.uint64(32) >= REDRAW_BELOW]
    found: NDArray[np.uint64] = (words & np.uint64((1 << RANK_BITS) - 1))[places]
    return found


def _at_lengths(values: Times, lengths: Times) -> Times:
    """Return the values at lengths of the grid, straight between two of it."""
    shifts = np.maximum(0, np.frexp(lengths.astype(np.float64))[1] - 1 - STEP_BITS).astype(np.int64)
    places = np.where(lengths < STEPS, lengths, (shifts << STEP_BITS) + (lengths >> shifts))
    rises = values[np.minimum(places + 1, len(values) - 1)] - values[places]
    parts = np.where(lengths < STEPS, 0, lengths & ((1 << shifts) - 1))
    # A rise below 2^45 ns (nine hours) times a part below 2^18 fits 64 bits.
    found: Times = values[places] + (rises * parts >> shifts)
    return found


def _measured(plan: LatencyPlan, times: Times) -> Times:
    """Return the values of a series at times; before its first and after its last time those hold."""
    at, values = np.array(plan.measured_ts_ns), np.array(plan.measured_ns)
    after = np.searchsorted(at, times, side="right")
    before = np.maximum(after - 1, 0)
    last: Times = values[before]
    if not plan.is_interpolated:
        return last
    later = np.minimum(after, len(at) - 1)
    spans = np.where((after > 0) & (later > before), at[later] - at[before], 1)
    rises = np.where((after > 0) & (later > before), values[later] - values[before], 0)
    # Quotient and rest apart, so that no product leaves 64 bits.
    whole, rest = rises // spans, rises % spans
    passed = np.where(rises == 0, 0, times - at[before])
    part = [int(r) * int(p) // int(s) for r, p, s in zip(rest, passed, spans, strict=True)]
    found: Times = last + whole * passed + np.array(part, np.int64)
    return found
