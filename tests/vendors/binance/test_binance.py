"""Every rule of the conversion of Binance's streams, on recordings of a few lines."""

from __future__ import annotations

import gzip
import random
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from binance_files import (
    DELAY_NS,
    START,
    aggregate,
    at,
    converted,
    depth,
    line,
    recording,
    snapshot,
    ticker,
    top,
    trade,
)
from vendor_files import rows_of

from lob_backtest.cli import group
from lob_backtest.contract.rows import Meta
from lob_backtest.data.audit.validate import validate
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.convert import convert
from lob_backtest.vendors.time_order import HOLD_NS, FeedPacket, TimeOrder


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
    packets = [FeedPacket(ts, 0, i, 0, 0, 0, ()) for i, ts in enumerate([5, HOLD_NS + 6, 4, HOLD_NS + 7])]
    passed = [packet for each in packets for packet in order.add(each)] + list(order.rest())
    assert [(packet.number, packet.ts_ns) for packet in passed] == [(0, 5), (2, 5), (1, HOLD_NS + 6), (3, HOLD_NS + 7)]
    assert order.late == 1


def test_side_of_a_print_is_that_of_the_resting_order(tmp_path):
    lines = [*START, trade(5, 1, "100.0", "1"), trade(6, 2, "101.0", "1", buyer_rests=False)]
    _, rows = converted(tmp_path, lines)
    assert rows[5:] == ["5 TRADE +1 1@100 #0 |", "6 TRADE -1 1@101 #0 |"]


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
    left_out = {"left_out_book_tickers": 1, "left_out_other": 2, "left_out_partial_books_without_time": 1}
    assert done.counts == left_out | {"suspect_packets": 1}


@pytest.mark.parametrize("previous", [None, 7])
def test_limits_of_late_rows_are_written_for_spot_and_futures(tmp_path, previous):
    recording(tmp_path / "a.gz", [depth(0, 8, 10, [("99.0", "3")], previous=previous)])
    convert("binance", tmp_path / "a.gz", tmp_path / "a.parquet")
    metadata = pq.read_metadata(tmp_path / "a.parquet").metadata
    assert (metadata[b"lob.late_level_ns"], metadata[b"lob.late_print_ns"]) == (b"250000000", b"0")


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
    with pytest.raises(DataError, match=r"2\^40 units of 1 or more"):
        converted(tmp_path, [depth(0, 8, 10, [("1234567890123", "1")])])


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
        group.main(["convert", "binance", str(path), "-o", str(tmp_path / "out.parquet")])
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
        group.main(arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 0
    assert "note: smallest local - exchange time is -1.500 ms: 2.500 ms were added to local times" in error
    assert "note: 1 packets are flagged SUSPECT, where own orders fill only by trades at worse prices, marked " in error


SPOT = [
    *START,
    depth(5, 11, 12, [("100.0", "4")], [("101.5", "1")]),
    trade(6, 1, "100.0", "1"),
    aggregate(6, 1, (1, 2), "100.0", "3"),
    ticker(7, 12),
]
PARTIAL = [
    top(0, 7, 10, [("100.0", "4"), ("99.0", "2")], [("101.5", "1")]),
    aggregate(2, 1, (1, 2), "100.0", "3"),
    trade(2, 2, "100.0", "1"),
    top(5, 10, 11, [("100.0", "1"), ("99.0", "2")], [("101.5", "1"), ("102.0", "5")]),
]


@pytest.mark.parametrize("lines", [SPOT, PARTIAL], ids=["spot", "partial"])
@pytest.mark.parametrize("seed", range(6))
def test_damaged_recordings_are_refused_or_give_clean_files(tmp_path, seed, lines):
    rng = random.Random(seed)
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
