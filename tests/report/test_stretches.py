"""What is measured of a run does not depend on where the stretches of its tables end, and is exact."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from large_result import large_result
from result_factory import START, fill, instrument, random_result, result_of

import lob_backtest as lob
from lob_backtest.report.metrics import quotes, stretches
from lob_backtest.report.metrics.histogram import Histogram, at_rank
from lob_backtest.report.metrics.pairwise import pairwise_sum
from lob_backtest.report.metrics.quotes import LiveOrders, NearTouch
from lob_backtest.report.metrics.stretches import running, total, widen
from lob_backtest.report.show.notebook import notebook
from lob_backtest.report.show.page import page
from lob_backtest.result import Result


def everything(result: Result) -> list[Any]:
    """Return all that is measured of a result, worked out anew."""
    tables = {name: result.table(name) for name in ("fills", "orders", "bbo", "samples", "series")}
    anew = Result(tables, result.info)
    return [json.dumps(anew.summary), page(anew), notebook(anew), anew.table("lots").to_pylist()]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return a run of a strategy that quotes, replaces, cancels and takes."""

    class Busy(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            self.calls = 0
            ctx.every(40 * lob.MS)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            self.calls += 1
            bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
            if bid is None or ask is None or self.calls % 13 == 0:
                ctx.cancel_all()
            elif self.calls % 7 == 0:
                (ctx.buy if ctx.position < 0 else ctx.sell)(None, 3)
            else:
                ctx.quote(bid=(bid - self.calls % 3, 2), ask=(ask, 1 + self.calls % 4))

    path: Path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=1_500)
    config = {"instrument": [{"data": [str(path)], "max_position": 20, "fees": {"maker_bps": -0.2}}]}
    return lob.run(config, Busy)


@pytest.mark.parametrize("rows", [7, 64])
def test_where_stretches_end_makes_no_difference(rows: int, played: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"instruments": (instrument(initial_position_lots=-7), instrument("B", currency="EUR"))}
    results = [played, random_result(2, agents=("one", "two"), **two)]
    expected = [everything(each) for each in results]
    monkeypatch.setattr(stretches, "STRETCH_ROWS", rows)
    assert [everything(each) for each in results] == expected


def test_tables_that_are_not_in_the_order_of_time_are_measured_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    result = random_result(3)
    tables = {name: result.table(name) for name in ("fills", "orders", "bbo", "samples", "series")}
    shuffled = tables["orders"].take(Random(1).sample(range(tables["orders"].num_rows), tables["orders"].num_rows))
    monkeypatch.setattr(stretches, "STRETCH_ROWS", 5)
    assert Result({**tables, "orders": shuffled}, result.info).summary == result.summary


def test_what_is_held_of_orders_is_what_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    result, held = large_result(2_000, 300), []

    class Watched(LiveOrders):
        def keep(self, *args: Any, **options: Any) -> None:
            super().keep(*args, **options)
            held.append(len(self._kept["order_id"]))

    monkeypatch.setattr(quotes, "LiveOrders", Watched)
    monkeypatch.setattr(stretches, "STRETCH_ROWS", 50)
    assert result.accounts[0].activity.quoted.quotes > 1_800
    assert len(held) > 40
    assert max(held) <= 2 * 2  # one order is replaced, and another was just sent: what began its quote, and the last


def test_means_are_exact_beyond_the_whole_numbers_of_floats() -> None:
    waits = [2**53 + 1, 1, 1]
    result = result_of([fill(1, 100, 1, 200, 200, ts_arrival_ns=START - each) for each in waits], mids=(200, 200))
    (account,) = result.accounts
    assert account.activity.queue_time_mean_ns == float(Fraction(sum(waits), len(waits)))


@pytest.mark.parametrize("seed", range(20))
def test_the_mean_size_near_the_touch_is_exact_beyond_the_whole_numbers_of_floats(seed: int) -> None:
    random = Random(seed)
    lots = [random.randrange(1, 1 << 39) for _ in range(9)]
    ends = sorted(random.sample(range(1, 1 << 50), 9))
    shown = quotes.Displays(*(np.array(each) for each in ([1] * 9, [100] * 9, lots, [0, *ends[:-1]], ends)))
    near = NearTouch((0, ends[-1]), (0,))
    near.take(shown, _no_prices(), None)
    lot_ns = sum(size * (end - begin) for size, begin, end in zip(lots, [0, *ends[:-1]], ends, strict=True))
    assert near.found()[0].bid_mean_lots == float(Fraction(lot_ns, ends[-1]))


def _no_prices() -> dict[str, Any]:
    nothing = np.zeros(0, dtype=np.int64)
    flags = dict.fromkeys(("has_bid_ticks", "has_ask_ticks"), nothing > 0)
    return {**dict.fromkeys(("ts_exchange_ns", "bid_ticks", "ask_ticks"), nothing), **flags}


def first_in_first_out(rows: Sequence[dict[str, int]], held: int) -> list[tuple[int | None, int | None, int, int, int]]:
    """Match fills one by one; return the opening and closing fill, size, and fees of each lot."""
    standing: deque[list[Any]] = deque()
    found = []
    if held:
        standing.append([None, 1 if held > 0 else -1, abs(held), abs(held), 0, 0])

    def part(stretch: list[Any], lots: int) -> int:
        _, _, size, left, fee, fee_left = stretch
        taken = fee_left if lots == left else fee * lots // size
        stretch[3], stretch[5] = left - lots, fee_left - taken
        return int(taken)

    for index, row in enumerate(rows):
        size, fee = row["size_lots"], row["fee_micro"]
        incoming = [index, row["side"], size, size, fee, fee]
        while incoming[3] and standing and standing[0][1] != incoming[1]:
            oldest, lots = standing[0], min(standing[0][3], incoming[3])
            found.append((oldest[0], index, lots, part(oldest, lots), part(incoming, lots)))
            if not oldest[3]:
                standing.popleft()
        if incoming[3]:
            standing.append(incoming)
    return [*found, *((each[0], None, each[3], part(each, each[3]), 0) for each in standing)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_lots_are_those_of_matching_fills_one_by_one(seed: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(seed)
    largest, fee = random.choice(((5, 10), (1 << 20, 1 << 40))), random.choice((50, 1 << 50))
    fills = [
        fill(
            random.choice((1, -1)),
            100,
            random.randrange(1, largest[0]),
            200,
            200,
            fee_micro=random.randrange(-fee, fee),
        )
        for _ in range(200)
    ]
    held = random.choice((0, 37, -12))
    monkeypatch.setattr(stretches, "STRETCH_ROWS", rows)
    table = result_of(fills, mids=(200, 200), about=instrument(initial_position_lots=held)).table("lots")
    names = ("open_fill_id", "close_fill_id", "size_lots", "open_fee_micro", "close_fee_micro")
    assert list(zip(*(table[name].to_pylist() for name in names), strict=True)) == first_in_first_out(fills, held)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 1 << 62)), min_size=1), st.integers(1, 9))
def test_a_histogram_has_the_medians_of_its_values(pairs: list[tuple[int, int]], cut: int) -> None:
    histogram = Histogram()
    for first in range(0, len(pairs), cut):
        part = pairs[first : first + cut]
        histogram.add(np.array([value for value, _ in part]), np.array([weight for _, weight in part]))
    values, counts, weights = histogram.read()
    ordered = sorted(value for value, _ in pairs)
    assert [at_rank(values, counts, rank + 1) for rank in range(len(pairs))] == ordered
    assert total(weights) == sum(weight for _, weight in pairs)
    assert values.tolist() == sorted({value for value, _ in pairs})


@pytest.mark.parametrize("count", [0, 1, 7, 129, 5_000, 32_768, 32_769, 100_003, 1_000_001])
def test_a_sum_of_stretches_is_that_of_numpy_to_the_last_bit(count: int) -> None:
    random = np.random.default_rng(count)
    values = random.normal(size=count) * 10.0 ** random.integers(-8, 8, count)
    cuts = np.sort(random.integers(0, count + 1, 9))
    assert pairwise_sum(np.split(values, cuts), count) == values.sum()


@given(st.integers(-(1 << 63), 1 << 63), st.lists(st.integers(-(1 << 62), 1 << 62)))
def test_running_sums_are_exact(start: int, values: list[int]) -> None:
    found = running(start, np.array(values, dtype=np.int64)).tolist()
    assert found == [start + sum(values[:count]) for count in range(len(values) + 1)]
    assert total(widen(np.array(values, dtype=np.int64))[0]) == sum(values)


def test_what_was_measured_can_be_shown_after_the_folder_was_put_in_place(tmp_path: Path) -> None:
    path = tmp_path / "market.parquet"
    lob.generate(path, events=1_500)
    result = lob.run({"instrument": [{"data": [str(path)]}]}, lob.Strategy, out=tmp_path / "out")
    assert result.report(tmp_path / "page.html").stat().st_size > 1e6
    assert result.table("lots").num_rows == 0
    assert "<svg" in notebook(result)
