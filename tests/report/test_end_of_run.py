"""What values a position at the end of a run, and that the strategy's own equity agrees with the summary."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scenario import BASE, COLUMNS, market_row

import lob_backtest as lob
from lob_backtest.contract.rows import Action
from lob_backtest.report.metrics.equity import equity
from lob_backtest.report.show.page import page
from lob_backtest.report.show.terminal import render
from lob_backtest.result import Result, RunInfo

BOOK = """
    0 add bid 100 60 #1
    0 add ask 102 20 #8
    0 add ask 105 10 #9
"""


class Trades(lob.Strategy):
    """Buys two lots at times, and keeps what `ctx` shows when it is stopped."""

    def __init__(self, *at: int) -> None:
        super().__init__()
        self.at = at
        self.equity: float | None = None
        self.position: int | None = None

    def on_start(self, ctx: lob.Context) -> None:
        for each in self.at:
            ctx.at(BASE + each)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        ctx.buy(None, 2)

    def on_stop(self, ctx: lob.Context) -> None:
        self.equity, self.position = ctx.equity, ctx.position


def write(path: Path, text: str, feed_ns: int = 1) -> Path:
    """Write a scenario's market as a file; packets arrive `feed_ns` after they happened."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    columns: dict[str, Any] = {
        name: np.array(column)
        for name, column in zip(COLUMNS, zip(*(market_row(line[1:]) for line in lines), strict=True), strict=True)
    }
    columns["side"][columns["action"] == Action.CANCEL] = 1  # only bids are cancelled here
    columns["ts_exchange_ns"] = np.array([BASE + int(line[0]) for line in lines])
    columns["ts_local_ns"] = columns["ts_exchange_ns"] + feed_ns
    lob.write_events(path, columns, level=3, symbol="X", tick_size="0.01", lot_size="1")
    return path


def run(engine: str, path: Path, strategy: lob.Strategy, **parts: Any) -> Result:
    config: dict[str, Any] = {
        "instrument": [{"data": [str(path)], "fees": {"taker_bps": 3}}],
        "latency": {"entry": "1ns", "response": "1ns"},
        "report": {"markouts": ["5ns"], "sample": "10ns"},
    }
    return lob.run({**config, **parts}, strategy, engine=engine)


def equity_micro(strategy: Trades) -> int:
    """Return what `ctx.equity` showed when the run stopped, in 10⁻⁶ tick·lots."""
    assert strategy.equity is not None
    return round(strategy.equity / 0.01 * 1e6)


@pytest.mark.parametrize(
    ("tail", "mark", "age_ns"),
    [
        ("90 add bid 99 5 #4", "mid", 0),
        ("60 cancel #1 60\n 90 add ask 107 5 #4", "stale mid", 31),  # no bid any more
        ("60 add bid 104 5 #4\n 90 add ask 107 5 #5", "stale mid", 31),  # crossed
        ("60 add bid 102 5 #4\n 90 add ask 107 5 #5", "mid", 0),  # locked: bid and ask are one price
        ("60 add bid 99 5 #4 suspect\n 90 add ask 107 5 #5 suspect", "stale mid", 31),
        ("60 add bid 99 5 #4 suspect\n 90 add ask 107 5 #5", "mid", 0),
        ("60 cancel #1 60\n 70 add bid 99 5 #4 suspect\n 90 add ask 107 5 #5 suspect", "stale mid", 31),
        ("60 cancel #1 60\n 70 add bid 99 5 #4\n 90 cancel #4 5", "stale mid", 1),
    ],
)
def test_a_mid_that_is_older_than_the_end_is_called_stale(
    engine: str, tmp_path: Path, tail: str, mark: str, age_ns: int
) -> None:
    strategy = Trades(5)
    result = run(engine, write(tmp_path / "x.parquet", f"{BOOK}\n{tail}"), strategy)
    assert result.info.end_ns == BASE + 91
    assert (result.summary["X.mark"], result.summary["X.mark_age_ns"]) == (mark, age_ns)
    assert result.summary["X.equity_end_micro_tick_lots"] == equity_micro(strategy)
    out = io.StringIO()
    render(result, Console(file=out, width=80))
    for text in (out.getvalue(), re.sub(r"\s+", " ", page(result))):
        assert ("Unrealized, at a stale mid" in text) == (mark == "stale mid")
        why = f"Stale mid: for the last {age_ns} ns a side of the book was empty, or it was crossed or suspect;"
        assert (why in " ".join(text.split())) == (mark == "stale mid")


def test_the_age_counts_from_the_start_of_the_run_at_most(engine: str, tmp_path: Path) -> None:
    text = f"{BOOK}\n 20 cancel #1 60\n 90 add ask 107 5 #4"
    result = run(engine, write(tmp_path / "x.parquet", text), Trades(), run={"start": "2023-11-14T22:13:20.000000050Z"})
    assert result.info.start_ns == BASE + 50
    assert (result.summary["X.mark"], result.summary["X.mark_age_ns"]) == ("stale mid", 41)


def test_a_market_without_two_sides_is_marked_at_the_last_fill_by_the_strategy_too(engine: str, tmp_path: Path) -> None:
    strategy = Trades(5, 20)
    text = "0 add ask 102 2 #8\n 0 add ask 105 10 #9\n 90 add ask 107 5 #4"
    result = run(engine, write(tmp_path / "x.parquet", text), strategy)
    assert (result.summary["X.mark"], result.summary["X.mark_age_ns"]) == ("last fill", 91 - 21)
    assert strategy.position == 4
    assert result.summary["X.equity_end_micro_tick_lots"] == equity_micro(strategy)


def test_a_position_without_any_mid_or_fill_counts_nothing_and_has_no_mark(engine: str, tmp_path: Path) -> None:
    strategy = Trades()
    path = write(tmp_path / "x.parquet", "0 add ask 102 2 #8\n 90 add ask 107 5 #4")
    result = run(engine, path, strategy, run={"initial_position": 7})
    assert (result.summary["X.mark"], result.summary["X.mark_age_ns"]) == ("none", None)
    assert (result.summary["X.equity_end_micro_tick_lots"], strategy.equity) == (0, 0.0)
    out = io.StringIO()
    render(result, Console(file=out, width=80))
    assert "No mark: the market was never two-sided" in out.getvalue()


@pytest.mark.parametrize("level", [2, 3])
def test_equity_in_on_stop_is_the_summary_s_to_the_last_integer(engine: str, tmp_path: Path, level: int) -> None:
    class Quotes(Trades):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.every(50 * lob.MS)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            if ctx.book.mid_ticks is not None:
                ctx.quote(bid=(ctx.book.bid_ticks, 3), ask=(ctx.book.ask_ticks, 2))

    path = tmp_path / "market.parquet"
    lob.generate(path, events=6_000, level=level)
    strategy = Quotes()
    fees = {"maker_bps": -0.3, "taker_bps": 1.7}
    parts = {"instrument": [{"data": [str(path)], "fees": fees, "initial_position": 3}]}
    result = run(engine, path, strategy, **parts, report={"sample": "1s"})
    name = result.info.instruments[0].name
    assert result.summary["fills"] > 10  # type: ignore[operator]
    assert result.summary[f"{name}.requests_in_flight"] == 0
    assert result.summary[f"{name}.equity_end_micro_tick_lots"] == equity_micro(strategy)


def test_equity_in_on_stop_lacks_what_was_still_on_its_way(engine: str, tmp_path: Path) -> None:
    strategy = Trades(80)
    path = write(tmp_path / "x.parquet", f"{BOOK}\n 90 add bid 101 5 #4", feed_ns=5)
    late = {"latency": {"entry": "1ns", "response": "20ns"}}  # the fill of 81 is known at 101, the run ends at 95
    result = run(engine, path, strategy, **late)
    assert (strategy.position, result.summary["X.position_end_lots"]) == (0, 2)
    assert (strategy.equity, result.summary["X.requests_in_flight"]) == (0.0, 1)
    strategy = Trades(5)
    result = run(
        engine, path, strategy, run={"end": "2023-11-14T22:13:20.000000092Z"}
    )  # the packet of 90 arrives at 95
    # The mid is half a tick higher by the packet that the strategy has not received.
    assert result.summary["X.equity_end_micro_tick_lots"] == equity_micro(strategy) + 2 * 500_000  # type: ignore[operator]


def test_equity_in_on_stop_comes_before_positions_are_flattened(engine: str, tmp_path: Path) -> None:
    strategy = Trades(5)
    path = write(tmp_path / "x.parquet", f"{BOOK}\n 90 add bid 99 5 #4")
    result = run(engine, path, strategy, run={"at_end": "flatten"})
    assert (strategy.position, result.summary["X.position_end_lots"]) == (2, 0)
    assert result.summary["X.requests_in_flight"] == 0
    assert result.summary["X.equity_end_micro_tick_lots"] < equity_micro(strategy)  # type: ignore[operator]


def test_samples_before_the_first_mid_are_left_out_of_what_is_measured_of_equity(engine: str, tmp_path: Path) -> None:
    text = "0 add ask 102 20 #8\n 500 add bid 100 60 #1\n 520 add bid 101 5 #4\n 560 cancel #4 5\n 590 add ask 107 5 #6"
    early, alone = (
        run(engine, write(tmp_path / f"{start}.parquet", text), Trades(505), run={"start": start})
        for start in ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20.000000500Z")
    )
    assert early.table("samples").num_rows > alone.table("samples").num_rows
    names = ("sharpe_per_sample", "sharpe_samples", "max_drawdown_currency")
    assert [early.summary[f"X.{name}"] for name in names] == [alone.summary[f"X.{name}"] for name in names]
    counts = [sum(len(part["ts_ns"]) for part in equity(each.accounts[0].ledger)) for each in (early, alone)]
    assert counts == [11, 11]


def test_a_result_that_does_not_have_what_was_in_flight_shows_it_as_unknown(engine: str, tmp_path: Path) -> None:
    result = run(engine, write(tmp_path / "x.parquet", f"{BOOK}\n 90 add bid 99 5 #4"), Trades(5))
    plain = result.info.to_dict()
    for name in ("suspect_since_ns", "requests_not_arrived"):
        del plain[name]
    tables = {name: result.table(name) for name in ("fills", "orders", "bbo", "samples", "series")}
    old = Result(tables, RunInfo.from_dict(plain))
    assert old.summary["requests_in_flight"] is None
    assert old.summary["X.mark"] == "mid"
