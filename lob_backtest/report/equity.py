"""Equity over time and its parts, from the samples; drawdown and Sharpe ratio of what was sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lob_backtest.report.attribution import mid2_after
from lob_backtest.report.ledger import Ints, Ledger, widen

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Equity since the start and its parts, in currency, each of shape `(n,)`.

    Attributes:
        ts_ns: when it was sampled.
        equity: profit or loss at mid, net of fees.
        captured: what fills were better than the mid.
        adverse_selection: how mids moved against fills until the horizon, or until now.
        inventory: how they moved after that, and for the position held at the start.
        fees: fees and rebates; negative where they cost.
        position_lots: signed; the sum over instruments in a total.
    """

    ts_ns: Ints
    equity: Floats
    captured: Floats
    adverse_selection: Floats
    inventory: Floats
    fees: Floats
    position_lots: Ints


def curve(ledger: Ledger, horizon_ns: int | None) -> Curve:
    """Sample one account's equity and its parts.

    Samples before the first mid are left out: there was no equity. Where the market never had two sides and the last
    fill's price stands in for the mid, it does so in all samples.

    Args:
        ledger: the account.
        horizon_ns: where adverse selection ends and inventory begins; `None` without any.
    """
    fills, samples = ledger.fills, ledger.samples
    if ledger.mark != "last fill":
        samples = {name: column[samples["known_mid2"]] for name, column in samples.items()}
    times = samples["ts_ns"]
    done = np.searchsorted(fills["ts_exchange_ns"], times, side="right")
    lots, prices, before, after = widen(
        ledger.signed_lots, fills["price_ticks"], fills["mid2_before"], mid2_after(ledger, horizon_ns)
    )
    cash, fees = samples["cash_tick_lots"], samples["fees_micro"]
    position, mids = widen(samples["position_lots"], samples["mid2"])
    gross = 2 * cash + position * mids - ledger.position_start_lots * ledger.mid2_start
    captured = _running(lots * (before - 2 * prices))[done]
    held, held_mids = _running(lots), _running(lots * before)
    ripe = np.searchsorted(fills["ts_exchange_ns"] + (horizon_ns or 0), times, side="right")
    unripe = (held[done] - held[ripe]) * mids - (held_mids[done] - held_mids[ripe])
    adverse = _running(lots * (after - before))[ripe] + unripe
    value = float(ledger.instrument.tick_lot_value)
    half, micro = value / 2, value / 1_000_000
    return Curve(
        ts_ns=times,
        equity=_floats(gross) * half - _floats(fees) * micro,
        captured=_floats(captured) * half,
        adverse_selection=_floats(adverse) * half,
        inventory=_floats(gross - captured - adverse) * half,
        fees=_floats(-fees) * micro,
        position_lots=samples["position_lots"],
    )


def _running(values: Ints) -> Ints:
    """Return the sums of the first 0, 1, …, n values."""
    return np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values, dtype=values.dtype)])


def _floats(values: Ints) -> Floats:
    return np.asarray(values, dtype=np.float64)


def add_curves(curves: Sequence[Curve]) -> Curve:
    """Add curves over the union of their times; between its samples a curve stays as it was.

    Args:
        curves: at least one, of one currency.
    """
    if len(curves) == 1:
        return curves[0]
    times = np.unique(np.concatenate([each.ts_ns for each in curves]))

    def summed(name: str) -> Any:
        parts = []
        for each in curves:
            values = getattr(each, name)
            at = np.searchsorted(each.ts_ns, times, side="right")
            parts.append(np.concatenate([np.zeros(1, dtype=values.dtype), values])[at])
        return np.sum(parts, axis=0)

    names = ("equity", "captured", "adverse_selection", "inventory", "fees", "position_lots")
    return Curve(ts_ns=times, **{name: summed(name) for name in names})


@dataclass(frozen=True, slots=True)
class Risk:
    """Risk of sampled equity.

    Attributes:
        max_drawdown: the deepest fall from an earlier peak (the start counts as one), in currency, positive.
        sharpe: mean over standard deviation of the changes between neighbouring samples, not annualised; `None` where
            there are fewer than two, or they are all the same.
        samples: how many changes.
    """

    max_drawdown: float
    sharpe: float | None
    samples: int


def risk(ts_ns: Ints, equity: Floats, sample_ns: int) -> Risk:
    """Measure drawdown and Sharpe ratio as sampled.

    Args:
        ts_ns: when, shape `(n,)`.
        equity: in currency, shape `(n,)`.
        sample_ns: the sampling interval; shorter steps (the last one, mostly) do not enter the Sharpe ratio.
    """
    values = np.concatenate([[0.0], equity])
    drawdown = float((np.maximum.accumulate(values) - values).max())
    changes = np.diff(equity)[np.diff(ts_ns) >= sample_ns]
    spread = float(changes.std(ddof=1)) if len(changes) > 1 else 0.0
    return Risk(drawdown, float(changes.mean()) / spread if spread > 0 else None, len(changes))
