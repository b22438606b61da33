"""Resting orders, beyond what docs/fill-model.md shows: other levels, phases and rows in other orders."""

from __future__ import annotations

import pytest
from scenario import check

from lob_backtest.book.book import Issue
from lob_backtest.contract.plan import IssuePolicy

BOOK = """
    0 add bid 100 60 #1
    0 add bid 100 40 #2
    0 add ask 102 100 #9
"""


@pytest.mark.parametrize("phase", ["closed", "halted", "auction"])
def test_nothing_fills_outside_of_the_continuous_phase(engine: str, phase: str) -> None:
    check(
        engine,
        BOOK
        + f"""
        10 a buy 101 3
        20 status {phase}
        21 execute #1 2
        22 add ask 101 5 #5
        30 status open
        30 fill a 3 @ 101 cross
        """,
    )


def test_l3_hidden_prints_fill_better_prices_and_the_price_with_nothing_ahead(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 101 3
        11 b buy 100 5
        12 c buy 99 5
        20 hidden bid 100 4
        20 fill a 3 @ 101 hidden
        25 ahead b 100
        30 hidden bid 99 4
        30 fill b 4 @ 100 hidden
        """,
    )
    check(engine, BOOK + "12 c buy 99 5\n 20 hidden bid 99 4\n 20 fill c 4 @ 99 hidden")


def test_all_fills_but_takes_pay_maker_fees(engine: str) -> None:
    played = check(
        engine,
        BOOK
        + """
        10 a buy 101 3
        20 execute #1 1
        20 fill a 1 @ 101 through fee -2
        30 add ask 101 1 #5
        30 fill a 1 @ 101 cross fee -2
        40 hidden bid 99 1
        40 fill a 1 @ 101 hidden fee -2
        50 b buy 102 1
        51 fill b 1 @ 102 take fee 5
        """,
        maker_rates=(0, -2_000_000),
        taker_rates=(0, 5_000_000),
    )
    assert played.sink.tables()["fills"]["fee_micro"].to_pylist() == [-2, -2, -2, 5]


def test_with_nothing_ahead_after_a_return_an_order_fills_with_the_next_execution(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 10 #1
        0 add ask 102 100 #9
        10 a buy 100 5
        20 add bid 101 5 #2 more
        20 cancel #1 10 window
        30 execute #2 5 more
        30 add bid 100 10 #11 window more
        30 add bid 100 30 #12 window
        35 ahead a 10
        40 execute #11 10
        42 ahead a 0
        50 execute #12 4
        50 fill a 4 @ 100 queue
        """,
        depth=1,
    )


def test_trades_through_a_price_that_has_come_into_the_window_fill_an_order_sent_to_it_before(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 10 #1
        0 add ask 102 100 #9
        10 a buy 98 10
        20 execute #1 10 more
        20 add bid 97 40 #7 window
        30 execute #7 3
        30 fill a 3 @ 98 through
        """,
        depth=1,
    )


def test_l2_windows_freeze_and_return_like_l3(engine: str) -> None:
    check(
        engine,
        """
        0 level bid 100 10
        0 level ask 102 10
        10 a buy 100 10
        20 level bid 101 5 more
        20 level bid 100 0 window
        25 ahead a none
        30 level bid 101 0 more
        30 level bid 100 40 window
        35 ahead a 10
        """,
        level=2,
        depth=1,
    )


def test_l2_an_order_that_arrives_between_a_clear_and_its_snapshot_joins_behind_what_is_shown(engine: str) -> None:
    check(
        engine,
        """
        0 level bid 100 60
        10 clear both
        12 a buy 100 5
        14 hidden ask 105 1
        16 b buy 100 5
        18 ahead a none
        20 level bid 100 50 snapshot
        25 ahead a 50
        25 ahead b 50
        """,
        level=2,
    )


def test_a_clear_leaves_an_order_outside_of_the_window_where_it_was(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 60 #1
        5 a buy 100 5
        10 add bid 101 5 #2 more
        10 cancel #1 60 window
        20 clear both
        21 ahead a none
        30 add bid 100 60 #1 snapshot
        35 ahead a 60
        """,
        depth=1,
    )


@pytest.mark.parametrize("cancelled", [5, 11])
def test_a_snapshot_is_over_at_its_end_whether_an_order_rested_meanwhile_or_not(engine: str, cancelled: int) -> None:
    check(
        engine,
        f"""
        0 add bid 100 60 #1
        2 a buy 99 5
        {cancelled} a cancel
        10 clear both
        20 add bid 100 60 #1 snapshot
        25 b buy 100 5
        28 ahead b 60
        """,
    )


def test_an_order_that_arrives_in_the_midst_of_a_snapshot_joins_behind_all_of_it(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 60 #1
        10 clear both snapshot more
        10 add bid 100 60 #1 snapshot more
        14 a buy 100 5
        20 add bid 100 40 #2 snapshot
        25 ahead a 100
        """,
    )


@pytest.mark.parametrize("rests", ["", "2 a buy 90 5"])
def test_a_skipped_row_ends_suspicion_whether_an_order_rests_or_not(engine: str, rests: str) -> None:
    check(
        engine,
        f"""
        0 add bid 100 60 #1
        0 add ask 102 5 #2
        {rests}
        10 add bid 99 5 #3 suspect
        12 cancel #77 5
        20 b buy 102 5
        21 fill b 5 @ 102 take tainted
        """,
        policies={Issue.UNKNOWN_ORDER: IssuePolicy.SKIP},
    )


def test_an_order_crossed_while_the_book_is_suspect_fills_with_the_next_packet_that_is_not(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 5 #1
        10 a buy 100 3
        100 add ask 99 7 #4 suspect
        100 cancel #1 5 suspect
        200 add bid 70 1 #10
        250 add bid 70 1 #11
        200 fill a 3 @ 100 cross tainted
        """,
    )


def test_a_position_that_moves_in_a_packet_is_told_though_the_order_leaves_before_its_end(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 5 #1
        0 add ask 110 5 #2
        10 a buy 100 1
        100 cancel #1 2 more
        103 a cancel
        120 add bid 90 1 #8 more
        150 add bid 90 1 #5
        160 ahead a 3
        """,
        response_ns=60,
    )


@pytest.mark.parametrize("listed", [60, 40])
def test_a_snapshot_leaves_an_order_behind_what_it_lists_again_of_what_was_ahead(engine: str, listed: int) -> None:
    check(
        engine,
        f"""
        0 add bid 100 60 #1
        0 add ask 102 100 #9
        10 a buy 100 10
        20 clear both snapshot more
        20 add bid 100 {listed} #1 snapshot more
        20 add ask 102 100 #9 snapshot
        25 ahead a {listed}
        25 a rests 10
        """,
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


def test_l3_an_order_that_is_modified_to_the_price_and_size_it_has_keeps_its_place(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 100 10
        15 add bid 100 30 #3
        20 modify #1 100 60
        22 ahead a 100
        25 modify #3 100 30
        26 ahead a 100
        30 execute #2 40
        32 ahead a 60
        40 execute #3 5
        41 execute #1 60
        45 ahead a 0
        50 execute #3 5
        50 fill a 5 @ 100 queue
        """,
    )
