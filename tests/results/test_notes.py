"""Notes at the end of a run that may not be what was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=4_000)
    return path


class Acts(lob.Strategy):
    """Calls a function each second, when both sides of the book are there."""

    def __init__(self, act: Callable[[lob.Context], Any]) -> None:
        super().__init__()
        self._act = act

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every("1s")

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        if ctx.book.mid_ticks is not None:
            self._act(ctx)


def takes(ctx: lob.Context) -> None:
    ctx.buy(None, 1)


FEES = {"taker_bps": 1}


def notes(engine: str, market: Any, act: Callable[[lob.Context], Any], **options: Any) -> list[str]:
    return lob.run(market, Acts(act), engine=engine, **options).notes


def test_a_run_that_is_as_meant_has_no_notes(engine: str, market: Path) -> None:
    assert notes(engine, market, takes, fees=FEES) == []


@pytest.mark.parametrize(
    ("act", "start", "remedy"),
    [
        (
            lambda ctx: ctx.buy(99.955, 5),
            "requests were refused: OFF_TICK {n} (prices are whole numbers of ticks: ctx.instrument.ticks(99.95) makes "
            "them). The first: ctx.buy(99.955, 5) is refused as OFF_TICK (",
            "; a tick is 0.01, so that 99.955 is 9996 ticks",
        ),
        (lambda ctx: ctx.sell(10_000, 2.5), "requests were refused: OFF_LOT {n} (", "ctx.sell(10000, 2.5)"),
        (lambda ctx: ctx.buy(10_000, -3), "requests were refused: SIZE {n} (", "ctx.buy(10000, -3)"),
        (
            lambda ctx: ctx.buy(10_000, 3, tif="ioc"),
            "requests were refused: BAD_VALUE {n} (an argument is of the wrong kind",
            "; tif='ioc' is not one of 'GTC', 'IOC', 'FOK'",
        ),
        (
            lambda ctx: ctx.buy(10_000, 3, post_only=1, self_trade=None),
            "requests were refused: BAD_VALUE {n} (",
            "ctx.buy(10000, 3, post_only=1, self_trade=None) is refused as BAD_VALUE (",
        ),
        (lambda ctx: ctx.buy(None, 2.5), "requests were refused: OFF_LOT {n} (", "ctx.buy(None, 2.5) is refused"),
        (lambda ctx: ctx.sell(10_000, 3, tag=5), "requests were refused: BAD_VALUE {n} (", "; tag=5 is not a text"),
        (lambda ctx: ctx.cancel("abc"), "requests were refused: BAD_VALUE {n} (", "ctx.cancel('abc')"),
        (lambda ctx: ctx.cancel(77), "requests were refused: UNKNOWN_ORDER {n} (", "ctx.cancel(77)"),
        (lambda ctx: ctx.quote(bid=(99.5, 1)), "requests were refused: OFF_TICK {n} (", "ctx.quote(bid=(99.5, 1))"),
        (
            lambda ctx: ctx.replace(77, size_lots=1),
            "requests were refused: UNKNOWN_ORDER {n} (",
            "ctx.replace(77, size_lots=1)",
        ),
    ],
)
def test_requests_that_are_all_refused(
    engine: str, market: Path, act: Callable[[lob.Context], Any], start: str, remedy: str
) -> None:
    result = lob.run(market, Acts(act), engine=engine)
    [note] = result.notes
    n = f"{len(result.orders):,}"
    assert note.startswith(f"all {n} " + start.format(n=n))
    assert remedy in note
    assert f"({__file__}, line " in note


class NoText(float):
    """A number whose text cannot be had."""

    def __repr__(self) -> str:
        raise ZeroDivisionError

    __str__ = __repr__


class HalfAPair:
    def __repr__(self) -> str:
        return "\ud800"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: NoText(99.955), "ctx.buy(an object of type NoText, whose repr raises, 5) is refused as OFF_TICK ("),
        (HalfAPair, "ctx.buy(\\ud800, 5) is refused as BAD_VALUE ("),
    ],
)
def test_an_argument_without_usable_text_is_refused_as_any_other(
    engine: str, market: Path, given: Callable[[], Any], words: str
) -> None:
    [note] = notes(engine, market, lambda ctx: ctx.buy(given(), 5))
    assert words in note


def test_the_first_mistake_is_noted_even_if_most_requests_get_through(engine: str, market: Path) -> None:
    def once(ctx: lob.Context) -> None:
        if not ctx.position:
            ctx.buy(99.5, 1)
        takes(ctx)

    [note] = notes(engine, market, once, fees=FEES)
    assert note.startswith("a request was refused for its arguments: ctx.buy(99.5, 1) is refused as OFF_TICK")


def test_refusals_by_the_market_are_no_mistakes(engine: str, market: Path) -> None:
    def crossing(ctx: lob.Context) -> None:
        ctx.buy(ctx.book.ask_ticks, 1, post_only=True)

    found = notes(engine, market, crossing)
    assert "POST_ONLY" in found[0]
    assert "The first" not in found[0]


def test_an_order_and_whole_floats_are_taken(engine: str, market: Path) -> None:
    def act(ctx: lob.Context) -> None:
        for order in ctx.orders:
            ctx.cancel(order)
        ctx.buy(float(ctx.book.bid_ticks or 0) - 5, 2.0)

    result = lob.run(market, Acts(act), engine=engine)
    assert set(result.orders["kind"]) >= {"accepted", "cancelled"}
    assert not any("refused" in each for each in result.notes)


def test_a_timer_callback_without_a_timer(engine: str, market: Path) -> None:
    class Never(lob.Strategy):
        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            takes(ctx)

    result = lob.run(market, Never, engine=engine)
    assert result.notes == ["on_timer is defined, but no timer was made: call ctx.every(...) in on_start"]


def test_a_timer_callback_that_is_inherited_may_be_of_no_use(engine: str, market: Path) -> None:
    class Base(lob.Strategy):
        def on_timer(self, ctx: lob.Context, timer_id: int) -> None: ...

    class Own(Base):
        def on_book(self, ctx: lob.Context) -> None: ...

    assert not any("on_timer" in note for note in lob.run(market, Own, engine=engine).notes)
    assert any("on_timer" in note for note in lob.run(market, Base, engine=engine).notes)


def test_a_strategy_that_fails_before_it_makes_a_timer_has_no_note_about_timers(engine: str, market: Path) -> None:
    class Fails(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            raise ValueError("no file")

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            takes(ctx)

    with pytest.raises(lob.StrategyError, match="no file") as caught:
        lob.run(market, Fails, engine=engine)
    assert caught.value.result.notes == []


def test_the_agent_is_named_where_there_are_several(engine: str, market: Path) -> None:
    result = lob.run(market, [Acts(takes), Acts(lambda ctx: ctx.cancel(77))], engine=engine, fees=FEES)
    [note] = result.notes
    assert note.startswith("Acts-2: all ")


def test_no_fill(engine: str, market: Path) -> None:
    def far(ctx: lob.Context) -> None:
        ctx.quote(bid=((ctx.book.bid_ticks or 0) - 1000, 1))

    assert any(each.startswith("no order filled, of ") for each in notes(engine, market, far, fees=FEES))


def test_the_text_of_a_result_without_fills_has_the_notes(market: Path) -> None:
    result = lob.run(market, Acts(lambda ctx: ctx.quote(bid=(99.5, 1))))
    assert "0 fills" in repr(result)
    assert "; note: all " in repr(result)


def test_no_fees(engine: str, market: Path) -> None:
    [note] = notes(engine, market, takes)
    assert note == "no fees are set, so that fills cost and earn none: fees.maker_bps, fees.taker_bps"


def test_an_order_that_is_replaced_by_one_far_larger(engine: str, market: Path) -> None:
    def grows(ctx: lob.Context) -> None:
        ctx.replace(ctx.buy((ctx.book.bid_ticks or 0) - 1000, 1), size_lots=100_000)

    found = notes(engine, market, grows, fees=FEES)
    assert any("orders of up to 100,000 lots" in each for each in found)


def test_orders_far_larger_than_what_is_displayed(engine: str, market: Path) -> None:
    [note] = notes(engine, market, lambda ctx: ctx.buy(None, 100_000), fees=FEES)
    assert "orders of up to 100,000 lots, where the best price shows " in note
    assert "the market does not react to them" in note


def test_data_that_end_early(engine: str, tmp_path: Path) -> None:
    for name, events in (("short", 2_000), ("long", 20_000)):
        lob.generate(tmp_path / f"{name}.parquet", events=events, symbol=name)
    parts = [{"data": tmp_path / f"{name}.parquet", "fees": FEES} for name in ("short", "long")]
    [note] = lob.run({"instrument": parts}, Acts(takes), engine=engine).notes
    assert note.startswith("short: its data end at 2024-07-19T")
    assert note.endswith("; then its book stands still")


def test_a_feed_without_latency(engine: str, market: Path) -> None:
    [note] = notes(engine, market, takes, fees=FEES, latency={"feed": "0s"})
    assert note.startswith("latency.feed is 0")


def test_notes_are_printed_and_saved(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.py").write_text(
        "import lob_backtest as lob\nclass S(lob.Strategy):\n    def on_start(self, ctx):\n        ctx.buy(99.5, 1)\n"
    )
    with pytest.raises(SystemExit) as stop:
        main(["run", "-d", str(market), "-s", f"{tmp_path}/s.py:S", "-o", str(tmp_path / "out")])
    assert not stop.value.code
    err = capsys.readouterr().err
    assert "note: all 1 requests were refused: OFF_TICK 1 (" in err
    assert f"({tmp_path}/s.py, line 4)" in err
    assert lob.Result.load(tmp_path / "out").notes[0] in err.replace("\n", " ")
