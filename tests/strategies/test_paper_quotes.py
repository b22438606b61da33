"""Quotes of the strategies from papers, one at a time, against the papers' own mathematics."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import lob_backtest as lob
from lob_backtest.strategies.avellaneda_stoikov import AvellanedaStoikov
from lob_backtest.strategies.glft import Glft
from lob_backtest.strategies.imbalance import Imbalance

BOOK = {
    "bid_ticks": 0,
    "ask_ticks": 20_000,
    "mid_ticks": 10_000.0,
    "microprice_ticks": 10_000.0,
    "spread_ticks": 20_000,
}


def quotes(
    strategy: lob.Strategy,
    position: int = 0,
    value: str = "1",
    *,
    now_ns: int = 0,
    end_ns: int | None = None,
    **book: Any,
) -> dict[str, Any]:
    """Let a strategy quote once into a book that is out of its way."""
    sent: dict[str, Any] = {}
    ctx: Any = SimpleNamespace(
        book=SimpleNamespace(**(BOOK | book)),
        position=position,
        now_ns=now_ns,
        end_ns=end_ns,
        instrument=SimpleNamespace(tick_lot_value=value),
        every=lambda ns: 1,
        quote=lambda **sides: sent.update(sides),
    )
    strategy.on_start(ctx)
    strategy.on_timer(ctx, 1)
    return sent


def exact_distances(
    q: int, *, gamma: float, sigma: float, rate: float, decay: float, bound: int
) -> tuple[float, float]:
    """Solve the model of GLFT far from the end: quotes from the eigenvector of the least eigenvalue."""
    inventory = np.arange(-bound, bound + 1)
    eta = rate * (1 + gamma / decay) ** -(1 + decay / gamma)
    matrix = np.diag(decay * gamma * sigma**2 / 2 * inventory**2.0)
    matrix -= eta * (np.eye(len(inventory), k=1) + np.eye(len(inventory), k=-1))
    _, vectors = np.linalg.eigh(matrix)
    f = dict(zip(inventory.tolist(), np.abs(vectors[:, 0]), strict=True))
    constant = math.log(1 + gamma / decay) / gamma
    return math.log(f[q] / f[q + 1]) / decay + constant, math.log(f[q] / f[q - 1]) / decay + constant


@pytest.mark.parametrize("q", [-4, -1, 0, 1, 4])
@pytest.mark.parametrize(("gamma", "rate"), [(0.01, 0.9), (0.3, 50.0)], ids=["the paper's example", "γ = k"])
def test_glft_quotes_what_the_model_has_as_its_solution(q, gamma, rate):
    below, above = exact_distances(q, gamma=gamma, sigma=0.3, rate=rate, decay=0.3, bound=30)
    # The same in ticks of a hundredth.
    found = quotes(Glft(gamma=gamma / 100, volatility=30.0, fill_rate=rate, fill_decay=0.003, size=1), q)
    # A closed form that the authors call an approximation; the rounding to ticks is at most 0.01.
    assert (10_000 - found["bid"][0]) / 100 == pytest.approx(below, abs=0.03)
    assert (found["ask"][0] - 10_000) / 100 == pytest.approx(above, abs=0.03)


def test_avellaneda_stoikov_looks_ahead_no_further_than_the_end_of_the_run():
    strategy = {"gamma": 0.2, "fill_decay": 0.5, "volatility": 3.0, "size": 1, "horizon": "4s"}
    base = math.log1p(0.2 / 0.5) / 0.2
    for end_ns, left_s in ((None, 4.0), (3 * lob.SECOND, 2.0), (60 * lob.SECOND, 4.0), (lob.SECOND, 0.0)):
        found = quotes(AvellanedaStoikov(**strategy), position=1, now_ns=lob.SECOND, end_ns=end_ns)
        risk = 0.2 * 9.0 * left_s
        assert found["bid"][0] == math.floor(10_000 - risk - risk / 2 - base)
        assert found["ask"][0] == math.ceil(10_000 - risk + risk / 2 + base)


@pytest.mark.parametrize("kind", [AvellanedaStoikov, Glft])
def test_quotes_follow_the_size_of_orders_and_the_value_of_a_tick(kind):
    """Ten lots an order at a tenth of the value a lot are the same bet for a γ per currency."""
    one = quotes(kind(gamma=0.3, fill_decay=0.4, volatility=3.0, size=1), 2, "1")
    ten = quotes(kind(gamma=0.3, fill_decay=0.4, volatility=3.0, size=10), 20, "0.1")
    for side in ("bid", "ask"):
        assert one[side][0] == ten[side][0]
        assert (one[side][1], ten[side][1]) == (1, 10)


@pytest.mark.parametrize("kind", [AvellanedaStoikov, Glft])
def test_more_risk_aversion_leans_more(kind):
    middles = []
    for gamma in (0.01, 0.1):
        found = quotes(kind(gamma=gamma, fill_decay=0.4, volatility=3.0, size=1), position=4)
        middles.append((found["bid"][0] + found["ask"][0]) / 2)
    assert middles[1] < middles[0] < 10_000


@pytest.mark.parametrize("kind", [AvellanedaStoikov, Glft])
def test_there_is_no_quote_before_the_volatility_is_known(kind):
    assert quotes(kind()) == {}
    assert quotes(kind(volatility=1.0)).keys() == {"bid", "ask"}


@pytest.mark.parametrize("kind", [AvellanedaStoikov, Glft, Imbalance])
@pytest.mark.parametrize(
    "book", [{"mid_ticks": None, "microprice_ticks": None, "spread_ticks": None}, {"spread_ticks": 0}]
)
def test_there_is_no_quote_in_a_book_without_a_spread(kind, book):
    assert quotes(kind(), **book) == {"bid": None, "ask": None}


@pytest.mark.parametrize("kind", [AvellanedaStoikov, Glft, Imbalance])
def test_the_limit_shrinks_the_side_that_would_breach_it(kind):
    volatility = {} if kind is Imbalance else {"volatility": 1.0}
    found = quotes(kind(size=10, limit=15, **volatility), position=12)
    assert (found["bid"][1], found["ask"][1]) == (3, 10)


def test_the_microprice_moves_both_quotes_toward_the_thin_side():
    found = quotes(Imbalance(half_spread=2.0), microprice_ticks=10_000.9)
    assert (found["bid"][0], found["ask"][0]) == (9_998, 10_003)
    leaning = quotes(Imbalance(half_spread=2.0, skew=3.0, limit=100), position=100, microprice_ticks=10_000.9)
    assert (leaning["bid"][0], leaning["ask"][0]) == (9_995, 10_000)


@pytest.mark.parametrize("kind", [AvellanedaStoikov, Glft, Imbalance])
def test_each_of_them_trades_both_ways_in_a_market(kind, tmp_path):
    path = tmp_path / "market.parquet"
    lob.generate(path, events=20_000, seed=3)
    given = {} if kind is Imbalance else {"half_life": "1s", "fill_decay": 2.0}
    result = lob.run({"instrument": [{"data": [str(path)]}]}, kind(size=5, limit=20, **given))
    assert result.summary["residual_half_tick_lots"] == 0
    assert {1, -1} <= set(result.table("fills")["side"].to_pylist())
