"""Where the lots of every order go, over random runs with reduce-only orders, icebergs, replaces and mass cancels."""

from __future__ import annotations

import random
from collections import Counter
from itertools import groupby
from typing import Any

import pytest
from random_market import Actor, market_l2, market_l3, play

import lob_backtest as lob
from lob_backtest.contract.plan import MmpPlan
from lob_backtest.contract.tables import Cause, RejectReason, TimeInForce, UpdateKind

ENDS = (UpdateKind.CANCELLED, UpdateKind.EXPIRED)
REFUSALS = (UpdateKind.REJECTED, UpdateKind.REPLACE_REJECTED, UpdateKind.CANCEL_REJECTED)
MARKETS = {3: market_l3, 2: market_l2}


class Mixed(Actor):
    """Sends icebergs and reduce-only orders more often than others, and cancels one side at times."""

    def _more(self, rng: random.Random) -> dict[str, Any]:
        some: dict[str, Any] = {"display_lots": rng.choice((1, 2, 4))} if rng.random() < 0.4 else {}
        return some | ({"reduce_only": True} if rng.random() < 0.4 else {})

    def on_fill(self, ctx: lob.Context, fill: lob.Fill) -> None:
        if ctx.rng.random() < 0.05:
            ctx.cancel_all(side=ctx.rng.choice((None, 1, -1)))

    def on_stop(self, ctx: lob.Context) -> None:
        self.stopped_ns = ctx.now_ns
        self.open_lots = {order.order_id: order.open_lots for order in ctx.orders}


Rows = list[dict[str, Any]]


def played(engine: str, level: int, seed: int) -> tuple[Rows, Rows, Mixed]:
    strategy = Mixed()
    tables, _ = play(engine, [MARKETS[level](seed, 1_500)], strategy, level=level, seed=seed)
    return tables["orders"].to_pylist(), tables["fills"].to_pylist(), strategy


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_filled_open_and_gone_lots_are_the_size_of_an_order(engine: str, level: int, seed: int) -> None:
    orders, fills, strategy = played(engine, level, seed)
    filled: Counter[int] = Counter()
    for fill in fills:
        filled[fill["order_id"]] += fill["size_lots"]
    last: dict[int, dict[str, Any]] = {}
    for row in orders:
        before = last.get(row["order_id"])
        if row["kind"] == UpdateKind.REJECTED:
            assert before is None
            assert not filled[row["order_id"]]
        if row["kind"] in REFUSALS:
            continue
        assert before is None or before["kind"] not in ENDS  # nothing happens to an order that is over
        assert before is None or row["filled_lots"] >= before["filled_lots"]
        if row["kind"] == UpdateKind.REDUCED:
            assert before is not None
            assert row["filled_lots"] < row["size_lots"] < before["size_lots"]
        last[row["order_id"]] = row
    assert any(row["kind"] == UpdateKind.REDUCED for row in orders)
    assert +filled <= Counter({order_id: row["size_lots"] for order_id, row in last.items()})
    late = {each["order_id"] for each in (*orders, *fills) if each["ts_local_ns"] > strategy.stopped_ns}
    for order_id, row in last.items():
        gone = row["size_lots"] - row["filled_lots"] if row["kind"] in ENDS else 0
        if order_id not in late:  # the strategy knows of everything
            still_open = strategy.open_lots.get(order_id, 0)
            assert filled[order_id] + still_open + gone == row["size_lots"]


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_a_reduce_only_order_never_turns_or_grows_the_position(engine: str, level: int, seed: int) -> None:
    orders, fills, _ = played(engine, level, seed)
    reduce_only = {row["order_id"] for row in orders if row["reduce_only"]}
    position = reductions = 0
    for fill in fills:
        after = position + fill["side"] * fill["size_lots"]
        if fill["order_id"] in reduce_only:
            reductions += 1
            assert abs(after) < abs(position)
            assert after * position >= 0
        position = after
    assert reductions > 3


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_a_fill_of_an_iceberg_that_rests_is_no_larger_than_its_tip(engine: str, level: int, seed: int) -> None:
    orders, fills, _ = played(engine, level, seed)
    tips = {row["order_id"]: row["display_lots"] for row in orders if row["display_lots"] is not None}
    of_icebergs = [fill for fill in fills if fill["order_id"] in tips and fill["cause"] != Cause.TAKE]
    assert of_icebergs
    assert all(fill["size_lots"] <= tips[fill["order_id"]] for fill in of_icebergs)


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_after_protection_has_tripped_no_quote_fills_until_it_ends(engine: str, level: int, seed: int) -> None:
    mmp = MmpPlan(lots=6, interval_ns=30, frozen_ns=50)
    tables, _ = play(engine, [MARKETS[level](seed, 1_500)], Mixed(), level=level, seed=seed, options={"mmp": mmp})
    orders = tables["orders"].to_pylist()
    quotes = {row["order_id"] for row in orders if row["price_ticks"] is not None and row["tif"] == TimeInForce.GTC}
    of_quotes = [fill for fill in tables["fills"].to_pylist() if fill["order_id"] in quotes]
    trips: list[int] = []
    for ts, fills in groupby(of_quotes, lambda fill: int(fill["ts_exchange_ns"])):
        assert not trips or ts >= trips[-1] + 50
        sizes = [fill["size_lots"] for fill in fills]
        counting = [each for each in of_quotes if ts - 30 <= each["ts_exchange_ns"] < ts]
        before = sum(each["size_lots"] for each in counting if not trips or each["ts_exchange_ns"] > trips[-1])
        if before + sum(sizes) >= 6:
            trips.append(ts)
    assert len(trips) > 2
    by_protection = [row for row in orders if row["reason"] == RejectReason.MMP]
    assert {row["ts_exchange_ns"] for row in by_protection if row["kind"] == UpdateKind.CANCELLED} <= set(trips)
    refused = [row["ts_exchange_ns"] for row in by_protection if row["kind"] == UpdateKind.REJECTED]
    assert refused
    assert all(any(trip <= ts < trip + 50 for trip in trips) for ts in refused)
