"""The reference engine is stepped: whoever holds the run makes the calls, and may stop between two of them."""

from __future__ import annotations

from typing import Any

import pytest
from plans import plan_of
from scenario import BASE, batch
from scripted import BOOK, Does, rows

from lob_backtest.engine.client.call import Call, Done, make
from lob_backtest.engine.driver import open_run
from lob_backtest.engine.loop import Run
from lob_backtest.errors import StrategyError
from lob_backtest.results.sink import MemorySink


def opened(strategy: Any) -> tuple[Run, MemorySink]:
    sink = MemorySink(())
    plan = plan_of(3, end_ns=BASE + 50, markouts_ns=())
    return open_run(plan, [iter([batch(rows(BOOK + "49 status open"))])], [strategy], sink), sink


def test_each_step_is_one_call_and_the_last_is_done() -> None:
    strategy = Does(t5=lambda ctx: ctx.buy(102, 7), t30=lambda ctx: ctx.position)
    run, sink = opened(strategy)
    calls = []
    while isinstance(step := run.step(), Call):
        calls.append((step.name, step.now_ns - BASE))
        make(step, strategy)
    assert isinstance(run.step(), Done)
    run.close()
    timers = [call for call in calls if call[0] == "on_timer"]
    assert calls[0][0] == "on_start"
    assert timers == [("on_timer", 5), ("on_timer", 30)]
    assert [name for name, _ in calls if name in ("on_order", "on_fill")] == ["on_order", "on_fill"]
    assert strategy.got[-1] == 7
    assert run.outcome(None).end_ns == BASE + 50
    assert sink.tables()["fills"]["size_lots"].to_pylist() == [7]


def test_a_run_that_is_left_completes_its_tables_and_ends_its_contexts() -> None:
    strategy = Does(t5=lambda ctx: ctx.buy(102, 7), t30=lambda ctx: 1 // 0)
    run, sink = opened(strategy)
    while isinstance(step := run.step(), Call) and step.now_ns < BASE + 30:
        make(step, strategy)
    assert isinstance(step, Call)
    run.close()
    assert isinstance(run.step(), Done)
    assert sink.tables()["samples"]["position_lots"].to_pylist()[-1] == 7
    with pytest.raises(StrategyError, match="after the run"):
        step.context.buy(101, 1)
