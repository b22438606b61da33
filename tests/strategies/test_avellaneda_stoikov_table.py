"""The experiment of Avellaneda and Stoikov (2008), quoted by the project's strategy classes."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lob_backtest as lob

SCRIPT = Path(__file__).parents[2] / "benchmarks/avellaneda_stoikov_table.py"
INDEPENDENT_PATHS = 200_000
FAST_PATHS, SLOW_PATHS = 1_000, 10_000
CASES = [(gamma, name) for gamma in (0.1, 0.01, 0.5) for name in ("inventory", "symmetric")]


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("avellaneda_stoikov_table", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs(table):
    """Simulate each case once; its strategy's factory, figures and standard errors, by case."""
    found = {}
    for gamma in {gamma for gamma, _ in CASES}:
        for name, make in table.makers(gamma).items():
            found[gamma, name] = make, *table.simulate(make, FAST_PATHS, seed=1)
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_exact_figures_are_those_of_an_independent_simulation(table, runs, case):
    make, _, errors = runs[case]
    exact, published = table.exact(make), table.PUBLISHED[case]
    assert round(exact.spread, 2) == published.spread
    for field in ("profit", "profit_std", "inventory_std"):
        # Published to one decimal, with the error of 200,000 paths, at most 0.03.
        error = getattr(errors, field) * math.sqrt(FAST_PATHS / INDEPENDENT_PATHS)
        assert abs(getattr(exact, field) - getattr(published, field)) < 0.05 + 3 * error, field


@pytest.mark.parametrize("case", CASES)
def test_the_simulation_agrees_with_the_exact_figures(table, runs, case):
    make, found, errors = runs[case]
    print(f"{case}: {FAST_PATHS} paths {found}, errors {errors}, independent {table.PUBLISHED[case]}")
    for simulated, exact, error in zip(found, table.exact(make), errors, strict=True):
        assert abs(simulated - exact) <= 4 * error + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_many_paths_agree_with_the_independent_simulation(table, case):
    gamma, name = case
    found, errors = table.simulate(table.makers(gamma)[name], SLOW_PATHS, seed=2)
    assert round(found.spread, 2) == table.PUBLISHED[case].spread
    for simulated, published, error in zip(found[1:], table.PUBLISHED[case][1:], errors[1:], strict=True):
        assert abs(simulated - published) < 0.05 + 3 * error * math.sqrt(1 + SLOW_PATHS / INDEPENDENT_PATHS)


def test_the_inventory_strategy_quotes_the_formulas_of_the_paper(table):
    gamma, sigma, k, q, t = 0.1, 2.0, 1.5, 3, 0.25
    strategy, ctx = table.start(lambda: table.inventory_strategy(gamma))
    ctx.position = q
    below, above = table.quoted(strategy, ctx, round(t * table.STEPS))
    reservation = -q * gamma * sigma**2 * (1 - t)
    half_spread = (gamma * sigma**2 * (1 - t) + 2 / gamma * math.log(1 + gamma / k)) / 2
    assert below * table.TICK == pytest.approx(half_spread - reservation, abs=table.TICK)
    assert above * table.TICK == pytest.approx(half_spread + reservation, abs=table.TICK)


def test_what_the_paper_market_lacks_is_an_error_and_what_it_has_is_in_the_context(table):
    ctx = table.PaperContext()
    with pytest.raises(lob.StrategyError, match=r"ctx\.cancel_all: the paper's market has quotes"):
        ctx.cancel_all()
    offered = {name for name in dir(ctx) if not name.startswith("_")}
    assert offered - {"cash_ticks", "bid", "ask"} <= set(dir(lob.Context))
    assert {name for name in dir(ctx.book) if not name.startswith("_")} <= set(dir(lob.Book))
