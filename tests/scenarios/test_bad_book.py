"""The rules BAD-1 to BAD-5 of docs/fill-model.md, for each way in which a book is bad, on both levels."""

from __future__ import annotations

import pytest
from scenario import check

BOOK = {
    3: "0 add bid 100 60 #1\n 0 add ask 103 100 #9\n",
    2: "0 level bid 100 60\n 0 level ask 103 100\n",
}
BAD = {
    "crossed": {3: "20 add ask 99 5 #5\n", 2: "20 level ask 99 5\n"},
    "locked": {3: "20 add ask 100 5 #5\n", 2: "20 level ask 100 5\n"},
    "suspect": {3: "20 add ask 104 5 #5 suspect\n", 2: "20 level ask 104 5 suspect\n"},
}
GOOD = {3: "40 cancel #5 5\n", 2: "40 level ask 99 0 more\n 40 level ask 100 0\n"}
TRADE = {3: "execute #1", 2: "print bid 100"}
levels = pytest.mark.parametrize("level", [2, 3])
bad = pytest.mark.parametrize("how", BAD)


@levels
@bad
def test_a_trade_at_a_worse_price_fills_and_is_tainted(engine: str, level: int, how: str) -> None:
    check(
        engine,
        BOOK[level] + f"10 a buy 101 3\n {BAD[how][level]} 30 {TRADE[level]} 2\n 30 fill a 2 @ 101 through tainted",
        level=level,
    )


@levels
@bad
def test_a_trade_at_the_price_fills_nothing_and_moves_positions(engine: str, level: int, how: str) -> None:
    behind = {3: "15 add bid 100 9 #3\n", 2: ""}[level]
    check(
        engine,
        BOOK[level] + f"10 a buy 100 3\n {behind} {BAD[how][level]} 30 {TRADE[level]} 60\n 35 ahead a 0\n 36 a rests 3",
        level=level,
    )


@levels
@bad
def test_orders_that_cannot_wait_expire_or_are_refused(engine: str, level: int, how: str) -> None:
    check(
        engine,
        BOOK[level]
        + f"""
        {BAD[how][level]}
        25 a buy 104 2 ioc
        26 b buy 104 2 fok
        27 c buy market 2
        28 d buy 104 2 post
        27 told a accepted
        27 told a expired
        28 told b accepted
        28 told b expired
        29 told c accepted
        29 told c expired
        30 told d rejected post_only
        """,
        level=level,
    )


@levels
def test_orders_that_wait_take_in_order_of_arrival_once_the_book_is_good(engine: str, level: int) -> None:
    check(
        engine,
        BOOK[level]
        + f"""
        {BAD["crossed"][level]}
        25 a buy 103 70
        26 b buy 103 50
        30 position 0
        {GOOD[level]}
        40 fill a 70 @ 103 take
        40 fill b 30 @ 103 take
        45 b rests 20
        """,
        level=level,
    )


def test_l2_waiting_orders_take_before_crossed_ones_fill(engine: str) -> None:
    """`r` rested before; `w` arrived in the meantime; 5 lots come to stand below both."""
    check(
        engine,
        BOOK[2]
        + f"""
        5 r buy 102 4
        {BAD["crossed"][2]}
        25 w buy 101 3
        40 level ask 101 5 more
        {GOOD[2]}
        40 fill w 3 @ 101 take
        40 fill r 2 @ 102 cross
        """,
        level=2,
    )


@levels
def test_after_the_first_good_packet_orders_wait_no_longer(engine: str, level: int) -> None:
    offer = {3: "50 add ask 101 5 #7\n", 2: "50 level ask 101 5\n"}
    check(
        engine,
        BOOK[level]
        + f"""
        {BAD["crossed"][level]}
        25 w buy 101 3
        {GOOD[level]}
        {offer[level]}
        50 fill w 3 @ 101 cross
        """,
        level=level,
    )


def test_a_suspect_execution_at_a_worse_price_fills_though_the_packet_before_was_good(engine: str) -> None:
    check(engine, BOOK[3] + "10 a buy 101 3\n 20 execute #1 6 suspect\n 20 fill a 3 @ 101 through tainted")


def test_l2_an_order_that_arrives_while_the_other_side_is_cleared_takes_once_it_is_shown(engine: str) -> None:
    check(
        engine,
        BOOK[2] + "10 clear ask\n 20 a buy 102 3\n 30 level ask 101 5\n 30 fill a 3 @ 101 take",
        level=2,
    )
