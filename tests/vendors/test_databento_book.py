"""Where the book of a Databento file is not known, and packets that go over the end of a file."""

from __future__ import annotations

import pytest
from vendor_files import CLEAR, DAY_NS, converted, databento, dbn, mbo, shown

from lob_backtest.errors import DataError
from lob_backtest.vendors.convert import convert
from lob_backtest.vendors.databento import packet as databento_packet

LAST, SNAPSHOT, BAD_TIME, BAD_BOOK = 128, 32, 8, 4
BID = (1, "A", "B", "10.00", 10, 1, LAST)
ASK = (2, "A", "A", "10.02", 8, 2, LAST)


def suspects(rows):
    return [" SUSPECT" in text for text in shown(rows)]


def test_rows_before_the_first_clear_are_suspect(tmp_path):
    records = [BID, (2, "T", "N", "10.01", 5, 0, LAST), (3, "R", "N", "", 0, 0, LAST), (4, *ASK[1:])]
    done, rows = converted(tmp_path, "databento", databento(tmp_path / "a.csv", records))
    assert suspects(rows) == [True, True, False, False]
    assert [note.partition("a.csv, ")[2] for note in done.notes] == [
        "line 2: the book is not known before the first clear (R) or snapshot; 2 records are SUSPECT"
    ]


def test_rows_from_a_clear_or_a_snapshot_on_are_not_suspect(tmp_path):
    done, rows = converted(tmp_path, "databento", databento(tmp_path / "a.csv", [CLEAR, BID, ASK]))
    assert (suspects(rows), done.notes) == ([False] * 3, ())
    snapshot = [mbo(9, "R", flags=SNAPSHOT), mbo(9, "A", "B", 1000, 5, 1, SNAPSHOT | LAST)]
    path = dbn(tmp_path / "a.dbn", [*snapshot, mbo(10, "C", "B", 1000, 5, 1)])
    done, rows = converted(tmp_path, "databento", path)
    assert (suspects(rows), done.notes) == ([False] * 3, ())


def test_orders_of_a_snapshot_whose_beginning_is_missing_are_suspect(tmp_path):
    path = dbn(tmp_path / "a.dbn", [mbo(9, "A", "B", 1000, 5, 1, SNAPSHOT | LAST)])
    assert suspects(converted(tmp_path, "databento", path)[1]) == [True]


def test_what_follows_a_gap_that_the_vendor_flags_is_suspect_until_the_next_clear(tmp_path):
    gap = [(2, *ASK[1:6], LAST | BAD_BOOK), (3, *ASK[1:5], 3, LAST)]
    path = databento(tmp_path / "a.csv", [CLEAR, BID, *gap, (4, "R", "N", "", 0, 0, LAST), (5, *BID[1:])])
    done, rows = converted(tmp_path, "databento", path)
    assert suspects(rows) == [False, False, True, True, False, False]
    assert "line 4: the book is not known after missing records (F_MAYBE_BAD_BOOK)" in done.notes[0]
    assert "2 records are SUSPECT" in done.notes[0]


def test_a_clear_that_is_flagged_as_bad_leaves_the_book_unknown(tmp_path):
    records = [(*CLEAR[:6], LAST | BAD_BOOK, 0), BID]
    assert suspects(converted(tmp_path, "databento", databento(tmp_path / "a.csv", records))[1]) == [True, True]


def test_a_doubtful_time_of_receipt_makes_its_own_row_suspect(tmp_path):
    records = [CLEAR, (*BID[:6], LAST | BAD_TIME), ASK]
    assert suspects(converted(tmp_path, "databento", databento(tmp_path / "a.csv", records))[1]) == [False, True, False]


def test_a_new_id_without_a_clear_starts_a_book_that_is_not_known(tmp_path):
    records = [mbo(0, "R"), mbo(1, "A", "B", 1000, 10, 1), mbo(5, "A", "A", 1002, 4, 1, sequence=5, of=2, day=19)]
    mappings = [("AAA", 18, 19, 1), ("AAA", 19, 20, 2)]
    done, rows = converted(tmp_path, "databento", dbn(tmp_path / "a.dbn", records, symbols=["AAA"], mappings=mappings))
    assert shown(rows)[2:] == ["CLEAR +0 0 0@0 SUSPECT", "ADD -1 1 4@1002 SUSPECT |"]
    assert "record 3: the book is not known after a change of the instrument id" in done.notes[0]


def test_records_that_a_live_session_skipped_make_every_instruments_book_unknown(tmp_path):
    library = pytest.importorskip("databento_dbn")
    skipped = library.ErrorMsg(DAY_NS, "slow", True, library.ErrorCode.SKIPPED_RECORDS_AFTER_SLOW_READING)
    quotes = [mbo(i, "A", "B", 1000 + i, 5, i, LAST, i, of=of) for of in (1, 2) for i in (10, 20, 30)]
    records = sorted([mbo(0, "R"), mbo(0, "R", of=2), *quotes], key=lambda record: record.ts_event)
    path = dbn(tmp_path / "a.dbn", [*records[:4], skipped, *records[4:]], schema=None)
    for symbol in ("1", "2"):
        done, rows = converted(tmp_path, "databento", path, symbol=symbol)
        assert suspects(rows) == [False, False, True, True]
        assert done.counts == {"left_out_errors": 1}
    clears = [mbo(15, "R", sequence=15, of=1), mbo(15, "R", sequence=15, of=2)]
    path = dbn(tmp_path / "a.dbn", [*records[:4], skipped, *clears, *records[4:]], schema=None)
    assert suspects(converted(tmp_path, "databento", path, symbol="2")[1]) == [False] * 5


def test_a_file_that_begins_after_the_one_before_ends_leaves_the_book_unknown(tmp_path):
    hour = 3600 * 10**9
    first = [mbo(0, "R"), mbo(1, "A", "B", 1000, 5, 1, sequence=1)]
    second = [mbo(2, "A", "A", 1002, 5, 2, sequence=2)]
    for gap_ns, expected in ((1, True), (0, False)):
        paths = [
            dbn(tmp_path / "1.dbn", first, start=DAY_NS, end=DAY_NS + hour),
            dbn(tmp_path / "2.dbn", second, start=DAY_NS + hour + gap_ns, end=DAY_NS + 20 * hour),
        ]
        done, rows = converted(tmp_path, "databento", paths)
        assert suspects(rows) == [False, False, expected]
        assert bool(done.notes) == expected
    # A clear makes the book known again.
    cleared = [mbo(2, "R", sequence=2), *second]
    paths[1] = dbn(tmp_path / "2.dbn", cleared, start=DAY_NS + 2 * hour, end=DAY_NS + 20 * hour)
    assert suspects(converted(tmp_path, "databento", paths)[1]) == [False] * 4
    # A file that was split off begins at its first record, and tells nothing of the time before.
    paths[1] = dbn(tmp_path / "2.dbn", second, start=second[0].ts_recv, end=DAY_NS + 20 * hour)
    assert suspects(converted(tmp_path, "databento", paths)[1]) == [False] * 3


def event():
    """Make a book, then a packet of three records that fills 4 lots of order 11."""
    return [
        mbo(0, "R"),
        mbo(1, "A", "B", 1000, 10, 11, LAST, 1),
        mbo(3, "T", "A", 1000, 4, 0, 0, 3),
        mbo(3, "F", "B", 1000, 4, 11, 0, 3),
        mbo(3, "M", "B", 1000, 6, 11, LAST, 3),
        mbo(4, "A", "B", 999, 5, 13, LAST, 4),
    ]


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_packet_goes_on_in_the_next_file(tmp_path, cut):
    _, whole = converted(tmp_path, "databento", dbn(tmp_path / "whole.dbn", event()))
    assert shown(whole)[2] == "EXECUTE +1 11 4@1000 |"
    paths = [dbn(tmp_path / "1.dbn", event()[:cut]), dbn(tmp_path / "2.dbn", event()[cut:])]
    done, rows = converted(tmp_path, "databento", paths)
    assert (rows, done.notes) == (whole, ())


def test_a_packet_that_the_next_file_does_not_carry_on_is_ended_and_noted(tmp_path):
    paths = [dbn(tmp_path / "1.dbn", event()[:4]), dbn(tmp_path / "2.dbn", event()[5:])]
    done, rows = converted(tmp_path, "databento", paths)
    assert shown(rows)[2:] == ["TRADE +1 0 4@1000 HIDDEN SUSPECT |", "ADD +1 13 5@999 SUSPECT |"]
    assert "1.dbn, record 4: ends within a packet, and nothing carries it on" in done.notes[0]
    assert "the book is not known from a packet without its end (F_LAST)" in done.notes[1]


def test_the_last_packet_of_all_is_ended_and_noted(tmp_path):
    done, rows = converted(tmp_path, "databento", dbn(tmp_path / "1.dbn", event()[:4]))
    assert shown(rows)[2:] == ["TRADE +1 0 4@1000 HIDDEN SUSPECT |"]
    assert "1.dbn, record 4: ends within a packet" in done.notes[0]


def test_a_packet_without_end_is_refused_and_a_long_snapshot_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(databento_packet, "PACKET_RECORDS", 20)
    quotes = [(i, "A", "B", "10.00", 5, i, 0, i) for i in range(1, 30)]
    path = databento(tmp_path / "a.csv", [CLEAR, *quotes])
    with pytest.raises(DataError, match=r"a\.csv, line 3: 20 records from here on, none of which ends a packet"):
        convert("databento", path, tmp_path / "none.parquet")
    snapshot = [mbo(9, "R", flags=SNAPSHOT), *(mbo(9, "A", "B", 1000, 5, i, SNAPSHOT) for i in range(1, 30))]
    path = dbn(tmp_path / "a.dbn", [*snapshot, mbo(9, "A", "A", 1002, 5, 30, SNAPSHOT | LAST)])
    assert len(converted(tmp_path, "databento", path)[1]) == 31


def test_errors_of_a_packet_over_two_files_name_the_file_of_the_record(tmp_path):
    wrong = mbo(3, "M", "B", 1000, 6, 11, LAST | 16, 3)
    paths = [dbn(tmp_path / "1.dbn", event()[:4]), dbn(tmp_path / "2.dbn", [wrong])]
    with pytest.raises(DataError, match=r"2\.dbn, record 1: flags 144"):
        convert("databento", paths, tmp_path / "none.parquet")


def test_files_chain_in_time_order_only(tmp_path):
    first = databento(tmp_path / "1.csv", [CLEAR, BID])
    second = databento(tmp_path / "2.csv", [(*ASK, 3), (9, "C", "B", "10.00", 10, 1, LAST, 4)])
    _, rows = converted(tmp_path, "databento", [first, second])
    assert shown(rows)[1:] == ["ADD +1 1 10@1000 |", "ADD -1 2 8@1002 |", "CANCEL +1 1 10@1000 |"]
    for paths in ([second, first], [first, first]):
        with pytest.raises(DataError, match=r"1\.csv, line 2: starts before the end of the file before it"):
            convert("databento", paths, tmp_path / "none.parquet")


def test_a_file_of_which_nothing_is_left_says_what_was_dropped(tmp_path):
    path = dbn(tmp_path / "a.dbn", [mbo(i, "C", "A", 1000, 5, i, LAST, i) for i in (1, 2)])
    expected = r"a\.dbn: no events of 1: 2 records, dropped cancels of unknown orders 2"
    with pytest.raises(DataError, match=expected):
        convert("databento", path, tmp_path / "none.parquet")
