"""What a strategy sees and does through `ctx`."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from random_market import play
from scenario import BASE
from scripted import BOOK, Does, Listens, go, rows

import lob_backtest as lob
from lob_backtest.contract.tables import RejectReason, UpdateKind
from lob_backtest.errors import EngineError, StrategyError


def test_the_book_is_the_one_received(engine: str) -> None:
    def look(ctx: lob.Context) -> tuple[Any, ...]:
        book = ctx.book
        prices = (book.bid_ticks, book.bid_size_lots, book.ask_ticks, book.ask_size_lots, book.spread_ticks)
        return (*prices, book.mid_ticks, book.microprice_ticks, book.imbalance, book.depth(1), book.size_at(-1, 104))

    strategy = Does(t0=look, t1=look, t5=lambda ctx: (ctx.book.depth(9), ctx.book.orders_at(1, 100)))
    go(engine, strategy)
    assert strategy.got[0] == (None, 0, None, 0, None, None, None, None, ([], []), 0)
    assert strategy.got[1] == (100, 60, 102, 20, 2, 101.0, 101.5, 0.5, ([(100, 60)], [(102, 20)]), 10)
    assert strategy.got[2] == (([(100, 60), (99, 30)], [(102, 20), (104, 10)]), [(1, 60)])


def test_a_price_that_an_empty_side_does_not_have_is_an_error_and_no_empty_level(engine: str) -> None:
    def look(ctx: lob.Context) -> list[str]:
        looks: list[Callable[[int, Any], Any]] = [ctx.book.size_at, ctx.book.orders_at]
        raised = []
        for each in looks:
            with pytest.raises(TypeError) as caught:
                each(1, ctx.book.bid_ticks)
            raised.append(str(caught.value))
        return raised

    strategy = Does(t0=look)
    go(engine, strategy)
    assert all("None" in text for text in strategy.got[0])


def test_values_are_plain_python_numbers(engine: str) -> None:
    strategy = Does(t5=lambda ctx: [ctx.book.bid_ticks, ctx.position, ctx.now_ns, ctx.cash, ctx.book.mid_ticks])
    go(engine, strategy)
    assert [type(value) for value in strategy.got[0]] == [int, int, int, float, float]


def test_prints_of_a_packet_are_told_before_its_book_and_only_changes_of_the_best_call_on_book(engine: str) -> None:
    text = BOOK + "10 execute #1 60\n 20 add bid 98 5 #3\n 30 hidden ask 101 2"
    strategy = Listens()
    go(engine, strategy, text)
    assert strategy.calls == [
        ("start", 0),
        ("book", 1, 100, None),
        ("book", 1, 100, 102),
        ("trade", 11, -1, 100, 60, False),
        ("book", 11, 99, 102),
        ("trade", 31, 1, 101, 2, True),
        ("stop", 100),
    ]


def test_subscribing_to_depth_calls_on_book_for_any_level(engine: str) -> None:
    strategy = Listens(t5=lambda ctx: ctx.subscribe(lob.DEPTH))
    go(engine, strategy, BOOK + "20 add bid 98 5 #3")
    assert ("book", 21, 100, 102) in strategy.calls


def test_timers_repeat_fire_once_and_stop(engine: str) -> None:
    def plan(ctx: lob.Context) -> None:
        every = ctx.every(10)
        once = ctx.at(BASE + 33)
        ctx.at(BASE + 1)  # past: now
        ctx.cancel_timer(ctx.every(1))
        ctx.cancel_timer(float(ctx.every(1)))  # equal to the id, as a data frame may have it
        strategy._due |= {once: lambda c: c.cancel_timer(every)}

    strategy = Does(t5=plan)
    go(engine, strategy)
    assert [call[1] for call in strategy.calls if call[0] == "timer"] == [5, 5, 15, 25, 33]


def test_timers_sleep_while_the_market_is_closed(engine: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.every(10), t30=lambda ctx: "once")
    go(engine, strategy, BOOK + "20 status closed\n 50 status open")
    times = [call[1] for call in strategy.calls if call[0] == "timer"]
    assert times == [5, 15, 51, 61, 71, 81, 91]


def test_equity_is_cash_less_fees_and_the_position_at_the_mid_in_currency(engine: str) -> None:
    money = lambda ctx: (ctx.position, ctx.cash, ctx.equity)  # noqa: E731
    strategy = Does(t5=lambda ctx: ctx.buy(None, 10), t6=money, t7=money, t50=money)
    options = {"taker_rates": (0, 3_000_000_000_000), "tick_lot_value": 0.5}
    go(engine, strategy, BOOK + "20 add bid 101 1 #5", options=options)
    assert strategy.got[1] == (0, 0.0, 0.0)
    assert strategy.got[2] == (10, (-1020 - 30) / 2, (-1020 - 30 + 10 * 101) / 2)
    assert strategy.got[3] == (10, (-1020 - 30) / 2, (-1020 - 30 + 10 * 101.5) / 2)


def test_refusals_come_after_the_callback_that_caused_them(engine: str) -> None:
    def send(ctx: lob.Context) -> int:
        order_id = ctx.buy(100, 0)
        strategy.calls.append("sent")
        return order_id

    strategy = Does(t5=send)
    go(engine, strategy)
    assert strategy.calls[1:4] == [("timer", 5), "sent", ("REJECTED", "SIZE", 1, 5)]


@pytest.mark.parametrize(
    ("price", "size", "options", "reason"),
    [
        (100, 0, {}, "SIZE"),
        (100, -5, {}, "SIZE"),
        (100, 1 << 40, {}, "SIZE"),
        (1 << 40, 5, {}, "PRICE"),
        (100.5, 5, {}, "OFF_TICK"),
        (100, 2.5, {}, "OFF_LOT"),
        (math.nan, 5, {}, "BAD_VALUE"),
        (100, math.inf, {}, "BAD_VALUE"),
        ("100", 5, {}, "BAD_VALUE"),
        (100, None, {}, "BAD_VALUE"),
        (True, 5, {}, "BAD_VALUE"),
        (100, 5, {"tif": "GTX"}, "BAD_VALUE"),
        (100, 5, {"tif": None}, "BAD_VALUE"),
        (100, 5, {"post_only": "yes"}, "BAD_VALUE"),
        (None, 5, {"post_only": True}, "BAD_VALUE"),
        (100, 5, {"tif": "IOC", "post_only": True}, "BAD_VALUE"),
        (100, 5, {"tif": "GTD"}, "BAD_VALUE"),
        (100, 5, {"expire_ns": 1 << 60}, "BAD_VALUE"),
        (100, 5, {"tif": "GTD", "expire_ns": 1.5}, "BAD_VALUE"),
        (None, 5, {"tif": "GTD", "expire_ns": 1 << 60}, "BAD_VALUE"),
        (None, 5, {"tif": "DAY"}, "BAD_VALUE"),
        (100, 5, {"tif": "IOC", "display_lots": 2}, "BAD_VALUE"),
        (None, 5, {"display_lots": 2}, "BAD_VALUE"),
        (100, 5, {"display_lots": 0}, "BAD_VALUE"),
        (100, 5, {"display_lots": 2.5}, "BAD_VALUE"),
        (100, 5, {"stop_ticks": 1 << 40}, "BAD_VALUE"),
        (100, 5, {"stop_ticks": 99.5}, "BAD_VALUE"),
        (100, 5, {"trail_ticks": 0}, "BAD_VALUE"),
        (100, 5, {"trail_bps": 10_000}, "BAD_VALUE"),
        (100, 5, {"trail_bps": 5, "trail_ticks": 5}, "BAD_VALUE"),
        (100, 5, {"trigger": "last"}, "BAD_VALUE"),
        (100, 5, {"trigger": "mark", "stop_ticks": 99}, "BAD_VALUE"),
        (100, 5, {"post_only": True, "stop_ticks": 99}, "BAD_VALUE"),
        (100, 5, {"tag": 7}, "BAD_VALUE"),
    ],
)
def test_nonsense_is_refused_as_data(engine: str, price: Any, size: Any, options: dict[str, Any], reason: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.sell(price, size, **options))
    tables = go(engine, strategy)
    assert ("REJECTED", reason, 1, 5) in strategy.calls
    (row,) = tables["orders"].to_pylist()
    assert (row["kind"], row["reason"]) == (UpdateKind.REJECTED, RejectReason[reason])
    assert row["ts_exchange_ns"] is None


@pytest.mark.parametrize(
    ("order_id", "reason"),
    [(each, "UNKNOWN_ORDER") for each in (99, 0, -3, 1.0, 1.5, 10**30)]
    + [(each, "BAD_VALUE") for each in ("1", None, True, float("nan"), float("inf"), [1])],
)
def test_a_cancel_or_replace_of_an_unknown_order_is_refused(engine: str, order_id: Any, reason: str) -> None:
    def ask(ctx: lob.Context) -> None:
        ctx.cancel(order_id)
        ctx.replace(order_id, price_ticks=99)

    strategy = Does(t5=ask)
    go(engine, strategy)
    told = [call[:2] for call in strategy.calls if call[0].endswith("REJECTED")]
    assert told == [("CANCEL_REJECTED", reason), ("REPLACE_REJECTED", reason)]


def test_requests_are_refused_until_the_warm_up_is_over_and_after_the_end(engine: str) -> None:
    class Stubborn(Does):
        def on_stop(self, ctx: lob.Context) -> None:
            ctx.buy(100, 1)
            ctx.cancel(2)

    strategy = Stubborn(t5=lambda ctx: ctx.buy(100, 1), t20=lambda ctx: ctx.buy(100, 1))
    tables = go(engine, strategy, warm_up_ns=20)
    reasons = [RejectReason(row["reason"]).name for row in tables["orders"].to_pylist()]
    assert reasons == ["WARM_UP", "NONE", "STOPPED", "STOPPED"]


def test_the_run_starts_and_ends_where_the_plan_says_and_builds_the_book_before(engine: str) -> None:
    strategy = Listens(t50=lambda ctx: (ctx.start_ns, ctx.end_ns, ctx.book.bid_ticks))
    text = BOOK + "60 add bid 101 1 #5\n 95 add ask 103 1 #6"
    tables = go(engine, strategy, text, start_ns=BASE + 40, end_ns=BASE + 80)
    assert strategy.got == [(BASE + 40, BASE + 80, 100)]
    assert strategy.calls == [("start", 40), ("timer", 50), ("book", 61, 101, 102), ("stop", 80)]
    assert [row["ts_exchange_ns"] - BASE for row in tables["bbo"].to_pylist()] == [40, 60]
    assert tables["samples"].to_pylist()[-1]["ts_ns"] == BASE + 80


def test_flatten_closes_the_position_with_what_is_displayed(engine: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.buy(102, 15, tag="open"))
    tables = go(engine, strategy, flatten=True, sample_ns=50)
    fills = [(f["side"], f["price_ticks"], f["size_lots"], f["tag"]) for f in tables["fills"].to_pylist()]
    assert fills == [(1, 102, 15, "open"), (-1, 100, 15, "flatten")]
    assert [row["tag"] for row in tables["orders"].to_pylist()] == ["open", "flatten"]
    samples = [(row["ts_ns"] - BASE, row["position_lots"]) for row in tables["samples"].to_pylist()]
    assert samples == [(0, 0), (50, 15), (100, 0)]


def test_an_initial_position_counts_for_the_limit(engine: str) -> None:
    strategy = Does(t5=lambda ctx: (ctx.position, ctx.buy(99, 6), ctx.buy(99, 5)))
    go(engine, strategy, options={"initial_position": 5, "max_position": 10})
    assert strategy.got[0][0] == 5
    assert [call[:2] for call in strategy.calls[2:4]] == [("REJECTED", "POSITION_LIMIT"), ("ACCEPTED", "NONE")]


def test_orders_lists_live_orders_and_those_in_flight(engine: str) -> None:
    def listed(ctx: lob.Context) -> list[tuple[Any, ...]]:
        return [(o.order_id, o.price_ticks, o.open_lots, o.state.name, o.in_flight, o.tag) for o in ctx.orders]

    strategy = Does(
        t5=lambda ctx: (ctx.buy(100, 5, tag="one"), ctx.sell(104, 4)),
        t6=listed,
        t7=listed,
        t8=lambda ctx: ctx.cancel(1),
        t9=listed,
        t12=listed,
        t13=lambda ctx: ctx.cancel_all(),
        t20=listed,
    )
    go(engine, strategy)
    assert strategy.got[1] == [(1, 100, 5, "PENDING", True, "one"), (2, 104, 4, "PENDING", True, "")]
    assert strategy.got[2] == [(1, 100, 5, "LIVE", False, "one"), (2, 104, 4, "LIVE", False, "")]
    assert strategy.got[4][0] == (1, 100, 5, "LIVE", True, "one")
    assert strategy.got[5] == [(2, 104, 4, "LIVE", False, "")]
    assert strategy.got[7] == []


@pytest.mark.parametrize("order_id", [1, np.int64(1), np.uint8(1)])
def test_any_whole_number_names_an_order(engine: str, order_id: Any) -> None:
    strategy = Does(t5=lambda ctx: ctx.buy(100, 5), t20=lambda ctx: ctx.cancel(order_id))
    go(engine, strategy)
    assert strategy.calls[-2][:3] == ("CANCELLED", "NONE", 1)


def test_true_is_no_order(engine: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.buy(100, 5), t20=lambda ctx: ctx.cancel(True))
    go(engine, strategy)
    assert strategy.calls[-2][:2] == ("CANCEL_REJECTED", "BAD_VALUE")


def test_cash_beyond_64_bits_stops_the_run(engine: str) -> None:
    huge = 1 << 39
    text = f"0 add bid {huge - 1} 1 #1\n 0 add ask {huge} {huge} #2"
    with pytest.raises(EngineError, match="do not fit 64 bits"):
        go(engine, Does(t5=lambda ctx: ctx.buy(None, huge)), text, options={"max_position": None})


def test_an_order_that_has_filled_is_over(engine: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.buy(102, 5), t9=lambda ctx: list(ctx.orders), t10=lambda ctx: ctx.cancel(1))
    go(engine, strategy)
    assert strategy.got[1] == []
    assert strategy.calls[-2][:3] == ("CANCEL_REJECTED", "TOO_LATE", 1)


def test_an_order_is_known_until_all_that_was_asked_of_it_is_answered(engine: str) -> None:
    class Notes(Does):
        def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
            self.calls.append((order.kind, order.side, order.state, order.filled_lots))

    strategy = Notes(t5=lambda ctx: ctx.buy(102, 5), t6=lambda ctx: ctx.cancel(1), t20=lambda ctx: list(ctx.orders))
    go(engine, strategy)
    assert strategy.calls[-3] == (lob.UpdateKind.CANCEL_REJECTED, 1, lob.OrderState.FILLED, 5)
    assert strategy.got[-1] == []


def test_a_replacement_counts_its_fills_once_for_the_position_limit(engine: str) -> None:
    text = BOOK + "10 add bid 100 9 #5\n 11 execute #1 60\n 12 execute #5 4"
    strategy = Does(
        t5=lambda ctx: ctx.buy(100, 8),
        t20=lambda ctx: ctx.replace(1, price_ticks=99, size_lots=10),
        t30=lambda ctx: ctx.replace(1, size_lots=11),
        t40=lambda ctx: [(order.open_lots, order.price_ticks) for order in ctx.orders],
    )
    go(engine, strategy, text, options={"max_position": 10})
    assert strategy.got[-1] == [(6, 99)]
    assert ("REPLACE_REJECTED", "POSITION_LIMIT", 1, 30) in strategy.calls


def test_recorded_series_and_log_lines_reach_the_result(engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    strategy = Does(t5=lambda ctx: (ctx.record("skew", 1), ctx.record("skew", 2.5), ctx.log("hello")))
    tables = go(engine, strategy)
    assert [(row["name"], row["value"]) for row in tables["series"].to_pylist()] == [("skew", 1.0), ("skew", 2.5)]
    assert "hello" in capsys.readouterr().err


def test_the_generator_is_seeded(engine: str) -> None:
    draws = []
    for seed in (1, 1, 2):
        strategy = Does(t5=lambda ctx: ctx.rng.random())
        go(engine, strategy, seed=seed)
        draws.append(strategy.got[0])
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda ctx: ctx.every(0), "ctx.every(0): expected a duration of at least 1 ns"),
        (lambda ctx: ctx.every(1.5), "ctx.every(1.5)"),
        (lambda ctx: ctx.at("noon"), "ctx.at('noon')"),
        (lambda ctx: ctx.subscribe("everything"), "ctx.subscribe('everything')"),
        (lambda ctx: ctx.market("Y"), "the run has X0"),
        (lambda ctx: ctx.record("x", "y"), "expected a text and a number"),
        (lambda ctx: ctx.record("\ud800", 1), "expected a text and a number"),
        (lambda ctx: ctx.quote(bid=100), "ctx.quote(bid=100): expected (price_ticks, size_lots)"),
        (lambda ctx: ctx.quote(bid=[(100, 1), (100, 2)]), "a price occurs twice"),
        (lambda ctx: 1 / 0, "raised ZeroDivisionError"),
    ],
)
def test_misuse_stops_the_run_and_names_callback_and_time(engine: str, use: Any, message: str) -> None:
    with pytest.raises(StrategyError) as caught:
        go(engine, Does(t5=use))
    assert message in str(caught.value)
    assert "Does.on_timer(" in str(caught.value)
    assert "test_context.py, line" in str(caught.value)
    assert "2023-11-14T22:13:20.000000005Z" in str(caught.value)


def test_an_endless_loop_at_one_nanosecond_is_stopped(engine: str) -> None:
    class Loops(Does):
        def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
            ctx.buy(100, 0)

    with pytest.raises(StrategyError, match="more than 10,000 requests at one nanosecond"):
        go(engine, Loops(t5=lambda ctx: ctx.buy(100, 0)))


KEPT = {
    "ctx.book": lambda ctx, book: ctx.book.bid_ticks,
    "ctx.now_ns": lambda ctx, book: ctx.now_ns,
    "ctx.position": lambda ctx, book: ctx.position,
    "ctx.cash": lambda ctx, book: ctx.cash,
    "ctx.equity": lambda ctx, book: ctx.equity,
    "ctx.orders": lambda ctx, book: ctx.orders,
    "ctx.market": lambda ctx, book: ctx.market("Y"),
    "ctx.buy": lambda ctx, book: ctx.buy("dear", 1),
    "ctx.sell": lambda ctx, book: ctx.sell(100, 1),
    "ctx.replace": lambda ctx, book: ctx.replace(1, size_lots=1),
    "ctx.cancel": lambda ctx, book: ctx.cancel(1),
    "ctx.cancel_all": lambda ctx, book: ctx.cancel_all(),
    "ctx.cancel_timer": lambda ctx, book: ctx.cancel_timer(1),
    "ctx.quote": lambda ctx, book: ctx.quote(bid="dear"),
    "ctx.every": lambda ctx, book: ctx.every(5),
    "ctx.at": lambda ctx, book: ctx.at(5),
    "ctx.subscribe": lambda ctx, book: ctx.subscribe("nothing"),
    "ctx.record": lambda ctx, book: ctx.record("x", "y"),
    "ctx.log": lambda ctx, book: ctx.log("late"),
    "book.bid_ticks": lambda ctx, book: book.bid_ticks,
    "book.ask_ticks": lambda ctx, book: book.ask_ticks,
    "book.bid_size_lots": lambda ctx, book: book.bid_size_lots,
    "book.ask_size_lots": lambda ctx, book: book.ask_size_lots,
    "book.mid_ticks": lambda ctx, book: book.mid_ticks,
    "book.microprice_ticks": lambda ctx, book: book.microprice_ticks,
    "book.spread_ticks": lambda ctx, book: book.spread_ticks,
    "book.imbalance": lambda ctx, book: book.imbalance,
    "book.depth": lambda ctx, book: book.depth(5),
    "book.size_at": lambda ctx, book: book.size_at(7, None),
    "book.orders_at": lambda ctx, book: book.orders_at(7, None),
}


@pytest.mark.parametrize("use", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("fails", [False, True])
def test_what_a_strategy_keeps_of_ctx_is_refused_after_the_run(engine: str, use: Any, fails: bool) -> None:
    kept: list[Any] = []
    strategy = Does(t5=lambda ctx: kept.extend((ctx, ctx.book)), t6=lambda ctx: 1 // (0 if fails else 1))
    with pytest.raises(StrategyError, match="ZeroDivisionError") if fails else nullcontext():
        go(engine, strategy)
    with pytest.raises(StrategyError) as caught:
        use(*kept)
    assert str(caught.value) == "ctx was used after the run; keep what you need in on_stop"


class Keeps(lob.Strategy):
    """Shows others its `ctx` and book."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []
        self.own: list[float] = []

    def on_start(self, ctx: lob.Context) -> None:
        self.kept += [ctx, ctx.book]
        ctx.at(ctx.now_ns + 10)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        kept, book = self.kept
        self.own.append(kept.now_ns + kept.market("X0").position + (book.bid_ticks or 0))


class Borrows(lob.Strategy):
    """Uses what another agent has kept, whatever comes of it, before and after that agent's callbacks."""

    def __init__(self, lender: Keeps, use: Any) -> None:
        super().__init__()
        self.lender, self.use = lender, use
        self.told: list[str] = []

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(5)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        try:
            self.use(*self.lender.kept)
        except StrategyError as error:
            self.told.append(str(error))
        ctx.record("own", ctx.position)


@pytest.mark.parametrize("use", KEPT.values(), ids=KEPT)
def test_an_agent_cannot_use_what_another_has_kept(engine: str, use: Any) -> None:
    lender = Keeps()
    borrower = Borrows(lender, use)
    play(engine, [rows(BOOK)], [lender, borrower], end_ns=BASE + 20, entry_ns=1, response_ns=1, local_ns=1)
    outside = "ctx was used outside of a callback of its own agent; use the ctx that the callback is given"
    assert len(borrower.told) >= 3
    assert set(borrower.told) == {outside}
    assert len(lender.own) == 1


def test_what_does_not_change_can_be_read_after_the_run(engine: str) -> None:
    kept: list[Any] = []
    go(engine, Does(t5=lambda ctx: kept.extend((ctx, ctx.orders, ctx.buy(100, 1), ctx.orders))))
    ctx, before, order_id, after = kept
    assert (ctx.instrument.name, ctx.start_ns, ctx.end_ns) == ("X0", None, BASE + 100)
    assert isinstance(ctx.rng.random(), float)
    assert (list(before), [order.order_id for order in after]) == ([], [order_id])


@pytest.mark.parametrize(
    ("quote", "shown"),
    [({"bid": ...}, "bid=Ellipsis"), ({"ask": [...]}, "ask=[Ellipsis]"), ({"bid": (..., 1)}, "bid=(Ellipsis, 1)")],
)
def test_an_ellipsis_is_no_quote(engine: str, quote: Any, shown: str) -> None:
    with pytest.raises(StrategyError) as caught:
        go(engine, Does(t5=lambda ctx: ctx.quote(**quote)))
    expected = f"ctx.quote({shown}): expected (price_ticks, size_lots), a list of such pairs, or None ("
    assert str(caught.value).startswith(f"Does.on_timer(1) at 2023-11-14T22:13:20.000000005Z: {expected}")


def test_a_strategy_reaches_every_instrument_through_one_ctx(engine: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.market("X1").buy(None, 3), t9=lambda ctx: ctx.market("X1").position)
    one, two = rows(BOOK), rows(BOOK.replace("102", "103"))
    tables, _ = play(engine, [one, two], strategy, end_ns=BASE + 50, entry_ns=1, response_ns=1)
    (fill,) = tables["fills"].to_pylist()
    assert (fill["instrument"], fill["price_ticks"], strategy.got[1]) == (1, 103, 3)


@pytest.mark.parametrize("tag", [7, "half a pair: \ud800"])
def test_a_tag_that_no_table_can_hold_is_refused_and_left_out(engine: str, tag: Any) -> None:
    tables = go(engine, Does(t5=lambda ctx: ctx.buy(99, 1, tag=tag)))
    assert [(row["reason"], row["tag"]) for row in tables["orders"].to_pylist()] == [(RejectReason.BAD_VALUE, "")]
