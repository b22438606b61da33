"""Equity as pandas objects in currency, and returns on a fixed capital, from the samples.

Equity is profit or loss since the start at mid, net of fees: cash + position * mid - fees, less the value of the
position held at the start. Before its first mid an account has none; if it never has one, the last fill's price is the
mark. At the end it is the `pnl_currency` of the summary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from lob_backtest.report.currency import in_units
from lob_backtest.report.metrics.equity import exact_equity
from lob_backtest.report.metrics.ledger import MICRO_PER_HALF, Ledger
from lob_backtest.report.metrics.stretches import Ints, largest
from lob_backtest.results.run_info import InstrumentInfo, RunInfo
from lob_backtest.units import format_duration, parse_duration, shown

if TYPE_CHECKING:
    import pandas as pd


def equities(ledgers: Sequence[Ledger], names: Sequence[str]) -> pd.DataFrame:
    """Return the equity of each account, in its currency.

    Args:
        ledgers: the accounts.
        names: a column's name for each.

    Returns:
        one column per account, indexed by UTC time; between its samples an account keeps its value, and before its
        first mid it is NaN.
    """
    import pandas as pd

    curves = [_exact(each) for each in ledgers]
    columns = {
        name: pd.Series(in_units(micro, _micro(ledger.instrument)), index=_index(times))
        for name, ledger, (times, micro) in zip(names, ledgers, curves, strict=True)
    }
    return pd.DataFrame(columns, index=_index(_union(curves))).ffill()


def equity(ledgers: Sequence[Ledger]) -> pd.Series[float]:
    """Return the sum of the accounts' equity, rounded once; before its first mid an account counts 0.

    Args:
        ledgers: the accounts, of one currency.

    Returns:
        currency, indexed by UTC time.

    Raises:
        ValueError: their currencies differ.
    """
    import pandas as pd

    labels = list(dict.fromkeys(each.instrument.currency for each in ledgers))
    if len(labels) > 1:
        named = ", ".join(label or "(none)" for label in labels)
        raise ValueError(
            f"the instruments have different currencies ({named}), and their equity does not add up; "
            "result.equities has a column for each"
        )
    units = [Fraction(_micro(each.instrument)) for each in ledgers]
    denominator = math.lcm(*(each.denominator for each in units))
    curves = [_exact(each) for each in ledgers]
    times = _union(curves)
    total = np.zeros(len(times), dtype=np.int64)
    for curve, own in zip(curves, units, strict=True):
        total = total + _scaled(_at(times, *curve), int(own * denominator), len(ledgers))
    return pd.Series(in_units(total, Fraction(1, denominator)), index=_index(times), name="equity")


def returns(equity: pd.Series[float], info: RunInfo, capital: float, every: Any) -> pd.Series[float]:
    """Return simple returns on a fixed capital.

    Args:
        equity: of `equity`.
        info: the sampling interval.
        capital: in currency, positive.
        every: length of a period: "1m", "1min", "1d" or a timedelta; no shorter than the sampling interval.

    Returns:
        change of equity / capital, one row per period, indexed by its start in UTC without a time zone. Periods are
        counted from midnight of 1970; a sample on a boundary belongs to the period that it ends.

    Raises:
        ValueError: an argument is out of range.
    """
    import pandas as pd

    capital = _positive(capital)
    every_ns = _period(every)
    if every_ns < info.sample_ns:
        raise ValueError(
            f"every: {format_duration(every_ns)} is shorter than the interval of the samples, "
            f"{format_duration(info.sample_ns)}; set report.sample in the config, or choose a longer period"
        )
    times, values = equity.index.tz_localize(None).to_numpy(), equity.to_numpy()
    times = times.astype("datetime64[ns]").astype(np.int64)
    if not len(times):
        return pd.Series(np.zeros(0), index=pd.DatetimeIndex([]), name="return")
    origin = times[0] // every_ns * every_ns
    period = np.maximum(-((origin - times) // every_ns) - 1, 0)
    count = int(period[-1]) + 1
    last = np.searchsorted(period, np.arange(count), side="right") - 1
    index = pd.to_datetime(origin + every_ns * np.arange(count), unit="ns")
    return pd.Series(np.diff(values[last], prepend=0.0) / capital, index=index, name="return")


def _positive(capital: Any) -> float:
    """Read a capital.

    Raises:
        ValueError: it is no positive number.
    """
    try:
        number = math.nan if isinstance(capital, str) else float(capital)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"capital: expected a positive number, got {shown(capital)}")
    return number


def _period(every: Any) -> int:
    """Read the length of a period, ns: text as in a config ("1m") or as pandas writes it ("1min"), or a timedelta."""
    import pandas as pd

    expected = 'expected a positive duration, such as "1min" or "1d"'
    if isinstance(every, int | float | np.number) and not isinstance(every, np.timedelta64):
        raise ValueError(f"every: got the number {shown(every)}, which has no unit; {expected}")
    try:
        ns = parse_duration(every)
    except ValueError:
        try:
            ns = int(pd.Timedelta(every) // pd.Timedelta(1, unit="ns"))
        except (ValueError, TypeError) as error:
            raise ValueError(f"every: {expected}, got {shown(every)}") from error
    if ns <= 0:
        raise ValueError(f"every: {expected}, got {shown(every)}")
    return ns


def _micro(about: InstrumentInfo) -> Decimal:
    """Return the value of 10⁻⁶ tick·lots, in currency."""
    return about.tick_lot_value / 2 / MICRO_PER_HALF


def _exact(ledger: Ledger) -> tuple[Ints, Ints]:
    """Return times and equity in 10⁻⁶ tick·lots, the last sample of each time."""
    parts = list(exact_equity(ledger))
    times = np.concatenate([np.zeros(0, dtype=np.int64), *(each["ts_ns"] for each in parts)])
    values = np.concatenate([np.zeros(0, dtype=np.int64), *(each["equity_micro"] for each in parts)])
    is_last = np.append(times[1:] != times[:-1], True)[: len(times)]
    return times[is_last], values[is_last]


def _union(curves: Sequence[tuple[Ints, Ints]]) -> Ints:
    return np.unique(np.concatenate([times for times, _ in curves]))


def _at(times: Ints, own: Ints, values: Ints) -> Ints:
    """Return an account's value at some times: that of its last sample, 0 before the first."""
    return np.append(np.zeros(1, dtype=values.dtype), values)[np.searchsorted(own, times, side="right")]


def _scaled(values: Ints, factor: int, count: int) -> Ints:
    """Return integers times a factor, as Python integers if a sum of `count` of them could exceed 64 bits."""
    fits = largest(values) * factor * count < 1 << 63
    return (values if fits else values.astype(object)) * factor


def _index(times: Ints) -> Any:
    import pandas as pd

    return pd.to_datetime(times, unit="ns", utc=True)
