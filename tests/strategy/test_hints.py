"""What a strategy is told about a mistake with `ctx`: the name of the API, and what was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=2_000)
    return path


class Own:
    def __init__(self) -> None:
        self.level = 1


def own_object(ctx: lob.Context) -> Any:
    return Own().levle  # type: ignore[attr-defined]


class NotSaying:
    def __dir__(self) -> list[str]:
        raise RuntimeError("no names")


def hostile_object(ctx: lob.Context) -> Any:
    return NotSaying().name  # type: ignore[attr-defined]


class Exiting:
    def __dir__(self) -> list[str]:
        raise SystemExit(2)


def exiting_object(ctx: lob.Context) -> Any:
    return Exiting().name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda ctx: ctx.bok, r"ctx has no attribute 'bok'; did you mean 'book'\?"),
        (lambda ctx: ctx.book.bid_tick, r"ctx\.book has no attribute 'bid_tick'; did you mean 'bid_ticks'\?"),
        (lambda ctx: ctx.book.zzz, r"ctx\.book has no attribute 'zzz'; it has ask_size_lots, .*spread_ticks \("),
        (lambda ctx: ctx.quote((1, 2), (3, 4)), r"write ctx\.quote\(\*, bid=\.\.\., ask=\.\.\., top_up=False\)"),
        (lambda ctx: ctx.buy(1), r"ctx\.buy\(\) missing .*'size_lots'; write ctx\.buy\(price_ticks, size_lots, "),
        (lambda ctx: ctx.sell(1, 2, tiff=3), r"ctx\.sell\(\) has no option 'tiff': expected tif, post_only, tag"),
        (lambda ctx: setattr(ctx, "position", 3), r"AttributeError: ctx\.position is read-only \("),
        (own_object, r"'Own' object has no attribute 'levle'; did you mean 'level'\?"),
        (hostile_object, "'NotSaying' object has no attribute 'name' "),
        (exiting_object, "'Exiting' object has no attribute 'name' "),
        (lambda ctx: len(5), r"TypeError: object of type 'int' has no len\(\) \("),
    ],
)
def test_a_mistake_is_told_in_the_names_of_the_api(
    engine: str, market: Path, mistake: Callable[[Any], Any], message: str
) -> None:
    class Mistaken(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            mistake(ctx)

    with pytest.raises(lob.StrategyError, match=message) as caught:
        lob.run(market, Mistaken, engine=engine)
    assert "KernelContext" not in str(caught.value)
    assert "ReferenceContext" not in str(caught.value)
