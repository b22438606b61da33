"""Equity over time and its parts, from the samples; drawdown and Sharpe ratio of the sampled equity.

A curve is read one stretch at a time, as columns: `ts_ns`, the time of the sample, and lines in currency since the
start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lob_backtest.report.metrics.attribution import mid2_after
from lob_backtest.report.metrics.ledger import MICRO_PER_HALF, Ledger
from lob_backtest.report.metrics.pairwise import pairwise_sum
from lob_backtest.report.metrics.stretches import Columns, Ints, Stretches, largest, running, widen
from lob_backtest.report.metrics.timeline import Track, together

Floats: TypeAlias = "NDArray[np.float64]"

LINES: Final = ("equity", "captured", "adverse_selection", "inventory", "fees")
"""The lines of `curve`: profit or loss at mid, net of fees; distance of fills from the mid; moves of the mid against
fills until the horizon, or until now; moves after that, and for the position held at the start; fees and rebates,
negative if paid."""


def equity(ledger: Ledger) -> Iterator[Columns]:
    """Sample one account's equity.

    Samples before the first mid are left out: equity is undefined there. If the market never was two-sided, the last
    fill's price replaces the mid in all samples.

    Args:
        ledger: the account.

    Yields:
        columns `ts_ns` and `equity`.
    """
    half, micro = _units(ledger)
    for samples in _samples(ledger):
        gross = _gross(ledger, samples)
        yield {
            "ts_ns": samples["ts_ns"],
            "equity": _floats(gross) * half - _floats(samples["fees_micro"]) * micro,
        }


def exact_equity(ledger: Ledger) -> Iterator[Columns]:
    """Sample one account's equity at the times of `equity`, as integers.

    Args:
        ledger: the account.

    Yields:
        columns `ts_ns` and `equity_micro`, 10⁻⁶ tick·lots.
    """
    for samples in _samples(ledger):
        gross, fees = _gross(ledger, samples), samples["fees_micro"]
        if largest(gross) * MICRO_PER_HALF + largest(fees) >= 1 << 63:
            gross = gross.astype(object)
        yield {"ts_ns": samples["ts_ns"], "equity_micro": gross * MICRO_PER_HALF - fees}


def curve(ledger: Ledger, horizon_ns: int | None) -> Iterator[Columns]:
    """Sample one account's equity and its parts, at the times of `equity`.

    Args:
        ledger: the account.
        horizon_ns: time after a fill at which adverse selection ends and inventory begins; `None` without one.

    Yields:
        columns `ts_ns` and those of `LINES`.
    """
    half, micro = _units(ledger)
    done, ripe = _Sums(ledger.fills, horizon_ns, 0), _Sums(ledger.fills, horizon_ns, horizon_ns or 0)
    for samples in _samples(ledger):
        times, fees = samples["ts_ns"], samples["fees_micro"]
        gross = _gross(ledger, samples)
        captured, held, held_mids, _ = done.until(times)
        _, ripe_held, ripe_mids, adverse = ripe.until(times)
        unripe, mids = widen(held - ripe_held, samples["mid2"])
        adverse = adverse + unripe * mids - (held_mids - ripe_mids)
        yield {
            "ts_ns": times,
            "equity": _floats(gross) * half - _floats(fees) * micro,
            "captured": _floats(captured) * half,
            "adverse_selection": _floats(adverse) * half,
            "inventory": _floats(gross - captured - adverse) * half,
            "fees": _floats(-fees) * micro,
        }


def _units(ledger: Ledger) -> tuple[float, float]:
    """Return the values of a half-tick·lot and of 10⁻⁶ tick·lots, in currency."""
    value = float(ledger.instrument.tick_lot_value)
    return value / 2, value / 1_000_000


def _samples(ledger: Ledger) -> Iterator[Columns]:
    for rows in ledger.samples.read("ts_ns", "position_lots", "cash_tick_lots", "fees_micro", "mid2"):
        known = rows["has_mid2"]
        if ledger.mark == "last fill" or known.all():
            yield rows
        elif known.any():
            yield {name: column[known] for name, column in rows.items()}


def _gross(ledger: Ledger, samples: Columns) -> Ints:
    """Return the change of equity before fees at each sample, half-tick·lots."""
    position, mids = widen(samples["position_lots"], samples["mid2"])
    (cash,) = widen(samples["cash_tick_lots"])
    gross: Ints = 2 * cash + position * mids - ledger.position_start_lots * ledger.mid2_start
    return gross


class _Sums:
    """Running sums over fills, each counted from some time after it; read once, along rising times.

    Args:
        fills: of the account.
        horizon_ns: of the run.
        after_ns: time after a fill from which it counts.
    """

    def __init__(self, fills: Stretches, horizon_ns: int | None, after_ns: int) -> None:
        self._after = mid2_after(horizon_ns)
        names = ("side", "size_lots", "price_ticks", "mid2_before", self._after, "ts_exchange_ns")
        self._parts, self._after_ns = fills.read(*names), after_ns
        self._times: Ints = np.zeros(0, dtype=np.int64)
        self._sums: list[Ints] = [np.zeros(1, dtype=np.int64)] * 4
        self._is_ended = False
        self._load()

    def _load(self) -> None:
        rows = next(self._parts, None)
        if rows is None:
            self._is_ended = True
            return
        signed = rows["side"] * rows["size_lots"]
        lots, prices, before, after = widen(signed, rows["price_ticks"], rows["mid2_before"], rows[self._after])
        parts = (lots * (before - 2 * prices), lots, lots * before, lots * (after - before))
        self._sums = [running(int(sums[-1]), part) for sums, part in zip(self._sums, parts, strict=True)]
        self._times = rows["ts_exchange_ns"] + self._after_ns

    def until(self, times: Ints) -> list[Ints]:
        """Return the sums over the fills that count at each of some times.

        Args:
            times: rising, and not before those of the last call, shape `(n,)`.

        Returns:
            captured, half-tick·lots; lots; lots · mid; adverse selection, half-tick·lots; each of shape `(n,)`.
        """
        found: list[list[Ints]] = []
        while True:
            ready = len(times) if self._is_ended else int(np.searchsorted(times, self._times[-1]))
            at = np.searchsorted(self._times, times[:ready], side="right")
            found.append([sums[at] for sums in self._sums])
            times = times[ready:]
            if not len(times):
                return [np.concatenate(each) for each in zip(*found, strict=True)]
            self._load()


def _floats(values: Ints) -> Floats:
    return np.asarray(values, dtype=np.float64)


def add_curves(curves: Sequence[Iterator[Columns]], lines: Sequence[str] = LINES) -> Iterator[Columns]:
    """Add curves over the union of their times; between its samples a curve is constant.

    Args:
        curves: at least one, of one currency.
        lines: of each.

    Yields:
        columns `ts_ns` and the lines.
    """
    if len(curves) == 1:
        yield from curves[0]
        return
    nothing: Columns = {"ts_ns": np.zeros(0, dtype=np.int64), **{name: np.zeros(0) for name in lines}}
    before = [dict.fromkeys(lines, 0.0) for _ in curves]
    for taken, _ in together([Track(each, nothing, "ts_ns") for each in curves]):
        times = np.unique(np.concatenate([each["ts_ns"] for each in taken]))
        if not len(times):
            continue
        at = [np.searchsorted(each["ts_ns"], times, side="right") for each in taken]
        stretch: Columns = {"ts_ns": times}
        for name in lines:
            values = [np.append(was[name], each[name]) for was, each in zip(before, taken, strict=True)]
            stretch[name] = np.sum([each[index] for each, index in zip(values, at, strict=True)], axis=0)
            for was, each in zip(before, values, strict=True):
                was[name] = float(each[-1])
        yield stretch


@dataclass(frozen=True, slots=True)
class Risk:
    """Risk of sampled equity.

    Attributes:
        max_drawdown: the deepest fall from an earlier peak (the start counts as one), in currency, positive.
        sharpe: mean over standard deviation of the changes between neighbouring samples, not annualised; `None` with
            fewer than two, or if all are equal.
        samples: number of changes.
        peak_ns: time of the peak that it fell from, or of the first sample; `None` if equity never fell.
        trough_ns: time at which it was deepest first.
    """

    max_drawdown: float
    sharpe: float | None
    samples: int
    peak_ns: int | None = None
    trough_ns: int | None = None


def risk(read: Callable[[], Iterator[Columns]], sample_ns: int) -> Risk:
    """Measure drawdown and Sharpe ratio as sampled.

    Args:
        read: returns columns `ts_ns` and `equity`, in currency; called three times.
        sample_ns: the sampling interval; shorter steps (the last one, mostly) do not enter the Sharpe ratio.
    """
    drawdown, (peak_ns, trough_ns) = _drawdown(read())
    count = sum(map(len, _changes(read(), sample_ns)))
    if count < 2:
        return Risk(drawdown, None, count, peak_ns, trough_ns)
    mean = pairwise_sum(_changes(read(), sample_ns), count) / count
    squares = (np.square(changes - mean) for changes in _changes(read(), sample_ns))
    spread = float(np.sqrt(pairwise_sum(squares, count) / (count - 1)))
    return Risk(drawdown, mean / spread if spread > 0 else None, count, peak_ns, trough_ns)


def _drawdown(curve: Iterator[Columns]) -> tuple[float, tuple[int, int] | tuple[None, None]]:
    """Return the deepest fall from an earlier peak, 0.0 at the start, and the times of that peak and of the depth."""
    deepest, peak, peak_ns = 0.0, 0.0, None
    times: tuple[int, int] | tuple[None, None] = (None, None)
    for stretch in curve:
        values, ts_ns = stretch["equity"], stretch["ts_ns"]
        peak_ns = int(ts_ns[0]) if peak_ns is None else peak_ns
        peaks = np.maximum.accumulate(np.append(peak, values))
        falls = peaks[1:] - values
        at = int(falls.argmax())
        rises = np.flatnonzero(peaks[1:] > peaks[:-1])
        if falls[at] > deepest:
            before = rises[rises <= at]
            deepest = float(falls[at])
            times = (int(ts_ns[before[-1]]) if len(before) else peak_ns, int(ts_ns[at]))
        peak, peak_ns = float(peaks[-1]), int(ts_ns[rises[-1]]) if len(rises) else peak_ns
    return deepest, times


def _changes(curve: Iterator[Columns], sample_ns: int) -> Iterator[Floats]:
    """Yield the changes between neighbouring samples that are as far apart as the sampling interval."""
    times, values = np.zeros(0, dtype=np.int64), np.zeros(0)
    for stretch in curve:
        times, values = np.append(times[-1:], stretch["ts_ns"]), np.append(values[-1:], stretch["equity"])
        yield np.diff(values)[np.diff(times) >= sample_ns]
