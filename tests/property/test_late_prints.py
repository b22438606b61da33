"""Late prints: a feed that tells its trades late gives the fills of one that tells them first (docs/fill-model.md)."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_market import Row, market_l3, play

import lob_backtest as lob
from lob_backtest.book.book import Book
from lob_backtest.contract.plan import QueueModel
from lob_backtest.contract.rows import Action, Flag

LAST = int(Flag.LAST)
few = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


class Early(lob.Strategy):
    """Sends its orders once, behind what the market shows then, several at a price."""

    orders: int = 12
    seed: int = 1

    def on_start(self, ctx: lob.Context) -> None:
        ctx.at(ctx.now_ns + 1_500)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        rng = random.Random(self.seed)
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None:
            return
        for _ in range(self.orders):
            side = rng.choice((1, -1))
            price = (bid if side > 0 else ask) - side * rng.randint(0, 2)
            (ctx.buy if side > 0 else ctx.sell)(price, rng.randint(1, 30))


def told(seed: int, rows: int, *, delay: int) -> list[Row]:
    """Tell a market of orders as levels and prints: each print before its level, or up to `delay` behind it."""
    rng = random.Random(seed)
    book = Book(3)
    stream: list[Row] = []
    for k, (_, action, side, order_id, price, size, flags, _) in enumerate(market_l3(seed, rows, quirks=False)):
        if action == Action.TRADE:
            continue
        ts = 10 * k
        order = book.orders.get(order_id)
        places = {(order.side, order.price_ticks)} if order is not None else set()
        book.apply(action, side, order_id, price, size, flags)
        if action in (Action.ADD, Action.MODIFY):
            places.add((book.orders[order_id].side, price))
        stream.extend((ts + 1, int(Action.LEVEL), s, 0, p, book.size_at(s, p), LAST, 0) for s, p in sorted(places))
        if action == Action.EXECUTE and order is not None:
            late = 1 + rng.randint(1, delay) if delay and ts > 2_000 else 0
            stream.append((ts + late, int(Action.TRADE), order.side, 0, order.price_ticks, size, LAST, 0))
    return sorted(stream, key=lambda row: row[0])


def filled(engine: str, rows: list[Row], seed: int, model: QueueModel) -> Counter[int]:
    """Return what each order has filled; a run is left out where the market came to stand at an own price.

    Then an order fills without a print, and the print that comes later has its lots for others.
    """
    options = {"queue_model": model, "late_print_ns": 10**6, "max_position": None}
    end = [(rows[-1][0] + 2_000, int(Action.LEVEL), 1, 0, 1, 1, LAST, 0)]
    tables, _ = play(engine, [rows + end], Early(seed=seed), level=2, options=options, local_ns=0)
    lots: Counter[int] = Counter()
    for fill in tables["fills"].to_pylist():
        assume(fill["cause"] != lob.Cause.CROSS)
        lots[fill["order_id"]] += fill["size_lots"]
    return lots


@few
@given(seed=st.integers(0, 2**31), delay=st.sampled_from((5, 40, 400)))
@pytest.mark.parametrize("model", list(QueueModel))
def test_late_prints_fill_what_prints_first_fill(engine: str, model: QueueModel, seed: int, delay: int) -> None:
    first, late = (filled(engine, told(seed, 500, delay=d), seed, model) for d in (0, delay))
    # Parts of a lot are rounded where a print reaches an order, which is in another place of the stream.
    slack = 0 if model == QueueModel.BACK else 1
    assert all(abs(first[order] - late[order]) <= slack for order in first.keys() | late.keys())
