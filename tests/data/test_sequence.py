"""Numbers of the feed begin anew where it empties the book and on a new day; elsewhere a lower one is a duplicate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from market_rows import T0, clean, write

from lob_backtest.contract.rows import Action
from lob_backtest.data.audit.validate import validate
from lob_backtest.data.reader import open_market

DAY_NS = 86_400 * 10**9


def restarting(at: int, row: dict[str, int] | None, *, later_ns: int = 0) -> dict[str, Any]:
    """The clean market, whose numbers begin anew at a row; `row` is put in before it."""
    columns = clean()
    columns["sequence"] += 900
    columns["sequence"][at:] = np.arange(5, 5 + len(columns["sequence"]) - at)
    for name in ("ts_exchange_ns", "ts_local_ns"):
        columns[name][at:] += later_ns
    if row is not None:
        for name, values in columns.items():
            given = {"side": 0, "order_id": 0, "price_ticks": 0, "size_lots": 0} | row
            columns[name] = np.insert(values, at, given.get(name, values[at]))
    return columns


def found(path: Path, **options: Any) -> dict[str, list[int]]:
    return {str(kind): [sample.row for sample in samples] for kind, _, samples in validate(path, **options).found()}


@pytest.mark.parametrize("number", [0, 4, 941], ids=["without a number", "of the new count", "of the old count"])
@pytest.mark.parametrize("gaps", [False, True])
def test_numbers_begin_anew_where_the_book_is_emptied(tmp_path: Path, number: int, gaps: bool) -> None:
    columns = restarting(40, {"action": Action.CLEAR, "sequence": number})
    assert found(write(tmp_path / "a.parquet", columns), gaps=gaps) == {}


def test_numbers_begin_anew_on_another_day(tmp_path: Path) -> None:
    assert found(write(tmp_path / "a.parquet", restarting(40, None, later_ns=DAY_NS)), gaps=True) == {}


def test_a_clear_of_one_side_and_a_pause_within_a_day_change_nothing(tmp_path: Path) -> None:
    columns = restarting(40, {"action": Action.CLEAR, "side": 1, "sequence": 0})
    assert found(write(tmp_path / "a.parquet", columns)) == {"duplicate": [41]}
    columns = restarting(40, None, later_ns=10**9)
    assert found(write(tmp_path / "a.parquet", columns)) == {"duplicate": [40]}


def test_a_number_that_falls_after_the_new_count_began_is_a_duplicate(tmp_path: Path) -> None:
    columns = restarting(40, {"action": Action.CLEAR, "sequence": 0})
    columns["sequence"][60] = 6
    assert found(write(tmp_path / "a.parquet", columns)) == {"duplicate": [60]}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_found_does_not_depend_on_the_size_of_batches(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = clean(seed=seed)
    columns["sequence"] = random.integers(0, 8, 100)
    columns["ts_exchange_ns"] = T0 // DAY_NS * DAY_NS + np.sort(random.integers(1, 4 * DAY_NS, 100))
    columns["ts_local_ns"] = columns["ts_exchange_ns"] + 1
    cleared = random.random(100) < 0.1
    columns["action"][cleared], columns["side"][cleared] = Action.CLEAR, random.integers(-1, 2, int(cleared.sum()))
    path = write(tmp_path / "a.parquet", columns)

    def counts(batch_rows: int) -> Any:
        source = open_market(path, batch_rows=batch_rows, policies={"sequence_gap": "keep", "duplicate": "keep"})
        assert sum(len(batch.action) for batch in source.batches()) == 100
        return source.counts, source.tally.samples

    assert counts(100)[0]
    assert all(counts(size) == counts(100) for size in (1, 2, 3, 7, 50))
