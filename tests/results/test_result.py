import dataclasses
import errno
import json
import os
import re
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from result_factory import START, fill, instrument, left_in, random_result, result_of

import lob_backtest as lob
from lob_backtest.atomic import drafts
from lob_backtest.errors import DataError, OutputError
from lob_backtest.result import Result, RunInfo
from lob_backtest.results import folder as storage
from lob_backtest.results import table_file
from lob_backtest.results.table_file import TableFile


@pytest.fixture(scope="module")
def result():
    return random_result(5, instruments=(instrument(max_position_lots=50), instrument("B", currency="USD")))


def test_a_saved_result_comes_back(result, tmp_path):
    result.timing["engine_s"] = 1.5
    loaded = Result.load(result.save(tmp_path / "out"))
    assert loaded.digest == result.digest
    assert loaded.info == result.info
    assert loaded.summary == result.summary
    assert (loaded.status, loaded.timing) == (result.status, result.timing)
    for name in ("fills", "orders", "bbo", "samples", "series", "lots"):
        assert loaded.table(name).equals(result.table(name))


def test_the_folder_holds_what_the_documentation_says(result, tmp_path):
    result.save(tmp_path / "out")
    tables = ["bbo", "fills", "lots", "orders", "samples", "series"]
    assert left_in(tmp_path / "out") == sorted([*(f"{t}.parquet" for t in tables), "report.html", "summary.json"])
    saved = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert saved["metrics"] == result.summary
    assert saved["digest"] == result.digest
    assert saved["info"]["inputs"][0]["sha256"] == result.info.inputs[0].sha256
    assert {"versions", "config", "counts"} <= set(saved["info"])


def test_info_survives_json(result):
    assert RunInfo.from_dict(json.loads(json.dumps(result.info.to_dict()))) == result.info


FILLS = {"queue": "back", "late_level": "2s", "late_print": "3us"}


@pytest.mark.parametrize(
    ("level", "fills", "file_ns", "expected"),
    [
        (2, {}, (None, None), ("proportional", 250_000_000, 250_000_000)),
        (2, {}, (70, 0), ("proportional", 70, 0)),
        (2, FILLS, (70, 0), ("back", 2_000_000_000, 3_000)),
        (3, FILLS, (None, None), (None, None, None)),
    ],
)
def test_a_result_says_which_queue_model_and_late_times_held(engine, tmp_path, level, fills, file_ns, expected):
    path = tmp_path / "market.parquet"
    lob.generate(path, events=1_000, level=level)
    table, late = pq.read_table(path), zip((b"lob.late_level_ns", b"lob.late_print_ns"), file_ns, strict=True)
    metadata = {name: value for name, value in table.schema.metadata.items() if not name.startswith(b"lob.late")}
    metadata |= {name: str(ns).encode() for name, ns in late if ns is not None}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    made = lob.run({"instrument": [{"data": [str(path)]}], "fills": fills}, lob.Strategy, engine=engine)
    made.save(tmp_path / "result", page=False)
    (written,) = json.loads((tmp_path / "result" / "summary.json").read_text())["info"]["instruments"]
    assert tuple(written[name] for name in ("queue", "late_level_ns", "late_print_ns")) == expected
    assert Result.load(tmp_path / "result").info.instruments == made.info.instruments


def test_info_saved_before_the_late_times_were_recorded_is_read(result):
    plain = json.loads(json.dumps(result.info.to_dict()))
    for name in ("queue", "late_level_ns", "late_print_ns"):
        del plain["instruments"][0][name]
    assert RunInfo.from_dict(plain) == result.info


def test_an_existing_folder_is_refused(result, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match=r"exists.*--force"):
        result.save(tmp_path / "out")
    assert left_in(tmp_path) == ["out"]


def test_force_replaces_a_result(result, tmp_path):
    random_result(6).save(tmp_path / "out")
    result.save(tmp_path / "out", force=True)
    assert Result.load(tmp_path / "out").digest == result.digest
    assert left_in(tmp_path) == ["out"]


def test_force_never_replaces_what_is_not_a_result(result, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"out holds thesis\.txt, which is not part of a result"):
        result.save(tmp_path / "out", force=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="not a folder"):
        result.save(tmp_path / "file", force=True)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


TABLES = ("fills", "orders", "bbo", "samples", "series")


@pytest.mark.parametrize("name", [*(f"{table}.parquet" for table in TABLES), "summary.json"])
def test_a_full_disk_leaves_nothing_behind(result, tmp_path, monkeypatch, name):
    fail_at(monkeypatch, name, 1)
    with pytest.raises(OutputError, match="No space left on device; nothing was left behind") as caught:
        result.save(tmp_path / "out")
    assert left_in(tmp_path) == []
    assert caught.value.result is None


@pytest.mark.parametrize(("name", "time"), [("report.html", 1), ("lots.parquet", 1), ("summary.json", 2)])
def test_a_disk_that_is_full_behind_the_tables_keeps_them(result, tmp_path, monkeypatch, name, time):
    random_result(6).save(tmp_path / "out")
    fail_at(monkeypatch, name, time)
    with pytest.raises(OutputError, match="No space left on device; the tables are kept as") as caught:
        result.save(tmp_path / "out", force=True)
    assert left_in(tmp_path) == ["out", "out.kept"]
    assert f"`lob-backtest report {tmp_path / 'out.kept'}` writes the page" in str(caught.value)
    assert caught.value.result is result
    kept = Result.load(tmp_path / "out.kept")
    assert (kept.digest, kept.summary) == (result.digest, result.summary)
    assert Result.load(tmp_path / "out").digest != result.digest


def fail_at(monkeypatch, name, time):
    """Let the disk be full when a file of that name is written for that time."""
    times = iter(range(1, 100))

    def full(create, path):
        if path.name.removesuffix(".part") == name and next(times) == time:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return create(path)

    for module, create in ((drafts, "create"), (table_file, "create_native")):
        monkeypatch.setattr(module, create, partial(full, getattr(module, create)))


@pytest.mark.parametrize("error", [RuntimeError("a bug"), MemoryError()])
def test_a_page_that_cannot_be_made_keeps_the_tables(result, tmp_path, monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr("lob_backtest.report.show.page.page", fail)
    with pytest.raises((RuntimeError, OutputError)) as caught:
        result.save(tmp_path / "out")
    told = [str(caught.value), *getattr(caught.value, "__notes__", [])]
    assert f"the tables are kept as {tmp_path / 'out.kept'}" in told[-1]
    assert left_in(tmp_path) == ["out.kept"]
    assert Result.load(tmp_path / "out.kept").digest == result.digest


def test_a_name_taken_meanwhile_keeps_the_result_under_another(result, tmp_path):
    (tmp_path / "out.kept").mkdir()
    with storage.Draft(tmp_path / "out", force=False) as draft:
        for table in TABLES:
            draft.write(f"{table}.parquet", result.rows(table))
        (tmp_path / "out").mkdir()
        with pytest.raises(OutputError, match=r"out exists.* is kept as .*out\.kept-2") as caught:
            result.finish(draft, page=False)
    assert caught.value.result is result
    assert left_in(tmp_path) == ["out", "out.kept", "out.kept-2"]
    assert Result.load(tmp_path / "out.kept-2").digest == result.digest


def test_a_parent_that_cannot_be_flushed_is_told_as_it_is(result, tmp_path, monkeypatch):
    def fail(folder):
        if folder == tmp_path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(drafts, "flush_folder", fail)
    with pytest.raises(OutputError, match=r"out is written, but its name could not be flushed"):
        result.save(tmp_path / "out", page=False)
    assert left_in(tmp_path) == ["out"]
    assert Result.load(tmp_path / "out").digest == result.digest


def test_paths_that_are_not_utf_8_are_saved(result, tmp_path):
    info = dataclasses.replace(result.info, config={"strategy": {"class": os.fsdecode(b"caf\xe9.py:S")}})
    odd = Result({table: result.rows(table) for table in TABLES}, info)
    assert Result.load(odd.save(tmp_path / "out")).info == info


def test_a_failure_keeps_the_result_that_was_there(result, tmp_path, monkeypatch):
    other = random_result(6)
    other.save(tmp_path / "out")

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(drafts, "exchange", fail)
    with pytest.raises(OutputError, match=r"out: Input/output error; what was written is kept as .*out\.kept"):
        result.save(tmp_path / "out", force=True)
    assert left_in(tmp_path) == ["out", "out.kept"]
    assert Result.load(tmp_path / "out").digest == other.digest
    assert Result.load(tmp_path / "out.kept").digest == result.digest


def test_a_folder_that_cannot_be_made_is_one_clear_message(result, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is not a folder"):
        result.save(tmp_path / "file" / "out")


def test_what_is_no_result_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        Result.load(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"holds no summary\.json"):
        Result.load(tmp_path)
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(DataError, match="not readable as JSON"):
        Result.load(tmp_path)
    (tmp_path / "summary.json").write_text('{"format": "other/1"}')
    with pytest.raises(DataError, match="other/1"):
        Result.load(tmp_path)
    (tmp_path / "summary.json").write_text(json.dumps({"format": storage.FORMAT, "info": {"surprise": 1}}))
    with pytest.raises(DataError, match="run the backtest again"):
        Result.load(tmp_path)


def test_the_version_of_the_digest_is_saved_and_a_newer_one_is_refused(result, tmp_path):
    manifest = result.save(tmp_path / "out", page=False) / "summary.json"
    saved = json.loads(manifest.read_text("utf-8"))
    assert saved["digest_version"] == "digest/2"
    manifest.write_text(json.dumps({**saved, "digest_version": "digest/3"}))
    with pytest.raises(DataError, match=r"its digest is 'digest/3', this version reads digest/1 and digest/2"):
        Result.load(tmp_path / "out")


def test_damaged_files_are_refused(result, tmp_path):
    out = result.save(tmp_path / "out")
    whole = (out / "fills.parquet").read_bytes()
    (out / "fills.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"fills\.parquet: not readable as Parquet"):
        Result.load(out)
    middle = bytearray(whole)
    middle[100] ^= 0xFF
    (out / "fills.parquet").write_bytes(bytes(middle))
    with pytest.raises(DataError, match=r"fills"):
        Result.load(out)
    (out / "fills.parquet").unlink()
    with pytest.raises(DataError, match="missing"):
        Result.load(out)


def test_no_damaged_page_reads_as_other_numbers(result, tmp_path):
    path = result.save(tmp_path / "out") / "orders.parquet"
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for position in range(4, footer, 11):
        damaged = bytearray(whole)
        damaged[position] ^= 0x01
        path.write_bytes(bytes(damaged))
        try:
            assert TableFile.of(path, result.table("orders").schema).read().equals(result.table("orders"))
        except DataError:
            continue


def test_a_table_changed_after_the_run_is_refused(result, tmp_path):
    out = result.save(tmp_path / "out")
    pq.write_table(result.table("fills").slice(1), out / "fills.parquet")
    with pytest.raises(DataError, match="changed after the run"):
        Result.load(out)
    pq.write_table(result.table("fills").drop_columns(["tag"]), out / "fills.parquet")
    with pytest.raises(DataError, match=r"other columns.*tag"):
        Result.load(out)


def test_tables_of_another_shape_are_a_bug(result):
    tables = {name: result.table(name) for name in ("fills", "orders", "bbo", "samples", "series")}
    with pytest.raises(AssertionError, match="table fills"):
        Result({**tables, "fills": tables["bbo"]}, result.info)


def test_frames_speak_currency_time_and_names(result):
    fills = result.fills
    first = result.table("fills").slice(0, 1).to_pylist()[0]
    assert fills["price"][0] == pytest.approx(first["price_ticks"] * 0.01)
    assert str(fills["time"].dtype) == "datetime64[ns, UTC]"
    assert fills["time"][0].value == first["ts_exchange_ns"]
    assert set(fills["cause"]) <= {"queue", "through", "cross", "hidden", "take"}
    assert set(fills["instrument"]) == {"SYN", "B"}
    assert set(fills["agent"]) == {"InventorySkew"}
    for frame in (result.orders, result.bbo, result.samples, result.lots):
        assert {"price", "time"} <= set(frame.columns)
        assert str(frame["time"].dtype) == "datetime64[ns, UTC]"


def test_frames_keep_integers_where_there_are_nulls(result):
    column = result.fills["queue_ahead_at_arrival_lots"]
    assert str(column.dtype) == "Int64"
    assert column.isna().any()
    assert str(result.lots["close_fill_id"].dtype) == "Int64"


def test_frames_of_an_empty_run_are_empty():
    empty = result_of([], mids=(None, None))
    assert [len(frame) for frame in (empty.fills, empty.orders, empty.bbo, empty.lots)] == [0, 0, 0, 0]
    assert str(empty.lots["close_time"].dtype) == "datetime64[ns, UTC]"


def test_prices_have_no_more_digits_than_the_tick():
    frame = result_of([fill(1, 3, 1, 7, 7)], mids=(7, 7), about=instrument(tick_size="0.1")).fills
    assert (frame["price"][0], frame["mid"][0]) == (0.3, 0.35)


def test_series_are_found_by_name(result):
    frame = result.series("skew")
    assert frame["value"].tolist() == [1.5]
    assert frame["time"][0] == pd.Timestamp(START, tz="UTC")
    with pytest.raises(KeyError, match="skew"):
        result.series("nothing")


def test_unknown_tables_are_named(result):
    with pytest.raises(KeyError, match="lots"):
        result.table("trades")


def test_a_notebook_shows_money_and_equity_escaped():
    shown = random_result(1, instruments=(instrument("<script>", currency="<b>"),), agents=("<i>",))._repr_html_()
    assert "Captured spread" in shown
    assert "<polyline" in shown
    assert "Equity since the start (&lt;b&gt;)" in shown
    assert not {"<script>", "<i>"} & set(re.findall(r"<[^>]*>", shown))


def test_a_notebook_says_what_was_run_and_has_axes():
    made = random_result(1)
    made.info.config["strategy"]["params"] = {"size": 7, "lean": 0.5}
    shown = made._repr_html_()
    assert "InventorySkew: size=7, lean=0.5" in shown
    assert "reference engine, seed 1" in shown
    labels = re.findall(r"<text [^>]*>([^<]*)</text>", shown)
    low, high = made.equity.min(), made.equity.max()
    digits = 2 if max(abs(low), abs(high)) >= 10 else 3
    assert {f"{low:.{digits}f}", f"{high:.{digits}f}"} <= set(labels)
    assert labels[-1] == "13:31:30 UTC"
    several = random_result(1, instruments=(instrument("A"), instrument("B", currency="EUR")))._repr_html_()
    assert "Total EUR" in several
    assert "<polyline" not in several  # two currencies have no common axis
    partial = Result({name: made.table(name) for name in TABLES}, made.info, status="partial")
    assert "Incomplete run: stopped at" in partial._repr_html_()


TABLES = ("fills", "orders", "bbo", "samples", "series")


def traces(figure, axis):
    return {trace.name: trace for trace in figure.data if trace.yaxis == axis}


def test_a_plot_has_equity_with_its_parts_drawdown_and_position():
    made = random_result(2)
    figure = made.plot()
    equity = traces(figure, "y")
    assert set(equity) == {"Captured spread", "Adverse selection", "Inventory", "Fees and rebates", "Equity"}
    np.testing.assert_allclose(equity["Equity"].y, made.equity, atol=1e-9)
    parts = sum(np.asarray(trace.y) for name, trace in equity.items() if name != "Equity")
    np.testing.assert_allclose(parts, made.equity, atol=1e-9)
    drawdown = made.equity - np.maximum(made.equity.cummax(), 0.0)
    np.testing.assert_allclose(traces(figure, "y2")["Drawdown"].y, drawdown, atol=1e-9)
    assert -min(drawdown) == pytest.approx(made.summary["max_drawdown_currency"])
    assert traces(figure, "y3")["Position"].y[-1] == made.summary["SYN.position_end_lots"]
    titles = [figure.layout[axis].title.text for axis in ("yaxis", "yaxis2", "yaxis3")]
    assert titles == ["P&L, USD", "drawdown, USD", "position, lots"]


def test_a_plot_of_several_currencies_draws_each():
    made = random_result(1, instruments=(instrument("<b>", currency="<i>"), instrument("B", currency="EUR")))
    made.info.config["strategy"]["params"] = {"kind": "<u>"}
    figure = made.plot()
    for axis, name in (("y", "<b>"), ("y3", "B")):
        np.testing.assert_allclose(traces(figure, axis)["Equity"].y, made.equities[name].dropna(), atol=1e-9)
    assert set(traces(figure, "y5")) == {"Position &lt;b&gt;", "Position B"}
    assert not re.findall(r"<(?!br>|extra>|/extra>)", figure.to_json().replace("\\u003c", "<"))


def test_a_run_without_fills_or_equity_is_plotted():
    for made in (result_of([], mids=(None, None)), result_of([], mids=(200, 200))):
        assert made.plot().to_json()
        assert "digest" in made._repr_html_()


def test_a_result_needs_no_pandas_until_a_frame_is_asked_for():
    import subprocess
    import sys

    code = "import lob_backtest.result, sys; sys.exit(any(m in sys.modules for m in ('pandas', 'plotly', 'jinja2')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_money_adds_up_by_currency():
    two = random_result(1, instruments=(instrument("A", currency="USD"), instrument("B", currency="EUR")))
    assert "pnl_currency" not in two.summary
    assert two.summary["pnl_currency.EUR"] == two.summary["B.pnl_currency"]
    one = random_result(1, instruments=(instrument("A"), instrument("B", multiplier="50")))
    parts = one.summary["A.pnl_currency"] + one.summary["B.pnl_currency"]
    assert one.summary["pnl_currency"] == pytest.approx(parts)


def test_fees_and_rebates_are_apart():
    rows = [fill(1, 100, 1, 200, 200, fee_micro=5_000_000), fill(-1, 100, 1, 200, 200, fee_micro=-2_000_000)]
    summary = result_of(rows, mids=(200, 200)).summary
    assert (summary["fees_paid_currency"], summary["rebates_currency"]) == (0.05, 0.02)
    assert summary["pnl_currency"] == pytest.approx(-0.03)


def test_summaries_are_plain_values(result):
    assert json.loads(json.dumps(result.summary, allow_nan=False)) == result.summary
    assert {type(value) for value in result.summary.values()} <= {int, float, str, type(None)}


def test_agents_are_told_apart():
    summary = random_result(1, agents=("one", "two")).summary
    assert summary["fills"] == summary["one/SYN.fills"] + summary["two/SYN.fills"]


def test_schemas_of_tables_are_kept_on_disk(result, tmp_path):
    out = result.save(tmp_path / "out")
    assert pq.read_schema(out / "fills.parquet").equals(result.table("fills").schema)
    assert pq.read_schema(out / "bbo.parquet").field("bid_ticks").type == pa.int64()


def test_a_loaded_result_keeps_its_tables_in_their_files(result, tmp_path):
    loaded = Result.load(result.save(tmp_path / "out"))
    assert all(isinstance(loaded.rows(name), TableFile) for name in ("fills", "orders", "bbo", "samples", "series"))
    assert (loaded.summary, loaded.digest) == (result.summary, result.digest)


def test_a_loaded_result_does_not_pass_another_one_for_its_own(result, tmp_path):
    loaded = Result.load(result.save(tmp_path / "out", page=False))
    random_result(99).save(tmp_path / "out", force=True, page=False)
    with pytest.raises(DataError, match="load it again"):
        _ = loaded.summary


def test_a_manifest_that_is_nested_too_deep_is_no_result(result, tmp_path):
    folder = result.save(tmp_path / "out", page=False)
    (folder / "summary.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="not readable as JSON"):
        Result.load(folder)
    with pytest.raises(OutputError, match="is not a result"):
        result.save(folder, force=True)


@pytest.mark.parametrize(("name", "near"), [("trades", "fills"), ("sumary", "summary"), ("equty", "equity")])
def test_a_misspelt_attribute_is_answered_with_the_right_one(result, name, near):
    with pytest.raises(AttributeError, match=f"a result has no attribute '{name}'; did you mean '{near}'"):
        getattr(result, name)


def test_a_metric_that_is_none_is_answered_with_one_that_is(result):
    with pytest.raises(KeyError, match="no metric 'pnl'; did you mean 'pnl_currency'"):
        result.summary["pnl"]
    assert result.summary.get("pnl") is None
