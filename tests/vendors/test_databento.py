from __future__ import annotations

from decimal import Decimal

import pytest
from vendor_files import CLEAR, EPOCH_NS, converted, databento, shown

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.convert import convert

LAST, SNAPSHOT, BAD_TIME, BAD_BOOK = 128, 32, 8, 4
BID = (1, "A", "B", "10.00", 10, 1, LAST)
ASK = (2, "A", "A", "10.02", 8, 2, LAST)


def after_the_quotes(tmp_path, *records):
    """Convert a clear, a bid 1 of 10 and an ask 2 of 8, then records; show the rows of the latter."""
    done, rows = converted(tmp_path, "databento", databento(tmp_path / "a.csv", [CLEAR, BID, ASK, *records]))
    assert shown(rows[:3]) == ["CLEAR +0 0 0@0 |", "ADD +1 1 10@1000 |", "ADD -1 2 8@1002 |"]
    return done, shown(rows[3:])


def test_trade_fill_and_cancel_become_one_execution(tmp_path):
    done, texts = after_the_quotes(
        tmp_path,
        (5, "T", "A", "10.00", 10, 0, LAST, 7),
        (5, "F", "B", "10.00", 10, 1, LAST, 7),
        (5, "C", "B", "10.00", 10, 1, LAST, 7),
    )
    assert texts == ["EXECUTE +1 1 10@1000 |"]
    assert done.counts == {}


def test_fill_and_modify_in_later_records_of_the_packet_become_one_execution(tmp_path):
    done, texts = after_the_quotes(
        tmp_path,
        (5, "T", "B", "10.02", 3, 9, 0, 7),
        (5, "F", "A", "10.02", 3, 2, 0, 7),
        (5, "C", "B", "10.00", 4, 1, 0, 8),
        (5, "M", "A", "10.02", 5, 2, LAST, 8),
    )
    assert texts == ["EXECUTE -1 2 3@1002", "CANCEL +1 1 4@1000 |"]
    assert done.counts == {}


def test_order_that_is_refreshed_while_some_is_left_is_modified(tmp_path):
    _, texts = after_the_quotes(
        tmp_path,
        (5, "T", "B", "10.02", 3, 0, 0, 7),
        (5, "F", "A", "10.02", 3, 2, 0, 7),
        (5, "M", "A", "10.02", 8, 2, LAST, 7),
    )
    assert texts == ["EXECUTE -1 2 3@1002", "MODIFY -1 2 8@1002 |"]


def test_order_that_is_refreshed_after_all_was_filled_is_new_at_the_back(tmp_path):
    done, texts = after_the_quotes(
        tmp_path,
        (5, "T", "B", "10.02", 8, 0, 0, 7),
        (5, "F", "A", "10.02", 8, 2, 0, 7),
        (5, "M", "A", "10.02", 8, 2, LAST, 7),
    )
    assert texts == ["EXECUTE -1 2 8@1002", "ADD -1 2 8@1002 |"]
    assert done.counts == {"orders_refreshed": 1}


def test_fill_beyond_the_displayed_size_is_a_hidden_print_of_the_rest(tmp_path):
    done, texts = after_the_quotes(
        tmp_path,
        (5, "T", "B", "10.02", 12, 0, 0, 7),
        (5, "F", "A", "10.02", 12, 2, 0, 7),
        (5, "C", "A", "10.02", 8, 2, LAST, 7),
    )
    assert texts == ["EXECUTE -1 2 8@1002", "TRADE -1 0 4@1002 HIDDEN |"]
    assert done.counts == {"fills_beyond_the_displayed_size": 1}


def test_fill_that_changes_no_displayed_order_is_a_hidden_print(tmp_path):
    done, texts = after_the_quotes(
        tmp_path,
        (5, "F", "A", "10.02", 3, 2, LAST),
        (6, "F", "B", "10.00", 4, 77, 0, 9),
        (6, "C", "B", "10.00", 4, 77, LAST, 9),
    )
    assert texts == ["TRADE -1 0 3@1002 HIDDEN |", "TRADE +1 0 4@1000 HIDDEN |"]
    assert done.counts == {"fills_of_no_displayed_order": 2, "dropped_cancels_of_unknown_orders": 1}


def test_two_fills_of_one_order_are_two_executions_and_one_cancel_of_the_rest(tmp_path):
    _, texts = after_the_quotes(
        tmp_path,
        (5, "T", "A", "10.00", 2, 0, 0, 7),
        (5, "F", "B", "10.00", 2, 1, 0, 7),
        (5, "T", "A", "10.00", 3, 0, 0, 7),
        (5, "F", "B", "10.00", 3, 1, 0, 7),
        (5, "C", "B", "10.00", 9, 1, LAST, 7),
    )
    assert texts == ["EXECUTE +1 1 2@1000", "EXECUTE +1 1 3@1000", "CANCEL +1 1 4@1000 |"]


def test_cancel_without_a_fill_may_be_partial(tmp_path):
    _, texts = after_the_quotes(tmp_path, (5, "C", "B", "10.00", 4, 1, LAST), (6, "C", "B", "10.00", 6, 1, LAST))
    assert texts == ["CANCEL +1 1 4@1000 |", "CANCEL +1 1 6@1000 |"]


@pytest.mark.parametrize(
    ("side", "price", "text"),
    [
        ("N", "10.010000000", "TRADE +0 0 5@1001 HIDDEN |"),
        ("N", "10.015000000", "TRADE +0 0 5@1001 HIDDEN |"),
        ("A", "10.015000000", "TRADE +1 0 5@1002 HIDDEN |"),  # a seller met a hidden bid
        ("B", "10.015000000", "TRADE -1 0 5@1001 HIDDEN |"),
    ],
)
def test_trade_without_a_fill_is_a_hidden_print_of_the_resting_side(tmp_path, side, price, text):
    assert after_the_quotes(tmp_path, (5, "T", side, price, 5, 0, LAST))[1] == [text]


def test_fills_belong_to_the_trade_at_their_price_and_side(tmp_path):
    _, texts = after_the_quotes(
        tmp_path,
        (5, "T", "N", "10.01", 50, 0, 0, 7),
        (5, "T", "B", "10.02", 8, 0, 0, 8),
        (5, "F", "A", "10.02", 8, 2, 0, 8),
        (5, "C", "A", "10.02", 8, 2, 0, 8),
        (5, "T", "B", "10.02", 6, 0, LAST, 9),
    )
    assert texts == ["TRADE +0 0 50@1001 HIDDEN", "EXECUTE -1 2 8@1002", "TRADE -1 0 6@1002 HIDDEN |"]


def test_fill_belongs_to_the_nearest_trade_before_it_that_has_size_left(tmp_path):
    _, texts = after_the_quotes(
        tmp_path,
        (5, "T", "B", "10.02", 5, 0, 0, 7),
        (5, "T", "N", "10.01", 9, 0, 0, 8),
        (5, "T", "B", "10.02", 8, 0, 0, 8),
        (5, "T", "N", "10.01", 8, 0, 0, 8),
        (5, "T", "A", "10.02", 7, 0, 0, 8),
        (5, "F", "A", "10.02", 8, 2, 0, 8),
        (5, "C", "A", "10.02", 8, 2, LAST, 8),
    )
    assert texts == [
        "TRADE -1 0 5@1002 HIDDEN",
        "TRADE +0 0 9@1001 HIDDEN",
        "TRADE +0 0 8@1001 HIDDEN",
        "TRADE +1 0 7@1002 HIDDEN",
        "EXECUTE -1 2 8@1002 |",
    ]


def test_fill_of_more_than_its_cancel_takes_off_is_hidden_for_the_rest(tmp_path):
    _, texts = after_the_quotes(
        tmp_path,
        (5, "T", "B", "10.02", 6, 0, 0, 7),
        (5, "F", "A", "10.02", 6, 2, 0, 7),
        (5, "C", "A", "10.02", 4, 2, LAST, 7),
        (6, "C", "A", "10.02", 4, 2, LAST, 8),
    )
    assert texts == ["EXECUTE -1 2 4@1002", "TRADE -1 0 2@1002 HIDDEN |", "CANCEL -1 2 4@1002 |"]


def test_trade_that_fills_account_for_in_part_keeps_the_rest(tmp_path):
    _, texts = after_the_quotes(
        tmp_path,
        (5, "T", "B", "10.02", 20, 0, 0, 7),
        (5, "F", "A", "10.02", 8, 2, 0, 7),
        (5, "C", "A", "10.02", 8, 2, LAST, 7),
    )
    assert texts == ["TRADE -1 0 12@1002 HIDDEN", "EXECUTE -1 2 8@1002 |"]


@pytest.mark.parametrize(
    ("price", "size", "texts"),
    [
        ("10.00", 4, ["MODIFY +1 1 4@1000 |"]),
        ("9.99", 10, ["MODIFY +1 1 10@999 |"]),
        ("10.00", 10, []),  # it keeps its place and says nothing new
    ],
)
def test_modify_says_the_new_price_and_size(tmp_path, price, size, texts):
    done, found = after_the_quotes(tmp_path, (5, "M", "B", price, size, 1, LAST))
    assert found == texts
    assert done.counts == ({} if texts else {"dropped_modifies_without_change": 1})


def test_dropped_end_of_a_packet_leaves_its_end_on_the_row_before(tmp_path):
    _, texts = after_the_quotes(
        tmp_path, (5, "C", "B", "10.00", 4, 1, 0, 7), (5, "M", "A", "10.02", 8, 2, LAST, 7), (6, *ASK[1:5], 3, LAST, 8)
    )
    assert texts == ["CANCEL +1 1 4@1000 |", "ADD -1 3 8@1002 |"]


def test_what_a_book_cannot_do_is_set_right_and_counted(tmp_path):
    done, texts = after_the_quotes(
        tmp_path,
        (5, "C", "B", "10.00", 12, 1, LAST),
        (6, "M", "B", "9.99", 5, 50, LAST),
        (7, "A", "A", "10.03", 6, 2, LAST),
        (8, "M", "B", "9.98", 6, 2, LAST),
        (9, "C", "B", "9.98", 1, 51, LAST),
    )
    assert texts == [
        "CANCEL +1 1 10@1000 |",
        "ADD +1 50 5@999 |",
        "CANCEL -1 2 8@1002",
        "ADD -1 2 6@1003 |",
        "CANCEL -1 2 6@1003",
        "ADD +1 2 6@998 |",
    ]
    assert done.counts == {
        "cancels_cut_to_the_order": 1,
        "modifies_of_unknown_orders": 1,
        "orders_added_twice": 1,
        "orders_that_changed_side": 1,
        "dropped_cancels_of_unknown_orders": 1,
    }


def test_snapshot_takes_the_time_of_receipt_and_is_one_packet(tmp_path):
    records = [
        (100, "R", "N", "", 0, 0, SNAPSHOT | BAD_TIME, 0),
        (20, "A", "B", "10.00", 10, 1, SNAPSHOT | BAD_TIME, 3),
        (10, "A", "A", "10.02", 8, 2, SNAPSHOT | BAD_TIME | LAST, 2),
        (700, "C", "A", "10.02", 8, 2, LAST, 9),
    ]
    path = databento(tmp_path / "a.csv", records)
    text = path.read_text()
    for ns in (520, 510):  # a snapshot's records are received together
        text = text.replace(f".{ns:09d}Z", ".000000600Z")
    path.write_text(text)
    _, rows = converted(tmp_path, "databento", path)
    assert shown(rows) == [
        "CLEAR +0 0 0@0 SNAPSHOT",
        "ADD +1 1 10@1000 SNAPSHOT",
        "ADD -1 2 8@1002 SNAPSHOT |",
        "CANCEL -1 2 8@1002 |",
    ]
    assert [row["ts_exchange_ns"] - EPOCH_NS for row in rows] == [600, 600, 600, 700]
    assert [row["ts_local_ns"] - EPOCH_NS for row in rows] == [600, 600, 600, 1200]


def test_clear_at_the_start_of_a_day_is_a_packet_and_empties_the_book(tmp_path):
    records = [(0, "R", "N", "", 0, 0, BAD_TIME, 0), BID, (5, "R", "N", "", 0, 0, LAST), (6, *BID[1:])]
    done, rows = converted(tmp_path, "databento", databento(tmp_path / "a.csv", records))
    assert shown(rows) == ["CLEAR +0 0 0@0 SUSPECT |", "ADD +1 1 10@1000 |", "CLEAR +0 0 0@0 |", "ADD +1 1 10@1000 |"]
    assert done.packets == 4
    assert done.counts == {}


def test_times_keep_nine_digits_and_never_run_backwards(tmp_path):
    path = databento(tmp_path / "a.csv", [(123456789, *BID[1:]), (123456788, *ASK[1:])])
    path.write_text(path.read_text().replace(".123457288Z", ".123456700Z"))  # the second one's receipt
    done, rows = converted(tmp_path, "databento", path)
    assert [row["ts_exchange_ns"] - EPOCH_NS for row in rows] == [123456789, 123456789]
    assert [row["ts_local_ns"] - EPOCH_NS for row in rows] == [123457289, 123456789]
    assert done.counts == {"times_raised_to_the_row_before": 1, "local_times_raised_to_exchange_time": 1}


def test_tick_size_is_asked_for_where_the_venue_does_not_tell(tmp_path):
    path = databento(tmp_path / "a.csv", [CLEAR, BID, ASK], publisher=1)
    with pytest.raises(ConfigError, match=r"prices of GLBX.MDP3 do not determine the tick size; pass --tick-size"):
        convert("databento", path, tmp_path / "none.parquet")
    done, rows = converted(tmp_path, "databento", path, tick_size="0.02")
    assert (done.tick_size, shown(rows[2:])) == (Decimal("0.02"), ["ADD -1 2 8@501 |"])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ((5, "A", "B", "10.005", 5, 9, LAST), "line 5: price 10.005 is no multiple of the tick size 0.01"),
        ((5, "A", "N", "10.00", 5, 9, LAST), "line 5: side 'N' of an order; expected B or A"),
        ((5, "A", "B", "", 5, 9, LAST), "line 5: an order without a price"),
        ((5, "T", "B", "", 5, 9, LAST), "line 5: a trade without a price"),
        ((5, "A", "B", "10.00", 0, 9, LAST), "line 5: size 0 is no positive multiple"),
        ((5, "A", "B", "10.00", 5, 9, LAST | 16), "line 5: flags 144: a level, not an order"),
        ((5, "X", "B", "10.00", 5, 9, LAST), "line 5: action 'X'; expected one of A, C, M"),
        ((5, "A", "B", "1e3", 5, 9, LAST), "line 5: price '1e3'; expected a decimal"),
        ((5, "A", "B", "10.00", "five", 9, LAST), "line 5: size 'five'; expected a whole number"),
        ((5, "T", "X", "10.00", 5, 0, LAST), "line 5: side 'X'; expected B, A or N"),
        ((5, "A", "B", "10.00", 5, 0, LAST), "line 5: an order with order_id 0"),
        ((5, "M", "B", "10.00", 5, 0, LAST), "line 5: an order with order_id 0"),
        ((5, "A", "B", "10.00", (1 << 32) - 1, 9, LAST), "line 5: no size"),
    ],
)
def test_bad_record_is_named(tmp_path, record, message):
    path = databento(tmp_path / "a.csv", [CLEAR, BID, ASK, record])
    with pytest.raises(DataError, match=f"a.csv, {message}"):
        convert("databento", path, tmp_path / "none.parquet")
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(("action", "side"), [("A", "B"), ("T", "N"), ("T", "A")])
def test_price_of_too_many_ticks_is_named(tmp_path, action, side):
    path = databento(tmp_path / "a.csv", [CLEAR, BID, (5, action, side, "5500000000.00", 5, 9, LAST)])
    with pytest.raises(
        DataError, match=r"line 4: price 5500000000 is 5500000000000 ticks of 0\.001; expected fewer than"
    ):
        convert("databento", path, tmp_path / "none.parquet", tick_size="0.001")
