"""Laws of the engine over random markets and a random strategy (docs/reproducibility.md lists them)."""

from __future__ import annotations

import random
from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_market import Actor, Row, market_l2, market_l3, play, since

import lob_backtest as lob
from lob_backtest.book.book import Book
from lob_backtest.contract.rows import Action
from lob_backtest.contract.tables import Cause, UpdateKind
from lob_backtest.results.digest import digest

MARKETS = {3: market_l3, 2: market_l2}
ROWS = 400
seeds = st.integers(0, 2**31)
levels = st.sampled_from((2, 3))
# The fixture `engine` is a name: there is nothing to reset between examples.
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Idle(lob.Strategy):
    """Does nothing."""


def final_book(rows: list[Row], level: int) -> Book:
    book = Book(level)
    for _, action, side, order_id, price, size, flags, _ in rows:
        book.apply(action, side, order_id, price, size, flags)
    return book


def flow_at(rows: list[Row]) -> dict[tuple[int, int], int]:
    """Sum what the market traded, by time and side of the resting orders."""
    flow: dict[tuple[int, int], int] = defaultdict(int)
    book = Book(3)
    for ts, action, side, order_id, price, size, flags, _ in rows:
        if action == Action.EXECUTE:
            flow[ts, book.orders[order_id].side] += size
        elif action == Action.TRADE:
            flow[ts, side] += size
        book.apply(action, side, order_id, price, size, flags)
    return flow


@few
@given(seed=seeds, level=levels)
def test_cash_fees_and_positions_are_the_sums_of_the_fills(engine: str, seed: int, level: int) -> None:
    tables, _ = play(engine, [MARKETS[level](seed, ROWS)], Actor(), level=level)
    fills, last = tables["fills"].to_pylist(), tables["samples"].to_pylist()[-1]
    assert last["cash_tick_lots"] == -sum(f["side"] * f["size_lots"] * f["price_ticks"] for f in fills)
    assert last["fees_micro"] == sum(f["fee_micro"] for f in fills)
    assert last["position_lots"] == sum(f["side"] * f["size_lots"] for f in fills)
    assert abs(last["position_lots"]) <= 60


@few
@given(seed=seeds, level=levels)
def test_the_position_never_passes_its_limit_in_flight_or_not(engine: str, seed: int, level: int) -> None:
    tables, _ = play(engine, [MARKETS[level](seed, ROWS)], Actor(), level=level, options={"max_position": 9})
    position = 0
    for fill in tables["fills"].to_pylist():
        position += fill["side"] * fill["size_lots"]
        assert abs(position) <= 9


@few
@given(seed=seeds, level=levels)
def test_an_order_is_filled_cancelled_or_open_to_its_last_lot(engine: str, seed: int, level: int) -> None:
    tables, _ = play(engine, [MARKETS[level](seed, ROWS)], Actor(), level=level)
    filled: dict[int, int] = defaultdict(int)
    for fill in tables["fills"].to_pylist():
        filled[fill["order_id"]] += fill["size_lots"]
    ends: dict[int, int] = defaultdict(int)
    sizes: dict[int, int] = {}
    for row in tables["orders"].to_pylist():
        if row["kind"] in (UpdateKind.ACCEPTED, UpdateKind.REPLACED):
            assert not ends[row["order_id"]]
            sizes[row["order_id"]] = row["size_lots"]
        elif row["kind"] in (UpdateKind.CANCELLED, UpdateKind.EXPIRED):
            ends[row["order_id"]] += 1
            assert row["filled_lots"] == filled[row["order_id"]]
    assert all(n <= 1 for n in ends.values())
    assert all(filled[order_id] <= size for order_id, size in sizes.items())


@few
@given(seed=seeds)
def test_maker_fills_of_one_instant_are_no_more_than_the_market_traded_or_showed(engine: str, seed: int) -> None:
    rows = market_l3(seed, ROWS)
    tables, _ = play(engine, [rows], Actor())
    flow, filled = flow_at(rows), defaultdict(int)
    for fill in tables["fills"].to_pylist():
        if fill["cause"] in (Cause.QUEUE, Cause.THROUGH, Cause.HIDDEN):
            filled[since(fill["ts_exchange_ns"]), fill["side"]] += fill["size_lots"]
    assert all(size <= flow[at] for at, size in filled.items())


@few
@given(seed=seeds)
def test_an_l3_queue_position_never_rises(engine: str, seed: int) -> None:
    actor = Actor()
    play(engine, [market_l3(seed, ROWS)], actor)
    for aheads in actor.aheads.values():
        known = [ahead for ahead in aheads if ahead is not None]
        assert known == sorted(known, reverse=True)
        assert all(ahead >= 0 for ahead in known)


@few
@given(seed=seeds, level=levels)
def test_a_strategy_that_does_nothing_leaves_the_book_identical(engine: str, seed: int, level: int) -> None:
    rows = MARKETS[level](seed, ROWS)
    idle, _ = play(engine, [rows], Idle(), level=level)
    busy, _ = play(engine, [rows], Actor(), level=level)
    assert idle["bbo"].equals(busy["bbo"])
    assert tuple(idle["bbo"].to_pylist()[-1].values())[2:] == final_book(rows, level).bbo()
    assert idle["fills"].num_rows == idle["orders"].num_rows == 0


@few
@given(seed=seeds, level=levels, batch_rows=st.integers(1, 50))
def test_the_size_of_batches_changes_nothing(engine: str, seed: int, level: int, batch_rows: int) -> None:
    rows = MARKETS[level](seed, ROWS)
    whole, _ = play(engine, [rows], Actor(), level=level)
    cut, _ = play(engine, [rows], Actor(), level=level, batch_rows=batch_rows)
    assert digest(whole) == digest(cut)


@few
@given(seed=seeds, level=levels, at=st.integers(50, 350), scramble=st.booleans())
def test_what_comes_after_t_changes_nothing_before_t(
    engine: str, seed: int, level: int, at: int, scramble: bool
) -> None:
    rows = MARKETS[level](seed, ROWS)
    t = rows[at][0]
    kept = [row for row in rows if row[0] < t]
    rest = MARKETS[level](seed + 1, 100) if scramble else []
    # The other market begins with an empty book, so that its rows can follow any other.
    clear = (t, int(Action.CLEAR), 0, 0, 0, 0, 1, 0)
    other = [*kept, clear, *((t + 1 + row[0], *row[1:3], row[3] + 10**6 * bool(row[3]), *row[4:]) for row in rest)]
    one, _ = play(engine, [rows], Actor(), level=level)
    two, _ = play(engine, [other], Actor(), level=level)
    for name in ("fills", "orders", "bbo"):
        assert before(one[name], t) == before(two[name], t)


@few
@given(seed=seeds, level=levels, at=st.integers(50, 350))
def test_rows_of_a_packet_that_come_later_change_nothing_before_them(
    engine: str, seed: int, level: int, at: int
) -> None:
    """Packets of several exchange times: what is judged at one of them knows nothing of the next."""
    rng = random.Random(seed)
    rows = [(*row[:6], row[6] & ~1 if rng.random() < 0.5 else row[6], row[7]) for row in MARKETS[level](seed, ROWS)]
    t = rows[at][0]
    kept = [row for row in rows if row[0] < t]
    clear = (t, int(Action.CLEAR), 0, 0, 0, 0, 1, 0)
    options = {"late_print_ns": 10**6} if level == 2 else {}
    one, two = (play(engine, [each], Actor(), level=level, options=options)[0] for each in (rows, [*kept, clear]))
    for name in ("fills", "orders", "bbo"):
        assert before(one[name], t) == before(two[name], t)


def before(table: pa.Table, t: int) -> list[dict[str, int]]:
    """List what happened before t, without the markouts, which look ahead by design."""
    names = [name for name in table.column_names if not name.startswith("mid2_after")]
    rows = table.select(names).to_pylist()
    times = [row["ts_exchange_ns"] if row["ts_exchange_ns"] is not None else row["ts_local_ns"] for row in rows]
    return [row for row, ts in zip(rows, times, strict=True) if since(ts) < t]


@few
@given(seed=seeds, level=levels)
def test_no_message_is_sent_or_received_before_its_latency(engine: str, seed: int, level: int) -> None:
    tables, _ = play(engine, [MARKETS[level](seed, ROWS)], Actor(), level=level)
    for row in tables["orders"].to_pylist():
        if row["ts_exchange_ns"] is not None:
            assert row["ts_local_ns"] >= row["ts_exchange_ns"] + 2
            if row["ts_sent_ns"] is not None:
                assert row["ts_exchange_ns"] >= row["ts_sent_ns"] + 4
    assert all(f["ts_local_ns"] >= f["ts_exchange_ns"] + 2 for f in tables["fills"].to_pylist())


@pytest.mark.parametrize("level", [2, 3])
def test_the_same_seed_gives_the_same_digest(engine: str, level: int) -> None:
    rows = MARKETS[level](5, ROWS)
    digests = {digest(play(engine, [rows], Actor(), level=level)[0]) for _ in range(2)}
    assert len(digests) == 1
    assert digest(play(engine, [rows], Actor(), level=level, seed=2)[0]) not in digests
