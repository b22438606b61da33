"""Progress bars: drawn on a terminal's stderr, nowhere else, and told the truth."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.data.audit.book_dump import dump_book
from lob_backtest.data.audit.validate import validate

Calls = list[tuple[int, int | None]]


class Idle(lob.Strategy):
    """Sends nothing."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=70_000)  # more than one batch
    return path


def lobster(folder: Path) -> Path:
    path = folder / "SYN_2024-07-19_34200000_57600000_message_1.csv"
    path.write_text("34200.1,1,7,10,1000000,1\n34200.2,3,7,10,1000000,1\n")
    return path


WORK: dict[str, Callable[[Path, Path, Any], object]] = {
    "run": lambda market, _, tell: lob.run({"instrument": [{"data": [str(market)]}]}, Idle, progress=tell),
    "validate": lambda market, _, tell: validate(market, progress=tell),
    "book": lambda market, folder, tell: dump_book(market, folder / "book.parquet", every=10**9, progress=tell),
    "generate": lambda _, folder, tell: lob.generate(folder / "new.parquet", events=140_000, progress=tell),
}


@pytest.mark.parametrize("work", WORK)
def test_long_work_says_how_far_it_is(work: str, market: Path, tmp_path: Path) -> None:
    calls: Calls = []
    WORK[work](market, tmp_path, lambda done, total: calls.append((done, total)))
    rows = 140_000 if work == "generate" else 70_000
    done = [each for each, _ in calls]
    assert len(calls) >= 2
    assert done == sorted(set(done))
    assert {total for _, total in calls} == {rows}
    assert done[-1] == rows if work != "generate" else done[-1] <= rows


def test_a_conversion_knows_what_it_has_written_but_not_what_is_to_come(tmp_path: Path) -> None:
    calls: Calls = []
    done = lob.convert(
        "lobster",
        lobster(tmp_path),
        tmp_path / "out.parquet",
        symbol="SYN",
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls[-1] == (done.rows, None)


def test_the_rows_of_all_instruments_count(market: Path) -> None:
    calls: Calls = []
    parts = [{"name": name, "data": [str(market)]} for name in ("A", "B")]
    lob.run({"instrument": parts}, Idle, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (140_000, 140_000)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def in_terminal(*argv: str) -> tuple[int, str]:
    """Run the command line with a terminal as its stderr; return the exit code and what the terminal was sent."""
    pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
    leader, follower = pty.openpty()
    before = os.dup(2)
    try:
        os.dup2(follower, 2)
        with open(2, "w", closefd=False) as terminal, pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            patch.setenv("TERM", "xterm-256color")
            with pytest.raises(SystemExit) as stop:
                main(list(argv))
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(follower)
    os.set_blocking(leader, False)
    said = b""
    try:
        while piece := os.read(leader, 65536):
            said += piece
    except OSError:  # nothing is left
        pass
    os.close(leader)
    assert isinstance(stop.value.code, int)
    return stop.value.code, said.decode()


def test_a_terminal_gets_a_bar_and_it_is_gone_at_the_end(market: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, said = in_terminal("validate", str(market))
    assert code == 0
    assert "reading" in said
    assert "70,000 rows" in said or "65,536 rows" in said or "0 rows" in said
    assert said.rstrip().endswith("\x1b[2K")  # the line is erased
    assert "nothing wrong" in capfd.readouterr().out


def test_quiet_draws_nothing_even_on_a_terminal(market: Path) -> None:
    assert in_terminal("validate", "--quiet", str(market)) == (0, "")


def test_no_terminal_no_bar(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["validate", str(market)])
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit):
        main(["book", str(market), "-o", str(tmp_path / "b.parquet"), "--every", "1s", "--quiet"])
    assert capsys.readouterr() == ("", "")
