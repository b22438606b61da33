"""Market making over real days: it fills, it reports, and the money adds up to the last integer."""

from __future__ import annotations

from pathlib import Path

import pytest

import lob_backtest as lob
from lob_backtest.strategies.inventory_skew import InventorySkew

DAYS = {
    "AMZN-5": ("lobster", "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip", {"feed": "500us"}),
    "AMZN-1": ("lobster", "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_1.zip", {"feed": "500us"}),
    "ARL": ("databento", "databento/ARL_xnas-itch_2025-07-17.mbo.csv.gz", {}),
}


@pytest.mark.parametrize("day", DAYS)
def test_inventory_skew_over_a_real_day_leaves_no_residual(
    engine: str, day: str, shared_data: Path, tmp_path: Path
) -> None:
    vendor, name, latency = DAYS[day]
    file = tmp_path / "day.parquet"
    lob.convert(vendor, [shared_data / name], file)
    config = {
        "instrument": [{"data": [str(file)], "fees": {"maker_per_lot": -0.002, "taker_per_lot": 0.003}}],
        "latency": latency,
        "risk": {"max_position": 1000},
    }
    result = lob.run(config, InventorySkew(size=100, limit=1000), engine=engine)
    assert result.summary["residual_half_tick_lots"] == 0
    assert result.summary["residual_fees_micro"] == 0
    assert result.table("fills").num_rows > 0
    assert result.table("samples")["position_lots"].to_numpy().max() <= 1000
    result.save(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Where the money came from" in page
    assert lob.compare(result, tmp_path / "out").exit_code == 0
