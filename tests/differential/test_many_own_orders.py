"""Both engines agree where thousands of own orders rest near the touch and are filled, moved and cancelled."""

from __future__ import annotations

from typing import Any

import pytest
from random_market import market_l2, market_l3, play

import lob_backtest as lob
from lob_backtest.engine import ENGINES
from lob_backtest.results.digest import digest

pytestmark = pytest.mark.skipif("kernel" not in ENGINES, reason="the kernel is not built")


class Crowd(lob.Strategy):
    """Sends bursts of orders around the touch, then moves, reduces and cancels some at random."""

    burst: int = 500

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(150)
        self.ahead: list[Any] = []

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        rng, bid, ask = ctx.rng, ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None:
            return
        live = [order.order_id for order in ctx.orders if not order.in_flight]
        for order_id in rng.sample(live, len(live) // 3):
            if rng.random() < 0.4:
                ctx.cancel(order_id)
            else:
                ctx.replace(order_id, price_ticks=rng.choice((bid, ask)) + rng.randint(-3, 3))
        for _ in range(self.burst):
            side, price = rng.choice(((ctx.buy, bid), (ctx.sell, ask)))
            side(price + rng.randint(-2, 2), rng.randint(1, 4), post_only=rng.random() < 0.5)
        self.ahead.append([(order.order_id, order.queue_ahead_lots) for order in ctx.orders])


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("depth", [0, 4])
@pytest.mark.parametrize("seed", [1, 2])
def test_engines_agree_with_thousands_of_own_orders(level: int, depth: int, seed: int) -> None:
    make = market_l3 if level == 3 else market_l2
    stream = make(seed, 600)
    got = []
    for engine in ("reference", "kernel"):
        strategy = Crowd()
        options = {"max_position": None, "depth": depth if level == 2 else 0}
        tables, _ = play(engine, [stream], strategy, level=level, options=options, paranoid=engine == "kernel")
        got.append((digest(tables), strategy.ahead))
        assert tables["fills"].num_rows > 50
    assert got[0] == got[1]
