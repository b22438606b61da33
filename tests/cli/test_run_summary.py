"""The summary that `run` and `report` print: what was run, one screen or all of it, and where the result is."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.report.show.header import facts
from lob_backtest.report.show.sections import instant
from lob_backtest.units import parse_instant

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


@pytest.mark.parametrize("more", [[], ["--full"]])
def test_times_of_a_summary_are_those_of_the_zone_that_was_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    words = [*run_words(folder), "-o", str(folder / "zone"), "--force", "-q"]
    printed(capsys, *words)
    utc, _ = printed(capsys, "report", str(folder / "zone"), *more)
    there, _ = printed(capsys, "report", str(folder / "zone"), "--tz", "America/New_York", *more)
    assert " UTC" in utc
    assert " UTC" not in there
    assert there.count("America/New_York") == utc.count(" UTC") == 2
    assert "2024-07-19 13:30:00" in utc
    assert "2024-07-19 09:30:00" in there
    run, _ = printed(capsys, *run_words(folder), "--tz", "America/New_York", *more)
    assert "2024-07-19 09:30:00" in run
    summary = [printed(capsys, "report", str(folder / "zone"), "--json", *tz)[0] for tz in ([], ["--tz", "Asia/Tokyo"])]
    assert summary[0] == summary[1]


def test_an_incomplete_run_names_its_end_in_the_zone_that_was_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "fails.py").write_text(STRATEGY.replace("if ctx.book.bid_ticks is not None", "if 1 // 0"))
    with pytest.raises(SystemExit):
        main(["run", "-d", f"{folder}/m.parquet", "-s", f"{folder}/fails.py:S", "--tz", "Europe/Berlin"])
    out = " ".join(capsys.readouterr().out.split())
    assert "Incomplete run: stopped at 2024-07-19 15:30:00" in out
    assert "Europe/Berlin: " in out


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("america/new_yrok", "did you mean 'America/New_York'?"),
        ("America", "'America': no such IANA time zone"),
        ("", "expected a name such as 'America/New_York'"),
        ("../etc/passwd", "no such IANA time zone"),
        ("x\0y", "no such IANA time zone"),
        ("+02:00", "no such IANA time zone"),
    ],
)
def test_what_is_no_time_zone_is_refused(capsys: pytest.CaptureFixture[str], name: str, hint: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["inspect", "none.parquet", "--tz", name])
    assert stop.value.code == 2
    assert hint in capsys.readouterr().err


def test_a_time_that_the_clocks_show_twice_has_its_offset() -> None:
    zone = ZoneInfo("America/New_York")
    first = parse_instant("2024-11-03T05:30:00.5Z")
    assert instant(first, zone) == "2024-11-03 01:30:00.5-04:00"
    assert instant(first + 3600 * lob.SECOND, zone) == "2024-11-03 01:30:00.5-05:00"
    assert instant(first - 3600 * lob.SECOND, zone) == "2024-11-03 00:30:00.5"
    assert instant(first) == "2024-11-03 05:30:00.5"
