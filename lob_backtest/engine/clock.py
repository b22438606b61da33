"""What time it is for a strategy."""

from __future__ import annotations


class Clock:
    """The strategy's time, kept by the loop.

    Attributes:
        now_ns: nanoseconds since the epoch, UTC.
        over: whether the run has ended.
    """

    __slots__ = ("now_ns", "over")

    def __init__(self) -> None:
        self.now_ns = 0
        self.over = False
