"""The obligation quoter keeps its duty, as measured from the tables, and uses what the duty leaves free."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lob_backtest as lob
from lob_backtest.contract.tables import Cause
from lob_backtest.strategies.obligation import Obligation


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "x.parquet"
    lob.generate(path, events=15_000)
    return path


def quoting_share(result: lob.Result, max_spread: int) -> float:
    """Return the share of samples at which both sides stood at the exchange within a spread."""
    samples = result.table("samples").to_pandas()
    spread = samples["ask_quote_ticks"] - samples["bid_quote_ticks"]
    return float(np.mean(spread <= max_spread))


@pytest.mark.parametrize("duty", [0.5, 0.8, 0.95])
def test_the_share_of_time_with_both_sides_is_the_duty_or_more(engine: str, market: Path, duty: float) -> None:
    strategy = Obligation(duty=duty, limit=20)
    result = lob.run(market, strategy, engine=engine, settings={"report.sample": "50ms"})
    assert len(result.fills) > 20
    assert quoting_share(result, strategy.max_spread) > duty - 0.05


def test_a_lower_duty_leaves_more_time_for_one_side(engine: str, market: Path) -> None:
    shares = [quoting_share(lob.run(market, Obligation(duty=duty, limit=0), engine=engine), 5) for duty in (0.3, 0.95)]
    assert shares[0] < shares[1]


def test_every_quote_has_the_size_of_the_duty_and_makes(engine: str, market: Path) -> None:
    result = lob.run(market, Obligation(size=7, spare=2), engine=engine)
    orders = result.table("orders").to_pandas()
    assert (orders["size_lots"] - orders["filled_lots"]).loc[orders["kind"] == lob.UpdateKind.ACCEPTED].min() >= 7
    assert not (result.table("fills").to_pandas()["cause"] == Cause.TAKE).any()
