"""Random runs for the differential test: a seed decides the market, the strategy, the plan and the batches."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from drawn import drawn_channel, drawn_fields
from random_market import Actor, Row, market_l2, market_l3, play
from scenario import BASE

import lob_backtest as lob
from lob_backtest.contract.output import Outcome
from lob_backtest.contract.plan import FeePlan, FillRules, MmpPlan, OrderRules, ReplaceRules
from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.results.digest import digest


class Listener(Actor):
    """An `Actor` that listens to everything, notes all that it is told and now and then acts on it.

    `depth_in` names the callback in which it asks for changes of every level, sooner or later, of one of `markets`.
    """

    chance: float = 0.1
    depth_in: str = ""
    markets: int = 1

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.heard: list[Any] = []

    def _want_depth(self, ctx: lob.Context, callback: str) -> None:
        if callback == self.depth_in and (callback == "on_start" or ctx.rng.random() < self.chance):
            ctx.market(f"X{ctx.rng.randrange(self.markets)}").subscribe(lob.DEPTH)

    def on_start(self, ctx: lob.Context) -> None:
        super().on_start(ctx)
        self._want_depth(ctx, "on_start")

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        self._want_depth(ctx, "on_timer")
        self.act(ctx)

    def act(self, ctx: lob.Context) -> None:
        """Send something."""
        super().on_timer(ctx, 0)

    def on_book(self, ctx: lob.Context) -> None:
        self._want_depth(ctx, "on_book")
        book = ctx.book
        best = (book.bid_ticks, book.bid_size_lots, book.ask_ticks, book.ask_size_lots, book.spread_ticks)
        means = (book.mid_ticks, book.microprice_ticks, book.imbalance)
        self.heard.append((ctx.now_ns, best, means, book.depth(3), ctx.position, ctx.cash, ctx.equity))
        if ctx.rng.random() < self.chance:
            self.act(ctx)
            if book.bid_ticks is not None:
                self.heard.append(book.orders_at(1, book.bid_ticks))
                self.heard.append(book.size_at(-1, book.bid_ticks + 3))

    def on_trade(self, ctx: lob.Context, trade: lob.Print) -> None:
        self._want_depth(ctx, "on_trade")
        self.heard.append((ctx.now_ns, trade))

    def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
        super().on_order(ctx, order)
        self.heard.append((ctx.now_ns, order, list(ctx.orders)))

    def on_fill(self, ctx: lob.Context, fill: lob.Fill) -> None:
        self._want_depth(ctx, "on_fill")
        self.heard.append((ctx.now_ns, fill))
        if ctx.rng.random() < self.chance:
            ctx.mmp_reset()
        if ctx.rng.random() < self.chance:
            ctx.cancel_all(side=ctx.rng.choice((None, 1, -1)), tag=ctx.rng.choice((None, "", "other")))

    def on_stop(self, ctx: lob.Context) -> None:
        ctx.record("position", ctx.position)
        self.heard.append(ctx.buy(1, 1))


class Quoter(Listener):
    """Quotes at random prices of both sides, ladders and fractions among them."""

    def act(self, ctx: lob.Context) -> None:
        """Quote."""
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None:
            return
        rng = ctx.rng
        bids: lob.strategy.Quote = [(bid - i, rng.randint(0, 9)) for i in range(rng.randint(0, 3))]
        asks: lob.strategy.Quote = (ask + rng.randint(-1, 2), rng.choice((3, 3, 5, 2.5)))
        if rng.random() < 0.2:
            ctx.quote(ask=asks, top_up=True)
        elif rng.random() < 0.1:
            ctx.quote(bid=None)
        else:
            ctx.quote(bid=bids, ask=asks)


class Looker(Listener):
    """Looks at every level and order, rarely, and acts upon it."""

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        bids, asks = ctx.book.depth(-1)
        self.heard.append((ctx.now_ns, bids, asks, [ctx.book.orders_at(1, price) for price, _ in bids]))
        self.act(ctx)

    on_book = lob.Strategy.on_book
    on_trade = lob.Strategy.on_trade


DEPTH_IN = ("", "", "on_start", "on_timer", "on_book", "on_trade", "on_fill")
"""Where a strategy subscribes to every level."""


PROTECTIONS = (
    MmpPlan(lots=8, interval_ns=20, frozen_ns=60),
    MmpPlan(fills=2, interval_ns=60),
    MmpPlan(lots=15, fills=3, interval_ns=5, frozen_ns=5),
)
"""Market maker protection; the rows of random markets are a few nanoseconds apart."""


@functools.cache
def market(level: int, seed: int, rows: int, mid: int) -> list[Row]:
    """Make a random market, once; every other one tells its trades as feeds do that are late or batched."""
    stream = with_sessions((market_l3 if level == 3 else market_l2)(seed, rows, mid=mid), random.Random(seed))
    if seed % 2:
        return stream
    return aggressed(stream, random.Random(seed)) if level == 3 else retold(stream, random.Random(seed))


def with_sessions(stream: list[Row], rng: random.Random) -> list[Row]:
    """Put in sessions: the market closes now and then, and opens again some rows later, at the same time or later."""
    chance = rng.choice((0, 0.003, 0.01))
    rows: list[Row] = []
    opens = 0
    for i, row in enumerate(stream):
        if opens == i and i:
            rows.append((row[0], int(Action.STATUS), 0, 0, 0, 0, int(Flag.LAST), int(Phase.CONTINUOUS)))
        if rows and rows[-1][6] & Flag.LAST and rng.random() < chance:
            rows.append((row[0], int(Action.STATUS), 0, 0, 0, 0, int(Flag.LAST), int(Phase.CLOSED)))
            opens = i + rng.randint(1, 9)
        rows.append(row)
    return rows


def aggressed(stream: list[Row], rng: random.Random) -> list[Row]:
    """Show some aggressors: they join at the other side's price, trade, and leave within one packet."""
    rows, sides, price_of, ids = [], {}, {}, 10**7
    for row in stream:
        ts, action, side, order_id, price, size, _, _ = row
        if action in (Action.ADD, Action.MODIFY):
            sides[order_id] = side or sides[order_id]
            price_of[order_id] = price
        if action != Action.EXECUTE or rng.random() < 0.5 or order_id not in sides:
            rows.append(row)
            continue
        ids += 1
        against = -sides[order_id]
        rows.append((ts, int(Action.ADD), against, ids, price_of[order_id], size, 0, 0))
        rows.append((ts, action, side, order_id, price, size, 0, 0))
        rows.append((ts, int(Action.CANCEL), against, ids, 0, size, int(Flag.LAST), 0))
    return rows


def retold(stream: list[Row], rng: random.Random) -> list[Row]:
    """Tell an L2 market as feeds do: late prints, one row for several changes of a level, packets of prints and levels,
    prints whose side or meaning is not known."""
    late, batched = rng.choice((0, 0.2, 0.6)), rng.choice((0, 0.3, 0.8))
    prints: list[Row] = []
    levels: dict[tuple[int, int], Row] = {}
    rows: list[Row] = []
    for ts, action, *rest, flags, phase in stream:
        due = [row for row in prints if row[0] <= ts]
        prints = [row for row in prints if row[0] > ts]
        rows.extend(sorted(due))
        if action == Action.TRADE:
            odd = rng.random()
            mark = Flag.AUCTION if odd < 0.02 else Flag.HIDDEN if odd < 0.06 else 0
            side = 0 if 0.06 < odd < 0.09 else rest[0]
            delay = rng.choice((1, 5, 40, 300)) if rng.random() < late else 0
            row = (ts + delay, action, side, *rest[1:], int(flags | mark), phase)
            (prints if delay else rows).append(row)
        elif action == Action.LEVEL:
            levels[rest[0], rest[2]] = (ts, action, *rest, flags, phase)
        else:
            rows.append((ts, action, *rest, flags, phase))
        if rng.random() >= batched:
            packet = [(ts, *row[1:]) for row in levels.values()]
            levels.clear()
            if packet and rng.random() < 0.3:
                row = (ts, int(Action.TRADE), packet[0][2], 0, packet[0][4], rng.randint(1, 9), 0, 0)
                packet.insert(rng.randrange(len(packet)), row)
            rows.extend((*row[:6], 0, 0) for row in packet[:-1])
            rows.extend(packet[-1:])
    return [*rows, *sorted(prints)]


def blurred(stream: list[Row], rng: random.Random) -> list[Row]:
    """Make packets of several rows, with different times, stretches in which the book is suspect, and rows that say
    that the window has moved."""
    rows, suspect, windows = [], False, rng.choice((0, 0.02))
    for i, row in enumerate(stream):
        *head, flags, phase = row
        suspect = rng.random() < (0.8 if suspect else 0.03)
        flags |= Flag.SUSPECT if suspect else 0
        flags |= Flag.WINDOW if rng.random() < windows else 0
        if i + 1 < len(stream) and rng.random() < 0.3:
            flags &= ~int(Flag.LAST)
        rows.append((*head, int(flags), phase))
    return rows


def damaged(stream: list[Row], rng: random.Random) -> list[Row]:
    """Leave rows out, so that others name orders that are not there, and put in some that no exchange would send.

    Orders that cross the book, that come twice or that move, rows that take more than there is or are of any side, lone
    CLEARs.
    """
    ids = [row[3] for row in stream if row[1] == Action.ADD] or [1]
    gone, wrong, crossing, cleared, moved = (rng.choice((0, p)) for p in (0.03, 0.01, 0.02, 0.005, 0.02))
    rows: list[Row] = []
    for row in stream:
        ts, action, side, order_id, price, size, flags, phase = row
        if rng.random() < gone:
            continue
        if rng.random() < wrong and action in (Action.CANCEL, Action.EXECUTE):
            size += rng.randint(1, 9)
        if rng.random() < wrong and action in (Action.CANCEL, Action.EXECUTE, Action.MODIFY):
            side = rng.choice((1, -1))
        if rng.random() < wrong:
            rows.append((ts, int(Action.ADD), rng.choice((1, -1)), rng.choice(ids), 1000, 3, 1, 0))
        if rng.random() < crossing:
            new = rng.randint(10**6, 10**6 + 40)
            rows.append((ts, int(Action.ADD), rng.choice((1, -1)), new, 1000 + rng.randint(-6, 6), size or 1, 1, 0))
        if rng.random() < cleared:
            rows.append((ts, int(Action.CLEAR), rng.choice((0, 1, -1)), 0, 0, 0, rng.choice((0, 1)), 0))
        if rng.random() < moved:
            rows.append((ts, int(Action.MODIFY), 0, rng.choice(ids), 1000 + rng.randint(-5, 5), size or 1, 1, 0))
        rows.append((ts, action, side, order_id, price, size, flags, phase))
    return rows


@dataclass
class Case:
    """One random run, the same on every engine."""

    seed: int
    level: int
    strategy: type[Actor]
    streams: list[list[Row]]
    options: dict[str, Any]
    pace: int = 7
    depth_in: str = ""
    agents: int = 1

    @classmethod
    def of(cls, seed: int, rows: int, *, calm: bool = False) -> Case:
        """Draw a run with `rows` rows an instrument or a few more.

        Calm runs are for many events: they draw from a few markets, and most of their strategies act rarely.
        """
        rng = random.Random(seed)
        level = rng.choice((2, 3))
        streams = [
            market(level, rng.randrange(6) if calm else rng.getrandbits(30), rows, 1000 + 50 * i)
            for i in range(rng.choice((1, 1, 1, 2, 3)))
        ]
        options = {
            "options": {
                **drawn_fields(rng, FillRules),
                **drawn_fields(rng, FeePlan),
                **drawn_fields(rng, OrderRules),
                **drawn_fields(rng, ReplaceRules),
                "depth": rng.choice((0, 0, 3, 5)),
                "max_position": rng.choice((9, 60, None)),
                "initial_position": rng.choice((0, 0, -5)),
                "mmp": rng.choice((*(MmpPlan(),) * 3, *PROTECTIONS)),
            },
            **drawn_channel(rng, BASE),
            "local_ns": rng.choice((0, 1, 3, 20)),
            "batch_rows": rng.choice((7, 100, 1000, 65536)),
            "flatten": rng.random() < 0.3,
            "warm_up_ns": rng.choice((0, 0, 50)),
            "sample_ns": rng.choice((10, 100)),
            "markouts_ns": rng.choice(((), (5,), (5, 50))),
            "start_ns": rng.choice((None, None, BASE + 300)),
            "end_ns": rng.choice((None, None, BASE + 2000)),
            "seed": rng.randint(0, 9),
            "paranoid": not calm and rng.random() < 0.3,
        }
        depth_in = rng.choice(DEPTH_IN)
        if not calm:
            if level == 3 and rng.random() < 0.5:
                streams = [damaged(stream, rng) for stream in streams]
                options["issue_policies"] = {1: 1, 2: 1, 3: rng.choice((1, 2)), 4: 1}
            if rng.random() < 0.5:
                streams = [blurred(stream, rng) for stream in streams]
                options["sample_ns"] = rng.choice((10, 100_000))
            strategy = rng.choice((Actor, Listener, Listener, Quoter))
            return cls(seed, level, strategy, streams, options, depth_in=depth_in, agents=rng.choice((1, 1, 2, 3)))
        options |= {"end_ns": None, "sample_ns": 10_000, "batch_rows": rng.choice((1000, 65536))}
        strategy = rng.choice((Actor,) * 15 + (Listener,))
        pace = rng.choice((300, 1000, 5000))
        return cls(seed, level, strategy, streams, options, pace=pace, depth_in=depth_in)

    def events(self) -> int:
        """Return the rows of all instruments."""
        return sum(len(stream) for stream in self.streams)

    def cut(self, rows: int) -> Case:
        """Return the same run on the first rows of each instrument."""
        return replace(self, streams=[stream[:rows] for stream in self.streams])

    def run(self, engine: str) -> tuple[str, Outcome, Any, dict[str, pa.Table]]:
        """Run on an engine: the digest, the outcome, what the strategy saw, and the tables."""
        listens = {"depth_in": self.depth_in, "markets": len(self.streams)} if self.strategy is not Actor else {}
        strategies = [self.strategy(pace=self.pace, waits=True, **listens) for _ in range(self.agents)]
        tables, outcome = play(engine, self.streams, strategies, level=self.level, **self.options)
        heard = [note for each in strategies for note in getattr(each, "heard", ())]
        seen = ([each.aheads for each in strategies], heard, tables["series"].to_pylist())
        return digest(tables), outcome, seen, tables


def difference(case: Case) -> str | None:
    """Run a case on both engines and say what differs first, `None` where nothing does."""
    reference, kernel = case.run("reference"), case.run("kernel")
    if reference[:3] == kernel[:3]:
        return None
    for name, table in reference[3].items():
        ours, theirs = table.to_pylist(), kernel[3][name].to_pylist()
        for i, (row, other) in enumerate(zip(ours, theirs, strict=False)):
            if row != other:
                return f"{name} row {i}: {row}, the kernel has {other}"
        if len(ours) != len(theirs):
            return f"{name}: {len(ours)} rows, the kernel has {len(theirs)}"
    if reference[1] != kernel[1]:
        return f"{reference[1]}, the kernel has {kernel[1]}"
    for ours, theirs in zip(reference[2][1], kernel[2][1], strict=False):
        if ours != theirs:
            return f"the strategy was told {ours}, by the kernel {theirs}"
    return "what the strategy saw differs"


def shrunken(case: Case) -> tuple[Case, str]:
    """Find the shortest cut of a case that differs, by halving."""
    low, high = 0, max(len(stream) for stream in case.streams)
    while low + 1 < high:
        middle = (low + high) // 2
        if middle and difference(case.cut(middle)):
            high = middle
        else:
            low = middle
    cut = case.cut(high)
    return cut, difference(cut) or "nothing differs any more"
