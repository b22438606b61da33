"""A known run gives the known result, to the last integer, on every engine.

When a change of the fill model moves these on purpose, say why in the commit that pins them anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import lob_backtest as lob
from lob_backtest.strategies.fixed_spread import FixedSpread
from lob_backtest.strategies.inventory_skew import InventorySkew

SAMPLE = Path(__file__).parents[2] / "data" / "sample-l3.parquet"
CONFIG = {
    "run": {"end": "2024-07-19T14:00:00Z"},
    "instrument": [{"data": [str(SAMPLE)], "fees": {"maker_bps": -0.2, "taker_bps": 0.5}}],
    "risk": {"max_position": 200},
}

KNOWN = {
    "skew": (
        InventorySkew,
        {},
        "dc59d7ee056bb169abdb7c964dfbc34e90bebc953ed4576ad569244b6564cb63",
        {"fills": 887, "pnl_currency": 1.6961296},
    ),
    "spread": (
        FixedSpread,
        {"run.at_end": "flatten", "latency.entry": "20ms"},
        "a75fe5310cb7bd3b709349da1e879b643355aa165babbd1569d54a3db653c740",
        {"fills": 492, "pnl_currency": -109.6372983},
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_run_gives_the_known_digest(engine: str, name: str) -> None:
    make, changes, digest, metrics = KNOWN[name]
    config = lob.RunConfig.of(CONFIG)
    for key, value in changes.items():
        config = config.set(key, value)
    result = lob.run(config, make(), engine=engine)
    found = {metric: result.summary[metric] for metric in metrics}
    assert (found, result.digest) == (metrics, digest)
