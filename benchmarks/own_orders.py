"""Time per own order of runs with many of them near the touch, and how it grows with their number.

    python benchmarks/own_orders.py [ENGINE [SECONDS]]

The market is 20,000 rows of the synthetic one, as orders (L3) and as levels (L2). Soon after its start a strategy sends
all its orders of one lot, the same number of bids and asks, and later cancels the live ones, the youngest first:

* ladder: over 20 prices per side from the touch outwards;
* one price: all at the best prices;
* prices: each at a different price, from the touch outwards;
* through: each side at the other side's best price, as limit orders that take the displayed size and rest.

A shape that takes more than SECONDS (60) is not run with more orders. Times are processor time of the run less that of
the same run without orders.
"""

from __future__ import annotations

import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import lob_backtest as lob
from lob_backtest.contract.plan import ChannelPlan, Feed, InstrumentPlan, uniform_plan
from lob_backtest.contract.rows import Batch
from lob_backtest.data.reader import open_market
from lob_backtest.engine import load_engine
from lob_backtest.instrument import Instrument
from lob_backtest.synthetic.generate import generate

ROWS = 20_000
NUMBERS = (1_000, 10_000, 100_000)
PLACES = 20
SHAPES = ("ladder", "one price", "prices", "through")


class Crowd(lob.Strategy):
    """Sends a number of orders after a tenth of a second, and cancels the live ones near the end."""

    number: int = 0
    shape: str = "ladder"
    cancel_at_ns: int = 0

    def on_start(self, ctx: lob.Context) -> None:
        self._first = ctx.at(ctx.now_ns + 100 * lob.MS)
        ctx.at(self.cancel_at_ns)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        if timer_id != self._first:
            for order_id in reversed([order.order_id for order in ctx.orders]):
                ctx.cancel(order_id)
            return
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        assert bid is not None
        assert ask is not None
        post_only = self.shape != "through"
        for i in range(self.number // 2):
            behind = {"ladder": i % PLACES, "one price": 0, "prices": i, "through": bid - ask}[self.shape]
            ctx.buy(bid - behind, 1, post_only=post_only)
        for i in range(self.number // 2):
            # Bids that rest at the ask would refuse own asks as self-trades.
            behind = {"ladder": i % PLACES, "one price": 0, "prices": i, "through": 1}[self.shape]
            ctx.sell(ask + behind, 1, post_only=post_only)


class Nowhere:
    """A sink that drops all rows."""

    def write(self, table: str, columns: object) -> None:
        pass

    def log(self, ts_ns: int, agent: int, text: str) -> None:
        pass


def seconds(engine: str, level: int, loaded: list[Batch], number: int, shape: str) -> float:
    """Return the processor time of one run."""
    instrument = Instrument("X", "TEST", Decimal("0.01"), Decimal(1))
    market = InstrumentPlan(instrument, Feed(level), 0, 0.01)
    plan = uniform_plan([market], channel=ChannelPlan(lob.MS, lob.MS))
    cancel_at_ns = int(loaded[-1].ts_exchange_ns[-1]) - lob.SECOND
    strategy = Crowd(number=number, shape=shape, cancel_at_ns=cancel_at_ns)
    begin = time.process_time()
    outcome = load_engine(engine)(plan, [iter(loaded)], [strategy], Nowhere())
    if outcome.failure is not None:
        raise outcome.failure
    return time.process_time() - begin


def main() -> None:
    engine = sys.argv[1] if len(sys.argv) > 1 else "kernel"
    patience = float(sys.argv[2]) if len(sys.argv) > 2 else 60
    print(f"{engine}: microseconds per own order (seconds of the run)")
    print(f"{'':14}" + "".join(f"{number:>22,}" for number in NUMBERS))
    with tempfile.TemporaryDirectory() as folder:
        for level in (3, 2):
            path = Path(folder) / f"l{level}.parquet"
            generate(path, events=ROWS, level=level)
            loaded = list(open_market(str(path)).batches())
            alone = min(seconds(engine, level, loaded, 0, "ladder") for _ in range(3))
            for shape in SHAPES:
                print(f"L{level} {shape:11}", end="", flush=True)
                taken = 0.0
                for number in NUMBERS:
                    if taken > patience:
                        print(f"{'-':>22}", end="")
                        continue
                    taken = seconds(engine, level, loaded, number, shape) - alone
                    print(f"{f'{taken / number * 1e6:.1f} ({taken:.2f})':>22}", end="", flush=True)
                print()


if __name__ == "__main__":
    main()
