"""The table of known traps of docs/fill-model.md, a test each: each was seen wrong in at least one backtester."""

from __future__ import annotations

import pytest
from scenario import batch, check, market_row

from lob_backtest.market.schema import Flag
from lob_backtest.market.strip import Stripped

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
    stripped = Stripped(batches, [7])
    kept = [(ids, flags & Flag.LAST) for part in stripped for ids, flags in zip(part.order_id, part.flags, strict=True)]
    assert kept == [(1, 1), (2, 1), (1, 1)]  # a packet whose last row goes still ends
    assert stripped.rows == 3


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
