"""What is known of Binance's book: diffs in a row, gaps, snapshots, and prices where nobody has been."""

from __future__ import annotations

from decimal import Decimal

from binance_files import BOOK, KNOWN, START, converted, depth, snapshot, trade


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
