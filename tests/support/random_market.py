"""Seeded random markets and a random strategy, for tests that state laws rather than cases."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from drawn import drawn_options
from plans import plan_of
from scenario import BASE, batch, quiet_row

import lob_backtest as lob
from lob_backtest.book.book import Book
from lob_backtest.contract.output import Outcome
from lob_backtest.contract.plan import QueueModel
from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.engine import load_engine
from lob_backtest.results.sink import MemorySink

Row = tuple[int, ...]
"""Time, action, side, order_id, price_ticks, size_lots, flags, phase."""
LAST = int(Flag.LAST)


def market_l3(seed: int, rows: int, *, mid: int = 1000, quirks: bool = True) -> list[Row]:
    """Make an L3 stream: adds, cancels, reductions, executions at the front, hidden prints, snapshots, halts, gaps."""
    rng = random.Random(seed)
    book = Book(3)
    stream: list[Row] = []
    ids, ts = 0, 0

    def put(action: int, side: int, order_id: int, price: int, size: int, flags: int = LAST, *, phase: int = 0) -> None:
        stream.append((ts, int(action), side, order_id, price, size, flags, phase))
        assert book.apply(action, side, order_id, price, size, flags) == 0

    while len(stream) < rows:
        ts += rng.choice((0, 1, 1, 2, 5, 40))
        mid += rng.choice((-1, 0, 0, 0, 0, 0, 1))
        side = rng.choice((1, -1))
        dice = rng.random()
        if quirks and dice < 0.01:
            _snapshot(book, put, rng)
        elif quirks and dice < 0.02:
            put(Action.STATUS, 0, 0, 0, 0, phase=rng.choice((Phase.HALTED, Phase.CONTINUOUS, Phase.CONTINUOUS)))
        elif dice < 0.05:
            put(Action.TRADE, side, 0, mid - side * rng.randint(0, 2), rng.randint(1, 6), LAST | Flag.HIDDEN)
        elif dice < 0.5 or len(book.orders) < 6:
            opposite = book.best(-side)
            price = mid - side * rng.randint(0, 4)
            if opposite is not None and side * price >= side * opposite:
                price = opposite - side
            ids += 1
            put(Action.ADD, side, ids, price, rng.randint(1, 20))
        elif dice < 0.7:
            ladder = book.ladders[side]
            if ladder:
                order_id, order = next(iter(ladder.peekitem(0)[1].orders.items()))
                put(Action.EXECUTE, side, order_id, order.price_ticks, rng.randint(1, order.size_lots))
        else:
            order_id = rng.choice(list(book.orders))
            order = book.orders[order_id]
            if dice < 0.78 and order.size_lots > 1:
                put(Action.MODIFY, order.side, order_id, order.price_ticks, rng.randint(1, order.size_lots + 3))
            else:
                put(Action.CANCEL, order.side, order_id, order.price_ticks, rng.randint(1, order.size_lots))
    return stream


def _snapshot(book: Book, put: Any, rng: random.Random) -> None:
    """Show the book again, with some orders gone and, where own orders may stand, some at other prices."""
    listed = [
        (order_id, order.side, order.price_ticks, order.size_lots)
        for side in (1, -1)
        for level in list(book.levels(side))
        for order_id, order in level.orders.items()
        if rng.random() < 0.9
    ]
    if not listed:
        return
    put(Action.CLEAR, 0, 0, 0, 0, Flag.SNAPSHOT)
    for i, (order_id, side, price, size) in enumerate(listed):
        price -= side * rng.choice((0, 0, 0, 1))  # noqa: PLW2901 - away from the market
        last = LAST if i == len(listed) - 1 else 0
        put(Action.ADD, side, order_id, price, size, Flag.SNAPSHOT | last)


def market_l2(seed: int, rows: int, *, mid: int = 1000) -> list[Row]:
    """Make an L2 stream of the same kind of market: executions become prints, early or late, and levels."""
    rng = random.Random(seed + 1)
    book = Book(3)
    stream: list[Row] = []
    for ts, action, side, order_id, price, size, flags, phase in market_l3(seed, rows, mid=mid, quirks=False):
        order = book.orders.get(order_id)
        places = {(order.side, order.price_ticks)} if order is not None else set()
        book.apply(action, side, order_id, price, size, flags)
        if action == Action.TRADE:
            stream.append((ts, action, side, 0, price, size, flags, phase))
            continue
        if action in (Action.ADD, Action.MODIFY):
            places.add((book.orders[order_id].side, price))
        levels = [(ts, int(Action.LEVEL), s, 0, p, book.size_at(s, p), LAST, 0) for s, p in sorted(places)]
        if action == Action.EXECUTE:
            assert order is not None
            trade = (ts, int(Action.TRADE), order.side, 0, order.price_ticks, size, LAST, 0)
            levels.insert(rng.choice((0, 0, 1)), trade)
        stream.extend(levels)
    return stream


class Actor(lob.Strategy):
    """Sends random orders of every kind; what it does depends on what it has received and on nothing else."""

    pace: int = 7
    limit: int = 60
    waits: bool = False  # whether some orders are GTD, DAY and stops

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.aheads: dict[int, list[int | None]] = {}
        self.moves: dict[int, int] = {}

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(self.pace)

    def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
        if order.kind == lob.UpdateKind.REPLACED:
            self.aheads.pop(order.order_id, None)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        for order in ctx.orders:
            if order.display_lots is None:  # the next tip of an iceberg stands farther back
                self.aheads.setdefault(order.order_id, []).append(order.queue_ahead_lots)
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None:
            return
        rng = ctx.rng
        orders = list(ctx.orders)
        side, size = rng.choice((1, -1)), rng.randint(1, 12)
        price = (bid if side > 0 else ask) - side * rng.randint(-1, 2)
        send = ctx.buy if side > 0 else ctx.sell
        dice = rng.random()
        if dice < 0.45 or not orders:
            send(price, size, post_only=dice < 0.1, **{**self._more(rng), **self._end(ctx), **self._stop(ctx, price)})
        elif dice < 0.55:
            send(price + side, size, tif=rng.choice(("IOC", "FOK")), **self._more(rng))
        elif dice < 0.6:
            send(None, size, **{**self._more(rng), **self._stop(ctx, price)})
        elif dice < 0.8:
            ctx.cancel(rng.choice(orders).order_id)
        elif dice < 0.9:
            ctx.replace(rng.choice(orders).order_id, price_ticks=price, size_lots=size)
        else:
            ctx.quote(bid=(bid - 1, size), ask=[(ask + 1, size), (ask + 2, size)])

    def _stop(self, ctx: lob.Context, price: int) -> dict[str, Any]:
        rng = ctx.rng
        if not self.waits or rng.random() < 0.7:
            return {}
        stop: dict[str, Any] = {"stop_ticks": price + rng.randint(-3, 3)} if rng.random() < 0.6 else {}
        if not stop or rng.random() < 0.3:
            stop |= rng.choice(({"trail_ticks": rng.randint(1, 4)}, {"trail_bps": rng.randint(1, 40)}))
        return stop | {"trigger": rng.choice((None, "last", "mid", "touch"))}

    def _end(self, ctx: lob.Context) -> dict[str, Any]:
        dice = ctx.rng.random() if self.waits else 1
        if dice < 0.1:
            return {"tif": "DAY"}
        return {"tif": "GTD", "expire_ns": ctx.now_ns + ctx.rng.choice((0, 3, 10, 50, 300))} if dice < 0.3 else {}

    def _more(self, rng: random.Random) -> dict[str, Any]:
        return drawn_options(rng, apart_from=("tif", "post_only", "tag"))


def play(
    engine: str,
    streams: Sequence[Sequence[Row]],
    strategy: lob.Strategy | Sequence[lob.Strategy],
    *,
    level: int = 3,
    batch_rows: int = 1000,
    local_ns: int = 3,
    options: dict[str, Any] | None = None,
    **plan_options: Any,
) -> tuple[dict[str, pa.Table], Outcome]:
    """Run a strategy, or several, on streams, an instrument each; return the tables and the outcome."""
    defaults = {
        "max_position": 60,
        "queue_model": QueueModel.PROPORTIONAL,
        "maker_rates": (-300, 7),
        "taker_rates": (900, 11),
    }
    times = {"entry_ns": 4, "response_ns": 2, "markouts_ns": (5, 50), "sample_ns": 100}
    agents = [strategy] if isinstance(strategy, lob.Strategy) else list(strategy)
    plan = plan_of(
        level,
        len(streams),
        len(agents),
        names=[f"X{i}" for i in range(len(streams))],
        **{**defaults, **times, "paranoid": True, **(options or {}), **plan_options},
    )
    if plan.end_ns is not None:
        streams = [[*stream, *quiet_row(stream, plan.end_ns - BASE - local_ns)] for stream in streams]
    sources = [
        iter([batch(list(stream[i : i + batch_rows]), local_ns) for i in range(0, len(stream), batch_rows)])
        for stream in streams
    ]
    sink = MemorySink(plan.markouts_ns)
    outcome = load_engine(engine)(plan, sources, agents, sink)
    if outcome.failure is not None:
        raise outcome.failure
    return sink.tables(), outcome


def since(ts_ns: int) -> int:
    """Return a recorded time as the streams count it."""
    return ts_ns - BASE
