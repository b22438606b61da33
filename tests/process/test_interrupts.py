"""An interrupt ends the work wherever it falls: no hang, nothing left behind, and nothing but KeyboardInterrupt."""

from __future__ import annotations

import contextlib
import ctypes
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.atomic import leftovers
from lob_backtest.atomic.drafts import FileDraft
from lob_backtest.atomic.together import RemovedOnError
from lob_backtest.data.prefetch import prefetched
from lob_backtest.process import interrupts
from lob_backtest.process.interrupts import entering, guarded, uninterrupted
from lob_backtest.result import Result

ROOT = Path(lob.__file__).parent
HANG_S = 60
pytestmark = pytest.mark.usefixtures("default_handler")
LIBRARY = ("/threading.py", "/queue.py", "/contextlib.py")


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_in_a_step_follows_at_its_end() -> None:
    done = []

    @uninterrupted
    def step() -> None:
        ctrl_c()
        done.append("first")
        ctrl_c()
        done.append("second")

    with pytest.raises(KeyboardInterrupt), guarded():
        step()
    assert done == ["first", "second"]


def test_a_step_in_a_step_is_part_of_it() -> None:
    done = []

    @uninterrupted
    def inner() -> None:
        ctrl_c()
        done.append("inner")

    @uninterrupted
    def outer() -> None:
        inner()
        done.append("outer")

    with pytest.raises(KeyboardInterrupt), guarded():
        outer()
    assert done == ["inner", "outer"]


def test_an_interrupt_outside_of_steps_comes_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), guarded():
        ctrl_c()


def test_what_a_step_raises_is_the_context_of_the_interrupt() -> None:
    @uninterrupted
    def step() -> None:
        ctrl_c()
        raise ValueError("broken")

    with pytest.raises(KeyboardInterrupt) as caught, guarded():
        step()
    assert isinstance(caught.value.__context__, ValueError)


def test_what_was_acquired_during_an_interrupt_is_released() -> None:
    done = []

    class Resource:
        @entering
        def __enter__(self) -> Resource:
            ctrl_c()
            done.append("acquired")
            return self

        @uninterrupted
        def __exit__(self, *_: object) -> None:
            ctrl_c()
            done.append("released")

    with pytest.raises(KeyboardInterrupt), guarded(), Resource():
        pytest.fail("went on")
    assert done == ["acquired", "released"]


def test_the_handlers_are_put_back() -> None:
    with guarded(), guarded():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_the_user_is_called_at_the_end_of_the_step() -> None:
    done = []
    signal.signal(signal.SIGINT, lambda *_: done.append("handler"))

    @uninterrupted
    def step() -> None:
        ctrl_c()
        done.append("step")

    with guarded():
        step()
        done.append("on")
    assert done == ["step", "handler", "on"]


def test_an_ignored_interrupt_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with guarded():
        ctrl_c()


def test_other_threads_are_left_alone() -> None:
    done: list[object] = []

    @uninterrupted
    def work() -> None:
        with guarded():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


def test_a_swallowed_interrupt_is_raised_again() -> None:
    with guarded():
        interrupts.check()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    interrupts.check()


def test_an_interrupt_that_falls_into_a_finalizer_is_raised_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python prints such an exception and forgets it."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: ignored.append(each.exc_type))

    class Finalized:
        def __del__(self) -> None:
            ctrl_c()

    @interrupts.with_guard
    def work() -> None:
        Finalized()

    with pytest.raises(KeyboardInterrupt):
        work()
    assert ignored == [KeyboardInterrupt]


def test_a_strategy_that_swallows_an_interrupt_is_stopped(engine: str, market: Path) -> None:
    class Swallows(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            with contextlib.suppress(BaseException):
                ctrl_c()

    with pytest.raises(KeyboardInterrupt):
        lob.run({"instrument": [{"data": [str(market)]}]}, Swallows, engine=engine)


@pytest.mark.parametrize("ending", [False, True])
def test_a_swallowed_interrupt_is_raised_again_where_a_callback_returns(
    engine: str, market: Path, ending: bool
) -> None:
    calls: list[int] = []

    def swallowing() -> None:
        with contextlib.suppress(BaseException):
            if len(calls) == 3:
                ctrl_c()

    class Swallows(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.every(lob.MS)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            calls.append(timer_id)
            try:
                for _ in range(10):
                    swallowing()
            except BaseException:
                calls.append(-1)

    with pytest.raises(KeyboardInterrupt), guarded(ending=ending):
        lob.run({"instrument": [{"data": [str(market)]}]}, Swallows, engine=engine)
    assert len(calls) == 3
    assert sys.getprofile() is None


def test_an_interrupt_on_its_way_through_the_package_is_not_used_up() -> None:
    """It falls into a function of the package that a callback has called, and the callback swallows it."""
    package: dict[str, Any] = {}
    source = "def inner(call): call()\ndef outer(call): inner(call)\ndef engine(callback): callback(); went_on()"
    exec(compile(source, str(ROOT / "made.py"), "exec"), package)

    def callback() -> None:
        with contextlib.suppress(BaseException):
            package["outer"](ctrl_c)

    package["went_on"] = lambda: pytest.fail("went on")
    with pytest.raises(KeyboardInterrupt), guarded():
        package["engine"](callback)


def test_a_command_repeats_an_interrupt_that_is_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "REPEAT_S", 0.02)
    swallowed = []

    def swallow(times: int) -> None:
        while len(swallowed) < times:
            try:
                time.sleep(HANG_S if swallowed else 0)
                if swallowed:
                    pytest.fail("was not repeated")
                ctrl_c()
            except KeyboardInterrupt as error:
                swallowed.append(error)

    @interrupts.with_guard
    def work() -> None:
        swallow(5)

    with pytest.raises(KeyboardInterrupt), guarded(ending=True):
        work()
    assert len(swallowed) == 5


def swallowed_ctrl_c() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        ctrl_c()


def test_a_file_does_not_take_its_name_after_a_swallowed_interrupt(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), guarded(), FileDraft(tmp_path / "a.txt"):
        swallowed_ctrl_c()
    assert content(tmp_path) == []


def test_files_written_together_are_removed_after_a_swallowed_interrupt(tmp_path: Path) -> None:
    made = tmp_path / "a.txt"
    made.touch()
    with pytest.raises(KeyboardInterrupt), guarded(), RemovedOnError([made]):
        swallowed_ctrl_c()
    assert content(tmp_path) == []


def test_an_endless_callback_is_stopped(engine: str, market: Path, tmp_path: Path) -> None:
    class Endless(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            threading.Timer(0.05, ctrl_c_from_outside).start()
            while True:
                pass

    with pytest.raises(KeyboardInterrupt):
        lob.run({"instrument": [{"data": [str(market)]}]}, Endless, engine=engine)


def ctrl_c_from_outside() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


# An interrupt at a chosen line. A signal arrives asynchronously: the trace function must not be on the stack when its
# handler runs, and no bytecode may be skipped. So the trace function of that line is the C function that notes a signal
# as the operating system does, called by the interpreter in the place of a Python function. The handler runs where the
# interpreter next looks for signals.


def _of_c(name: str) -> Any:
    function = getattr(ctypes.PyDLL(None), name)
    function.argtypes = [ctypes.py_object] * 3  # which it ignores
    function.restype = None
    return function


_note_signal, _do_nothing = _of_c("PyErr_SetInterrupt"), _of_c("Py_IsInitialized")


class InterruptAt:
    """Interrupts at the n-th line of the package and of the modules in `LIBRARY`; lines of loops count up to a limit.

    Attributes:
        lines: how many have been counted.
    """

    PER_LINE = 3

    def __init__(self, last: int | None) -> None:
        self.lines = 0
        self._last = last
        self._seen: dict[tuple[str, int], int] = {}

    def __enter__(self) -> InterruptAt:
        signal.signal(signal.SIGINT, self._handle)
        sys.settrace(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        sys.settrace(None)
        raise KeyboardInterrupt

    def _watch(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(str(ROOT)) and not code.co_filename.endswith(LIBRARY):
            return None
        if threading.current_thread() is not threading.main_thread():
            return None
        if event != "line":
            return self._watch
        key = (code.co_filename, frame.f_lineno)
        count = self._seen[key] = self._seen.get(key, 0) + 1
        if count <= self.PER_LINE:
            self.lines += 1
            if self.lines == self._last:  # at the next line, that is
                sys.settrace(_do_nothing)
                return _note_signal
        return self._watch


def check_interrupts(work: Callable[[Path], object], folder: Path, times: int, seed: int) -> None:
    """Interrupt work at lines drawn from all that it passes; look what is left of it.

    Args:
        work: writes to a folder.
        folder: an empty one.
        times: how many interrupts.
        seed: which lines.
    """
    work(folder)  # imports are done once
    finished = content(folder)
    with InterruptAt(None) as counted:
        work(folder)
    rng = random.Random(seed)
    before = threading.enumerate()
    for _ in range(times):
        at = rng.randrange(1, counted.lines)
        try:
            with InterruptAt(at):
                work(folder)
        except KeyboardInterrupt:
            pass
        else:
            pytest.fail(f"line {at}: not interrupted")
        for kept in folder.glob("*.kept"):
            if Result.load(kept).status == "partial":  # a complete one may lack its page
                assert (kept / "report.html").exists(), at
            shutil.rmtree(kept)
        assert content(folder) == finished, at
        assert threading.enumerate() == before, at
        assert signal.getsignal(signal.SIGINT) is not interrupts._guard.handle


def content(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


class Quotes(lob.Strategy):
    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        if ctx.book.mid_ticks is not None:
            ctx.quote(bid=(ctx.book.bid_ticks, 2), ask=(ctx.book.ask_ticks, 2))


IN_FINALIZERS = pytest.mark.filterwarnings("ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning")
"""What falls into a finalizer, Python prints and forgets; it is raised again later."""

INTERRUPTS = {"run": 8, "save": 30, "page": 5, "generate": 10, "book": 15, "read ahead": 40}
"""How many of each kind of work."""


@pytest.fixture(params=INTERRUPTS)
def work(request: pytest.FixtureRequest, market: Path) -> tuple[Callable[[Path], object], int]:
    """Return a function that writes or reads ahead, and how often it is interrupted."""
    from lob_backtest.data.audit.book_dump import dump_book

    config = {"instrument": [{"data": [str(market)]}]}
    result = lob.run(config, Quotes)

    def with_page(folder: Path) -> None:
        result.save(folder / "out", force=True)

    works: dict[str, Callable[[Path], object]] = {
        "run": lambda folder: lob.run(config, Quotes, out=folder / "out", force=True),
        "save": lambda folder: result.save(folder / "out", force=True, page=False),
        "page": with_page,
        "generate": lambda folder: lob.generate(folder / "a.parquet", events=1_500, truth=folder / "truth.parquet"),
        "book": lambda folder: dump_book([market], folder / "book.parquet", force=True),
        "read ahead": lambda folder: interrupts.with_guard(lambda: sum(prefetched(iter(range(1, 200)))))(),
    }
    return works[request.param], INTERRUPTS[request.param]


@IN_FINALIZERS
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts on how CPython calls C functions here")
def test_an_interrupt_at_any_line_leaves_things_as_they_were(
    work: tuple[Callable[[Path], object], int], tmp_path: Path
) -> None:
    check_interrupts(work[0], tmp_path, work[1], 1)


@pytest.mark.soak
@IN_FINALIZERS
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts on how CPython calls C functions here")
def test_interrupts_at_any_line_leave_things_as_they_were(
    work: tuple[Callable[[Path], object], int], tmp_path: Path
) -> None:
    check_interrupts(work[0], tmp_path, 20 * work[1], 2)


def test_a_second_interrupt_while_the_first_cleans_up_changes_nothing(tmp_path: Path) -> None:
    remove = leftovers.remove

    def slow(path: Path) -> None:
        ctrl_c()
        remove(path)
        ctrl_c()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leftovers, "remove", slow)
        with pytest.raises(KeyboardInterrupt), guarded(), FileDraft(tmp_path / "a.txt"):
            ctrl_c()
    assert content(tmp_path) == []
    with FileDraft(tmp_path / "a.txt"):
        pass
    assert content(tmp_path) == ["a.txt"]
