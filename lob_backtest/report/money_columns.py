"""Money of fills and lots, in currency, for the DataFrames: each value is rounded once, from exact integers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa

from lob_backtest.report.currency import Floats, by_code
from lob_backtest.report.metrics.ledger import MICRO_PER_HALF
from lob_backtest.report.metrics.stretches import Ints, widen
from lob_backtest.results.run_info import RunInfo
from lob_backtest.units import format_duration


def markout_column(horizon_ns: int) -> str:
    """Return the column of the markout at a horizon, which is written as in a config: `markout_1s`."""
    return f"markout_{format_duration(horizon_ns)}"


def of_fills(table: pa.Table, info: RunInfo, first_mids: Sequence[int]) -> dict[str, Floats]:
    """Return notional, fee, captured and one markout per horizon of each fill.

    Args:
        table: `fills`.
        info: instruments, horizons and the end of the run.
        first_mids: the doubled mid that each account starts with, half-ticks, agents first.
    """
    codes = table["instrument"].to_numpy()
    account = table["agent"].to_numpy().astype(np.int64) * len(info.instruments) + codes
    before, known = _halves(table, "mid2_before")
    before = np.where(known, before, np.asarray(first_mids, dtype=np.int64)[account])
    signed, prices, befores = widen(_signed(table), table["price_ticks"].to_numpy(), before)
    half, micro = _units(info)
    out = {
        "notional": by_code(np.abs(signed * prices), codes, [2 * each for each in half]),
        "fee": by_code(table["fee_micro"].to_numpy(), codes, micro),
        "captured": by_code(signed * (befores - 2 * prices), codes, half),
    }
    for horizon_ns in info.markouts_ns:
        after, known = _halves(table, f"mid2_after_{horizon_ns}ns")
        known = known & (table["ts_exchange_ns"].to_numpy() + horizon_ns <= info.end_ns)
        signed, prices, afters = widen(_signed(table), table["price_ticks"].to_numpy(), after)
        value = by_code(signed * (afters - 2 * prices), codes, half)
        out[markout_column(horizon_ns)] = np.where(known, value, np.nan)
    return out


def of_lots(table: pa.Table, info: RunInfo) -> dict[str, Floats]:
    """Return the result of each closed lot before fees, and the fees of each lot.

    Args:
        table: `lots`.
        info: instruments.
    """
    codes = table["instrument"].to_numpy()
    half, micro = _units(info)
    gross = by_code(table["gross_half_tick_lots"].to_numpy(), codes, half)
    closed = np.asarray(table["close_fill_id"].combine_chunks().is_valid())
    opening, closing = (table[f"{name}_fee_micro"].to_numpy() for name in ("open", "close"))
    return {"result": np.where(closed, gross, np.nan), "fees": by_code(opening + closing, codes, micro)}


def _units(info: RunInfo) -> tuple[list[Decimal], list[Decimal]]:
    """Return the values of a half-tick·lot and of 10⁻⁶ tick·lots of each instrument, in currency."""
    half = [each.tick_lot_value / 2 for each in info.instruments]
    return half, [each / MICRO_PER_HALF for each in half]


def _signed(table: pa.Table) -> Ints:
    signed: Ints = table["side"].to_numpy().astype(np.int64) * table["size_lots"].to_numpy()
    return signed


def _halves(table: pa.Table, name: str) -> tuple[Ints, Ints]:
    """Return a column of doubled mids, 0 where it is null, and a mask of those that are not null."""
    column = table[name].combine_chunks()
    return column.fill_null(0).to_numpy(zero_copy_only=False), np.asarray(column.is_valid())
