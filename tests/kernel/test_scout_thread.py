"""The kernel's thread that goes ahead of a run: when there is one, that it ends, and what it may hold."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from plans import plan_of
from random_market import market_l3
from scenario import batch

import lob_backtest as lob
from lob_backtest.contract.rows import Batch
from lob_backtest.engine import ENGINES, load_engine
from lob_backtest.errors import DataError, StrategyError
from lob_backtest.results.sink import MemorySink

TASKS = Path("/proc/self/task")
pytestmark = [
    pytest.mark.skipif("kernel" not in ENGINES, reason="the kernel is not built"),
    pytest.mark.skipif(not TASKS.exists(), reason="no /proc to list threads from"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor: the kernel starts no thread"),
]


def scouts() -> int:
    """Count the threads of this process that go ahead of a run."""
    names = []
    for task in TASKS.iterdir():
        with contextlib.suppress(OSError):  # one that has just ended
            names.append((task / "comm").read_text().strip())
    return names.count("book builder")


def all_end() -> bool:
    """Wait until no scout is left: a thread that has ended is listed for a moment more."""
    end = time.monotonic() + 10
    while scouts() and time.monotonic() < end:
        time.sleep(0.01)
    return scouts() == 0


class Counts(lob.Strategy):
    """Counts the threads now and then; raises at the `raises_at`th time."""

    raises_at: int = -1

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(1_000)
        self._seen: list[int] = []

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        self._seen.append(scouts())
        if len(self._seen) == self.raises_at:
            raise RuntimeError("enough")

    def most(self) -> int:
        return max(self._seen)


def batches(*sizes: int, fails: bool = False) -> Iterator[Batch]:
    """Yield batches of these sizes, and at their end perhaps an error."""
    stream, begin = market_l3(3, sum(sizes)), 0
    for size in sizes:
        yield batch(stream[begin : begin + size], 3)
        begin += size
    if fails:
        raise DataError("a page is corrupt")


def run(source: Iterator[Batch], strategy: Counts) -> StrategyError | None:
    plan = plan_of(3)
    return load_engine("kernel")(plan, [source], [strategy], MemorySink(plan.markouts_ns)).failure


@pytest.mark.parametrize(
    ("sizes", "threads"),
    [((9_000, 9_000), 1), ((10, 9_000, 9_000), 1), ((9_000, 10, 10), 1), ((1_000,) * 9, 0)],
)
def test_large_batches_are_worth_a_thread_which_ends_with_the_run(sizes: tuple[int, ...], threads: int) -> None:
    strategy = Counts()
    run(batches(*sizes), strategy)
    assert strategy.most() == threads
    assert all_end()


def test_the_thread_ends_with_a_run_that_ends_early() -> None:
    strategy = Counts(raises_at=2)
    run(batches(9_000, 9_000), strategy)
    assert strategy.most() == 1
    assert all_end()


def test_the_thread_ends_with_a_run_that_fails() -> None:
    strategy = Counts()
    with pytest.raises(DataError, match="corrupt"):
        run(batches(9_000, 9_000, fails=True), strategy)
    assert strategy.most() == 1
    assert all_end()


FORKS = """
import os, sys
sys.path[:0] = sys.argv[1:]
import lob_backtest as lob
from test_scout_thread import Counts, batches, run

class Forks(Counts):
    def on_timer(self, ctx, timer_id):
        super().on_timer(ctx, timer_id)
        if len(self._seen) == 2:
            self._child = os.fork()

strategy = Forks()
failure = run(batches(*(9_000,) * 6), strategy)
if failure is not None:
    print("child:", failure, flush=True)
    os._exit(7)
print("parent:", os.waitstatus_to_exitcode(os.waitpid(strategy._child, 0)[1]))
"""


def test_a_process_that_is_forked_in_the_midst_of_a_run_is_told_so_and_ends() -> None:
    words = [sys.executable, "-c", FORKS, str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "child: this process was forked in the midst of a run" in said
    assert "parent: 7" in said


PEAK = """
import sys
import numpy as np
sys.path[:0] = sys.argv[2:]
from plans import plan_of
import lob_backtest as lob
from lob_backtest.engine import load_engine
from lob_backtest.contract.rows import Batch
from lob_backtest.contract.plan import Plan
from lob_backtest.results.sink import MemorySink

ROWS = 65_536

def batches(n):
    for i in range(n):
        ts = np.arange(i * ROWS, (i + 1) * ROWS) + 10**18
        byte = lambda value: np.full(ROWS, value, np.uint8)
        word = lambda value: np.full(ROWS, value, np.int64)
        yield Batch(ts, ts + 5, byte(5), np.ones(ROWS, np.int8), word(0).astype(np.uint64), word(100), word(1),
                    byte(1), byte(0), i * ROWS, "trades")

plan = plan_of(3, sample_ns=10**12)
load_engine("kernel")(plan, [batches(int(sys.argv[1]))], [lob.Strategy()], MemorySink(plan.markouts_ns))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_memory_does_not_grow_with_a_market_whose_best_prices_stay() -> None:
    def peak(n: int) -> int:
        words = [sys.executable, "-c", PEAK, str(n), str(Path(__file__).parents[1] / "support")]
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout) * 1024

    assert peak(80) - peak(20) < 40e6  # the rows between them have 190 MB
