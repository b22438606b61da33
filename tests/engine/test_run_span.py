"""A run begins with its data and ends with them, however far outside of them its configured start and end lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from plans import plan_of
from random_market import Row
from scenario import BASE, batch
from scripted import BOOK, Does, rows

import lob_backtest as lob
from lob_backtest.contract.output import Outcome
from lob_backtest.engine import load_engine
from lob_backtest.errors import ConfigError
from lob_backtest.results.digest import digest
from lob_backtest.results.sink import MemorySink
from lob_backtest.strategies.inventory_skew import InventorySkew

TEXT = BOOK + "40 add bid 101 5 #3\n 60 cancel #3 5"


def go(engine: str, streams: Sequence[Sequence[Row]], strategy: lob.Strategy, **options: Any) -> tuple[str, Outcome]:
    """Run on streams of which each packet is received 1 ns later; return the digest and the outcome."""
    plan = plan_of(3, len(streams), markouts_ns=(5,), sample_ns=10, **options)
    sink = MemorySink(plan.markouts_ns)
    outcome = load_engine(engine)(plan, [iter([batch(list(stream))]) for stream in streams], [strategy], sink)
    assert outcome.failure is None
    return digest(sink.tables()), outcome


def trades() -> Does:
    return Does(t5=lambda ctx: ctx.buy(102, 3), t20=lambda ctx: ctx.position)


def test_a_start_and_an_end_outside_the_data_are_those_of_the_data(engine: str) -> None:
    plain = go(engine, [rows(TEXT)], trades())
    far = go(engine, [rows(TEXT)], trades(), start_ns=BASE - 100_000, end_ns=BASE + 100_000)
    assert far == plain
    assert (far[1].start_ns, far[1].end_ns) == (BASE, BASE + 61)


def test_a_start_and_an_end_within_the_data_stay_what_they_are(engine: str) -> None:
    _, outcome = go(engine, [rows(TEXT)], trades(), start_ns=BASE + 1, end_ns=BASE + 50)
    assert (outcome.start_ns, outcome.end_ns) == (BASE + 1, BASE + 50)


def test_an_end_while_the_last_packet_is_on_its_way_stays_what_it_is(engine: str) -> None:
    _, outcome = go(engine, [rows(TEXT)], trades(), end_ns=BASE + 60)
    assert outcome.end_ns == BASE + 60


def test_the_first_and_the_last_of_all_instruments_decide(engine: str) -> None:
    late = [(row[0] + 30, *row[1:]) for row in rows(TEXT)]
    for streams in ([rows(TEXT), late], [late, rows(TEXT)]):
        _, outcome = go(engine, streams, trades(), start_ns=BASE - 1000, end_ns=BASE + 1000)
        assert (outcome.start_ns, outcome.end_ns) == (BASE, BASE + 91)


def test_a_timer_beyond_the_last_packet_never_fires(engine: str) -> None:
    strategy = Does(t61=lambda ctx: "with the last packet", t62=lambda ctx: "later")
    go(engine, [rows(TEXT)], strategy, end_ns=BASE + 1000)
    assert strategy.got == ["with the last packet"]


def test_requests_on_their_way_to_the_exchange_at_the_end_are_counted(engine: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.buy(99, 3), t58=lambda ctx: (ctx.cancel(1), ctx.buy(98, 1)))
    _, outcome = go(engine, [rows(TEXT), rows(TEXT)], strategy, entry_ns=10)
    assert outcome.requests_not_arrived == (2, 0)


@pytest.mark.parametrize(
    ("tail", "since"),
    [
        ("", None),
        ("70 add bid 90 1 #4 suspect\n 80 add bid 91 1 #5 suspect", 70),
        ("70 add bid 90 1 #4 suspect\n 80 add bid 91 1 #5", None),
        ("70 add bid 90 1 #4 suspect\n 80 add bid 91 1 #5\n 90 add bid 92 1 #6 suspect", 90),
    ],
)
def test_the_outcome_has_since_when_the_book_is_suspect(engine: str, tail: str, since: int | None) -> None:
    _, outcome = go(engine, [rows(f"{TEXT}\n{tail}")], Does())
    assert outcome.suspect_since_ns == (None if since is None else BASE + since,)


def test_decades_around_the_data_dilute_no_statistic(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "market.parquet"
    lob.generate(path, events=3_000)
    plain = {"instrument": [{"data": [str(path)]}], "report": {"sample": "1h"}}
    far = {**plain, "run": {"start": "1980-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}}
    results = [lob.run(each, InventorySkew, engine=engine) for each in (plain, far)]
    assert results[0].info.config["run"] != results[1].info.config["run"]
    assert results[0].table("fills").num_rows > 0
    assert results[1].summary == results[0].summary
    assert (results[1].info.start_ns, results[1].info.end_ns) == (results[0].info.start_ns, results[0].info.end_ns)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2090-01-01T00:00:00Z", None, r"run\.start: 2090-01-01T00:00:00.* lies after the data, which end at 2024"),
        ("2090-01-01T00:00:00Z", "2091-01-01T00:00:00Z", r"run\.start: 2090.* lies after the data, which end at 2024"),
        (None, "1991-01-01T00:00:00Z", r"run\.end: 1991-01-01T00:00:00.* lies before the data, which begin at 2024"),
        ("1990-01-01T00:00:00Z", "1991-01-01T00:00:00Z", r"run\.end: 1991.* lies before the data, which begin at 2024"),
    ],
)
def test_a_run_beside_its_data_is_an_error(
    engine: str, tmp_path: Path, start: str | None, end: str | None, message: str
) -> None:
    path = tmp_path / "market.parquet"
    lob.generate(path, events=1_000)
    run = {name: value for name, value in (("start", start), ("end", end)) if value}
    config = {"instrument": [{"data": [str(path)]}], "report": {"sample": "1h"}, "run": run}
    with pytest.raises(ConfigError, match=message):
        lob.run(config, Does(), engine=engine)
