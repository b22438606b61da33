"""`run(..., out=FOLDER)` writes its tables as they are made; what it gives is what `run` and `save` give."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from result_factory import left_in

import lob_backtest as lob
from lob_backtest.contract.tables import UNUSED
from lob_backtest.data.writer import EventWriter
from lob_backtest.engine import ENGINES
from lob_backtest.errors import DataError, OutputError, StrategyError
from lob_backtest.result import Result
from lob_backtest.results import folder as storage
from lob_backtest.results import table_file
from lob_backtest.results.table_file import TableFile, TableWriter

TABLES = ("fills", "orders", "bbo", "samples", "series")
SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample-l3.parquet"


class Quotes(lob.Strategy):
    """Quotes the best prices; raises in the callback of that number."""

    raises_at: int = -1

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(100 * lob.MS)
        self._n = 0

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        self._n += 1
        if self._n == self.raises_at:
            raise RuntimeError("enough")
        if ctx.book.mid_ticks is not None:
            ctx.quote(bid=(ctx.book.bid_ticks, 2), ask=(ctx.book.ask_ticks, 2))
            ctx.record("mid", ctx.book.mid_ticks)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=4_000)
    return path


@pytest.fixture(autouse=True)
def many_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "ROW_GROUP_ROWS", 100)


def config(*paths: Path) -> dict[str, Any]:
    return {"instrument": [{"name": f"X{i}", "data": [str(path)]} for i, path in enumerate(paths)]}


def files_of(folder: Path) -> dict[str, Any]:
    """Read a result: the bytes of its files, and of `summary.json` all but what the clock on the wall said."""
    files: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir()}
    files["summary.json"] = {**json.loads(files["summary.json"]), "timing": None}
    return files


@pytest.mark.parametrize("instruments", [1, 2])
def test_the_files_are_those_of_a_saved_result(engine: str, instruments: int, market: Path, tmp_path: Path) -> None:
    saved = lob.run(config(*[market] * instruments), Quotes, engine=engine)
    saved.save(tmp_path / "saved")
    lob.run(config(*[market] * instruments), Quotes, engine=engine, out=tmp_path / "made")
    assert saved.table("fills").num_rows > 10
    assert files_of(tmp_path / "made") == files_of(tmp_path / "saved")
    assert left_in(tmp_path) == ["made", "saved"]


def test_the_result_is_that_of_a_run_in_memory(market: Path, tmp_path: Path) -> None:
    kept, made = lob.run(config(market), Quotes), lob.run(config(market), Quotes, out=tmp_path / "made")
    assert made.digest == kept.digest
    assert made.summary == kept.summary
    for name in (*TABLES, "lots"):
        assert made.table(name).equals(kept.table(name))
    assert made.series("mid").equals(kept.series("mid"))
    with pytest.raises(KeyError, match="there are mid"):
        made.series("nothing")
    assert made.bbo.equals(kept.bbo)
    assert Result.load(tmp_path / "made").digest == kept.digest


def test_the_result_can_be_saved_elsewhere(market: Path, tmp_path: Path) -> None:
    made = lob.run(config(market), Quotes, out=tmp_path / "made")
    made.save(tmp_path / "copy")
    assert files_of(tmp_path / "copy") == files_of(tmp_path / "made")
    made.save(tmp_path / "made", force=True)
    assert files_of(tmp_path / "copy") == files_of(tmp_path / "made")


def test_a_folder_that_was_removed_is_told(market: Path, tmp_path: Path) -> None:
    made = lob.run(config(market), Quotes, out=tmp_path / "made")
    (tmp_path / "made" / "bbo.parquet").unlink()
    with pytest.raises(DataError, match=r"bbo\.parquet: missing; run the backtest again"):
        made.table("bbo")


def test_a_strategy_that_raises_leaves_what_there_was(engine: str, market: Path, tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="enough") as caught:
        lob.run(config(market), Quotes(raises_at=100), engine=engine, out=tmp_path / "made")
    assert caught.value.result is not None
    loaded = Result.load(tmp_path / "made")
    assert (loaded.status, loaded.digest) == ("partial", caught.value.result.digest)
    assert caught.value.result.table("orders").num_rows == loaded.table("orders").num_rows > 0


def test_bad_data_leave_nothing(engine: str, market: Path, tmp_path: Path) -> None:
    table = pq.read_table(market)
    with EventWriter(tmp_path / "bad.parquet", level=3, symbol="BAD", tick_size=1, lot_size=1) as writer:
        writer.write(table)
        writer.write(table)  # time runs backwards here
    with pytest.raises(DataError, match="time runs backwards"):
        lob.run(config(tmp_path / "bad.parquet"), Quotes, engine=engine, out=tmp_path / "made")
    assert left_in(tmp_path) == ["bad.parquet"]


def test_a_folder_that_is_there_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    with pytest.raises(OutputError, match=r"exists.*--force"):
        lob.run(config(tmp_path / "absent.parquet"), Quotes, out=tmp_path / "made")


@pytest.mark.parametrize(("method", "fails_at"), [("write", 0), ("write", 3), ("finish", 0), ("finish", 4)])
def test_a_full_disk_leaves_the_result_that_was_there(
    engine: str, method: str, fails_at: int, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lob.run(config(market), lob.Strategy, engine=engine, out=tmp_path / "made")
    calls, works = iter(range(100)), getattr(TableWriter, method)

    def full(*arguments: Any) -> None:
        if next(calls) == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        works(*arguments)

    monkeypatch.setattr(TableWriter, method, full)
    with pytest.raises(OutputError, match=r"cannot write .*made: No space left on device; nothing was left behind"):
        lob.run(config(market), Quotes, engine=engine, out=tmp_path / "made", force=True)
    monkeypatch.undo()
    assert left_in(tmp_path) == ["made"]
    assert Result.load(tmp_path / "made").digest == before.digest


def test_a_strategy_that_raises_is_told_where_its_result_cannot_be_completed(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Result) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("lob_backtest.report.show.page.page", full)
    with pytest.raises(OutputError, match=r"No space left.*kept as .*made\.kept;.*before that: .*enough") as caught:
        lob.run(config(market), Quotes(raises_at=100), out=tmp_path / "made")
    assert caught.value.result is not None
    assert left_in(tmp_path) == ["made.kept"]
    kept = Result.load(tmp_path / "made.kept")
    assert (kept.status, kept.digest) == ("partial", caught.value.result.digest)
    assert caught.value.result.table("orders").equals(kept.table("orders"))


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes")
def test_a_real_limit_keeps_the_tables_and_report_completes_them(market: Path, tmp_path: Path) -> None:
    """The system lets no file grow past 2 MB; the page takes 5."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    run = [
        sys.executable,
        "-m",
        "lob_backtest.cli",
        "run",
        "-d",
        str(market),
        "-s",
        "lob_backtest:Strategy",
        "-o",
        "out",
    ]
    done = subprocess.run(run, cwd=tmp_path, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "out: File too large; the tables are kept as " in done.stderr
    assert left_in(tmp_path) == ["out.kept"]
    report = [sys.executable, "-m", "lob_backtest.cli", "report", "out.kept"]
    subprocess.run(report, cwd=tmp_path, capture_output=True, check=True)
    assert {path.name for path in (tmp_path / "out.kept").iterdir()} == storage.FILES


PEAK = """
import sys
import lob_backtest as lob

config = {"instrument": [{"data": [sys.argv[1]]}], "report": {"sample": "1h"}}
lob.run(config, lob.Strategy, out=sys.argv[2])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def repeated(path: Path, times: int) -> Path:
    """Write the sample several times over, one after the other, each with orders of its own."""
    table = pq.read_table(SAMPLE)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    ids, ns = (int(np.ptp(columns[name])) + 1 for name in ("order_id", "ts_exchange_ns"))
    clear = {**{name: values[:1] for name, values in columns.items()}, "action": [6], "side": [0], "flags": [1]}
    with EventWriter(path, level=3, symbol="LONG", tick_size="0.01", lot_size=1) as writer:
        for k in range(times):
            shifted = {"order_id": k * ids, "ts_exchange_ns": k * ns, "ts_local_ns": k * ns}
            for part in (clear, columns):
                rows = {name: np.asarray(values) for name, values in part.items() if name != "sequence"}
                writer.write({**rows, **{name: rows[name] + by for name, by in shifted.items()}})
    return path


@pytest.mark.slow
@pytest.mark.skipif("kernel" not in ENGINES, reason="the reference engine would take long")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read the peak from")
def test_memory_does_not_grow_with_the_market(tmp_path: Path) -> None:
    peaks, rows = [], []
    for times in (4, 40):
        out = tmp_path / f"out{times}"
        words = [str(repeated(tmp_path / f"{times}.parquet", times)), str(out)]
        done = subprocess.run([sys.executable, "-c", PEAK, *words], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) * 1024)
        rows.append(pq.read_metadata(out / "bbo.parquet").num_rows)
    assert peaks[1] - peaks[0] < 21 * (rows[1] - rows[0]), peaks  # in memory a row of `bbo` has 42 bytes


def test_a_result_of_an_earlier_version_without_newer_columns_can_be_read(market: Path, tmp_path: Path) -> None:
    """Whole, column by column, compared and reported."""
    result = lob.run(config(market), Quotes())
    result.save(tmp_path / "out")
    file = tmp_path / "out" / "fills.parquet"
    pq.write_table(pq.read_table(file).drop_columns(list(UNUSED["fills"])), file)
    older = Result.load(tmp_path / "out")
    assert older.digest == result.digest
    assert older.table("fills").num_rows > 0
    table = TableFile.of(file, older.table("fills").schema)
    assert table.select(["ts_traded_ns"]).read().num_rows == older.table("fills").num_rows
    assert (
        table.select(["ts_traded_ns", "fill_id"])
        .read()
        .equals(older.table("fills").select(["ts_traded_ns", "fill_id"]))
    )
    assert lob.compare(older, result).exit_code == 0
    assert older.report(tmp_path / "page.html").exists()
