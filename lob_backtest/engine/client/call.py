"""A call of a strategy, which the engine asks its driver for."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, NamedTuple

from lob_backtest.engine.client.failure import explain
from lob_backtest.process.interrupts import uninterrupted
from lob_backtest.strategy.api import Context, Strategy


class Call(NamedTuple):
    """A callback that is due.

    Attributes:
        agent: the strategy's number.
        name: of the callback.
        now_ns: the strategy's time.
        context: its first argument.
        arguments: the others.
    """

    agent: int
    name: str
    now_ns: int
    context: Context
    arguments: tuple[object, ...] = ()


class Done:
    """The run is over."""


DONE: Final = Done()


class Calls:
    """The calls of a run, made one by one. An interrupt is raised between two events, where the run can be completed.

    Args:
        calls: those of the run, and `None` where only an interrupt may come.
    """

    def __init__(self, calls: Generator[Call | None, None, None]) -> None:
        self._calls = calls

    def step(self) -> Call | Done:
        """Run until a strategy is to be called or the end is reached."""
        while (step := self._go_on()) is None:
            pass
        return step

    @uninterrupted
    def _go_on(self) -> Call | Done | None:
        return next(self._calls, DONE)

    def close(self) -> None:
        """End the run, wherever it is."""
        self._calls.close()


def make(call: Call, strategy: Strategy, agent: str = "") -> None:
    """Run a callback of a strategy; whatever it raises becomes a `StrategyError`, but an interrupt.

    So does `sys.exit`: it would end the process with the author's exit code and without a result.

    Args:
        call: the callback.
        strategy: the author's object.
        agent: its name in messages; empty where the run has one agent.

    Raises:
        StrategyError: the callback raised.
    """
    try:
        getattr(strategy, call.name)(call.context, *call.arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise explain(strategy, call.name, call.now_ns, call.arguments, error, agent=agent) from error
