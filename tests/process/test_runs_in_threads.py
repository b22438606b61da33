"""Runs in threads of one process give what runs in sequence give, and leave the process as it was."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lob_backtest as lob
from lob_backtest.strategies.inventory_skew import InventorySkew

RUNS = 12


def test_runs_in_threads_give_the_results_of_runs_in_sequence(engine: str, tmp_path: Path) -> None:
    market = tmp_path / "market.parquet"
    lob.generate(market, events=3_000)

    def digest(k: int) -> str:
        return lob.run({"instrument": [{"data": [str(market)]}]}, InventorySkew(size=k + 1), engine=engine).digest

    thresholds = gc.get_threshold()
    expected = [digest(k) for k in range(RUNS)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(digest, range(RUNS))) == expected
    assert len(set(expected)) > 1
    assert gc.get_threshold() == thresholds
