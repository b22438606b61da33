"""Every rule of the conversion of Binance's streams, on recordings of a few lines."""

from __future__ import annotations

import gzip
import random
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from binance_files import DELAY_NS, at, depth, line, recording, snapshot, ticker, told, trade
from vendor_files import rows_of

from lob_backtest import cli
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.market.convert import convert
from lob_backtest.market.formats.time_order import HOLD_NS, Packet, TimeOrder
from lob_backtest.market.schema import Meta
from lob_backtest.market.validate import validate

BOOK = [("100.0", "5")], [("101.0", "7")]
START = [depth(0, 8, 10, [("99.0", "3")]), snapshot(1, 10, [("100.0", "5"), ("99.0", "3")], [("101.0", "7")])]
KNOWN = [
    "0 LEVEL +1 3@99 #10 SUSPECT |",
    "0 CLEAR +0 0@0 #10 SNAPSHOT",
    "0 LEVEL +1 5@100 #10 SNAPSHOT",
    "0 LEVEL +1 3@99 #10 SNAPSHOT",
    "0 LEVEL -1 7@101 #10 SNAPSHOT |",
]


def converted(tmp_path, *recordings, **options):
    """Convert recordings of lines, check that the file is clean, and return what was done and the rows as text."""
    paths = [recording(tmp_path / f"{i}.gz", lines) for i, lines in enumerate(recordings)]
    output = tmp_path / "out.parquet"
    done = convert("binance", paths, output, force=True, **options)
    assert validate([output]).is_clean
    return done, told(rows_of(output))


def test_snapshot_and_diffs_make_the_book(tmp_path):
    done, rows = converted(tmp_path, [*START, depth(5, 11, 12, [("100.0", "0")], [("101.0", "6")])])
    assert rows == [*KNOWN, "5 LEVEL +1 0@100 #12", "5 LEVEL -1 6@101 #12 |"]
    assert (done.symbol, done.tick_size, done.lot_size) == ("BTCUSDT", Decimal(1), Decimal(1))
    assert done.counts == {"suspect_packets": 1}


def test_snapshot_is_brought_up_to_date_with_the_diffs_received_before_it(tmp_path):
    lines = [
        depth(0, 1, 4, [("98.0", "9")]),  # older than the snapshot, but below its levels
        depth(1, 5, 7, [("100.0", "2"), ("97.0", "4")]),  # holds its update, 6
        depth(2, 8, 9, [("99.0", "0")], [("102.0", "8")]),
        snapshot(3, 6, [("100.0", "5"), ("99.0", "3")], [("101.0", "7")]),
    ]
    _, rows = converted(tmp_path, lines)
    assert rows[-6:] == [
        "2 CLEAR +0 0@0 #9 SNAPSHOT",
        "2 LEVEL +1 2@100 #9 SNAPSHOT",
        "2 LEVEL +1 9@98 #9 SNAPSHOT",
        "2 LEVEL +1 4@97 #9 SNAPSHOT",
        "2 LEVEL -1 7@101 #9 SNAPSHOT",
        "2 LEVEL -1 8@102 #9 SNAPSHOT |",
    ]
    assert all("SUSPECT" in row for row in rows[:-6])


def test_snapshot_that_is_ahead_waits_for_the_diffs_that_reach_it(tmp_path):
    lines = [
        snapshot(0, 10, *BOOK),
        depth(1, 7, 8, [("100.0", "9")]),  # older: the snapshot knows better
        depth(2, 9, 11, [], [("101.0", "6")]),
        depth(3, 12, 12, [("100.0", "4")]),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows == [
        "1 LEVEL +1 9@100 #8 SUSPECT |",
        "2 LEVEL -1 6@101 #11 SUSPECT |",
        "2 CLEAR +0 0@0 #11 SNAPSHOT",
        "2 LEVEL +1 5@100 #11 SNAPSHOT",
        "2 LEVEL -1 6@101 #11 SNAPSHOT |",
        "3 LEVEL +1 4@100 #12 |",
    ]
    assert done.counts == {"levels_that_a_snapshot_corrected": 1, "suspect_packets": 2}


def test_gap_makes_the_book_suspect_until_a_snapshot(tmp_path):
    lines = [
        *START,
        depth(5, 11, 11, [("100.0", "4")]),
        depth(6, 13, 13, [("100.0", "6")]),  # 12 is missing
        trade(7, 1, "100.0", "1"),
        snapshot(8, 13, [("100.0", "6")], [("101.0", "2")]),
        depth(9, 14, 14, [("100.0", "7")]),
        trade(10, 2, "100.0", "1"),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == [
        "5 LEVEL +1 4@100 #11 |",
        "6 LEVEL +1 6@100 #13 SUSPECT |",
        "6 CLEAR +0 0@0 #13 SNAPSHOT",
        "6 LEVEL +1 6@100 #13 SNAPSHOT",
        "6 LEVEL -1 2@101 #13 SNAPSHOT |",
        "7 TRADE +1 1@100 #0 |",
        "9 LEVEL +1 7@100 #14 |",
        "10 TRADE +1 1@100 #0 |",
    ]
    assert done.counts == {"gaps": 1, "suspect_packets": 2}
    assert any(f"{tmp_path / '0.gz'}, line 4: diffs are missing before this one" in note for note in done.notes)


def test_gap_makes_the_book_suspect_until_the_market_has_been_on_both_sides_of_its_best_prices(tmp_path):
    lines = [
        *START,  # bids at 100 and 99, an ask at 101
        depth(5, 12, 12, [("100.0", "4")]),  # 11 is missing
        depth(
            6, 13, 13, [("100.0", "0")], [("100.0", "2")]
        ),  # an ask at 100: bids from there up are known, there is none
        depth(7, 14, 14, [("100.0", "6")], [("100.0", "0")]),
        depth(8, 15, 15, [("101.0", "1")], [("102.0", "3")]),  # a bid at 101: the ask there, of before the gap, is gone
        trade(9, 1, "101.0", "1"),
        depth(10, 16, 16, [("101.0", "0")], [("101.0", "2")]),
        trade(11, 2, "100.0", "1"),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == [
        "5 LEVEL +1 4@100 #12 SUSPECT |",
        "6 LEVEL +1 0@100 #13 SUSPECT",
        "6 LEVEL -1 2@100 #13 SUSPECT |",
        "7 LEVEL +1 6@100 #14 SUSPECT",
        "7 LEVEL -1 0@100 #14 SUSPECT |",
        "8 LEVEL +1 1@101 #15 SUSPECT",
        "8 LEVEL -1 3@102 #15 SUSPECT",
        "8 LEVEL -1 0@101 #15 SUSPECT |",
        "9 TRADE +1 1@101 #0 SUSPECT |",
        "10 LEVEL +1 0@101 #16",
        "10 LEVEL -1 2@101 #16 |",
        "11 TRADE +1 1@100 #0 |",
    ]
    assert done.counts == {"gaps": 1, "suspect_packets": 6}


def test_levels_from_before_a_gap_prove_nothing(tmp_path):
    lines = [
        *START,
        depth(5, 12, 12, [("99.0", "4")]),  # 11 is missing: the ask at 101 may be gone, and bids may have come there
        depth(6, 13, 13, [("102.0", "1")]),
        depth(7, 14, 14, [("102.0", "0"), ("101.0", "1")], [("102.0", "1")]),
    ]
    _, rows = converted(tmp_path, lines)
    assert rows[-1] == "7 LEVEL -1 1@102 #14 SUSPECT |"


def test_book_without_a_snapshot_is_suspect_until_the_market_has_been_on_both_sides_of_its_best_prices(tmp_path):
    lines = [
        depth(0, 1, 1, [("100.0", "1")], [("102.0", "1")]),
        depth(1, 2, 2, [("100.0", "0"), ("99.0", "1")], [("100.0", "1")]),  # no bid from 100 up
        depth(2, 3, 3, [("101.0", "1")], [("100.0", "0")]),  # no ask up to 101; the best, 102, may not be the best
        depth(3, 4, 4, [("101.0", "0"), ("100.0", "7")], [("101.0", "5")]),
        depth(4, 5, 5, [], [("101.0", "0")]),
    ]
    done, rows = converted(tmp_path, lines)
    suspect = {row.split(" ")[0]: "SUSPECT" in row for row in rows}
    assert suspect == {"0": True, "1": True, "2": True, "3": False, "4": True}
    assert any("no snapshot of the book could be used" in note for note in done.notes)


def test_futures_follow_by_pu(tmp_path):
    start = [depth(0, 8, 10, [("90.0", "1")], previous=3), snapshot(1, 10, *BOOK)]
    follows = depth(5, 20, 22, [("100.0", "4")], previous=10)  # numbers between belong to other instruments
    done, rows = converted(tmp_path, [*start, follows])
    assert rows[-1] == "5 LEVEL +1 4@100 #22 |"
    assert "gaps" not in done.counts
    done, rows = converted(tmp_path, [*start, depth(5, 20, 22, [("100.0", "4")], previous=11)])
    assert rows[-1] == "5 LEVEL +1 4@100 #22 SUSPECT |"
    assert done.counts["gaps"] == 1


def test_continuity_is_checked_from_one_file_to_the_next(tmp_path):
    done, rows = converted(tmp_path, START, [depth(5, 11, 11, [("100.0", "4")])])
    assert rows[-1] == "5 LEVEL +1 4@100 #11 |"
    assert "gaps" not in done.counts
    done, rows = converted(tmp_path, START, [depth(5, 12, 12, [("100.0", "4")])])
    assert rows[-1] == "5 LEVEL +1 4@100 #12 SUSPECT |"
    assert done.counts["gaps"] == 1


def test_snapshot_from_before_a_gap_is_of_no_use(tmp_path):
    lines = [*START, depth(5, 15, 16, [("100.0", "4")]), snapshot(6, 13, *BOOK)]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == ["5 LEVEL +1 4@100 #16 SUSPECT |"]
    assert done.counts == {"gaps": 1, "dropped_snapshots_too_old": 1, "suspect_packets": 2}
    lines = [snapshot(0, 3, *BOOK), depth(5, 15, 16, [("100.0", "4")])]
    done, rows = converted(tmp_path, lines)
    assert rows == ["5 LEVEL +1 4@100 #16 SUSPECT |"]
    assert done.counts["dropped_snapshots_too_old"] == 1


def test_snapshot_that_no_diff_reaches_is_counted(tmp_path):
    done, rows = converted(tmp_path, [*START, snapshot(5, 20, *BOOK)])
    assert len(rows) == 5
    assert done.counts["dropped_snapshots_without_diffs"] == 1


def test_repeated_diffs_and_trades_are_left_out(tmp_path):
    diff, print_ = depth(5, 11, 12, [("100.0", "4")]), trade(6, 1, "100.0", "1")
    done, rows = converted(tmp_path, [*START, diff, diff, print_, print_, depth(7, 12, 13, [("100.0", "3")])])
    assert rows[5:] == ["5 LEVEL +1 4@100 #12 |", "6 TRADE +1 1@100 #0 |", "7 LEVEL +1 3@100 #13 |"]
    assert done.counts == {"dropped_repeated_diffs": 1, "dropped_repeated_trades": 1, "suspect_packets": 1}


def test_later_snapshot_keeps_the_levels_beyond_its_own_and_is_compared(tmp_path):
    lines = [
        *START,
        depth(5, 11, 11, [("95.0", "2")]),
        snapshot(6, 11, [("100.0", "5"), ("99.0", "8")], [("101.0", "7")]),  # 99 had 3
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[6:] == [
        "5 CLEAR +0 0@0 #11 SNAPSHOT",
        "5 LEVEL +1 5@100 #11 SNAPSHOT",
        "5 LEVEL +1 8@99 #11 SNAPSHOT",
        "5 LEVEL +1 2@95 #11 SNAPSHOT",
        "5 LEVEL -1 7@101 #11 SNAPSHOT |",
    ]
    assert done.counts == {"levels_that_a_snapshot_corrected": 1, "suspect_packets": 1}


def test_level_that_only_a_later_snapshot_tells_is_a_correction_where_the_book_was_known(tmp_path):
    lines = [
        depth(0, 8, 10, [("97.0", "1")]),
        snapshot(1, 10, [("100.0", "5"), ("97.0", "1")], [("101.0", "7")]),
        depth(5, 11, 11, [("100.0", "6")]),
        snapshot(6, 11, [("100.0", "6"), ("98.0", "2"), ("97.0", "1"), ("96.0", "9")], [("101.0", "7")]),
    ]
    done, _ = converted(tmp_path, lines)
    assert done.counts == {"levels_that_a_snapshot_corrected": 1, "suspect_packets": 1}


def test_later_snapshot_of_fewer_levels_takes_nothing_back(tmp_path):
    lines = [
        depth(0, 8, 10, [("99.0", "3")]),
        snapshot(1, 10, [("100.0", "5"), ("99.0", "3")], [("101.0", "7"), ("103.0", "2")]),
        depth(5, 11, 11, [("100.0", "6")]),
        snapshot(6, 11, [("100.0", "6")], [("101.0", "7")]),
        depth(7, 12, 12, [("100.0", "0")], [("101.0", "0")]),
    ]
    _, rows = converted(tmp_path, lines)
    assert rows[-2:] == ["7 LEVEL +1 0@100 #12", "7 LEVEL -1 0@101 #12 |"]


def test_snapshot_that_shows_deeper_levels_corrects_nothing(tmp_path):
    deeper = snapshot(6, 11, [("100.0", "5"), ("99.0", "3"), ("95.0", "2")], [("101.0", "7"), ("102.0", "1")])
    done, rows = converted(tmp_path, [*START, depth(5, 11, 11, [("100.0", "5")]), deeper])
    assert done.counts == {"suspect_packets": 1}
    assert len(rows) == 12


def test_best_price_beyond_what_is_known_is_suspect(tmp_path):
    lines = [
        *START,  # bids are known down to 99
        depth(5, 11, 11, [("100.0", "0")]),
        depth(6, 12, 12, [("99.0", "0"), ("97.0", "1")]),  # 98 may hold orders that nobody told
        trade(7, 1, "97.0", "1"),
        depth(8, 13, 13, [], [("98.0", "4")]),  # an ask at 98: no bids there
        depth(9, 14, 14, [("98.0", "2"), ("97.0", "0")], [("98.0", "0"), ("101.0", "8")]),
    ]
    _, rows = converted(tmp_path, lines)
    assert rows[5:] == [
        "5 LEVEL +1 0@100 #11 |",
        "6 LEVEL +1 0@99 #12 SUSPECT",
        "6 LEVEL +1 1@97 #12 SUSPECT |",
        "7 TRADE +1 1@97 #0 SUSPECT |",
        "8 LEVEL -1 4@98 #13 SUSPECT |",
        "9 LEVEL +1 2@98 #14",
        "9 LEVEL +1 0@97 #14",
        "9 LEVEL -1 0@98 #14",
        "9 LEVEL -1 8@101 #14 |",
    ]


def test_best_ask_beyond_what_is_known_is_suspect(tmp_path):
    lines = [
        *START,  # asks are known up to 101
        depth(5, 11, 11, [], [("101.0", "0"), ("103.0", "1")]),  # 102 may hold orders that nobody told
        depth(6, 12, 12, [("103.0", "4")], [("103.0", "0"), ("104.0", "1")]),  # a bid at 103: no asks there
        depth(7, 13, 13, [("103.0", "0")], [("103.0", "2")]),
    ]
    _, rows = converted(tmp_path, lines)
    assert rows[5:7] == ["5 LEVEL -1 0@101 #11 SUSPECT", "5 LEVEL -1 1@103 #11 SUSPECT |"]
    assert ["SUSPECT" in row for row in rows[7:]] == [True, True, True, False, False]


def test_diffs_keep_their_order_where_their_times_fall(tmp_path):
    done, rows = converted(tmp_path, [*START, depth(5, 11, 11, [("100.0", "4")]), depth(3, 12, 12, [("100.0", "6")])])
    assert rows[5:] == ["5 LEVEL +1 4@100 #11 |", "5 LEVEL +1 6@100 #12 |"]
    assert done.counts["diffs_raised_to_the_time_before"] == 1


def test_snapshot_counts_for_a_minute(tmp_path):
    for seconds, usable in ((60, True), (61, False)):
        lines = [
            depth(0, 1, 2, [("90.0", "1")]),
            depth(seconds * 1_000, 3, 3, [("91.0", "1")]),
            snapshot(62_000, 2, *BOOK),
        ]
        done, rows = converted(tmp_path, [*lines, depth(63_000, 4, 4, [("91.0", "2")])])
        # The diff that holds update 2 is forgotten, but the one behind it follows: nothing is missing.
        assert any("SNAPSHOT" in row for row in rows)
        done, rows = converted(tmp_path, [*lines[:2], snapshot(62_000, 1, *BOOK)])
        assert any("SNAPSHOT" in row for row in rows) == usable
        assert done.counts.get("dropped_snapshots_too_old", 0) == (not usable)


def test_rows_are_in_order_of_exchange_time_with_prints_before_levels(tmp_path):
    lines = [
        *START,
        depth(5, 11, 11, [("100.0", "4")], received=5),
        trade(5, 1, "100.0", "1", received=7),
        trade(4, 2, "100.0", "2", received=8),
        trade(6, 3, "101.0", "3", buyer_rests=False, received=9),
    ]
    _, rows = converted(tmp_path, lines)
    assert rows[5:] == [
        "4 TRADE +1 2@100 #0 |",
        "5 TRADE +1 1@100 #0 |",
        "5 LEVEL +1 4@100 #11 |",
        "6 TRADE -1 3@101 #0 |",
    ]
    # The print of 4 ms was received at 8 ms: what follows it cannot be seen before.
    local = [row["ts_local_ns"] for row in rows_of(tmp_path / "out.parquet")[5:]]
    assert local == [at(8) + DELAY_NS] * 3 + [at(9) + DELAY_NS]


def test_packet_that_comes_after_its_time_has_passed_takes_the_time_of_the_one_before():
    order = TimeOrder()
    packets = [Packet(ts, 0, i, 0, 0, 0, ()) for i, ts in enumerate([5, HOLD_NS + 6, 4, HOLD_NS + 7])]
    passed = [packet for each in packets for packet in order.add(each)] + list(order.rest())
    assert [(packet.number, packet.ts_ns) for packet in passed] == [(0, 5), (2, 5), (1, HOLD_NS + 6), (3, HOLD_NS + 7)]
    assert order.late == 1


def test_side_of_a_print_is_that_of_the_resting_order(tmp_path):
    lines = [*START, trade(5, 1, "100.0", "1"), trade(6, 2, "101.0", "1", buyer_rests=False)]
    _, rows = converted(tmp_path, lines)
    assert rows[5:] == ["5 TRADE +1 1@100 #0 |", "6 TRADE -1 1@101 #0 |"]


def test_aggregates_count_only_where_there_are_no_trades(tmp_path):
    aggregate = trade(5, 7, "100.0", "3", e="aggTrade")
    _, rows = converted(tmp_path, [*START, aggregate])
    assert rows[5:] == ["5 TRADE +1 3@100 #0 |"]
    done, rows = converted(tmp_path, [*START, aggregate, trade(6, 1, "100.0", "1")])
    assert rows[5:] == ["6 TRADE +1 1@100 #0 |"]
    assert done.counts["left_out_aggregates_of_trades"] == 1


def test_trades_beside_the_book_are_dropped_and_holes_in_the_numbers_counted(tmp_path):
    lines = [
        *START,
        trade(5, 1, "100.0", "1", X="MARKET"),
        trade(6, 2, "100.05", "1.5", X="INSURANCE_FUND"),
        trade(7, 3, "0", "0", X="NA"),
        trade(8, 6, "100.0", "2", X="MARKET"),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == ["5 TRADE +1 1@100 #0 |", "8 TRADE +1 2@100 #0 |"]
    assert done.counts == {"dropped_trades_beside_the_book": 2, "missing_trades": 2, "suspect_packets": 1}
    assert (done.tick_size, done.lot_size) == (1, 1)  # their prices are none of the book's


def test_book_tickers_and_other_messages_are_left_out_and_counted(tmp_path):
    answer = line(4, {"result": None, "id": 1})
    candle = line(4, {"e": "kline", "s": "BTCUSDT"}, stream="btcusdt@kline_1m")
    partial = line(4, {"lastUpdateId": 10, "bids": [], "asks": []}, stream="btcusdt@depth20")
    done, rows = converted(tmp_path, [*START, ticker(3, 10), answer, candle, partial])
    assert len(rows) == 5
    assert done.counts == {"left_out_book_tickers": 1, "left_out_other": 3, "suspect_packets": 1}


def test_clock_that_is_behind_is_set_right_and_one_that_is_not_is_left_alone(tmp_path):
    late = [depth(0, 8, 10, [("90.0", "1")], clock_ns=-(10**9)), depth(5, 11, 11, clock_ns=-(10**9) - 7)]
    late += [depth(6, 12, 12, [("90.0", "2")], clock_ns=-(10**9) + 1_000)]
    for option, latency_ns in ((None, 500_000), ("2ms", 2_000_000), ("0ns", 0)):
        done, _ = converted(tmp_path, late, min_latency=option)
        meta = pq.read_metadata(done.output).metadata
        assert int(meta[Meta.CLOCK_SHIFT_NS.encode()]) == 10**9 + 7 + latency_ns
        first, last = rows_of(done.output)
        assert first["ts_local_ns"] - at(0) == latency_ns + 7
        assert last["ts_local_ns"] - at(6) == latency_ns + 1_007
        assert "smallest local - exchange time is -1000.000 ms: " in done.notes[0]
    done, _ = converted(tmp_path, START)
    assert pq.read_metadata(done.output).metadata[Meta.CLOCK_SHIFT_NS.encode()] == b"0"
    assert done.notes[0] == "smallest local - exchange time is 2.000 ms: local times are as recorded"
    with pytest.raises(ConfigError, match="--min-latency: 'soon' is not a duration"):
        converted(tmp_path, START, min_latency="soon")


def test_exchange_times_may_be_in_microseconds(tmp_path):
    data = {
        "e": "depthUpdate",
        "E": at(3) // 1_000 + 250,
        "s": "BTCUSDT",
        "U": 11,
        "u": 11,
        "b": [["100", "1"]],
        "a": [],
    }
    converted(tmp_path, [*START, line(4, data)])
    assert rows_of(tmp_path / "out.parquet")[-1]["ts_exchange_ns"] == at(3) + 250_000


def test_tick_and_lot_size_are_the_finest_decimals_or_as_given(tmp_path):
    lines = [depth(0, 8, 10, [("90.50", "1.250000"), ("90.0", "3")])]
    done, rows = converted(tmp_path, lines)
    assert (done.tick_size, done.lot_size) == (Decimal("0.1"), Decimal("0.01"))
    assert rows == ["0 LEVEL +1 125@905 #10 SUSPECT", "0 LEVEL +1 300@900 #10 SUSPECT |"]
    assert any("the finest decimals" in note for note in done.notes)
    done, rows = converted(tmp_path, lines, tick_size="0.5", lot_size="0.25")
    assert rows == ["0 LEVEL +1 5@181 #10 SUSPECT", "0 LEVEL +1 12@180 #10 SUSPECT |"]
    done, _ = converted(tmp_path, [*lines, snapshot(1, 10, [("90.125", "2")])])
    assert done.tick_size == Decimal("0.001")
    with pytest.raises(DataError, match=r"line 1: price 90\.50 is no multiple of 0\.2; pass a --tick-size"):
        converted(tmp_path, lines, tick_size="0.2")
    with pytest.raises(DataError, match=r"line 1: price 90\.50 is no multiple of 1; pass a --tick-size"):
        converted(tmp_path, lines, tick_size="1")
    with pytest.raises(DataError, match=r"line 1: size 1\.250000 is no multiple of 0\.2; pass a --lot-size"):
        converted(tmp_path, lines, lot_size="0.2")
    with pytest.raises(DataError, match=r"2\^40 units"):
        converted(tmp_path, [depth(0, 8, 10, [("1", "123456789.12345678")])])


def test_one_instrument_of_several_is_chosen(tmp_path):
    lines = [*START, depth(5, 3, 4, [("7.00", "1")], symbol="ETHUSDT"), trade(6, 1, "7.01", "1", symbol="ETHUSDT")]
    with pytest.raises(ConfigError, match="choose with --symbol one of BTCUSDT, ETHUSDT"):
        converted(tmp_path, lines)
    with pytest.raises(ConfigError, match="--symbol X: not in the files, which hold BTCUSDT, ETHUSDT"):
        converted(tmp_path, lines, symbol="X")
    done, rows = converted(tmp_path, lines, symbol="ethusdt")
    assert (done.symbol, done.tick_size) == ("ETHUSDT", Decimal("0.01"))
    assert rows == ["5 LEVEL +1 1@700 #4 SUSPECT |", "6 TRADE +1 1@701 #0 SUSPECT |"]
    # The answer of the call does not say whose book it is.
    assert done.counts["dropped_snapshots_without_symbol"] == 1


def test_venue_tells_spot_from_futures_and_one_file_holds_one_of_them(tmp_path):
    futures = depth(5, 12, 12, [("100.0", "1")], previous=10)
    converted(tmp_path, START)
    assert pq.read_metadata(tmp_path / "out.parquet").metadata[b"lob.venue"] == b"BINANCE"
    converted(tmp_path, [futures])
    assert pq.read_metadata(tmp_path / "out.parquet").metadata[b"lob.venue"] == b"BINANCE_FUTURES"
    with pytest.raises(DataError, match="line 3: a diff of another market"):
        converted(tmp_path, [*START, futures])


def test_files_have_to_be_in_time_order(tmp_path):
    with pytest.raises(DataError, match=r"1\.gz, line 1: recorded before the end of the file before it"):
        converted(tmp_path, [depth(5, 11, 11, [("100.0", "4")])], START)


GOOD = depth(0, 8, 10, [("90.0", "1")])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{}", "starts with '{}'; expected the local time in nanoseconds"),
        ("1721347200000 {}", "starts with '1721347200000'"),
        (f"{at(1)} {{", "no JSON behind the local time"),
        (f"{at(1)}", "no JSON behind the local time"),
        (f"{at(1)} [1]", "is no JSON object"),
        (GOOD.replace('"90.0"', '"9O.0"'), "b holds '9O.0'; expected a decimal as text"),
        (GOOD.replace('"90.0"', "90.0"), "b holds 90.0; expected a decimal as text"),
        (GOOD.replace('"90.0"', '"-90.0"'), "expected a decimal as text"),
        (GOOD.replace('"90.0"', '"0.0"'), "a level at price 0.0; expected more than 0"),
        (GOOD.replace('"90.0", ', ""), "expected price and size"),
        (GOOD.replace('"b"', '"c"'), "b is None; expected a list"),
        (GOOD.replace('"u": 10', '"u": "10"'), "u is '10'; expected an integer"),
        (GOOD.replace('"u": 10', '"u": 7'), "update numbers U 8, u 7 after 7; expected them to rise"),
        (GOOD.replace('"E": 1721347200000', '"E": 1721347200'), "E is 1721347200; expected milliseconds"),
        (GOOD.replace('"s"', '"S"'), "s is None; expected the symbol"),
        (trade(1, 1, "90.0", "0"), "trade of 0 at 90.0; expected a price and a size"),
        (trade(1, 1, "90.0", "1", m=1), "m is 1; expected true"),
    ],
)
def test_bad_line_ends_with_file_and_line(tmp_path, bad, message, capsys):
    path = recording(tmp_path / "a.gz", [GOOD, bad])
    with pytest.raises(SystemExit) as stop:
        cli.main(["convert", "binance", str(path), "-o", str(tmp_path / "out.parquet")])
    error = capsys.readouterr().err
    assert stop.value.code == 3
    assert f"error: {path}, line 2: " in error
    assert message in error
    assert not (tmp_path / "out.parquet").exists()


def test_files_that_cannot_be_read_are_refused(tmp_path):
    output = tmp_path / "out.parquet"
    with pytest.raises(DataError, match=r"absent\.gz: no such file"):
        convert("binance", tmp_path / "absent.gz", output)
    path = recording(tmp_path / "a.gz", [GOOD] * 100)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="truncated or corrupt after line"):
        convert("binance", path, output)
    empty = tmp_path / "empty.gz"
    empty.write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match="neither diffs nor trades of Binance"):
        convert("binance", empty, output)
    with pytest.raises(DataError, match="no diffs of BTCUSDT"):
        convert("binance", recording(tmp_path / "t.gz", [trade(1, 1, "90.0", "1")]), output)
    plain = tmp_path / "plain.txt"
    plain.write_text(GOOD + "\n\n")
    assert convert("binance", plain, output).rows == 1


def test_command_says_on_stderr_what_was_done_to_the_clock(tmp_path, capsys):
    path = recording(tmp_path / "a.gz", [depth(0, 8, 10, [("90.0", "1")], clock_ns=-1_500_000)])
    arguments = ["convert", "binance", str(path), "-o", str(tmp_path / "out.parquet"), "--min-latency", "1ms"]
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 0
    assert "note: smallest local - exchange time is -1.500 ms: 2.500 ms were added to local times" in error
    assert "note: 1 packets are flagged SUSPECT" in error


@pytest.mark.parametrize("seed", range(6))
def test_damaged_recordings_are_refused_or_give_clean_files(tmp_path, seed):
    rng = random.Random(seed)
    lines = [*START, depth(5, 11, 12, [("100.0", "4")], [("101.5", "1")]), trade(6, 1, "100.0", "1"), ticker(7, 12)]
    original = "".join(each + "\n" for each in lines).encode()
    path, output = tmp_path / "a.txt", tmp_path / "out.parquet"
    for _ in range(40):
        content = bytearray(original)
        for _ in range(rng.choice([1, 1, 2, 5])):
            place, length = rng.randrange(len(content)), rng.randrange(1, 40)
            match rng.randrange(4):
                case 0:
                    content[place] = rng.randrange(256)
                case 1:
                    content[place] = rng.choice(b'0123456789-.,"{}[]\nUuTE')
                case 2:
                    del content[place : place + length]
                case _:
                    content[place:place] = content[place : place + length]
        path.write_bytes(content)
        output.unlink(missing_ok=True)
        refusal = None
        try:
            convert("binance", path, output)
        except (DataError, ConfigError) as error:
            refusal = str(error)
        assert output.exists() == (refusal is None)
        if refusal is not None:
            assert path.name in refusal
        else:
            assert not {*validate([output]).to_dict()["kinds"]} - {"crossed"}, bytes(content)
