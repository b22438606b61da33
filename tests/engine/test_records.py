"""What the result tables say of a fill, an order, the market and the account."""

from __future__ import annotations

from typing import Any

import pytest
from plans import plan_of
from random_market import play
from scenario import BASE
from scripted import BOOK, Does, go, rows

import lob_backtest as lob
from lob_backtest.contract.plan import IssuePolicy
from lob_backtest.errors import DataError, StrategyError


def fills(tables: dict[str, Any]) -> list[dict[str, Any]]:
    return list(tables["fills"].to_pylist())


def test_a_maker_fill_records_arrival_queue_and_market(engine: str) -> None:
    text = BOOK + "20 add bid 100 9 #5\n 30 execute #1 60\n 40 add bid 101 1 #6\n 40 execute #6 1\n 40 execute #5 4"
    (fill,) = fills(go(engine, Does(t5=lambda ctx: ctx.buy(100, 3, tag="x")), text))
    expected = {
        "order_id": 1,
        "side": 1,
        "price_ticks": 100,
        "size_lots": 3,
        "ts_exchange_ns": BASE + 40,
        "ts_local_ns": BASE + 41,
        "bid_ticks_before": 100,
        "ask_ticks_before": 102,
        "mid2_before": 202,
        "queue_ahead_at_arrival_lots": 60,
        "ts_arrival_ns": BASE + 6,
        "tag": "x",
        "tainted": 0,
        "liquidity": lob.Liquidity.MAKER,
        "cause": lob.Cause.QUEUE,
    }
    assert {name: fill[name] for name in expected} == expected


def test_markouts_are_the_mids_after_all_rows_up_to_the_horizon_or_the_end(engine: str) -> None:
    text = BOOK + "11 add bid 101 1 #5\n 12 cancel #8 20\n 57 add ask 103 1 #6"
    tables = go(engine, Does(t5=lambda ctx: ctx.buy(102, 1)), text, markouts_ns=(4, 5, 6, 1000), end_ns=BASE + 60)
    (fill,) = fills(tables)
    assert (fill["ts_exchange_ns"], fill["liquidity"]) == (BASE + 6, lob.Liquidity.TAKER)
    assert [fill[f"mid2_after_{h}ns"] for h in (4, 5, 6, 1000)] == [202, 203, 205, 204]


def test_mids_are_null_until_the_market_has_two_sides_and_keep_the_last_ones(engine: str) -> None:
    text = "0 add ask 102 5 #1\n 20 add bid 100 5 #2\n 30 cancel #2 5"
    strategy = Does(t5=lambda ctx: ctx.buy(102, 1), t40=lambda ctx: ctx.buy(102, 1))
    one, two = fills(go(engine, strategy, text, markouts_ns=(1, 20)))
    assert (one["mid2_before"], one["mid2_after_1ns"], one["mid2_after_20ns"]) == (None, None, 202)
    assert (two["mid2_before"], two["bid_ticks_before"]) == (202, None)


def test_a_request_that_is_refused_before_it_is_sent_is_recorded_with_what_the_strategy_knows(engine: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.buy(100, 3, tag="x"), t40=lambda ctx: ctx.replace(1, size_lots=0))
    tables = go(engine, strategy, BOOK + "20 add bid 100 9 #5\n 30 execute #1 60\n 40 execute #5 4")
    assert [fill["ts_exchange_ns"] - BASE for fill in fills(tables)] == [40]
    refused = tables["orders"].to_pylist()[-1]
    expected = {
        "kind": lob.UpdateKind.REPLACE_REJECTED,
        "reason": lob.RejectReason.SIZE,
        "state": lob.OrderState.LIVE,
        "size_lots": 3,
        "filled_lots": 0,
        "ts_exchange_ns": None,
        "tag": "x",
    }
    assert {name: refused[name] for name in expected} == expected


def test_samples_are_taken_at_the_start_at_intervals_and_at_the_end(engine: str) -> None:
    strategy = Does(t5=lambda ctx: (ctx.buy(100, 2), ctx.sell(104, 3), ctx.buy(None, 4)))
    tables = go(engine, strategy, sample_ns=30, options={"taker_rates": (0, 2_000_000)})
    samples = tables["samples"].to_pylist()
    assert [row["ts_ns"] - BASE for row in samples] == [0, 30, 60, 90, 100]
    assert samples[0]["position_lots"] == samples[0]["cash_tick_lots"] == 0
    last = {"position_lots": 4, "cash_tick_lots": -408, "fees_micro": 8, "mid2": 202}
    assert {name: samples[-1][name] for name in last} == last
    assert (samples[1]["bid_quote_ticks"], samples[1]["ask_quote_ticks"]) == (100, 104)


def test_bbo_has_a_row_for_every_packet_that_changes_the_best(engine: str) -> None:
    text = "0 add bid 100 6 #1 more\n 0 add ask 102 2 #2\n 5 add bid 99 1 #3\n 7 cancel #1 1\n 9 execute #2 2"
    table = go(engine, Does(), text)["bbo"].to_pylist()
    seen = [(row["ts_exchange_ns"] - BASE, *list(row.values())[2:]) for row in table]
    assert seen == [(0, 100, 6, 102, 2), (7, 100, 5, 102, 2), (9, 100, 5, None, None)]


@pytest.mark.parametrize(("at", "tainted"), [(20, 1), (29, 1), (31, 0)])
def test_fills_soon_after_a_suspect_row_are_tainted(engine: str, at: int, tainted: int) -> None:
    text = BOOK + "10 add bid 98 1 #3 suspect\n 12 cancel #3 1"
    tables = go(engine, Does(**{f"t{at - 1}": lambda ctx: ctx.buy(102, 1)}), text, taint_ns=20)
    assert [fill["tainted"] for fill in fills(tables)] == [tainted]


@pytest.mark.parametrize(
    ("line", "name"),
    [("cancel #77 1", "unknown_order"), ("add bid 99 1 #1", "duplicate_order"), ("execute #1 61", "oversize")],
)
@pytest.mark.parametrize("resting", [False, True])
def test_a_row_that_the_book_cannot_apply_fails_or_is_counted(engine: str, line: str, name: str, resting: bool) -> None:
    strategy = lambda: Does(t5=lambda ctx: ctx.buy(100, 3) if resting else None)  # noqa: E731
    stream = [rows(BOOK + f"20 {line}\n 47 status open")]
    with pytest.raises(DataError, match=f"scenario: row 4 at .*000000020Z: {name}"):
        play(engine, stream, strategy(), end_ns=BASE + 50)
    skip = dict.fromkeys((1, 2, 3), IssuePolicy.SKIP)
    tables, outcome = play(engine, stream, strategy(), end_ns=BASE + 50, issue_policies=skip)
    assert outcome.counts[0][f"{name}_skipped"] == 1
    assert outcome.counts[0]["rows"] == 6
    assert fills(tables) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_counts_are_in_one_order_whatever_happens_first(engine: str, backwards: bool) -> None:
    bad = ["cancel #77 1", "add bid 99 1 #1", "execute #1 61"]
    text = "\n".join(f"{20 + i} {line}" for i, line in enumerate(reversed(bad) if backwards else bad))
    policies = {1: IssuePolicy.SKIP, 2: IssuePolicy.SKIP, 3: IssuePolicy.REPAIR}
    _, outcome = play(engine, [rows(BOOK + text)], Does(), end_ns=BASE + 50, issue_policies=policies)
    issues = ["unknown_order_skipped", "duplicate_order_skipped", "oversize_repaired"]
    if backwards:  # the order is gone, so that it can be added again
        del issues[1]
    assert list(outcome.counts[0]) == ["rows", "packets", "crossed", *issues]


@pytest.mark.parametrize("resting", [False, True])
def test_an_oversize_execution_is_repaired_to_what_the_order_has(engine: str, resting: bool) -> None:
    policies = {3: IssuePolicy.REPAIR}
    strategy = Does(t5=lambda ctx: ctx.buy(101, 90) if resting else None, t30=lambda ctx: ctx.book.bid_ticks)
    stream = [rows(BOOK + "20 execute #1 61")]
    tables, outcome = play(
        engine, stream, strategy, end_ns=BASE + 50, issue_policies=policies, options={"max_position": None}
    )
    assert outcome.counts[0]["oversize_repaired"] == 1
    assert strategy.got[1] == 99
    assert [(fill["size_lots"], fill["tainted"]) for fill in fills(tables)] == ([(60, 1)] if resting else [])


def test_two_strategies_watch_one_market_each_with_orders_of_its_own(engine: str) -> None:
    from scenario import batch

    from lob_backtest.engine import load_engine
    from lob_backtest.results.sink import MemorySink

    first = Does(t5=lambda ctx: ctx.buy(102, 20), t30=lambda ctx: ctx.position)
    second = Does(
        t6=lambda ctx: ctx.buy(102, 20),
        t7=lambda ctx: ctx.sell(104, 1),
        t20=lambda ctx: (ctx.cancel(1), ctx.cancel(3)),
        t30=lambda ctx: ctx.position,
    )
    plan = plan_of(3, agents=2, end_ns=BASE + 50, markouts_ns=(5,), paranoid=True)
    sink = MemorySink(plan.markouts_ns)
    load_engine(engine)(plan, [iter([batch(rows(BOOK + "49 status open"))])], [first, second], sink)
    tables = sink.tables()
    assert [(fill["agent"], fill["size_lots"]) for fill in fills(tables)] == [(0, 20), (1, 20)]
    assert (first.got[-1], second.got[-1]) == (20, 20)
    rejected = [call[:3] for call in second.calls if call[0] == "CANCEL_REJECTED"]
    assert rejected == [("CANCEL_REJECTED", "TOO_LATE", 1), ("CANCEL_REJECTED", "UNKNOWN_ORDER", 3)]
    accepted = [row["order_id"] for row in tables["orders"].to_pylist() if row["kind"] == lob.UpdateKind.ACCEPTED]
    assert sorted(accepted) == [1, 1, 2]  # of each agent its own


def test_a_partial_run_still_completes_its_tables(engine: str) -> None:
    from scenario import batch

    from lob_backtest.engine import load_engine
    from lob_backtest.results.sink import MemorySink

    strategy = Does(t5=lambda ctx: ctx.buy(102, 1), t30=lambda ctx: 1 // 0)
    plan = plan_of(3, end_ns=BASE + 50, markouts_ns=(1000,))
    sink = MemorySink(plan.markouts_ns)
    outcome = load_engine(engine)(plan, [iter([batch(rows(BOOK + "49 status open"))])], [strategy], sink)
    assert isinstance(outcome.failure, StrategyError)
    assert outcome.end_ns == BASE + 30
    tables = sink.tables()
    assert fills(tables)[0]["mid2_after_1000ns"] == 202
    assert tables["samples"].to_pylist()[-1]["ts_ns"] == BASE + 30


def test_every_packet_that_leaves_the_book_crossed_is_counted(engine: str) -> None:
    text = BOOK + "10 add bid 102 5 #5\n 11 add bid 98 1 #6\n 12 cancel #5 5"
    _, outcome = play(engine, [rows(text)], Does(), end_ns=BASE + 50)
    assert outcome.counts[0]["crossed"] == 2


def test_a_run_of_several_instruments_starts_with_the_first_row_of_any(engine: str) -> None:
    late, early = rows("20 add bid 100 1 #1"), rows("3 add bid 100 1 #1")
    strategy = Does()
    play(engine, [late, early], strategy, end_ns=BASE + 50)
    assert strategy.calls[0] == ("start", 3)


def test_hedging_across_instruments_settles_each_in_its_own_account(engine: str) -> None:
    class Hedges(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.at(BASE + 5)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            ctx.buy(None, 2)

        def on_fill(self, ctx: lob.Context, fill: lob.Fill) -> None:
            if fill.instrument == "X0":
                ctx.market("X1").sell(None, fill.size_lots)

    one, two = rows(BOOK), rows("0 add bid 200 9 #1\n 0 add ask 202 9 #2")
    tables, _ = play(engine, [one, two], Hedges(), end_ns=BASE + 50, entry_ns=1, response_ns=1, local_ns=1)
    assert [(f["instrument"], f["side"], f["price_ticks"], f["ts_exchange_ns"] - BASE) for f in fills(tables)] == [
        (0, 1, 102, 6),
        (1, -1, 200, 8),
    ]


def test_time_in_queue_begins_again_where_a_replace_loses_the_place_and_only_there(engine: str) -> None:
    strategy = Does(
        t5=lambda ctx: ctx.buy(100, 5),
        t20=lambda ctx: ctx.replace(1, size_lots=3),  # keeps its place
        t30=lambda ctx: ctx.buy(99, 4),
        t40=lambda ctx: ctx.replace(2, price_ticks=100),  # joins the end of another queue
    )
    text = BOOK + "70 execute #1 60\n 80 add bid 100 9 #5\n 81 execute #5 9\n 90 status open"
    tables, _ = play(engine, [rows(text)], strategy, entry_ns=1, response_ns=1, local_ns=1)
    waited = {each["order_id"]: each["ts_exchange_ns"] - each["ts_arrival_ns"] for each in tables["fills"].to_pylist()}
    assert {each["ts_exchange_ns"] - BASE for each in tables["fills"].to_pylist()} == {81}
    assert waited == {1: 81 - 6, 2: 81 - 41}
