from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from market_rows import L2, META, clean, write

from lob_backtest.contract.rows import Action, Batch
from lob_backtest.data.files import MarketFile
from lob_backtest.data.parquet.footer_checksum import CHECKSUM_BYTES, TRAILER_BYTES
from lob_backtest.data.reader import open_market
from lob_backtest.data.writer import read_events
from lob_backtest.errors import DataError


def rewrite(path, table=None, drop=(), **metadata):
    """Write a canonical file again as a foreign tool might: other columns, other metadata, no footer checksum."""
    old = pq.read_table(path)
    kept = {key.decode(): value for key, value in pq.read_metadata(path).metadata.items()}
    kept = {key: value for key, value in kept.items() if key not in drop} | metadata
    table = old if table is None else table(old)
    pq.write_table(table.replace_schema_metadata(kept), path)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.parquet", clean())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.parquet: empty \(0 bytes\)"),
        (b"ts,action\n1,2\n", r"a\.parquet: not Parquet \(it begins with b'ts,a'\); convert it"),
        (b"PAR1", "truncated or corrupt"),
        (b"PAR1" + b"\0" * 100, "truncated or corrupt"),
        (b"PAR1" + b"\xff\xff\xff\x7fPAR1", "truncated or corrupt"),
        (b"PAR1" + b"\x03\0\0\0PAR1", "truncated or corrupt"),
        (b"PAR1" + b"abc" + b"\x03\0\0\0PAR1", "corrupt footer"),
        (b"PARE" + b"\0" * 100, "encrypted"),
    ],
)
def test_what_is_no_parquet_file_is_refused(tmp_path, content, message):
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_market(tmp_path / "a.parquet")


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"b\.parquet: no such file"):
        open_market(tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"is a folder; give its files, or a pattern such as "):
        open_market(tmp_path)
    with pytest.raises(DataError, match=r"nofs://x/a\.parquet: not a usable address"):
        open_market("nofs://x/a.parquet")


def test_truncated_file_is_refused_at_any_length(path):
    whole = path.read_bytes()
    for size in range(len(whole) - 1, 3, -97):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match="truncated or corrupt"):
            open_market(path)


def test_file_without_rows_is_refused(path):
    with pytest.raises(DataError, match=r"empty \(0 rows\)"):
        open_market(rewrite(path, lambda table: table.slice(0, 0)))


def test_foreign_writers_and_encodings_are_read(path):
    expected = read_events(path)
    table = pq.read_table(path)
    for options in ({}, {"compression": "gzip", "data_page_version": "2.0"}, {"version": "1.0", "row_group_size": 3}):
        pq.write_table(table, path, **options)
        assert (read_events(path) == expected).all(axis=None)


def test_every_difference_is_listed_at_once(path):
    def change(table):
        table = table.drop_columns(["phase", "sequence"])
        times = table["ts_exchange_ns"]
        table = table.set_column(0, "ts_exchange_ns", pa.array(np.asarray(times) // 1000, pa.timestamp("us")))
        return table.set_column(3, "side", table["side"].cast(pa.int32()))

    with pytest.raises(DataError) as caught:
        open_market(rewrite(path, change, drop=["lob.symbol"], **{"lob.tick_size": "1c", "lob.depth": "-1"}))
    for part in (
        "a.parquet: not a canonical market data file",
        "no metadata lob.symbol",
        "lob.tick_size is '1c', expected a positive decimal",
        "lob.depth is '-1', expected an integer",
        "column ts_exchange_ns is timestamp[us], expected int64 nanoseconds",
        "the unit of this one is microseconds",
        "column side is int32, expected int8",
        "column phase is missing",
        "column sequence is missing",
        "lob-backtest convert",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("unit", "name"), [("s", "milliseconds"), ("ms", "milliseconds"), ("us", "microseconds"), ("ns", "nanoseconds")]
)
@pytest.mark.parametrize("column", [0, 1])
def test_timestamp_types_are_refused_with_their_unit(path, unit, name, column):
    def change(table):
        field = table.schema.names[column]
        return table.set_column(column, field, pa.array(np.zeros(100, np.int64), pa.timestamp(unit)))

    with pytest.raises(DataError, match=rf"timestamp\[\w+\], expected int64.*the unit of this one is {name}"):
        open_market(rewrite(path, change))


@pytest.mark.parametrize("key", ["lob.schema", "lob.symbol", "lob.tick_size", "lob.lot_size"])
def test_metadata_that_must_be_there_is_named(path, key):
    with pytest.raises(DataError, match=f"no metadata {key}"):
        open_market(rewrite(path, drop=[key]))


@pytest.mark.parametrize("venue", ["", "XNAS"])
def test_optional_metadata_may_be_absent(path, venue):
    file = MarketFile.open(rewrite(path, drop=["lob.venue", "lob.created_by"]))
    assert (file.venue, file.depth, file.clock_shift_ns, file.source, file.created_by) == ("", 0, None, "", "")


def levels(path, **meta):
    """Write an L2 file."""
    columns = clean() | {"action": np.full(100, Action.LEVEL)}
    del columns["order_id"]
    return write(path, columns, **L2, **meta)


@pytest.mark.parametrize("key", ["lob.late_level_ns", "lob.late_print_ns"])
@pytest.mark.parametrize("value", ["-1", "250ms", "0.5", "", "1152921504606846976", "9" * 5000])
def test_impossible_limit_of_late_rows_is_refused(tmp_path, key, value):
    with pytest.raises(DataError, match=rf"{key} is '{value}', expected an integer of nanoseconds from 0 to 2\^60 - 1"):
        open_market(rewrite(levels(tmp_path / "a.parquet"), **{key: value}))


@pytest.mark.parametrize("key", ["lob.late_level_ns", "lob.late_print_ns"])
def test_limit_of_late_rows_is_refused_in_an_l3_file(path, key):
    with pytest.raises(DataError, match=rf"{key} is present, which only L2 files have"):
        open_market(rewrite(path, **{key: "5"}))


def test_unknown_schema_version_is_refused(path):
    with pytest.raises(DataError, match=r"lob\.schema is 'l3/2', which this version cannot read \(it reads l3/1"):
        open_market(rewrite(path, **{"lob.schema": "l3/2"}))


@pytest.mark.parametrize("value", ["0", "-0.01", "NaN", "inf", "0,01"])
def test_impossible_tick_size_is_refused(path, value):
    with pytest.raises(DataError, match=r"lob\.tick_size is .*, expected a positive decimal"):
        open_market(rewrite(path, **{"lob.tick_size": value}))


@pytest.mark.parametrize("statistics", [True, False])
def test_absent_local_times_are_seen_without_reading_rows(path, statistics):
    def forget(table):
        return table.set_column(1, "ts_local_ns", pa.nulls(table.num_rows, pa.int64()))

    assert MarketFile.open(path).has_local
    rewrite(path, forget)
    pq.write_table(pq.read_table(path), path, write_statistics=statistics)
    assert not MarketFile.open(path).has_local


def outcome(path):
    """Everything that a reader would learn from a file, or the error."""
    try:
        source = open_market(path)
        parts = [tuple(array.tolist() for array in batch[:9]) for batch in source.batches()]
    except DataError as error:
        return str(error)
    columns = [[value for part in parts for value in part[i]] for i in range(len(Batch._fields) - 2)]
    file = source.files[0]
    return columns, file.keywords(), file.rows, source.counts


def test_no_flipped_bit_gives_other_numbers(tmp_path):
    """Every byte of a small file, one bit each: an error, or exactly the same market."""
    path = write(tmp_path / "a.parquet", clean(8), venue="V", depth=5, source="s")
    whole = path.read_bytes()
    good = outcome(path)
    assert not isinstance(good, str)
    refused = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        found = outcome(path)
        if isinstance(found, str):
            refused += 1
            assert "a.parquet" in found
        else:
            assert found == good, f"byte {at} of {len(whole)}"
    assert refused > 0.8 * len(whole)  # the rest are statistics and the like, which do not count


@pytest.mark.slow
def test_no_random_damage_gives_other_numbers(tmp_path):
    path = write(tmp_path / "a.parquet", clean(500))
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    good = outcome(path)
    random = np.random.default_rng(7)
    for _ in range(2000):
        damaged = whole.copy()
        at = random.integers(0, len(whole), random.integers(1, 20))
        damaged[at] = random.integers(0, 256, len(at))
        path.write_bytes(damaged.tobytes())
        found = outcome(path)
        assert isinstance(found, str) or found == good


def test_corrupt_page_is_named_by_its_row_group(path):
    whole = bytearray(path.read_bytes())
    whole[200] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"a\.parquet, row group 0: corrupt \(.*\); get the file again"):
        list(open_market(path).batches())
    with pytest.raises(DataError, match=r"a\.parquet, row group 0: corrupt"):
        read_events(path)


def test_pages_that_are_all_of_an_unknown_type_are_missed(path):
    whole = bytearray(path.read_bytes())
    group = pq.read_metadata(path).row_group(0)
    for column in range(group.num_columns):
        # A page header begins with field 1, the type, as a zigzag varint; readers pass over types they do not know.
        at = group.column(column).data_page_offset + 1
        assert whole[at - 1 : at + 1] == b"\x15\x00"
        whole[at] = 0x7E
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"row group 0: corrupt \(100 rows are missing\)"):
        list(open_market(path).batches())


def test_damaged_footer_is_found_before_it_is_parsed(path):
    whole = bytearray(path.read_bytes())
    at = whole.rindex(META["symbol"].encode())
    whole[at] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DataError, match="the footer does not match its checksum"):
        open_market(path)


def test_the_checksum_stands_between_the_pages_and_the_footer(path):
    whole = path.read_bytes()
    length = int.from_bytes(whole[-TRAILER_BYTES : -TRAILER_BYTES + 4], "little")
    checksum = whole[-TRAILER_BYTES - length - CHECKSUM_BYTES : -TRAILER_BYTES - length]
    assert checksum.startswith(b"LOBSEAL1")
    assert pq.read_table(path).num_rows == 100


def test_pages_carry_checksums_and_no_column_a_dictionary_that_does_not_pay(path):
    chunk = pq.read_metadata(path).row_group(0).column(0)
    assert "DELTA_BINARY_PACKED" in chunk.encodings
    assert chunk.compression == "LZ4"
    assert not chunk.has_dictionary_page
