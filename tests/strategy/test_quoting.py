"""The parts of market makers, each alone and then together in a strategy."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

import lob_backtest as lob

T0 = 1_700_000_000 * lob.SECOND


def book(bid: int | None, ask: int | None) -> Any:
    return SimpleNamespace(bid_ticks=bid, ask_ticks=ask)


def trade(at_ns: int, side: int, size: int) -> lob.Print:
    return lob.Print(at_ns, side, 100, size, False)


@pytest.mark.parametrize(
    ("centre", "half_spread", "expected"),
    [(100.0, 1.0, (99, 101)), (100.5, 1.0, (99, 102)), (100.2, 0.1, (100, 101)), (-3.5, 2.25, (-6, -1))],
)
def test_quotes_round_away_from_their_centre(centre, half_spread, expected):
    assert lob.quote_prices(centre, half_spread, book(-1000, 1000)) == expected


def test_quotes_never_reach_the_other_side_of_the_market():
    assert lob.quote_prices(105.0, 1.0, book(99, 101)) == (100, 106)
    assert lob.quote_prices(95.0, 1.0, book(99, 101)) == (94, 100)


def test_a_side_that_is_empty_bounds_nothing():
    assert lob.quote_prices(105.0, 1.0, book(99, None)) == (104, 106)
    assert lob.quote_prices(95.0, 1.0, book(None, 101)) == (94, 96)


@pytest.mark.parametrize("half_spread", [0.0, -1.0, math.nan, math.inf])
def test_quotes_that_could_meet_are_refused(half_spread):
    with pytest.raises(lob.StrategyError, match="expected more than 0"):
        lob.quote_prices(100.0, half_spread, book(99, 101))


@pytest.mark.parametrize("centre", [100.0, -100.0, 0.0, 2.0**40])
def test_quotes_do_not_meet_when_the_half_spread_is_lost_in_rounding(centre):
    at = round(centre)
    assert lob.quote_prices(centre, 1e-18, book(at - 9, at + 9)) == (at - 1, at + 1)


@pytest.mark.parametrize("centre", [math.nan, math.inf, -math.inf])
def test_a_centre_that_is_no_price_is_named(centre):
    with pytest.raises(lob.StrategyError, match=f"centre_ticks = {centre}; expected a finite number"):
        lob.quote_prices(centre, 1.0, book(99, 101))


@pytest.mark.parametrize(
    ("position", "expected"),
    [(0, (10, 10)), (15, (5, 10)), (20, (0, 10)), (25, (0, 10)), (-15, (10, 5)), (-20, (10, 0)), (-31, (10, 0))],
)
def test_the_side_that_would_breach_the_limit_shrinks(position, expected):
    assert lob.InventoryLimit(20).sizes(position, 10) == expected


def test_two_whole_fills_never_leave_the_limit():
    limit = lob.InventoryLimit(7)
    for position in range(-7, 8):
        bid, ask = limit.sizes(position, 5)
        assert position + bid <= 7
        assert position - ask >= -7


def test_room_is_what_is_left_to_either_limit():
    assert [lob.InventoryLimit(20).room(position) for position in (0, 15, -25)] == [(20, 20), (5, 35), (45, 0)]


def test_quotes_move_against_the_position():
    skew = lob.InventorySkew(0.25)
    assert [skew.shift(position) for position in (-8, 0, 8)] == [2.0, 0.0, -2.0]


def test_each_danger_widens_on_its_own_and_all_add_up():
    widening = lob.SpreadWidening(volatility=0.5, toxicity=4.0, depth=60)
    assert widening.ticks() == 0.0
    assert widening.ticks(volatility=3.0) == 1.5
    assert widening.ticks(toxicity=0.25) == 1.0
    assert widening.ticks(depth=15) == 2.0
    assert widening.ticks(volatility=3.0, toxicity=0.25, depth=15) == 4.5


def test_an_empty_book_is_thin_not_infinitely_so():
    assert lob.SpreadWidening(depth=60).ticks(depth=0) == 30.0


def test_a_ladder_steps_away_from_the_market():
    ladder = lob.Ladder(3, step=2)
    assert ladder.quotes(1, 100, 5) == [(100, 5), (98, 5), (96, 5)]
    assert ladder.quotes(-1, 101, 5) == [(101, 5), (103, 5), (105, 5)]
    assert ladder.quotes(1, 100, 0) == []


def test_a_ladder_fills_its_room_from_the_best_level():
    ladder = lob.Ladder(3)
    assert ladder.quotes(1, 100, 5, room_lots=12) == [(100, 5), (99, 5), (98, 2)]
    assert ladder.quotes(1, 100, 5, room_lots=5) == [(100, 5)]
    assert ladder.quotes(1, 100, 5, room_lots=0) == []
    assert ladder.quotes(1, 100, 5, room_lots=100) == ladder.quotes(1, 100, 5)


def brownian(sigma: float, seconds: int, step_ns: int, volatility: lob.EwmaVolatility) -> float | None:
    rng, now_ns, price = random.Random(5), T0, 1000.0
    while now_ns < T0 + seconds * lob.SECOND:
        volatility.update(now_ns, price)
        now_ns += step_ns
        price += sigma * math.sqrt(step_ns / lob.SECOND) * rng.gauss(0, 1)
    return volatility.value


@pytest.mark.parametrize("step_ns", [lob.SECOND // 10, lob.SECOND, 3 * lob.SECOND])
def test_volatility_is_per_root_second_however_often_it_looks(step_ns):
    found = brownian(2.5, 20_000, step_ns, lob.EwmaVolatility("2000s"))
    # The weights of a half-life h hold 2h / ln 2 / step looks, so that σ is known to one in √(4h / ln 2 / step).
    assert found == pytest.approx(2.5, rel=4 / math.sqrt(4 * 2000 / math.log(2) / (step_ns / lob.SECOND)))


def test_a_move_counts_half_after_a_half_life():
    volatility = lob.EwmaVolatility("4s")
    for second, price in [(0, 100), (1, 103), (5, 103)]:
        volatility.update(T0 + second * lob.SECOND, price)
    # Nine ticks² halve over four seconds, and so does the second in which they happened.
    assert volatility.value == pytest.approx(math.sqrt((9 / 2) / (1 / 2 + 4)))


def test_volatility_is_unknown_until_a_half_life_has_passed():
    volatility = lob.EwmaVolatility("2s")
    assert volatility.value is None
    assert volatility.update(T0, 100) is None
    assert volatility.update(T0 + lob.SECOND, 101) is None
    assert volatility.update(T0 + 2 * lob.SECOND, 101) is not None


def test_two_looks_at_one_time_count_the_move_between_them():
    volatility = lob.EwmaVolatility("1s")
    for at_ns, price in [(T0, 100), (T0 + lob.SECOND, 100), (T0 + lob.SECOND, 103)]:
        volatility.update(at_ns, price)
    assert volatility.value == pytest.approx(3.0)


def test_flow_is_toxic_when_it_is_one_sided():
    toxicity = lob.FlowToxicity("10s")
    assert toxicity.value is None
    assert toxicity.update(trade(T0, -1, 30)) == 1.0
    assert toxicity.imbalance == -1.0
    assert toxicity.update(trade(T0, 1, 30)) == 0.0


def test_older_flow_counts_less():
    toxicity = lob.FlowToxicity("10s")
    toxicity.update(trade(T0, -1, 60))
    assert toxicity.update(trade(T0 + 10 * lob.SECOND, 1, 10)) == pytest.approx(20 / 40)
    assert toxicity.imbalance == pytest.approx(-20 / 40)


def test_prints_of_unknown_side_say_nothing_of_toxicity():
    toxicity = lob.FlowToxicity("10s")
    assert toxicity.update(trade(T0, 0, 60)) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lob.InventoryLimit(-1), "InventoryLimit: limit = -1"),
        (lambda: lob.InventoryLimit(1.5), "InventoryLimit: limit = 1.5; expected a whole number"),
        (lambda: lob.InventorySkew(-0.1), "InventorySkew: ticks_per_lot = -0.1"),
        (lambda: lob.InventorySkew(math.nan), "InventorySkew: ticks_per_lot = nan"),
        (lambda: lob.SpreadWidening(depth=-1), "SpreadWidening: depth = -1"),
        (lambda: lob.Ladder(0), "Ladder: levels = 0"),
        (lambda: lob.Ladder(2, step=0), "Ladder: step = 0"),
        (lambda: lob.EwmaVolatility("soon"), "EwmaVolatility: half_life: 'soon' is not a duration"),
        (lambda: lob.FlowToxicity(0), "FlowToxicity: half_life = 0; expected more than 0"),
    ],
)
def test_a_part_refuses_what_makes_no_sense(make, message):
    with pytest.raises(lob.ConfigError) as error:
        make()
    assert message in str(error.value)


class Together(lob.Strategy):
    """Every part at once, and what it quoted."""

    size: int = 5
    limit: int = 20

    def on_start(self, ctx):
        self._volatility, self._toxicity = lob.EwmaVolatility("2s"), lob.FlowToxicity("2s")
        self._widening = lob.SpreadWidening(volatility=0.2, toxicity=0.5, depth=5)
        self._skew, self._limit, self._ladder = lob.InventorySkew(0.1), lob.InventoryLimit(self.limit), lob.Ladder(2)
        self.quoted = []
        ctx.every(100 * lob.MS)

    def on_trade(self, ctx, trade):
        self._toxicity.update(trade)

    def on_timer(self, ctx, timer_id):
        mid = ctx.book.mid_ticks
        half_spread = 0.5 + self._widening.ticks(
            volatility=self._volatility.update(ctx.now_ns, mid),
            toxicity=self._toxicity.value,
            depth=ctx.book.bid_size_lots,
        )
        bid, ask = lob.quote_prices(mid + self._skew.shift(ctx.position), half_spread, ctx.book)
        to_buy, to_sell = self._limit.room(ctx.position)
        bids = self._ladder.quotes(1, bid, self.size, to_buy)
        asks = self._ladder.quotes(-1, ask, self.size, to_sell)
        self.quoted.append((ctx.position, bids, asks))
        ctx.quote(bid=bids, ask=asks)


def test_together_the_parts_make_a_market_maker(tmp_path):
    lob.generate(tmp_path / "market.parquet", events=15_000, seed=3)
    strategy = Together()
    result = lob.run({"instrument": [{"data": [str(tmp_path / "market.parquet")]}]}, strategy)
    assert result.summary["residual_half_tick_lots"] == 0
    assert {1, -1} <= set(result.table("fills")["side"].to_pylist())
    assert len({position for position, _, _ in strategy.quoted}) > 2
    for position, bids, asks in strategy.quoted:
        assert position + sum(size for _, size in bids) <= max(20, position)
        assert position - sum(size for _, size in asks) >= min(-20, position)
        assert not bids or not asks or bids[0][0] < asks[0][0]


class Touch(NamedTuple):
    """The best prices and sizes of a book."""

    bid_ticks: int | None
    bid_size_lots: int
    ask_ticks: int | None
    ask_size_lots: int


@pytest.mark.parametrize(
    ("after", "flow"),
    [
        ((100, 15, 102, 20), 5),  # 5 join the bid
        ((100, 4, 102, 20), -6),
        ((101, 7, 102, 20), 7),  # a better bid: its whole size
        ((99, 30, 102, 20), -10),  # the bid is gone: the old size
        ((100, 10, 102, 26), -6),  # 6 join the ask
        ((100, 10, 101, 8), -8),
        ((100, 10, 103, 50), 20),
        ((101, 7, 103, 50), 27),
        ((100, 10, 102, 20), 0),
    ],
)
def test_order_flow_is_that_of_the_paper(after: tuple[int, int, int, int], flow: int) -> None:
    imbalance = lob.OrderFlowImbalance("1h")
    assert imbalance.update(0, cast(lob.Book, Touch(100, 10, 102, 20))) == 0
    assert imbalance.update(0, cast(lob.Book, Touch(*after))) == flow


def test_order_flow_decays_and_an_empty_side_interrupts_it() -> None:
    imbalance = lob.OrderFlowImbalance("1s")
    for now_ns, bid_lots in ((0, 10), (0, 18), (lob.SECOND, 18)):
        imbalance.update(now_ns, cast(lob.Book, Touch(100, bid_lots, 102, 20)))
    assert imbalance.value == 4
    imbalance.update(lob.SECOND, cast(lob.Book, Touch(None, 0, 102, 20)))
    assert imbalance.update(lob.SECOND, cast(lob.Book, Touch(90, 500, 102, 20))) == 4
    with pytest.raises(lob.ConfigError, match="OrderFlowImbalance: half_life"):
        lob.OrderFlowImbalance("soon")
