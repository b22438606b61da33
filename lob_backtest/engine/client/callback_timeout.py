"""Ends a run whose callback takes too long: `--callback-timeout`.

Both engines call a stand-in for the strategy, which notes when each callback begins and ends.

* In the main thread a timer of the system sends SIGALRM, whose handler raises. That ends loops, `time.sleep`, waiting
  for a lock, and C code that looks for signals, such as `re` and large integers.
* In other threads, and on Windows, a thread makes Python raise at the next bytecode: that ends loops.

`CallbackTimeout` is no `Exception`, so that `except Exception` does not catch it, and it is raised again while the
callback goes on. A callback that cannot be interrupted, such as a C function that does not return, ends the process
after another `GRACE_S` seconds, with exit code 4. One that keeps Python's lock as well cannot be ended from within.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, Self

from lob_backtest.engine.client.callback_name import callback_name
from lob_backtest.errors import StrategyError
from lob_backtest.printable import printable
from lob_backtest.process.interrupts import entering, in_step, uninterrupted
from lob_backtest.strategy.api import Strategy, overrides
from lob_backtest.units import format_duration, format_instant

GRACE_S: Final = 10.0
LONGEST_LOOK_S: Final = 0.5
SHORTEST_LOOK_S: Final = 0.001
AGAIN_S: Final = 0.1
"""A callback that has caught the exception gets it again after this."""
CALLBACKS: Final = tuple(name for name in vars(Strategy) if name.startswith("on_"))


class CallbackTimeout(BaseException):
    """Raised in a callback that takes too long; its text becomes that of the run's error."""


class Watchdog:
    """Watches the callbacks of the strategies of one run, of which one runs at a time; a context manager.

    Args:
        limit_ns: how long one may take, in nanoseconds of the clock on the wall.
    """

    def __init__(self, limit_ns: int) -> None:
        self._limit_s = limit_ns / 1e9
        self._message = message = f"took longer than {format_duration(limit_ns)} (callback_timeout)"
        self._late = type("CallbackTimeout", (CallbackTimeout,), {"__str__": lambda _: message})
        self._running: tuple[float, str, Any] | None = None  # since when, class and callback, its ctx
        self._raised_in_thread = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lob_backtest callback timeout", daemon=True)
        self._caller = threading.get_ident()
        self._has_signal = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
        self._handler: Any = None
        self._timer = (0.0, 0.0)
        self._is_armed = False

    @entering
    def __enter__(self) -> Self:
        if self._has_signal:
            self._handler = signal.signal(signal.SIGALRM, self._on_signal)
            self._timer = signal.getitimer(signal.ITIMER_REAL)
        self._thread.start()
        return self

    @uninterrupted
    def __exit__(self, *_: object) -> None:
        if self._has_signal:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL if self._handler is None else self._handler)
            signal.setitimer(signal.ITIMER_REAL, *self._timer)
        self._over.set()
        self._thread.join()

    def call(self, name: str, callback: Callable[..., object], ctx: Any, told: Sequence[object]) -> None:
        """Run a callback.

        Raises:
            CallbackTimeout: it took too long, whether or not it could be interrupted.
        """
        self._running = running = (time.monotonic(), name, ctx)
        try:
            if self._has_signal and not self._is_armed:
                self._arm(self._limit_s)
            callback(ctx, *told)
            self._running = None
            if self._is_late(running):
                raise self._late
        finally:
            self._running = None
            if not self._has_signal:
                self._take_back()

    def _is_late(self, running: tuple[float, str, Any], grace_s: float = 0) -> bool:
        return time.monotonic() - running[0] > self._limit_s + grace_s

    def _watch(self) -> None:
        look_s = min(max(self._limit_s / 4, SHORTEST_LOOK_S), LONGEST_LOOK_S)
        while not self._over.wait(look_s):
            running = self._running
            if running is None or not self._is_late(running):
                continue
            if self._is_late(running, GRACE_S):
                self._end_process(running)
            if not self._has_signal:
                self._raise_in_thread()

    def _arm(self, seconds: float) -> None:
        """Set the timer of the signal: one per limit while callbacks run, however many they are."""
        self._is_armed = True
        signal.setitimer(signal.ITIMER_REAL, max(seconds, SHORTEST_LOOK_S))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._is_armed = False
        running = self._running
        if running is not None and in_step(frame):
            self._arm(SHORTEST_LOOK_S)
        elif running is not None:
            if self._is_late(running):
                self._arm(AGAIN_S)
                raise self._late
            self._arm(self._limit_s - (time.monotonic() - running[0]))
        elif callable(self._handler):
            self._handler(number, frame)

    def _raise_in_thread(self) -> None:
        with self._lock:
            if self._running is not None:
                self._raised_in_thread = True
                self._raise_at_next_bytecode()

    def _raise_at_next_bytecode(self) -> None:
        late = ctypes.py_object(self._late)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._caller), late)

    def _take_back(self) -> None:
        """See that no exception is raised in the calling thread any more, now that no callback is running.

        An exception that waits is raised and caught here. One that is revoked by the same C function would leave
        CPython's note of it behind: 3.11 then loops for ever at the next call under a profiler, debugger or tracer.
        """
        with self._lock:
            if self._raised_in_thread:
                try:
                    self._raise_at_next_bytecode()  # in the place of one that waits
                    while True:
                        pass
                except CallbackTimeout:
                    self._raised_in_thread = False

    def _end_process(self, running: tuple[float, str, Any]) -> None:
        _, name, ctx = running
        text = printable(
            f"error: {name}() at {format_instant(ctx.now_ns)}: {self._message} and "
            "cannot be interrupted, so that the process ends, without a result; the next run removes what it was "
            "writing"
        )
        os.write(2, f"{text}\n".encode(errors="backslashreplace"))
        os._exit(StrategyError.exit_code)


@contextmanager
def watched(strategies: Sequence[Strategy], limit_ns: int | None, agents: Sequence[str] = ()) -> Iterator[list[Any]]:
    """Yield what an engine is to run for strategies: the strategies themselves where there is no limit.

    Args:
        strategies: of the run.
        limit_ns: how long a callback may take, in nanoseconds of the clock on the wall.
        agents: names of the agents, empty texts where there is one; for messages.
    """
    if limit_ns is None:
        yield list(strategies)
        return
    with Watchdog(limit_ns) as watchdog:
        named = zip(strategies, agents or [""] * len(strategies), strict=True)
        yield [_stand_in(strategy, watchdog, agent) for strategy, agent in named]


def _stand_in(strategy: Strategy, watchdog: Watchdog, agent: str) -> Any:
    """Make an object that an engine takes for the strategy: the same name, the same callbacks."""

    def watched_callback(name: str) -> Callable[..., None]:
        def callback(self: object, ctx: Any, *told: object) -> None:
            watchdog.call(callback_name(strategy, name, agent), getattr(strategy, name), ctx, told)

        return callback

    methods = {
        name: watched_callback(name) if overrides(strategy, name) else getattr(Strategy, name) for name in CALLBACKS
    }
    return type(type(strategy).__name__, (), methods)()
