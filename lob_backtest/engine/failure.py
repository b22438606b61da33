"""What a callback that raised is told as."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path

from lob_backtest.errors import StrategyError
from lob_backtest.strategy import Strategy
from lob_backtest.units import format_instant


def explain(strategy: Strategy, name: str, now_ns: int, told: Sequence[object], error: BaseException) -> StrategyError:
    """Make the error that stops a run, chained to the original one.

    Args:
        strategy: whose callback it was.
        name: the callback's.
        now_ns: when.
        told: its arguments but the context.
        error: what it raised.
    """
    given = ", ".join(f"{value!r}" for value in told)
    what = f"{error}" if isinstance(error, StrategyError) else f"raised {type(error).__name__}: {error}"
    explained = StrategyError(
        f"{type(strategy).__name__}.{name}({given}) at {format_instant(now_ns)}: {what}{_place(error)}"
    )
    explained.__cause__ = error
    return explained


def _place(error: BaseException) -> str:
    """Say which line of the author's code an error came from: the last one outside of this package."""
    own = str(Path(__file__).parents[1])
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(own)]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
