"""The measures of benchmarks/market_facts.py on markets small enough to count, and the page that quotes them."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.writer import write_events
from lob_backtest.synthetic.generate import generate

ROOT = Path(__file__).resolve().parents[2]
SECOND = 1_000_000_000
LAST = int(Flag.LAST)


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("market_facts")


@pytest.fixture
def page_script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("stylised_facts")


ROWS = [
    # seconds, action, side, order, price, size
    (0, Action.ADD, 1, 1, 100, 5),
    (0, Action.ADD, -1, 2, 104, 5),
    (1, Action.ADD, 1, 3, 100, 7),
    (2, Action.ADD, 1, 4, 99, 1),
    (3, Action.ADD, -1, 5, 103, 2),  # inside the spread
    (4, Action.CANCEL, 1, 3, 100, 7),  # the back of a queue of two
    (5, Action.EXECUTE, -1, 5, 103, 2),  # empties the best ask
    (5, Action.EXECUTE, -1, 2, 104, 1),  # the same taker
    (6, Action.TRADE, -1, 0, 102, 4),  # hidden
    (7, Action.CANCEL, 1, 1, 100, 5),  # empties the best bid
]


@pytest.fixture
def seen(facts: ModuleType, tmp_path: Path):
    seconds, action, side, order_id, price_ticks, size_lots = zip(*ROWS, strict=True)
    columns = {
        "ts_exchange_ns": [each * SECOND for each in seconds],
        "action": [int(each) for each in action],
        "side": side,
        "order_id": order_id,
        "price_ticks": price_ticks,
        "size_lots": size_lots,
        "flags": [LAST] * len(ROWS),
    }
    write_events(tmp_path / "m.parquet", columns, level=3, symbol="S", tick_size="1", lot_size="1")
    return facts.replay(tmp_path / "m.parquet")


def test_packets_have_the_best_prices_after_them(seen):
    assert seen.packets[:, 1:].tolist() == [[100, 104]] * 3 + [[100, 103]] * 2 + [[100, 104]] * 3 + [[99, 104]]


def test_executions_of_one_moment_are_one_trade(seen):
    assert seen.trades[:, 2:].tolist() == [[1, 3]]
    assert seen.hidden_lots == 4


def test_adds_are_measured_from_the_best_price_of_their_side(seen):
    assert seen.adds.tolist() == [[0, 7], [1, 1], [-1, 2]]


def test_lives_ends_and_places(seen):
    assert sorted(seen.lives.tolist()) == [2 * SECOND, 3 * SECOND, 7 * SECOND]
    assert seen.ends == {int(Action.CANCEL): 2, int(Action.EXECUTE): 1}
    assert seen.places.tolist() == [1.0]


def test_emptied_levels_are_told_by_what_emptied_them(seen):
    assert seen.emptied == {int(Action.EXECUTE): 1, int(Action.CANCEL): 1}


def test_mean_spread_is_over_time(facts, seen):
    # 4 ticks over 0-3 s, 3 ticks over 3-5 s, 4 over 5-7 s.
    assert facts.mean_spread(seen) == pytest.approx((3 * 4 + 2 * 3 + 2 * 4) / 7)


def test_impact_is_from_before_the_trade(facts, seen):
    # The mid goes from 101.5 to 102 with it; after 2 s the bid has gone, which moves it back to 101.5.
    assert facts.impact(seen, 0) == 0.5
    assert facts.impact(seen, 2 * SECOND) == 0.0


def test_autocorrelation_and_kurtosis_of_known_series(facts):
    alternating = np.array([1.0, -1.0] * 50)
    assert facts.autocorrelation(alternating, np.array([1, 2])) == pytest.approx([-1, 1])
    assert facts.excess_kurtosis(alternating) == pytest.approx(-2)


def test_counts_of_evenly_spaced_events_do_not_vary(facts):
    assert facts.fano(np.arange(1_000) * SECOND, 10 * SECOND) == 0.0


def test_poisson_counts_have_a_ratio_of_one(facts):
    at_ns = np.cumsum(np.random.default_rng(5).exponential(SECOND, 50_000)).astype(np.int64)
    assert facts.fano(at_ns, 10 * SECOND) == pytest.approx(1.0, abs=0.1)


def test_another_seed_has_the_facts_that_the_page_tells_of_the_sample(page_script, facts, tmp_path):
    made = page_script.replay(generate(tmp_path / "other.parquet", events=60_000, seed=21).path)
    assert 0.4 < np.mean(facts.gaps_s(made) < 1e-3) < 0.6
    assert facts.fano(made.packets[:, 0], SECOND) > 10
    assert 0.04 < page_script.best_moved(made) < 0.2
    assert 0.4 < page_script.share(made.emptied, facts.EXECUTE) < 0.65
    assert 0.9 < page_script.share(made.ends, facts.CANCEL) < 0.96
    assert 0.5 < np.mean(made.places > 2 / 3) < 0.7
    assert page_script.size_ratio(made, 100) > 30
    assert facts.impact(made, 10 * SECOND) > facts.impact(made, 0) > 0


@pytest.mark.slow
def test_page_quotes_the_sample_as_it_is(page_script):
    cells = page_script.column(page_script.replay(page_script.SAMPLE), 5)
    page = (ROOT / "docs/stylised-facts.md").read_text("utf-8")
    quoted = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in page.splitlines() if row.startswith("|")}
    seen = dict(zip((name for name, *_ in page_script.FACTS), cells, strict=True))
    assert {name: quoted.get(name) for name in seen} == seen
