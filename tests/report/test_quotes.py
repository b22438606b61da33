"""Fill rates, quoting time near the touch, time in queue and time near the limit, by hand and by brute force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from random_market import Actor, market_l3, play
from result_factory import START, fill, instrument, ledger, result_of
from test_statistics import order

import lob_backtest as lob
from lob_backtest.contract.tables import BBO, ORDERS, UpdateKind
from lob_backtest.report.metrics.activity import Activity
from lob_backtest.report.metrics.inventory import inventory
from lob_backtest.report.metrics.quotes import (
    Displays,
    LiveOrders,
    NearTouch,
    Presence,
    Quotes,
    displays,
    measure_quotes,
)
from lob_backtest.report.metrics.stretches import Stretches
from lob_backtest.result import Result

ACCEPTED, REPLACED, CANCELLED = UpdateKind.ACCEPTED, UpdateKind.REPLACED, UpdateKind.CANCELLED


def with_orders(rows: list[dict[str, Any]], fills: Sequence[dict[str, Any]] = ()) -> Result:
    result = result_of(list(fills), mids=(200, 200))
    tables = {name: result.table(name) for name in ("fills", "bbo", "samples", "series")}
    return Result({**tables, "orders": pa.Table.from_pylist(rows, schema=ORDERS)}, result.info)


def measured(rows: list[dict[str, Any]], fills: Sequence[dict[str, Any]] = ()) -> Activity:
    (account,) = with_orders(rows, fills).accounts
    return account.activity


def columns(result: Result, name: str) -> dict[str, np.ndarray]:
    stretches = Stretches({name: result.table(name)}, name, {})
    return next(stretches.read(*result.table(name).drop_columns("tag").column_names))


def row(
    order_id: int, kind: UpdateKind, at: int, price: int, size: int, filled: int = 0, **more: Any
) -> dict[str, Any]:
    where = {"price_ticks": price, "size_lots": size, "filled_lots": filled, "ts_exchange_ns": START + at}
    return order(order_id, kind, **where, **more)


def filled(order_id: int, at: int, size: int, **more: Any) -> dict[str, Any]:
    return fill(1, 100, size, 200, 200, order_id=order_id, ts_exchange_ns=START + at, **more)


def test_a_cut_changes_the_size_of_a_quote_and_is_no_request() -> None:
    cut = row(1, UpdateKind.REDUCED, 500, 100, 4, ts_sent_ns=None)
    found = measured([row(1, ACCEPTED, 0, 100, 10), cut], [filled(1, 700, 4)])
    assert (found.quoted.quotes, found.ordered_lots, found.filled_orders, found.requests) == (1, 4, 1, 1)
    assert found.updates["reduced"] == 1


def test_an_accepted_replace_counts_as_a_quote_for_what_was_open() -> None:
    found = measured(
        [
            row(1, ACCEPTED, 0, 100, 10),
            row(1, REPLACED, 20, 101, 10, 4),  # 6 open
            row(1, REPLACED, 30, 102, 14, 4),  # 10 open
            row(1, UpdateKind.REPLACE_REJECTED, 35, 102, 14, 4),
            row(1, CANCELLED, 50, 102, 14, 5),
        ],
        [filled(1, 10, 4), filled(1, 40, 1)],
    )
    assert (found.quoted.quotes, found.quoted.lots, found.quoted.median_lots) == (3, 26, 10)
    assert found.quoted.filled_lots_fraction == pytest.approx(5 / 26)
    assert found.quoted.filled_quotes_fraction == pytest.approx(2 / 3)
    assert found.fill_rate == pytest.approx(5 / 14)  # as before: an order counts once


def test_a_strategy_that_replaces_one_order_a_thousand_times_fills_a_thousandth_of_its_quotes() -> None:
    moves = [row(1, REPLACED, at, 100 + at % 2, 10) for at in range(1, 1000)]
    found = measured([row(1, ACCEPTED, 0, 100, 10), *moves], [filled(1, 2000, 10)])
    assert found.fill_rate == 1.0
    assert found.quoted.filled_lots_fraction == found.quoted.filled_quotes_fraction == pytest.approx(1 / 1000)


def test_a_fill_in_the_nanosecond_of_a_replace_belongs_to_the_quote_it_filled() -> None:
    before = [row(1, ACCEPTED, 0, 100, 10), row(1, REPLACED, 20, 101, 10, 4)]  # the market was first
    after = [row(1, ACCEPTED, 0, 100, 10), row(1, REPLACED, 20, 101, 10)]  # the replace took
    which = []
    for updates in (before, after):
        result = with_orders(updates, [filled(1, 20, 4)])
        events = LiveOrders().take(columns(result, "orders"), columns(result, "fills"))
        which.append(events.rows["ts_ns"][events.quote[events.rows["is_fill"]]].tolist())
    assert which == [[START], [START + 20]]


def test_runs_without_quotes_have_no_fill_rate() -> None:
    quoted = measured([order(2, UpdateKind.REJECTED)]).quoted
    assert (quoted.quotes, quoted.filled_lots_fraction, quoted.filled_quotes_fraction, quoted.median_lots) == (
        0,
        None,
        None,
        None,
    )


def test_what_is_shown_shrinks_with_fills_and_ends_with_the_order() -> None:
    result = with_orders(
        [
            row(1, ACCEPTED, 0, 100, 10),
            row(2, ACCEPTED, 5, 103, 7, side=-1),
            row(1, REPLACED, 30, 101, 10, 4),
            row(3, ACCEPTED, 33, 101, 5, tif=1),  # IOC: gone in the nanosecond in which it came
            row(3, UpdateKind.EXPIRED, 33, 101, 5),
            row(1, CANCELLED, 50, 101, 10, 4),
            order(4, ACCEPTED, ts_exchange_ns=START + 60),  # a market order
        ],
        [filled(1, 10, 4), filled(2, 90, 7)],
    )
    events = LiveOrders().take(columns(result, "orders"), columns(result, "fills"))
    shown = displays(events, result.info.start_ns, result.info.end_ns)
    found = zip(*(getattr(shown, name).tolist() for name in Displays.__slots__), strict=True)
    assert [(side, price, lots, begin - START, end - START) for side, price, lots, begin, end in found] == [
        (1, 100, 10, 0, 10),
        (1, 100, 6, 10, 30),
        (1, 101, 6, 30, 50),
        (-1, 103, 7, 5, 90),
    ]


def near(shown: list[tuple[int, ...]], bbo: list[tuple[Any, ...]], span: int, *distances: int) -> list[Presence]:
    arrays = [np.array(column, dtype=np.int64) for column in zip(*shown, strict=True)]
    names = ("instrument", "ts_exchange_ns", "bid_ticks", "ask_ticks")
    table = pa.Table.from_pylist([dict(zip(names, (0, *each), strict=True)) for each in bbo], schema=BBO)
    best = Stretches({"bbo": table}, "bbo", {})
    touch = NearTouch((0, span), distances)
    touch.take(Displays(*arrays), next(best.read(*names), best.nothing(*names)), None)
    return list(touch.found())


def test_an_order_far_from_the_touch_is_not_quoting() -> None:
    bbo = [(0, 100, 102), (50, 104, 106)]
    found = near([(1, 100, 5, 0, 100), (-1, 102, 2, 20, 60)], bbo, 100, 0, 4)
    assert found[0] == Presence(0, 0.5, 0.4, 0.3, 5.0, 2.0)  # an ask that is better than the touch is near it
    assert found[1] == Presence(4, 1.0, 0.4, 0.4, 5.0, 2.0)


def test_the_size_shown_is_the_mean_by_time_of_what_is_near() -> None:
    found = near([(1, 100, 5, 0, 40), (1, 100, 3, 20, 80), (1, 90, 1000, 0, 100)], [(0, 100, 102)], 100, 0)
    assert found == [Presence(0, 0.8, 0.0, 0.0, (5 * 40 + 3 * 60) / 80, None)]


def test_the_touch_of_an_empty_side_is_the_own_quote() -> None:
    found = near([(1, 90, 5, 0, 100)], [(20, None, 102), (60, 100, 102)], 100, 0)
    assert found == [Presence(0, 0.6, 0.0, 0.0, 5.0, None)]


def test_a_run_without_duration_has_no_quoting_time() -> None:
    assert near([(1, 90, 5, 0, 1)], [], 0, 0) == [Presence(0, None, None, None, None, None)]


def test_quoting_time_is_that_of_a_walk_through_every_change(engine: str) -> None:
    tables, outcome = play(engine, [market_l3(3, 400), market_l3(4, 400)], Actor(pace=11))
    span, codes = (outcome.start_ns, outcome.end_ns), {"instrument": 0}
    account = replace(
        ledger(result_of([], mids=(200, 200))),
        fills=Stretches(tables, "fills", codes),
        start_ns=span[0],
        end_ns=span[1],
    )
    orders = Stretches(tables, "orders", codes)
    whole = measure_quotes(account, orders, Stretches(tables, "bbo", codes), (0, 2))
    for rows in (1, 7, 50):
        pieces = {
            name: pa.Table.from_batches(tables[name].to_batches(max_chunksize=rows + at))
            for at, name in enumerate(("fills", "orders", "bbo"))
        }
        cut = replace(account, fills=Stretches(pieces, "fills", codes))
        found = measure_quotes(cut, Stretches(pieces, "orders", codes), Stretches(pieces, "bbo", codes), (0, 2))
        assert _plain(found) == _plain(whole)
    walked = [_walked(_column(orders), _column(account.fills), tables, span, distance) for distance in (0, 2)]
    assert [each.bid_fraction for each in whole.presence] == pytest.approx(walked)
    assert 0 < walked[0] < walked[1] < 1


def _plain(found: Quotes) -> tuple[Any, ...]:
    counts = (found.quotes, found.filled, found.lots, found.orders, found.ordered_lots, found.filled_orders)
    return (*counts, found.median_lots, found.presence)


def _column(rows: Stretches) -> dict[str, np.ndarray]:
    names = rows.tables[rows.name].drop_columns("tag").column_names
    parts = list(rows.read(*names))
    return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}


def _walked(orders: Any, fills: Any, tables: Any, span: tuple[int, int], distance: int) -> float:
    bbo = [each for each in tables["bbo"].to_pylist() if each["instrument"] == 0]
    kinds = (ACCEPTED, REPLACED, CANCELLED, UpdateKind.EXPIRED)
    own = [i for i in range(len(orders["kind"])) if orders["kind"][i] in kinds]
    times = {*(each["ts_exchange_ns"] for each in bbo), *orders["ts_exchange_ns"][own].tolist()}
    times = sorted({span[0], *(t for t in times | set(fills["ts_exchange_ns"].tolist()) if span[0] <= t < span[1])})
    covered = 0
    for begin, end in zip(times, [*times[1:], span[1]], strict=True):
        bid = ([None] + [each["bid_ticks"] for each in bbo if each["ts_exchange_ns"] <= begin])[-1]
        last = {int(orders["order_id"][i]): i for i in own if orders["ts_exchange_ns"][i] <= begin}
        for order_id, i in last.items():
            done = fills["size_lots"][(fills["order_id"] == order_id) & (fills["ts_exchange_ns"] <= begin)].sum()
            live = orders["kind"][i] in (ACCEPTED, REPLACED) and orders["size_lots"][i] > done
            if live and orders["side"][i] == 1 and (bid is None or orders["price_ticks"][i] >= bid - distance):
                covered += end - begin
                break
    return covered / (span[1] - span[0])


def test_time_near_the_limit_is_that_within_one_order_of_it() -> None:
    fills = [fill(1, 100, 9, 200, 200, ts_exchange_ns=START + 25 * 10**9)]
    fills += [fill(1, 100, 1, 200, 200, ts_exchange_ns=START + 75 * 10**9)]
    account = ledger(result_of(fills, mids=(200, 200), about=instrument(max_position_lots=10)))
    found = inventory(account, 1)
    assert (found.at_limit_fraction, found.near_limit_fraction) == (0.25, 0.75)
    assert inventory(account).near_limit_fraction == 0.25
    assert inventory(ledger(result_of([], mids=(200, 200))), 1).near_limit_fraction is None


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    class Quotes(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.every(100 * lob.MS)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            if ctx.book.mid_ticks is not None:
                ctx.quote(bid=(ctx.book.bid_ticks - 3, 2), ask=(ctx.book.ask_ticks, 2))

    path: Path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=4_000)
    return lob.run({"instrument": [{"data": [str(path)], "max_position": 10}]}, Quotes)


def test_the_summary_has_every_statistic_by_name(run: Result) -> None:
    found = {name.partition(".")[2]: value for name, value in run.summary.items() if name.startswith("SYN.")}
    assert found["quoting_bid_within_0_ticks_fraction"] < 0.2 < found["quoting_bid_within_5_ticks_fraction"]
    assert found["quoting_bid_fraction"] > 0.8  # at any distance
    assert 0 < found["quoting_ask_within_0_ticks_mean_lots"] <= 2
    assert found["fill_rate_lots"] < found["fill_rate"]
    assert 0 < found["fill_rate_orders"] < 1
    assert found["quotes"] == found["orders"] + found["updates_replaced"]
    assert found["position_near_limit_fraction"] >= found["position_at_limit_fraction"]
    assert run.summary["requests_in_flight"] == found["requests_in_flight"]
