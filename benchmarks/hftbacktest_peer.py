"""The peer's side of vs_hftbacktest.py: the same flow and market maker in hftbacktest, in an environment of its own.

Usage: python hftbacktest_peer.py FLOW.npz OUT.json [probe LOTS]
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import hftbacktest as hb
import numpy as np
from hftbacktest.types import event_dtype
from numba import njit

ADD, CANCEL, EXECUTE = 1, 2, 4
FEED_NS, ENTRY_NS, RESPONSE_NS = 250_000, 1_000_000, 1_000_000


def events_of(flow: dict[str, Any]) -> Any:
    """Convert the flow to the peer's events: an execution is a fill and a modification to the rest of the order."""
    executed, left = flow["action"] == EXECUTE, flow["left_lots"]
    n = len(executed)
    place = np.arange(n) + np.concatenate(([0], np.cumsum(executed)[:-1]))
    out = np.zeros(n + int(executed.sum()), event_dtype)
    side = np.where(flow["side"] > 0, hb.BUY_EVENT, hb.SELL_EVENT).astype(np.uint64)
    both = np.uint64(hb.EXCH_EVENT | hb.LOCAL_EVENT)

    def put(at: Any, rows: Any, kind: Any, size: Any) -> None:
        out["ev"][at] = kind | side[rows] | both
        out["exch_ts"][at] = flow["ts_exchange_ns"][rows]
        out["local_ts"][at] = flow["ts_exchange_ns"][rows] + FEED_NS
        out["px"][at] = flow["price_ticks"][rows] * 0.01
        out["qty"][at] = size
        out["order_id"][at] = flow["order_id"][rows]

    add, cancel = flow["action"] == ADD, flow["action"] == CANCEL
    put(place[add], add, np.uint64(hb.ADD_ORDER_EVENT), flow["size_lots"][add])
    put(place[executed], executed, np.uint64(hb.FILL_EVENT), flow["size_lots"][executed])
    for rows, at in ((cancel, place[cancel]), (executed, place[executed] + 1)):
        kind = np.where(left[rows] == 0, hb.CANCEL_ORDER_EVENT, hb.MODIFY_ORDER_EVENT).astype(np.uint64)
        put(at, rows, kind, left[rows])
    return out


@njit  # type: ignore[untyped-decorator]
def market_maker(hbt: Any, log: Any) -> int:
    """Keep 10 lots at each touch, polling every 100 ms; return the number of polls."""
    polls = 0
    order_id = 0
    while hbt.elapse(100_000_000) == 0:
        polls += 1
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        position = hbt.position(0)
        want_bid, want_ask = position < 500, position > -500
        values = hbt.orders(0).values()
        while values.has_next():
            order = values.get()
            wanted = (order.side == hb.BUY and want_bid and order.price_tick == bid) or (
                order.side == hb.SELL and want_ask and order.price_tick == ask
            )
            if wanted or not order.cancellable:
                if order.side == hb.BUY:
                    want_bid = False
                else:
                    want_ask = False
            else:
                hbt.cancel(0, order.order_id, False)
        if want_bid:
            order_id += 1
            hbt.submit_buy_order(0, order_id, bid * 0.01, 10, hb.GTX, hb.LIMIT, False)
        if want_ask:
            order_id += 1
            hbt.submit_sell_order(0, order_id, ask * 0.01, 10, hb.GTX, hb.LIMIT, False)
    log[0] = hbt.position(0)
    log[1] = hbt.state_values(0).trading_volume
    log[2] = hbt.state_values(0).num_trades
    return polls


@njit  # type: ignore[untyped-decorator]
def prober(hbt: Any, lots: int, log: Any) -> int:
    """Place some lots at each touch, again every 30 seconds; log orders and fills, and return the number of rows."""
    rows = 0
    order_id = 0
    while hbt.elapse(30_000_000_000) == 0:
        values = hbt.orders(0).values()
        while values.has_next():
            order = values.get()
            if order.status == hb.FILLED:
                log[rows, 0] = order.order_id
                log[rows, 1] = 1
                log[rows, 2] = order.exec_price_tick
                log[rows, 3] = order.exch_timestamp
                rows += 1
            elif order.cancellable:
                hbt.cancel(0, order.order_id, False)
            elif order.status == hb.CANCELED:
                log[rows, 0] = order.order_id
                log[rows, 1] = 0
                rows += 1
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        order_id += 2
        log[rows, 0] = order_id
        log[rows, 1] = 2
        log[rows, 3] = hbt.current_timestamp
        rows += 1
        hbt.submit_buy_order(0, order_id, bid * 0.01, lots, hb.GTX, hb.LIMIT, False)
        hbt.submit_sell_order(0, order_id + 1, ask * 0.01, lots, hb.GTX, hb.LIMIT, False)
    return rows


def probe(events: Any, lots: int) -> list[tuple[int, ...]]:
    """Run the prober; return for each ended order time of sending, side, and its fill: time, price, lots."""
    hbt = hb.ROIVectorMarketDepthBacktest([asset_of(events)])
    span_ns = int(events["exch_ts"][-1] - events["exch_ts"][0])
    log = np.zeros((6 * (span_ns // 30_000_000_000 + 10), 4), np.int64)
    log = log[: prober(hbt, lots, log)]
    hbt.close()
    sent = {int(row[0]): int(row[3]) for row in log if row[1] == 2}

    def order(order_id: int) -> tuple[int, int]:
        return sent[order_id & ~1], -1 if order_id & 1 else 1

    unfilled = [order(int(row[0])) for row in log if row[1] == 0]
    return unfilled + [(*order(int(row[0])), int(row[3]), int(row[2]), lots) for row in log if row[1] == 1]


def run(events: Any) -> dict[str, float]:
    """Run the market maker over events; return the seconds, and its counts of fills and lots."""
    hbt = hb.ROIVectorMarketDepthBacktest([asset_of(events)])
    log = np.zeros(3)
    begin = time.perf_counter()
    cpu = time.process_time()
    polls = market_maker(hbt, log)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    hbt.close()
    return {"seconds": seconds, "cpu_s": cpu, "polls": polls, "position": log[0], "lots": log[1], "fills": log[2]}


def asset_of(events: Any) -> Any:
    """Return the peer's description of the market."""
    return (
        hb.BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(ENTRY_NS, RESPONSE_NS)
        .l3_fifo_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(0.01)
        .lot_size(1.0)
        .roi_lb(0.0)
        .roi_ub(1000.0)
    )


def main() -> None:
    with np.load(sys.argv[1]) as saved:
        flow = {name: saved[name] for name in saved.files}
    events = events_of(flow)
    if "probe" in sys.argv:
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            json.dump(probe(events, int(sys.argv[4])), file)
        return
    run(events[:10_000])  # compile
    runs = [run(events) for _ in range(3)]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump({"events": len(events), "rows": len(flow["action"]), **min(runs, key=lambda r: r["seconds"])}, file)


if __name__ == "__main__":
    main()
