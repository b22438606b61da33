"""Orders that take, order kinds and refusals: docs/fill-model.md, "Orders that take" and "Order kinds"."""

from __future__ import annotations

import pytest
from scenario import check

BOOK = """
    0 add bid 100 60 #1
    0 add ask 102 30 #8
    0 add ask 102 20 #9
    0 add ask 103 50 #10
"""
L2_BOOK = """
    0 level bid 100 60
    0 level ask 102 50
    0 level ask 103 50
"""


def test_l3_takes_one_fill_a_market_order_within_the_limit(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 103 70
        11 fill a 30 @ 102 take
        11 fill a 20 @ 102 take
        11 fill a 20 @ 103 take
        """,
    )


def test_l2_takes_one_fill_a_level(engine: str) -> None:
    check(engine, L2_BOOK + "10 a buy 103 70\n 11 fill a 50 @ 102 take\n 11 fill a 20 @ 103 take", level=2)


@pytest.mark.parametrize("level", [2, 3])
def test_ioc_takes_what_it_can_and_expires(engine: str, level: int) -> None:
    fills = "11 fill a 50 @ 102 take" if level == 2 else "11 fill a 30 @ 102 take\n 11 fill a 20 @ 102 take"
    check(
        engine,
        (L2_BOOK if level == 2 else BOOK)
        + f"""
        10 a buy 102 70 ioc
        {fills}
        12 told a accepted
        12 told a expired
        20 a rests 0
        20 position 50
        """,
        level=level,
    )


@pytest.mark.parametrize("level", [2, 3])
def test_fok_trades_in_full_or_not_at_all(engine: str, level: int) -> None:
    fills = "16 fill b 50 @ 102 take" if level == 2 else "16 fill b 30 @ 102 take\n 16 fill b 20 @ 102 take"
    check(
        engine,
        (L2_BOOK if level == 2 else BOOK)
        + f"""
        10 a buy 102 51 fok
        15 b buy 102 50 fok
        {fills}
        12 told a accepted
        12 told a expired
        17 told b accepted
        """,
        level=level,
    )


def test_a_market_order_sweeps_every_level_and_expires_with_the_rest(engine: str) -> None:
    check(
        engine,
        L2_BOOK + "10 a buy market 500\n 11 fill a 50 @ 102 take\n 11 fill a 50 @ 103 take\n 20 a rests 0",
        level=2,
    )


def test_post_only_that_would_take_is_refused_and_judges_by_what_is_available(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 a buy 102 5 post
        15 b buy 102 50
        20 c buy 102 5 post
        16 fill b 50 @ 102 take
        25 c rests 5
        12 told a rejected post_only
        17 told b accepted
        22 told c accepted
        """,
        level=2,
    )


def test_l3_a_taken_lot_stays_taken_until_its_order_leaves_the_feed_s_book(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 102 30 ioc
        11 fill a 30 @ 102 take
        20 b buy 102 50 ioc
        21 fill b 20 @ 102 take
        30 cancel #8 30
        31 add ask 102 7 #11
        40 c buy 102 50 ioc
        41 fill c 7 @ 102 take
        """,
    )


def test_l2_a_taken_lot_is_free_again_when_the_level_shrinks_by_it_or_empties(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 a buy 102 50 ioc
        11 fill a 50 @ 102 take
        20 level ask 102 40
        22 level ask 102 45
        30 b buy 102 50 ioc
        31 fill b 5 @ 102 take
        40 level ask 102 0
        41 level ask 102 9
        50 c buy 102 50 ioc
        51 fill c 9 @ 102 take
        """,
        level=2,
    )


def test_l2_printed_lots_are_not_there_to_take_before_the_level_says_so(engine: str) -> None:
    check(
        engine,
        L2_BOOK + "10 print ask 102 45\n 20 a buy 102 50 ioc\n 21 fill a 5 @ 102 take",
        level=2,
    )


def test_l2_levels_better_than_a_print_are_empty_until_they_are_shown_again(engine: str) -> None:
    check(
        engine,
        L2_BOOK
        + """
        10 print ask 103 5
        20 a buy 103 10 ioc
        21 fill a 10 @ 103 take
        30 level ask 104 1
        40 b buy 102 10 ioc
        50 level ask 102 12
        60 c buy 102 10 ioc
        61 fill c 10 @ 102 take
        """,
        level=2,
    )


def test_a_locked_book_gives_nothing_to_take(engine: str) -> None:
    check(engine, BOOK + "5 add bid 102 1 #20\n 10 a buy 102 5 ioc\n 20 position 0")


def test_new_orders_are_refused_outside_of_the_continuous_phase_and_cancels_are_not(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        5 a buy 100 5
        10 status halted
        15 b buy 100 5
        20 a cancel
        7 told a accepted
        17 told b rejected halted
        22 told a cancelled
        """,
    )


def test_an_order_that_would_trade_with_an_own_resting_order_is_refused(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a sell 101 5
        20 b buy 101 5
        30 c buy market 5
        40 d buy 99 5
        12 told a accepted
        22 told b rejected self_trade
        32 told c rejected self_trade
        42 told d accepted
        """,
    )


def test_replace_to_the_same_price_and_a_smaller_size_keeps_the_place(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 100 10
        15 add bid 100 50 #3
        20 a replace 100 4
        25 ahead a 60
        25 a rests 4
        30 a replace 100 6
        35 ahead a 110
        """,
    )


def test_replace_counts_fills_so_that_a_fill_in_flight_cannot_overfill(engine: str) -> None:
    check(
        engine,
        """
        0 add ask 102 30 #8
        5 a buy 100 10
        10 add bid 100 50 #3
        20 execute #3 4
        20 fill a 4 @ 100 queue
        20 a replace 99 10
        25 a rests 6
        30 a replace 99 3
        35 a rests 0
        7 told a accepted
        22 told a replaced
        32 told a cancelled
        """,
    )


def test_a_cancel_that_arrives_too_late_is_answered_so_and_the_fill_stands(engine: str) -> None:
    check(
        engine,
        """
        0 add ask 102 30 #8
        5 a buy 100 4
        10 add bid 100 50 #3
        20 execute #3 4
        20 fill a 4 @ 100 queue
        20 a cancel
        25 position 4
        7 told a accepted
        22 told a cancel_rejected too_late
        """,
    )


def test_market_rows_come_before_requests_at_one_nanosecond(engine: str) -> None:
    check(engine, BOOK + "10 a buy 103 100 ioc\n 11 cancel #8 30\n 11 cancel #9 20\n 11 fill a 50 @ 103 take")


def test_a_request_sees_the_market_of_its_arrival_not_of_its_sending(engine: str) -> None:
    check(engine, BOOK + "10 a buy 102 100 ioc\n 12 cancel #8 30\n 11 fill a 30 @ 102 take\n 11 fill a 20 @ 102 take")


def test_the_strategy_learns_of_a_queue_position_with_the_packet_that_moves_it(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 100 5
        11 ahead a none
        12 ahead a 60
        20 cancel #1 10
        20 ahead a 60
        21 ahead a 50
        """,
    )


def test_the_position_limit_counts_orders_in_flight_as_filled(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 100 6
        10 b buy 99 5
        10 c sell 105 10
        20 a cancel
        21 d buy 99 5
        30 e buy 99 5
        35 a rests 0
        10 told b rejected position_limit
        12 told a accepted
        12 told c accepted
        21 told d rejected position_limit
        22 told a cancelled
        32 told e accepted
        """,
        max_position=10,
    )


def test_a_position_told_before_its_replacements_are_answered_is_not_forgotten(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 60 #1
        0 add bid 99 50 #2
        0 add bid 98 40 #3
        10 a buy 100 5
        40 a replace 99 5
        41 a replace 98 5
        50 cancel #3 10
        75 ahead a 30
        """,
        response_ns=30,
    )


def test_what_was_taken_of_an_order_is_forgotten_where_a_snapshot_shows_it_at_another_price(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 90 60 #1
        0 add ask 101 10 #2
        0 add ask 110 60 #3
        2 a buy 101 4 ioc
        10 clear both more snapshot
        10 add bid 90 60 #1 more snapshot
        10 add ask 102 10 #2 more snapshot
        10 add ask 110 60 #3 snapshot
        20 b buy 102 20 ioc
        3 fill a 4 @ 101 take
        21 fill b 10 @ 102 take
        """,
    )


def test_a_taken_lot_is_remembered_when_own_orders_leave_while_a_side_is_cleared(engine: str) -> None:
    check(
        engine,
        """
        0 add bid 100 4 #1
        0 add bid 99 5 #3
        0 add ask 110 5 #2
        2 a sell 100 4 ioc
        6 b sell 100 9
        10 clear ask more
        11 hidden ask 100 9
        20 c sell 99 1 ioc
        3 fill a 4 @ 100 take
        11 fill b 9 @ 100 hidden
        21 fill c 1 @ 99 take
        """,
    )
