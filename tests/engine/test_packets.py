"""L2 rows reach an engine in whole packets, prints first, and each print knows what its own packet shows of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scenario import batch, market_row

from lob_backtest.contract.rows import Batch, Flag
from lob_backtest.engine.packets import whole_packets

LAST = int(Flag.LAST)


def batches(text: str, size: int = 1000) -> Iterator[Batch]:
    """Make batches of so many rows from market lines as `tests/support/scenario.py` has them."""
    lines = [line.split() for line in text.strip().splitlines()]
    rows = [(int(line[0]), *market_row(line[1:])) for line in lines]
    return iter([batch(rows[i : i + size]) for i in range(0, len(rows), size)])


def applied(text: str, size: int = 1000) -> list[tuple[str, int, int, int, bool]]:
    """Return the rows as an engine gets them: what, price, size, `order_id`, whether the packet ends."""
    found = []
    for each in whole_packets(batches(text, size)):
        assert each.flags[-1] & LAST
        columns = (each.action, each.price_ticks, each.size_lots, each.order_id, each.flags)
        for action, price, lots, shown, flags in zip(*(column.tolist() for column in columns), strict=True):
            found.append(
                ({5: "print", 6: "clear", 7: "status", 8: "level"}[action], price, lots, shown, bool(flags & 1))
            )
    return found


def test_prints_come_first_and_the_packet_ends_where_it_did() -> None:
    assert applied("1 level bid 100 70 more\n1 print bid 100 30\n2 level bid 99 5") == [
        ("print", 100, 30, 71, False),
        ("level", 100, 70, 0, True),
        ("level", 99, 5, 0, True),
    ]


def test_local_times_stay_in_their_places() -> None:
    rows = list(batches("1 level bid 100 70 more\n1 print bid 100 30"))
    rows[0] = rows[0]._replace(ts_local_ns=np.array([5, 9]))
    assert [each.ts_local_ns.tolist() for each in whole_packets(iter(rows))] == [[5, 9]]


@pytest.mark.parametrize("between", ["2 print bid 100 30", "1 status open more\n1 print bid 100 30"])
def test_no_row_passes_another_exchange_time_or_a_status_row(between: str) -> None:
    found = applied("1 level bid 100 70 more\n" + between)
    assert [row[0] for row in found][:1] == ["level"]
    assert found[-1][3] == 0  # nothing behind the print


def test_a_print_knows_the_lowest_size_behind_it_and_what_is_printed_there_before() -> None:
    text = """
    1 print bid 100 30 more
    1 print bid 100 10 more
    1 level bid 100 60 more
    1 level bid 100 65 more
    2 print bid 100 5 more
    2 level bid 100 61
    """
    assert [row[3] for row in applied(text) if row[0] == "print"] == [1 + 60, 1 + 60 + 30, 1 + 61]


def test_rows_of_a_later_exchange_time_say_nothing_of_a_print() -> None:
    assert applied("1 print bid 100 30 more\n1 level bid 99 5 more\n2 level bid 100 60")[0][3] == 0
    assert applied("1 print bid 100 30 more\n1 level bid 99 5 more\n2 clear bid")[0][3] == 0


def test_a_clear_behind_a_print_shows_nothing_of_its_side() -> None:
    text = "1 print bid 100 3 more\n1 print ask 105 3 more\n1 clear bid more snapshot\n1 level bid 100 9 snapshot"
    assert [row[3] for row in applied(text) if row[0] == "print"] == [1, 0]


def test_window_rows_and_other_prices_sides_and_packets_say_nothing_of_a_print() -> None:
    text = """
    1 print bid 100 3 more
    1 level bid 100 0 window more
    1 level bid 101 9 more
    1 level ask 100 4
    1 level bid 100 7
    """
    assert [row[3] for row in applied(text) if row[0] == "print"] == [0]


@pytest.mark.parametrize("verb", ["hidden bid 100 3", "print none 100 3", "print bid 100 3 auction"])
def test_prints_that_explain_nothing_are_told_nothing(verb: str) -> None:
    assert applied(f"1 {verb} more\n1 level bid 100 5")[0][3] == 0


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_how_rows_are_cut_into_batches_changes_nothing(size: int) -> None:
    text = """
    1 level bid 100 70 more
    1 print bid 100 30
    2 print ask 105 1
    3 level ask 105 9 more
    3 level bid 100 60 more
    3 print bid 100 4 more
    3 print bid 100 6
    """
    assert applied(text, size) == applied(text)


def test_rows_of_a_packet_without_an_end_come_last() -> None:
    found = list(whole_packets(batches("1 level bid 100 7\n2 level bid 100 6 more\n2 print bid 100 1 more")))
    assert [len(each.flags) for each in found] == [1, 2]
