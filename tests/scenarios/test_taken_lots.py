"""What own orders have taken, beyond what docs/fill-model.md shows at TAKE-5 to TAKE-8."""

from __future__ import annotations

import pytest
from scenario import check

L2 = "0 level bid 100 100\n 0 level ask 105 100\n 10 a sell 100 60 ioc\n 11 fill a 60 @ 100 take\n"
L3 = """
    0 add bid 100 50 #1
    0 add bid 100 50 #2
    0 add ask 105 9 #9
    10 a sell 100 60 ioc
    11 fill a 50 @ 100 take
    11 fill a 10 @ 100 take
"""


def then(*events: str, left: int) -> str:
    """Return what the market does, and then an order that takes all that is left at the price."""
    lines = [f"{20 + i} {event}" for i, event in enumerate(events)]
    fills = f"81 fill z {left} @ 100 take" if left else ""
    return "\n".join([*lines, "80 z sell 100 1000 ioc", fills])


def test_l2_late_prints_do_not_give_taken_lots_back(engine: str) -> None:
    check(engine, L2 + then("level bid 100 70", "print bid 100 30", left=10), level=2, queue="proportional")


def test_l3_an_execution_of_an_order_taken_in_part_leaves_what_was_taken(engine: str) -> None:
    check(engine, L3 + then("execute #2 30", left=10))


def test_l3_a_cancel_takes_off_what_was_taken_of_the_order_beyond_its_new_size(engine: str) -> None:
    """Of #2 the first 10 are taken, and 5 of them stay."""
    check(engine, L3 + then("cancel #2 45", left=0))


def test_l3_an_execution_of_an_auction_counts_as_a_cancel(engine: str) -> None:
    check(engine, L3 + then("execute #1 50 auction", left=40))


def test_l3_flow_that_finds_no_untaken_lot_is_dropped_and_counted(engine: str) -> None:
    check(engine, L3 + then("execute #1 50", left=0) + "\n 90 unplaced 10")


def test_l2_flow_that_finds_untaken_lots_is_not_dropped(engine: str) -> None:
    check(engine, L2 + then("print bid 100 40", left=0) + "\n 90 unplaced 0", level=2)


@pytest.mark.parametrize("queue", ["back", "proportional"])
def test_l2_a_level_that_erodes_sells_no_more_than_it_showed(engine: str, queue: str) -> None:
    """`back`: all cancels were behind the taken lots. `proportional`: 60 of 100 are taken of whatever is left."""
    fills = {"back": "", "proportional": "31 fill b 20 @ 100 take\n 51 fill c 10 @ 100 take\n"}[queue]
    check(
        engine,
        L2
        + """
        20 level bid 100 50
        30 b sell 100 100 ioc
        40 level bid 100 60
        50 c sell 100 100 ioc
        """
        + (fills if queue == "proportional" else "51 fill c 10 @ 100 take\n"),
        level=2,
        queue=queue,
    )


def test_l2_late_prints_leave_no_more_taken_than_is_displayed(engine: str) -> None:
    """Judged again, 50 of 50 were taken before the take of 20: 50, not 70, so that a rise by 10 is there to take."""
    check(
        engine,
        L2
        + """
        20 level bid 100 50
        30 b sell 100 100 ioc
        31 fill b 20 @ 100 take
        40 print bid 100 50
        50 level bid 100 60
        60 c sell 100 100 ioc
        61 fill c 10 @ 100 take
        """,
        level=2,
        queue="proportional",
    )


def test_crossed_orders_fill_up_to_what_is_available_and_their_lots_are_taken(engine: str) -> None:
    check(
        engine,
        """
        0 level bid 100 100
        0 level ask 105 100
        10 a sell 101 5
        11 b sell 102 5
        20 level bid 102 12
        20 fill a 5 @ 101 cross
        20 fill b 5 @ 102 cross
        30 c sell 102 9 ioc
        31 fill c 2 @ 102 take
        """,
        level=2,
    )
