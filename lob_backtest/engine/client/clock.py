"""The time of a strategy."""

from __future__ import annotations

from lob_backtest.errors import StrategyError


class Clock:
    """The strategy's time, set before each callback.

    Attributes:
        now_ns: nanoseconds since the epoch, UTC.
        is_calling: whether a callback of the strategy is running.
        over: whether the run has ended.
    """

    __slots__ = ("is_calling", "now_ns", "over")

    def __init__(self) -> None:
        self.now_ns = 0
        self.is_calling = False
        self.over = False

    def end(self) -> None:
        """Refuse every later use of the contexts, also where the last callback has raised."""
        self.is_calling, self.over = False, True

    def check(self) -> None:
        """Refuse the use of a context outside of the strategy's callbacks.

        Raises:
            StrategyError: the run is over, or no callback of the strategy is running.
        """
        if not self.is_calling:
            raise StrategyError(
                "ctx was used after the run; keep what you need in on_stop"
                if self.over
                else "ctx was used outside of a callback of its own agent; use the ctx that the callback is given"
            )
