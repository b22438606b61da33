from __future__ import annotations

import numpy as np
import pytest
from market_rows import T0, clean, write

from lob_backtest.data.audit import summary as summary_module
from lob_backtest.data.audit.summary import first_rows, summarize
from lob_backtest.data.files import MarketFile


def test_summary_counts_what_is_there(tmp_path):
    columns = clean()
    columns["flags"][:10] = 6
    summary = summarize(write(tmp_path / "a.parquet", columns, venue="V")).to_dict()
    assert summary["actions"] == {"ADD": 25, "CANCEL": 25, "MODIFY": 25, "EXECUTE": 25}
    assert summary["flags"] == {"LAST": 90, "SNAPSHOT": 10, "HIDDEN": 10}
    assert summary["size_lots"] == [3, 10]
    assert summary["price_ticks"] == [columns["price_ticks"].min(), columns["price_ticks"].max()]
    assert summary["first_exchange_ns"] == columns["ts_exchange_ns"][0]
    assert summary["last_exchange_ns"] == columns["ts_exchange_ns"][-1]
    assert (summary["rows"], summary["row_groups"], summary["venue"]) == (100, 1, "V")
    assert summary["bytes"] == (tmp_path / "a.parquet").stat().st_size
    assert summary["columns"]["action"]["compression"] == "LZ4"


@pytest.mark.parametrize("sampled", [1 << 20, 30])
def test_latency_extremes_are_exact_and_the_median_close(tmp_path, monkeypatch, sampled):
    monkeypatch.setattr(summary_module, "SAMPLED_ROWS", sampled)
    columns = clean(250)
    delays = columns["ts_local_ns"] - columns["ts_exchange_ns"]
    latency = summarize(write(tmp_path / "a.parquet", columns)).latency_ns
    assert (latency["min"], latency["max"]) == (delays.min(), delays.max())
    assert abs(latency["p50"] - np.median(delays)) < (50 if sampled > 1000 else 1500)


def test_local_times_may_be_missing(tmp_path):
    columns = {name: values.tolist() for name, values in clean(1).items()}
    columns["ts_local_ns"] = [None, columns["ts_exchange_ns"][1] + 77, None, None]
    summary = summarize(write(tmp_path / "a.parquet", columns))
    assert summary.local_rows == 1
    assert set(summary.latency_ns.values()) == {77}
    del columns["ts_local_ns"]
    summary = summarize(write(tmp_path / "b.parquet", columns))
    assert (summary.local_rows, summary.latency_ns) == (0, {})


def test_codes_without_a_name_are_shown_as_numbers(tmp_path):
    columns = clean(1) | {"action": [1, 99, 4, 2], "flags": [1, 1, 128, 1]}
    summary = summarize(write(tmp_path / "a.parquet", columns)).to_dict()
    assert summary["actions"] == {"ADD": 1, "CANCEL": 1, "EXECUTE": 1, "99": 1}
    assert summary["flags"] == {"LAST": 3, "128": 1}


@pytest.mark.parametrize("count", [1, 3, 100, 500])
def test_first_rows_are_the_first(tmp_path, count):
    file = MarketFile.open(write(tmp_path / "a.parquet", clean()))
    table = first_rows(file, count)
    assert table.num_rows == min(count, 100)
    assert table["ts_exchange_ns"][0].as_py() >= T0
