"""What an engine gives back: rows of the result tables to a `Sink`, and an `Outcome`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from lob_backtest.errors import StrategyError

Packed: TypeAlias = "tuple[int, Any, Any, Any]"
"""A column in Arrow's memory layout: rows, validity (a bit a row), the offsets of texts (32 bits each), values: objects
that show their memory, or `None`. No validity: nothing is null."""


class Sink(Protocol):
    """Takes the result of a run as it is made."""

    def write(self, table: str, columns: Mapping[str, list[Any] | Packed]) -> None:
        """Take rows of a table of `lob_backtest.contract.tables`, column by column in the schema's order."""

    def log(self, ts_ns: int, text: str) -> None:
        """Take a line that a strategy logged."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run was, beside its tables.

    Attributes:
        start_ns: where the strategies started: no earlier than the first row.
        end_ns: where the run ended: no later than the arrival of the last packet.
        counts: rows, packets and what was skipped or repaired, an instrument each.
        failure: what a strategy raised; the tables hold what was there until then.
        suspect_since_ns: an instrument each: since when its book has been suspect at the end, `None` where it is not.
        requests_not_arrived: requests sent that had not reached the exchange by the end; the instruments of the first
            strategy, then those of the next.
    """

    start_ns: int
    end_ns: int
    counts: tuple[dict[str, int], ...]
    failure: StrategyError | None
    suspect_since_ns: tuple[int | None, ...]
    requests_not_arrived: tuple[int, ...]
