"""The naive simulator against the worked examples and traps of docs/fill-model.md, with no engine involved."""

from __future__ import annotations

import pytest
from naive_matching import Request, Row
from naive_simulator import simulate
from scenario import market_row


def rows(text: str) -> list[Row]:
    """Read market lines of a scenario."""
    lines = [line.split() for line in text.strip().splitlines()]
    return [(int(line[0]), *(int(value) for value in market_row(line[1:]))) for line in lines]


def filled(text: str, *orders: tuple[int, int, int | None, int], **options: object) -> list[tuple[str, int, int]]:
    """Return name, size and price of each fill; orders are time, side, price (None: market) and size, named a, b, …"""
    requests = [Request(ts, "new", "abcdef"[k], side, price, n) for k, (ts, side, price, n) in enumerate(orders)]
    found = simulate(rows(text), requests, **{"level": 2, "late_level_ns": 1000, "late_print_ns": 1000, **options})
    return [(fill.order, fill.size_lots, fill.price_ticks) for fill in found.fills]


def ahead(text: str, *orders: tuple[int, int, int, int], **options: object) -> list[int | None]:
    requests = [Request(ts, "new", "abcdef"[k], side, price, n) for k, (ts, side, price, n) in enumerate(orders)]
    found = simulate(rows(text), requests, **{"level": 2, "late_level_ns": 1000, "late_print_ns": 1000, **options})
    return list(found.ahead.values())


BOTH = "0 level bid 100 100\n0 level ask 101 100\n"
HALF = "0 level bid 100 50\n0 level ask 101 100\n8 level bid 100 100\n"


@pytest.mark.parametrize("late_first", [False, True])
def test_late_print_leaves_the_position_as_if_it_had_come_first(late_first: bool) -> None:
    levels = "10 level bid 100 80\n12 level bid 100 90\n14 level bid 100 60\n"
    text = HALF + ("9 print bid 100 20\n" + levels if late_first else levels + "16 print bid 100 20")
    assert ahead(text, (1, 1, 100, 10), queue="proportional") == [20]


def test_late_prints_share_one_fall_between_two_own_orders() -> None:
    text = HALF + "10 level bid 100 40\n12 print bid 100 30\n14 print bid 100 30"
    assert filled(text, (1, 1, 100, 10), (2, 1, 100, 10)) == [("a", 10, 100)]
    assert ahead(text, (1, 1, 100, 10), (2, 1, 100, 10)) == [0]


def test_late_prints_are_taken_by_one_fall_after_the_other() -> None:
    text = HALF + "10 level bid 100 70\n11 level bid 100 40\n12 print bid 100 30\n14 print bid 100 30"
    assert filled(text, (1, 1, 100, 10)) == [("a", 10, 100)]


@pytest.mark.parametrize(
    ("printed", "sizes", "expected"),
    [
        ("20 print bid 100 105", (10, 10), [("a", 5, 100)]),
        ("20 print bid 99 1", (10,), [("a", 1, 100)]),
        ("20 print bid 100 103", (10,), [("a", 3, 100)]),
        ("20 print bid 100 150", (10, 10), [("a", 10, 100), ("b", 10, 100)]),
    ],
)
def test_traps_of_single_prints(printed: str, sizes: tuple[int, ...], expected: list[tuple[str, int, int]]) -> None:
    assert filled(BOTH + printed, *((1 + k, 1, 100, size) for k, size in enumerate(sizes))) == expected


def test_traps_of_taking() -> None:
    book = "0 level bid 100 100\n0 level ask 101 200\n"
    assert filled(book + "9 level bid 99 1", (1, 1, 101, 1000)) == [("a", 200, 101)]
    book = "0 level bid 100 100\n0 level ask 101 100\n"
    assert filled(book + "9 level bid 99 1", (1, 1, None, 100), (2, 1, None, 100)) == [("a", 100, 101)]


@pytest.mark.parametrize("shown", ["", "\n20 level ask 101 70"])
def test_lots_that_own_orders_took_are_not_given_back_by_trades(shown: str) -> None:
    text = BOTH + "10 print ask 101 30" + shown
    assert filled(text, (1, 1, 101, 60), (30, 1, 101, 100)) == [("a", 60, 101), ("b", 10, 101)]


def test_front_of_the_queue_fills_no_more_than_executes_on_l3() -> None:
    text = "0 add bid 100 5 #1\n0 add ask 101 5 #2\n5 cancel #1 5\n6 add bid 100 9 #3\n9 execute #3 1"
    assert filled(text, (1, 1, 100, 1000), level=3) == [("a", 1, 100)]


def test_cancels_spread_over_the_queue_do_not_vanish_in_rounding() -> None:
    cancels = "".join(f"{10 + k} level bid 100 {99 - k}\n" for k in range(50))
    assert ahead(HALF + cancels, (1, 1, 100, 10), queue="proportional") == [25]
