"""The compiled engine: the same work as the reference engine's, done in Rust (`kernel/`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lob_backtest.contract.output import Outcome, Sink
from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Batch
from lob_backtest.errors import ConfigError
from lob_backtest.strategy.api import Strategy

try:
    from lob_backtest import _kernel
except ImportError as error:  # it is there: built for another machine, or cut short
    raise ConfigError(
        f"the compiled engine cannot be loaded: {error}. Install lob-backtest again, or use the reference engine "
        "(--engine reference)"
    ) from error


def unsupported(plan: Plan) -> list[str]:
    """Return what of a plan the kernel cannot do yet, in words of the config."""
    return []


def replay(plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink) -> Outcome:
    """Run the compiled kernel; see `lob_backtest.engine.Engine`."""
    start_ns, end_ns, counts, failure, suspect_since_ns, requests_not_arrived, timers, mistakes, stop = _kernel.replay(
        plan, list(sources), list(agents), sink
    )
    lists = (tuple(suspect_since_ns), tuple(requests_not_arrived), tuple(timers), tuple(mistakes))
    return Outcome(start_ns, end_ns, tuple(counts), failure, *lists, stop)
