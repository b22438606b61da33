"""The hash and the rows of a run are of one state of its files: whatever happens to a file meanwhile ends the run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from market_rows import T0, clean, write

import lob_backtest as lob
from lob_backtest.data.files import MarketFile, hashed_meanwhile
from lob_backtest.data.provenance import Origin, stamp_of
from lob_backtest.data.reader import open_market
from lob_backtest.errors import DataError
from lob_backtest.printable import utf8

CHANGED = "changed while it was read"


def replaced(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy(path, other)
    other.replace(path)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def overwritten_under_its_old_time(path: Path) -> None:
    """The same length and the same time of change: what `rsync --inplace --times` leaves."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\0")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: list[Callable[[Path], None]] = [
    replaced, truncated, appended, overwritten_under_its_old_time, Path.touch, Path.unlink,
]  # fmt: skip
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)


@pytest.fixture
def days(tmp_path: Path) -> list[Path]:
    paths = [write(tmp_path / f"{day}.parquet", clean(start_ns=T0 + day * 10**12)) for day in range(3)]
    for path in paths:  # file systems tell times apart to some milliseconds only
        os.utime(path, ns=(T0, T0))
    return paths


class Meddler(lob.Strategy):
    """Does something to a file when the market begins."""

    def __init__(self, what: Callable[[], object]) -> None:
        self._what = what

    def on_start(self, ctx: lob.Context) -> None:
        self._what()


@each_change
@pytest.mark.parametrize("day", [0, 2])
def test_a_file_that_changes_during_a_run_ends_it(
    days: list[Path], engine: str, change: Callable[[Path], None], day: int
) -> None:
    with pytest.raises(DataError, match=rf"{day}\.parquet: {CHANGED}.*Start again"):
        lob.run(
            {"instrument": [{"data": [str(path) for path in days]}]}, Meddler(lambda: change(days[day])), engine=engine
        )


def test_files_that_stay_as_they_are_run_and_their_access_times_do_not_count(days: list[Path], engine: str) -> None:
    result = lob.run(
        {"instrument": [{"data": [str(path) for path in days]}]}, Meddler(days[0].read_bytes), engine=engine
    )
    assert [each.rows for each in result.info.inputs] == [100, 100, 100]


@each_change
def test_a_file_that_changed_since_it_was_opened_is_not_read(days: list[Path], change: Callable[[Path], None]) -> None:
    source = open_market(days)
    change(days[1])
    with pytest.raises(DataError, match=rf"1\.parquet: {CHANGED}"):
        list(source.batches())


@each_change
def test_a_file_that_changed_is_not_hashed(days: list[Path], change: Callable[[Path], None]) -> None:
    file = MarketFile.open(days[0])
    change(days[0])
    with pytest.raises(DataError, match=rf"0\.parquet: {CHANGED}"), hashed_meanwhile([file]):
        pass
    with pytest.raises(DataError, match=rf"0\.parquet: {CHANGED}"):
        _ = file.sha256


def test_a_change_after_the_hash_was_found_is_seen_at_the_end(days: list[Path]) -> None:
    file = MarketFile.open(days[0])
    file.hash_now(Event())
    assert "sha256" in vars(file)
    with pytest.raises(DataError, match=CHANGED), hashed_meanwhile([file]):
        appended(days[0])


def test_damage_that_comes_from_a_change_is_told_as_the_change(tmp_path: Path) -> None:
    rows = 300_000
    columns = {name: np.resize(values, rows) for name, values in clean().items()}
    columns["ts_exchange_ns"] = columns["ts_local_ns"] = T0 + np.arange(rows)
    columns["order_id"] = columns["sequence"] = np.random.default_rng(1).integers(1, 2**63, rows)
    path = write(tmp_path / "a.parquet", columns)
    file = MarketFile.open(path)
    batches = file.raw_batches(["order_id"], batch_rows=1000)
    next(batches)
    truncated(path)
    with pytest.raises(DataError, match=CHANGED):
        list(batches)


def test_a_vendor_file_is_hashed_if_it_is_the_one_that_was_stamped(tmp_path: Path) -> None:
    path = tmp_path / "vendor.csv"
    path.write_bytes(b"abc")
    stamp = stamp_of(path)
    assert (Origin.local(path).sha256(stamp) or "").startswith("ba7816bf8f01cfea")
    appended(path)
    with pytest.raises(DataError, match=rf"vendor\.csv: {CHANGED}"):
        Origin.local(path).sha256(stamp)


def test_bytes_of_a_name_that_are_not_utf8_are_escaped() -> None:
    assert utf8(os.fsdecode(b"caf\xe9/\xc3\xa9.parquet")) == r"caf\xe9/é.parquet"
