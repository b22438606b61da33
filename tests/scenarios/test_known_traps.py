"""The table of known traps of docs/fill-model.md, a test each: each was seen wrong in at least one backtester."""

from __future__ import annotations

import pytest
from scenario import BASE, Script, batch, check, instrument_plan, market_row

import lob_backtest as lob
from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.own_orders import WithoutOrders
from lob_backtest.engine import load_engine
from lob_backtest.results.sink import MemorySink

L2_BOOK = """
    0 level bid 100 100
    0 level ask 102 100
"""
L3_BOOK = """
    0 add bid 100 60 #1
    0 add bid 100 40 #2
    0 add ask 102 100 #9
"""


def test_two_bids_of_ten_behind_a_hundred_share_five_lots_of_a_print_of_105(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 a buy 100 10
        11 b buy 100 10
        20 print bid 100 105
        20 fill a 5 @ 100 queue
        25 a rests 5
        25 b rests 10
        """,
        level=2,
    )


def test_a_print_of_one_lot_below_the_price_fills_one_lot_at_the_order_s_price(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 a buy 100 10
        20 print bid 99 1
        20 fill a 1 @ 100 through
        """,
        level=2,
    )


def test_a_print_of_103_behind_a_hundred_fills_three_and_seven_rest(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 a buy 100 10
        20 print bid 100 103
        20 fill a 3 @ 100 queue
        25 position 3
        25 a rests 7
        """,
        level=2,
    )


def test_a_print_of_150_fills_both_bids_of_ten(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 a buy 100 10
        11 b buy 100 10
        20 print bid 100 150
        20 fill a 10 @ 100 queue
        20 fill b 10 @ 100 queue
        """,
        level=2,
    )


@pytest.mark.parametrize("level", [2, 3])
def test_a_marketable_buy_of_1000_takes_the_200_displayed_and_rests_with_800(engine: str, level: int) -> None:
    book = "0 level bid 100 100\n 0 level ask 102 200" if level == 2 else "0 add bid 100 100 #1\n 0 add ask 102 200 #2"
    check(
        engine,
        f"""
        {book}
        10 a buy 102 1000
        11 fill a 200 @ 102 take
        20 a rests 800
        """,
        level=level,
    )


@pytest.mark.parametrize("level", [2, 3])
def test_two_market_buys_in_a_row_share_the_hundred_lots_displayed(engine: str, level: int) -> None:
    book = "0 level bid 100 100\n 0 level ask 102 100" if level == 2 else "0 add bid 100 100 #1\n 0 add ask 102 100 #2"
    check(
        engine,
        f"""
        {book}
        10 a buy market 100
        10 b buy market 100
        11 fill a 100 @ 102 take
        12 told a accepted
        12 told b accepted
        12 told b expired
        20 position 100
        """,
        level=level,
    )


def test_an_execution_of_one_lot_right_behind_fills_one_of_a_thousand(engine: str) -> None:
    check(
        engine,
        """
        0 add ask 102 100 #9
        10 a buy 100 1000
        20 add bid 100 50 #1
        30 execute #1 1
        30 fill a 1 @ 100 queue
        35 a rests 999
        """,
    )


def test_a_partial_cancel_ahead_lowers_ahead_and_the_order_lives_on(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 10 #1
        0 add ask 102 100 #9
        10 a buy 100 5
        20 cancel #1 3
        25 ahead a 7
        30 execute #1 7
        31 ahead a 0
        40 add bid 100 4 #2
        50 execute #2 4
        50 fill a 4 @ 100 queue
        """,
    )


def test_a_replacement_to_a_marketable_price_takes_at_once(engine: str) -> None:
    check(
        engine,
        L3_BOOK
        + """
        10 a buy 100 10
        20 a replace 102 10
        21 fill a 10 @ 102 take
        """,
    )


def test_a_post_only_replacement_that_would_take_is_refused_and_the_original_stays(engine: str) -> None:
    check(
        engine,
        L3_BOOK
        + """
        10 a buy 100 10 post
        20 a replace 102 10
        25 a rests 10
        25 ahead a 100
        12 told a accepted
        22 told a replace_rejected post_only
        """,
    )


@pytest.mark.parametrize(("listed", "ahead"), [("60 #1", 60), ("40 #1", 40), ("80 #7", 60), ("30 #7", 30)])
def test_a_snapshot_leaves_an_l3_order_behind_what_was_ahead_or_less(engine: str, listed: str, ahead: int) -> None:
    check(
        engine,
        f"""
        0 add bid 100 60 #1
        0 add ask 102 100 #9
        10 a buy 100 10
        20 clear both snapshot more
        20 add bid 100 {listed} snapshot more
        20 add ask 102 100 #9 snapshot
        25 ahead a {ahead}
        25 a rests 10
        """,
    )


@pytest.mark.parametrize(("displayed", "ahead"), [(60, 60), (90, 60), (25, 25)])
def test_a_snapshot_leaves_an_l2_order_behind_what_was_ahead_or_less(engine: str, displayed: int, ahead: int) -> None:
    check(
        engine,
        f"""
        0 level bid 100 60
        0 level ask 102 100
        10 a buy 100 10
        20 clear both snapshot more
        20 level bid 100 {displayed} snapshot more
        20 level ask 102 100 snapshot
        25 ahead a {ahead}
        """,
        level=2,
    )


@pytest.mark.parametrize("level", [2, 3])
def test_a_clear_leaves_an_order_where_it_was_until_the_book_is_shown_again(engine: str, level: int) -> None:
    add = "level bid {} {}" if level == 2 else "add bid {} {} #{}"
    first, again = add.format(100, 60, 1), add.format(100, 200, 5)
    check(
        engine,
        f"""
        0 {first}
        10 a buy 100 10
        20 clear both
        25 ahead a 60
        30 {again}
        35 ahead a 60
        35 a rests 10
        """,
        level=level,
    )


def test_a_stranger_s_cancel_counts_only_if_it_was_ahead(engine: str) -> None:
    check(
        engine,
        L3_BOOK
        + """
        10 a buy 100 10
        20 add bid 100 30 #3
        30 cancel #3 30
        35 ahead a 100
        40 cancel #2 40
        45 ahead a 60
        """,
    )


def test_fifty_one_lot_cancels_at_a_level_of_a_hundred_leave_25_of_50_ahead_in_proportion(engine: str) -> None:
    falls = "\n".join(f"{30 + i} level bid 100 {99 - i}" for i in range(50))
    check(
        engine,
        f"""
        0 level bid 100 50
        0 level ask 102 10
        10 a buy 100 10
        20 level bid 100 100
        {falls}
        95 ahead a 25
        """,
        level=2,
        queue="proportional",
    )


@pytest.mark.parametrize("queue", ["back", "proportional"])
@pytest.mark.parametrize("late", [False, True])
def test_a_print_and_the_level_that_shows_it_count_once_in_either_order(engine: str, queue: str, late: bool) -> None:
    lines = ["print bid 100 30", "level bid 100 70"]
    first, second = reversed(lines) if late else lines
    check(
        engine,
        f"""
        0 level bid 100 100
        0 level ask 102 10
        10 a buy 100 10
        20 {first}
        30 {second}
        35 ahead a 70
        """,
        level=2,
        queue=queue,
    )


@pytest.mark.parametrize("split", [1, 2, 3, 10])
def test_own_orders_that_the_feed_recorded_are_stripped_before_the_replay(split: int) -> None:
    lines = [
        "add bid 100 5 #1 more",
        "add bid 100 5 #7",
        "cancel #7 5",
        "add bid 99 5 #2",
        "execute #1 5 more",
        "cancel #7 1",
    ]
    rows = [(i, *market_row(line.split())) for i, line in enumerate(lines)]
    batches = [batch(rows[i : i + split]) for i in range(0, len(rows), split)]
    stripped = WithoutOrders(batches, [7])
    kept = [(ids, flags & Flag.LAST) for part in stripped for ids, flags in zip(part.order_id, part.flags, strict=True)]
    assert kept == [(1, 1), (2, 1), (1, 1)]  # a packet whose last row goes still ends
    assert stripped.rows == 3


def stripped_rows(lines: list[str], split: int) -> tuple[list[tuple[int, ...]], WithoutOrders]:
    """Strip order 7 out of packets of market lines, in batches of `split` rows."""
    rows = [(i, *market_row(line.split())) for i, line in enumerate(lines)]
    stripped = WithoutOrders([batch(rows[i : i + split]) for i in range(0, len(rows), split)], [7])
    columns = ("action", "side", "order_id", "price_ticks", "size_lots", "flags")
    parts = [zip(*(getattr(part, name).tolist() for name in columns), strict=True) for part in stripped]
    return [row for part in parts for row in part], stripped


@pytest.mark.parametrize("split", [1, 2, 3, 10])
def test_an_execution_of_a_stripped_order_stays_as_a_hidden_print(split: int) -> None:
    lines = ["add bid 100 5 #1", "add bid 99 9 #7", "modify #7 101 8", "execute #7 2 more", "execute #1 3"]
    lines += ["execute #7 4 auction"]
    kept, stripped = stripped_rows(lines, split)
    hidden, last = Flag.HIDDEN, Flag.LAST
    assert kept == [
        (Action.ADD, 1, 1, 100, 5, last),
        (Action.TRADE, 1, 0, 101, 2, hidden),
        (Action.EXECUTE, 0, 1, 0, 3, last),
        (Action.TRADE, 1, 0, 101, 4, hidden | Flag.AUCTION | last),
    ]
    assert stripped.rows == 2


@pytest.mark.parametrize("before", ["status open", "clear bid", "clear both"])
def test_an_execution_of_a_stripped_order_without_a_known_price_is_left_out(before: str) -> None:
    added = [] if before == "status open" else ["add bid 100 5 #7"]
    kept, stripped = stripped_rows([*added, before, "execute #7 2"], 10)
    assert len(kept) == 1
    assert stripped.rows == len(added) + 1


def test_the_print_of_a_stripped_order_fills_an_own_order_in_its_stead(engine: str) -> None:
    lines = ["add bid 99 5 #1", "add ask 102 5 #2", "add bid 100 9 #7", "execute #7 4"]
    rows = [(10 * i, *market_row(line.split())) for i, line in enumerate(lines)]
    script = Script()
    script.lines = [(15, "a", ["buy", "100", "3"])]
    sink = MemorySink(())
    plan = Plan(instruments=(instrument_plan(3),), end_ns=BASE + 50, markouts_ns=(), paranoid=True)
    outcome = load_engine(engine)(plan, [iter(WithoutOrders([batch(rows)], [7]))], [script], sink)
    assert outcome.failure is None
    (fill,) = sink.tables()["fills"].to_pylist()
    assert (fill["price_ticks"], fill["size_lots"], fill["cause"]) == (100, 3, lob.Cause.HIDDEN)


def test_a_cancel_that_leaves_the_window_of_a_feed_without_one_keeps_the_place(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 60 #1
        0 add bid 99 5 #3
        0 add ask 105 5 #2
        5 a buy 100 10
        10 cancel #1 20 window
        20 ahead a 40
        30 execute #1 5
        """,
    )
