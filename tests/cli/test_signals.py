"""Ctrl-C and SIGTERM end every command: its exit code, one word on stderr, nothing left behind."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lob_backtest as lob
from lob_backtest.results.folder import FILES

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to see when Python is up")

START = "from lob_backtest.cli.start import main; main()"
HANG_S = 100

STRATEGIES = """
import lob_backtest as lob

class Endless(lob.Strategy):
    def on_start(self, ctx):
        ctx.every(lob.SECOND)
        self.n = 0

    def on_timer(self, ctx, timer_id):
        self.n += 1
        while self.n > 20:
            pass

class NeverReturns(lob.Strategy):
    def on_start(self, ctx):
        import time
        while True:
            try:
                time.sleep(0.05)
            except:
                pass

class Swallows(lob.Strategy):
    def on_start(self, ctx):
        ctx.every(lob.MS)

    def on_timer(self, ctx, timer_id):
        try:
            for _ in range(100_000):
                pass
        except:
            pass
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a market, a strategy file and a saved result."""
    folder = tmp_path_factory.mktemp("signals")
    lob.generate(folder / "market.parquet", events=20_000)
    (folder / "endless.py").write_text(STRATEGIES)
    lob.run({"instrument": [{"data": [str(folder / "market.parquet")]}]}, lob.Strategy, out=folder / "saved")
    return folder


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command, and wait until it handles signals: before, they are the interpreter's business."""
    child = subprocess.Popen(
        [sys.executable, "-c", START, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wait_for_handlers(child)
    return child


def wait_for_handlers(child: subprocess.Popen[str]) -> None:
    status = Path(f"/proc/{child.pid}/status")
    while child.poll() is None:
        caught = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught, 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.001)


def end(child: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        _, told = child.communicate(timeout=HANG_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        pytest.fail("hangs")
    return child.returncode, told.strip()


WORDS = {
    "run": ["run", "-d", "market.parquet", "-s", "endless.py:Endless", "-q", "-o", "out"],
    "reference": ["run", "-d", "market.parquet", "-s", "endless.py:Endless", "--engine", "reference", "-o", "out"],
    "swallows": ["run", "-d", "market.parquet", "-s", "endless.py:Swallows", "-q", "-o", "out"],
    "force": ["run", "-d", "market.parquet", "-s", "endless.py:Endless", "-q", "-o", "saved", "--force"],
    "generate": ["generate", "-o", "made.parquet", "--events", "10000000", "-q"],
    "init": ["init", "project", "-q"],
    "report": ["report", "saved", "-o", "page.html"],
    "validate": ["validate", "market.parquet"],
    "book": ["book", "market.parquet", "-o", "book.parquet"],
    "calibrate": ["calibrate", "market.parquet"],
}
SHORT = {"init", "report", "validate", "book", "calibrate"}
"""They may be done before the signal."""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_callback_that_swallows_each_interrupt_and_never_returns_ends_with_the_process(
    folder: Path, signum: signal.Signals
) -> None:
    child = start(folder, "run", "-d", "market.parquet", "-s", "endless.py:NeverReturns", "-q", "-o", f"never{signum}")
    time.sleep(1)
    child.send_signal(signum)
    assert end(child) == (128 + signum, "interrupted")
    for each in folder.glob(f".never{signum}*"):  # which the next run would remove
        shutil.rmtree(each)


def check_signals(folder: Path, verb: str, times: int, seed: int) -> None:
    before, rng = left_in(folder), random.Random(seed)
    for _ in range(times):
        signum = rng.choice([signal.SIGINT, signal.SIGINT, signal.SIGTERM])
        child = start(folder, *WORDS[verb])
        time.sleep(rng.random() * (0.4 if verb in SHORT else 1.2))
        child.send_signal(signum)
        if rng.random() < 0.3:
            child.send_signal(signum)  # once more, into the cleaning up
        code, told = end(child)
        if verb in SHORT and code == 0:
            remove_new(folder, before)
            continue
        assert (code, told.splitlines()[-1]) == (128 + signum, "interrupted")
        assert "Traceback" not in told
        check_and_remove_partial(folder, before)
        assert left_in(folder) == before


def check_and_remove_partial(folder: Path, before: list[str]) -> None:
    """Check the result that an interrupted run may have saved, and remove it."""
    for path in (folder / name for name in ("out", "out.kept", "saved.kept")):
        if path.is_dir() and str(path) not in before:
            result = lob.Result.load(path)
            names = {each.name for each in path.iterdir()}
            if result.status == "partial":
                assert result.info.reason.startswith("interrupted")
                assert names == set(FILES)
            else:  # interrupted while the page was made, or later
                assert names | {"report.html"} == set(FILES)
            shutil.rmtree(path)


def remove_new(folder: Path, before: list[str]) -> None:
    for path in map(Path, reversed(left_in(folder))):
        if str(path) not in before:
            path.rmdir() if path.is_dir() else path.unlink()


def left_in(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("name", ["run", "reference"])
def test_an_interrupted_run_saves_what_there_is(folder: Path, name: str) -> None:
    child = start(folder, *WORDS[name][:-1], name)
    time.sleep(4)
    child.send_signal(signal.SIGTERM)
    code, told = end(child)
    assert code == 128 + signal.SIGTERM
    assert [line for line in told.splitlines() if line][-3:] == [
        "interrupted: saving what there is; another Ctrl-C discards it",
        f"the result is saved as {folder / name}",
        "interrupted",
    ]
    result = lob.Result.load(folder / name)
    assert (result.status, result.info.reason) == ("partial", "interrupted (Ctrl-C or a signal)")
    assert result.summary["residual_half_tick_lots"] == 0
    shutil.rmtree(folder / name)


@pytest.mark.parametrize("verb", ["run", "force", "generate"])
def test_a_signal_ends_a_command(folder: Path, verb: str) -> None:
    check_signals(folder, verb, 2, 1)


@pytest.mark.soak
@pytest.mark.parametrize("verb", WORDS)
def test_signals_at_any_time_end_every_command(folder: Path, verb: str) -> None:
    check_signals(folder, verb, 40, 2)


def test_an_ignored_hangup_stays_ignored(folder: Path) -> None:
    """`nohup` starts commands like this."""
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); {START}"
    child = subprocess.Popen([sys.executable, "-c", code, *WORDS["run"]], cwd=folder, stderr=subprocess.PIPE, text=True)
    wait_for_handlers(child)
    child.send_signal(signal.SIGHUP)
    child.send_signal(signal.SIGTERM)
    assert end(child) == (128 + signal.SIGTERM, "interrupted")
