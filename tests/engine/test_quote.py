"""`ctx.quote`: what is wanted, and the fewest requests that get there."""

from __future__ import annotations

from typing import Any

from scripted import BOOK, Does, go

import lob_backtest as lob
from lob_backtest.contract.tables import UpdateKind


def told(tables: dict[str, Any]) -> list[tuple[str, int, int | None, int]]:
    """List the answers: what, order, price, size."""
    return [
        (UpdateKind(row["kind"]).name, row["order_id"], row["price_ticks"], row["size_lots"])
        for row in tables["orders"].to_pylist()
    ]


def test_both_sides_are_sent_post_only(engine: str) -> None:
    tables = go(engine, Does(t5=lambda ctx: ctx.quote(bid=(100, 5), ask=(102, 7))))
    assert told(tables) == [("ACCEPTED", 1, 100, 5), ("ACCEPTED", 2, 102, 7)]
    assert {row["post_only"] for row in tables["orders"].to_pylist()} == {1}


def test_the_same_quotes_again_cost_nothing(engine: str) -> None:
    quote = lambda ctx: ctx.quote(bid=(100, 5), ask=(102, 7))  # noqa: E731
    assert len(told(go(engine, Does(t5=quote, t6=quote, t20=quote)))) == 2


def test_another_price_replaces_and_none_cancels_and_a_side_left_out_stays(engine: str) -> None:
    tables = go(
        engine,
        Does(
            t5=lambda ctx: ctx.quote(bid=(100, 5), ask=(102, 7)),
            t20=lambda ctx: ctx.quote(bid=(99, 5)),
            t30=lambda ctx: ctx.quote(ask=None),
        ),
    )
    assert told(tables)[2:] == [("REPLACED", 1, 99, 5), ("CANCELLED", 2, 102, 7)]


def test_less_open_than_wanted_keeps_its_place_unless_topped_up(engine: str) -> None:
    text = BOOK + "10 execute #1 60\n 11 add bid 100 9 #5\n 12 execute #5 2"
    first = lambda ctx: ctx.quote(bid=(100, 5))  # noqa: E731
    again = Does(t5=first, t20=first)
    tables = go(engine, again, text)
    assert told(tables) == [("ACCEPTED", 1, 100, 5)]
    topped = Does(t5=first, t20=lambda ctx: ctx.quote(bid=(100, 5), top_up=True))
    assert told(go(engine, topped, text)) == [("ACCEPTED", 1, 100, 5), ("REPLACED", 1, 100, 7)]  # 2 filled + 5


def test_less_wanted_than_open_is_reduced_in_place(engine: str) -> None:
    strategy = Does(
        t5=lambda ctx: ctx.quote(bid=(100, 5)),
        t20=lambda ctx: ctx.quote(bid=(100, 2)),
        t30=lambda ctx: [o.queue_ahead_lots for o in ctx.orders],
    )
    tables = go(engine, strategy, BOOK + "10 add bid 100 9 #5")
    assert told(tables)[1:] == [("REPLACED", 1, 100, 2)]
    assert strategy.got[-1] == [60]


def test_a_ladder_moves_the_fewest_orders(engine: str) -> None:
    tables = go(
        engine,
        Does(
            t5=lambda ctx: ctx.quote(bid=[(100, 5), (99, 5), (98, 5)]),
            t20=lambda ctx: ctx.quote(bid=[(99, 5), (98, 5), (97, 5)]),
            t30=lambda ctx: ctx.quote(bid=[(98, 5)]),
        ),
    )
    assert told(tables)[3:] == [("REPLACED", 1, 97, 5), ("CANCELLED", 2, 99, 5), ("CANCELLED", 1, 97, 5)] or told(
        tables
    )[3:] == [("REPLACED", 1, 97, 5), ("CANCELLED", 1, 97, 5), ("CANCELLED", 2, 99, 5)]


def test_one_request_is_in_flight_an_order_and_the_latest_intent_follows_the_answer(engine: str) -> None:
    strategy = Does(
        t5=lambda ctx: ctx.quote(bid=(100, 5)),
        t6=lambda ctx: ctx.quote(bid=(99, 5)),
        t7=lambda ctx: ctx.quote(bid=(98, 5)),
        t8=lambda ctx: ctx.quote(bid=(97, 5)),
    )
    tables = go(engine, strategy, entry_ns=5, response_ns=5)
    assert told(tables) == [("ACCEPTED", 1, 100, 5), ("REPLACED", 1, 97, 5)]
    assert [row["ts_sent_ns"] % 100 for row in tables["orders"].to_pylist()] == [5, 15]


def test_quotes_that_move_up_or_down_never_meet_each_other(engine: str) -> None:
    text = "0 add bid 90 1 #1\n 0 add ask 120 1 #2"
    strategy = Does(
        t5=lambda ctx: ctx.quote(bid=(100, 5), ask=(102, 5)),
        t20=lambda ctx: ctx.quote(bid=(104, 5), ask=(106, 5)),
        t40=lambda ctx: ctx.quote(bid=(96, 5), ask=(98, 5)),
    )
    tables = go(engine, strategy, text)
    kinds = [row[0] for row in told(tables)]
    assert kinds == ["ACCEPTED"] * 2 + ["REPLACED"] * 4
    assert sorted(row[2] or 0 for row in told(tables)[-2:]) == [96, 98]


def test_quotes_are_trimmed_to_the_room_that_the_limit_leaves(engine: str) -> None:
    strategy = Does(t5=lambda ctx: ctx.quote(bid=[(100, 6), (99, 6)], ask=(102, 30)))
    assert told(go(engine, strategy, options={"max_position": 10})) == [
        ("ACCEPTED", 1, 100, 6),
        ("ACCEPTED", 2, 99, 4),
        ("ACCEPTED", 3, 102, 10),
    ]


def test_quotes_touch_only_their_own_orders(engine: str) -> None:
    strategy = Does(
        t5=lambda ctx: ctx.buy(98, 1),
        t6=lambda ctx: ctx.quote(bid=(100, 5)),
        t20=lambda ctx: ctx.quote(bid=None, ask=None),
        t30=lambda ctx: [order.price_ticks for order in ctx.orders],
    )
    go(engine, strategy)
    assert strategy.got[-1] == [98]


def test_a_refused_quote_is_not_sent_again_until_it_is_asked_for_again(engine: str) -> None:
    tables = go(engine, Does(t5=lambda ctx: ctx.quote(bid=(102, 5)), t20=lambda ctx: ctx.quote(bid=(100, 5))))
    assert [row[:3] for row in told(tables)] == [("REJECTED", 1, 102), ("ACCEPTED", 2, 100)]


def test_a_size_of_nothing_is_no_quote(engine: str) -> None:
    assert told(go(engine, Does(t5=lambda ctx: ctx.quote(bid=(100, 0), ask=[(102, 0), (103, 2)])))) == [
        ("ACCEPTED", 1, 103, 2)
    ]


def test_a_refused_quote_is_not_sent_again_while_another_is_in_flight(engine: str) -> None:
    strategy = Does(
        t5=lambda ctx: ctx.quote(bid=[(100, 5)]),
        t6=lambda ctx: ctx.quote(bid=[(100, 5), (102, 5), (103, 5)]),  # the ask is at 102
    )
    tables = go(engine, strategy, entry_ns=5, response_ns=5)
    assert [row[:3] for row in told(tables)] == [("ACCEPTED", 1, 100), ("REJECTED", 2, 102), ("REJECTED", 3, 103)]


def test_a_quote_refused_on_the_spot_is_not_sent_again_while_another_is_in_flight(engine: str) -> None:
    off_tick: Any = 99.5
    strategy = Does(
        t5=lambda ctx: ctx.quote(bid=[(100, 5)]),
        t6=lambda ctx: ctx.quote(bid=[(100, 5), (off_tick, 5)]),
    )
    tables = go(engine, strategy, entry_ns=5, response_ns=5)
    assert [row[:2] for row in told(tables)] == [("REJECTED", 2), ("ACCEPTED", 1)]


def test_a_quote_of_one_side_at_an_answer_leaves_what_the_other_side_waits_for(engine: str) -> None:
    class Quotes(Does):
        def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
            if order.kind == UpdateKind.CANCELLED:
                ctx.quote(bid=(99, 5))

    strategy = Quotes(
        t5=lambda ctx: ctx.quote(bid=(99, 5), ask=(102, 5)),
        t20=lambda ctx: ctx.quote(ask=None),
        t21=lambda ctx: ctx.quote(ask=(103, 5)),
    )
    tables = go(engine, strategy, entry_ns=5, response_ns=5)
    assert told(tables)[2:] == [("CANCELLED", 2, 102, 5), ("ACCEPTED", 3, 103, 5)]
