from __future__ import annotations

import numpy as np
import pytest
from market_rows import L2, T0, clean, with_row, write

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.audit.validate import validate
from lob_backtest.errors import DataError


def found(*paths, **options):
    """The faults as {kind: (count, first rows)}."""
    return {
        str(kind): (count, [sample.row for sample in samples])
        for kind, count, samples in validate(paths, **options).found()
    }


def check(tmp_path, columns, **meta):
    return found(write(tmp_path / "a.parquet", columns, **meta))


def test_clean_file_has_no_faults(tmp_path):
    result = validate(write(tmp_path / "a.parquet", clean()))
    assert result.is_clean
    assert result.rows == 100
    assert result.to_dict()["kinds"] == {}


@pytest.mark.parametrize(
    ("row", "changes", "faults"),
    [
        (40, {"side": 0}, {"bad_side": [40], "unknown_order": [41, 42, 43]}),
        (43, {"action": 77}, {"unknown_action": [43]}),
        (43, {"size_lots": 0}, {"zero_size": [43]}),
        (43, {"size_lots": -4}, {"out_of_range": [43]}),
        (43, {"ts_exchange_ns": T0 - 1}, {"time_backwards": [43]}),
        (43, {"ts_local_ns": T0 - 1}, {"local_before_exchange": [43]}),
        (99, {"flags": 0}, {"no_last": [99]}),
        (43, {"order_id": 999}, {"unknown_order": [43]}),
        (41, {"order_id": 999}, {"unknown_order": [41]}),
        (42, {"size_lots": 9}, {"oversize": [42]}),
        (43, {"size_lots": 6}, {"oversize": [43]}),
        (44, {"order_id": 999}, {"unknown_order": [45, 46, 47]}),
        (41, {"action": Action.ADD}, {"duplicate_order": [41]}),
        (50, {"sequence": 3}, {"duplicate": [50]}),
    ],
)
def test_each_fault_is_found_where_it_is(tmp_path, row, changes, faults):
    assert check(tmp_path, with_row(row, **changes)) == {kind: (len(rows), rows) for kind, rows in faults.items()}


def test_row_on_the_other_side_than_its_order_is_found(tmp_path):
    columns = clean()
    columns["side"][41] *= -1
    assert check(tmp_path, columns) == {"bad_side": (1, [41])}


def rows_of(*rows):
    """Rows given as (action, side, order_id, price, size, flags, phase)."""
    columns = np.array(rows).T
    names = ("action", "side", "order_id", "price_ticks", "size_lots", "flags", "phase")
    times = T0 + np.arange(len(rows))
    return {"ts_exchange_ns": times, "ts_local_ns": times + 1, **dict(zip(names, columns, strict=True))}


BID, CROSSING, LOCKING = (1, 1, 1, 100, 5, 1, 0), (1, -1, 2, 99, 5, 1, 0), (1, -1, 2, 100, 5, 1, 0)
GONE = (2, -1, 2, 99, 5, 1, 0)


@pytest.mark.parametrize("ask", [CROSSING, LOCKING])
def test_crossed_and_locked_books_are_found_at_the_end_of_packets(tmp_path, ask):
    assert check(tmp_path, rows_of(BID, ask, GONE)) == {"crossed": (1, [1])}
    within = (*ask[:5], 0, 0)
    assert check(tmp_path, rows_of(BID, within, GONE)) == {}


def test_crossed_book_is_no_fault_outside_the_continuous_phase_or_while_suspect(tmp_path):
    auction, continuous = (7, 0, 0, 0, 0, 1, 2), (7, 0, 0, 0, 0, 1, 1)
    assert check(tmp_path, rows_of(auction, BID, CROSSING, GONE, continuous)) == {}
    assert check(tmp_path, rows_of(auction, BID, CROSSING, continuous, GONE)) == {"crossed": (1, [3])}
    suspect = (*CROSSING[:5], int(Flag.LAST | Flag.SUSPECT), 0)
    assert check(tmp_path, rows_of(BID, suspect, GONE)) == {}


def test_l2_books_are_checked_too(tmp_path):
    columns = rows_of((8, 1, 0, 100, 5, 1, 0), (8, -1, 0, 100, 5, 1, 0), (8, -1, 0, 100, 0, 1, 0))
    del columns["order_id"]
    assert check(tmp_path, columns, **L2) == {"crossed": (1, [1])}


def test_file_of_another_instrument_is_named_and_left_out(tmp_path):
    a = write(tmp_path / "a.parquet", clean())
    b = write(tmp_path / "b.parquet", clean(start_ns=T0 + 10**9), symbol="OTHER")
    assert found(a, b) == {"foreign_file": (1, [0])}
    assert validate([a, b]).rows == 100


def test_overlap_of_files_is_found(tmp_path):
    columns = clean()
    a = write(tmp_path / "a.parquet", {name: values[:60] for name, values in columns.items()})
    b = write(tmp_path / "b.parquet", {name: values[48:] for name, values in columns.items()})
    count, rows = found(a, b)["overlap"]
    assert (count, rows) == (11, [0, 1, 2, 3, 4])


def test_gaps_are_looked_for_on_request(tmp_path):
    columns = clean()
    columns["sequence"][50:] += 7
    path = write(tmp_path / "a.parquet", columns)
    assert found(path) == {}
    assert found(path, gaps=True) == {"sequence_gap": (1, [50])}


def test_missing_local_times_are_a_fault_only_among_others(tmp_path):
    columns = clean()
    del columns["ts_local_ns"]
    assert check(tmp_path, columns) == {}
    times = [None if row == 7 else time for row, time in enumerate(clean()["ts_local_ns"].tolist())]
    assert check(tmp_path, columns | {"ts_local_ns": times}) == {"missing_local": (1, [7])}


def test_file_of_nothing_but_faults_is_listed_not_refused(tmp_path):
    columns = clean() | {"action": np.full(100, 99)}
    assert check(tmp_path, columns) == {"unknown_action": (100, [0, 1, 2, 3, 4])}


def test_unreadable_file_is_an_error_even_where_all_rows_before_were_bad(tmp_path):
    columns = clean() | {"action": np.full(100, 99)}
    path = write(tmp_path / "a.parquet", columns)
    whole = bytearray(path.read_bytes())
    whole[200] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(DataError, match="corrupt"):
        validate(path)
