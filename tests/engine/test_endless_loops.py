"""Endless loops of a strategy: what is one, what is none, and what stops it. docs/strategies.md, "Endless loops"."""

from __future__ import annotations

from typing import Any

import pytest
from random_market import Row, play
from scenario import BASE, market_row

import lob_backtest as lob
from lob_backtest.contract.tables import RejectReason
from lob_backtest.errors import StrategyError

MANY = 10_001
BOOK = ["0 add bid 100 60 #1", "0 add ask 102 20 #2", "20 add bid 99 1 #3"]
LATENCY = {"entry_ns": 1, "response_ns": 1}


def rows() -> list[Row]:
    return [(int(line.split()[0]), *market_row(line.split()[1:])) for line in BOOK]


def go(engine: str, strategy: lob.Strategy, **plan: Any) -> dict[str, Any]:
    tables, _ = play(engine, [rows()], strategy, **{"end_ns": BASE + 50, **LATENCY, **plan})
    return tables


class Counts(lob.Strategy):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = 0
        self.reasons: list[RejectReason] = []

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        self.timers += 1

    def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
        self.reasons.append(order.reason)


def test_many_timers_at_different_times_are_no_loop(engine: str) -> None:
    class Sets(Counts):
        def on_start(self, ctx: lob.Context) -> None:
            for i in range(MANY):
                ctx.at(ctx.now_ns + i % 20)
                ctx.every(10**9 + i)

    strategy = Sets()
    go(engine, strategy)
    assert strategy.timers == MANY


def test_many_requests_in_one_callback_are_no_loop(engine: str) -> None:
    class Sends(Counts):
        def on_start(self, ctx: lob.Context) -> None:
            for i in range(MANY):
                ctx.buy(50, 1 if i < 100 else 0)

    strategy = Sends()
    go(engine, strategy, options={"max_position": 40})
    accepted, refused = [RejectReason.NONE] * 40, [RejectReason.POSITION_LIMIT] * 60
    assert strategy.reasons == refused + [RejectReason.SIZE] * (MANY - 100) + accepted


def test_a_loop_that_waits_for_the_next_nanosecond_goes_on(engine: str) -> None:
    class Waits(Counts):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.at(ctx.now_ns)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            self.timers += 1
            ctx.at(ctx.now_ns + self.timers % 2)  # every second one at the next nanosecond

    strategy = Waits()
    go(engine, strategy, end_ns=BASE + 2 * MANY)
    assert strategy.timers > 2 * MANY


def test_a_timer_that_sets_itself_again_for_now_is_stopped(engine: str) -> None:
    class Loops(Counts):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.at(BASE + 5)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            self.timers += 1
            ctx.at(ctx.now_ns - 1)

    strategy = Loops()
    with pytest.raises(StrategyError) as caught:
        go(engine, strategy)
    assert strategy.timers == MANY
    assert str(caught.value).startswith(
        "Loops.on_timer(10001) at 2023-11-14T22:13:20.000000005Z: Loops: more than 10,000 timers at one nanosecond "
        "(2023-11-14T22:13:20.000000005Z), each caused by the one before: an endless loop? Wait for an answer or a "
        "timer before asking again. ("
    )


def test_a_refusal_answered_by_a_refused_request_is_stopped(engine: str) -> None:
    class Loops(Counts):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.cancel(7)

        def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
            self.reasons.append(order.reason)
            ctx.replace(7, size_lots=1)

    strategy = Loops()
    with pytest.raises(
        StrategyError, match=r"more than 10,000 requests at one nanosecond .*, each caused by the one before"
    ):
        go(engine, strategy)
    assert len(strategy.reasons) == 10_000


def test_refusals_that_fan_out_are_counted_by_their_chain(engine: str) -> None:
    class Fans(Counts):
        def on_start(self, ctx: lob.Context) -> None:
            for _ in range(2_000):
                ctx.cancel(7)

        def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
            self.reasons.append(order.reason)
            if len(self.reasons) <= MANY:
                ctx.cancel(7)

    strategy = Fans()
    go(engine, strategy)
    assert len(strategy.reasons) == 2_000 + MANY


def test_a_timer_that_slept_begins_a_new_chain(engine: str) -> None:
    class Sleeps(Counts):
        def on_book(self, ctx: lob.Context) -> None:
            if ctx.book.bid_ticks == 101:
                ctx.at(ctx.now_ns)  # the market is closed: due when it opens

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            assert ctx.now_ns == BASE + 33
            self.timers += 1
            if self.timers < MANY:
                ctx.at(ctx.now_ns)

    lines = ["10 status closed", "22 add bid 101 5 #4", "30 status open"]
    later = [(int(line.split()[0]), *market_row(line.split()[1:])) for line in lines]
    strategy = Sleeps()
    play(engine, [sorted(rows() + later)], strategy, end_ns=BASE + 50, **LATENCY)
    assert strategy.timers == MANY


REQUESTS = "Forever: more than 1,000,000 requests and timers in one callback (2023-11-14T22:13:20.000000000Z): an "
ORDERS = "more than 250,000 orders of one instrument live or in flight ("


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("at", REQUESTS),
        ("every", REQUESTS),
        pytest.param("cancel", REQUESTS, marks=pytest.mark.slow),
        pytest.param("buy", ORDERS, marks=pytest.mark.slow),
    ],
)
def test_a_callback_that_never_ends_is_stopped(engine: str, what: str, message: str) -> None:
    class Forever(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            while True:
                if what == "buy":
                    ctx.buy(99, 1)
                elif what == "cancel":
                    ctx.cancel(7)
                elif what == "at":
                    ctx.at(ctx.now_ns)
                else:
                    ctx.every(10**9)

    with pytest.raises(StrategyError) as caught:
        go(engine, Forever(), options={"max_position": 10**6})
    assert str(caught.value).startswith(f"Forever.on_start() at 2023-11-14T22:13:20.000000000Z: {message}")
