"""The fills of the kernel and of hftbacktest, order by order. Usage: fills_vs_hftbacktest.py [EVENTS].

Every 30 seconds a prober cancels its orders and places a few lots at each touch: its requests do not depend on fills,
so that one difference does not cause others. The engines differ in two rules: here an execution at a worse price
than an own order's fills it (the peer waits for one at its price, or for the other side to reach it), and no fill is
larger than the execution that caused it. Fails if an order's first fill has another time or price for another reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from l3_flow import Columns, flow_path, l3_flow
from vs_hftbacktest import FOLDER, LATENCY_NS, batches, peer_python

import lob_backtest as lob
from lob_backtest.contract.plan import ChannelPlan, Feed, InstrumentPlan, uniform_plan
from lob_backtest.contract.tables import Cause
from lob_backtest.engine import load_engine
from lob_backtest.instrument import Instrument
from lob_backtest.results.sink import MemorySink

Order = tuple[int, int]
"""Time of sending, and side."""
Fill = tuple[int, int, int, bool]
"""Time, price, lots, and whether it is by an execution at a worse price."""


class Prober(lob.Strategy):
    """Places some lots at each touch, again every 30 seconds."""

    def __init__(self, lots: int) -> None:
        self.lots = lots

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(30 * lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        ctx.cancel_all()
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is not None and ask is not None:
            ctx.buy(bid, self.lots, post_only=True)
            ctx.sell(ask, self.lots, post_only=True)


def ours(flow: Columns, lots: int) -> dict[Order, list[Fill]]:
    """Return the fills of each accepted order."""
    market = InstrumentPlan(Instrument("X", "TEST", Decimal("0.01"), Decimal(1)), Feed(3), 0, 0.01)
    plan = uniform_plan([market], channel=ChannelPlan(LATENCY_NS, LATENCY_NS))
    sink = MemorySink(plan.markouts_ns)
    outcome = load_engine("kernel")(plan, [batches(flow)], [Prober(lots)], sink)
    if outcome.failure is not None:
        raise outcome.failure
    tables = sink.tables()
    rested = tables["orders"].to_pandas().query("kind == 1")
    orders = {row.order_id: (int(row.ts_sent_ns), int(row.side)) for row in rested.itertuples()}
    fills: dict[Order, list[Fill]] = {order: [] for order in orders.values()}
    for row in tables["fills"].to_pandas().itertuples():
        fill = (int(row.ts_exchange_ns), int(row.price_ticks), int(row.size_lots), row.cause == Cause.THROUGH)
        fills[orders[row.order_id]].append(fill)
    return fills


def theirs(events: int, lots: int) -> dict[Order, list[Fill]]:
    """Return the same of the peer, for the orders that have ended."""
    out, script = FOLDER / "peer-fills.json", Path(__file__).with_name("hftbacktest_peer.py")
    path = flow_path(events, FOLDER)
    subprocess.run([peer_python(), script, path, out, "probe", str(lots)], check=True)
    fills: dict[Order, list[Fill]] = {}
    for sent_ns, side, *filled in json.loads(out.read_text("utf-8")):
        fills[sent_ns, side] = [(*filled, False)] if filled else []
    return fills


def is_same(mine: list[Fill], other: list[Fill]) -> bool:
    """Return whether an order begins to fill at the same time and price."""
    return bool(mine and other) and mine[0][:2] == other[0][:2]


def is_through(mine: list[Fill], other: list[Fill]) -> bool:
    """Return whether an execution at a worse price fills an order here that has no fill in the peer until then."""
    return bool(mine) and mine[0][3] and (not other or mine[0][0] < other[0][0])


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    flow, different = l3_flow(events, FOLDER), 0
    for lots in (1, 10):
        mine, other = ours(flow, lots), theirs(events, lots)
        orders = sorted(mine.keys() & other.keys())
        filled = [order for order in orders if mine[order] or other[order]]
        same = sum(is_same(mine[order], other[order]) for order in filled)
        through = sum(is_through(mine[order], other[order]) for order in filled)
        parts = sum(len(mine[order]) > 1 for order in filled)
        print(
            f"{lots:2} lots: {len(orders)} orders in both, {len(filled)} filled; {same} begin at the same time and "
            f"price, {through} earlier here by an execution at a worse price; {parts} fill in parts here"
        )
        different += len(filled) - same - through
    if different:
        raise SystemExit(f"{different} orders fill differently for no known reason")


if __name__ == "__main__":
    main()
