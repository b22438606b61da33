"""Scenarios as text: what the market does, what the strategy sends, what must come of it.

Each line begins with a time in nanoseconds. Requests take 1 ns to the exchange, answers 1 ns back, and a market row
is received 1 ns after it happened. Lines, in any order within a time:

    0 add bid 100 60 #1           an order joins (L3); also: cancel #1 5, modify #1 100 20, execute #1 5
    0 level bid 100 60            a level shows 60 (L2)
    0 print bid 100 5             a trade of 5 against bids (L2); also: hidden bid 100 5
    0 clear bid|ask|both, status open|closed|halted|auction
                                  each may end with: more (not its packet's end), snapshot, window, auction, suspect
    5 a buy 100 10                order `a`; or: sell, a price `market`; may end with: ioc, fok, post,
                                  day, gtd, the name of any other option that is true or false,
                                  or an option with its value
    5 a replace 100 5, a cancel
    5 all mmp_reset
    5 all cancel                  may end with: buy or sell, and the name of an order, which is its tag
    9 ahead a 60                  what the strategy sees at this time (none: not known)
    9 position 3
    9 a rests 7                   what is open of `a` at this time, as known to the strategy (0: gone)

and what must happen, in order, complete for each kind of line that occurs:

    20 fill a 5 @ 100 queue       may end with: traded 12 (a late print explains a fall of that time), tainted
    20 told a accepted | rejected post_only | cancelled | expired | replaced | replace_rejected … | cancel_rejected …
    20 unplaced 5                 the count `unplaced_lots` at the end of the run

What follows `--` is a comment. A first line without a time sets what the market is and what the run is given:

    L2, queue proportional, late_print 20

Settings are `L2` or `L3`; `queue back` or `proportional`; `strip #7`, an order that `exclude_order_ids` names;
`depth 5`; `end`, in nanoseconds; `flatten`, whose order has that name; and each field of `FillRules`, `ChannelPlan`,
`MmpPlan`, `FeePlan`, `OrderRules` and `ReplaceRules` by its name, with its value (`late_print 20`, in nanoseconds;
`taker_rates 0 5000000`; `self_trade decrement`) or, if it is true or false, without one or with `no`
(`hidden_any_side`, `keeps_place no`). `new 5`, `replace 3`, `cancel 2` and `response 1` set latencies of their own, in
nanoseconds, to kinds of messages (1 to those that are not set); `new 5 service 10` is a gateway. `evidence` is short
for `fill_on_younger_execution`. Defaults: L3, `back`, an end 10 ns after the last line. Where a fee is set, each fill
ends with `fee 2`, in 10⁻⁶ tick·lots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from itertools import pairwise
from typing import Any

import numpy as np
from drawn import TRUE_OR_FALSE, WITH_VALUE
from plans import plan_of

import lob_backtest as lob
from lob_backtest.config.queue_models import queue_model as queue_model_of
from lob_backtest.contract.output import Outcome
from lob_backtest.contract.plan import ChannelPlan, FeePlan, FillRules, LatencyPlan, MmpPlan, OrderRules, ReplaceRules
from lob_backtest.contract.rows import Action, Batch, Flag, Phase
from lob_backtest.data.own_orders import WithoutOrders
from lob_backtest.engine import load_engine
from lob_backtest.results.sink import MemorySink

BASE = 1_700_000_000_000_000_000
SIDES = {"bid": 1, "ask": -1, "both": 0, "none": 0}
FLAGS = {"snapshot": Flag.SNAPSHOT, "window": Flag.WINDOW, "auction": Flag.AUCTION, "suspect": Flag.SUSPECT}
WORDS = {"post_only": "post"}
TIFS = {each.name for each in lob.TimeInForce}
PHASES = {"open": Phase.CONTINUOUS, "closed": Phase.CLOSED, "halted": Phase.HALTED, "auction": Phase.AUCTION}
ARGUMENTS = {
    "add": 4,
    "modify": 3,
    "cancel": 2,
    "execute": 2,
    "level": 3,
    "print": 3,
    "hidden": 3,
    "clear": 1,
    "status": 1,
}
SWITCHES: dict[str, dict[str, Any]] = {
    "L2": {"level": 2},
    "L3": {"level": 3},
    "evidence": {"evidence": True},
    "flatten": {"flatten": True},
}
SET = {
    each.name: each.default
    for part in (FillRules, FeePlan, MmpPlan, ChannelPlan, ReplaceRules, OrderRules)
    for each in fields(part)
}
SET |= {"depth": 0, "end": 0}
"""What a scenario can set to numbers: fields of the plan, with their defaults."""
FEES = {each.name for each in fields(FeePlan)}
LATENCIES = ("new", "replace", "cancel", "response")
COLUMNS = ("action", "side", "order_id", "price_ticks", "size_lots", "flags", "phase")


def market_row(words: list[str]) -> tuple[int, ...]:
    """Read a market line as (action, side, order_id, price_ticks, size_lots, flags, phase)."""
    verb, given, marks = words[0], words[1 : 1 + ARGUMENTS[words[0]]], words[1 + ARGUMENTS[words[0]] :]
    flags = 0 if "more" in marks else int(Flag.LAST)
    for mark in marks:
        flags |= FLAGS.get(mark, 0)
    if verb == "add":
        return Action.ADD, SIDES[given[0]], int(given[3][1:]), int(given[1]), int(given[2]), flags, 0
    if verb == "modify":
        return Action.MODIFY, 0, int(given[0][1:]), int(given[1]), int(given[2]), flags, 0
    if verb in ("cancel", "execute"):
        return Action[verb.upper()], 0, int(given[0][1:]), 0, int(given[1]), flags, 0
    if verb in ("level", "print", "hidden"):
        action = Action.LEVEL if verb == "level" else Action.TRADE
        flags |= Flag.HIDDEN if verb == "hidden" else 0
        return action, SIDES[given[0]], 0, int(given[1]), int(given[2]), flags, 0
    if verb == "clear":
        return Action.CLEAR, SIDES[given[0]], 0, 0, 0, flags, 0
    return Action.STATUS, 0, 0, 0, 0, flags, PHASES[given[0]]


def batch(rows: list[tuple[int, ...]], local_ns: int = 1) -> Batch:
    """Make a batch of (time, *market_row); local time is exchange time plus `local_ns`."""
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    named = dict(zip(COLUMNS, columns[1:], strict=True))
    ts = columns[0].astype(np.int64) + BASE
    return Batch(
        ts_exchange_ns=ts,
        ts_local_ns=ts + local_ns,
        action=named["action"].astype(np.uint8),
        side=named["side"].astype(np.int8),
        order_id=named["order_id"].astype(np.uint64),
        price_ticks=named["price_ticks"].astype(np.int64),
        size_lots=named["size_lots"].astype(np.int64),
        flags=named["flags"].astype(np.uint8),
        phase=named["phase"].astype(np.uint8),
        row=0,
        path="scenario",
    )


def quiet_row(rows: Sequence[tuple[int, ...]], time: int) -> list[tuple[int, ...]]:
    """Return a row that says the phase once more at a time, if the rows end before: a run ends with its data."""
    if not rows or rows[-1][0] >= time:
        return []
    phase = next((row[-1] for row in reversed(rows) if row[1] == Action.STATUS), int(Phase.CONTINUOUS))
    suspect = rows[-1][6] & Flag.SUSPECT
    return [(time, int(Action.STATUS), 0, 0, 0, 0, int(Flag.LAST | suspect), phase)]


class Script(lob.Strategy):
    """Sends what a scenario says, and notes what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[int, str, list[str]]] = []
        self.ids: dict[str, int] = {}
        self.seen: list[str] = []
        self.told: list[str] = []
        self._timers: dict[int, tuple[int, str, list[str]]] = {}

    def on_start(self, ctx: lob.Context) -> None:
        for line in self.lines:
            self._timers[ctx.at(BASE + line[0])] = line

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        time, name, words = self._timers[timer_id]
        if name == "ahead":
            order = next((o for o in ctx.orders if o.order_id == self.ids[words[0]]), None)
            ahead = order.queue_ahead_lots if order is not None else None
            self.seen.append(f"{time} ahead {words[0]} {'none' if ahead is None else ahead}")
        elif name == "position":
            self.seen.append(f"{time} position {ctx.position}")
        elif words[0] == "rests":
            rest = sum(o.open_lots for o in ctx.orders if o.order_id == self.ids[name])
            self.seen.append(f"{time} {name} rests {rest}")
        else:
            self._send(ctx, name, words)

    def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
        name = next(name for name, order_id in self.ids.items() if order_id == order.order_id)
        kind = order.kind.name.lower() if order.kind is not None else "?"
        reason = f" {order.reason.name.lower()}" if order.reason else ""
        self.told.append(f"{ctx.now_ns - BASE} told {name} {kind}{reason}")

    def _send(self, ctx: lob.Context, name: str, words: list[str]) -> None:
        if words[0] == "mmp_reset":
            ctx.mmp_reset()
        elif name == "all":
            side = 1 if "buy" in words else -1 if "sell" in words else None
            ctx.cancel_all(side=side, tag=next((word for word in words if word in self.ids), None))
        elif words[0] == "cancel":
            ctx.cancel(self.ids[name])
        elif words[0] == "replace":
            ctx.replace(self.ids[name], price_ticks=int(words[1]), size_lots=int(words[2]))
        else:
            price = None if words[1] == "market" else int(words[1])
            tif = next((w.upper() for w in words[3:] if w.upper() in TIFS), "GTC")
            send = ctx.buy if words[0] == "buy" else ctx.sell
            options: dict[str, Any] = {flag: WORDS.get(flag, flag) in words[3:] for flag in TRUE_OR_FALSE}
            for option, value in pairwise(words[3:]):
                if option in WITH_VALUE:
                    since = BASE if option.endswith("_ns") else 0
                    options[option] = since + int(value) if value.isdigit() else value
            self.ids[name] = send(price, int(words[2]), tif=tif, tag=name, **options)


@dataclass
class Played:
    """What came of a scenario."""

    script: Script
    sink: MemorySink
    outcome: Outcome
    expected: dict[str, list[str]]
    actual: dict[str, list[str]]


def states_something(text: str) -> bool:
    """Return whether a scenario says what must come of it."""
    return re.search(r"^ *\d+ (?:fill|told|ahead|position|unplaced|\w+ rests) ", text, re.MULTILINE) is not None


def settings(line: str) -> dict[str, Any]:
    """Read the line of settings of a scenario as options of `play`."""
    options: dict[str, Any] = {}
    latencies: dict[str, LatencyPlan] = {}
    for name, *value in (setting.split() for setting in line.split(",")):
        if name in LATENCIES:
            latencies[name] = LatencyPlan(constant_ns=int(value[0]), service_ns=int(value[2]) if value[1:] else 0)
        elif name in SWITCHES:
            options |= SWITCHES[name]
        elif name == "queue":
            options["queue"] = value[0]
        elif name == "strip":
            options["strip"] = [int(order_id[1:]) for order_id in value]
        else:
            field = name if name in SET else f"{name}_ns"
            options[field] = _setting(SET[field], value)
    if latencies:
        options["latencies"] = tuple(latencies.get(name, LatencyPlan(constant_ns=1)) for name in LATENCIES)
    return options


def _setting(default: Any, value: list[str]) -> Any:
    if isinstance(default, IntEnum):
        return type(default)[value[0].upper()]
    if isinstance(default, bool):
        return value != ["no"]
    numbers = tuple(map(int, value))
    return numbers if isinstance(default, tuple) else numbers[0]


def play(engine: str, text: str, **given: Any) -> Played:
    """Run a scenario on an engine and return what was expected and what happened.

    Args:
        engine: its name.
        text: the scenario; its own settings come before `given`.
        given: `level`, `queue`, `strip`, `paranoid`, fields of `Plan` and of `InstrumentPlan`.
    """
    lines = [line for line in (re.sub(r"--.*", "", line).strip() for line in text.splitlines()) if line]
    if not lines[0][0].isdigit():
        given |= settings(lines.pop(0))
    script, rows, expected = _read(lines)
    last = max(int(line.split()[0]) for line in lines)
    end_ns = BASE + given.pop("end", last + 10)
    return _run(engine, script, rows, expected, end_ns, {"level": 3, "queue": "back", **given})


def _read(lines: Sequence[str]) -> tuple[Script, list[tuple[int, ...]], dict[str, list[str]]]:
    """Sort lines into what the strategy does, what the market does and what must come of it."""
    rows: list[tuple[int, ...]] = []
    script = Script()
    expected: dict[str, list[str]] = {"fill": [], "told": [], "seen": [], "unplaced": []}
    for line in (line.split() for line in lines):
        time, verb, words = int(line[0]), line[1], line[2:]
        if verb in ("fill", "told", "unplaced"):
            expected[verb].append(" ".join(line[1:] if verb == "unplaced" else line))
        elif verb in ("ahead", "position") or (words and words[0] == "rests"):
            expected["seen"].append(" ".join(line))
            script.lines.append((time, verb, words))
        elif verb in ARGUMENTS:
            rows.append((time, *market_row(line[1:])))
        else:
            script.lines.append((time, verb, words))
    return script, sorted(rows, key=lambda row: row[0]), expected


def _run(
    engine: str,
    script: Script,
    rows: list[tuple[int, ...]],
    expected: dict[str, list[str]],
    end_ns: int,
    options: dict[str, Any],
) -> Played:
    with_fees = not FEES.isdisjoint(options)
    policies, response_ns = options.pop("policies", {}), options.pop("response_ns", 1)
    paranoid, strip = options.pop("paranoid", True), options.pop("strip", ())
    queue_model, queue_weights = queue_model_of(options.pop("queue"))
    plan = plan_of(
        options.pop("level"),
        queue_model=queue_model,
        queue_weights=queue_weights,
        **options,
        end_ns=end_ns,
        issue_policies=policies,
        response_ns=response_ns,
        markouts_ns=(10,),
        sample_ns=1_000,
        paranoid=paranoid,
    )
    sink = MemorySink(plan.markouts_ns)
    batches = [batch([*rows, *quiet_row(rows, end_ns - BASE - 1)])]
    source: Iterator[Batch] = iter(WithoutOrders(batches, strip) if strip else batches)
    outcome = load_engine(engine)(plan, [source], [script], sink)
    if outcome.failure is not None:
        raise outcome.failure
    unplaced = [f"unplaced {outcome.counts[0].get('unplaced_lots', 0)}"]
    actual = {"fill": _fills(sink, with_fees=with_fees), "told": script.told, "seen": script.seen, "unplaced": unplaced}
    return Played(script, sink, outcome, expected, actual)


def _fills(sink: MemorySink, *, with_fees: bool) -> list[str]:
    return [
        f"{row['ts_exchange_ns'] - BASE} fill {row['tag']} {row['size_lots']} @ {row['price_ticks']} "
        f"{lob.Cause(row['cause']).name.lower()}"
        + ("" if row["ts_traded_ns"] is None else f" traded {row['ts_traded_ns'] - BASE}")
        + (" tainted" if row["tainted"] else "")
        + (f" fee {row['fee_micro']}" if with_fees else "")
        for row in sink.tables()["fills"].to_pylist()
    ]


def check(engine: str, text: str, **options: Any) -> Played:
    """Run a scenario and assert that everything it states came about; fills are always complete.

    Invariants are checked on the way, and then the scenario runs without: an engine may take other ways where it has to
    show each packet to the check.
    """
    checked = play(engine, text, **options)
    played = play(engine, text, **options, paranoid=False)
    assert checked.actual == played.actual
    assert played.actual["fill"] == played.expected["fill"]
    assert played.actual["seen"] == played.expected["seen"]
    for kind in ("told", "unplaced"):
        if played.expected[kind]:
            assert played.actual[kind] == played.expected[kind]
    return played
