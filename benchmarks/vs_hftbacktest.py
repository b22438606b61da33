"""The kernel against hftbacktest 2.4.4: one L3 flow, one market maker, side by side.

The market maker polls every 100 ms, in a flow of 500 events per second and in the same flow ten times as fast. After
the loops, the kernel runs from Parquet to result tables, with the market maker and without orders. The peer requires an
older numpy, and is installed in a separate environment (out/benchmark/peer). Usage:
python benchmarks/vs_hftbacktest.py [EVENTS]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from l3_flow import Columns, l3_flow

import lob_backtest as lob
from lob_backtest.contract.plan import ChannelPlan, Feed, InstrumentPlan, SessionPlan, uniform_plan
from lob_backtest.contract.rows import Batch, Flag
from lob_backtest.data.writer import EventWriter
from lob_backtest.engine import load_engine
from lob_backtest.instrument import Instrument
from lob_backtest.results.sink import MemorySink

PEER = "hftbacktest==2.4.4"
FOLDER = Path(__file__).resolve().parents[1] / "out" / "benchmark"
FEED_NS, LATENCY_NS, LIMIT, SIZE = 250_000, 1_000_000, 500, 10
ROUNDS = 3


class MarketMaker(lob.Strategy):
    """Keeps 10 lots at each touch, polling every 100 ms."""

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(100 * lob.MS)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None:
            return
        position = ctx.position
        ctx.quote(
            bid=(bid, SIZE) if position < LIMIT else None,
            ask=(ask, SIZE) if position > -LIMIT else None,
        )


def batches(flow: Columns, rows: int = 65536) -> Iterator[Batch]:
    """Split a flow into batches."""
    n = len(flow["action"])
    ts = flow["ts_exchange_ns"]
    action, side = flow["action"].astype(np.uint8), flow["side"].astype(np.int8)
    order_id, zeros, ones = flow["order_id"].astype(np.uint64), np.zeros(n, np.uint8), np.ones(n, np.uint8)
    columns = (ts, ts + FEED_NS, action, side, order_id, flow["price_ticks"], flow["size_lots"], ones, zeros)
    for i in range(0, n, rows):
        part: list[Any] = [column[i : i + rows] for column in columns]
        yield Batch._make([*part, i, "flow"])


def ours(flow: Columns) -> dict[str, float]:
    """Run the market maker in the kernel; the batches are in memory, as the peer's events are."""
    instrument = Instrument("X", "TEST", Decimal("0.01"), Decimal(1))
    market = InstrumentPlan(instrument, Feed(3), 0, 0.01)
    session, channel = SessionPlan(max_position=LIMIT + SIZE), ChannelPlan(LATENCY_NS, LATENCY_NS)
    plan = uniform_plan([market], session=session, channel=channel)
    loaded = list(batches(flow))
    best: dict[str, float] = {"seconds": float("inf")}
    for _ in range(ROUNDS):
        sink = MemorySink(plan.markouts_ns)
        begin, cpu = time.perf_counter(), time.process_time()
        outcome = load_engine("kernel")(plan, [iter(loaded)], [MarketMaker()], sink)
        seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
        if outcome.failure is not None:
            raise outcome.failure
        if seconds < best["seconds"]:
            fills = sink.tables()["fills"]
            lots = sum(fills.column("size_lots").to_pylist())
            best = {"seconds": seconds, "cpu_s": cpu_s, "fills": fills.num_rows, "lots": lots}
    return best


def from_parquet(path: Path, strategy: type[lob.Strategy]) -> float:
    """Run a file from Parquet to result tables; return the seconds of the fastest of some runs."""
    latency = {"entry": f"{LATENCY_NS}ns", "response": f"{LATENCY_NS}ns"}
    config = {"instrument": [{"data": [str(path)]}], "risk": {"max_position": LIMIT + SIZE}, "latency": latency}
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        lob.run(config, strategy, engine="kernel")
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def write_parquet(flow: Columns, path: Path) -> None:
    """Write a flow as market data."""
    names = ("ts_exchange_ns", "action", "side", "order_id", "price_ticks", "size_lots")
    more = {"ts_local_ns": flow["ts_exchange_ns"] + FEED_NS, "flags": np.full(len(flow["action"]), int(Flag.LAST))}
    with EventWriter(path, level=3, symbol="X", tick_size="0.01", lot_size=1, venue="TEST") as writer:
        writer.write({name: flow[name] for name in names} | more)


def peer_python() -> Path:
    """Return the interpreter of the peer's environment, which is made if missing."""
    python = FOLDER / "peer" / "bin" / "python"
    if not python.exists():
        venv.create(FOLDER / "peer", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return python


def theirs(path: Path) -> dict[str, float]:
    """Run the market maker in the peer, in its own environment."""
    out = FOLDER / "peer.json"
    subprocess.run([peer_python(), Path(__file__).with_name("hftbacktest_peer.py"), path, out], check=True)
    result: dict[str, float] = json.loads(out.read_text("utf-8"))
    return result


def faster(flow: Columns, times: int) -> Columns:
    """Return a flow with all times divided by `times`."""
    ts_ns = flow["ts_exchange_ns"]
    return {**flow, "ts_exchange_ns": ts_ns[0] + (ts_ns - ts_ns[0]) // times}


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    slow, path = l3_flow(events, FOLDER), FOLDER / "peer-flow.npz"
    for times in (1, 10):
        flow = faster(slow, times)
        np.savez(path, **flow)  # type: ignore[arg-type]
        peer, kernel = theirs(path), ours(flow)
        print(f"{500 * times:,} events/s:")
        for name, run in (("hftbacktest", peer), ("kernel", kernel)):
            print(
                f"  {name:12} {events / run['seconds'] / 1e6:6.1f} million rows/s, {run['cpu_s']:.2f} s of CPU, "
                f"{run['fills']:,.0f} fills of {run['lots']:,.0f} lots"
            )
        print(f"  ratio {peer['seconds'] / kernel['seconds']:.1f} (limit 10)")
        write_parquet(flow, FOLDER / "vs-hftbacktest.parquet")
        for name, strategy in (("market maker", MarketMaker), ("nobody", lob.Strategy)):
            seconds = from_parquet(FOLDER / "vs-hftbacktest.parquet", strategy)
            print(
                f"  from Parquet to tables, {name}: {events / seconds / 1e6:.1f} million rows/s (limit 20), "
                f"{peer['seconds'] / seconds:.1f} times the peer's loop (limit 5)"
            )


if __name__ == "__main__":
    main()
