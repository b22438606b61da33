"""Whatever a strategy passes to `ctx`, both engines answer alike: the same value, or the same error."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from drawn import OPTIONS
from random_market import market_l3, play

import lob_backtest as lob
from lob_backtest.engine import ENGINES

pytestmark = pytest.mark.skipif("kernel" not in ENGINES, reason="the kernel is not built")


class Text(str):
    """Text of the author's own type."""


class Nine(enum.IntEnum):
    """An integer of the author's own type."""

    NINE = 9


class Index:
    """Counts as 990."""

    def __index__(self) -> int:
        return 990

    def __repr__(self) -> str:
        return "Index()"


class Levels(list[tuple[int, int]]):
    """A list that yields something else."""

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter([(900, 9)])


class Sends:
    """Sends an order whenever it is asked for its value."""

    def __init__(self, ctx: lob.Context) -> None:
        self.ctx = ctx

    def __index__(self) -> int:
        self.ctx.buy(900, 1, tag="from __index__")
        return 990

    def __repr__(self) -> str:
        return "Sends()"


class Raises:
    """Raises whenever it is asked for anything."""

    def __index__(self) -> int:
        raise ZeroDivisionError("no index")

    def __float__(self) -> float:
        raise ZeroDivisionError("no float")

    def __str__(self) -> str:
        raise ZeroDivisionError("no text")

    def __repr__(self) -> str:
        return "Raises()"


class NoText:
    """Raises when it is shown."""

    def __repr__(self) -> str:
        raise ZeroDivisionError("no text")


def junk(ctx: lob.Context) -> list[Any]:
    """List values that are nothing, almost something, or too much."""
    whole = [0, 1, -1, 2, 3, 990, 2**31, 2**40, -(2**40), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30]
    floats = [0.0, 1.0, -1.0, 990.0, 990.5, 1e15, 1e16, 2.0**63, 1e30, float("inf"), float("-inf"), float("nan")]
    texts = ["", "X", "depth", Text("X"), Text("depth"), "990", "\x00", "ä" * 40, "\ud800", b"X", bytearray(b"X")]
    numbers = [True, False, np.int64(990), np.uint64(2**64 - 1), np.int8(-1), np.float64(990.0), np.float32(0.5)]
    numbers += [np.bool_(True), np.array(990), np.array([1, 2]), Decimal(990), Decimal("0.5"), Fraction(990), 990j]
    others = [None, [], [990], (), (990, 1), {}, {990: 1}, set(), object, len, Nine.NINE, Index()]
    others += [Sends(ctx), Raises(), NoText(), Levels([(990, 1)]), Levels()]
    return [*whole, *floats, *texts, *numbers, *others]


Call = Callable[[lob.Context, Any], object]

ONE_ARGUMENT: dict[str, Call] = {
    "at": lambda ctx, x: ctx.at(x),
    "every": lambda ctx, x: ctx.every(x),
    "cancel_timer": lambda ctx, x: ctx.cancel_timer(x),
    "subscribe": lambda ctx, x: ctx.subscribe(x),
    "market": lambda ctx, x: ctx.market(x).instrument.name,
    "buy price": lambda ctx, x: ctx.buy(x, 1),
    "buy size": lambda ctx, x: ctx.buy(990, x),
    "sell price": lambda ctx, x: ctx.sell(x, 1),
    **{f"buy {option}": lambda ctx, x, option=option: ctx.buy(990, 1, **{option: x}) for option in OPTIONS},
    "buy no option": lambda ctx, x: ctx.buy(990, 1, hiden=x),
    "sell no option": lambda ctx, x: ctx.sell(990, 1, post_only=True, hiden=x),
    "replace order": lambda ctx, x: ctx.replace(x, price_ticks=989),
    "replace price": lambda ctx, x: ctx.replace(1, price_ticks=x),
    "replace size": lambda ctx, x: ctx.replace(1, size_lots=x),
    "cancel": lambda ctx, x: ctx.cancel(x),
    "cancel snapshot": lambda ctx, x: ctx.cancel(replace(next(ctx.orders), order_id=x)),
    "cancel_all side": lambda ctx, x: ctx.cancel_all(side=x),
    "cancel_all tag": lambda ctx, x: ctx.cancel_all(tag=x),
    "stop": lambda ctx, x: ctx.stop(x),
    "quote bid": lambda ctx, x: ctx.quote(bid=x),
    "quote ask": lambda ctx, x: ctx.quote(ask=x),
    "quote price": lambda ctx, x: ctx.quote(bid=(x, 1)),
    "quote size": lambda ctx, x: ctx.quote(bid=(990, x)),
    "quote prices": lambda ctx, x: ctx.quote(bid=[(x, 1), (990, 2)]),
    "quote top_up": lambda ctx, x: ctx.quote(bid=(990, 1), top_up=x),
    "record name": lambda ctx, x: ctx.record(x, 1.0),
    "record value": lambda ctx, x: ctx.record("x", x),
    "log": lambda ctx, x: ctx.log(x),
    "depth": lambda ctx, x: ctx.book.depth(x),
    "size_at side": lambda ctx, x: ctx.book.size_at(x, 990),
    "size_at price": lambda ctx, x: ctx.book.size_at(1, x),
    "orders_at side": lambda ctx, x: ctx.book.orders_at(x, 990),
    "orders_at price": lambda ctx, x: ctx.book.orders_at(1, x),
}


class Asks(lob.Strategy):
    """Makes one call with every kind of junk, and notes the answers."""

    call: str = ""

    def on_start(self, ctx: lob.Context) -> None:
        self.answers: list[tuple[str, str]] = []
        ctx.at(ctx.now_ns + 500)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        if self.answers:
            return
        ctx.buy(980, 1)
        ctx.at(ctx.now_ns + 10**6)
        for value in junk(ctx):
            try:
                answer = repr(ONE_ARGUMENT[self.call](ctx, value))
            except Exception as error:
                answer = f"{type(error).__name__}: {error}"
            self.answers.append((_shown(value), answer))
            self.answers.append(("orders", str(sum(1 for _ in ctx.orders))))


def _shown(value: object) -> str:
    try:
        return f"{type(value).__name__} {value!r}"
    except Exception:
        return type(value).__name__


@pytest.mark.parametrize("call", ONE_ARGUMENT)
def test_engines_answer_junk_alike(call: str) -> None:
    answers = {}
    for engine in ("reference", "kernel"):
        strategy = Asks(call=call)
        play(engine, [market_l3(1, 400)], strategy, end_ns=None)
        answers[engine] = strategy.answers
    different = [
        (value, reference, kernel)
        for (value, reference), (_, kernel) in zip(answers["reference"], answers["kernel"], strict=True)
        if reference != kernel
    ]
    assert not different, "\n".join(f"{v}\n  reference: {r}\n  kernel:    {k}" for v, r, k in different)
