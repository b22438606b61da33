"""What an engine runs on: flat integers, compiled from a config and the files' own facts.

A plan holds no text that an engine interprets and no floats: whatever can be decided before the run is decided here,
so that two engines have nothing to disagree about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Annotated, Any, Final, TypeAlias

from lob_backtest.contract.bounds import INT64, Bounded, Count, Int64, Latency, Wait, Within
from lob_backtest.contract.queue_grid import LENGTHS, MAX_WEIGHT
from lob_backtest.contract.rank_grid import RANKS
from lob_backtest.contract.tables import SelfTrade
from lob_backtest.errors import ConfigError
from lob_backtest.instrument import Instrument

MAX_AGENTS: Final = (1 << 15) - 1
"""Codes of agents in the result tables have 16 bits."""
OF_NOTIONAL_LIMIT: Final = 1 << 46
"""Of a fee rate per tick·lot, 10⁻¹² tick·lots: times a price and a size, each below 2⁴⁰, it fits 128 bits."""
PER_LOT_LIMIT: Final = 1 << 86
"""Of a fee rate per lot, 10⁻¹² tick·lots: times a size, which is below 2⁴⁰, it fits 128 bits."""

Shown: TypeAlias = Annotated[Instrument | None, "for Python alone: what `ctx.instrument` shows"]
Seed: TypeAlias = Annotated[int, "for Python alone: a kernel draws no random numbers"]
Label: TypeAlias = Annotated[str, "for Python alone: written in messages"]
Interval: TypeAlias = Annotated[int, Within(1, INT64)]
"""Nanoseconds between two rows."""
Limit: TypeAlias = Annotated[int, Within(1, INT64)]
"""A number that trips something when it is reached."""
Weight: TypeAlias = Annotated[int, Within(0, MAX_WEIGHT + 1)]
Venue: TypeAlias = Annotated[int, Within(0, 1 << 10)]
Rates: TypeAlias = tuple[
    Annotated[int, Within(1 - OF_NOTIONAL_LIMIT, OF_NOTIONAL_LIMIT)],
    Annotated[int, Within(1 - PER_LOT_LIMIT, PER_LOT_LIMIT)],
]
"""A fee per tick·lot of notional and per lot, in 10⁻¹² tick·lots."""


class QueueModel(IntEnum):
    """How much of an unexplained fall of an L2 level was ahead of an own order (docs/fill-model.md)."""

    BACK = 0  # every cancel was behind
    PROPORTIONAL = 1  # cancels fall evenly on the queue
    WEIGHTED = 2  # cancels fall ahead and behind by the weights of what stands there: `QueueWeights`


class PostOnly(IntEnum):
    """What happens to a post-only order that would take on arrival."""

    REJECT = 0  # it is refused
    SLIDE = 1  # it rests one tick behind the best price of the other side


class IssuePolicy(IntEnum):
    """What to do with a row that the book cannot apply."""

    FAIL = 0  # stop the run
    SKIP = 1  # leave the row out
    REPAIR = 2  # correct the row


class Feed(IntEnum):
    """What a feed shows of the book."""

    L2 = 2  # the size of each level
    L3 = 3  # each order


@dataclass(frozen=True, slots=True)
class FillRules(Bounded):
    """How own orders fill in one instrument.

    Attributes:
        queue_model: for L2.
        fill_on_younger_execution: L3: an order that is older than one that executes fills even with lots left ahead.
        hidden_any_side: let hidden prints of unknown side fill.
        late_level_ns: L2: a print explains a LEVEL row that follows it within this exchange time.
        late_print_ns: L2: a print explains a fall that precedes it by at most this exchange time; 0: never.
    """

    queue_model: QueueModel = QueueModel.PROPORTIONAL
    fill_on_younger_execution: bool = False
    hidden_any_side: bool = False
    late_level_ns: Wait = 250_000_000
    late_print_ns: Wait = 250_000_000


@dataclass(frozen=True, slots=True)
class ReplaceRules(Bounded):
    """What a venue does with a replacement.

    Attributes:
        keeps_place: a smaller size at the same price keeps the place in the queue; else every change is a new arrival.
        size_is_total: the size of a replacement counts what has filled; else it is what is to be open.
        cancels_taker: a post-only order whose replacement would take is cancelled; else it stays as it was.
        cancels_filled: an order that has filled as much as its new total is cancelled; else it stays as it was.
    """

    keeps_place: bool = True
    size_is_total: bool = True
    cancels_taker: bool = False
    cancels_filled: bool = True


@dataclass(frozen=True, slots=True)
class OrderRules(Bounded):
    """What differs between venues in how orders are treated, for one instrument.

    Attributes:
        replace: of replacements.
        post_only: of a post-only order that would take on arrival.
        self_trade: of an order that meets an own one, unless the order says it.
    """

    replace: ReplaceRules = ReplaceRules()
    post_only: PostOnly = PostOnly.REJECT
    self_trade: SelfTrade = SelfTrade.CANCEL_NEWEST


@dataclass(frozen=True, slots=True)
class QueueWeights(Bounded):
    """The weight of a part of a queue, as a function of its length, for `QueueModel.WEIGHTED`.

    Attributes:
        values: at the lengths of `contract.queue_grid.grid`, straight between them; ascending.
        is_scale_free: the part counts relative to the other one: both lengths are doubled until the longer one has 60
            bits.
        name: the model's, in messages and results.
    """

    values: tuple[Weight, ...] = ()
    is_scale_free: bool = False
    name: Label = ""

    def __post_init__(self) -> None:
        """See that an engine can look up every length.

        Raises:
            ConfigError: the weights are not as many as the lengths, or descend.
        """
        Bounded.__post_init__(self)
        if self.values and len(self.values) != LENGTHS:
            raise ConfigError(f"QueueWeights: {len(self.values):,} values; expected {LENGTHS:,}")
        if any(later < earlier for earlier, later in pairwise(self.values)):
            raise ConfigError(f"QueueWeights: the weights of {self.name!r} descend; a longer part weighs no less")


@dataclass(frozen=True, slots=True)
class InstrumentPlan(Bounded):
    """One instrument of a run.

    Attributes:
        instrument: what `ctx.instrument` shows; an engine reads nothing else from it.
        feed: what its rows show.
        depth: levels per side that the feed shows, 0 for all.
        tick_lot_value: what one lot gains when the price rises by one tick, in currency; for `ctx.cash` and
            `ctx.equity` alone.
        venue: where it trades: the place of the agents' channels to it.
        fill_rules: how own orders fill.
        queue_weights: L2: of a queue model that weighs; without values elsewhere.
        order_rules: how the venue treats orders.
    """

    instrument: Instrument
    feed: Feed
    depth: Count
    tick_lot_value: float
    venue: Venue = 0
    fill_rules: FillRules = FillRules()
    queue_weights: QueueWeights = QueueWeights()
    order_rules: OrderRules = OrderRules()

    def __post_init__(self) -> None:
        """See that an engine can hold every number, and that a queue model that weighs has weights.

        Raises:
            ConfigError: it cannot, or there are none.
        """
        Bounded.__post_init__(self)
        if self.fill_rules.queue_model == QueueModel.WEIGHTED and not self.queue_weights.values:
            raise ConfigError(f"{self.place}: queue_model is WEIGHTED, but queue_weights has no values")

    @property
    def queue_name(self) -> str:
        """Return the name of the queue model in results."""
        return self.queue_weights.name or self.fill_rules.queue_model.name.lower()

    @property
    def place(self) -> str:
        """Return the name of this part in messages."""
        return f"InstrumentPlan of {self.instrument.name}"


@dataclass(frozen=True, slots=True)
class FeePlan(Bounded):
    """What the fills of one agent in one instrument cost.

    Attributes:
        maker_rates: of an order that rested.
        taker_rates: of an order that traded on arrival.
    """

    maker_rates: Rates = (0, 0)
    taker_rates: Rates = (0, 0)

    @classmethod
    def of(cls, instrument: Instrument) -> FeePlan:
        """Return the fees of an instrument as integers.

        Raises:
            ConfigError: a rate is beyond its bounds.
        """
        return cls(maker_rates=instrument.fee_rates(taker=False), taker_rates=instrument.fee_rates(taker=True))


@dataclass(frozen=True, slots=True)
class MmpPlan(Bounded):
    """Market maker protection of one agent in one instrument, at the exchange; off without `lots` and `fills`.

    Attributes:
        lots: the lots of the quotes' fills within the interval that trip it; `None`: no limit.
        fills: the number of fills of quotes within the interval that trips it; `None`: no limit.
        interval_ns: a fill counts for this long.
        frozen_ns: quotes are refused for this long after it has tripped; 0: until a reset.
    """

    lots: Limit | None = None
    fills: Limit | None = None
    interval_ns: Wait = 0
    frozen_ns: Wait = 0


@dataclass(frozen=True, slots=True)
class SessionPlan(Bounded):
    """One agent in one instrument.

    Attributes:
        fees: what its fills cost.
        max_position: limit on the position in lots, either side, orders in flight counted; `None`: no limit.
        initial_position: lots at the start.
        mmp: market maker protection.
        instrument: what `ctx.instrument` shows, with the agent's fees; `None`: that of the plan.
    """

    fees: FeePlan = FeePlan()
    max_position: Int64 | None = None
    initial_position: Int64 = 0
    mmp: MmpPlan = MmpPlan()
    instrument: Shown = None


@dataclass(frozen=True, slots=True)
class LatencyPlan(Bounded):
    """How long the messages of one kind take on one channel: a constant and a part that varies, at least 1 ns in all.

    Attributes:
        constant_ns: of every message.
        quantiles_ns: a distribution of the part that varies, at the ranks of `contract.rank_grid`, descending; empty
            where nothing is drawn.
        stretch_ns: one rank holds for some stretches of this length, see `engine.models.latency`; 0: each message
            draws its own.
        stream: of the random numbers.
        measured_ts_ns: times of a measured series of the part that varies, ascending; empty without one.
        measured_ns: its values.
        is_interpolated: values of the series are straight between two times; otherwise the last one holds.
        service_ns: how long a gateway is busy with a message; later ones wait until it is free; 0: it has no limit.
    """

    constant_ns: Wait = 0
    quantiles_ns: tuple[Wait, ...] = ()
    stretch_ns: Wait = 0
    stream: Int64 = 0
    measured_ts_ns: tuple[Int64, ...] = ()
    measured_ns: tuple[Wait, ...] = ()
    is_interpolated: bool = False
    service_ns: Wait = 0

    def __post_init__(self) -> None:
        """See that an engine can look up every rank and time.

        Raises:
            ConfigError: a number is out of range, the quantiles are not as many as the ranks or ascend, or times and
                values of the series are not as many, or the times descend.
        """
        Bounded.__post_init__(self)
        if self.quantiles_ns and len(self.quantiles_ns) != RANKS:
            raise ConfigError(f"LatencyPlan: {len(self.quantiles_ns):,} quantiles_ns; expected {RANKS:,}")
        if any(later > earlier for earlier, later in pairwise(self.quantiles_ns)):
            raise ConfigError("LatencyPlan: quantiles_ns ascend; the first one is of the slowest message")
        if len(self.measured_ts_ns) != len(self.measured_ns):
            raise ConfigError(
                f"LatencyPlan: {len(self.measured_ts_ns):,} measured_ts_ns and {len(self.measured_ns):,} measured_ns; "
                "expected as many"
            )
        if any(later < earlier for earlier, later in pairwise(self.measured_ts_ns)):
            raise ConfigError("LatencyPlan: measured_ts_ns descend; sort the series by time")


@dataclass(frozen=True, slots=True)
class ChannelPlan(Bounded):
    """The connection of one agent to one venue. Nothing overtakes on it, unless requests are reordered.

    Attributes:
        entry_ns: latency of a request.
        response_ns: latency of a response.
        latencies: instead of these two: of new orders, of replacements, of cancels and of responses; empty: those hold.
        is_reordered: requests about different orders may overtake each other.
    """

    entry_ns: Latency = 1
    response_ns: Latency = 1
    latencies: tuple[LatencyPlan, ...] = ()
    is_reordered: bool = False

    def __post_init__(self) -> None:
        """See that the latency of each kind of message is known.

        Raises:
            ConfigError: a number is out of range, or a kind is missing.
        """
        Bounded.__post_init__(self)
        if len(self.latencies) not in (0, 4):
            raise ConfigError(
                f"ChannelPlan: {len(self.latencies)} latencies; expected none, or those of new, replace, cancel and "
                "response"
            )


@dataclass(frozen=True, slots=True)
class AgentPlan(Bounded):
    """One strategy of a run.

    Attributes:
        sessions: its part in each instrument, in the plan's order.
        channels: its connection to each venue.
        seed: of `ctx.rng`.
        warm_up_ns: orders are refused for this long after the start.
        name: in messages, where the run has several agents; empty where it has one.
    """

    sessions: tuple[SessionPlan, ...]
    channels: tuple[ChannelPlan, ...] = (ChannelPlan(),)
    seed: Seed = 1
    warm_up_ns: Wait = 0
    name: Label = ""


@dataclass(frozen=True, slots=True)
class Plan(Bounded):
    """One run.

    Attributes:
        instruments: in config order, which breaks ties in time.
        agents: in config order, which breaks ties behind that of the instruments.
        start_ns: the strategies start here, but not before the first row; `None`: at the first row.
        end_ns: the run ends here, but not after the arrival of the last packet; `None`: with that.
        flatten: close the positions at the end by taking what is displayed.
        markouts_ns: horizons after a fill at which the mid is recorded, ascending.
        sample_ns: interval of the `samples` table.
        taint_ns: fills up to this long after a suspect row are marked tainted.
        issue_policies: what to do for each `book.book.Issue`, by its code.
        paranoid: check every invariant after every packet.
    """

    instruments: tuple[InstrumentPlan, ...]
    agents: tuple[AgentPlan, ...]
    start_ns: Int64 | None = None
    end_ns: Int64 | None = None
    flatten: bool = False
    markouts_ns: tuple[Wait, ...] = (100_000_000, 1_000_000_000, 10_000_000_000, 60_000_000_000)
    sample_ns: Interval = 1_000_000_000
    taint_ns: Wait = 1_000_000_000
    issue_policies: dict[int, IssuePolicy] = field(default_factory=dict)
    paranoid: bool = False

    def __post_init__(self) -> None:
        """See that an engine can hold every number, and that each agent has its part in each instrument and venue.

        Raises:
            ConfigError: one is no integer, or beyond 64 bits; or a session or a channel is missing; the message names
                the field.
        """
        Bounded.__post_init__(self)
        if len(self.agents) > MAX_AGENTS:
            raise ConfigError(f"Plan: {len(self.agents):,} agents; expected at most {MAX_AGENTS:,}")
        venues = self.venues
        for agent in self.agents:
            if len(agent.sessions) != len(self.instruments):
                raise ConfigError(
                    f"AgentPlan: sessions has {len(agent.sessions)} entries; expected one for each of the "
                    f"{len(self.instruments)} instruments"
                )
            if len(agent.channels) != venues:
                raise ConfigError(
                    f"AgentPlan: channels has {len(agent.channels)} entries; expected one for each of the "
                    f"{venues} venues"
                )

    @property
    def venues(self) -> int:
        """Return how many venues there are."""
        return venue_count(self.instruments)


def venue_count(instruments: Iterable[InstrumentPlan]) -> int:
    """Return how many venues instruments trade on."""
    return max((each.venue for each in instruments), default=-1) + 1


def uniform_plan(
    instruments: Sequence[InstrumentPlan],
    agents: int = 1,
    *,
    session: SessionPlan | None = None,
    channel: ChannelPlan | None = None,
    seed: int = 1,
    warm_up_ns: int = 0,
    **run: Any,
) -> Plan:
    """Make a plan whose agents are alike: the same session in each instrument, the same channel to each venue.

    Args:
        instruments: as in `Plan`.
        agents: how many.
        session: of each agent in each instrument; `None`: without fees, limit and position.
        channel: of each agent to each venue; `None`: the shortest latencies.
        seed: of the first agent; the next one has the next seed.
        warm_up_ns: of each agent.
        run: the other fields of `Plan`.
    """
    sessions = (session or SessionPlan(),) * len(instruments)
    channels = (channel or ChannelPlan(),) * venue_count(instruments)
    return Plan(
        instruments=tuple(instruments),
        agents=tuple(AgentPlan(sessions, channels, seed + i, warm_up_ns) for i in range(agents)),
        **run,
    )
