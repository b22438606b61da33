"""The fills of the kernel and of hftbacktest, order by order. Usage: fills_vs_hftbacktest.py [EVENTS].

Every 30 seconds a prober takes its orders off and puts a few lots at each touch: what fills has no part in what it asks
next, so that one difference does not make others. Fails if an order's first fill has another time or price, or if only
one of the two engines fills it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from l3_flow import Columns, l3_flow
from vs_hftbacktest import FOLDER, LATENCY_NS, batches, peer_python

import lob_backtest as lob
from lob_backtest.engine import load_engine
from lob_backtest.instrument import Instrument
from lob_backtest.plan import InstrumentPlan, Plan
from lob_backtest.sink import MemorySink

Order = tuple[int, int]
"""When it was sent, and its side."""
Fill = tuple[int, int, int]
"""When, at what price, how many lots."""


class Prober(lob.Strategy):
    """Puts some lots at each touch, every 30 seconds anew."""

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
    """Return the fills of each order that took its place."""
    market = InstrumentPlan(Instrument("X", "TEST", Decimal("0.01"), Decimal(1)), 3, 0, (0, 0), (0, 0), 0.01)
    plan = Plan(instruments=(market,), entry_ns=LATENCY_NS, response_ns=LATENCY_NS)
    sink = MemorySink(plan.markouts_ns)
    outcome = load_engine("kernel")(plan, [batches(flow)], [Prober(lots)], sink)
    if outcome.failure is not None:
        raise outcome.failure
    tables = sink.tables()
    rested = tables["orders"].to_pandas().query("kind == 1")
    orders = {row.order_id: (int(row.ts_sent_ns), int(row.side)) for row in rested.itertuples()}
    fills: dict[Order, list[Fill]] = {order: [] for order in orders.values()}
    for row in tables["fills"].to_pandas().itertuples():
        fills[orders[row.order_id]].append((int(row.ts_exchange_ns), int(row.price_ticks), int(row.size_lots)))
    return fills


def theirs(events: int, lots: int) -> dict[Order, list[Fill]]:
    """Return the same of the peer: an order is known when it is over."""
    out, script = FOLDER / "peer-fills.json", Path(__file__).with_name("hftbacktest_peer.py")
    path = FOLDER / f"l3-flow-3-{events}.npz"
    subprocess.run([peer_python(), script, path, out, "probe", str(lots)], check=True)
    fills: dict[Order, list[Fill]] = {}
    for sent_ns, side, *filled in json.loads(out.read_text("utf-8")):
        fills[sent_ns, side] = [tuple(filled)] if filled else []
    return fills


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    flow, different = l3_flow(events, FOLDER), 0
    for lots in (1, 10):
        mine, other = ours(flow, lots), theirs(events, lots)
        orders = sorted(mine.keys() & other.keys())
        filled = [order for order in orders if mine[order] or other[order]]
        same = [order for order in filled if [fill[:2] for fill in mine[order][:1]] == [f[:2] for f in other[order]]]
        parts = sum(1 for order in same if len(mine[order]) > 1)
        short = sum(1 for order in same if sum(fill[2] for fill in mine[order]) < lots)
        print(
            f"{lots:2} lots: {len(orders)} orders in both, {len(filled)} filled, {len(same)} first at the same time "
            f"and price; {parts} in parts here, {short} of them not to the end"
        )
        different += len(filled) - len(same)
    if different:
        raise SystemExit(f"{different} orders filled otherwise in hftbacktest")


if __name__ == "__main__":
    main()
