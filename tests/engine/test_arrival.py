"""What a strategy sends finds the exchange as it is when the request arrives, whatever else is going on."""

from __future__ import annotations

from random_market import play
from scenario import BASE, market_row

import lob_backtest as lob


def test_an_order_sent_at_a_packet_finds_the_exchange_as_it_is_when_the_order_arrives(engine: str) -> None:
    class Joins(lob.Strategy):
        def on_book(self, ctx: lob.Context) -> None:
            if ctx.now_ns == BASE + 33:
                ctx.buy(100, 5)

    rows = [(10 * i, *market_row(f"add bid 100 1 #{i + 1}".split())) for i in range(8)]
    tables, _ = play(engine, [rows], Joins(), local_ns=3, entry_ns=1, sample_ns=10**9)
    assert tables["orders"].column("ts_exchange_ns").to_pylist() == [BASE + 34]
    assert tables["orders"].column("queue_ahead_lots").to_pylist() == [4]  # sent after the rows of 0 to 30
