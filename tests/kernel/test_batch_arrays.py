"""Engines read the arrays of a batch and never write to them."""

from __future__ import annotations

import numpy as np
from plans import plan_of
from random_market import market_l3
from scenario import batch

import lob_backtest as lob
from lob_backtest.contract.rows import Batch
from lob_backtest.engine import load_engine
from lob_backtest.results.digest import digest
from lob_backtest.results.sink import MemorySink


class Quotes(lob.Strategy):
    """Quotes at the best prices."""

    def on_book(self, ctx: lob.Context) -> None:
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is not None and ask is not None:
            ctx.quote(bid=(bid, 3), ask=(ask, 3))


def test_read_only_arrays_give_the_same_result(engine: str) -> None:
    writable: Batch = batch(market_l3(1, 500), 3)
    frozen = Batch._make([*(column.copy() for column in writable[:9]), *writable[9:]])
    for column in frozen[:9]:
        assert isinstance(column, np.ndarray)
        column.flags.writeable = False
    results = []
    for each in (writable, frozen):
        plan = plan_of(3, markouts_ns=())
        sink = MemorySink(())
        load_engine(engine)(plan, [iter([each])], [Quotes()], sink)
        results.append(digest(sink.tables()))
    assert results[0] == results[1]
