from __future__ import annotations

import gzip
import zipfile
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from vendor_files import MIDNIGHT_NS, lobster, rows_of, shown
from vendor_files import converted as convert_and_validate

from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.archive import Member
from lob_backtest.vendors.convert import convert
from lob_backtest.vendors.lobster.files import _nanoseconds

FIRST = "34200.000000001,1,11,10,1000000,1"  # a bid of 10 at 10000 ticks
FIRST_BOOK = (10002, 7, 10000, 30)


def converted(tmp_path, messages, book, **options):
    message_path, book_path = lobster(tmp_path, messages, book)
    if book_path:
        options["orderbook"] = [book_path]
    return convert_and_validate(tmp_path, "lobster", message_path, **options)


def rest(tmp_path, messages, book):
    """Show the rows of all messages but the first."""
    _, rows = converted(tmp_path, messages, book)
    return shown(row for row in rows if row["sequence"] > 0)


def test_book_starts_as_a_snapshot_of_row_0_with_the_new_order_youngest(tmp_path):
    done, rows = converted(tmp_path, [FIRST], [FIRST_BOOK])
    assert shown(rows) == [
        "CLEAR +0 0 0@0 SNAPSHOT",
        "ADD +1 P1 20@10000 SNAPSHOT",
        "ADD +1 11 10@10000 SNAPSHOT",
        "ADD -1 P2 7@10002 SNAPSHOT |",
    ]
    assert (done.symbol, done.packets, done.rows) == ("TEST", 1, 4)
    assert {row["ts_exchange_ns"] for row in rows} == {MIDNIGHT_NS + 34200 * 10**9 + 1}
    assert {row["ts_local_ns"] for row in rows} == {None}


def test_each_message_is_a_packet_whose_sequence_is_its_row(tmp_path):
    messages = [FIRST, "34200.5,1,12,5,1000000,1", "34201,3,11,10,1000000,1"]
    done, rows = converted(tmp_path, messages, [FIRST_BOOK, (10002, 7, 10000, 35), (10002, 7, 10000, 25)])
    assert done.packets == 3
    assert [row["sequence"] for row in rows if row["flags"] & Flag.LAST] == [0, 1, 2]
    assert [row["ts_exchange_ns"] - MIDNIGHT_NS for row in rows[-2:]] == [34200_500_000_000, 34201 * 10**9]
    assert shown(rows[-2:]) == ["ADD +1 12 5@10000 |", "CANCEL +1 11 10@10000 |"]


def test_events_of_unknown_orders_act_on_the_placeholder_of_their_level(tmp_path):
    messages = [FIRST, "34201,4,99,5,1000000,1", "34202,2,98,3,1000000,1", "34203,4,11,10,1000000,1"]
    book = [FIRST_BOOK, (10002, 7, 10000, 25), (10002, 7, 10000, 22), (10002, 7, 10000, 12)]
    assert rest(tmp_path, messages, book) == [
        "EXECUTE +1 P1 5@10000 |",
        "CANCEL +1 P1 3@10000 |",
        "EXECUTE +1 11 10@10000 |",
    ]


def test_level_that_leaves_the_window_is_cancelled_and_comes_back_as_a_placeholder(tmp_path):
    messages = [FIRST, "34201,1,12,5,1000100,1", "34202,3,12,5,1000100,1", "34203,2,11,4,1000000,1"]
    book = [FIRST_BOOK, (10002, 7, 10001, 5), (10002, 7, 10000, 28), (10002, 7, 10000, 24)]
    assert rest(tmp_path, messages, book) == [
        "ADD +1 12 5@10001",
        "CANCEL +1 P1 20@10000 WINDOW",
        "CANCEL +1 11 10@10000 WINDOW |",
        "CANCEL +1 12 5@10001",
        "ADD +1 P2 28@10000 WINDOW |",
        "CANCEL +1 P2 4@10000 |",
    ]


def test_window_rows_at_its_edge_are_not_corrections(tmp_path):
    messages = [FIRST, "34201,1,12,5,1000100,1", "34202,3,12,5,1000100,1"]
    done, _ = converted(tmp_path, messages, [FIRST_BOOK, (10002, 7, 10001, 5), (10002, 7, 10000, 28)])
    assert done.counts == {}


def test_level_that_messages_do_not_explain_is_corrected_and_counted(tmp_path):
    messages = [FIRST, "34201,5,0,1,1000100,1", "34202,4,11,25,1000000,1"]
    book = [FIRST_BOOK, (10002, 9, 10000, 30), (10002, 9, 10000, 5)]
    done, rows = converted(tmp_path, messages, book)
    assert done.counts == {"corrected_levels": 1}
    assert shown(rows[-5:-2]) == [
        "TRADE +1 0 1@10001 HIDDEN",
        "CANCEL -1 P1 7@10002 WINDOW",
        "ADD -1 P2 9@10002 WINDOW |",
    ]
    assert shown(rows[-2:]) == ["EXECUTE +1 11 10@10000", "EXECUTE +1 P1 15@10000 |"]
    assert b'"corrected_levels": 1' in pq.read_metadata(tmp_path / "out.parquet").metadata[b"lob.source"]


def test_no_execution_is_lost_where_its_order_is_not_in_sight(tmp_path):
    messages = [FIRST, "34201,4,77,6,1000200,-1", "34202,4,78,3,1000100,-1"]
    book = [FIRST_BOOK, (10002, 1, 10000, 30), (10002, 1, 10000, 30)]
    done, rows = converted(tmp_path, messages, book)
    assert shown(rows[-2:]) == ["ADD -1 P1 3@10001 WINDOW", "EXECUTE -1 P1 3@10001 |"]
    assert sum(row["size_lots"] for row in rows if row["action"] == 4) == 9
    assert done.counts == {"size_not_in_sight": 1}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("34201,5,0,3,1000150,1", "TRADE +1 0 3@10002 HIDDEN |"),  # off tick: a bid's better price is higher
        ("34201,5,0,3,1000150,-1", "TRADE -1 0 3@10001 HIDDEN |"),
        ("34201,5,0,3,1000100,-1", "TRADE -1 0 3@10001 HIDDEN |"),
        ("34201,6,-1,300,1000100,-1", "TRADE +0 0 300@10001 AUCTION |"),
    ],
)
def test_hidden_executions_and_crosses_are_prints(tmp_path, message, expected):
    assert rest(tmp_path, [FIRST, message], [FIRST_BOOK] * 2) == [expected]


def test_cross_without_a_match_is_dropped_and_counted(tmp_path):
    done, rows = converted(tmp_path, [FIRST, "34201,6,-1,0,0,-1"], [FIRST_BOOK] * 2)
    assert done.counts == {"dropped_empty_crosses": 1}
    assert done.packets == 1
    assert all(row["sequence"] == 0 for row in rows)


@pytest.mark.parametrize(("day", "side"), [("2014-07-13", 1), ("2014-07-14", 0)])
def test_side_of_hidden_executions_means_nothing_since_july_2014(tmp_path, day, side):
    stem = f"TEST_{day}_34200000_57600000_{{}}_{{}}.csv"
    message_path, book_path = lobster(tmp_path, [FIRST, "34201,5,0,3,1000150,1"], [FIRST_BOOK] * 2, stem=stem)
    convert("lobster", message_path, tmp_path / "a.parquet", orderbook=[book_path])
    assert rows_of(tmp_path / "a.parquet")[-1]["side"] == side


@pytest.mark.parametrize(("code", "phase"), [(-1, Phase.HALTED), (0, Phase.AUCTION), (1, Phase.CONTINUOUS)])
def test_halts_are_status_rows(tmp_path, code, phase):
    _, rows = converted(tmp_path, [FIRST, f"34201,7,0,0,{code},-1"], [FIRST_BOOK] * 2)
    assert shown(rows[-1:]) == ["STATUS +0 0 0@0 |"]
    assert rows[-1]["phase"] == phase


@pytest.mark.parametrize(
    ("message", "before"),
    [
        ("34200,5,0,3,1000100,-1", ["TRADE -1 0 3@10001 HIDDEN SUSPECT"]),
        ("34200,4,55,3,1000200,-1", ["ADD -1 P1 3@10002 SUSPECT WINDOW", "EXECUTE -1 P1 3@10002 SUSPECT"]),
        ("34200,3,55,3,1000200,-1", []),
    ],
)
def test_first_message_that_is_a_trade_stands_suspect_before_the_snapshot(tmp_path, message, before):
    done, rows = converted(tmp_path, [message], [FIRST_BOOK])
    texts = shown(rows)
    assert texts[: len(before) + 1] == [*before, "CLEAR +0 0 0@0 SNAPSHOT"]
    assert sorted(text.split()[3] for text in texts[len(before) + 1 :]) == ["30@10000", "7@10002"]
    assert done.packets == 1
    assert done.counts == {}


def test_levels_that_are_not_there_make_no_rows(tmp_path):
    book = [(10002, 7, 10000, 10, None, 0, None, 0), (10002, 7, None, 0, None, 0, None, 0)]
    assert rest(tmp_path, [FIRST, "34201,3,11,10,1000000,1"], book) == ["CANCEL +1 11 10@10000 |"]
    assert pq.read_metadata(tmp_path / "out.parquet").metadata[b"lob.depth"] == b"2"


def test_id_of_an_order_that_is_gone_may_come_again(tmp_path):
    messages = [FIRST, "34201,3,11,10,1000000,1", "34202,1,11,4,1000000,1"]
    assert rest(tmp_path, messages, [FIRST_BOOK, (10002, 7, 10000, 20), (10002, 7, 10000, 24)]) == [
        "CANCEL +1 11 10@10000 |",
        "ADD +1 11 4@10000 |",
    ]


def test_id_in_use_gets_a_new_one(tmp_path):
    done, rows = converted(tmp_path, [FIRST, "34201,1,11,5,1000000,1"], [FIRST_BOOK, (10002, 7, 10000, 35)])
    assert done.counts == {"reused_ids": 1}
    assert rows[-1]["order_id"] >> 63 == 1


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("34200.004241176", 34200_004241176),
        ("34200.00426064", 34200_004260640),
        ("34200", 34200_000000000),
        ("43002.632812672004", 43002_632812672),
        ("43002.6328126719996", 43002_632812672),
    ],
)
def test_times_keep_every_digit(text, ns):
    assert _nanoseconds(text, Member(None), 1) == ns


def test_time_that_runs_backwards_is_raised_and_counted(tmp_path):
    messages = [FIRST, "34201,5,0,1,1000100,1", "34200.5,5,0,1,1000100,1", "34202,5,0,1,1000100,1"]
    done, rows = converted(tmp_path, messages, [FIRST_BOOK] * 4)
    assert [(row["ts_exchange_ns"] - MIDNIGHT_NS) // 10**9 for row in rows[-3:]] == [34201, 34201, 34202]
    assert done.counts == {"times_raised_to_the_row_before": 1}


@pytest.mark.parametrize(("day", "offset"), [("2012-03-09", 5), ("2012-03-12", 4), ("2012-11-05", 5)])
def test_times_are_new_yorks_in_summer_and_winter(tmp_path, day, offset):
    stem = f"TEST_{day}_34200000_57600000_{{}}_{{}}.csv"
    message_path, book_path = lobster(tmp_path, ["34200.000000001" + FIRST[15:]], [FIRST_BOOK], stem=stem)
    done = convert("lobster", message_path, tmp_path / "a.parquet", orderbook=[book_path])
    seconds, ns = divmod(done.first_ns, 10**9)
    assert ns == 1
    assert seconds % 86400 == 34200 + offset * 3600


def test_without_the_order_book_only_its_own_orders_are_known_and_every_row_is_suspect(tmp_path):
    messages = [FIRST, "34201,3,77,5,1000200,-1", "34202,4,78,6,1000200,-1", "34203,4,11,4,1000000,1"]
    done, rows = converted(tmp_path, messages, None)
    assert shown(rows) == [
        "CLEAR +0 0 0@0 SUSPECT",
        "ADD +1 11 10@10000 SUSPECT |",
        "TRADE -1 0 6@10002 SUSPECT |",
        "EXECUTE +1 11 4@10000 SUSPECT |",
    ]
    assert done.counts == {"dropped_cancels_of_unknown_orders": 1, "executions_of_unknown_orders": 1}
    assert "no --orderbook" in done.notes[0]
    assert "SUSPECT, where own orders fill only by trades at worse prices, marked tainted." in done.notes[0]


def test_zip_archive_holds_message_and_order_book_file(tmp_path):
    message_path, book_path = lobster(tmp_path, [FIRST], [FIRST_BOOK])
    archive = tmp_path / "day.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(book_path, f"folder/{book_path.name}")
        file.write(message_path, f"folder/{message_path.name}")
        file.writestr("ReadMe.txt", "hello")
    convert("lobster", archive, tmp_path / "zip.parquet")
    convert("lobster", message_path, tmp_path / "csv.parquet", orderbook=[book_path])
    assert rows_of(tmp_path / "zip.parquet") == rows_of(tmp_path / "csv.parquet")
    assert pq.read_metadata(tmp_path / "zip.parquet").metadata[b"lob.source"].startswith(b"day.zip sha256:")


def two_days(tmp_path, second_day="2012-06-22"):
    first = lobster(tmp_path, [FIRST, "34201,3,11,10,1000000,1"], [FIRST_BOOK, (10002, 7, 10000, 20)])
    stem = f"TEST_{second_day}_34200000_57600000_{{}}_{{}}.csv"
    second = lobster(tmp_path, [FIRST], [(10004, 7, 10000, 10)], stem=stem)
    return [first[0], second[0]], [first[1], second[1]]


def test_days_chain_and_each_starts_from_its_own_snapshot(tmp_path):
    messages, books = two_days(tmp_path)
    done, rows = convert_and_validate(tmp_path, "lobster", messages, orderbook=books)
    assert done.packets == 3
    assert [row["sequence"] for row in rows if row["flags"] & Flag.LAST] == [0, 1, 2]
    assert [text for text in shown(rows) if text.startswith("CLEAR")] == ["CLEAR +0 0 0@0 SNAPSHOT"] * 2


def test_days_out_of_order_are_refused_and_nothing_is_written(tmp_path):
    messages, books = two_days(tmp_path)
    with pytest.raises(DataError, match=r"06-21.*line 1: starts before the end of the file before it"):
        convert("lobster", messages[::-1], tmp_path / "a.parquet", orderbook=books[::-1])
    assert [path.suffix for path in tmp_path.iterdir()] == [".csv"] * 4


def test_tick_and_lot_sizes_scale_prices_and_sizes(tmp_path):
    message_path, book_path = lobster(tmp_path, [FIRST], [(10002, 50, 10000, 30)])
    done = convert(
        "lobster", message_path, tmp_path / "a.parquet", orderbook=[book_path], tick_size="0.0001", lot_size="10"
    )
    assert (done.tick_size, done.lot_size) == (Decimal("0.0001"), Decimal(10))
    assert {(row["price_ticks"], row["size_lots"]) for row in rows_of(done.output)[1:]} == {
        (1000200, 5),
        (1000000, 2),
        (1000000, 1),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("34201,1,12,10,1000050,1", r"_message_1.csv, line 2: price 1000050 .*pass --tick-size"),
        ("34201,1,12,10,1000000,0", "line 2: direction 0; expected 1"),
        ("34201,1,12,0,1000000,1", "line 2: size 0; expected more than 0"),
        ("34201,1,12,-10,1000000,1", "line 2: size -10; expected more than 0"),
        ("34201,1,12,1099511627776,1000000,1", r"line 2: size 1099511627776 is 2\^40 lots or more; expected less"),
        ("34201,1,12,10,109951162777600,1", r"line 2: price 109951162777600 \(in 1/10000\) is 2\^40 ticks or more"),
        ("34201,1,12,10,9223372036854775800,1", r"line 2: price 9223372036854775800 .*is 2\^40 ticks or more"),
        ("34201,1,12,10,9223372036854775808,1", "line 2, column 5: '9223372036854775808'; expected an integer of at"),
        ("34201,1,12,10,-1000000,1", "line 2: price -1000000; expected more than 0"),
        ("34201,1,12,10,0,1", "line 2: price 0; expected more than 0"),
        ("34201,1,-5,10,1000000,1", "line 2: order id -5; expected 1 or more"),
        ("34201,1,0,10,1000000,1", "line 2: order id 0; expected 1 or more"),
        ("34201,2,0,10,1000000,1", "line 2: order id 0; expected 1 or more"),
        ("34201,3,-1,10,1000000,1", "line 2: order id -1; expected 1 or more"),
        ("34201,4,-1,10,1000000,1", "line 2: order id -1; expected 1 or more"),
        ("34201,1,18446744073709551617,10,1000000,1", "line 2, column 3: .* expected an integer of at most 64 bits"),
        ("34201,5,0,-10,1000000,1", "line 2: size -10; expected more than 0"),
        ("34201,5,0,10,-1000000,1", "line 2: price -1000000; expected more than 0"),
        ("34201,5,0,10,0,1", "line 2: price 0; expected more than 0"),
        ("34201,5,0,1099511627776,1000000,1", r"line 2: size 1099511627776 is 2\^40 lots or more"),
        ("34201,6,-1,10,-5,1", "line 2: price -5; expected more than 0"),
        ("34201,6,-1,-10,1000000,1", "line 2: size -10; expected more than 0"),
        ("34201,6,-1,10,999999999999999999,1", r"line 2: price 999999999999999999 .*is 2\^40 ticks or more"),
        ("34201,9,12,10,1000000,1", "line 2: message type 9; expected 1 to 7"),
        ("34201,7,0,0,5,-1", "line 2: halt with price 5; expected -1"),
        ("34201,1,12,10,1000000", "line 2: 5 columns; expected 6"),
        ("34201,1,12,ten,1000000,1", "line 2, column 4: 'ten'; expected an integer"),
        ("34201.5e3,1,12,10,1000000,1", r"line 2: time '34201.5e3'; expected seconds"),
        ("-1,1,12,10,1000000,1", "line 2: time '-1'; expected seconds"),
        ("86401,1,12,10,1000000,1", "line 2: time '86401'; expected seconds"),
        ("", "line 2: 0 columns; expected 6"),
    ],
)
def test_bad_line_is_named(tmp_path, line, message):
    message_path, book_path = lobster(tmp_path, [FIRST, line, FIRST], [FIRST_BOOK] * 3)
    with pytest.raises(DataError, match=message):
        convert("lobster", message_path, tmp_path / "a.parquet", orderbook=[book_path])
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".csv"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1000200,7,1000000", "line 2: 3 columns; expected 4"),
        ("1000200,7,1000000,x", "line 2, column 4: 'x'; expected an integer"),
        ("1000250,7,1000000,30", r"orderbook_1.csv, line 2: level of 7 at 1000250: .*pass --tick-size 0\.0001, which"),
        ("1000200,-7,1000000,30", "orderbook_1.csv, line 2: level of -7 at 1000200: size -7; expected more than 0"),
        ("1000200,0,1000000,30", "line 2: level of 0 at 1000200: size 0; expected more than 0"),
        ("1000200,7,1000000,1099511627776", r"line 2: level of 1099511627776 at 1000000: size .*is 2\^40 lots or more"),
        ("1000200,7,-1000000,30", "line 2: level of 30 at -1000000: price -1000000; expected more than 0"),
        ("109951162777600,7,1000000,30", r"line 2: level of 7 at 109951162777600: price .*is 2\^40 ticks or more"),
        ("1000200,7,99999999999999999999,30", "line 2, column 3: .*expected an integer of at most 64 bits"),
        ("1000200,,1000000,30", "line 2, column 2: ''; expected an integer"),
    ],
)
def test_bad_order_book_line_is_named(tmp_path, line, message):
    message_path, book_path = lobster(tmp_path, [FIRST, "34201,5,0,1,1000100,1"], [FIRST_BOOK])
    book_path.write_text(book_path.read_text() + line + "\n")
    with pytest.raises(DataError, match=message):
        convert("lobster", message_path, tmp_path / "a.parquet", orderbook=[book_path])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((10002, 7, 10000, 30, 10002, 8, 9999, 5), "level of 8 at 1000200: expected a price worse than 1000200"),
        ((10002, 7, 10000, 30, 10003, 8, 10001, 5), "level of 5 at 1000100: expected a price worse than 1000000"),
        ((None, 0, 10000, 30, 10003, 8, 9999, 5), "level of 0 at 9999999999: no level; expected none behind it"),
        ((10002, 7, None, 0, 10003, 8, 9999, 5), "level of 0 at -9999999999: no level; expected none behind it"),
    ],
)
def test_levels_out_of_order_are_refused(tmp_path, row, message):
    good = (10002, 7, 10000, 30, 10003, 8, 9999, 5)
    message_path, book_path = lobster(tmp_path, [FIRST, "34201,5,0,1,1000100,1"], [good, row])
    with pytest.raises(DataError, match=f"orderbook_2.csv, line 2: {message}"):
        convert("lobster", message_path, tmp_path / "a.parquet", orderbook=book_path)


@pytest.mark.parametrize("book", [None, [(1235, 100, 1234, 100)]])
def test_a_tick_size_that_is_too_coarse_is_named_with_one_that_is_not(tmp_path, book):
    message_path, book_path = lobster(tmp_path, ["34200,1,11,100,1234,1"], book)
    if book_path:
        book_path.write_text("1235,100,1234,100\n")
    with pytest.raises(DataError, match=r"price 123\d \(in 1/10000\) is no multiple .*0\.01; pass --tick-size 0\.0001"):
        convert("lobster", message_path, tmp_path / "a.parquet", orderbook=book_path)
    done = convert("lobster", message_path, tmp_path / "a.parquet", orderbook=book_path, tick_size="0.0001")
    assert done.tick_size == Decimal("0.0001")


def test_a_lot_size_that_is_too_coarse_is_named_with_one_that_is_not(tmp_path):
    message_path, book_path = lobster(tmp_path, [FIRST], [(10002, 100, 10000, 30)])
    with pytest.raises(DataError, match=r"level of 30 at 1000000: size 30 is no multiple .* 100; pass --lot-size 1"):
        convert("lobster", message_path, tmp_path / "a.parquet", orderbook=book_path, lot_size=100)


@pytest.mark.parametrize("with_book", [True, False])
def test_a_halt_ends_with_its_file(tmp_path, with_book):
    first = lobster(tmp_path, [FIRST, "34201,7,0,0,-1,-1"], [FIRST_BOOK] * 2)
    second = lobster(tmp_path, [FIRST], [FIRST_BOOK], stem="TEST_2012-06-22_34200000_57600000_{}_{}.csv")
    options = {"orderbook": [first[1], second[1]]} if with_book else {}
    done, rows = convert_and_validate(tmp_path, "lobster", [first[0], second[0]], **options)
    phases = [Phase(row["phase"]) for row in rows if row["action"] == Action.STATUS]
    assert phases == [Phase.HALTED, Phase.CONTINUOUS]
    assert next(row["phase"] for row in rows if row["sequence"] == 2) == Phase.CONTINUOUS
    assert any("the file before it ends in a halt" in note for note in done.notes)


@pytest.mark.parametrize(("messages", "books", "short"), [(2, 1, "orderbook"), (1, 2, "message")])
def test_files_of_different_lengths_are_refused(tmp_path, messages, books, short):
    message_path, book_path = lobster(tmp_path, [FIRST, "34201,5,0,1,1000100,1"][:messages], [FIRST_BOOK] * books)
    with pytest.raises(DataError, match=f"_{short}_1.csv: ends after line 1, but"):
        convert("lobster", message_path, tmp_path / "a.parquet", orderbook=[book_path])


def test_files_that_are_not_lobsters_are_refused(tmp_path):
    odd, empty = tmp_path / "odd.csv", tmp_path / "TEST_2012-06-21_34200000_57600000_message_1.csv"
    odd.write_text(FIRST)
    empty.write_text("")
    fake, bare = tmp_path / "fake.zip", tmp_path / "bare.zip"
    fake.write_text("not a zip")
    with zipfile.ZipFile(bare, "w") as file:
        file.writestr("ReadMe.txt", "hello")
    for path, message in [
        (odd, "the name of a LOBSTER message file has symbol and date"),
        (empty, "no messages"),
        (fake, "cannot be read as a zip archive"),
        (bare, "no LOBSTER message file in it"),
        (tmp_path / "absent.csv", "no such file"),
    ]:
        with pytest.raises(DataError, match=message):
            convert("lobster", path, tmp_path / "a.parquet")


def test_order_book_files_must_pair_with_message_files(tmp_path):
    messages, books = two_days(tmp_path)
    with pytest.raises(ConfigError, match="--orderbook: 1 files for 2 message files"):
        convert("lobster", messages, tmp_path / "a.parquet", orderbook=books[:1])


def test_order_book_file_of_another_depth_is_refused(tmp_path):
    message_path, _ = lobster(tmp_path, [FIRST])
    _, book_path = lobster(tmp_path, [FIRST], [FIRST_BOOK * 10])
    with pytest.raises(ConfigError, match=r"orderbook_10\.csv: by its name not the order book file of"):
        convert("lobster", message_path, tmp_path / "a.parquet", orderbook=book_path)


@pytest.mark.parametrize("pick", [(1, 0), (0, 0)])
def test_order_book_files_of_another_day_are_refused(tmp_path, pick):
    messages, books = two_days(tmp_path)
    with pytest.raises(ConfigError, match=r"--orderbook .*: by its name not the order book file of .*_message_1\.csv"):
        convert("lobster", messages, tmp_path / "a.parquet", orderbook=[books[i] for i in pick])
    with pytest.raises(ConfigError, match="by its name not the order book file"):
        convert("lobster", messages[0], tmp_path / "a.parquet", orderbook=messages[0])


def test_order_book_file_may_have_any_name_of_another_form(tmp_path):
    message_path, book_path = lobster(tmp_path, [FIRST], [FIRST_BOOK])
    book_path = book_path.rename(tmp_path / "book.csv")
    assert convert("lobster", message_path, tmp_path / "a.parquet", orderbook=book_path).notes == ()


def test_a_file_that_is_given_twice_is_refused(tmp_path):
    message_path, book_path = lobster(tmp_path, [FIRST], [FIRST_BOOK])
    with pytest.raises(ConfigError, match=r"_message_1\.csv: given twice; expected each file once"):
        convert("lobster", [message_path] * 2, tmp_path / "a.parquet", orderbook=[book_path] * 2)


def test_files_of_two_symbols_are_refused(tmp_path):
    first, _ = lobster(tmp_path, [FIRST])
    second, _ = lobster(tmp_path, [FIRST], stem="OTHER_2012-06-22_34200000_57600000_{}_{}.csv")
    with pytest.raises(DataError, match="files of several symbols: OTHER, TEST"):
        convert("lobster", [first, second], tmp_path / "a.parquet")


def zstd(data):
    return pa.compress(data, "zstd", asbytes=True)


@pytest.mark.parametrize(
    ("suffix", "stored"),
    [
        ("", lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n").rstrip()),
        (".gz", gzip.compress),
        (".gz", lambda data: gzip.compress(b"\xef\xbb\xbf" + data) + bytes(512)),
        (".zst", zstd),
        ("", gzip.compress),
    ],
    ids=["Windows", "gzip", "gzip with a byte order mark and zeros", "zstd", "gzip without a suffix"],
)
def test_rows_are_the_same_however_the_files_are_stored(tmp_path, suffix, stored):
    done, rows = converted(tmp_path, [FIRST, "34201,3,11,10,1000000,1"], [FIRST_BOOK, (10002, 7, 10000, 20)])
    paths = []
    for path in lobster(tmp_path, [FIRST, "34201,3,11,10,1000000,1"], [FIRST_BOOK, (10002, 7, 10000, 20)]):
        paths.append(path.with_name(path.name + suffix))
        paths[-1].write_bytes(stored(path.read_bytes()))
    convert("lobster", paths[0], tmp_path / "stored.parquet", orderbook=[paths[1]])
    assert rows_of(tmp_path / "stored.parquet") == rows
    assert done.packets == 2


def test_a_compressed_file_that_is_cut_is_refused(tmp_path):
    message_path, book_path = lobster(tmp_path, [FIRST], [FIRST_BOOK])
    whole = gzip.compress(message_path.read_bytes() * 1000)
    message_path.write_bytes(whole[:-20])
    with pytest.raises(DataError, match=rf"{message_path.name}: truncated or corrupt .*get the file again"):
        convert("lobster", message_path, tmp_path / "a.parquet", orderbook=[book_path])


def test_day_that_no_canonical_file_can_hold_is_refused(tmp_path):
    for day in ("1612-06-21", "9999-12-31"):
        path, _ = lobster(tmp_path, [FIRST], stem=f"TEST_{day}_34200000_57600000_{{}}_{{}}.csv")
        with pytest.raises(DataError, match=f"{day} in the name; expected a year from 1974 to 2115"):
            convert("lobster", path, tmp_path / "a.parquet")
