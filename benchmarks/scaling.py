"""Time of the kernel per row against rows, own orders, width of the book and live orders of the market.

The rows of the first two tables are the seeded flow of `l3_flow`, those of the others repeatedly replace a
random live order. Batches are in memory, and only the second table has own orders.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from decimal import Decimal

import numpy as np
from l3_flow import START_NS, Columns, l3_flow
from vs_hftbacktest import FOLDER, batches

import lob_backtest as lob
from lob_backtest.contract.plan import ChannelPlan, Feed, InstrumentPlan, uniform_plan
from lob_backtest.contract.rows import Action, Batch
from lob_backtest.engine import load_engine
from lob_backtest.instrument import Instrument

ROUNDS = 4
ROWS = 1_000_000
NEAREST, PLACES = 5, 20
MID_TICKS, GAP_NS = 10_000_000, 1_000_000


class Resting(lob.Strategy):
    """Rests a number of orders of one lot 5 to 24 ticks behind the best prices, which do not move in this flow."""

    number: int = 0

    def on_start(self, ctx: lob.Context) -> None:
        if self.number:
            ctx.every(lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None:
            return
        ctx.cancel_timer(timer_id)
        for i in range(self.number):
            behind = NEAREST + i // 2 % PLACES
            if i % 2:
                ctx.buy(bid - behind, 1, post_only=True)
            else:
                ctx.sell(ask + behind, 1, post_only=True)


class Nowhere:
    """A sink that drops all rows: writing tables is not measured here."""

    def write(self, table: str, columns: object) -> None:
        pass

    def log(self, ts_ns: int, agent: int, text: str) -> None:
        pass


def churn(live: int, width_ticks: int, rows: int = ROWS) -> Columns:
    """Make a market of `live` orders, evenly over `width_ticks` per side; every two rows replace a random one."""
    rng = np.random.default_rng(live + width_ticks)
    steps = rows // 2
    slot = np.concatenate((np.arange(live), rng.integers(0, live, steps)))  # the slot of each order
    order_id = np.arange(1, live + steps + 1)
    side = np.where(slot % 2, 1, -1)
    price = MID_TICKS - side * rng.integers(1, width_ticks + 1, len(slot))
    size = rng.integers(1, 21, len(slot))
    by_slot = np.argsort(slot, kind="stable")
    before = np.full(len(slot), -1)
    before[by_slot[1:]] = np.where(slot[by_slot[1:]] == slot[by_slot[:-1]], by_slot[:-1], -1)
    leaves = before[live:]
    taken = np.stack((leaves, np.arange(live, live + steps)), axis=1).ravel()  # the order of each row: cancelled, added
    orders = np.concatenate((np.arange(live), taken))
    action = np.concatenate((np.full(live, Action.ADD), np.tile([Action.CANCEL, Action.ADD], steps)))
    columns = {"order_id": order_id, "side": side, "price_ticks": price, "size_lots": size}
    return {
        "ts_exchange_ns": START_NS + np.arange(len(orders)) * GAP_NS,
        "action": action,
        **{name: np.ascontiguousarray(values[orders], dtype=np.int64) for name, values in columns.items()},
    }


def seconds(loaded: list[Batch], own: int) -> float:
    """Return the best time of some runs of the kernel."""
    market = InstrumentPlan(Instrument("X", "TEST", Decimal("0.01"), Decimal(1)), Feed(3), 0, 0.01)
    plan = uniform_plan([market], channel=ChannelPlan(1_000_000, 1_000_000))
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        outcome = load_engine("kernel")(plan, [iter(loaded)], [Resting(number=own)], Nowhere())
        best = min(best, time.perf_counter() - begin)
        if outcome.failure is not None:
            raise outcome.failure
    return best


def show(title: str, cases: Iterable[tuple[int, list[Batch], int]]) -> None:
    """Print a table: time per row, and its ratio to the first case; a case is its name, its rows and own orders."""
    print(title)
    first = 0.0
    for name, loaded, own in cases:
        ns = seconds(loaded, own) / sum(len(batch.action) for batch in loaded) * 1e9
        first = first or ns
        print(f"  {name:12,} {ns:7.1f} ns per row, ratio {ns / first:5.2f}")


def main() -> None:
    flows = {n * ROWS: list(batches(l3_flow(n * ROWS, FOLDER, distance=4))) for n in (1, 3, 10)}
    show("rows", ((rows, flow, 0) for rows, flow in flows.items()))
    show("own resting orders", ((own, flows[ROWS], own) for own in (0, 2, 20, 200, 2_000)))
    widths = ((width, list(batches(churn(3_000, width))), 0) for width in (100, 10_000, 1_000_000))
    show("ticks per side over which 3,000 live orders of the market are spread", widths)
    lives = ((live, list(batches(churn(live, 100))), 0) for live in (3_000, 30_000, 300_000))
    show("live orders of the market, spread over 100 ticks per side", lives)


if __name__ == "__main__":
    main()
