"""Builds the `StrategyError` for a callback that raised."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lob_backtest.engine.client.callback_name import callback_name
from lob_backtest.engine.client.callback_timeout import CallbackTimeout
from lob_backtest.errors import StrategyError
from lob_backtest.strategy.api import Strategy
from lob_backtest.strategy.hints import text_with_hint
from lob_backtest.units import format_instant

OWN: Final = f"{Path(__file__).parents[2]}{os.sep}"
"""The folder of this package."""
LIBRARIES: Final = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "purelib", "platlib"))


def explain(
    strategy: Strategy, name: str, now_ns: int, arguments: Sequence[object], error: BaseException, *, agent: str = ""
) -> StrategyError:
    """Make the error that stops a run, chained to the original one.

    Args:
        strategy: the author's object.
        name: of the callback.
        now_ns: the strategy's time.
        arguments: of the callback, without the context.
        error: what it raised.
        agent: name of the agent; empty where the run has one.
    """
    shown = ", ".join(_shown(value) for value in arguments)
    text = text_with_hint(error)
    is_own = issubclass(type(error), StrategyError | CallbackTimeout)  # its `__class__` may be anything
    what = text if is_own else f"raised {type(error).__name__}{text and ': '}{text}"
    explained = StrategyError(
        f"{callback_name(strategy, name, agent)}({shown}) at {format_instant(now_ns)}: {what}{_place(error)}"
        f"{'; this ended the run of all agents' if agent else ''}"
    )
    explained.__cause__ = error
    return explained


def _shown(value: object) -> str:
    """Return the `repr` of an argument; a strategy can have changed its class."""
    try:
        return repr(value)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"<{type(value).__name__}>"


def _place(error: BaseException) -> str:
    """Return the line of the author's code that an error came from: the last one outside of packages and libraries."""
    raised = BaseException.__dict__["__traceback__"].__get__(error)  # the author's class may define another
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(raised)]
    outside = [(file, line) for file, line in places if not file.startswith((OWN, "<frozen "))]
    author = [(file, line) for file, line in outside if not file.startswith(LIBRARIES)] or outside
    return f" ({author[-1][0]}, line {author[-1][1]})" if author else ""
