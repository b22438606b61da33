"""Streams that state the best levels of a book whole: `@depth5`, `@depth10`, `@depth20`."""

from __future__ import annotations

import random

import pyarrow.parquet as pq
import pytest
from binance_files import START, at, converted, depth, line, snapshot, top, trade
from vendor_files import rows_of

from lob_backtest.book.book import Book
from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.audit.book_dump import replay
from lob_backtest.data.faults import Tally
from lob_backtest.data.reader import open_market
from lob_backtest.errors import DataError


def side(prices, size="1"):
    return [(f"{price}.0", size) for price in prices]


FIRST = top(0, 9, 10, side([100, 99, 98, 97, 96]), side([101, 102, 103, 104, 105]))


def test_message_replaces_what_it_reaches_and_windows_the_rest(tmp_path):
    lines = [
        trade(-1, 1, "100.0", "1"),
        FIRST,
        # 101 traded away and is a bid; 96 left what is shown, 98 is gone; asks from 106 on entered what is shown.
        top(5, 10, 20, side([101, 100, 99, 97, 96]), side([102, 103, 104, 105, 106])),
        top(9, 20, 30, side([102, 101, 100, 99, 97], "2"), side([103, 104, 105, 106, 107])),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[0] == "-1 TRADE +1 1@100 #0 SUSPECT |"
    assert rows[1:3] == ["0 CLEAR +0 0@0 #10 SNAPSHOT", "0 LEVEL +1 1@100 #10 SNAPSHOT"]
    assert rows[12:] == [
        "5 LEVEL +1 0@98 #20",
        "5 LEVEL +1 1@101 #20",
        "5 LEVEL -1 0@101 #20",
        "5 LEVEL -1 1@106 #20 WINDOW |",
        "9 LEVEL +1 0@96 #30 WINDOW",
        "9 LEVEL +1 2@102 #30",
        "9 LEVEL +1 2@101 #30",
        "9 LEVEL +1 2@100 #30",
        "9 LEVEL +1 2@99 #30",
        "9 LEVEL +1 2@97 #30",
        "9 LEVEL -1 0@102 #30",
        "9 LEVEL -1 1@107 #30 WINDOW |",
    ]
    assert done.counts == {"suspect_packets": 1}
    assert pq.read_metadata(done.output).metadata[b"lob.depth"] == b"5"


@pytest.mark.parametrize(("stream", "ms"), [("depth5@100ms", 250), ("depth5", 500), ("depth10@500ms", 1_000)])
def test_levels_may_follow_prints_by_two_intervals_of_their_stream(tmp_path, stream, ms):
    done, _ = converted(tmp_path, [top(0, 9, 10, side([100]), side([101]), stream=stream)])
    assert int(pq.read_metadata(done.output).metadata[b"lob.late_level_ns"]) == ms * 10**6


@pytest.mark.parametrize("first", ["changes", "partial"])
def test_stretch_of_partial_books_alone_within_a_file_is_refused(tmp_path, first):
    def lines(apart_ms):
        diff, later = (0, apart_ms) if first == "changes" else (apart_ms, 0)
        both = [
            (diff, depth(diff, 11, 11, side([100]), previous=10)),
            (later, top(later, 11, 12, side([100]), side([101]))),
        ]
        return [text for _, text in sorted(both)]

    done, _ = converted(tmp_path, lines(60_000))
    assert done.counts["left_out_partial_books"] == 1
    with pytest.raises(DataError, match=r"0\.gz: partial books .* and no changes \(@depth\) in all of this time"):
        converted(tmp_path, lines(60_001))


def test_side_with_levels_to_spare_is_stated_whole(tmp_path):
    lines = [
        top(0, 9, 10, side([100, 99]), side([101])),
        top(5, 10, 11, side([100, 99, 90]), side([102])),
        top(6, 11, 12, side([100]), side([102])),
    ]
    _, rows = converted(tmp_path, lines)
    assert rows[4:] == [
        "5 LEVEL +1 1@90 #11",
        "5 LEVEL -1 0@101 #11",
        "5 LEVEL -1 1@102 #11 |",
        "6 LEVEL +1 0@99 #12",
        "6 LEVEL +1 0@90 #12 |",
    ]


def test_book_is_stated_anew_after_missing_messages_and_repeated_ones_are_dropped(tmp_path):
    lines = [FIRST, FIRST, top(5, 11, 20, side([100]), side([101])), top(6, 20, 21, side([100]), side([101]))]
    done, rows = converted(tmp_path, lines)
    assert rows[11:] == [
        "5 CLEAR +0 0@0 #20 SNAPSHOT",
        "5 LEVEL +1 1@100 #20 SNAPSHOT",
        "5 LEVEL -1 1@101 #20 SNAPSHOT |",
    ]
    assert done.counts == {"gaps": 1, "dropped_repeated_books": 1}


def test_partial_books_beside_changes_and_snapshots_beside_partial_books_are_left_out(tmp_path):
    done, rows = converted(tmp_path, [*START, top(5, 10, 11, side([100]), side([101])).replace('"pu": 10, ', "")])
    assert len(rows) == 5
    assert done.counts["left_out_partial_books"] == 1
    done, rows = converted(tmp_path, [FIRST, snapshot(1, 10, side([50]), side([200]))])
    assert len(rows) == 11
    assert done.counts == {"left_out_snapshots": 1}


def test_files_with_different_kinds_of_books_are_refused(tmp_path):
    diff = depth(-1, 8, 9, side([100]), previous=7)
    with pytest.raises(DataError, match=r"1\.gz: partial books .* and no changes \(@depth\) in all of this time"):
        converted(tmp_path, [diff], [FIRST])
    with pytest.raises(DataError, match=r"0\.gz: partial books of several streams \('btcusdt@depth10', 'btcusdt@dep"):
        converted(tmp_path, [FIRST, top(5, 10, 11, side([100]), side([101]), stream="depth10")])


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        (side([99, 100]), side([101])),
        (side([100]), side([102, 101])),
        (side([100, 100]), side([101])),
        (side([100], "0.0"), side([101])),
        (side([100, 99, 98, 97, 96, 95]), side([101])),
    ],
)
def test_partial_book_that_is_not_the_top_is_refused(tmp_path, bids, asks):
    with pytest.raises(
        DataError, match=r"0\.gz, line 2: a book of the stream 'btcusdt@depth5@100ms' with other levels"
    ):
        converted(tmp_path, [FIRST, top(5, 10, 11, bids, asks)])


def test_partial_books_of_the_spot_market_have_no_time_and_are_refused(tmp_path):
    book = line(0, {"lastUpdateId": 10, "bids": side([100]), "asks": side([101])}, stream="btcusdt@depth20@100ms")
    with pytest.raises(DataError, match=r"0\.gz, line 1: a partial book of BTCUSDT without exchange time"):
        converted(tmp_path, [book, trade(1, 1, "100", "1")])


@pytest.mark.parametrize("seed", range(20))
def test_random_books_are_rebuilt_and_rows_that_are_no_window_are_true_changes(tmp_path, seed):
    rng = random.Random(seed)
    depth_shown = rng.choice([5, 10])
    truth = {+1: {}, -1: {}}
    lines, shown, changes = [], [], []
    for step in range(1, 80):
        middle = 1_000 + rng.randrange(-6, 7)
        before = {s: dict(levels) for s, levels in truth.items()}
        for s in (1, -1):
            for price in [p for p in truth[s] if s * (p - middle) >= 0 or rng.random() < 0.15]:
                del truth[s][price]
            for _ in range(rng.randrange(0, 9)):
                truth[s][middle - s * rng.randrange(1, 14)] = rng.randrange(1, 4)
        best = {s: sorted(truth[s].items(), reverse=s > 0)[:depth_shown] for s in (1, -1)}
        texts = [[(str(p), str(q)) for p, q in best[s]] for s in (1, -1)]
        if rng.random() < 0.9:  # the others are missing
            lines.append(top(step, step - 1, step, *texts, stream=f"depth{depth_shown}"))
        shown.append(best)
        changes.append(
            {(s, p) for s in (1, -1) for p in {*before[s], *truth[s]} if before[s].get(p) != truth[s].get(p)}
        )
    done, _ = converted(tmp_path, lines)
    for row in rows_of(done.output):
        step = (row["ts_exchange_ns"] - at(0)) // 10**6
        if row["action"] == Action.LEVEL and not row["flags"] & (Flag.WINDOW | Flag.SNAPSHOT):
            assert (row["side"], row["price_ticks"]) in changes[step - 1]
    source, book = open_market(done.output), Book(2, depth_shown)
    rebuilt = {}
    for moment in replay(source, book, Tally()):
        if moment.last:
            rebuilt[moment.sequence] = {s: [level[:2] for level in book.top(s, 99)] for s in (1, -1)}
    for step, best in enumerate(shown, 1):
        if step in rebuilt:
            assert rebuilt[step] == best
    assert len(rebuilt) > 50
