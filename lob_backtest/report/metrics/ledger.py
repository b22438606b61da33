"""One agent's account in one instrument: its fills, its samples, and the marks that value them.

All values are exact: half-tick·lots or 10⁻⁶ tick·lots, as integers. Rows stay in their tables and are read one stretch
at a time (`lob_backtest.report.metrics.stretches`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from lob_backtest.contract.tables import Rows
from lob_backtest.report.metrics.stretches import Stretches, total, widen
from lob_backtest.results.run_info import InstrumentInfo, RunInfo

MICRO_PER_HALF: Final = 500_000
"""10⁻⁶ tick·lots in a half-tick·lot."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of one agent in one instrument.

    Attributes:
        agent: the agent's name.
        instrument: the instrument.
        start_ns: start of the replay.
        end_ns: end of the replay.
        fills: its rows of the table `fills`, in exchange order. Mids are complete: a null is `mid2_start`, and
            `has_mid2_…` is true of the others.
        samples: its rows of the table `samples`, `mid2` complete in the same way.
        fill_count: number of fills.
        markouts_ns: horizons, in nanoseconds.
        position_start_lots: signed.
        mid2_start: the mark at the start, half-ticks.
        mid2_end: the mark at the end, half-ticks.
        mark: the price that values the position at the end: "mid"; "stale mid", the last mid before the book had an
            empty side, was crossed or suspect, and stayed so until the end; "last fill", its price, if the market never
            was two-sided; "none", if there was no fill either: the position then counts 0.
        mark_age_ns: age of the mark at the end: 0 for "mid"; for "stale mid" at most the length of the run; for "last
            fill" the time since the fill; `None` for "none".
        position_end_lots: the position at the end.
        cash_end_tick_lots: its cash at the end.
        fees_end_micro: the account's fees at the end, net of rebates.
        fees_paid_micro: sum of the positive fees of its fills.
        rebates_micro: sum of the rebates of its fills, positive.
        requests_not_arrived: requests that had not reached the exchange by the end; `None` if unknown.
    """

    agent: str
    instrument: InstrumentInfo
    start_ns: int
    end_ns: int
    fills: Stretches
    samples: Stretches
    fill_count: int
    markouts_ns: tuple[int, ...]
    position_start_lots: int
    mid2_start: int
    mid2_end: int
    mark: str
    mark_age_ns: int | None
    position_end_lots: int
    cash_end_tick_lots: int
    fees_end_micro: int
    fees_paid_micro: int
    rebates_micro: int
    requests_not_arrived: int | None

    @property
    def gross_half_tick_lots(self) -> int:
        """Return the change of equity at mid, before fees, from the account's own cash and position."""
        end = 2 * self.cash_end_tick_lots + self.position_end_lots * self.mid2_end
        return end - self.position_start_lots * self.mid2_start

    @property
    def equity_end_micro(self) -> int:
        """Return cash plus the position at the mark less fees, 10⁻⁶ tick·lots: `ctx.equity` at the end."""
        half = 2 * self.cash_end_tick_lots + self.position_end_lots * self.mid2_end
        return half * MICRO_PER_HALF - self.fees_end_micro


def build_ledgers(tables: Mapping[str, Rows], info: RunInfo) -> list[Ledger]:
    """Split the tables of a run into one ledger per agent and instrument, in that order.

    Args:
        tables: `fills`, `bbo` and `samples` of a run.
        info: description of the run.
    """
    best = [best_prices(tables, info, i) for i in range(len(info.instruments))]
    firsts = [_first_two_sided(each) for each in best]
    stale = [_stale_since(each, i, info) for i, each in enumerate(best)]
    return [
        _build(tables, info, (agent, instrument), firsts[instrument], stale[instrument])
        for agent in range(len(info.agents))
        for instrument in range(len(info.instruments))
    ]


def _first_two_sided(bbo: Stretches) -> int | None:
    for rows in bbo.read("bid_ticks", "ask_ticks"):
        two_sided = rows["has_bid_ticks"] & rows["has_ask_ticks"]
        if two_sided.any():
            first = int(np.flatnonzero(two_sided)[0])
            return int(rows["bid_ticks"][first]) + int(rows["ask_ticks"][first])
    return None


def best_prices(tables: Mapping[str, Rows], info: RunInfo, instrument: int) -> Stretches:
    """Return the best prices of an instrument.

    Args:
        tables: of the run, by name.
        info: description of the run.
        instrument: its code.
    """
    return Stretches(tables, "bbo", {"instrument": instrument} if len(info.instruments) > 1 else {})


def _stale_since(bbo: Stretches, instrument: int, info: RunInfo) -> int | None:
    """Return since when the book has had no mid at the end, no earlier than the start; `None` if it has one.

    It has none while a side is empty, while it is crossed, and while it is flagged suspect.
    """
    since: int | None = info.start_ns
    suspect_ns = info.suspect_since_ns[instrument] if info.suspect_since_ns else None
    for rows in bbo.read("ts_exchange_ns", "bid_ticks", "ask_ticks"):
        times = rows["ts_exchange_ns"]
        known = rows["has_bid_ticks"] & rows["has_ask_ticks"] & (rows["bid_ticks"] <= rows["ask_ticks"])
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


@dataclass(slots=True)
class _Traded:
    """Sums over the fills of an account."""

    fills: int = 0
    lots: int = 0
    tick_lots: int = 0
    paid_micro: int = 0
    rebates_micro: int = 0
    last_ns: int = 0
    last_ticks: int = 0

    @classmethod
    def of(cls, fills: Stretches) -> _Traded:
        out = cls()
        for rows in fills.read("side", "size_lots", "price_ticks", "fee_micro", "ts_exchange_ns"):
            lots, prices = widen(rows["side"] * rows["size_lots"], rows["price_ticks"])
            (fees,) = widen(rows["fee_micro"])
            out.fills += len(lots)
            out.lots += total(lots)
            out.tick_lots += total(lots * prices)
            out.paid_micro += total(fees[fees > 0])
            out.rebates_micro -= total(fees[fees < 0])
            out.last_ns, out.last_ticks = int(rows["ts_exchange_ns"][-1]), int(rows["price_ticks"][-1])
        return out


class _Sample(NamedTuple):
    """The account at one time."""

    position_lots: int
    cash_tick_lots: int
    fees_micro: int
    mid2: int | None


def _ends(samples: Stretches) -> tuple[_Sample | None, _Sample | None]:
    """Return the first and the last sample of an account."""
    first = last = None
    for rows in samples.read(*_Sample._fields):
        ends = []
        for at in (0, -1):
            position, cash, fees, mid2 = (int(rows[name][at]) for name in _Sample._fields)
            ends.append(_Sample(position, cash, fees, mid2 if rows["has_mid2"][at] else None))
        first, last = first or ends[0], ends[1]
    return first, last


def _build(
    tables: Mapping[str, Rows], info: RunInfo, place: tuple[int, int], first: int | None, stale_ns: int | None
) -> Ledger:
    agent, instrument = place
    codes = account_codes(info, agent, instrument)
    about = info.instrument_of(agent, instrument)
    traded = _Traded.of(Stretches(tables, "fills", codes))
    begin, last = _ends(Stretches(tables, "samples", codes))
    start, end, mark = _marks(begin, last, first, traded)
    age_ns: int | None = None if mark == "none" else 0
    if mark == "mid" and stale_ns is not None:
        mark, age_ns = "stale mid", info.end_ns - stale_ns
    elif mark == "last fill":
        age_ns = info.end_ns - traded.last_ns
    arrived = info.requests_not_arrived
    account = (
        about.initial_position_lots + traded.lots,
        -traded.tick_lots,
        traded.paid_micro - traded.rebates_micro,
    )
    if last is not None:  # the engine's account; its difference from the fills is the residual
        account = (last.position_lots, last.cash_tick_lots, last.fees_micro)
    return Ledger(
        agent=info.agents[agent],
        instrument=about,
        start_ns=info.start_ns,
        end_ns=info.end_ns,
        fills=Stretches(tables, "fills", codes, start),
        samples=Stretches(tables, "samples", codes, start),
        fill_count=traded.fills,
        markouts_ns=info.markouts_ns,
        position_start_lots=about.initial_position_lots,
        mid2_start=start,
        mid2_end=end,
        mark=mark,
        mark_age_ns=age_ns,
        position_end_lots=account[0],
        cash_end_tick_lots=account[1],
        fees_end_micro=account[2],
        fees_paid_micro=traded.paid_micro,
        rebates_micro=traded.rebates_micro,
        requests_not_arrived=arrived[agent * len(info.instruments) + instrument] if arrived else None,
    )


def account_name(ledger: Ledger, info: RunInfo) -> str:
    """Return the prefix of an account's metrics: its instrument, with its agent if there are several."""
    return ledger.instrument.name if len(info.agents) == 1 else f"{ledger.agent}/{ledger.instrument.name}"


def account_codes(info: RunInfo, agent: int, instrument: int) -> dict[str, int]:
    """Return the codes that select the rows of an account; empty if it is the only one.

    Args:
        info: description of the run.
        agent: code of the agent.
        instrument: code of the instrument.
    """
    codes = {"agent": agent} if len(info.agents) > 1 else {}
    return {**codes, "instrument": instrument} if len(info.instruments) > 1 else codes


def _marks(begin: _Sample | None, last: _Sample | None, first: int | None, traded: _Traded) -> tuple[int, int, str]:
    """Return the marks at the start and at the end, in half-ticks, and the kind of the latter (`Ledger.mark`)."""
    start, end = (None if sample is None else sample.mid2 for sample in (begin, last))
    start = first if start is None else start
    start = end if start is None else start
    if start is not None:
        return start, start if end is None else end, "mid"
    if traded.fills:
        constant = 2 * traded.last_ticks
        return constant, constant, "last fill"
    return 0, 0, "none"
