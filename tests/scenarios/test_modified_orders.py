"""A change to no larger a size at the same price keeps the place: docs/fill-model.md, "Replace and cancel"."""

from __future__ import annotations

from scenario import check

BOOK = """
    0 add bid 100 60 #1
    0 add bid 100 40 #2
    0 add ask 102 100 #9
"""


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


def test_l3_own_orders_and_the_market_s_keep_their_places_by_one_rule(engine: str) -> None:
    check(
        engine,
        BOOK
        + """
        10 a buy 100 10
        15 add bid 100 30 #3
        20 a replace 100 10
        21 modify #1 100 60
        25 ahead a 100
        30 a replace 100 9
        31 modify #1 100 59
        35 ahead a 99
        """,
    )
