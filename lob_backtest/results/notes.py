"""Remarks at the end of a run that may not be what its author meant: nothing got through, nothing costs anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from lob_backtest.contract.plan import AgentPlan, FeePlan, Plan
from lob_backtest.contract.tables import RejectReason, Rows, UpdateKind
from lob_backtest.results.run_info import Note
from lob_backtest.units import format_instant

LARGE: Final = 10
"""An order is large where it has so many times the size that is displayed on average at the best price."""
EARLY_NS: Final = 60_000_000_000
"""Data that end so long before the run are remarked on."""
SIZED: Final = (UpdateKind.ACCEPTED.value, UpdateKind.REPLACED.value)
"""Updates that tell the size of an order at the exchange."""
REMEDIES: Final = {
    RejectReason.OFF_TICK: "prices are whole numbers of ticks: ctx.instrument.ticks(99.95) makes them",
    RejectReason.OFF_LOT: "sizes are whole numbers of lots: ctx.instrument.lots(0.5) makes them",
    RejectReason.SIZE: "sizes are positive, and below 2^40 lots",
    RejectReason.PRICE: "prices are in ticks, below 2^40, and only a market order has none",
    RejectReason.BAD_VALUE: "an argument is of the wrong kind: text for a number, NaN, an unknown tif",
    RejectReason.UNKNOWN_ORDER: "cancel and replace take the id that buy and sell return, or an order",
    RejectReason.POSITION_LIMIT: "max_position is reached",
    RejectReason.WARM_UP: "they came within run.warm_up, the time after the start",
    RejectReason.HALTED: "the market was not in continuous trading",
    RejectReason.POST_ONLY: "they would have traded on arrival",
    RejectReason.REDUCE_ONLY: "there was no position to reduce",
    RejectReason.MMP: "market maker protection had tripped; ctx.mmp_reset() takes quotes again",
    RejectReason.SELF_TRADE: "they would have traded with own orders",
}


@dataclass(frozen=True)
class Facts:
    """What notes need to know beside the tables.

    Attributes:
        plan: the run's.
        agents: names.
        timers: per agent: how many timers it made; `None`: it has no `on_timer`, or the run is partial.
        mistakes: per agent: the first request whose arguments were wrong, in words; empty without one.
        data_end_ns: per instrument: the time of its last row.
        end_ns: of the run.
        venues: what is to be said about the venues of orders.
        is_feed_instant: whether `latency.feed` is 0.
        feed_latency_ns: per instrument: percentiles of local minus exchange time; empty if unknown.
    """

    plan: Plan
    agents: Sequence[str]
    timers: Sequence[int | None]
    mistakes: Sequence[str]
    data_end_ns: Sequence[int]
    end_ns: int
    is_feed_instant: bool
    venues: Sequence[str] = ()
    feed_latency_ns: Sequence[Mapping[str, int]] = ()


def notes_of(tables: Mapping[str, Rows], facts: Facts) -> tuple[Note, ...]:
    """Return remarks about a run: those about each agent, the gravest first, then those about the data.

    Args:
        tables: of the run.
        facts: about it.
    """
    requests, shown_lots = _Requests(tables["orders"]), _shown_lots(tables["bbo"])
    fills = _by_agent(tables["fills"])
    found = []
    for agent in range(len(facts.agents)):
        texts = _about_requests(requests, agent, facts)
        texts += _about_fills(fills[agent], requests.accepted[agent], facts.plan.agents[agent])
        texts += _about_sizes(requests.largest, agent, shown_lots, facts.plan)
        found += [Note(text, agent) for text in texts]
    texts = _early_ends(facts)
    if requests.accepted:
        texts += facts.venues
    if facts.is_feed_instant:
        texts.append("latency.feed is 0: strategies see each event when it happens, which no feed can show")
    else:
        texts += _instant_feeds(facts)
    return (*found, *(Note(text) for text in texts))


class _Requests:
    """Counts of the table of orders, read batch by batch.

    Attributes:
        accepted: orders, by agent.
        refused: requests by agent and reason.
        largest: the largest order by agent and instrument, in lots.
    """

    def __init__(self, orders: Rows) -> None:
        self.accepted: Counter[int] = Counter()
        self.refused: dict[int, Counter[RejectReason]] = {}
        self.largest: dict[tuple[int, int], int] = {}
        for batch in orders.select(["agent", "instrument", "kind", "reason", "size_lots"]).to_batches():
            table = pa.Table.from_batches([batch])
            counts = table.group_by(["agent", "kind", "reason"]).aggregate([([], "count_all")])
            for row in counts.to_pylist():
                self._count(row["agent"], UpdateKind(row["kind"]), RejectReason(row["reason"]), row["count_all"])
            live = table.filter(pc.is_in(table["kind"], pa.array(SIZED, table["kind"].type)))
            for row in live.group_by(["agent", "instrument"]).aggregate([("size_lots", "max")]).to_pylist():
                key = (row["agent"], row["instrument"])
                self.largest[key] = max(row["size_lots_max"], self.largest.get(key, 0))

    def _count(self, agent: int, kind: UpdateKind, reason: RejectReason, count: int) -> None:
        if kind == UpdateKind.ACCEPTED:
            self.accepted[agent] += count
        elif reason not in (RejectReason.NONE, RejectReason.TOO_LATE, RejectReason.STOPPED):
            self.refused.setdefault(agent, Counter())[reason] += count


def _by_agent(rows: Rows) -> Counter[int]:
    """Count rows by agent."""
    found: Counter[int] = Counter()
    for batch in rows.select(["agent"]).to_batches():
        for row in pc.value_counts(batch.column("agent")).to_pylist():
            found[row["values"]] += row["counts"]
    return found


def _shown_lots(bbo: Rows) -> dict[int, float]:
    """Return the mean size at the best prices by instrument, of the first rows."""
    first = next(iter(bbo.select(["instrument", "bid_lots", "ask_lots"]).to_batches()), None)
    if first is None:
        return {}
    touch = pa.Table.from_batches([first]).group_by("instrument")
    means = touch.aggregate([("bid_lots", "mean"), ("ask_lots", "mean")]).to_pylist()
    return {row["instrument"]: ((row["bid_lots_mean"] or 0) + (row["ask_lots_mean"] or 0)) / 2 for row in means}


def _about_requests(requests: _Requests, agent: int, facts: Facts) -> list[str]:
    found = []
    refused, accepted = requests.refused.get(agent, Counter()), requests.accepted[agent]
    total = sum(refused.values())
    mistake = facts.mistakes[agent]
    if total and total >= accepted:
        share = f"{total:,} of {total + accepted:,} requests" if accepted else f"all {total:,} requests"
        found.append(f"{share} were refused: {_reasons(refused)}" + (f". The first: {mistake}" if mistake else ""))
    elif mistake:
        found.append(f"a request was refused for its arguments: {mistake}")
    if facts.timers[agent] == 0:
        found.append("on_timer is defined, but no timer was made: call ctx.every(...) in on_start")
    return found


def _about_fills(fills: int, accepted: int, plan: AgentPlan) -> list[str]:
    if not fills:
        return [f"no order filled, of {accepted:,} that were accepted"] if accepted else []
    if all(session.fees == FeePlan() for session in plan.sessions):
        return ["no fees are set, so that fills cost and earn none: fees.maker_bps, fees.taker_bps"]
    return []


def _about_sizes(
    largest: Mapping[tuple[int, int], int], agent: int, shown_lots: Mapping[int, float], plan: Plan
) -> list[str]:
    found = []
    for instrument, typical in shown_lots.items():
        lots = largest.get((agent, instrument), 0)
        if typical and lots > LARGE * typical:
            name = plan.instruments[instrument].instrument.name
            shown = f"the best price shows {typical:,.0f} on average"
            bias = "the market does not react to them in a replay, and they fill too well"
            found.append(f"{name}: orders of up to {lots:,} lots, where {shown}: {bias}")
    return found


def _reasons(refused: Counter[RejectReason]) -> str:
    parts = []
    for reason, count in refused.most_common(3):
        remedy = f" ({REMEDIES[reason]})" if reason in REMEDIES else ""
        parts.append(f"{reason.name} {count:,}{remedy}")
    return "; ".join(parts)


def _instant_feeds(facts: Facts) -> list[str]:
    """Remark on feeds whose recorded local times are those of the exchange, while requests take time."""
    pairs = zip(facts.plan.instruments, facts.feed_latency_ns, strict=False)
    names = [each.instrument.name for each, found in pairs if found and not found["max"]]
    if not names:
        return []
    why = "strategies see each event when it happens, while their requests take time: set latency.feed"
    return [f"{', '.join(names)}: local times equal exchange times: {why}"]


def _early_ends(facts: Facts) -> list[str]:
    found = []
    for each, end_ns in zip(facts.plan.instruments, facts.data_end_ns, strict=True):
        early_ns = facts.end_ns - end_ns
        if early_ns > EARLY_NS:
            place, before = format_instant(end_ns), f"{early_ns / 1e9:,.0f} s before the run"
            found.append(f"{each.instrument.name}: its data end at {place}, {before}; then its book stands still")
    return found
