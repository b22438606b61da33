"""One agent's account in one instrument: its fills, its samples, and the marks that value them.

Everything here is exact. Values are half-tick·lots or 10⁻⁶ tick·lots, as integers; where a product could leave 64
bits the arrays hold Python integers instead (`widen`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lob_backtest.run_info import InstrumentInfo, RunInfo
from lob_backtest.tables import Rows

MICRO_PER_HALF: Final = 500_000
"""10⁻⁶ tick·lots in a half-tick·lot."""

Ints = NDArray[Any]
"""Integers of shape `(n,)`: int64, or Python integers where 64 bits could overflow."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of one agent in one instrument.

    Attributes:
        agent: the agent's name.
        instrument: what is traded.
        start_ns: start of the replay.
        end_ns: end of the replay.
        fills: columns of the table `fills`, in exchange order, each of shape `(n,)`. Mids are complete: a null
            became `mid2_start`, and `known_<ns>` says which mids after a horizon were really seen.
        samples: columns of the table `samples`, `mid2` complete in the same way.
        markouts_ns: horizons, in nanoseconds.
        position_start_lots: signed.
        mid2_start: the mark at the start, half-ticks.
        mid2_end: the mark at the end, half-ticks.
        mark: what values the position at the end: "mid"; "stale mid", the last before the book had an empty side,
            was crossed or suspect, and stayed so until the end; "last fill", its price, where the market never had two
            sides; "none", where there was no fill either, and the position counts nothing.
        mark_age_ns: how long before the end the mark was last known to hold: 0 for "mid"; for "stale mid" at most the
            length of the run; for "last fill" the time since the fill; `None` for "none".
        position_end_lots: what the account held at the end.
        cash_end_tick_lots: its cash at the end.
        fees_end_micro: all that it was charged, rebates negative.
        requests_not_arrived: requests that had not reached the exchange by the end; `None` where that is not known.
    """

    agent: str
    instrument: InstrumentInfo
    start_ns: int
    end_ns: int
    fills: Mapping[str, Ints]
    samples: Mapping[str, Ints]
    markouts_ns: tuple[int, ...]
    position_start_lots: int
    mid2_start: int
    mid2_end: int
    mark: str
    mark_age_ns: int | None
    position_end_lots: int
    cash_end_tick_lots: int
    fees_end_micro: int
    requests_not_arrived: int | None

    @property
    def signed_lots(self) -> Ints:
        """Return the size of each fill, positive where it bought."""
        return self.fills["side"] * self.fills["size_lots"]

    @property
    def gross_half_tick_lots(self) -> int:
        """Return the change of equity at mid, before fees, from the account's own cash and position."""
        end = 2 * self.cash_end_tick_lots + self.position_end_lots * self.mid2_end
        return end - self.position_start_lots * self.mid2_start

    @property
    def equity_end_micro(self) -> int:
        """Return cash plus the position at the mark less fees, 10⁻⁶ tick·lots: what `ctx.equity` shows at the end."""
        half = 2 * self.cash_end_tick_lots + self.position_end_lots * self.mid2_end
        return half * MICRO_PER_HALF - self.fees_end_micro


def widen(sizes: Ints, *factors: Ints) -> tuple[Ints, ...]:
    """Return the arrays as they are, or as Python integers where a sum of `sizes · factor` could leave 64 bits.

    Args:
        sizes: integers, shape `(n,)`.
        factors: prices, mids or times that `sizes` will be multiplied by, up to doubled and in differences; same shape.
    """
    largest = max([1, *(_largest(each) for each in factors)])
    arrays = (sizes, *factors)
    if 4 * max(1, len(sizes)) * max(1, _largest(sizes)) * largest < 1 << 63:
        return arrays
    return tuple(each.astype(object) for each in arrays)


def _largest(values: Ints) -> int:
    return max(abs(int(values.min())), abs(int(values.max()))) if len(values) else 0


def total(values: Ints) -> int:
    """Return the sum as a Python integer."""
    return int(values.sum()) if len(values) else 0


def build_ledgers(tables: Mapping[str, Rows], info: RunInfo) -> list[Ledger]:
    """Split the tables of a run into one ledger an agent and instrument, in that order.

    Args:
        tables: `fills`, `bbo` and `samples` of a run.
        info: what the run was.
    """
    firsts = {i: _first_two_sided(tables["bbo"], i) for i in range(len(info.instruments))}
    stale = {i: _stale_since(tables["bbo"], i, info) for i in range(len(info.instruments))}
    return [
        _build(tables, info, (agent, instrument), firsts[instrument], stale[instrument])
        for agent in range(len(info.agents))
        for instrument in range(len(info.instruments))
    ]


def _first_two_sided(bbo: Rows, instrument: int) -> int | None:
    two_sided = pc.field("bid_ticks").is_valid() & pc.field("ask_ticks").is_valid()
    for batch in bbo.select(["instrument", "bid_ticks", "ask_ticks"]).to_batches():
        rows = pa.Table.from_batches([batch]).filter((pc.field("instrument") == instrument) & two_sided)
        if rows.num_rows:
            first: int = rows["bid_ticks"][0].as_py() + rows["ask_ticks"][0].as_py()
            return first
    return None


def _stale_since(bbo: Rows, instrument: int, info: RunInfo) -> int | None:
    """Return since when the book has had no mid at the end, at most since the start; `None` where it has one.

    It has none while a side is empty, while it is crossed, and while the feed calls it suspect.
    """
    since: int | None = info.start_ns
    suspect_ns = info.suspect_since_ns[instrument] if info.suspect_since_ns else None
    for batch in bbo.select(["instrument", "ts_exchange_ns", "bid_ticks", "ask_ticks"]).to_batches():
        rows = pa.Table.from_batches([batch]).filter(pc.field("instrument") == instrument)
        if not rows.num_rows:
            continue
        times = rows["ts_exchange_ns"].to_numpy()
        known = np.asarray(pc.fill_null(pc.less_equal(rows["bid_ticks"], rows["ask_ticks"]), False))
        if suspect_ns is not None:
            known = known & (times < suspect_ns)
        if known[-1]:
            since = None
        elif known.any():
            since = int(times[np.flatnonzero(known)[-1] + 1])
        elif since is None:
            since = int(times[0])
    if suspect_ns is not None:
        suspect_ns = max(suspect_ns, info.start_ns)
        since = suspect_ns if since is None else min(since, suspect_ns)
    return since


def _build(
    tables: Mapping[str, Rows], info: RunInfo, place: tuple[int, int], first: int | None, stale_ns: int | None
) -> Ledger:
    agent, instrument = place
    mine = (pc.field("agent") == agent) & (pc.field("instrument") == instrument)
    fills, samples = tables["fills"].filter(mine), tables["samples"].filter(mine)
    about = info.instruments[instrument]
    start, end, mark = _marks(fills, samples, first)
    age_ns: int | None = None if mark == "none" else 0
    if mark == "mid" and stale_ns is not None:
        mark, age_ns = "stale mid", info.end_ns - stale_ns
    elif mark == "last fill":
        age_ns = info.end_ns - int(fills["ts_exchange_ns"][fills.num_rows - 1].as_py())
    arrived = info.requests_not_arrived
    columns = _columns(fills, start)
    lots, prices = widen(columns["side"] * columns["size_lots"], columns["price_ticks"])
    account = (
        about.initial_position_lots + total(lots),
        -total(lots * prices),
        total(widen(columns["fee_micro"])[0]),
    )
    if samples.num_rows:  # the account that the engine kept, which need not agree with the fills: the residual tells
        last = samples.slice(samples.num_rows - 1).to_pylist()[0]
        account = (last["position_lots"], last["cash_tick_lots"], last["fees_micro"])
    return Ledger(
        agent=info.agents[agent],
        instrument=about,
        start_ns=info.start_ns,
        end_ns=info.end_ns,
        fills=columns,
        samples=_columns(samples, start),
        markouts_ns=info.markouts_ns,
        position_start_lots=about.initial_position_lots,
        mid2_start=start,
        mid2_end=end,
        mark=mark,
        mark_age_ns=age_ns,
        position_end_lots=account[0],
        cash_end_tick_lots=account[1],
        fees_end_micro=account[2],
        requests_not_arrived=arrived[agent * len(info.instruments) + instrument] if arrived else None,
    )


def _marks(fills: pa.Table, samples: pa.Table, first: int | None) -> tuple[int, int, str]:
    """Return the marks at the start and at the end, in half-ticks, and where they come from."""
    start: int | None = samples["mid2"][0].as_py() if samples.num_rows else None
    end: int | None = samples["mid2"][samples.num_rows - 1].as_py() if samples.num_rows else None
    start = first if start is None else start
    start = end if start is None else start
    if start is not None:
        return start, start if end is None else end, "mid"
    if fills.num_rows:
        constant = 2 * int(fills["price_ticks"][fills.num_rows - 1].as_py())
        return constant, constant, "last fill"
    return 0, 0, "none"


def _columns(table: pa.Table, mid2: int) -> dict[str, Ints]:
    """Return the columns as numpy arrays, integers as int64; an unknown mid is the mark at the start."""
    out: dict[str, Ints] = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if pa.types.is_string(column.type):
            out[name] = np.array(column.to_pylist(), dtype=object)
            continue
        if name.startswith("mid2_after_"):
            out["known_" + name.removeprefix("mid2_after_")] = np.asarray(column.is_valid())
        if name in ("mid2", "mid2_before"):
            out["known_before" if name == "mid2_before" else "known_mid2"] = np.asarray(column.is_valid())
        if column.null_count and name.startswith("mid2"):
            column = column.fill_null(mid2)
        elif column.null_count:
            out["has_" + name] = np.asarray(column.is_valid())
            column = column.fill_null(0)
        out[name] = column.to_numpy(zero_copy_only=False).astype(np.int64)
        out.setdefault("has_" + name, np.ones(len(column), dtype=bool))
    return out
