"""`callback_timeout` ends a run whose callback takes too long; the wait is not measured, only that it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.errors import ConfigError, StrategyError

TOO_LONG = r"Stalls\.on_book\(\) at 2024-07-19T[\d:.]+Z: took longer than 50ms \(callback_timeout\).*"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=3_000)
    return path


def spin() -> None:
    while True:
        pass


def swallow() -> None:
    """Catch what is raised three times, and go on."""
    for _ in range(3):
        with suppress(BaseException):
            spin()


WAYS: dict[str, Any] = {
    "a loop": spin,
    "sleep": lambda: time.sleep(1e6),
    "a regular expression": lambda: re.fullmatch("(a|aa)*b", "a" * 200),
    "a lock": lambda: threading.Lock().acquire() and threading.Event().wait(),
    "an integer": lambda: 10 ** (10**9),
    "caught": swallow,
    "late, and over": lambda: time.sleep(0.2),
}
IN_THREADS = ["a loop", "caught", "late, and over"]


class Stalls(lob.Strategy):
    """Does not return from its third `on_book`."""

    way: str = "a loop"
    _n: int = 0

    def on_book(self, ctx: lob.Context) -> None:
        if ctx.book.ask_ticks is not None:
            ctx.buy(ctx.book.ask_ticks, 1)
        self._n += 1
        if self._n == 3:
            WAYS[self.way]()


def config(market: Path) -> dict[str, Any]:
    return {"instrument": [{"data": [str(market)]}]}


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no SIGALRM: only Python code can be interrupted")
@pytest.mark.parametrize("way", WAYS)
def test_a_callback_that_takes_too_long_ends_the_run(way: str, engine: str, market: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(StrategyError, match=TOO_LONG) as caught:
        lob.run(config(market), Stalls(way=way), engine=engine, callback_timeout="50ms", out=tmp_path / "out")
    if way not in ("caught", "late, and over"):  # there the exception is told at the callback's end
        assert f"{Path(__file__).name}, line " in str(caught.value)
    assert lob.Result.load(tmp_path / "out").status == "partial"
    assert signal.getsignal(signal.SIGALRM) == before
    assert "callback timeout" not in " ".join(thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("way", IN_THREADS)
def test_runs_in_threads_end_too(way: str, engine: str, market: Path) -> None:
    def go(_: int) -> str:
        try:
            lob.run(config(market), Stalls(way=way), engine=engine, callback_timeout=50 * lob.MS)
        except StrategyError as error:
            return str(error)
        return "no error"

    with ThreadPoolExecutor(2) as pool:
        for message in pool.map(go, range(2)):
            assert re.match(TOO_LONG, message)


PROFILED = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
import lob_backtest as lob
from test_callback_timeout import Stalls, config

def go(way):
    try:
        lob.run(config(sys.argv[2]), Stalls(way=way), engine=sys.argv[3], callback_timeout="50ms")
    except lob.StrategyError:
        pass

with ThreadPoolExecutor(1) as pool:
    pool.submit(go, sys.argv[4]).result()
sys.setprofile(lambda *_: None)
(lambda: None)()
sys.setprofile(None)
print("done")
"""


@pytest.mark.parametrize("way", IN_THREADS)
def test_a_profiler_works_after_a_timeout_in_a_thread(way: str, engine: str, market: Path) -> None:
    words = [sys.executable, "-c", PROFILED, str(Path(__file__).parent), str(market), engine, way]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.stdout == "done\n", done.stderr


def test_callbacks_in_time_change_nothing(engine: str, market: Path) -> None:
    plain = lob.run(config(market), Stalls(way="late, and over"), engine=engine)
    watched = lob.run(config(market), Stalls(way="late, and over"), engine=engine, callback_timeout="1h")
    assert watched.digest == plain.digest
    assert watched.info.config == plain.info.config


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no SIGALRM")
def test_a_callback_that_cannot_be_interrupted_ends_the_process(engine: str, market: Path, tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(
        "import signal, time\nimport lob_backtest as lob\nclass S(lob.Strategy):\n    def on_book(self, ctx):\n"
        "        signal.signal(signal.SIGALRM, signal.SIG_IGN)\n        time.sleep(1e6)\n"
    )
    words = ["run", "--data", str(market), "-s", f"{tmp_path}/s.py", "--engine", engine, "--callback-timeout", "50ms"]
    program = "import sys; from lob_backtest.engine.client import callback_timeout as c; c.GRACE_S = 0.2; "
    program += "from lob_backtest.cli.group import main; main(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert re.match(r"error: S\.on_book\(\) at 2024-07-19T[\d:.]+Z: took longer than 50ms", done.stderr)
    assert done.stderr.endswith("the next run removes what it was writing\n")


@pytest.mark.parametrize("given", ["soon", "0s", 0, -1, 1 << 60, "2000000d", 1.5, True])
def test_an_impossible_limit_is_refused(given: Any, market: Path) -> None:
    with pytest.raises(ConfigError, match=r"^callback_timeout: "):
        lob.run(config(market), Stalls(), callback_timeout=given)


def test_the_command_line_takes_it(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.py").write_text(
        "import lob_backtest as lob\nclass S(lob.Strategy):\n    def on_book(self, ctx):\n        while True: pass\n"
    )
    words = ["run", "--data", str(market), "-s", f"{tmp_path}/s.py", "-q", "-o", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--callback-timeout", "50ms"])
    assert stop.value.code == 4
    assert "S.on_book() at 2024-07-19T" in capsys.readouterr().err
    assert (tmp_path / "out" / "summary.json").is_file()
