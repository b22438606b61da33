"""Memory of a report: that of stretches, not that of the market. Counted, not timed, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from large_result import large_result

PEAK = """
import json, sys, tracemalloc
import plotly.graph_objects, plotly.offline, jinja2, pyarrow.parquet
import pyarrow as pa
import lob_backtest as lob
from lob_backtest.report import charts, page
tracemalloc.start()
result = lob.Result.load(sys.argv[1])
result.save(sys.argv[2])
result._repr_html_()
assert lob.compare(sys.argv[1], sys.argv[2]).same
print(json.dumps(tracemalloc.get_traced_memory()[1] + pa.default_memory_pool().max_memory()))
"""


def peak(folder: Path, rows: int, fills: int) -> int:
    """Return the peak of what Python, numpy and Arrow hold while a saved result is measured, saved and compared."""
    made = large_result(rows, fills).save(folder / f"made-{rows}-{fills}", page=False)
    again = folder / f"again-{rows}-{fills}"
    done = subprocess.run([sys.executable, "-c", PEAK, made, again], stdout=subprocess.PIPE, check=True, text=True)
    found = json.loads(done.stdout)
    assert isinstance(found, int)
    return found


@pytest.mark.slow
def test_memory_of_a_report_does_not_grow_with_the_market(tmp_path: Path) -> None:
    short, long = (peak(tmp_path, rows, 10_000) for rows in (150_000, 600_000))
    assert long <= 1.3 * short


@pytest.mark.slow
def test_memory_of_a_report_grows_by_one_integer_per_fill(tmp_path: Path) -> None:
    few, many = 300_000, 900_000
    short, long = (peak(tmp_path, 150_000, fills) for fills in (few, many))
    assert long - short <= 1.5 * 8 * (many - few)  # the sums that the bootstrap samples from
