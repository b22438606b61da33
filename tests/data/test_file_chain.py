"""Several files as one stream: patterns and URIs, order of time, overlaps, files of another instrument."""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
import pytest
from market_rows import L2, T0, clean, column, write

from lob_backtest.contract.rows import Action, Batch
from lob_backtest.data.reader import open_market
from lob_backtest.errors import DataError


def read(path, **options):
    source = open_market(path, **options)
    return source, list(source.batches())


def split(folder, columns, *at):
    edges = [0, *at, len(columns["action"])]
    for i, (begin, end) in enumerate(pairwise(edges)):
        write(folder / f"{i}.parquet", {name: values[begin:end] for name, values in columns.items()})


def test_split_files_read_as_the_whole(tmp_path):
    columns = clean()
    columns["flags"][29] = 0  # A packet goes on in the next file.
    columns["ts_local_ns"][59] += 10**9  # And so does the latest local time.
    _, whole = read(write(tmp_path / "whole", columns))
    split(tmp_path, columns, 30, 60)
    source, parts = read(str(tmp_path / "*.parquet"))
    assert source.counts == {}
    assert source.rows == 100
    for name in Batch._fields[:9]:
        assert column(parts, name) == column(whole, name)
    assert [batch.row for batch in parts] == [0, 0, 0]


def test_files_are_put_in_order_of_time(tmp_path):
    split(tmp_path, clean(), 30, 60)
    paths = [tmp_path / f"{i}.parquet" for i in (2, 0, 1)]
    source, batches = read(paths)
    assert [file.path for file in source.files] == [str(tmp_path / f"{i}.parquet") for i in range(3)]
    assert column(batches, "ts_exchange_ns") == clean()["ts_exchange_ns"].tolist()


def test_overlap_of_two_files_fails_or_its_rows_are_skipped(tmp_path):
    columns = clean()
    times = columns["ts_exchange_ns"]
    write(tmp_path / "a.parquet", {name: values[:60] for name, values in columns.items()})
    write(tmp_path / "b.parquet", {name: values[50:] for name, values in columns.items()})
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    with pytest.raises(DataError, match=rf"b\.parquet, row 0 at .*the file before this one ends at {times[59]}"):
        read(paths)
    source, batches = read(paths, policies={"overlap": "skip"})
    assert source.counts == {"overlap": {"skip": int((times[50:60] < times[59]).sum())}}
    assert np.all(np.diff(column(batches, "ts_exchange_ns")) >= 0)


def test_file_of_another_instrument_is_refused_with_all_differences(tmp_path):
    write(tmp_path / "a.parquet", clean())
    write(tmp_path / "b.parquet", clean(start_ns=T0 + 10**9), symbol="OTHER", tick_size="0.05")
    message = r"b\.parquet differs from .*a\.parquet: symbol 'OTHER', not 'TEST', tick_size 0\.05, not 0\.01"
    with pytest.raises(DataError, match=message):
        open_market([tmp_path / "a.parquet", tmp_path / "b.parquet"])


def test_files_that_disagree_about_late_rows_are_refused(tmp_path):
    columns = clean() | {"action": np.full(100, Action.LEVEL)}
    del columns["order_id"]
    write(tmp_path / "a.parquet", columns, **L2, late_level_ns=5, late_print_ns=0)
    columns["ts_exchange_ns"] = columns["ts_exchange_ns"] + 10**9
    write(tmp_path / "b.parquet", columns, **L2, late_level_ns=6)
    message = (
        r"b\.parquet differs .*: late_level_ns 6, not 5, late_print_ns None, not 0\. Expected files that agree on "
        r"late_level_ns and late_print_ns: convert the files again with this version, or pass files that agree$"
    )
    with pytest.raises(DataError, match=message):
        open_market([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    write(tmp_path / "b.parquet", columns, **L2 | {"symbol": "OTHER"}, late_level_ns=6)
    with pytest.raises(DataError, match=r"late_level_ns 6.*\. Expected files of one instrument: name them apart$"):
        open_market([tmp_path / "a.parquet", tmp_path / "b.parquet"])


@pytest.mark.parametrize("pattern", ["*.parquet", "?.parquet", "[01].parquet"])
def test_uris_and_their_patterns_are_read(tmp_path, pattern):
    split(tmp_path, clean(), 30)
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    write(tmp_path / "sub" / "deep" / "0.parquet", clean())
    write(tmp_path / "sub" / "0.parquet", clean())
    source, batches = read(f"file://{tmp_path}/{pattern}")
    assert [os.path.basename(file.path) for file in source.files] == ["0.parquet", "1.parquet"]
    assert len(column(batches, "action")) == 100
    assert open_market(f"file://{tmp_path}/*/0.parquet").rows == 100
    assert open_market(f"file://{tmp_path}/0.parquet").rows == 30


def test_file_whose_name_has_brackets_is_no_pattern(tmp_path):
    assert open_market(write(tmp_path / "a[1].parquet", clean())).rows == 100


def test_pattern_without_a_match_is_an_error(tmp_path):
    for pattern in (f"{tmp_path}/*.parquet", f"file://{tmp_path}/*.parquet"):
        with pytest.raises(DataError, match="no file matches this pattern"):
            open_market(pattern)
    with pytest.raises(DataError, match="no market data files given"):
        open_market([])
