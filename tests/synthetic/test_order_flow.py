from __future__ import annotations

from lob_backtest.synthetic import order_flow
from lob_backtest.synthetic.order_flow import (
    CANCEL_AT_TARGET,
    DISTANCES,
    INFORMED,
    MODIFY,
    NOISE,
    SIZES,
    UNIT,
    OrderFlow,
)
from lob_backtest.synthetic.tape import OrderTape


def played(seed: int, steps: int) -> OrderFlow:
    tape = OrderTape()
    flow = OrderFlow(seed, 0, tape)
    flow.open_book()
    for _ in range(steps):
        flow.step()
    return flow


def test_tables_have_an_entry_for_each_draw():
    assert len(SIZES) == len(DISTANCES) == 256
    assert min(SIZES) == 0  # the tail


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


def test_shares_of_every_origin_leave_room_for_quotes():
    for origin, informed in INFORMED.items():
        assert informed + NOISE[origin] < 65_536 // 2, origin
    assert MODIFY + CANCEL_AT_TARGET < 65_536 // 2


def test_volatility_regimes_change():
    flow = played(5, 0)
    seen = set()
    for _ in range(30_000):
        flow.step()
        seen.add(flow.volatility)
    assert len(seen) > 3
    assert max(seen) > 2 * min(seen)


def test_consensus_leans_with_trades_and_returns_to_the_value():
    flow = played(6, 1_000)
    flow.value = flow.consensus = 10_000 * UNIT
    flow._lean(1)
    flow._lean(1)
    flow._lean(-1)
    assert flow.consensus == 10_000 * UNIT + order_flow.LEAN
    flow.consensus += 20 * UNIT
    for _ in range(3_000):
        flow.step()
    assert abs(flow.consensus - flow.value) < 3 * UNIT


def test_sizes_have_a_power_law_tail():
    flow = played(7, 0)
    drawn = sorted(flow._tail() for _ in range(40_000))
    for k in (1, 2, 4, 6):
        above = sum(each >= 1 << k for each in drawn) / len(drawn)
        assert abs(above / 0.40625**k - 1) < 0.25
    assert drawn[-1] < 1 << 13


def test_a_trade_moves_the_consensus_its_way():
    flow = played(8, 500)
    for side in (1, -1):
        before = flow.consensus
        bid, ask = flow.exchange.best
        flow._take(side, ask if side > 0 else bid, 1)
        assert flow.consensus - before == side * order_flow.LEAN
