"""The engines. The reference engine, in pure Python, is the readable specification; its main loop is in `loop`.

An engine is one function: a plan of integers, a stream of batches an instrument, the strategies and a sink go in; rows
of the result tables go to the sink, an `Outcome` comes back. Nothing else passes between an engine and the rest.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from lob_backtest.errors import StrategyError
    from lob_backtest.market.schema import Batch
    from lob_backtest.plan import Plan
    from lob_backtest.strategy import Strategy


Packed: TypeAlias = "tuple[int, Any, Any, Any]"
"""A column in Arrow's memory layout: rows, validity (a bit a row), the offsets of texts (32 bits each), values: objects
that show their memory, or `None`. No validity: nothing is null."""


class Sink(Protocol):
    """Takes the result of a run as it is made."""

    def write(self, table: str, columns: Mapping[str, list[Any] | Packed]) -> None:
        """Take rows of a table of `lob_backtest.tables`, column by column in the schema's order."""

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


class Engine(Protocol):
    """Runs strategies over market data."""

    def __call__(
        self, plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink
    ) -> Outcome:
        """Replay.

        Args:
            plan: what to do.
            sources: the rows of each instrument, in the plan's order. An engine may take batches before it needs them;
                their arrays must stay as they are.
            agents: the strategies, each with its own orders, position and channels.
            sink: takes the result tables.

        Raises:
            DataError: a row cannot be applied and its policy is to fail.
            EngineError: an invariant is broken.
        """


_HOMES: Final = {"kernel": "lob_backtest.engine.kernel", "reference": "lob_backtest.engine.loop"}


def is_built() -> bool:
    """Return whether the compiled kernel is installed; `load_engine` finds out whether it can be loaded."""
    return importlib.util.find_spec("lob_backtest._kernel") is not None


ENGINES: Final = tuple(name for name in _HOMES if name != "kernel" or is_built())
"""The engines of this installation, the preferred one first."""


def load_engine(name: str) -> Engine:
    """Return an engine of `ENGINES`.

    Raises:
        ConfigError: it is installed and cannot be loaded.
    """
    engine: Engine = importlib.import_module(_HOMES[name]).replay

    def in_whole_packets(
        plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink
    ) -> Outcome:
        """Run the engine on L2 feeds in the order of application, which is written once for all engines."""
        from lob_backtest.engine.packets import whole_packets
        from lob_backtest.market.schema import Batch

        ordered = list(sources)
        for i, instrument in enumerate(plan.instruments[: len(ordered)]):
            if instrument.level == 2:
                ordered[i] = whole_packets(iter(ordered[i]))
        return engine(plan, [map(Batch.read_only, batches) for batches in ordered], agents, sink)

    return in_whole_packets
