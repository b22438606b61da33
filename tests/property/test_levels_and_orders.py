"""One market written as orders and as levels: what takers get on L2 is what they get on L3, or bounded by it."""

from __future__ import annotations

from pathlib import Path

import pytest

import lob_backtest as lob
from lob_backtest.synthetic.generate import generate


class Taker(lob.Strategy):
    """Takes at the touch in turn on both sides, often more than there is."""

    size: int = 300
    pace: lob.Duration = 5 * lob.MS

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(self.pace)
        self._turns = 0

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        self._turns += 1
        if bid is None or ask is None:
            return
        if self._turns % 2:
            ctx.buy(ask, self.size, tif="IOC")
        else:
            ctx.sell(bid, self.size, tif="IOC")


@pytest.fixture(scope="module", params=[1, 2])
def markets(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, Path], int]:
    """Write a market at both levels; return the files and the end of the shorter one."""
    folder = tmp_path_factory.mktemp("markets")
    paths = {level: folder / f"l{level}.parquet" for level in (2, 3)}
    ends = [generate(paths[level], events=5_000, seed=request.param, level=level).end_ns for level in paths]
    return paths, min(ends)


def test_takers_get_no_more_on_l2_than_on_l3_and_almost_as_much_under_proportional(
    engine: str, markets: tuple[dict[int, Path], int]
) -> None:
    paths, end_ns = markets

    def taken(level: int, queue: str) -> int:
        config = {
            "run": {"end": end_ns},
            "instrument": [{"data": [str(paths[level])]}],
            "fills": {"queue": queue},
            "latency": {"entry": "1ms", "response": "1ms"},
        }
        return int(sum(lob.run(config, Taker(), engine=engine).table("fills")["size_lots"].to_pylist()))

    exact = taken(3, "back")
    assert exact > 1_000
    assert 0.9 * exact < taken(2, "back") <= exact
    assert abs(taken(2, "proportional") / exact - 1) < 0.05
