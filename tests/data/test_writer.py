from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_rows import L2, META, T0, clean, write

from lob_backtest.contract.rows import COLUMNS, Action, columns_of
from lob_backtest.data import writer as writer_module
from lob_backtest.data.writer import EventWriter, read_events, write_events
from lob_backtest.errors import DataError, OutputError


def one_row(**changes):
    row = {"ts_exchange_ns": [T0], "action": [1], "side": [1], "order_id": [7], "price_ticks": [100]}
    return row | {"size_lots": [5], "flags": [1]} | changes


@pytest.mark.parametrize("form", [dict, pd.DataFrame, pa.table, lambda c: {k: v.tolist() for k, v in c.items()}])
def test_events_come_back_as_they_went_in_whatever_their_form(tmp_path, form):
    columns = clean()
    frame = read_events(write(tmp_path / "a.parquet", form(columns)))
    assert list(frame.columns) == COLUMNS.names
    for name, values in columns.items():
        assert frame[name].tolist() == values.tolist()
        assert frame[name].dtype == COLUMNS.field(name).type.to_pandas_dtype()


@settings(deadline=None)  # the first example also pays for imports
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.integers(0, 255),
            st.integers(-128, 127),
            st.integers(0, 2**64 - 1),
        ),
        min_size=1,
    )
)
def test_any_value_of_a_columns_type_survives(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("any") / "a.parquet"
    times, local, actions, sides, ids = map(list, zip(*rows, strict=True))
    columns = {"ts_exchange_ns": times, "ts_local_ns": local, "action": actions, "side": sides, "order_id": ids}
    columns |= {"price_ticks": times, "size_lots": times, "flags": actions, "sequence": ids}
    frame = read_events(write(path, columns))
    for name, values in columns.items():
        assert [None if value is pd.NA else int(value) for value in frame[name]] == values


def test_missing_local_times_come_back_as_missing(tmp_path):
    columns = clean(1) | {"ts_local_ns": [None, T0 + 1, None, T0 + 2]}
    frame = read_events(write(tmp_path / "a.parquet", columns))
    assert str(frame["ts_local_ns"].dtype) == "Int64"
    assert frame["ts_local_ns"].isna().tolist() == [True, False, True, False]
    again = read_events(write(tmp_path / "b.parquet", frame))
    pd.testing.assert_frame_equal(frame, again)


def test_optional_columns_are_filled(tmp_path):
    columns = one_row()
    del columns["order_id"]
    frame = read_events(write(tmp_path / "a.parquet", columns))
    assert frame["ts_local_ns"].isna().all()
    assert frame[["order_id", "phase", "sequence"]].to_numpy().tolist() == [[0, 0, 0]]


def test_l2_files_have_no_order_ids(tmp_path):
    columns = one_row(action=[Action.LEVEL])
    with pytest.raises(DataError, match="unknown order_id"):
        write(tmp_path / "a.parquet", columns, **L2)
    del columns["order_id"]
    write(tmp_path / "a.parquet", columns, **L2)
    assert pq.read_schema(tmp_path / "a.parquet").names == columns_of(2).names
    assert "order_id" not in read_events(tmp_path / "a.parquet")


def test_metadata_comes_back_as_keywords(tmp_path):
    meta = META | {"venue": "XNAS", "depth": 5, "clock_shift_ns": -3, "source": "f.csv sha256:00", "tick_size": 0.05}
    write_events(tmp_path / "a.parquet", clean(), **meta)
    attrs = read_events(tmp_path / "a.parquet").attrs
    assert attrs == meta | {"tick_size": "0.05"}
    write_events(tmp_path / "b.parquet", clean(), **attrs)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def level_rows():
    columns = one_row(action=[Action.LEVEL])
    del columns["order_id"]
    return columns


LATE = {"late_level_ns": (1 << 60) - 1, "late_print_ns": 0}


@pytest.mark.parametrize("late", [{}, {"late_level_ns": 250_000_000}, LATE])
def test_limits_of_late_rows_come_back_as_keywords(tmp_path, late):
    attrs = read_events(write(tmp_path / "a.parquet", level_rows(), **L2, **late)).attrs
    assert {name: attrs[name] for name in ("late_level_ns", "late_print_ns")} == {
        "late_level_ns": None,
        "late_print_ns": None,
    } | late
    write_events(tmp_path / "b.parquet", level_rows(), **attrs)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize("name", ["late_level_ns", "late_print_ns"])
@pytest.mark.parametrize("value", [-1, 1 << 60, 0.5, True, "250ms"])
def test_impossible_limit_of_late_rows_is_not_written(tmp_path, name, value):
    with pytest.raises(DataError, match=rf"{name} .*: expected an integer of nanoseconds from 0 to 2\^60 - 1"):
        write(tmp_path / "a.parquet", level_rows(), **L2, **{name: value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["late_level_ns", "late_print_ns"])
def test_limits_of_late_rows_are_not_written_to_l3_files(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name} 5: only L2 files have it"):
        write(tmp_path / "a.parquet", clean(), **{name: 5})


def test_metadata_learnt_late_is_written(tmp_path):
    with EventWriter(tmp_path / "a.parquet", **META) as writer:
        writer.write(clean())
        writer.depth, writer.clock_shift_ns, writer.source = 10, 1500, "late"
    attrs = read_events(tmp_path / "a.parquet").attrs
    assert (attrs["depth"], attrs["clock_shift_ns"], attrs["source"]) == (10, 1500, "late")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("action", [1, 2, 300], r"action, row 2: 300 does not fit; expected an integer from 0 to 255"),
        ("action", np.array([1, -1, 3]), r"action, row 1: -1 does not fit"),
        ("side", [1, 128, 1], r"side, row 1: 128 does not fit"),
        ("order_id", [1, 2**64, 3], r"order_id, row 1: 18446744073709551616 does not fit"),
        ("order_id", [1, -2, 3], r"order_id, row 1: -2 does not fit"),
        ("price_ticks", [1, 2, 2**63], r"price_ticks, row 2: 9223372036854775808 does not fit"),
        ("price_ticks", np.array([1, 2, 2**63], np.uint64), r"price_ticks, row 2: 9223372036854775808 does not fit"),
        ("price_ticks", [1, 2.5, 3], r"price_ticks, row 1: 2\.5 does not fit.*a whole number of ticks"),
        ("price_ticks", [1, "2", 3], r"price_ticks, row 1: '2' does not fit"),
        ("price_ticks", np.array([1.0, 2.0, 3.0]), r"price_ticks: float64 \(3,\); expected int64"),
        ("size_lots", [1, None, 3], r"size_lots, row 1: None does not fit"),
        ("size_lots", pa.array([1, 2, None]), r"size_lots, row 2: null; expected int64"),
        ("size_lots", pd.Series([1, None, 2], dtype="Int64"), r"size_lots, row 1: null; expected int64"),
        ("size_lots", pd.Series([1, None, 2]), r"size_lots: double; expected int64"),
        ("ts_exchange_ns", pd.Series(pd.to_datetime([0, 1, 2])), r"timestamp\[ns\].*nanoseconds since 1970"),
        ("ts_local_ns", [None, 2**63, None], r"ts_local_ns, row 1: 9223372036854775808 does not fit"),
    ],
)
def test_value_that_does_not_fit_is_named(tmp_path, column, values, message):
    columns = {name: value * 3 for name, value in one_row().items()} | {column: values}
    with pytest.raises(DataError, match=message):
        write(tmp_path / "a.parquet", columns)
    assert list(tmp_path.iterdir()) == []


def test_row_in_a_message_counts_from_the_start_of_the_file(tmp_path):
    more = {name: value * 5 for name, value in one_row().items()} | {"side": [1, 1, 1, 1, 999]}
    with EventWriter(tmp_path / "a.parquet", **META) as writer:
        writer.write(clean())
        with pytest.raises(DataError, match="side, row 104: 999"):
            writer.write(more)


def test_all_wrong_columns_are_listed_at_once(tmp_path):
    columns = one_row(price=[1], qty=[2])
    del columns["price_ticks"], columns["flags"]
    with pytest.raises(DataError, match="missing price_ticks, flags; unknown price, qty; expected ts_exchange_ns"):
        write(tmp_path / "a.parquet", columns)


def test_columns_of_different_lengths_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"columns differ in length: .*side 2"):
        write(tmp_path / "a.parquet", one_row(side=[1, 1]))


def test_events_of_another_kind_are_refused(tmp_path):
    with pytest.raises(DataError, match="events: list; expected a dict of columns"):
        write(tmp_path / "a.parquet", [1, 2])


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"level": 1}, "level 1: expected 2"),
        ({"symbol": " "}, "symbol ' '"),
        ({"tick_size": "a cent"}, "tick_size 'a cent': expected a positive decimal"),
        ({"tick_size": 0}, "tick_size 0"),
        ({"lot_size": Decimal("-1")}, "lot_size"),
        ({"lot_size": float("nan")}, "lot_size nan"),
    ],
)
def test_impossible_metadata_is_refused(tmp_path, meta, message):
    with pytest.raises(DataError, match=message):
        write(tmp_path / "a.parquet", clean(), **meta)
    assert list(tmp_path.iterdir()) == []


def test_file_without_events_is_not_written(tmp_path):
    with pytest.raises(DataError, match="no events to write"), EventWriter(tmp_path / "a.parquet", **META):
        pass
    assert list(tmp_path.iterdir()) == []


def test_file_is_whole_or_absent(tmp_path):
    path = write(tmp_path / "a.parquet", clean(1))
    before = path.read_bytes()

    def interrupt():
        with EventWriter(path, **META) as writer:
            writer.write(clean(30))
            assert len(list(tmp_path.iterdir())) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_disk_that_fails_is_an_output_error_and_leaves_nothing(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=r"a\.parquet: No space left on device; nothing was left behind"):
        write(tmp_path / "a.parquet", clean())
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_one_error_and_leaves_nothing(tmp_path):
    """A real fault: the system refuses to let the file grow past 20 kB."""
    code = """
import resource, signal, sys
import numpy as np
from lob_backtest.errors import OutputError
from lob_backtest.data.writer import write_events
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
n = 20_000
random = np.random.default_rng(1).integers(1, 2**40, n)
columns = dict.fromkeys(("ts_exchange_ns", "order_id", "price_ticks", "size_lots"), random)
columns |= dict.fromkeys(("action", "side", "flags"), np.ones(n, int))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_events(sys.argv[1], columns, level=3, symbol="S", tick_size=1, lot_size=1)
except OutputError as error:
    print(error)
"""
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "a.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "cannot write" in done.stdout
    assert "File too large" in done.stdout
    assert done.stderr == ""
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="nowhere: no such folder; make it first"):
        write(tmp_path / "nowhere" / "a.parquet", clean())


def test_row_groups_fill_across_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_module, "ROW_GROUP_ROWS", 64)
    columns = clean(75)
    with EventWriter(tmp_path / "a.parquet", **META) as writer:
        for begin in range(0, 300, 50):
            writer.write({name: value[begin : begin + 50] for name, value in columns.items()})
        assert writer.rows == 300
    meta = pq.read_metadata(tmp_path / "a.parquet")
    assert [meta.row_group(i).num_rows for i in range(meta.num_row_groups)] == [64, 64, 64, 64, 44]
    assert read_events(tmp_path / "a.parquet")["ts_exchange_ns"].tolist() == columns["ts_exchange_ns"].tolist()
