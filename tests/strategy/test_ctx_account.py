"""What `ctx` says about the own account, the last trade and other instruments, and how it flattens and stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from random_market import Actor, market_l3, play
from scenario import BASE
from scripted import BOOK, Does, go, rows

import lob_backtest as lob
from lob_backtest.contract.tables import Liquidity
from lob_backtest.engine import ENGINES
from lob_backtest.errors import StrategyError


class Looks(Actor):
    """Notes what `ctx` says, and books its fills by itself, in fractions."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.seen: list[Any] = []
        self.position, self.cost, self.realized = 0, Fraction(0), Fraction(0)

    def on_fill(self, ctx: lob.Context, fill: lob.Fill) -> None:
        signed = fill.side * fill.size_lots
        if self.position * signed < 0:
            closed = min(abs(signed), abs(self.position))
            entry = self.cost / self.position
            self.realized += (1 if self.position > 0 else -1) * closed * (fill.price_ticks - entry)
            self.cost -= (1 if self.position > 0 else -1) * closed * entry
            left = abs(signed) - closed
        else:
            left = abs(signed)
        self.cost += fill.side * left * fill.price_ticks
        self.position += signed

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        super().on_timer(ctx, timer_id)
        tick_lot = float(ctx.instrument.tick_lot_value)
        assert ctx.position == self.position
        average = None if not self.position else float(self.cost / self.position)
        assert ctx.average_price_ticks == pytest.approx(average)
        assert ctx.realized == pytest.approx(float(self.realized) * tick_lot, abs=1e-9)
        assert ctx.equity == pytest.approx(ctx.realized + ctx.unrealized - ctx.fees, abs=1e-9)
        account = (ctx.average_price_ticks, ctx.realized, ctx.unrealized, ctx.fees, ctx.total_equity)
        self.seen.append((ctx.last_trade, *account, repr(ctx), repr(ctx.book)))


@pytest.mark.parametrize("seed", range(6))
def test_the_account_by_average_entry_is_the_same_in_both_engines(seed: int) -> None:
    seen = []
    for engine in ENGINES:
        strategy = Looks()
        tables, _ = play(engine, [market_l3(seed, 1500)], strategy)
        assert tables["fills"].num_rows
        seen.append(strategy.seen)
    assert all(each == seen[0] for each in seen)
    assert any(each[0] is not None for each in seen[0])


class LastTrade(lob.Strategy):
    """Reads `ctx.last_trade`, and is told of each trade or not."""

    def on_start(self, ctx: lob.Context) -> None:
        self.read: list[tuple[int, lob.Print | None]] = []
        ctx.at(BASE + 300)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        self.read.append((ctx.now_ns, ctx.last_trade))
        ctx.at(ctx.now_ns + 37)


class Told(LastTrade):
    def on_start(self, ctx: lob.Context) -> None:
        super().on_start(ctx)
        self.told: list[tuple[int, lob.Print]] = []

    def on_trade(self, ctx: lob.Context, trade: lob.Print) -> None:
        self.told.append((ctx.now_ns, trade))


@pytest.mark.parametrize("seed", range(4))
def test_the_last_trade_is_the_last_one_told_since_the_first_read(engine: str, seed: int) -> None:
    told, untold = Told(), LastTrade()
    for strategy in (told, untold):
        play(engine, [market_l3(seed, 1500)], strategy)
    assert told.read == untold.read
    since_ns = told.read[0][0]
    assert told.read[0][1] is None
    assert any(trade is not None for _, trade in told.read)
    for now_ns, trade in told.read:
        before = [each for at_ns, each in told.told if at_ns <= now_ns and each.ts_exchange_ns > since_ns]
        assert trade == (before[-1] if before else None)


def test_flatten_cancels_and_closes(engine: str) -> None:
    strategy = Does(
        t1=lambda ctx: (ctx.buy(102, 7), ctx.sell(110, 3)),
        t5=lambda ctx: (ctx.position, ctx.flatten()),
        t9=lambda ctx: (ctx.position, list(ctx.orders), ctx.flatten()),
    )
    tables = go(engine, strategy)
    assert strategy.got[1] == (7, 3)
    assert strategy.got[2] == (0, [], None)
    assert tables["fills"]["liquidity"].to_pylist() == [Liquidity.TAKER] * 2
    assert tables["fills"]["tag"].to_pylist() == ["", "flatten"]


class Stops(Does):
    def on_stop(self, ctx: lob.Context) -> None:
        super().on_stop(ctx)
        ctx.stop("too late to be the first")


def test_stop_ends_the_run_after_what_is_due_now(engine: str) -> None:
    strategy = Stops(t5=lambda ctx: (ctx.buy(101, 1), ctx.stop("enough"), ctx.stop("again")), t6=lambda ctx: "late")
    tables = go(engine, strategy)
    assert strategy.calls[-1] == ("stop", 5)
    assert len(strategy.got) == 1
    assert tables["samples"]["ts_ns"].to_pylist()[-1] == BASE + 5


@pytest.mark.parametrize(("reason", "text"), [("a", "a"), (None, ""), (5, "5"), ("\ud800", "\\ud800")])
def test_the_reason_of_a_stop_is_text_in_both_engines(engine: str, reason: Any, text: str) -> None:
    strategy = Does(t5=lambda ctx: (ctx.stop(reason), ctx.stop("again")))
    _, outcome = play(engine, [rows(BOOK)], strategy, end_ns=BASE + 100)
    assert outcome.stop == (0, text)


@pytest.mark.parametrize("at", ["start", "timer"])
def test_a_stopped_run_says_why(engine: str, tmp_path: Path, at: str) -> None:
    class Stopping(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.every("10ms")
            if at == "start":
                ctx.stop("nothing to do")

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            ctx.stop("nothing to do")

    lob.generate(tmp_path / "market.parquet", events=2000)
    result = lob.run(tmp_path / "market.parquet", Stopping, engine=engine, out=tmp_path / "out")
    assert result.status == "complete"
    assert result.info.reason == "stopped by the strategy: nothing to do"
    assert result.info.end_ns == result.info.start_ns + (0 if at == "start" else 10_000_000)
    assert lob.Result.load(tmp_path / "out").info.reason == result.info.reason


def test_one_agent_stops_the_run_of_all(engine: str, tmp_path: Path) -> None:
    class Stopping(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.at(ctx.now_ns + 5_000_000)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            ctx.stop("enough")

    class Counts(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            self.calls = 0
            ctx.every(timedelta(milliseconds=1))

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            self.calls += 1

    lob.generate(tmp_path / "market.parquet", events=2000)
    counting = Counts()
    result = lob.run(tmp_path / "market.parquet", [Stopping(), counting], engine=engine)
    assert result.info.reason == "stopped by Stopping: enough"
    assert counting.calls == 5


def test_markets_are_all_instruments_and_equities_of_one_currency_add_up(engine: str) -> None:
    class Sums(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            self.names = list(ctx.markets)
            for market in ctx.markets.values():
                market.buy(None, 1)
            ctx.at(BASE + 2000)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            self.sums = (ctx.total_equity, sum(each.equity for each in ctx.markets.values()))

    strategy = Sums()
    play(engine, [market_l3(seed, 500) for seed in (1, 2)], strategy)
    assert strategy.names == ["X0", "X1"]
    assert strategy.sums[0] == strategy.sums[1]


def test_equities_of_different_currencies_do_not_add_up(engine: str, tmp_path: Path) -> None:
    class Sums(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.total_equity  # noqa: B018

    lob.generate(tmp_path / "market.parquet", events=2000)
    parts = [{"data": tmp_path / "market.parquet", "name": name, "currency": name} for name in ("USD", "EUR")]
    with pytest.raises(StrategyError, match=r"ctx.total_equity: the instruments are in 'EUR', 'USD'; .*ctx.market"):
        lob.run({"instrument": parts}, Sums, engine=engine)


@pytest.mark.parametrize(
    "interval", [2_000, "2us", timedelta(microseconds=2), pd.Timedelta("2us"), np.int64(2_000), np.timedelta64(2, "us")]
)
def test_intervals_are_given_in_any_usual_form(engine: str, interval: Any) -> None:
    class Every(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            self.times = []
            ctx.every(interval)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            self.times.append(ctx.now_ns)

    strategy = Every()
    play(engine, [market_l3(1, 2000)], strategy)
    assert strategy.times[1] - strategy.times[0] == 2_000


@pytest.mark.parametrize("interval", [0, -1, 0.5, True, None, "soon", "", timedelta(0), pd.NaT])
def test_what_is_no_interval_is_refused(engine: str, interval: Any) -> None:
    with pytest.raises(
        StrategyError, match=r"ctx.every\(.*expected a duration of at least 1 ns: a text such as '100ms'"
    ):
        go(engine, Does(t1=lambda ctx: ctx.every(interval)))


@pytest.mark.parametrize("time", [0.5, True, None, "soon", "2024-01-01", datetime(2024, 1, 1)])
def test_what_is_no_time_is_refused(engine: str, time: Any) -> None:
    with pytest.raises(StrategyError, match=r"ctx.at\(.*expected a time: nanoseconds since the epoch, an integer, or"):
        go(engine, Does(t1=lambda ctx: ctx.at(time)))


def test_a_timer_at_a_date(engine: str) -> None:
    when = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=BASE // 1000 + 3)
    strategy = Does(t1=lambda ctx: [ctx.at(when), ctx.at(when.isoformat()), ctx.at(pd.Timestamp(when))])
    go(engine, strategy, end_ns=BASE + 5000)
    assert strategy.calls.count(("timer", (BASE // 1000 + 3) * 1000 - BASE)) == 3


def test_limits_and_texts(engine: str) -> None:
    strategy = Does(t5=lambda ctx: (ctx.max_position, repr(ctx.book), repr(ctx), ctx))
    go(engine, strategy, max_position=50)
    limit, book, shown, ctx = strategy.got[0]
    assert limit == 50
    assert book == "<book: 100 x 60 | 102 x 20>"
    assert shown.startswith("<ctx of X0 at ")
    assert shown.endswith(": position 0, 0 orders>")
    assert repr(ctx) == "<ctx of X0: the run is over>"
    assert repr(ctx.book) == "<book: the run is over>"
