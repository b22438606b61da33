"""The output of an engine: rows of the result tables to a `Sink`, and an `Outcome`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from lob_backtest.errors import StrategyError

PERCENTILES: Final = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
"""Those of latencies, by name: the smallest value that so many of a hundred do not exceed."""

Packed: TypeAlias = "tuple[int, Any, Any, Any]"
"""A column in Arrow's memory layout: number of rows; then validity (a bit per row; `None`: no nulls), offsets of texts
(32 bits each) and values, each an object with the buffer protocol or `None`."""


class Sink(Protocol):
    """Receives the result of a run while it is produced."""

    def write(self, table: str, columns: Mapping[str, list[Any] | Packed]) -> None:
        """Append rows to a table of `lob_backtest.contract.tables`, column by column in the schema's order."""

    def log(self, ts_ns: int, agent: int, text: str) -> None:
        """Append a line of the log of an agent, by its number."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The facts about a run that are not in its tables.

    Attributes:
        start_ns: start of the strategies, no earlier than the first row.
        end_ns: end of the run, no later than the arrival of the last packet.
        counts: rows, packets, skipped and repaired rows; one entry per instrument.
        failure: the exception of a strategy, or an interrupt, for which `interrupts.take` has been called; the tables
            then end at it.
        suspect_since_ns: one entry per instrument: start of the suspect stretch in which the run ended, or `None`.
        requests_not_arrived: requests sent that had not reached the exchange by the end; the instruments of the first
            strategy, then those of the next.
        timers: how many timers each strategy has set.
        mistakes: the first request of each strategy whose arguments were wrong, in words; empty without one.
        stop: the strategy that has ended the run by `ctx.stop`, and why; `None`: none has.
    """

    start_ns: int
    end_ns: int
    counts: tuple[dict[str, int], ...]
    failure: StrategyError | KeyboardInterrupt | None
    suspect_since_ns: tuple[int | None, ...]
    requests_not_arrived: tuple[int, ...]
    timers: tuple[int, ...]
    mistakes: tuple[str, ...]
    stop: tuple[int, str] | None
