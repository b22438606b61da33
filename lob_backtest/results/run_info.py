"""The description of a run that is not in its tables: instruments, horizons, inputs, versions, counts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class InstrumentInfo:
    """One instrument of a run.

    Attributes:
        name: as in the config.
        venue: where it trades, from the file's metadata.
        level: 3 (orders) or 2 (levels).
        tick_size: the price of one tick, a decimal number as text, in currency.
        lot_size: the size of one lot, a decimal number as text, in base units.
        multiplier: currency per unit and point of price, a decimal number as text.
        currency: quote currency; a label.
        initial_position_lots: signed position at the start.
        max_position_lots: limit of the absolute position; `None` without one.
        queue: the queue model as in `[fills] queue`; `None` on L3 and in results of earlier versions.
        late_level_ns: a print explains a LEVEL row that follows it within this exchange time; from the config, the
            file or the default; `None` on L3 and in results of earlier versions.
        late_print_ns: a print explains a fall that precedes it by at most this exchange time, 0: never; from the
            same source as `late_level_ns`.
        fees: rates by the names of `lob_backtest.instrument.Fees`, decimal numbers as text; empty if unknown.
        entry_ns: latency of requests to its venue; `None` if unknown, or where `latencies` has it.
        response_ns: latency of responses; `None` if unknown, or where `latencies` has it.
        latencies: by kind of message (new, replace, cancel, response): a duration or a model as text, where they are
            not two constants.
    """

    name: str
    venue: str
    level: int
    tick_size: str
    lot_size: str
    multiplier: str = "1"
    currency: str = ""
    initial_position_lots: int = 0
    max_position_lots: int | None = None
    queue: str | None = None
    late_level_ns: int | None = None
    late_print_ns: int | None = None
    fees: dict[str, str] = field(default_factory=dict)
    entry_ns: int | None = None
    response_ns: int | None = None
    latencies: dict[str, str] = field(default_factory=dict)

    @property
    def tick_lot_value(self) -> Decimal:
        """Return the gain of one lot when the price rises by one tick, in currency."""
        return Decimal(self.tick_size) * Decimal(self.lot_size) * Decimal(self.multiplier)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What one agent has of its own in one instrument.

    Attributes:
        initial_position_lots: signed position at the start.
        max_position_lots: limit of the absolute position; `None` without one.
        fees: rates, as in `InstrumentInfo`.
        entry_ns: latency of requests; `None` if unknown, or where `latencies` has it.
        response_ns: latency of responses; `None` if unknown, or where `latencies` has it.
        latencies: as in `InstrumentInfo`.
    """

    initial_position_lots: int = 0
    max_position_lots: int | None = None
    fees: dict[str, str] = field(default_factory=dict)
    entry_ns: int | None = None
    response_ns: int | None = None
    latencies: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InputInfo:
    """One file that a run read.

    Attributes:
        path: as in the config.
        rows: number of its rows.
        sha256: of its bytes, in hexadecimal.
    """

    path: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Note:
    """A remark about a run that may not be what was meant.

    Attributes:
        text: the remark.
        agent: the agent that it is about, by its code in the tables; `None`: it is about the data.
    """

    text: str
    agent: int | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The description of a run that a result holds besides its tables.

    Attributes:
        instruments: in the order of the column `instrument` of the tables.
        agents: names, in the order of the column `agent`.
        markouts_ns: horizons of the `mid2_after_…` columns, in nanoseconds.
        sample_ns: interval of the table `samples`, in nanoseconds.
        start_ns: start of the replay, nanoseconds since the epoch, UTC: `run.start`, or the first row if later.
        end_ns: end of the replay: `run.end`, or the arrival of the last packet if earlier.
        engine: the name of the engine.
        seed: of every random choice.
        config: the whole configuration, as plain values.
        inputs: the files read.
        versions: of this package, the engine, Python and the libraries.
        counts: events, and everything that was skipped, repaired or refused, by name.
        suspect_since_ns: one entry per instrument: start of the suspect stretch in which the run ended, or `None`;
            empty if unknown.
        requests_not_arrived: one entry per agent and instrument, in that order: requests that had not reached the
            exchange by the end; empty if unknown.
        feed_latency_ns: one entry per instrument: percentiles of local minus exchange time, of one row in 64, by name
            ("p50"); empty if unknown.
        sessions: one entry per agent and instrument, in that order; empty where agents have nothing of their own.
        reason: why the run ended early, empty if it did not: the text of the error, or the interrupt.
        notes: remarks: no request got through, no fees are set, and the like.
    """

    instruments: tuple[InstrumentInfo, ...]
    agents: tuple[str, ...]
    markouts_ns: tuple[int, ...]
    sample_ns: int
    start_ns: int
    end_ns: int
    engine: str = "reference"
    seed: int = 0
    config: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[InputInfo, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    suspect_since_ns: tuple[int | None, ...] = ()
    requests_not_arrived: tuple[int, ...] = ()
    feed_latency_ns: tuple[dict[str, int], ...] = ()
    sessions: tuple[SessionInfo, ...] = ()
    reason: str = ""
    notes: tuple[Note, ...] = ()

    def note_texts(self) -> list[str]:
        """Return the notes as text, with the name of the agent where there are several."""
        agents = self.agents
        return [
            each.text if each.agent is None or len(agents) == 1 else f"{agents[each.agent]}: {each.text}"
            for each in self.notes
        ]

    def instrument_of(self, agent: int, instrument: int) -> InstrumentInfo:
        """Return an instrument with the position at the start, the limit, the fees and the latencies of an agent.

        Args:
            agent: its code in the tables.
            instrument: its code in the tables.
        """
        about = self.instruments[instrument]
        if not self.sessions:
            return about
        session = self.sessions[agent * len(self.instruments) + instrument]
        return dataclasses.replace(about, **dataclasses.asdict(session))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> RunInfo:
        """Rebuild from the values of `to_dict`, with or without JSON in between.

        Raises:
            TypeError: a key is missing or unknown.
            KeyError: the instruments, inputs, agents or horizons are missing.
        """
        return cls(
            **{
                **plain,
                "instruments": tuple(InstrumentInfo(**each) for each in plain["instruments"]),
                "inputs": tuple(InputInfo(**each) for each in plain["inputs"]),
                "agents": tuple(plain["agents"]),
                "markouts_ns": tuple(plain["markouts_ns"]),
                "suspect_since_ns": tuple(plain.get("suspect_since_ns", ())),
                "requests_not_arrived": tuple(plain.get("requests_not_arrived", ())),
                "feed_latency_ns": tuple(plain.get("feed_latency_ns", ())),
                "sessions": tuple(SessionInfo(**each) for each in plain.get("sessions", ())),
                "notes": tuple(Note(**each) for each in plain.get("notes", ())),
            }
        )
