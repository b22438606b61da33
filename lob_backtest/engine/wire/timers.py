"""A strategy's timers. They sleep while the market of their instrument is closed."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple

from lob_backtest.contract import limits
from lob_backtest.engine.record.recorder import NEVER
from lob_backtest.errors import StrategyError


class Timer(NamedTuple):
    """A timer of one instrument's context; `interval_ns` is 0 for one that fires once.

    `generation` is 0 but for a timer that is due at the nanosecond at which a callback set it, see `Agent`.
    """

    timer_id: int
    interval_ns: int
    instrument: int
    generation: int


class Timers:
    """Timers by due time, then by age."""

    __slots__ = ("_asleep", "_due", "_ids", "_timers")

    def __init__(self) -> None:
        self._ids = 0
        self._timers: dict[int, Timer] = {}
        self._due: list[tuple[int, int]] = []
        self._asleep: list[int] = []

    @property
    def made(self) -> int:
        """Return how many timers have been set since the start."""
        return self._ids

    @property
    def next_ns(self) -> int:
        """Return when the next timer is due."""
        while self._due and self._due[0][1] not in self._timers:
            heappop(self._due)
        return self._due[0][0] if self._due else NEVER

    @property
    def next_instrument(self) -> int:
        """Return the instrument of the timer that is due next."""
        return self._timers[self._due[0][1]].instrument

    def add(self, due_ns: int, interval_ns: int, instrument: int, generation: int = 0) -> int:
        """Set a timer and return its id.

        Raises:
            StrategyError: a limit of `limits` is passed.
        """
        if len(self._timers) >= limits.MAX_TIMERS:
            raise StrategyError(f"more than {limits.MAX_TIMERS:,} timers set: cancel those that are not needed")
        self._ids += 1
        self._timers[self._ids] = Timer(self._ids, interval_ns, instrument, generation)
        heappush(self._due, (due_ns, self._ids))
        return self._ids

    def cancel(self, timer_id: int) -> None:
        """Cancel a timer; an unknown id is no error."""
        self._timers.pop(timer_id, None)

    def pop(self) -> Timer:
        """Remove and return the next timer that is due; one with an interval is set again."""
        due_ns, timer_id = heappop(self._due)
        timer = self._timers[timer_id]
        if timer.interval_ns:
            heappush(self._due, (due_ns + timer.interval_ns, timer_id))
        else:
            del self._timers[timer_id]
        return timer

    def sleep(self) -> None:
        """Put the next timer that is due to sleep."""
        self._asleep.append(heappop(self._due)[1])

    def wake(self, now_ns: int, instrument: int) -> None:
        """Set the sleeping timers of an instrument: those with an interval from now on, the others at once."""
        asleep, self._asleep = self._asleep, []
        for timer_id in asleep:
            timer = self._timers.get(timer_id)
            if timer is not None and timer.instrument == instrument:
                self._timers[timer_id] = timer._replace(generation=0)
                heappush(self._due, (now_ns + timer.interval_ns, timer_id))
            elif timer is not None:
                self._asleep.append(timer_id)
