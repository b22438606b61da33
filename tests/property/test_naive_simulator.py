"""Both engines against the naive simulator on random streams and requests: every fill, every answer, every position.

More streams than `make test` takes: `python -m pytest -m slow tests/property/test_naive_simulator.py`, or
`NAIVE_SEEDS=1000:1100` before it for other seeds. A failure prints the smallest prefix of the rows, with the requests
that are needed, as a scenario of `tests/support/scenario.py`.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import naive_order_streams
import naive_streams
import pytest
from naive_matching import Request, Row
from naive_simulator import simulate
from plans import plan_of
from scenario import BASE, batch

import lob_backtest as lob
from lob_backtest.contract.plan import QueueModel
from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.engine import load_engine
from lob_backtest.results.sink import MemorySink

ENTRY_NS = 4
FEED_NS = 1_000_000  # nothing is received before all is sent, so that nothing is refused before it reaches the exchange


@dataclass
class Case:
    """Market rows, requests and the settings of one run."""

    level: int
    rows: list[Row]
    requests: list[Request]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def end_ns(self) -> int:
        return max([row[0] for row in self.rows] + [request.ts_sent_ns for request in self.requests]) + FEED_NS + 50


class Scripted(lob.Strategy):
    """Sends the requests at their times and reads the positions at the end."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.timers: dict[int, Request] = {}
        self.ids: dict[str, int] = {}
        self.ahead: dict[str, int | None] = {}

    def on_start(self, ctx: lob.Context) -> None:
        for request in self.case.requests:
            self.timers[ctx.at(BASE + request.ts_sent_ns)] = request

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        request = self.timers[timer_id]
        if request.kind == "cancel":
            ctx.cancel(self.ids[request.order])
        elif request.kind == "replace":
            order_id, price = self.ids[request.order], request.price_ticks
            ctx.replace(order_id, price_ticks=price, size_lots=request.size_lots)
        else:
            send = ctx.buy if request.side > 0 else ctx.sell
            self.ids[request.order] = send(
                request.price_ticks,
                request.size_lots,
                tif=request.tif,
                post_only=request.post_only,
                tag=request.order,
            )

    def on_stop(self, ctx: lob.Context) -> None:
        self.ahead = {order.tag: order.queue_ahead_lots for order in ctx.orders}


def run_engine(engine: str, case: Case) -> dict[str, list[Any]]:
    """Run a case on an engine; return what is compared, as text where it is an enum."""
    options = dict(case.options)
    queue = QueueModel[options.pop("queue", "back").upper()]
    plan = plan_of(
        case.level,
        queue_model=queue,
        **options,
        end_ns=BASE + case.end_ns,
        entry_ns=ENTRY_NS,
        markouts_ns=(10,),
        sample_ns=1_000_000,
        taint_ns=0,
    )
    sink, script = MemorySink(plan.markouts_ns), Scripted(case)
    outcome = load_engine(engine)(plan, [iter([batch(list(case.rows), FEED_NS)])], [script], sink)
    if outcome.failure is not None:
        raise outcome.failure
    tables = sink.tables()
    fills, answers = [], []
    for row in tables["fills"].to_pylist():
        cause = lob.Cause(row["cause"]).name.lower()
        fills.append((row["ts_exchange_ns"] - BASE, row["tag"], row["price_ticks"], row["size_lots"], cause))
        fills[-1] += (row["ts_traded_ns"] and row["ts_traded_ns"] - BASE, bool(row["tainted"]))
    for row in tables["orders"].to_pylist():
        if row["ts_exchange_ns"] is not None:  # null: the strategy knew already that the order was gone
            kind, reason = lob.UpdateKind(row["kind"]).name.lower(), lob.RejectReason(row["reason"]).name.lower()
            state = lob.OrderState(row["state"]).name.lower()
            answers.append((row["ts_exchange_ns"] - BASE, row["tag"], kind, reason, state, row["queue_ahead_lots"]))
    return {"fills": fills, "answers": answers, "ahead": sorted(script.ahead.items())}


def expect(case: Case) -> dict[str, list[Any]]:
    """Run a case on the simulator; return the same as `run_engine`."""
    found = simulate(case.rows, case.requests, level=case.level, entry_ns=ENTRY_NS, **case.options)
    return {
        "fills": [tuple(fill) for fill in found.fills],
        "answers": [tuple(answer) for answer in found.answers],
        "ahead": sorted(found.ahead.items()),
    }


def differences(engine: str, case: Case) -> str:
    """Return the first difference of each kind between an engine and the simulator; empty where there is none."""
    expected, found = expect(case), run_engine(engine, case)
    lines = []
    for kind in expected:
        pairs = zip_longest(expected[kind], found[kind])
        first = next(((k, a, b) for k, (a, b) in enumerate(pairs) if a != b), None)
        if first:
            lines.append(f"{kind}[{first[0]}]: the page says {first[1]}, the engine {first[2]}")
    return "\n".join(lines)


def draw(seed: int) -> Case:
    """Make the case of a seed: half of them L2, a quarter of these of limited depth."""
    rng = random.Random(seed)
    rates = naive_streams.Rates.drawn(rng)
    options: dict[str, Any] = {"hidden_any_side": rng.random() < 0.3}
    events = rng.choice((10, 30, 60))
    if rng.random() < 0.5:
        rows = naive_order_streams.OrderMarket(rng, rates).rows(events)
        options["evidence"] = rng.random() < 0.3
        return Case(3, rows, requests(rng, rows, events // 2), options)
    late_ns = rng.choice((4, 10))
    rows = naive_streams.LevelMarket(rng, rates, late_ns).rows(events)
    options |= {
        "queue": rng.choice(("back", "proportional", "weighted")),
        "late_level_ns": rng.choice((0, late_ns, 1_000)),
        "late_print_ns": rng.choice((0, late_ns, late_ns, 1_000)),
    }
    if rng.random() < 0.25:
        options["depth"] = rng.choice((1, 2, 3))
        rows = naive_streams.windowed(rows, options["depth"])
    return Case(2, rows, requests(rng, rows, events // 2), options)


def requests(rng: random.Random, rows: list[Row], n: int) -> list[Request]:
    """Draw requests; none is sent before the first row, where a run begins."""
    drawn = naive_streams.requests(rng, rows[-1][0], n)
    early = {request.order for request in drawn if request.ts_sent_ns < rows[0][0]}
    return [request for request in drawn if request.order not in early]


def shrunk(engine: str, case: Case) -> Case:
    """Cut a failing case: whole packets off the end, then requests and names of orders one by one."""
    ends = [k + 1 for k, row in enumerate(case.rows) if row[6] & Flag.LAST]
    for end in ends:
        shorter = Case(case.level, case.rows[:end], [r for r in case.requests if r.ts_sent_ns <= case.rows[end - 1][0]])
        shorter.options = case.options
        if differences(engine, shorter):
            case = shorter
            break
    for request in list(case.requests):
        gone = [r for r in case.requests if r is not request and (request.kind != "new" or r.order != request.order)]
        smaller = Case(case.level, case.rows, gone, case.options)
        if differences(engine, smaller):
            case = smaller
    return case


def as_text(case: Case) -> str:
    """Write a case down as a scenario."""
    sides = {1: "bid", -1: "ask", 0: "none"}
    lines: list[tuple[int, int, str]] = []
    for ts, action, side, order, price, size, flags, phase in case.rows:
        verb = Action(action).name.lower()
        words = {
            Action.ADD: f"add {sides[side]} {price} {size} #{order}",
            Action.MODIFY: f"modify #{order} {price} {size}",
            Action.CLEAR: f"clear {sides[side] if side else 'both'}",
            Action.STATUS: f"status {'open' if phase == 1 else Phase(phase).name.lower()}",
            Action.LEVEL: f"level {sides[side]} {price} {size}",
            Action.TRADE: f"{'hidden' if flags & Flag.HIDDEN else 'print'} {sides[side]} {price} {size}",
        }.get(Action(action), f"{verb} #{order} {size}")
        named = (Flag.SNAPSHOT, Flag.AUCTION, Flag.SUSPECT, Flag.WINDOW)
        marks = [str(flag.name).lower() for flag in named if flags & flag]
        lines.append((ts, 0, " ".join([words, *marks, *([] if flags & Flag.LAST else ["more"])])))
    for r in case.requests:
        price, options = r.price_ticks or "market", "" if r.tif == "GTC" else f" {r.tif.lower()}"
        words = {"cancel": "cancel", "replace": f"replace {price} {r.size_lots}"}.get(
            r.kind, f"{'buy' if r.side > 0 else 'sell'} {price} {r.size_lots}{options}{' post' if r.post_only else ''}"
        )
        lines.append((r.ts_sent_ns, 1, f"{r.order} {words}"))
    return "\n".join(f"{ts} {text}" for ts, _, text in sorted(lines, key=lambda line: line[:2]))


def check(engine: str, seed: int) -> None:
    case = draw(seed)
    if differences(engine, case):
        case = shrunk(engine, case)
        found = differences(engine, case)
        pytest.fail(f"seed {seed}, L{case.level}, entry {ENTRY_NS} ns, {case.options}\n{as_text(case)}\n{found}")


QUICK = range(300)
SEEDS = range(*map(int, os.environ.get("NAIVE_SEEDS", "300:6000").split(":")))


@pytest.mark.parametrize("start", QUICK[::50])
def test_engine_does_what_the_page_says(engine: str, start: int) -> None:
    for seed in range(start, start + 50):
        check(engine, seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", SEEDS[::100])
def test_engine_does_what_the_page_says_on_many_streams(engine: str, start: int) -> None:
    for seed in range(start, min(start + 100, SEEDS.stop)):
        check(engine, seed)
