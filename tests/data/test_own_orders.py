"""Own orders that a feed recorded: what is left of its rows without them."""

from __future__ import annotations

import pytest
from scenario import batch, market_row

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.own_orders import WithoutOrders


@pytest.mark.parametrize("split", [1, 2, 3, 10])
def test_own_orders_that_the_feed_recorded_are_stripped_before_the_replay(split: int) -> None:
    lines = [
        "add bid 100 5 #1 more",
        "add bid 100 5 #7",
        "cancel #7 5",
        "add bid 99 5 #2",
        "execute #1 5 more",
        "cancel #7 1",
    ]
    rows = [(i, *market_row(line.split())) for i, line in enumerate(lines)]
    batches = [batch(rows[i : i + split]) for i in range(0, len(rows), split)]
    stripped = WithoutOrders(batches, [7])
    kept = [(ids, flags & Flag.LAST) for part in stripped for ids, flags in zip(part.order_id, part.flags, strict=True)]
    assert kept == [(1, 1), (2, 1), (1, 1)]  # a packet whose last row goes still ends
    assert stripped.rows == 3


def stripped_rows(lines: list[str], split: int) -> tuple[list[tuple[int, ...]], WithoutOrders]:
    """Strip order 7 out of packets of market lines, in batches of `split` rows."""
    rows = [(i, *market_row(line.split())) for i, line in enumerate(lines)]
    stripped = WithoutOrders([batch(rows[i : i + split]) for i in range(0, len(rows), split)], [7])
    columns = ("action", "side", "order_id", "price_ticks", "size_lots", "flags")
    parts = [zip(*(getattr(part, name).tolist() for name in columns), strict=True) for part in stripped]
    return [row for part in parts for row in part], stripped


@pytest.mark.parametrize("split", [1, 2, 3, 10])
def test_an_execution_of_a_stripped_order_stays_as_a_hidden_print(split: int) -> None:
    lines = ["add bid 100 5 #1", "add bid 99 9 #7", "modify #7 101 8", "execute #7 2 more", "execute #1 3"]
    lines += ["execute #7 4 auction"]
    kept, stripped = stripped_rows(lines, split)
    hidden, last = Flag.HIDDEN, Flag.LAST
    assert kept == [
        (Action.ADD, 1, 1, 100, 5, last),
        (Action.TRADE, 1, 0, 101, 2, hidden),
        (Action.EXECUTE, 0, 1, 0, 3, last),
        (Action.TRADE, 1, 0, 101, 4, hidden | Flag.AUCTION | last),
    ]
    assert stripped.rows == 2


@pytest.mark.parametrize("before", ["status open", "clear bid", "clear both"])
def test_an_execution_of_a_stripped_order_without_a_known_price_is_left_out(before: str) -> None:
    added = [] if before == "status open" else ["add bid 100 5 #7"]
    kept, stripped = stripped_rows([*added, before, "execute #7 2"], 10)
    assert len(kept) == 1
    assert stripped.rows == len(added) + 1
