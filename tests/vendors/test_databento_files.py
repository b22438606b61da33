"""Databento's files: how they are stored, what they are, and the scale, unit and range of their numbers."""

from __future__ import annotations

import gzip
import random
import sys

import pyarrow as pa
import pytest
from vendor_files import CLEAR, CSV_HEADER, EPOCH_NS, SHARED, converted, databento, dbn, mbo, needs_shared_data, shown

from lob_backtest.data.audit.validate import validate
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors import text_file
from lob_backtest.vendors.convert import convert
from lob_backtest.vendors.databento import dbn_file as databento_dbn_file
from lob_backtest.vendors.databento.csv_file import parse_price, parse_time
from lob_backtest.vendors.databento.records import NO_PRICE, NO_TIME

LAST = 128
BID = (1, "A", "B", "10.00", 10, 1, LAST)
ASK = (2, "A", "A", "10.02", 8, 2, LAST)
QUOTES = ["CLEAR +0 0 0@0 |", "ADD +1 1 10@1000 |", "ADD -1 2 8@1002 |"]
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"


def refused(path, tmp_path, message, error=DataError, **options):
    with pytest.raises(error, match=message):
        convert("databento", path, tmp_path / "none.parquet", **options)
    assert not (tmp_path / "none.parquet").exists()


def edited(path, *changes):
    """Replace parts of a CSV file."""
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


@pytest.fixture
def csv_path(tmp_path):
    return databento(tmp_path / "a.csv", [CLEAR, BID, ASK])


@pytest.mark.parametrize(
    "stored",
    [
        gzip.compress,
        lambda data: gzip.compress(data) + bytes(512),
        lambda data: pa.compress(data, "zstd", asbytes=True),
        lambda data: SKIPPABLE + pa.compress(data, "zstd", asbytes=True),
        lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
        lambda data: data + b"\n\n",
        lambda data: b"\n" + data,
    ],
    ids=["gzip", "gzip and zeros", "zstd", "skippable frame", "byte order mark", "blank end", "blank start"],
)
def test_rows_are_the_same_however_the_text_is_stored(tmp_path, csv_path, stored):
    csv_path.write_bytes(stored(csv_path.read_bytes()))
    assert shown(converted(tmp_path, "databento", csv_path)[1]) == QUOTES


@pytest.mark.parametrize("start", [b"", SKIPPABLE])
def test_dbn_is_read_behind_a_skippable_frame(tmp_path, start):
    path = dbn(tmp_path / "a.dbn", [mbo(0, "R"), mbo(1, "A", "B", 1000, 10, 1, sequence=1)])
    path.write_bytes(start + pa.compress(path.read_bytes(), "zstd", asbytes=True))
    assert shown(converted(tmp_path, "databento", path)[1]) == QUOTES[:2]


def test_truncated_text_is_refused(tmp_path, csv_path):
    csv_path.write_bytes(gzip.compress(csv_path.read_bytes())[:-20])
    refused(csv_path, tmp_path, "a.csv: truncated or corrupt")


def test_a_line_without_end_is_refused(tmp_path, csv_path, monkeypatch):
    monkeypatch.setattr(text_file, "LINE_BYTES", 1 << 20)
    csv_path.write_bytes(gzip.compress(csv_path.read_bytes() + b"1" * (1 << 21)))
    refused(csv_path, tmp_path, "a.csv, line 5: longer than 1 MB")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"hello\n", "line 1: not the CSV export of Databento MBO: no column ts_recv"),
        ("ts_recv,ts_event".encode("utf-16"), "text in UTF-16; save it as UTF-8"),
        (b"PK\x03\x04abc", "a zip archive; unpack it"),
        (b"PAR1abc", "Parquet; expected DBN or CSV"),
        (bytes(range(256)), "neither DBN nor text"),
        (b"caf\xe9\n", "line 1: not CSV in UTF-8"),
        (CSV_HEADER.encode() + b"\n" + b"\xe9," * 14 + b"\n", "line 2: not CSV in UTF-8"),
        (CSV_HEADER.encode() + b'\n"1,2', "line 2: not CSV in UTF-8"),
        (CSV_HEADER.encode() + b",price\n" + b"1," * 15 + b"1\n", "line 1: column price is there twice"),
        (CSV_HEADER.encode() + b"\n", "no MBO records"),
        (CSV_HEADER.encode() + b"\n1,2,3\n", "line 2: 3 columns; expected 15"),
        (CSV_HEADER.encode() + b"\n" + b"1,1,10" + b",1.5" * 12 + b"\n", "no MBO records; it holds others: mbp_10 1"),
        (CSV_HEADER.encode() + b"\n" + b"1,1,99" + b",1.5" * 12 + b"\n", "line 2: rtype '99'; expected 160"),
        (b"ts_recv,rtype,bid_px_00\n1,10,5\n", "no column ts_event, .*; its rows are mbp-10, of which no book"),
        (b"DBN\x01nonsense", "not readable as DBN: it declares .* bytes of metadata"),
        (b"DBN\x03\x10\x00\x00\x00short", "truncated within the metadata"),
        (b"DBN\x03", "truncated within the metadata"),
        (b"DBN\x03\x04\x00\x00\x00abcd", "not readable as DBN"),
        (b"DBN\x09\x04\x00\x00\x00abcd", "not readable as DBN .*newer version"),
    ],
)
def test_files_that_are_not_mbo_are_refused_for_what_they_are(tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    if content.startswith(b"DBN"):
        pytest.importorskip("databento_dbn")
    refused(path, tmp_path, message, tick_size="0.01")


@pytest.mark.parametrize("compress", [bytes, lambda data: pa.compress(data, "zstd", asbytes=True)])
def test_records_without_metadata_are_called_a_fragment(tmp_path, compress):
    path = tmp_path / "a.dbn.frag"
    path.write_bytes(compress(b"".join(bytes(mbo(i, "A", "B", 1000, 5, i)) for i in range(1, 3000))))
    refused(path, tmp_path, "DBN records without the metadata before them, a fragment")


def test_dbz_is_named(tmp_path):
    path = tmp_path / "a.dbz"
    path.write_bytes(
        b"\x50\x2a\x4d\x18\x08\x00\x00\x00DBZ\x01abcd" + pa.compress(b"\x0e\xa0" * 99, "zstd", asbytes=True)
    )
    refused(path, tmp_path, "a.dbz: DBZ, Databento's format before DBN")


def test_records_of_other_kinds_are_left_out_and_counted(tmp_path, csv_path):
    library = pytest.importorskip("databento_dbn")
    bar = library.OHLCVMsg(library.RType.OHLCV_1S, 2, 1, EPOCH_NS, 1, 1, 1, 1, 1)
    quotes = [
        mbo(0, "R"),
        bar,
        mbo(1, "A", "B", 1000, 10, 1, sequence=1),
        bar,
        mbo(2, "A", "A", 1002, 8, 2, sequence=2),
    ]
    done, rows = converted(tmp_path, "databento", dbn(tmp_path / "a.dbn", quotes, schema=None))
    assert (shown(rows), done.counts) == (QUOTES, {"left_out_ohlcv": 2})
    refused(dbn(tmp_path / "a.dbn", quotes), tmp_path, "record 2: OHLCVMsg; expected MBO records")
    refused(dbn(tmp_path / "a.dbn", [bar], schema=None), tmp_path, "no MBO records; it holds others: ohlcv 1")
    lines = csv_path.read_text().splitlines()
    csv_path.write_text("\n".join([*lines[:2], lines[2].replace(",160,", ",33,"), *lines[2:]]))
    done, rows = converted(tmp_path, "databento", csv_path)
    assert (shown(rows), done.counts) == (QUOTES, {"left_out_ohlcv": 1})


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("5.510000000", 5_510_000_000),
        ("5.51", 5_510_000_000),
        ("5", 5_000_000_000),
        ("-0.05", -50_000_000),
        ("", NO_PRICE),
        ("9223372036.854775807", NO_PRICE),
    ],
)
def test_decimal_prices_are_read(text, price):
    assert parse_price(text, decimals=True) == price


@pytest.mark.parametrize(("text", "price"), [("5510000000", 5_510_000_000), ("-5", -5), ("", NO_PRICE)])
def test_scaled_prices_are_read(text, price):
    assert parse_price(text, decimals=False) == price


@pytest.mark.parametrize(
    "text", ["9223372036.854775808", "1" * 40, "1" * 5000, "1e3", "1_0", "٣", " 5", "+5", ".5", "5."]
)
def test_what_is_no_price_is_refused(text):
    with pytest.raises(ValueError, match=r"^price .*; expected"):
        parse_price(text, decimals=True)


@pytest.mark.parametrize(("text", "dates"), [("2025-07-17T08:05:03.360842448Z", True), ("1752739503360842448", False)])
def test_times_are_read_in_both_forms(text, dates):
    assert parse_time("ts_recv", text, dates=dates) == 1752739503_360842448
    assert parse_time("ts_recv", "", dates=dates) == NO_TIME
    with pytest.raises(ValueError, match=f"ts_recv {text}: dates and whole numbers in one file"):
        parse_time("ts_recv", text, dates=not dates)


def test_trailing_zeros_may_be_missing_from_decimals(tmp_path, csv_path):
    edited(csv_path, (",10.00,", ",10,"))
    assert shown(converted(tmp_path, "databento", csv_path)[1]) == QUOTES


def test_prices_without_any_point_are_in_billionths(tmp_path, csv_path):
    edited(csv_path, (",10.00,", ",10000000000,"), (",10.02,", ",10020000000,"))
    assert shown(converted(tmp_path, "databento", csv_path)[1]) == QUOTES


@pytest.mark.parametrize("tick_size", ["0.01", "0.000000001", "1"])
def test_prices_of_which_the_scale_cannot_be_told_are_refused(tmp_path, csv_path, tick_size):
    edited(csv_path, (",10.00,", ",10,"), (",10.02,", ",12,"))
    message = r"no price has a point, and the largest is 12: in 10⁻⁹ that is 0\.000000012, as a decimal 12\. Write"
    refused(csv_path, tmp_path, message, tick_size=tick_size)


def test_a_scaled_price_among_decimals_is_refused(tmp_path, csv_path):
    edited(csv_path, (",10.00,", ",10000000000,"))
    refused(
        csv_path, tmp_path, r"line 3: price 10000000000 has no point, others of the file have: in 10⁻⁹ that is 10\.0"
    )


def test_a_price_off_the_tick_is_written_as_a_decimal(tmp_path, csv_path):
    edited(csv_path, (",10.00,", ",14,"), (",10.02,", ",10020000000,"))
    refused(csv_path, tmp_path, r"line 3: price 0\.000000014 is no multiple of the tick size 0\.01; if it is right")


UNITS = [(10**9, "seconds"), (10**6, "milliseconds"), (10**3, "microseconds")]


@pytest.mark.parametrize("column", ["ts_recv", "ts_event"])
@pytest.mark.parametrize(("scale", "unit"), UNITS)
@pytest.mark.parametrize("other_is_date", [True, False])
def test_times_of_another_unit_are_refused(tmp_path, csv_path, column, scale, unit, other_is_date):
    lines = csv_path.read_text().splitlines()
    for i in range(1, len(lines)):
        cells = lines[i].split(",")
        for at, name in enumerate(("ts_recv", "ts_event")):
            if name == column or not other_is_date:
                cells[at] = str((EPOCH_NS + i) // (scale if name == column else 1))
        lines[i] = ",".join(cells)
    csv_path.write_text("\n".join(lines))
    refused(csv_path, tmp_path, f"line 2: {column} {EPOCH_NS // scale} looks like {unit}; expected nanoseconds")


@pytest.mark.parametrize(("scale", "unit"), UNITS)
def test_times_of_another_unit_in_dbn_are_refused(tmp_path, scale, unit):
    path = dbn(tmp_path / "a.dbn", [mbo(0, "R")])
    content = path.read_bytes()
    path.write_bytes(content[:-16] + int.to_bytes(EPOCH_NS // scale, 8, "little") + content[-8:])
    refused(path, tmp_path, f"record 1: ts_recv {EPOCH_NS // scale} looks like {unit}")


def test_dates_and_whole_numbers_are_not_mixed(tmp_path, csv_path):
    edited(csv_path, ("2025-07-17T08:05:03.000000502Z", str(EPOCH_NS + 502)))
    refused(csv_path, tmp_path, f"line 4: ts_recv {EPOCH_NS + 502}: dates and whole numbers in one file")


def test_a_file_without_any_latency_is_refused_and_single_records_are_counted(tmp_path):
    path = databento(tmp_path / "a.csv", [CLEAR, (1000, *BID[1:]), (2000, *ASK[1:])])
    edited(path, (".000001500Z", ".000000900Z"))
    assert converted(tmp_path, "databento", path)[0].counts == {"local_times_raised_to_exchange_time": 1}
    edited(path, (".000002500Z", ".000001900Z"))
    refused(
        path, tmp_path, f"line 3: ts_recv {EPOCH_NS + 900} lies before ts_event {EPOCH_NS + 1000}, as in every record"
    )


@pytest.mark.parametrize(
    ("at", "bits"),
    [(4, 32), (8, 32), (10, 64), (11, 8), (13, 64), (3, 16)],
    ids=["instrument_id", "size", "order_id", "flags", "sequence", "publisher_id"],
)
@pytest.mark.parametrize("text", ["limit", "-1", "1.5", "1e3", "1_0", "٣", " 1", "", "9" * 5000])
def test_numbers_beyond_their_column_are_refused(tmp_path, csv_path, at, bits, text):
    lines = csv_path.read_text().splitlines()
    cells = lines[2].split(",")
    cells[at] = str(1 << bits) if text == "limit" else text
    csv_path.write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:]]))
    name = CSV_HEADER.split(",")[at]
    refused(csv_path, tmp_path, rf"line 3: {name} '.*'; expected a whole number from 0 to 2\^{bits} - 1")


def test_dbn_without_its_package_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    path = tmp_path / "a.dbn"
    path.write_bytes(b"DBN\x01")
    refused(path, tmp_path, r"pip install 'lob-backtest\[databento\]'", ConfigError)


def test_dbn_of_another_schema_is_refused(tmp_path):
    refused(dbn(tmp_path / "a.dbn", [], schema="mbp-1"), tmp_path, "schema mbp-1; expected mbo")


@pytest.mark.parametrize("declared", [(1 << 32) - 1, databento_dbn_file.METADATA_BYTES + 1])
def test_metadata_that_declare_too_much_are_refused_before_they_are_read(tmp_path, monkeypatch, declared):
    library = pytest.importorskip("databento_dbn")
    path = dbn(tmp_path / "a.dbn", [mbo(0, "R")])
    content = path.read_bytes()
    path.write_bytes(content[:4] + int.to_bytes(declared, 4, "little") + content[8:])
    monkeypatch.setattr(library, "DBNDecoder", None)
    refused(path, tmp_path, f"it declares {declared} bytes of metadata; expected at most 268435456")


@pytest.mark.parametrize("declared", [10**6, 10**8])
def test_metadata_beyond_the_end_of_the_file_are_not_decoded(tmp_path, monkeypatch, declared):
    library = pytest.importorskip("databento_dbn")
    path = dbn(tmp_path / "a.dbn", [mbo(0, "R")])
    content = path.read_bytes()
    path.write_bytes(content[:4] + int.to_bytes(declared, 4, "little") + content[8:])
    monkeypatch.setattr(library, "DBNDecoder", None)
    refused(path, tmp_path, "truncated within the metadata")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ((2, 0, 4), r"record 3: not readable as DBN \(Malformed"),  # too short for its kind
        ((2, 0, 0), r"record 3: not readable as DBN \(.*impossible length"),
        ((2, 1, 99), r"record 3: not readable as DBN \(couldn't convert"),
        ((2, 1, 0), "record 3: TradeMsg; expected MBO records"),
        ((2, 0, 28), "record 3: an MBO record is not 56 bytes long"),  # it swallows the next
        ((2, 0, 29), "record 3: (an MBO record is not 56 bytes long|not readable as DBN)"),
        ((9, 0, 15), "truncated within record 10"),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1 << 20, 100])
def test_damaged_records_of_dbn_are_named(tmp_path, monkeypatch, damage, message, piece_bytes):
    record, offset, value = damage
    monkeypatch.setattr(databento_dbn_file, "PIECE_BYTES", piece_bytes)
    path = dbn(tmp_path / "a.dbn", [mbo(0, "R"), *(mbo(i, "A", "B", 1000, 5, i, sequence=i) for i in range(1, 10))])
    content = bytearray(path.read_bytes())
    content[len(content) - (10 - record) * 56 + offset] = value
    path.write_bytes(content)
    refused(path, tmp_path, message)


@pytest.mark.parametrize("compress", [bytes, lambda data: pa.compress(data, "zstd", asbytes=True), gzip.compress])
def test_truncated_dbn_is_refused(tmp_path, compress):
    path = dbn(tmp_path / "a.dbn", [mbo(i, "A", "B", 1000, 5, i, sequence=i) for i in range(1, 2000)])
    path.write_bytes(compress(path.read_bytes())[:-30])
    refused(path, tmp_path, "truncated")


@needs_shared_data
def test_a_real_live_recording_is_read(tmp_path):
    pytest.importorskip("databento_dbn")
    path = SHARED / "databento" / "LIVE.mbo_mixed.dbn"
    for symbol in (None, "ESZ4", "183748"):
        done, rows = converted(tmp_path, "databento", path, symbol=symbol, tick_size="0.25")
        assert (done.symbol, len(rows), done.counts["left_out_statistics"]) == ("ESZ4", 5, 9)
        assert all(" SUSPECT" in text for text in shown(rows))


@pytest.mark.parametrize("mutations", [25, pytest.param(250, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["csv", "dbn"])
def test_damaged_files_are_refused_or_give_clean_ones(tmp_path, kind, seed, mutations):
    rng = random.Random(seed)
    if kind == "csv":
        path = databento(tmp_path / "a.csv", [CLEAR, BID, ASK, (3, "C", "A", "10.02", 8, 2, LAST)])
    else:
        records = [mbo(0, "R"), *(mbo(i, "A", "B", 1000 + i, 5, i, LAST, i) for i in range(1, 6))]
        path = dbn(tmp_path / "a.dbn", records, symbols=["AAA"], mappings=[("AAA", 18, 19, 1)])
    original = path.read_bytes()
    for _ in range(mutations):
        content = bytearray(original)
        for _ in range(rng.choice((1, 1, 3))):
            content[rng.randrange(len(content))] = rng.choice((rng.randrange(256), 0, 255, 0x2D, 0x30, 0x2C))
        path.write_bytes(content)
        try:
            done = convert("databento", path, tmp_path / "out.parquet", tick_size="0.01", force=True)
        except (DataError, ConfigError) as error:
            assert path.name in str(error)  # noqa: PT017 - a file is refused or clean
        else:
            kinds = {*validate([done.output]).to_dict()["kinds"]}
            assert not kinds - {"crossed", "duplicate"}, bytes(content)
