"""The time of a strategy."""

from __future__ import annotations

from lob_backtest.errors import StrategyError


class Clock:
    """The strategy's time, set before each callback.

    Attributes:
        now_ns: nanoseconds since the epoch, UTC.
        over: whether the run has ended.
    """

    __slots__ = ("now_ns", "over")

    def __init__(self) -> None:
        self.now_ns = 0
        self.over = False

    def check(self) -> None:
        """Refuse the use of a context after the end of the run.

        Raises:
            StrategyError: the run is over.
        """
        if self.over:
            raise StrategyError("ctx was used after the run; keep what you need in on_stop")
