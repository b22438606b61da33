"""What an engine runs on: flat integers, compiled from a config and the files' own facts.

A plan holds no text that an engine interprets and no floats: whatever can be decided before the run is decided here,
so that two engines have nothing to disagree about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Any, Final, TypeAlias

from lob_backtest.errors import ConfigError
from lob_backtest.instrument import Instrument

Count: TypeAlias = Annotated[int, "not negative"]
Shown: TypeAlias = Annotated[Instrument | None, "for Python alone: what `ctx.instrument` shows"]
Seed: TypeAlias = Annotated[int, "for Python alone: a kernel draws no random numbers"]
Label: TypeAlias = Annotated[str, "for Python alone: written in messages"]

INT64: Final = 1 << 63
MAX_VENUES: Final = 1 << 10
MAX_AGENTS: Final = (1 << 15) - 1
"""Codes of agents in the result tables have 16 bits."""
RATES: Final = (1 << 46, 1 << 86)
"""Fee rates stay below these, so that the fee of the largest fill fits 128 bits."""


def _check(where: str, name: str, value: Any, least: int, bound: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < bound:
        raise ConfigError(f"{where}: {name} is {value!r}; expected an integer from {least} to {bound - 1}")


class QueueModel(IntEnum):
    """How much of an unexplained fall of an L2 level was ahead of an own order (docs/fill-model.md)."""

    BACK = 0  # every cancel was behind
    PROPORTIONAL = 1  # cancels fall evenly on the queue


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
class InstrumentPlan:
    """One instrument of a run.

    Attributes:
        instrument: what `ctx.instrument` shows; an engine reads nothing else from it.
        feed: what its rows show.
        depth: levels per side that the feed shows, 0 for all.
        tick_lot_value: what one lot gains when the price rises by one tick, in currency; for `ctx.cash` and
            `ctx.equity` alone.
        venue: where it trades: the place of the agents' channels to it.
        queue_model: for L2.
        fill_on_younger_execution: L3: an order that is older than one that executes fills even with lots left ahead.
        hidden_any_side: let hidden prints of unknown side fill.
        late_level_ns: L2: a print explains a LEVEL row that follows it within this exchange time, 0 to 2^60 - 1.
        late_print_ns: L2: a print explains a fall that precedes it by at most this exchange time; 0: never.
    """

    instrument: Instrument
    feed: Feed
    depth: Count
    tick_lot_value: float
    venue: Count = 0
    queue_model: QueueModel = QueueModel.PROPORTIONAL
    fill_on_younger_execution: bool = False
    hidden_any_side: bool = False
    late_level_ns: int = 250_000_000
    late_print_ns: int = 250_000_000

    def __post_init__(self) -> None:
        """See that an engine can hold every number.

        Raises:
            ConfigError: one is no integer, or beyond its bound; the message names the field.
        """
        where = f"InstrumentPlan of {self.instrument.name}"
        for name in ("depth", "late_level_ns", "late_print_ns"):
            _check(where, name, getattr(self, name), 0, INT64)
        _check(where, "venue", self.venue, 0, MAX_VENUES)


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One agent in one instrument.

    Attributes:
        maker_rates: fee of a maker fill, see `Instrument.fee_rates`.
        taker_rates: fee of a taker fill.
        max_position: limit on the position in lots, either side, orders in flight counted; `None`: no limit.
        initial_position: lots at the start.
        instrument: what `ctx.instrument` shows, with the agent's fees; `None`: that of the plan.
    """

    maker_rates: tuple[int, int] = (0, 0)
    taker_rates: tuple[int, int] = (0, 0)
    max_position: int | None = None
    initial_position: int = 0
    instrument: Shown = None

    def __post_init__(self) -> None:
        """See that an engine can hold every number.

        Raises:
            ConfigError: one is no integer, or beyond its bound; the message names the field.
        """
        where = "SessionPlan"
        _check(where, "initial_position", self.initial_position, -INT64, INT64)
        if self.max_position is not None:
            _check(where, "max_position", self.max_position, -INT64, INT64)
        for name in ("maker_rates", "taker_rates"):
            rates = getattr(self, name)
            if len(rates) != len(RATES):
                raise ConfigError(f"{where}: {name} is {rates!r}; expected two integers, see Instrument.fee_rates")
            for rate, bound in zip(rates, RATES, strict=True):
                _check(where, name, rate, 1 - bound, bound)


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """The connection of one agent to one venue. Nothing overtakes on it.

    Attributes:
        entry_ns: latency of a request, at least 1.
        response_ns: latency of a response, at least 1.
    """

    entry_ns: int = 1
    response_ns: int = 1

    def __post_init__(self) -> None:
        """See that an engine can hold both.

        Raises:
            ConfigError: one is no integer, or beyond its bound; the message names the field.
        """
        for name in ("entry_ns", "response_ns"):
            _check("ChannelPlan", name, getattr(self, name), 1, INT64)


@dataclass(frozen=True, slots=True)
class AgentPlan:
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
    warm_up_ns: int = 0
    name: Label = ""

    def __post_init__(self) -> None:
        """See that an engine can hold every number.

        Raises:
            ConfigError: one is no integer, or beyond its bound; the message names the field.
        """
        _check("AgentPlan", "warm_up_ns", self.warm_up_ns, 0, INT64)


@dataclass(frozen=True, slots=True)
class Plan:
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
    start_ns: int | None = None
    end_ns: int | None = None
    flatten: bool = False
    markouts_ns: tuple[int, ...] = (100_000_000, 1_000_000_000, 10_000_000_000, 60_000_000_000)
    sample_ns: int = 1_000_000_000
    taint_ns: int = 1_000_000_000
    issue_policies: dict[int, IssuePolicy] = field(default_factory=dict)
    paranoid: bool = False

    def __post_init__(self) -> None:
        """See that an engine can hold every number, and that each agent has its part in each instrument and venue.

        Raises:
            ConfigError: one is no integer, or beyond 64 bits; or a session or a channel is missing; the message names
                the field.
        """
        for name in ("start_ns", "end_ns"):
            if getattr(self, name) is not None:
                _check("Plan", name, getattr(self, name), -INT64, INT64)
        _check("Plan", "taint_ns", self.taint_ns, 0, INT64)
        _check("Plan", "sample_ns", self.sample_ns, 1, INT64)
        for horizon_ns in self.markouts_ns:
            _check("Plan", "markouts_ns", horizon_ns, 0, INT64)
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
