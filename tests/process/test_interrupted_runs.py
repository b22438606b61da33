"""An interrupted run with a folder saves what there is by then."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import lob_backtest as lob

pytestmark = pytest.mark.usefixtures("default_handler")


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_an_interrupted_run_saves_what_there_is(engine: str, market: Path, tmp_path: Path) -> None:
    class Interrupts(lob.Strategy):
        last: int = 10

        def on_start(self, ctx: lob.Context) -> None:
            self._calls = 0
            ctx.every(lob.SECOND // 10)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            self._calls += 1
            if ctx.book.mid_ticks is not None:
                ctx.quote(bid=(ctx.book.bid_ticks, 2), ask=(ctx.book.ask_ticks, 2))
            if self._calls == self.last:
                ctrl_c()

    complete = lob.run(market, Interrupts(last=1 << 30), engine=engine, out=tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        lob.run(market, Interrupts, engine=engine, out=tmp_path / "out", force=True)
    assert lob.Result.load(tmp_path / "out").digest == complete.digest
    result = lob.Result.load(tmp_path / "out.kept")
    assert (result.status, result.info.reason) == ("partial", "interrupted (Ctrl-C or a signal)")
    assert result.summary["residual_half_tick_lots"] == 0
    kept = result.table("orders")
    assert 0 < kept.num_rows < complete.table("orders").num_rows
    assert kept.equals(complete.table("orders").slice(0, kept.num_rows))
    with pytest.raises(KeyboardInterrupt):
        lob.run(market, Interrupts, engine=engine, out=tmp_path / "new")
    assert lob.Result.load(tmp_path / "new").digest == result.digest


def test_a_second_interrupt_discards_the_partial_result(
    engine: str, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupts(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            ctrl_c()

    monkeypatch.setattr(lob.Result, "_complete", lambda *_, **__: ctrl_c())
    with pytest.raises(KeyboardInterrupt):
        lob.run(market, Interrupts, engine=engine, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_the_page_is_made_costs_the_page_alone(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> str:
        ctrl_c()
        return ""

    monkeypatch.setattr("lob_backtest.report.show.page.page", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lob.run(market, lob.Strategy, out=tmp_path / "out")
    result = lob.Result.load(tmp_path / "out")
    assert (result.status, result.info.reason) == ("complete", "")
    assert "report.html" not in {each.name for each in (tmp_path / "out").iterdir()}
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
