"""Strategies that run functions at given times, and a small book to run them on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from random_market import Row, play
from scenario import BASE, market_row

import lob_backtest as lob

BOOK = """
    0 add bid 100 60 #1
    0 add bid 99 30 #2
    0 add ask 102 20 #8
    0 add ask 104 10 #9
"""


def rows(text: str) -> list[Row]:
    lines = [line.split() for line in text.strip().splitlines()]
    return [(int(line[0]), *market_row(line[1:])) for line in lines]


class Does(lob.Strategy):
    """Runs functions at times, and notes every call in order."""

    def __init__(self, **at: Callable[[lob.Context], Any]) -> None:
        super().__init__()
        self.at = {int(name[1:]): function for name, function in at.items()}
        self.calls: list[Any] = []
        self.got: list[Any] = []

    def on_start(self, ctx: lob.Context) -> None:
        self.calls.append(("start", ctx.now_ns - BASE))
        self._due = {ctx.at(BASE + time): function for time, function in self.at.items()}

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        self.calls.append(("timer", ctx.now_ns - BASE))
        if timer_id in self._due:
            self.got.append(self._due[timer_id](ctx))

    def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
        assert order.kind is not None
        self.calls.append((order.kind.name, order.reason.name, order.order_id, ctx.now_ns - BASE))

    def on_fill(self, ctx: lob.Context, fill: lob.Fill) -> None:
        self.calls.append(("fill", fill.size_lots, fill.price_ticks, ctx.now_ns - BASE, ctx.position))

    def on_stop(self, ctx: lob.Context) -> None:
        self.calls.append(("stop", ctx.now_ns - BASE))


class Listens(Does):
    """Is called for the market as well."""

    def on_book(self, ctx: lob.Context) -> None:
        self.calls.append(("book", ctx.now_ns - BASE, ctx.book.bid_ticks, ctx.book.ask_ticks))

    def on_trade(self, ctx: lob.Context, trade: lob.Print) -> None:
        self.calls.append(("trade", ctx.now_ns - BASE, trade.side, trade.price_ticks, trade.size_lots, trade.hidden))


def go(engine: str, strategy: lob.Strategy, text: str = BOOK, **options: Any) -> dict[str, Any]:
    options = {"end_ns": BASE + 100, "entry_ns": 1, "response_ns": 1, "local_ns": 1, **options}
    tables, _ = play(engine, [rows(text)], strategy, **options)
    return tables
