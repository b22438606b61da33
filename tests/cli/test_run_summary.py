"""The summary that `run` and `report` print: what was run, one screen or all of it, and where the result is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.report.show.header import facts

STRATEGY = """
import lob_backtest as lob


class S(lob.Strategy):
    size: int = 10
    half_life: lob.Duration = lob.MS

    def on_start(self, ctx):
        ctx.every(100 * lob.MS)

    def on_timer(self, ctx, timer_id):
        if ctx.book.bid_ticks is not None:
            ctx.quote(bid=(ctx.book.bid_ticks, self.size))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("summary")
    lob.generate(folder / "m.parquet", events=3_000)
    (folder / "s.py").write_text(STRATEGY)
    return folder


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(argv))
    assert stop.value.code == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def run_words(folder: Path) -> list[str]:
    return ["run", "-d", f"{folder}/m.parquet", "-s", f"{folder}/s.py:S", "-p", "size=7", "-p", "half_life=2s"]


def test_a_run_prints_one_screen_and_last_where_the_result_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*run_words(folder), "-o", str(folder / "out"), "--force"]
    out, err = printed(capsys, *words)
    assert len((out + err).splitlines()) <= 40
    assert "S: size=7, half_life=2s" in out
    assert err.splitlines()[-1] == f"result: {folder / 'out'}  page: {folder / 'out' / 'report.html'}"
    full, _ = printed(capsys, *words, "--full")
    assert len(full.splitlines()) > 60
    assert "Fills by cause" in full


def test_a_run_without_a_folder_says_that_nothing_is_saved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "not saved: add -o FOLDER to keep the result, its tables and its page"
    assert printed(capsys, *run_words(folder))[1].splitlines()[-1] == said
    assert said not in printed(capsys, *run_words(folder), "-q")[1]
    assert said not in printed(capsys, *run_words(folder), "--json")[1]


def test_report_prints_the_summary_of_a_run_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = str(folder / "again")
    for option in ("", "--full"):
        ran = printed(capsys, *run_words(folder), "-o", saved, "--force", *option.split())
        assert printed(capsys, "report", saved, *option.split()) == ran
    ran = json.loads(printed(capsys, *run_words(folder), "-o", saved, "--force", "--json")[0])
    found = json.loads(printed(capsys, "report", saved, "--json")[0])
    assert found.pop("page") == f"{saved}/report.html"
    assert found | {"version": 0} == ran | {"version": 0}
    assert found["fills"] == lob.Result.load(saved).summary["fills"]


def test_report_writes_a_page_that_is_missing_and_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = folder / "pageless"
    printed(capsys, *run_words(folder), "-o", str(saved), "-q")
    page = saved / "report.html"
    page.write_text("mine")
    printed(capsys, "report", str(saved))
    assert page.read_text() == "mine"
    printed(capsys, "report", str(saved), "-o", str(folder / "other.html"))
    assert page.read_text() == "mine"
    assert (folder / "other.html").stat().st_size > 1_000_000
    for words in (["--force"], []):
        printed(capsys, "report", str(saved), *words)
        assert page.stat().st_size > 1_000_000
        page.unlink()


def test_the_header_has_the_values_that_were_in_effect(folder: Path, engine: str) -> None:
    instrument = {"data": [str(folder / "m.parquet")], "venue": "V", "fees": {"maker_bps": "-0.10"}}
    config = {
        "instrument": [{**instrument, "name": "A", "max_position": 50}, {**instrument, "name": "B", "fees": {}}],
        "venue": [{"name": "V", "latency": {"entry": "2ms"}, "fees": {"taker_bps": 3, "maker_bps": 1}}],
        "latency": {"feed": "250us", "response": "3ms"},
        "agent": [
            {"name": "one", "seed": 5},
            {"name": "two", "latency": {"entry": "9ms"}, "fees": {"maker_per_lot": 1}},
        ],
    }
    result = lob.run(config, [lob.Strategy(), lob.Strategy()], engine=engine)
    lines = facts(result.info)
    assert [text for label, text in lines if label == "Strategy"] == ["one: seed 5", "two"]
    assert [text for label, text in lines if label == "Fees"] == [
        "one/A: maker -0.1 bps, taker 3 bps",
        "one/B: maker 1 bps, taker 3 bps",
        "two/A: maker -0.1 bps and 1 per lot, taker 3 bps",
        "two/B: maker 1 bps and 1 per lot, taker 3 bps",
    ]
    assert [text for label, text in lines if label == "Latency"] == [
        "one/A, one/B: feed 250us, entry 2ms, response 3ms",
        "two/A, two/B: feed 250us, entry 9ms, response 3ms",
    ]
    assert facts(result.agent("two").info)[1:3] == [
        ("Fees", "A: maker -0.1 bps and 1 per lot, taker 3 bps"),
        ("Fees", "B: maker 1 bps and 1 per lot, taker 3 bps"),
    ]
