"""The name of a callback in messages."""

from __future__ import annotations

from lob_backtest.strategy.api import Strategy


def callback_name(strategy: Strategy, name: str, agent: str) -> str:
    """Return the class and method of a callback, after the agent if there are several.

    Args:
        strategy: the author's object.
        name: of the callback.
        agent: name of the agent; empty where the run has one.
    """
    return f"{f'agent {agent}: ' if agent else ''}{type(strategy).__name__}.{name}"
