"""Clocks of recorders: behind, ahead, of another time zone, and jumping."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from binance_files import at, converted, depth
from vendor_files import rows_of

from lob_backtest.contract.rows import Meta
from lob_backtest.errors import ConfigError, DataError

SECOND = 10**9
HOUR = 3_600 * SECOND
MINUTE_MS = 60_000


def recorded(*clocks, start=1, step_ms=1):
    """Diffs whose local - exchange times are given."""
    return [
        depth(i * step_ms, i + start, i + start, [("90.0", f"{i + 1}")], clock_ns=clock)
        for i, clock in enumerate(clocks)
    ]


def latencies(done):
    return [row["ts_local_ns"] - row["ts_exchange_ns"] for row in rows_of(done.output)]


def shift(done):
    return int(pq.read_metadata(done.output).metadata[Meta.CLOCK_SHIFT_NS.encode()])


@pytest.mark.parametrize("quarters", [-96, -20, -1, 1, 3, 32, 56])
@pytest.mark.parametrize("way_ns", [3_000_000, 9 * SECOND])
def test_whole_quarter_hours_are_taken_out_and_the_way_stays(tmp_path, quarters, way_ns):
    zone_ns = quarters * HOUR // 4
    done, _ = converted(tmp_path, recorded(zone_ns + way_ns, zone_ns + way_ns + 20_000_000))
    assert shift(done) == -zone_ns
    assert latencies(done) == [way_ns, way_ns + 20_000_000]
    side = "behind" if quarters < 0 else "ahead"
    assert f"{side} (as in another time zone), which was corrected" in done.notes[0]


def test_clock_of_another_zone_that_is_behind_besides_is_set_right_twice(tmp_path):
    done, _ = converted(tmp_path, recorded(8 * HOUR - SECOND, 8 * HOUR))
    assert shift(done) == -8 * HOUR + SECOND + 500_000
    assert latencies(done) == [500_000, SECOND + 500_000]
    assert "local times are 8h ahead (as in another time zone), which was corrected" in done.notes[0]
    assert "1000.500 ms were added" in done.notes[0]


def test_clock_that_is_behind_by_no_quarter_hour_is_set_right_by_the_smallest_latency(tmp_path):
    done, _ = converted(tmp_path, recorded(-100 * SECOND, -99 * SECOND))
    assert latencies(done) == [500_000, SECOND + 500_000]


def test_clock_that_is_ahead_by_no_quarter_hour_is_asked_for(tmp_path):
    lines = recorded(101 * SECOND, 100 * SECOND)
    with pytest.raises(DataError, match=r"0\.gz, line 2: local - exchange time is 100\.000 s, .* Pass --clock-offset"):
        converted(tmp_path, lines)
    done, _ = converted(tmp_path, lines, clock_offset="99.5s")
    assert latencies(done) == [1_500_000_000, 1_499_000_000]  # local times are made monotone
    assert "(--clock-offset)" in done.notes[0]
    done, _ = converted(tmp_path, lines, clock_offset="0s")
    assert shift(done) == 0
    done, _ = converted(tmp_path, recorded(-HOUR + 7), clock_offset="-1h", min_latency="0ns")
    assert latencies(done) == [7]


def test_offset_that_the_user_gives_counts_instead_of_the_quarter_hour(tmp_path):
    done, _ = converted(tmp_path, recorded(8 * HOUR), clock_offset="0s")
    assert shift(done) == 0
    assert latencies(done) == [8 * HOUR]


@pytest.mark.parametrize("wrong", ["soon", "-", "--1s", "400d"])
def test_offset_that_is_no_duration_is_refused(tmp_path, wrong):
    with pytest.raises(ConfigError, match="--clock-offset: "):
        converted(tmp_path, recorded(0), clock_offset=wrong)


@pytest.mark.parametrize("jump_ns", [HOUR, -HOUR, 8 * HOUR, HOUR // 4])
def test_clock_that_jumps_by_quarter_hours_is_refused(tmp_path, jump_ns):
    minutes = recorded(0, 0, jump_ns, jump_ns, step_ms=MINUTE_MS)
    with pytest.raises(DataError, match=r"0\.gz, line [13]: .* the recorder's clock jumped by") as refusal:
        converted(tmp_path, minutes)
    assert ("line 3" if jump_ns > 0 else "line 1") in str(refusal.value)
    if jump_ns > 0:
        with pytest.raises(DataError, match=r"1\.gz, line 1: .* the recorder's clock jumped by"):
            converted(tmp_path, minutes[:2], minutes[2:])
    done, _ = converted(tmp_path, minutes[:2])
    assert latencies(done) == [500_000] * 2


def test_file_whose_clock_jumped_back_is_told_from_files_out_of_order(tmp_path):
    minutes = recorded(0, 0, -HOUR, -HOUR, step_ms=MINUTE_MS)
    with pytest.raises(DataError, match=r"1\.gz, line 1: recorded before the end .* clock jumped back"):
        converted(tmp_path, minutes[:2], minutes[2:])


def test_minutes_in_which_everything_is_late_are_counted(tmp_path):
    done, _ = converted(tmp_path, recorded(0, 10 * SECOND, 11 * SECOND, 12 * SECOND, 0, step_ms=MINUTE_MS))
    assert done.counts["late_minutes"] == 2
    assert any("in 2 minutes no message was within 10.000 s of the smallest" in note for note in done.notes)
    assert at(2 * MINUTE_MS) + 11 * SECOND + 500_000 in [row["ts_local_ns"] for row in rows_of(done.output)]


def test_one_late_message_among_others_is_no_jump(tmp_path):
    done, _ = converted(tmp_path, recorded(0, HOUR, 0))
    assert "late_minutes" not in done.counts


def test_a_time_of_another_year_is_refused_with_its_line(tmp_path):
    year_ns = 365 * 24 * HOUR
    with pytest.raises(DataError, match=r"line \d+: local - exchange time is .*one of its times is wrong"):
        converted(tmp_path, recorded(3_000_000, 3_000_000 + year_ns, step_ms=120_000))


def test_an_offset_that_leaves_more_than_a_way_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"--clock-offset: -90s leaves 180\.\d+ s"):
        converted(tmp_path, recorded(90 * 10**9, 90 * 10**9), clock_offset="-90s")
    with pytest.raises(ConfigError, match=r"--min-latency: 5d; expected 0 to 10s"):
        converted(tmp_path, recorded(3_000_000, 3_000_000), min_latency="5d")
