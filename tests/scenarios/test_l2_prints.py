"""What explains what at a level: docs/fill-model.md, "Resting orders on L2", a sentence a test."""

from __future__ import annotations

import pytest
from scenario import check, play

BID = "0 level bid 100 100\n 0 level ask 105 100\n"


def test_a_younger_order_is_not_filled_by_a_trade_from_before_it_came(engine: str) -> None:
    """The fall at 20 was the trade that is printed at 40: it moves the older order and not the younger one."""
    check(
        engine,
        BID
        + """
        10 a buy 100 10
        20 level bid 100 40
        30 b buy 100 10
        40 print bid 100 60
        45 ahead a 40
        46 ahead b 40
        50 print bid 100 45
        50 fill a 5 @ 100 queue
        55 ahead b 0
        """,
        level=2,
    )


def test_a_print_behind_a_cancel_is_counted_once_where_its_own_packet_shows_it(engine: str) -> None:
    check(
        engine,
        """
        0 level bid 100 55
        0 level ask 105 100
        5 level bid 100 45
        10 a buy 100 10
        20 print bid 100 19 more
        20 level bid 100 26
        25 ahead a 26
        """,
        level=2,
        queue="proportional",
    )


@pytest.mark.parametrize("limit", [20, 19])
def test_a_print_explains_a_fall_no_older_than_late_print(engine: str, limit: int) -> None:
    """A fall at 20 and a print at 40: within the limit 60 ahead fall to 40 only, beyond it 60 more trade."""
    late = limit == 20
    check(
        engine,
        BID
        + f"""
        10 a buy 100 10
        20 level bid 100 40
        40 print bid 100 30
        45 ahead a {40 if late else 10}
        """,
        level=2,
        late_print_ns=limit,
    )


def test_late_print_0_takes_every_print_as_new(engine: str) -> None:
    text = BID + "10 a buy 100 10\n 20 level bid 100 90\n 21 print bid 100 10\n 25 ahead a 80"
    check(engine, text, level=2, late_print_ns=0)


@pytest.mark.parametrize("limit", [20, 19])
def test_a_print_explains_a_later_fall_for_late_level_at_most(engine: str, limit: int) -> None:
    """Beyond the limit the fall is a cancel, which `proportional` spreads over the queue."""
    ahead = 70 if limit == 20 else 49  # 70 ahead of 100: 70 left of 70, or 70 · 70 / 100
    check(
        engine,
        BID + f"10 a buy 100 10\n 20 print bid 100 30\n 40 level bid 100 70\n 45 ahead a {ahead}",
        level=2,
        queue="proportional",
        late_level_ns=limit,
    )


def test_prints_of_a_packet_are_applied_before_its_levels(engine: str) -> None:
    """The level is shown first; its fall is the print's all the same."""
    check(
        engine,
        BID
        + """
        10 a buy 100 10
        20 level bid 100 70 more
        20 print bid 100 30
        25 ahead a 70
        """,
        level=2,
        queue="proportional",
        late_print_ns=0,
    )


def test_prints_of_another_exchange_time_stay_behind_the_levels_of_their_packet(engine: str) -> None:
    """The fall came 10 ns before the print, and nothing may be late: the print is new flow."""
    check(
        engine,
        BID
        + """
        10 a buy 100 10
        20 level bid 100 70 more
        30 print bid 100 30
        35 ahead a 40
        """,
        level=2,
        late_print_ns=0,
    )


@pytest.mark.parametrize("later", ["level bid 100 60", "level ask 106 5", "clear bid"])
def test_how_a_print_is_split_does_not_depend_on_later_rows_of_its_packet(engine: str, later: str) -> None:
    """It explains the fall at 100, which the order has not seen, whatever the packet says 9,800 ns later."""
    check(
        engine,
        BID
        + f"""
        100 level bid 100 80
        105 a buy 101 10
        200 print bid 100 20 more
        250 position 0
        10000 {later}
        """,
        level=2,
    )


def test_an_order_joins_behind_what_is_left_after_the_prints_that_no_level_has_shown(engine: str) -> None:
    check(
        engine,
        BID
        + """
        10 print bid 100 60
        20 a buy 100 10
        25 ahead a 40
        30 level bid 100 40
        35 ahead a 40
        40 print bid 100 45
        40 fill a 5 @ 100 queue
        """,
        level=2,
    )


def test_a_fall_that_prints_explain_calls_no_model(engine: str) -> None:
    check(
        engine,
        BID + "10 a buy 100 10\n 20 print bid 100 30\n 30 level bid 100 70\n 35 ahead a 70",
        level=2,
        queue="proportional",
    )


def test_a_rise_moves_nobody_and_cancels_no_fall(engine: str) -> None:
    """The fall of 20 is still there to be explained behind the rise."""
    check(
        engine,
        BID
        + """
        10 a buy 100 10
        20 level bid 100 80
        25 ahead a 80
        30 level bid 100 200
        35 ahead a 80
        40 print bid 100 20
        45 ahead a 80
        50 print bid 100 1
        55 ahead a 79
        """,
        level=2,
    )


def test_late_lots_are_applied_at_their_fall_and_later_levels_again(engine: str) -> None:
    check(
        engine,
        """
        0 level bid 100 50
        0 level ask 105 100
        10 a buy 100 10
        15 level bid 100 100
        20 level bid 100 80
        30 level bid 100 90
        40 level bid 100 60
        50 print bid 100 20
        55 ahead a 20
        """,
        level=2,
        queue="proportional",
    )


def test_late_lots_pass_two_orders_at_one_price_once(engine: str) -> None:
    check(
        engine,
        """
        0 level bid 100 50
        0 level ask 105 100
        10 a buy 100 10
        11 b buy 100 10
        15 level bid 100 100
        20 level bid 100 40
        30 print bid 100 30
        40 print bid 100 30
        40 fill a 10 @ 100 queue traded 20
        45 ahead b 0
        """,
        level=2,
    )


def test_late_lots_fill_as_if_the_prints_had_come_first(engine: str) -> None:
    levels = "20 level bid 100 70\n 21 level bid 100 40\n"
    book = "0 level bid 100 50\n 0 level ask 105 100\n 10 a buy 100 10\n 15 level bid 100 100\n"
    late = "30 print bid 100 30\n 40 print bid 100 30\n 40 fill a 10 @ 100 queue traded 21\n"
    first = "18 print bid 100 30\n 19 print bid 100 30\n 19 fill a 10 @ 100 queue\n"
    check(engine, book + levels + late, level=2)
    check(engine, book + levels + first, level=2)


def test_new_flow_between_a_fall_and_its_print_is_applied_again(engine: str) -> None:
    """50 ahead, 30 traded unseen, 30 more are printed: 60 have traded in all, 10 of them beyond the queue."""
    check(
        engine,
        """
        0 level bid 100 50
        0 level ask 105 100
        10 a buy 100 25
        15 level bid 100 100
        20 level bid 100 70
        30 print bid 100 30 more
        30 level bid 100 40
        35 ahead a 20
        40 print bid 100 30
        40 fill a 10 @ 100 queue traded 20
        45 ahead a 0
        """,
        level=2,
    )


def test_late_flow_fills_better_orders_that_stood_when_the_level_fell(engine: str) -> None:
    check(
        engine,
        BID
        + """
        10 a buy 101 3
        20 level bid 100 90
        21 b buy 102 3
        30 print bid 100 10
        30 fill a 3 @ 101 through traded 20
        35 b rests 3
        """,
        level=2,
    )


def test_an_order_that_has_taken_another_place_since_a_fall_meets_no_late_flow(engine: str) -> None:
    check(
        engine,
        """
        0 level bid 100 100
        0 level bid 99 20
        0 level ask 105 100
        10 a buy 99 5
        15 level bid 99 4
        16 a replace 99 6
        20 print bid 99 16
        25 a rests 6
        30 print bid 99 7
        30 fill a 3 @ 99 queue
        """,
        level=2,
    )


def test_a_print_larger_than_the_unexplained_falls_is_new_beyond_them(engine: str) -> None:
    check(
        engine,
        BID
        + """
        10 a buy 100 10
        20 level bid 100 90
        30 print bid 100 25
        35 ahead a 75
        40 level bid 100 75
        45 ahead a 75
        """,
        level=2,
        queue="back",
    )


def test_a_print_fills_no_more_than_its_size_over_both_parts(engine: str) -> None:
    check(
        engine,
        """
        0 level bid 100 6
        0 level ask 105 100
        10 a buy 100 4
        11 b buy 100 9
        20 level bid 100 1
        30 print bid 100 12
        30 fill a 4 @ 100 queue
        30 fill b 2 @ 100 queue
        35 b rests 7
        """,
        level=2,
    )


def test_a_print_through_a_level_leaves_nothing_ahead_there(engine: str) -> None:
    check(
        engine,
        BID
        + """
        0 level bid 99 50
        10 a buy 100 10
        11 b buy 100 10
        20 print bid 99 12
        20 fill a 10 @ 100 through
        20 fill b 2 @ 100 through
        25 ahead b 0
        30 c buy 100 5
        35 ahead c 0
        40 level bid 100 30
        45 ahead b 0
        50 print bid 100 3
        50 fill b 3 @ 100 queue
        """,
        level=2,
    )


def test_a_print_through_a_level_explains_its_fall(engine: str) -> None:
    """The level's own row comes later: no cancel, so that an order that has come behind it loses nothing."""
    check(
        engine,
        BID
        + """
        0 level bid 99 50
        20 print bid 99 12
        30 level bid 100 0
        31 level bid 100 60
        40 a buy 100 10
        50 print bid 100 20
        55 ahead a 40
        """,
        level=2,
    )


def test_window_rows_drop_what_a_level_has_to_explain(engine: str) -> None:
    text = """
    0 level bid 100 100
    0 level bid 99 100
    0 level ask 105 100
    0 level ask 106 100
    10 a buy 99 10
    20 level bid 99 90
    30 level bid 99 0 window more
    30 level bid 101 5
    40 level bid 101 0 more
    40 level bid 99 90 window
    45 ahead a 90
    50 print bid 99 10
    55 ahead a 80
    """
    check(engine, text, level=2, depth=2)


def test_a_snapshot_that_shows_less_can_be_explained_by_later_prints(engine: str) -> None:
    check(
        engine,
        BID
        + """
        10 a buy 100 10
        20 clear bid more snapshot
        20 level bid 100 70 snapshot
        25 ahead a 70
        30 print bid 100 20
        35 ahead a 70
        40 print bid 100 20
        45 ahead a 60
        """,
        level=2,
        queue="proportional",
    )


@pytest.mark.parametrize("mark", ["auction", ""])
def test_hidden_auction_and_sideless_prints_explain_nothing(engine: str, mark: str) -> None:
    verb = "print bid" if mark else "print none"
    check(
        engine,
        BID + f"10 a buy 100 10\n 20 {verb} 100 50 {mark}\n 25 ahead a 100\n 30 level bid 100 50\n 35 ahead a 50",
        level=2,
        queue="proportional",
    )


def test_lost_fills_are_not_made_up_but_positions_move_outside_the_continuous_phase(engine: str) -> None:
    check(
        engine,
        BID
        + """
        10 a buy 100 10
        20 status halted
        30 print bid 100 105
        40 status open
        45 ahead a 0
        46 a rests 10
        50 print bid 100 3
        50 fill a 3 @ 100 queue
        """,
        level=2,
    )


def test_the_fill_row_of_a_late_print_has_the_time_of_the_fall(engine: str) -> None:
    played = play(
        engine, BID + "10 a buy 101 3\n 20 level bid 100 90\n 30 print bid 100 2\n 40 print bid 100 50", level=2
    )
    fills = played.sink.tables()["fills"].to_pylist()
    traded = [fill["ts_traded_ns"] for fill in fills]
    assert [None if ts is None else ts - fill["ts_exchange_ns"] for ts, fill in zip(traded, fills, strict=True)] == [
        -10,
        -20,
    ]
