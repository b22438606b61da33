"""Drives a run of the reference engine: it makes the calls that `loop` asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lob_backtest.contract.output import Outcome, Sink
from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Batch
from lob_backtest.engine.client.call import Call, make
from lob_backtest.engine.loop import Run
from lob_backtest.errors import StrategyError
from lob_backtest.process.interrupts import take
from lob_backtest.strategy.api import Strategy


def unsupported(plan: Plan) -> list[str]:
    """Return what of a plan the reference engine cannot do yet, in words of the config."""
    return []


def open_run(plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink) -> Run:
    """Prepare a run that is driven from outside, step by step; the arguments are those of `replay`."""
    return Run(plan, sources, agents, sink)


def replay(plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink) -> Outcome:
    """Run the reference engine; see `lob_backtest.engine.Engine`."""
    run = open_run(plan, sources, agents, sink)
    failure: StrategyError | KeyboardInterrupt | None = None
    try:
        while isinstance(step := run.step(), Call):
            make(step, agents[step.agent], plan.agents[step.agent].name)
    except StrategyError as error:
        failure = error
    except KeyboardInterrupt as interrupt:
        take()
        failure = interrupt
    finally:
        run.close()
    return run.outcome(failure)
