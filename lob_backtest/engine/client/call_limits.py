"""Bounds on what one callback, one nanosecond and one run of a strategy may do, so that an endless loop ends."""

from __future__ import annotations

from typing import Final

from lob_backtest.contract import limits
from lob_backtest.errors import StrategyError
from lob_backtest.units import format_instant

MAX_CHAIN: Final = 10_000
MAX_CALLS: Final = 1_000_000


class CallLimits:
    """What one strategy has used of its limits.

    Args:
        name: the strategy's class, or the agent's name if there are several; for messages.
    """

    __slots__ = ("_calls", "_generation", "_name", "_series", "_tags")

    def __init__(self, name: str) -> None:
        self._name = name
        self._generation = 0
        self._calls = 0
        self._tags: set[str] = set()
        self._series: set[str] = set()

    def begin(self, generation: int) -> None:
        """Begin a callback: how many at its nanosecond have caused each other, one after the other, before it."""
        self._generation, self._calls = generation, 0

    def count(self, now_ns: int) -> None:
        """Count a request or a timer.

        Raises:
            StrategyError: so many in one callback are an endless loop.
        """
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise StrategyError(
                f"{self._name}: more than {MAX_CALLS:,} requests and timers in one callback "
                f"({format_instant(now_ns)}): an endless loop? Return from the callback before asking again."
            )

    def next_generation(self, now_ns: int, what: str) -> int:
        """Return the generation of what the callback at hand causes at its own nanosecond.

        Raises:
            StrategyError: the chain of causes is so long that it must be an endless loop.
        """
        if self._generation >= MAX_CHAIN:
            raise StrategyError(
                f"{self._name}: more than {MAX_CHAIN:,} {what} at one nanosecond "
                f"({format_instant(now_ns)}), each caused by the one before: an endless loop? "
                "Wait for an answer or a timer before asking again."
            )
        return self._generation + 1

    def check_requests(self, under_way: int) -> None:
        """Check that there is room for a request.

        Raises:
            StrategyError: a limit of `limits` is passed.
        """
        if under_way >= limits.MAX_REQUESTS:
            raise StrategyError(f"more than {limits.MAX_REQUESTS:,} requests under way to the exchange")

    def check_order(self, orders: int, tag: str) -> None:
        """Check that there is room for a new order beside those of its instrument.

        Raises:
            StrategyError: a limit of `limits` is passed.
        """
        if orders >= limits.MAX_ORDERS:
            raise StrategyError(f"more than {limits.MAX_ORDERS:,} orders of one instrument live or in flight")
        if tag:
            _check_text("tag", tag, self._tags, limits.MAX_TAGS)

    def check_series(self, name: str) -> None:
        """Check that a series may have a name.

        Raises:
            StrategyError: a limit of `limits` is passed.
        """
        _check_text("series name", name, self._series, limits.MAX_SERIES)


def _check_text(what: str, text: str, seen: set[str], most: int) -> None:
    """Check that a text is short, and that there are not too many different ones."""
    if text in seen:
        return
    size = len(text.encode())
    if size > limits.MAX_TEXT_BYTES:
        raise StrategyError(f"a {what} of {size:,} bytes: expected at most {limits.MAX_TEXT_BYTES} bytes of UTF-8")
    if len(seen) >= most:
        raise StrategyError(f"more than {most:,} different {what}s: expected a few kinds, not one for each use")
    seen.add(text)
