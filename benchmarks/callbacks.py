"""Time per callback: an empty `on_book`, and a `ctx.quote` that changes nothing. Usage: callbacks.py [EVENTS].

The book is rebuilt by another thread, for which the strategy's thread may wait: a call adds less to the time of a run
than to that of the strategy's thread. Both are printed.
"""

from __future__ import annotations

import sys
import time
from decimal import Decimal

from l3_flow import l3_flow
from vs_hftbacktest import FOLDER, batches

import lob_backtest as lob
from lob_backtest.contract.plan import ChannelPlan, Feed, InstrumentPlan, uniform_plan
from lob_backtest.contract.rows import Batch
from lob_backtest.engine import load_engine
from lob_backtest.instrument import Instrument
from lob_backtest.results.sink import MemorySink

ROUNDS = 5
LIMIT_BOOK_NS, LIMIT_QUOTE_NS = 150, 200


class Idle(lob.Strategy):
    """Overrides no callback."""


class Book(lob.Strategy):
    """Is called for every change of the best prices or sizes."""

    def on_book(self, ctx: lob.Context) -> None:
        pass


class BookBesideOrder(Book):
    """As `Book`, while an own order rests far from the market."""

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        if ctx.book.bid_ticks is not None:
            ctx.buy(ctx.book.bid_ticks - 500, 10)
            ctx.cancel_timer(timer_id)


class Quotes(lob.Strategy):
    """Repeats its own quotes, and measures the time of the calls."""

    best_ns: float = float("inf")

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        if ctx.book.bid_ticks is None or ctx.book.ask_ticks is None:
            return
        bid, ask = (ctx.book.bid_ticks - 500, 10), (ctx.book.ask_ticks + 500, 10)
        if not list(ctx.orders):
            self._bid, self._ask = bid, ask
        bid, ask, quote = self._bid, self._ask, ctx.quote
        quote(bid=bid, ask=ask)
        begin = time.perf_counter_ns()
        for _ in range(100):
            quote(bid=bid, ask=ask)
        self.best_ns = min(self.best_ns, (time.perf_counter_ns() - begin) / 100)


def seconds(strategies: list[lob.Strategy], loaded: list[Batch]) -> tuple[float, float, int]:
    """Run the kernel with each strategy.

    Returns:
        The best time of the loop, the best of the strategy's own thread, and the changes of the best prices.
    """
    market = InstrumentPlan(Instrument("X", "TEST", Decimal("0.01"), Decimal(1)), Feed(3), 0, 0.01)
    plan = uniform_plan([market], channel=ChannelPlan(1_000_000, 1_000_000))
    best, own, changes = float("inf"), float("inf"), 0
    for strategy in strategies:
        sink = MemorySink(plan.markouts_ns)
        begin, begin_own = time.perf_counter(), time.thread_time()
        outcome = load_engine("kernel")(plan, [iter(loaded)], [strategy], sink)
        best, own = min(best, time.perf_counter() - begin), min(own, time.thread_time() - begin_own)
        if outcome.failure is not None:
            raise outcome.failure
        changes = sink.tables()["bbo"].num_rows
    return best, own, changes


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    loaded = list(batches(l3_flow(events, FOLDER)))
    idle, idle_own, changes = seconds([Idle() for _ in range(ROUNDS)], loaded)
    book, book_own, _ = seconds([Book() for _ in range(ROUNDS)], loaded)
    _, beside_own, _ = seconds([BookBesideOrder() for _ in range(ROUNDS)], loaded)
    quotes = Quotes()
    seconds([quotes], loaded[:10])
    own, whole = (book_own - idle_own) / changes * 1e9, (book - idle) / changes * 1e9
    print(f"on_book: {own:.0f} ns a call of the strategy's thread, {whole:.0f} of the run (limit {LIMIT_BOOK_NS})")
    print(f"on_book while an own order rests far away: {(beside_own - idle_own) / changes * 1e9:.0f} ns a call")
    print(f"ctx.quote of both sides that changes nothing: {quotes.best_ns:.0f} ns (limit {LIMIT_QUOTE_NS})")


if __name__ == "__main__":
    main()
