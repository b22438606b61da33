from __future__ import annotations

import math
from decimal import ROUND_DOWN, getcontext, localcontext
from itertools import pairwise

from lob_backtest.market import arrivals, order_flow
from lob_backtest.market.arrivals import QUANTILES, SWITCHES, UNIT
from lob_backtest.market.order_flow import DISTANCES, SIZES, OrderFlow
from lob_backtest.market.tape import OrderTape


def played(seed: int, steps: int) -> OrderFlow:
    tape = OrderTape()
    flow = OrderFlow(seed, 0, tape)
    flow.open_book()
    for _ in range(steps):
        flow.step()
    return flow


def test_tables_have_an_entry_for_each_draw():
    assert len(SIZES) == len(DISTANCES) == 256
    assert len(QUANTILES) == UNIT + 1
    assert min(SIZES) == 0  # the tail


def test_quantiles_are_those_of_an_exponential():
    for i in range(UNIT):
        assert abs(QUANTILES[i] + math.log(1 - i / UNIT) * 2**20) <= 0.51
    assert all(low < high for low, high in pairwise(QUANTILES))
    assert 0.98 < sum(QUANTILES[:-1]) / UNIT / 2**20 < 1.01


def test_tables_do_not_depend_on_the_caller_s_decimal_settings():
    with localcontext():
        getcontext().prec = 3
        getcontext().rounding = ROUND_DOWN
        assert arrivals._exponential_quantiles() == QUANTILES


def test_pace_has_mean_one():
    paces = [arrivals.switched(switches) for switches in range(1 << SWITCHES)]
    assert 0.97 < sum(paces) / len(paces) / UNIT < 1.03
    assert min(paces) > 0
    assert max(paces) > 10 * min(paces)


def test_exchange_is_whole_and_deep_all_along():
    tape = OrderTape()
    flow = OrderFlow(3, 0, tape)
    flow.open_book()
    for k in range(20_000):
        flow.step()
        if k % 1_000 == 0:
            flow.exchange.check()
            bids, asks = flow.exchange.depth(100)
            assert min(len(bids), len(asks)) >= 6
            for side, levels in ((1, bids), (-1, asks)):
                assert flow._count[side] == sum(orders for _, _, orders in levels)
        # Filled orders do not pile up in the list that is drawn from, whatever the length of the market.
        assert len(flow._ids) < 2_000


def test_value_bounces_off_its_floor():
    flow = played(3, 0)
    flow.value = order_flow.FLOOR_TICKS * UNIT
    for _ in range(5_000):
        flow.step()
        assert flow.value >= order_flow.FLOOR_TICKS * UNIT


def test_mid_follows_the_value():
    flow = played(4, 1_000)
    away = []
    for _ in range(10_000):
        flow.step()
        bid, ask = flow.exchange.best
        away.append(abs((bid + ask) / 2 - flow.value / UNIT))
    assert sum(away) / len(away) < 2.0
