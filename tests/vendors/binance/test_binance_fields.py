"""What a line of a Binance recording may hold, and which instruments are converted."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest
from binance_files import (
    KNOWN,
    MIDNIGHT_MS,
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

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors import text_file
from lob_backtest.vendors.binance.fields import unsupported
from lob_backtest.vendors.convert import convert


def microseconds(text):
    """Write the times of a message in microseconds."""
    return re.sub(rf"({MIDNIGHT_MS // 10**6}\d{{6}})(?=[,}}])", r"\g<1>000", text)


def test_exchange_times_may_be_in_microseconds(tmp_path):
    later = microseconds(depth(3, 11, 11, [("100", "1")])).replace("3000", "3250")
    converted(tmp_path, [microseconds(START[0]), START[1], later, microseconds(trade(4, 1, "100", "1"))])
    assert [row["ts_exchange_ns"] - at(0) for row in rows_of(tmp_path / "out.parquet")[-2:]] == [3_250_000, 4_000_000]


def test_one_unit_of_time_holds_for_a_file(tmp_path):
    other = microseconds(depth(5, 11, 11, [("100", "4")]))
    with pytest.raises(DataError, match=r"line 3: E is \d{16}, in microseconds; expected milliseconds, as before"):
        converted(tmp_path, [*START, other])
    _, rows = converted(tmp_path, START, [other])
    assert rows[-1] == "5 LEVEL +1 4@100 #11 |"


def test_recordings_are_read_with_byte_order_mark_and_zstd(tmp_path):
    text = "\ufeff" + "".join(each + "\r\n" for each in START)
    with pa.CompressedOutputStream(str(tmp_path / "a.zst"), "zstd") as file:
        file.write(text.encode())
    convert("binance", tmp_path / "a.zst", tmp_path / "out.parquet")
    assert len(rows_of(tmp_path / "out.parquet")) == len(KNOWN)


def test_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_file, "LINE_BYTES", 1 << 20)
    path = recording(tmp_path / "a.gz", [START[0], "1" * (2 << 20)])
    with pytest.raises(DataError, match=r"a\.gz, line 2: longer than 1 MB"):
        convert("binance", path, tmp_path / "out.parquet")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (START[0].replace('"U": 8', '"U": 8, "U": 8'), "an object of the message has a key twice"),
        (START[0].replace('"U": 8', '"U": NaN'), "NaN in the message"),
        (START[0].replace('"U": 8', '"U": -Infinity'), "-Infinity in the message"),
        (START[0].replace('"U": 8', '"U": 8.0'), "U is 8.0; expected an integer"),
        (START[0].replace('"U": 8', '"U": true'), "U is True; expected an integer"),
        (START[0].replace('"u": 10', f'"u": {1 << 63}'), "expected an integer"),
        (START[0].replace('"u": 10', f'"u": {"9" * 5_000}'), "no JSON behind the local time"),
        (START[0].replace('"99.0"', '"099.0"'), "b holds '099.0'; expected a decimal as text"),
        (START[0].replace('"99.0"', '"1e2"'), "b holds '1e2'; expected a decimal as text"),
        (START[0].replace('"99.0"', '"NaN"'), "b holds 'NaN'; expected a decimal as text"),
        (START[0].replace('"btcusdt@depth"', "5"), "stream is 5; expected its name"),
        (trade(1, -1, "100", "1"), "t is -1; expected an integer"),
        (aggregate(1, 1, (6, 5), "100", "1"), "trades f 6 to l 5; expected the first and the last"),
        (aggregate(1, 1, (5, 6), "100", "0.0"), "q is 0.0; expected more than 0"),
        (snapshot(1, 10, [["100", 1.5]]), "bids holds 1.5; expected a decimal as text"),
    ],
)
def test_line_that_can_be_read_in_two_ways_is_refused(tmp_path, bad, message):
    with pytest.raises(DataError, match=rf"0\.gz, line 3: .*{re.escape(message)}"):
        converted(tmp_path, [*START, bad])


@pytest.mark.parametrize("name", ["BTC\x1b]0;owned\x07USDT", "BTC\nUSDT", "BTC USDT", "B\u202eTC", "\x9bB", "B" * 51])
@pytest.mark.parametrize("message", ["diff", "trade", "snapshot", "partial"])
def test_symbol_that_could_steer_a_terminal_is_refused_with_its_line(tmp_path, name, message):
    text = {
        "diff": depth(1, 8, 10, symbol=name),
        "trade": trade(1, 1, "1", "1", symbol=name),
        "snapshot": snapshot(1, 10, symbol=name),
        "partial": line(1, {"lastUpdateId": 1, "bids": [], "asks": []}, stream=f"{name}@depth5"),
    }[message]
    with pytest.raises(DataError, match=r"0\.gz, line 3: symbol '.*; expected letters") as refusal:
        converted(tmp_path, [*START, text])
    assert str(refusal.value).isprintable()


def test_symbols_may_have_letters_of_any_script(tmp_path):
    done, _ = converted(tmp_path, [depth(0, 8, 10, [("1", "1")], symbol="币安USDT")])
    assert done.symbol == "币安USDT"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("BTCUSD_PERP", "COIN-M contract"),
        ("BTCUSD_240927", "COIN-M contract"),
        ("BNBUSD_PERP", "COIN-M contract"),
        ("BTC-240927-60000-C", "is an option"),
        ("DOGE-261225-0.25-P", "is an option"),
        ("BTC.USDT", "no known kind of instrument"),
        ("BTCUSDT_CQ", "no known kind of instrument"),
    ],
)
def test_contracts_that_are_not_linear_are_refused_by_name(tmp_path, name, why):
    lines = [depth(0, 8, 10, [("60000.1", "4")], symbol=name, previous=7), trade(1, 1, "60000.1", "4", symbol=name)]
    with pytest.raises(DataError, match=rf"0\.gz: {re.escape(name)} .*{why}"):
        converted(tmp_path, lines)
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("name", ["BTCUSDT", "BTCUSDT_240927", "1000PEPEUSDT", "BTCUSD", "ETHBTC", "BTCBUSD"])
def test_spot_and_usd_margined_names_are_converted(name):
    assert unsupported(name) is None


def test_linear_instrument_is_taken_from_a_file_that_holds_others(tmp_path):
    option = {"e": "trade", "E": MIDNIGHT_MS, "s": "BTC-240927-60000-C", "t": "20", "p": "6.9", "q": "0.17"}
    lines = [*START, line(3, option), depth(4, 1, 2, [("60000", "1")], symbol="BTCUSD_PERP", previous=0)]
    with pytest.raises(ConfigError, match="choose with --symbol one of BTC-240927-60000-C, BTCUSDT, BTCUSD_PERP"):
        converted(tmp_path, lines)
    with pytest.raises(DataError, match="BTC-240927-60000-C is an option"):
        converted(tmp_path, lines, symbol="BTC-240927-60000-C")
    done, _ = converted(tmp_path, lines, symbol="BTCUSDT")
    assert done.symbol == "BTCUSDT"
    assert done.counts["dropped_snapshots_without_symbol"] == 1


def test_snapshot_without_symbol_is_of_no_use_beside_any_message_of_another_instrument(tmp_path):
    other = ticker(2, 5).replace("BTCUSDT", "ETHUSDT")
    done, rows = converted(tmp_path, [*START, other])
    assert done.counts["dropped_snapshots_without_symbol"] == 1
    assert rows == KNOWN[:1]


def test_depth_updates_of_other_streams_are_left_out(tmp_path):
    rpi = json.loads(depth(5, 11, 11, [("100.0", "9")]).partition(" ")[2])["data"]
    done, rows = converted(tmp_path, [*START, line(5, rpi, stream="btcusdt@rpiDepth@500ms")])
    assert rows == KNOWN
    assert done.counts["left_out_other_depth_streams"] == 1


def unnamed(text):
    """Take the stream's name off a message."""
    prefix, _, body = text.partition(" ")
    return f"{prefix} {json.dumps(json.loads(body)['data'])}"


TOP = [(f"{100 - i}.0", "1") for i in range(5)], [(f"{101 + i}.0", "1") for i in range(5)]


def test_futures_message_without_stream_that_may_be_the_whole_top_is_refused(tmp_path):
    change = depth(0, 8, 10, [("99.0", "3"), ("100.0", "0")], previous=7)
    cases = [
        [unnamed(top(0, 7, 10, *TOP)), unnamed(top(1, 10, 11, *TOP))],  # no change among them
        [unnamed(depth(0, 8, 10, [("99.0", "3")], previous=7))],
        [unnamed(change), unnamed(top(1, 10, 11, *TOP))],  # both kinds
    ]
    for lines in cases:
        with pytest.raises(DataError, match=r"without the name of its stream may be the whole top of the book"):
            converted(tmp_path, lines)
    _, rows = converted(tmp_path, [unnamed(change), unnamed(depth(1, 11, 11, [("99.0", "2")], previous=10))])
    assert rows[-1] == "1 LEVEL +1 2@99 #11 SUSPECT |"
    # Spot streams of the whole top have no event type: there is nothing to confuse.
    _, rows = converted(tmp_path, [unnamed(depth(0, 8, 10, [("99.0", "3")]))])
    assert rows == KNOWN[:1]
