"""Metamorphic laws: change the input in a way whose effect is known, and see that effect and no other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_market import Row, market_l2, market_l3, play
from scenario import BASE, market_row

import lob_backtest as lob
from lob_backtest import backtest
from lob_backtest.data.reader import open_market
from lob_backtest.engine import ENGINES
from lob_backtest.strategies.inventory_skew import InventorySkew

MARKETS = {3: market_l3, 2: market_l2}
ROWS = 400
PRICES = ("price_ticks", "bid_ticks_before", "ask_ticks_before", "mid2_before", "mid2_after_5ns", "mid2_after_50ns")

seeds = st.integers(0, 2**31)
levels = st.sampled_from((2, 3))
# The fixture `engine` is a name: there is nothing to reset between examples.
few = settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Scripted(lob.Strategy):
    """Quotes around prices that the test gives it, by a fixed timetable; `flip` and `scale` are its own symmetry."""

    shift: int = 0
    flip: int = 1
    scale: int = 1
    name: str = "X0"

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(11)
        self._n = 0

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        ctx = ctx.market(self.name)
        self._n += 1
        side = self.flip * (1 if self._n % 2 else -1)
        mid = self.flip * 1000 + self.shift
        send = ctx.buy if side > 0 else ctx.sell
        size = self.scale * (1 + self._n % 5)
        if self._n % 7 == 0:
            send(mid + 4 * side, size, tif="IOC")
        elif self._n % 5 == 0:
            ctx.cancel_all()
        else:
            send(mid - side * (self._n % 4), size)


class Play:
    """Plays scripted strategies over rows of one level with one engine."""

    def __init__(self, engine: str, level: int) -> None:
        self.engine = engine
        self.level = level

    def fills(self, *streams: list[Row], start_ns: int = BASE, **parameters: int | str) -> list[dict[str, int]]:
        strategy = Scripted(**parameters)
        tables, _ = play(
            self.engine, streams, strategy, level=self.level, options={"max_position": None}, start_ns=start_ns
        )
        return _plain(tables["fills"])


def _plain(table: pa.Table) -> list[dict[str, int]]:
    return [{name: row[name] for name in row if name != "fee_micro"} for row in table.to_pylist()]


def changed(fills: list[dict[str, int]], names: tuple[str, ...], how: Callable[[int], int]) -> list[dict[str, int]]:
    return [{k: how(v) if k in names and v is not None else v for k, v in fill.items()} for fill in fills]


@few
@given(seed=seeds, level=levels, ticks=st.integers(-900, 10**9))
def test_shifted_prices_give_the_same_fills_at_shifted_prices(engine: str, seed: int, level: int, ticks: int) -> None:
    rows, plays = MARKETS[level](seed, ROWS), Play(engine, level)
    shifted = [(*r[:4], r[4] + ticks if r[4] else 0, *r[5:]) for r in rows]
    expected = changed(plays.fills(rows), PRICES[:3], lambda p: p + ticks)
    assert changed(expected, PRICES[3:], lambda m: m + 2 * ticks) == plays.fills(shifted, shift=ticks)


@few
@given(seed=seeds, level=levels, ns=st.integers(1, 10**15))
def test_shifted_times_give_the_same_fills_at_shifted_times(engine: str, seed: int, level: int, ns: int) -> None:
    rows, plays = MARKETS[level](seed, ROWS), Play(engine, level)
    later = [(r[0] + ns, *r[1:]) for r in rows]
    times = ("ts_exchange_ns", "ts_local_ns", "ts_traded_ns", "ts_arrival_ns")
    assert changed(plays.fills(rows), times, lambda t: None if t is None else t + ns) == plays.fills(
        later, start_ns=BASE + ns
    )


@few
@given(seed=seeds, level=levels)
def test_flipped_sides_give_mirrored_fills(engine: str, seed: int, level: int) -> None:
    rows, plays = MARKETS[level](seed, ROWS), Play(engine, level)
    flipped = [(*r[:2], -r[2], r[3], -r[4], *r[5:]) for r in rows]
    mirrored = changed(plays.fills(rows), (*PRICES, "side"), lambda v: -v)
    for fill in mirrored:
        fill["bid_ticks_before"], fill["ask_ticks_before"] = fill["ask_ticks_before"], fill["bid_ticks_before"]
    assert mirrored == plays.fills(flipped, flip=-1)


@few
@given(seed=seeds, scale=st.integers(2, 10**6))
def test_scaled_sizes_give_scaled_fills(engine: str, seed: int, scale: int) -> None:
    rows, plays = market_l3(seed, ROWS), Play(engine, 3)
    scaled = [(*r[:5], r[5] * scale, *r[6:]) for r in rows]
    sizes = ("size_lots", "queue_ahead_at_arrival_lots")
    assert changed(plays.fills(rows), sizes, lambda s: s * scale) == plays.fills(scaled, scale=scale)


@few
@given(seed=seeds, bits=st.integers(1, 20))
def test_scaled_sizes_give_scaled_fills_on_l2_but_for_parts_of_a_lot(engine: str, seed: int, bits: int) -> None:
    # Between whole lots L2 positions are estimates of 2⁻²⁰ lot, so that scaled fills may split lots.
    rows, plays, scale = market_l2(seed, ROWS), Play(engine, 2), 2**bits
    expected = sum(fill["size_lots"] for fill in plays.fills(rows))
    actual = plays.fills([(*r[:5], r[5] * scale, *r[6:]) for r in rows], scale=scale)
    assert abs(sum(fill["size_lots"] for fill in actual) / scale - expected) <= len(actual)


@few
@given(seed=seeds, level=levels, factor=st.integers(0, 2**62))
def test_renamed_order_ids_change_nothing(engine: str, seed: int, level: int, factor: int) -> None:
    rows, plays = MARKETS[level](seed, ROWS), Play(engine, level)
    odd = 2 * factor + 1  # multiplication by an odd number gives no two ids the same name
    renamed = [(*r[:3], r[3] * odd % 2**63, *r[4:]) for r in rows]
    assert plays.fills(rows) == plays.fills(renamed)


@few
@given(seed=seeds, level=levels)
def test_another_instrument_that_nobody_trades_changes_nothing(engine: str, seed: int, level: int) -> None:
    rows, plays = MARKETS[level](seed, ROWS), Play(engine, level)
    other = [r for r in MARKETS[level](seed + 100, ROWS // 2) if r[0] <= max(r[0] for r in rows)]
    opened = [(0, *market_row(["status", "open"])), *rows]  # the run begins with the first row of any instrument
    alone = plays.fills(opened)
    assert plays.fills(opened, other) == alone
    assert changed(plays.fills(other, opened, name="X1"), ("instrument",), lambda _: 0) == alone


@pytest.mark.parametrize("level", [2, 3])
def test_the_script_trades_in_these_markets(engine: str, level: int) -> None:
    """Laws over runs without fills would hold of anything."""
    assert sum(len(Play(engine, level).fills(MARKETS[level](seed, ROWS))) for seed in range(5)) > 50


@pytest.fixture(scope="module", params=[2, 3])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a synthetic market of 6,000 rows as one file."""
    path = tmp_path_factory.mktemp("whole") / "market.parquet"
    lob.generate(path, events=6_000, level=request.param)
    return path


def split(path: Path, folder: Path, cuts: list[int]) -> str:
    """Write the rows of a file as several, cut wherever it is, even within packets; return a pattern."""
    with pq.ParquetFile(path) as file:
        table = file.read()
    edges = [0, *cuts, table.num_rows]
    for number, (begin, end) in enumerate(pairwise(edges)):
        with pq.ParquetWriter(folder / f"{number:02}.parquet", table.schema, write_page_checksum=True) as writer:
            writer.write_table(table.slice(begin, end - begin))
    return str(folder / "[0-9]*.parquet")


def digest_of(data: str | Path, engine: str, *, feed: str = "recorded") -> str:
    config = {"instrument": [{"data": [str(data)], "max_position": 200}], "latency": {"feed": feed}}
    result = lob.run(config, InventorySkew(), engine=engine)
    assert result.table("fills").num_rows > 10
    return result.digest


@settings(few, max_examples=4)
@given(cuts=st.lists(st.integers(1, 5_999), min_size=1, max_size=5, unique=True).map(sorted))
def test_split_files_give_the_digest_of_the_whole(
    engine: str, whole: Path, cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    pattern = split(whole, tmp_path_factory.mktemp("parts"), cuts)
    assert digest_of(pattern, engine) == digest_of(whole, engine)


def test_batches_of_any_size_give_one_digest_on_every_engine(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = {}
    for batch_rows in (1, 1_000, 1_000_000):
        monkeypatch.setattr(backtest, "open_market", partial(open_market, batch_rows=batch_rows))
        digests |= {(engine, batch_rows): digest_of(whole, engine) for engine in ENGINES}
    assert len(set(digests.values())) == 1, digests


@pytest.mark.slow
def test_a_real_day_in_parts_gives_the_digest_of_the_whole(engine: str, shared_data: Path, tmp_path: Path) -> None:
    day = tmp_path / "day.parquet"
    lob.convert("lobster", shared_data / "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_1.zip", day)
    pattern = split(day, tmp_path, [1, 20_000, 20_001, 45_678])
    assert digest_of(pattern, engine, feed="500us") == digest_of(day, engine, feed="500us")
