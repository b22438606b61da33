"""Resting orders: docs/fill-model.md, "Resting orders", sentence by sentence."""

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
L2_BOOK = """
    0 level bid 100 100
    0 level ask 102 100
"""


def test_l3_ahead_is_every_order_that_arrived_before(engine: str) -> None:
    check(engine, BOOK + "10 a buy 100 10\n 20 ahead a 100\n 21 b buy 99 5\n 25 ahead b 0")


def test_l3_ahead_shrinks_with_cancels_reductions_and_executions_of_older_orders(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 100 10
        20 execute #1 10
        22 ahead a 90
        30 modify #1 100 20
        32 ahead a 60
        40 cancel #2 40
        42 ahead a 20
        50 modify #1 99 20
        52 ahead a 0
        """,
    )


def test_l3_an_order_that_is_modified_upwards_goes_behind(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 100 10
        20 modify #1 100 70
        22 ahead a 40
        30 execute #2 40
        40 execute #1 5
        40 fill a 5 @ 100 queue
        """,
    )


def test_l3_several_own_orders_fill_in_turn_from_one_execution(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 100 10
        20 add bid 100 30 #3
        25 b buy 100 10
        30 execute #1 60
        31 execute #2 40
        32 execute #3 12
        32 fill a 10 @ 100 queue
        35 ahead b 18
        """,
    )


def test_better_prices_fill_first_each_at_its_own_price_up_to_the_size_of_the_trade(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        5 z buy 101 4
        10 a buy 101 3
        20 execute #1 6
        20 fill z 4 @ 101 through
        20 fill a 2 @ 101 through
        """,
    )


def test_auction_rows_never_fill(engine: str) -> None:
    check(engine, BOOK + "10 a buy 101 3\n 20 execute #1 6 auction\n 25 a rests 3")


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


def test_an_older_own_order_fills_by_evidence_only_where_that_is_asked_for(engine: str) -> None:
    text = BOOK + "10 a buy 100 10\n 20 add bid 100 30 #3\n 30 execute #3 4\n"
    check(engine, text + "35 ahead a 100")
    check(engine, text + "30 fill a 4 @ 100 queue\n 35 a rests 6", evidence=True)


@pytest.mark.parametrize("level", [2, 3])
def test_hidden_prints_fill_better_prices_and_the_price_with_nothing_ahead(engine: str, level: int) -> None:
    book = L2_BOOK if level == 2 else BOOK
    check(
        engine,
        book
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
        level=level,
    )
    check(engine, book + "12 c buy 99 5\n 20 hidden bid 99 4\n 20 fill c 4 @ 99 hidden", level=level)


def test_hidden_prints_of_unknown_side_fill_only_where_that_is_asked_for(engine: str) -> None:
    text = BOOK + "10 a buy 101 3\n 20 hidden none 100 2\n"
    check(engine, text + "25 a rests 3")
    check(engine, text + "20 fill a 2 @ 101 hidden", hidden_any_side=True)


def test_the_opposite_side_at_an_own_price_fills_it_without_a_print_each_lot_once(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 101 8
        20 add ask 101 5 #5
        20 fill a 5 @ 101 cross
        30 add ask 103 1 #6
        35 a rests 3
        40 add ask 100 1 #7 more
        40 cancel #7 1
        45 a rests 3
        50 add ask 101 1 #8
        50 fill a 1 @ 101 cross
        """,
    )


def test_all_fills_but_takes_pay_maker_fees(engine: str) -> None:
    played = check(
        engine,
        BOOK
        + """
        10 a buy 101 3
        20 execute #1 1
        20 fill a 1 @ 101 through
        30 add ask 101 1 #5
        30 fill a 1 @ 101 cross
        40 hidden bid 99 1
        40 fill a 1 @ 101 hidden
        50 b buy 102 1
        51 fill b 1 @ 102 take
        """,
        maker_rates=(0, -2_000_000),
        taker_rates=(0, 5_000_000),
    )
    assert played.sink.tables()["fills"]["fee_micro"].to_pylist() == [-2, -2, -2, 5]


def test_l2_joins_behind_the_displayed_size_and_prints_shrink_it(engine: str) -> None:
    check(
        engine,
        L2_BOOK + "10 a buy 100 10\n 20 print bid 100 30\n 22 ahead a 70\n 25 level bid 100 70\n 27 ahead a 70",
        level=2,
    )


@pytest.mark.parametrize(("queue", "ahead"), [("back", 60), ("proportional", 30)])
def test_l2_an_unexplained_fall_is_the_queue_model_s(engine: str, queue: str, ahead: int) -> None:
    check(
        engine,
        f"""
        0 level bid 100 60
        0 level ask 102 10
        10 a buy 100 10
        20 level bid 100 120
        22 ahead a 60
        30 level bid 100 60
        32 ahead a {ahead}
        """,
        level=2,
        queue=queue,
    )


def test_l2_ahead_is_never_more_than_the_level_shows(engine: str) -> None:
    check(
        engine,
        L2_BOOK + "10 a buy 100 10\n 20 level bid 100 7\n 22 ahead a 7\n 30 level bid 100 0\n 32 ahead a 0",
        level=2,
    )


def test_l2_the_market_between_two_own_orders_counts_once(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 a buy 100 10
        20 level bid 100 120
        22 b buy 100 10
        30 print bid 100 115
        30 fill a 10 @ 100 queue
        32 ahead b 15
        """,
        level=2,
    )


def test_l2_a_print_at_a_worse_price_fills_better_ones_first_and_no_more_than_its_size(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 a buy 101 4
        11 b buy 100 4
        20 print bid 99 6
        20 fill a 4 @ 101 through
        20 fill b 2 @ 100 through
        """,
        level=2,
    )


def test_a_snapshot_keeps_what_was_ahead_and_survives_and_unknown_orders_before_it(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 10 #1
        0 add bid 100 20 #2
        0 add ask 102 100 #9
        10 a buy 100 10
        15 add bid 100 50 #3
        20 clear both snapshot more
        20 add bid 100 5 #6 snapshot more
        20 add bid 100 20 #2 snapshot more
        20 add bid 100 50 #3 snapshot more
        20 add ask 102 100 #9 snapshot
        25 ahead a 25
        30 execute #6 5
        31 execute #2 20
        32 execute #3 4
        32 fill a 4 @ 100 queue
        """,
    )


def test_a_level_that_leaves_the_window_freezes_ahead_and_returns_with_no_more(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 10 #1
        0 add ask 102 100 #9
        10 a buy 100 10
        20 add bid 101 5 #2 more
        20 cancel #1 10 window
        25 ahead a none
        30 execute #2 5 more
        30 add bid 100 40 #7 window
        35 ahead a 10
        40 execute #7 10
        42 ahead a 0
        50 add bid 100 5 #8
        60 execute #8 5
        60 fill a 5 @ 100 queue
        """,
        depth=1,
    )


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


def test_an_order_placed_outside_of_the_window_takes_the_whole_size_when_it_comes_into_sight(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 10 #1
        0 add ask 102 100 #9
        10 a buy 98 10
        20 ahead a none
        30 cancel #1 10 more
        30 add bid 98 40 #7 window
        35 ahead a 40
        """,
        depth=1,
    )


def test_outside_of_the_window_trades_through_the_price_still_fill(engine: str) -> None:
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


@pytest.mark.parametrize("level", [2, 3])
def test_an_order_that_arrives_between_a_clear_and_its_snapshot_joins_behind_what_is_shown(
    engine: str, level: int
) -> None:
    before, shown = (
        ("level bid 100 60", "level bid 100 50") if level == 2 else ("add bid 100 60 #1", "add bid 100 50 #7")
    )
    check(
        engine,
        f"""
        0 {before}
        10 clear both
        12 a buy 100 5
        14 hidden ask 105 1
        16 b buy 100 5
        18 ahead a none
        20 {shown} snapshot
        25 ahead a 50
        25 ahead b 50
        """,
        level=level,
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
        21 fill b 5 @ 102 take
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
        200 fill a 3 @ 100 cross
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
