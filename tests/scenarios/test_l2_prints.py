"""What explains what at a level, beyond what docs/fill-model.md shows under "Resting orders on L2"."""

from __future__ import annotations

import pytest
from scenario import check

BID = "0 level bid 100 100\n 0 level ask 105 100\n"


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
