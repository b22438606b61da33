"""Processor time per agent of the kernel against the number of agents on one replay.

Each agent keeps ten lots on each side, some ticks behind the touch, and polls every 100 ms. The flow is that of
`l3_flow`, in memory, at 500 and at 5,000 events per second. `agents.py [EVENTS]`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from decimal import Decimal

from l3_flow import l3_flow
from scaling import Nowhere
from vs_hftbacktest import FOLDER, LATENCY_NS, LIMIT, SIZE, batches, faster

import lob_backtest as lob
from lob_backtest.contract.plan import ChannelPlan, Feed, InstrumentPlan, SessionPlan, uniform_plan
from lob_backtest.contract.rows import Batch
from lob_backtest.engine import load_engine
from lob_backtest.instrument import Instrument

COUNTS = (1, 2, 8, 32, 128)
ROUNDS = 3
OFFSETS = 8


class Behind(lob.Strategy):
    """Keeps ten lots on each side, `offset` ticks behind the touch."""

    offset: int = 0

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(100 * lob.MS)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None:
            return
        position = ctx.position
        ctx.quote(
            bid=(bid - self.offset, SIZE) if position < LIMIT else None,
            ask=(ask + self.offset, SIZE) if position > -LIMIT else None,
        )


def cpu_s(loaded: Sequence[Batch], agents: int) -> float:
    """Return the least processor time of some runs."""
    market = InstrumentPlan(Instrument("X", "TEST", Decimal("0.01"), Decimal(1)), Feed.L3, 0, 0.01)
    session, channel = SessionPlan(max_position=LIMIT + SIZE), ChannelPlan(LATENCY_NS, LATENCY_NS)
    plan = uniform_plan([market], agents, session=session, channel=channel)
    best = float("inf")
    for _ in range(ROUNDS):
        strategies = [Behind(offset=i % OFFSETS) for i in range(agents)]
        begin = time.process_time()
        outcome = load_engine("kernel")(plan, [iter(loaded)], strategies, Nowhere())
        if outcome.failure is not None:
            raise outcome.failure
        best = min(best, time.process_time() - begin)
    return best


def main() -> None:
    """Print a table."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    slow = l3_flow(events, FOLDER)
    print("| events/s | agents | CPU s | CPU ms per agent | of one agent |\n|---:|---:|---:|---:|---:|")
    for times in (1, 10):
        loaded = list(batches(faster(slow, times)))
        alone = 0.0
        for agents in COUNTS:
            seconds = cpu_s(loaded, agents)
            alone = alone or seconds
            each = 1000 * seconds / agents
            print(f"| {500 * times:,} | {agents} | {seconds:.2f} | {each:.1f} | {seconds / alone:.1f} |", flush=True)


if __name__ == "__main__":
    main()
