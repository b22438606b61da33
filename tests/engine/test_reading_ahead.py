"""An engine may take batches before it needs them; nothing of that shows in a result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from plans import plan_of
from random_market import Actor, market_l3, play
from scenario import BASE, batch

import lob_backtest as lob
from lob_backtest.contract.rows import Action, Batch, Flag
from lob_backtest.data.writer import EventWriter
from lob_backtest.engine import load_engine
from lob_backtest.errors import DataError, StrategyError
from lob_backtest.results.digest import digest
from lob_backtest.results.sink import MemorySink

ROWS = 300_000
"""More than any engine takes at once."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bids that join at one price, a nanosecond each; one row in a thousand of the second half has no size."""
    path = tmp_path_factory.mktemp("ahead") / "market.parquet"
    sizes = [0 if i > ROWS // 2 and i % 1000 == 0 else 1 for i in range(ROWS)]
    columns = {
        "ts_exchange_ns": range(BASE, BASE + ROWS),
        "ts_local_ns": range(BASE, BASE + ROWS),
        "action": [Action.ADD] * ROWS,
        "side": [1] * ROWS,
        "order_id": range(1, ROWS + 1),
        "price_ticks": [100] * ROWS,
        "size_lots": sizes,
        "flags": [Flag.LAST] * ROWS,
    }
    with EventWriter(path, level=3, symbol="AHEAD", tick_size=1, lot_size=1) as writer:
        writer.write({name: list(values) for name, values in columns.items()})
    return path


def counts(market: Path, engine: str, rows: int) -> dict[str, int]:
    """Run up to a row and return what the result says of the rows."""
    data = {"policies": {"zero_size": "skip"}}
    config = {"instrument": [{"data": [str(market)]}], "run": {"end": BASE + rows - 1}, "data": data}
    return dict(lob.run(config, lob.Strategy, engine=engine).info.counts)


def test_faults_behind_the_end_of_a_run_are_not_counted(engine: str, market: Path) -> None:
    found = counts(market, engine, 1_000)
    assert found["rows"] == 1_000
    assert "zero_size_skip" not in found


def test_every_fault_of_a_whole_run_is_counted(engine: str, market: Path) -> None:
    found = counts(market, engine, ROWS)
    assert found["zero_size_skip"] == ROWS // 2 // 1000 - 1
    assert found["rows"] + found["zero_size_skip"] == ROWS


class Raises(lob.Strategy):
    """Raises some nanoseconds after the start."""

    after_ns: int = 0

    def on_start(self, ctx: lob.Context) -> None:
        ctx.at(ctx.now_ns + self.after_ns)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        raise RuntimeError("enough")


def broken(rows: int) -> Iterator[Batch]:
    """Yield some rows, then fail."""
    stream = market_l3(1, 2 * rows)
    yield batch(stream[:rows], 3)
    yield batch(stream[rows : 2 * rows], 3)
    raise DataError("a page is corrupt")


def run(engine: str, source: Iterator[Batch], strategy: lob.Strategy) -> StrategyError | None:
    plan = plan_of(3)
    return load_engine(engine)(plan, [source], [strategy], MemorySink(plan.markouts_ns)).failure


@pytest.mark.parametrize("rows", [50, 5_000])
def test_what_happens_first_is_told_first(engine: str, rows: int) -> None:
    failure = run(engine, broken(rows), Raises(after_ns=1))
    assert "enough" in str(failure)


@pytest.mark.parametrize("rows", [50, 5_000])
def test_what_cannot_be_read_is_told_when_it_is_needed(engine: str, rows: int) -> None:
    with pytest.raises(DataError, match="a page is corrupt"):
        run(engine, broken(rows), Raises(after_ns=10**12))


def test_a_run_is_the_same_whether_batches_are_worth_a_thread_or_not(engine: str) -> None:
    stream = market_l3(7, 12_000)
    digests = set()
    for rows in (1_000, 4_500, 100_000):
        tables, outcome = play(engine, [stream], Actor(pace=40), batch_rows=rows, paranoid=False)
        digests.add((digest(tables), str(outcome.counts)))
    assert len(digests) == 1
    assert tables["fills"].num_rows > 20


def test_an_instrument_without_rows_ends_a_run_at_once(engine: str) -> None:
    assert run(engine, iter(()), Raises(after_ns=1)) is None
