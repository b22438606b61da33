"""`validate` and `inspect` as a user calls them: output, exit codes, one message for what cannot be read."""

from __future__ import annotations

import json

import pytest

from lob_backtest.cli.group import main
from lob_backtest.data.writer import write_events

T0 = 1_700_000_000 * 10**9


def write(path, symbol="TEST", **changes):
    columns = {
        "ts_exchange_ns": [T0, T0 + 1, T0 + 2],
        "ts_local_ns": [T0 + 10, T0 + 11, T0 + 12],
        "action": [1, 4, 2],
        "side": [1, 1, 1],
        "order_id": [1, 1, 1],
        "price_ticks": [100, 100, 100],
        "size_lots": [5, 2, 3],
        "flags": [1, 1, 1],
    }
    write_events(path, columns | changes, level=3, symbol=symbol, tick_size="0.01", lot_size="1")
    return str(path)


def call(capsys, *arguments):
    """Run the command line; its exit code, output and messages."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return stop.value.code, out, err


def test_validate_exits_with_0_for_a_clean_file(tmp_path, capsys):
    path = write(tmp_path / "a.parquet")
    assert call(capsys, "validate", path) == (0, f"{path}, TEST: 3 rows, nothing wrong\n", "")


def test_validate_lists_faults_and_exits_with_1(tmp_path, capsys):
    path = write(tmp_path / "a.parquet", size_lots=[5, 2, 4], side=[1, 0, 1])
    code, out, err = call(capsys, "validate", path)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == f"{path}, TEST: 3 rows"
    assert lines[1].split()[:2] == ["kind", "count"]
    assert lines[2].split() == ["bad_side", "1", "1", "2023-11-14T22:13:20.000000001Z", path]


def test_validate_gives_no_time_to_a_fault_of_a_whole_file(tmp_path, capsys):
    path, other = write(tmp_path / "a.parquet"), write(tmp_path / "b.parquet", symbol="OTHER")
    code, out, _ = call(capsys, "validate", path, other)
    assert code == 1
    assert out.splitlines()[2].split() == ["foreign_file", "1", "0", other]


def test_validate_speaks_json(tmp_path, capsys):
    path = write(tmp_path / "a.parquet", size_lots=[5, 2, 4])
    code, out, _ = call(capsys, "validate", "--json", path)
    found = json.loads(out)
    assert code == 1
    assert found["clean"] is False
    assert found["rows"] == 3
    first = {"path": path, "row": 2, "ts_exchange_ns": T0 + 2}
    assert found["kinds"] == {"oversize": {"count": 1, "first": [first]}}


@pytest.mark.parametrize("verb", ["validate", "inspect"])
@pytest.mark.parametrize(
    ("content", "message"), [(b"", "empty (0 bytes)"), (b"hello", "not Parquet"), (b"PAR1 cut", "truncated")]
)
def test_unreadable_file_is_one_message_and_exit_3(tmp_path, capsys, verb, content, message):
    path = tmp_path / "bad.parquet"
    path.write_bytes(content)
    code, out, err = call(capsys, verb, str(path))
    assert (code, out) == (3, "")
    assert err.startswith(f"error: {path}: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", ["validate", "inspect"])
def test_missing_file_is_exit_3_and_no_file_exit_2(tmp_path, capsys, verb):
    code, _, err = call(capsys, verb, str(tmp_path / "none.parquet"))
    assert (code, err) == (3, f"error: {tmp_path / 'none.parquet'}: no such file\n")
    code, _, err = call(capsys, verb)
    assert code == 2
    assert "FILE" in err


def test_validate_refuses_microseconds(tmp_path, capsys):
    path = write(tmp_path / "a.parquet", ts_exchange_ns=[T0 // 1000] * 3)
    code, _, err = call(capsys, "validate", path)
    assert code == 3
    assert "looks like microseconds; expected nanoseconds" in err


def test_inspect_shows_what_a_file_holds(tmp_path, capsys):
    path = write(tmp_path / "a.parquet")
    code, out, err = call(capsys, "inspect", path, "-n", "2")
    assert (code, err) == (0, "")
    lines = [line.split(maxsplit=1) for line in out.splitlines()]
    assert ["symbol", "TEST"] in lines
    assert ["level", "L3"] in lines
    assert ["from", "2023-11-14T22:13:20.000000000Z"] in lines
    assert ["length", "2 ns"] in lines
    assert ["price", "1.00 to 1.00 (100 to 100 ticks)"] in lines
    assert out.splitlines()[-2].split()[:3] == ["0", str(T0), str(T0 + 10)]
    assert out.splitlines()[-1].split()[0] == "1"


def test_inspect_shows_large_numbers_readably(tmp_path, capsys):
    times = [T0, T0 + 1, T0 + 5_400 * 10**9]
    changed = {
        "ts_exchange_ns": times,
        "ts_local_ns": [t + 1_500_000 for t in times],
        "size_lots": [50_000, 20_000, 30_000],
    }
    path = write(tmp_path / "a.parquet", price_ticks=[1_234_567] * 3, **changed)
    code, out, _ = call(capsys, "inspect", path)
    assert code == 0
    lines = {tuple(line.split(maxsplit=1)) for line in out.splitlines()}
    assert ("length", "1.5 h") in lines
    assert ("price", "12,345.67 to 12,345.67 (1,234,567 to 1,234,567 ticks)") in lines
    assert ("size", "20,000 to 50,000 (20,000 to 50,000 lots)") in lines
    assert "min 1.5 ms, p1 1.5 ms" in out
    assert " kB, row groups: 1, " in out


@pytest.mark.parametrize(
    ("ns", "level", "prints"),
    [
        (250_000_000, "250 ms", "250 ms"),
        (1_500_000_001, "1500000001 ns", "1500000001 ns"),
        (0, "same time only", "never"),
        (None, "unknown: 250 ms", "unknown: 250 ms"),
    ],
)
def test_inspect_shows_the_limits_of_late_rows_of_an_l2_file(tmp_path, capsys, ns, level, prints):
    path = tmp_path / "a.parquet"
    columns = {"ts_exchange_ns": [T0], "action": [8], "side": [1], "price_ticks": [1], "size_lots": [1], "flags": [1]}
    late = {"late_level_ns": ns, "late_print_ns": ns}
    write_events(path, columns, level=2, symbol="T", tick_size="1", lot_size="1", **late)
    _, out, _ = call(capsys, "inspect", str(path))
    lines = [line.strip() for line in out.splitlines() if line.strip().startswith("late ")]
    assert [line.split(maxsplit=2)[2] for line in lines] == [level, prints]
    _, out, _ = call(capsys, "inspect", write(tmp_path / "b.parquet"))
    assert "late" not in out.replace("latency", "")


def test_inspect_speaks_json(tmp_path, capsys):
    paths = [write(tmp_path / "a.parquet"), write(tmp_path / "b.parquet")]
    code, out, _ = call(capsys, "inspect", "--json", "-n", "1", *paths)
    found = json.loads(out)
    assert code == 0
    assert [file["path"] for file in found] == paths
    assert found[0]["actions"] == {"ADD": 1, "CANCEL": 1, "EXECUTE": 1}
    assert found[0]["latency_ns"] == {"min": 10, "p1": 10, "p50": 10, "p99": 10, "max": 10}
    assert found[0]["first_rows"][0]["size_lots"] == 5


def test_names_in_a_file_cannot_steer_the_terminal(tmp_path, capsys):
    path = tmp_path / "a.parquet"
    columns = {"ts_exchange_ns": [T0], "action": [1], "side": [1], "order_id": [1], "price_ticks": [1]}
    columns |= {"size_lots": [1], "flags": [1]}
    write_events(path, columns, level=3, symbol="\x1b[31mRED\x07", tick_size="1", lot_size="1")
    _, out, _ = call(capsys, "inspect", str(path))
    assert not {"\x1b", "\x07"} & set(out)
    _, out, _ = call(capsys, "validate", str(path))
    assert not {"\x1b", "\x07"} & set(out)


def test_times_are_those_of_the_zone_that_was_asked_for_and_json_is_utc(tmp_path, capsys):
    path = write(tmp_path / "a.parquet", side=[1, 0, 1])
    zone = ["--tz", "America/New_York"]
    _, out, _ = call(capsys, "inspect", path, *zone)
    assert "2023-11-14T17:13:20.000000002-05:00" in out
    assert "2023-11-14T22" not in out
    _, out, _ = call(capsys, "validate", path, *zone)
    assert out.splitlines()[2].split() == ["bad_side", "1", "1", "2023-11-14T17:13:20.000000001-05:00", path]
    for verb in ("inspect", "validate"):
        assert call(capsys, verb, path, "--json", *zone) == call(capsys, verb, path, "--json")
