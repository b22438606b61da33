"""What a line of a Binance recording may hold."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from binance_files import (
    KNOWN,
    MIDNIGHT_MS,
    START,
    at,
    converted,
    depth,
    recording,
    snapshot,
    trade,
)
from vendor_files import rows_of

from lob_backtest.errors import DataError
from lob_backtest.market.convert import convert
from lob_backtest.market.formats import text_file


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
        (snapshot(1, 10, [["100", 1.5]]), "bids holds 1.5; expected a decimal as text"),
    ],
)
def test_line_that_can_be_read_in_two_ways_is_refused(tmp_path, bad, message):
    with pytest.raises(DataError, match=rf"0\.gz, line 3: .*{re.escape(message)}"):
        converted(tmp_path, [*START, bad])


@pytest.mark.parametrize("name", ["BTC\x1b]0;owned\x07USDT", "BTC\nUSDT", "BTC USDT", "B\u202eTC", "\x9bB", "B" * 51])
@pytest.mark.parametrize("message", ["diff", "trade", "snapshot"])
def test_symbol_that_could_steer_a_terminal_is_refused_with_its_line(tmp_path, name, message):
    text = {
        "diff": depth(1, 8, 10, symbol=name),
        "trade": trade(1, 1, "1", "1", symbol=name),
        "snapshot": snapshot(1, 10, symbol=name),
    }[message]
    with pytest.raises(DataError, match=r"0\.gz, line 3: symbol '.*; expected letters") as refusal:
        converted(tmp_path, [*START, text])
    assert str(refusal.value).isprintable()


def test_symbols_may_have_letters_of_any_script(tmp_path):
    done, _ = converted(tmp_path, [depth(0, 8, 10, [("1", "1")], symbol="币安USDT")])
    assert done.symbol == "币安USDT"
