"""What a strategy may hold at once has limits; beyond one of them the run ends with an error that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from random_market import market_l3, play

import lob_backtest as lob
from lob_backtest.contract import limits
from lob_backtest.errors import StrategyError

Use = Callable[[lob.Context], Any]


class Uses(lob.Strategy):
    """Does one thing in the first callback."""

    def __init__(self, use: Use) -> None:
        super().__init__()
        self.use = use

    def on_start(self, ctx: lob.Context) -> None:
        self.use(ctx)


def go(engine: str, use: Use, **plan: Any) -> Any:
    return play(engine, [market_l3(1, 100)], Uses(use), options={"max_position": None}, **plan)[0]


def each(n: int, call: Callable[[lob.Context, int], Any]) -> Use:
    """Make a use that calls so many times."""

    def use(ctx: lob.Context) -> None:
        for i in range(n):
            call(ctx, i)

    return use


@pytest.mark.parametrize(
    ("use", "what"),
    [
        (lambda ctx: ctx.buy(900, 1, tag="x" * 257), "a tag of 257 bytes: expected at most 256 bytes of UTF-8"),
        (lambda ctx: ctx.sell(900, 1, tag="ä" * 129), "a tag of 258 bytes"),
        (lambda ctx: ctx.buy(900, 1, tag="x" * 10**6), "a tag of 1,000,000 bytes"),
        (lambda ctx: ctx.record("ä" * 129, 1), "a series name of 258 bytes: expected at most 256 bytes of UTF-8"),
    ],
)
def test_a_text_has_at_most_256_bytes(engine: str, use: Use, what: str) -> None:
    with pytest.raises(StrategyError) as caught:
        go(engine, use)
    assert what in str(caught.value)


def test_a_text_of_256_bytes_reaches_the_result(engine: str) -> None:
    text = "ä" * 128

    def use(ctx: lob.Context) -> None:
        ctx.buy(900, 1, tag=text)
        ctx.record(text, 1)

    tables = go(engine, use)
    assert tables["orders"]["tag"].to_pylist() == [text]
    assert tables["series"]["name"].to_pylist() == [text]


LIMITS: dict[str, tuple[int, Callable[[lob.Context, int], Any], str]] = {
    "MAX_TAGS": (5, lambda ctx, i: ctx.buy(900, 1, tag=str(i)), "more than 5 different tags"),
    "MAX_SERIES": (5, lambda ctx, i: ctx.record(str(i), 1), "more than 5 different series names"),
    "MAX_ORDERS": (5, lambda ctx, i: ctx.buy(900, 1), "more than 5 orders of one instrument live or in flight"),
    "MAX_REQUESTS": (5, lambda ctx, i: ctx.buy(900, 1), "more than 5 requests under way to the exchange"),
    "MAX_TIMERS": (5, lambda ctx, i: ctx.at(ctx.now_ns + 10**9), "more than 5 timers set"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_one_more_than_a_limit_ends_the_run_and_names_it(
    engine: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, call, what = LIMITS[name]
    monkeypatch.setattr(limits, name, most)
    go(engine, each(most, call))
    with pytest.raises(StrategyError) as caught:
        go(engine, each(most + 1, call))
    assert what in str(caught.value)


@pytest.mark.parametrize("name", ["MAX_TAGS", "MAX_SERIES"])
def test_a_text_used_again_does_not_count(engine: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    most, call, _ = LIMITS[name]
    monkeypatch.setattr(limits, name, most)
    go(engine, each(10 * most, lambda ctx, i: call(ctx, i % most)))


@pytest.mark.slow
def test_as_many_orders_as_the_limit_says_rest_at_one_price(engine: str) -> None:
    with pytest.raises(StrategyError, match="more than 250,000 orders of one instrument"):
        go(engine, each(limits.MAX_ORDERS + 1, lambda ctx, i: ctx.buy(900, 1)), paranoid=False)
