"""The engines. The reference engine, in pure Python, is the readable specification; its main loop is in `loop`.

An engine is one function. A plan of integers, a stream of batches per instrument, the strategies and a sink go in; rows
of the result tables go to the sink, and an `Outcome` is returned. Nothing else passes between an engine and the rest,
but for what an engine lacks: beside `replay`, its module has `unsupported(plan)`, which names it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from lob_backtest.errors import ConfigError

if TYPE_CHECKING:
    from lob_backtest.contract.output import Outcome, Sink
    from lob_backtest.contract.plan import Plan
    from lob_backtest.contract.rows import Batch
    from lob_backtest.strategy.api import Strategy


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


_HOMES: Final = {"kernel": "lob_backtest.engine.kernel", "reference": "lob_backtest.engine.driver"}


def is_built() -> bool:
    """Return whether the compiled kernel is installed; `load_engine` finds out whether it can be loaded."""
    return importlib.util.find_spec("lob_backtest._kernel") is not None


ENGINES: Final = tuple(name for name in _HOMES if name != "kernel" or is_built())
"""The engines of this installation, the preferred one first."""


def load_engine(name: str) -> Engine:
    """Return an engine of `ENGINES`.

    Called with a plan of which it lacks something, it raises `ConfigError`.

    Raises:
        ConfigError: it is installed and cannot be loaded.
    """
    module = importlib.import_module(_HOMES[name])
    engine: Engine = module.replay

    def in_whole_packets(
        plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink
    ) -> Outcome:
        """Run the engine on L2 feeds in the order of application, which is written once for all engines."""
        from lob_backtest.contract.rows import Batch
        from lob_backtest.engine.packets import whole_packets

        if missing := module.unsupported(plan):
            raise ConfigError(f"the {name} engine cannot do this yet: {', '.join(missing)}. {_advice(plan, name)}")
        ordered = list(sources)
        for i, instrument in enumerate(plan.instruments[: len(ordered)]):
            if instrument.feed == 2:
                ordered[i] = whole_packets(iter(ordered[i]))
        return engine(plan, [map(Batch.read_only, batches) for batches in ordered], agents, sink)

    return in_whole_packets


def _advice(plan: Plan, name: str) -> str:
    """Name an engine that can do what another one cannot."""
    for other in ENGINES:
        if other != name and not importlib.import_module(_HOMES[other]).unsupported(plan):
            return f"Use the {other} engine (--engine {other})"
    return "No engine of this installation can"
