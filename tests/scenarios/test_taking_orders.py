"""Orders that take, order kinds and refusals, beyond what docs/fill-model.md shows under "Orders that take"."""

from __future__ import annotations

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


def test_l3_ioc_takes_what_it_can_and_expires(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 102 70 ioc
        11 fill a 30 @ 102 take
        11 fill a 20 @ 102 take
        12 told a accepted
        12 told a expired
        20 a rests 0
        20 position 50
        """,
    )


def test_l3_fok_trades_in_full_or_not_at_all(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 102 51 fok
        15 b buy 102 50 fok
        16 fill b 30 @ 102 take
        16 fill b 20 @ 102 take
        12 told a accepted
        12 told a expired
        17 told b accepted
        """,
    )


def test_a_market_order_sweeps_every_level_and_expires_with_the_rest(engine: str) -> None:
    check(
        engine,
        L2_BOOK + "10 a buy market 500\n 11 fill a 50 @ 102 take\n 11 fill a 50 @ 103 take\n 20 a rests 0",
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


def test_what_is_left_of_an_order_ends_where_it_meets_an_own_order(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a sell 101 5
        20 b buy 101 5
        30 c buy market 5
        40 d buy 99 5
        12 told a accepted
        22 told b accepted
        22 told b expired self_trade
        32 told c accepted
        32 told c expired self_trade
        42 told d accepted
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
