"""A call of a strategy, which the engine asks its driver for."""

from __future__ import annotations

from typing import NamedTuple

from lob_backtest.engine.client.failure import explain
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
