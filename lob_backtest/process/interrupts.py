"""Interrupts (Ctrl-C, SIGTERM) end the work at once, but never halfway through a step that must be whole.

Python runs a signal's handler between any two bytecodes of the main thread. An exception raised there can fall between
the acquisition and the release of a resource, or into a callback from Arrow. Within `guarded` the handler looks at the
call stack: below a function decorated with `uninterrupted` or `entering` it only notes the signal, and the exception
follows when that function ends. The decorators do nothing in other threads, which run no handlers.

Why the stack, and not a counter: CPython runs handlers after calls, at the start of functions and where loops jump
back, so that a counter could be raised too late. A frame is on the stack from the first bytecode on.
"""

from __future__ import annotations

import os
import signal
import sys
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from opcode import opmap
from threading import Event, Thread, current_thread, main_thread
from time import monotonic
from types import CodeType, FrameType, FunctionType
from typing import Any, Final, NoReturn, ParamSpec, TypeVar, cast

from lob_backtest.process.leave import leave

P = ParamSpec("P")
T = TypeVar("T")

ENDING: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a command in the way of Ctrl-C."""
GRACE_S: Final = 3.0
"""Time between an interrupt and the end of the process, not counting steps that must be whole."""
REPEAT_S: Final = 0.5
"""Time between an interrupt that does not end a command and its repetition."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or the like; derived from KeyboardInterrupt, so that the same handlers apply."""


class _Guard:
    """The state of signals; written by the main thread only.

    Attributes:
        active: whether a `guarded` block runs.
        before: the handlers that were in place before it.
        waiting: a signal that arrived in a step that must be whole; 0: none.
        delivered: the last signal that ended, or should have ended, the work in this block; 0: none.
        taken: a signal whose exception has been caught by `take`, and is raised later; 0: none.
    """

    def __init__(self) -> None:
        self.active = False
        self.before: dict[int, Any] = {}
        self.waiting = 0
        self.delivered = 0
        self.taken = 0

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Note a signal that arrives in a step; otherwise deliver it."""
        if in_step(frame):
            self.waiting = self.waiting or signum
        else:
            self.deliver(signum, frame)

    def deliver(self, signum: int, frame: FrameType | None) -> None:
        """Call the handler that was installed before the guard; as a rule it raises KeyboardInterrupt."""
        self.waiting, self.delivered = 0, signum
        if sys.getprofile() is None:
            sys.setprofile(_raise_again)  # the interpreter removes it where it raises
        before = self.before.get(signum)
        if callable(before) and before is not leave:
            before(signum, frame)
        elif signum == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise Terminated(f"signal {signum}")

    def deliver_waiting(self, frame: FrameType) -> None:
        """Deliver the signal that waits, at the end of the outermost step."""
        if current_thread() is main_thread() and not in_step(frame.f_back):
            self.deliver(self.waiting, frame)


class _Watch:
    """Repeats an interrupt that does not end the block, as in a loop that swallows exceptions; then ends the process.

    Its thread runs from the start of the block: a handler that starts a thread could be interrupted in doing so.
    """

    def __init__(self) -> None:
        self._is_over = Event()
        self._thread = Thread(target=self._run, name="lob-interrupt", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop watching: the block has ended."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        since, main = 0.0, main_thread().ident or 0
        while not self._is_over.wait(REPEAT_S):
            signum = _guard.delivered
            if not signum or in_step(sys._current_frames().get(main)):
                since = 0.0
            elif not since:
                since = monotonic()
            elif monotonic() - since > GRACE_S:
                leave(signum, None)
            else:
                _send(main, signum)


def _send(thread: int, signum: int) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread, signum)  # ends a system call, too
    else:
        interrupt_main(signal.Signals(signum))


def _raise_again(frame: FrameType, event: str, argument: object) -> None:
    """Raise an interrupt once more where a function returns to this package: a strategy may have swallowed it."""
    caller, code = frame.f_back, frame.f_code
    if event != "return" or caller is None or code.co_filename == __file__ or in_step(frame):
        return
    is_exception = code.co_code[frame.f_lasti] not in _RETURNS  # the interrupt, which is on its way
    if caller.f_code.co_filename.startswith(_PACKAGE) and caller.f_code.co_filename != __file__ and not is_exception:
        check()


_RETURNS: Final = {opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST") if name in opmap}
_PACKAGE: Final = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_guard: Final = _Guard()
_step_codes: Final[set[CodeType]] = set()
_part_codes: Final[set[CodeType]] = set()


def in_step(frame: FrameType | None) -> bool:
    """Return whether a frame belongs to a step that must be whole, but not to a part of it that is `interruptible`."""
    while frame is not None:
        if frame.f_code in _step_codes:
            return True
        if frame.f_code in _part_codes:
            return False
        frame = frame.f_back
    return False


def uninterrupted(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a short function, such as a release: an interrupt during it is raised when it has returned."""

    @wraps(function)
    def step(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        finally:
            if _guard.waiting:
                _guard.deliver_waiting(sys._getframe())

    _step_codes.add(cast(FunctionType, step).__code__)
    return step


def interruptible(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a part of a step, such as waiting for a file, that an interrupt may end, and with it the step."""

    @wraps(function)
    def part(*args: P.args, **kwargs: P.kwargs) -> T:
        if _guard.waiting and current_thread() is main_thread() and not in_step(sys._getframe()):
            _guard.deliver(_guard.waiting, sys._getframe())
        return function(*args, **kwargs)

    _part_codes.add(cast(FunctionType, part).__code__)
    return part


def entering(enter: Callable[[T], T]) -> Callable[[T], T]:
    """Decorate the `__enter__` of a context manager: after an interrupt during it, `__exit__` is called."""

    @wraps(enter)
    def step(self: T) -> T:
        entered = enter(self)
        if _guard.waiting:
            try:
                _guard.deliver_waiting(sys._getframe())
            except BaseException as error:
                self.__exit__(type(error), error, error.__traceback__)  # type: ignore[attr-defined]
                raise
        return entered

    _step_codes.add(cast(FunctionType, step).__code__)
    return step


@contextmanager
def guarded(*, ending: bool = False) -> Iterator[None]:
    """Protect the steps that must be whole in this block; nested blocks and those of other threads have no effect.

    Args:
        ending: raise `Terminated` at SIGTERM and SIGHUP, too, unless they have a handler; repeat an interrupt that
            does not end the block, and end the process if the block continues for `GRACE_S`.
    """
    if _guard.active or current_thread() is not main_thread():
        yield
        return
    _guard.waiting = _guard.delivered = _guard.taken = 0
    hook = sys.unraisablehook
    watch = _Watch() if ending else None
    try:
        _install([signal.SIGINT, *(ENDING if ending else ())])
        if ending:
            sys.unraisablehook = partial(_unraisable, hook)
        yield
    finally:
        sys.unraisablehook = hook
        _remove(watch)


def _unraisable(hook: Callable[[Any], object], unraisable: Any) -> None:
    """Suppress the traceback of an interrupt in a finalizer: `check` raises it again."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        hook(unraisable)


def _install(signals: list[int]) -> None:
    _guard.active, _guard.before = True, {}
    for signum in signals:
        before = signal.getsignal(signum)
        if callable(before) or (signum != signal.SIGINT and before is signal.SIG_DFL):
            _guard.before[signum] = before
            signal.signal(signum, _guard.handle)


@uninterrupted
def _remove(watch: _Watch | None) -> None:
    if watch is not None:
        watch.end()
    for signum, before in _guard.before.items():
        if signal.getsignal(signum) == _guard.handle:
            signal.signal(signum, before)
    _guard.active = False
    if sys.getprofile() is _raise_again:
        sys.setprofile(None)


def with_guard(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a public function: it runs in a `guarded` block, and raises instead of returning if interrupted."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with guarded():
            done = function(*args, **kwargs)
            check()
            return done

    return call


def check() -> None:
    """Raise a delivered interrupt once more, if its exception was swallowed by other code or in a finalizer.

    Raises:
        KeyboardInterrupt: the block was interrupted.
    """
    if _guard.delivered and _guard.active and current_thread() is main_thread():
        _guard.deliver(_guard.delivered, sys._getframe())


def take() -> None:
    """Note that an interrupt has been caught, and that work goes on until `raise_taken`; another one is raised anew."""
    _guard.taken, _guard.delivered = _guard.delivered, 0
    if sys.getprofile() is _raise_again:
        sys.setprofile(None)


def raise_taken() -> NoReturn:
    """Raise the interrupt that `take` was called for.

    Raises:
        KeyboardInterrupt: always.
    """
    if _guard.taken and _guard.active:
        _guard.deliver(_guard.taken, sys._getframe())
    raise KeyboardInterrupt


def exit_code() -> int:
    """Return the exit code of an interrupted command: 128 plus the number of the signal."""
    return 128 + (_guard.delivered or signal.SIGINT)
