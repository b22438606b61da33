from __future__ import annotations

import hashlib
import threading
from copy import deepcopy

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_rows import L2, META, T0, clean, column, with_row, write

from lob_backtest.contract.rows import Action, Batch, Flag
from lob_backtest.data.faults import SAMPLES
from lob_backtest.data.files import MarketFile, hashed_meanwhile
from lob_backtest.data.reader import open_market
from lob_backtest.data.writer import write_events
from lob_backtest.errors import ConfigError, DataError

LIMIT = 2**40
TIMES = ("ts_exchange_ns", "ts_local_ns")


def read(path, **options):
    source = open_market(path, **options)
    return source, list(source.batches())


def test_clean_rows_are_handed_over_as_they_are(tmp_path):
    columns = clean()
    columns["ts_local_ns"] = np.maximum.accumulate(columns["ts_local_ns"])
    source, batches = read(write(tmp_path / "a.parquet", columns, venue="V", depth=3))
    for name in Batch._fields[:9]:
        assert column(batches, name) == columns[name].tolist()
    assert (source.symbol, source.venue, source.level, source.depth, source.rows) == ("TEST", "V", 3, 3, 100)
    assert (str(source.tick_size), str(source.lot_size)) == ("0.01", "1")
    assert source.counts == {}
    assert source.rows_handed_over == 100


def test_arrays_have_the_types_of_the_contract_and_are_contiguous(tmp_path):
    _, batches = read(write(tmp_path / "a.parquet", clean()), batch_rows=7)
    types = ("int64", "int64", "uint8", "int8", "uint64", "int64", "int64", "uint8", "uint8")
    for batch in batches:
        assert tuple(str(array.dtype) for array in batch[:9]) == types
        assert all(array.flags.c_contiguous for array in batch[:9])
        assert not any(array.flags.writeable for array in batch[:9])
        assert len({len(array) for array in batch[:9]}) == 1


def test_l2_rows_have_order_id_zero(tmp_path):
    columns = clean() | {"action": np.full(100, Action.LEVEL)}
    del columns["order_id"]
    source, batches = read(write(tmp_path / "a.parquet", columns, **L2))
    assert source.level == 2
    assert column(batches, "order_id") == [0] * 100


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = write(tmp_path / "a.parquet", clean())
    (file,) = open_market(path).files
    assert (file.path, file.rows) == (str(path), 100)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_hash_found_meanwhile_is_that_of_the_bytes_and_is_not_looked_for_again(tmp_path):
    path = write(tmp_path / "a.parquet", clean())
    (file,) = open_market(path).files
    with hashed_meanwhile([file]):
        expected = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    assert file.sha256 == expected


def test_hashing_stops_when_what_it_goes_along_with_fails(tmp_path):
    files = [open_market(write(tmp_path / f"{i}.parquet", clean())).files[0] for i in range(2)]
    stopped = threading.Event()
    stopped.set()
    files[0].hash_now(stopped)
    assert "sha256" not in vars(files[0])
    with pytest.raises(KeyboardInterrupt), hashed_meanwhile(files):
        raise KeyboardInterrupt
    assert not any(thread.name == "lob-hash" for thread in threading.enumerate())


BAD_ROWS = [
    ("unknown_action", {"action": 9}, "action is 9, expected one of an L3 file .*ADD 1"),
    ("unknown_action", {"action": 0}, "action is 0"),
    ("unknown_action", {"action": Action.LEVEL}, "action is 8"),
    ("bad_side", {"side": 0}, r"side of ADD is 0, expected \+1 \(bid\) or -1 \(ask\)"),
    ("bad_side", {"side": 2}, "side of ADD is 2"),
    ("bad_side", {"side": -2, "action": Action.TRADE}, r"side of TRADE is -2, expected \+1, -1 or 0"),
    ("zero_size", {"size_lots": 0}, "ADD of 0 lots"),
    ("zero_size", {"size_lots": 0, "action": Action.TRADE}, "TRADE of 0 lots"),
    ("out_of_range", {"size_lots": -1}, "size_lots is -1"),
    ("out_of_range", {"size_lots": LIMIT}, "size_lots is 1099511627776"),
    ("out_of_range", {"price_ticks": LIMIT}, "price_ticks is 1099511627776"),
    ("out_of_range", {"price_ticks": -LIMIT}, "price_ticks is -1099511627776"),
    ("out_of_range", {"ts_exchange_ns": 2**62}, "after the year 2116"),
    ("out_of_range", {"ts_local_ns": 2**62}, "after the year 2116"),
    ("zero_order_id", {"order_id": 0}, "ADD of order_id 0"),
    ("unknown_phase", {"action": Action.STATUS, "phase": 4}, "phase is 4, expected 0 to 3"),
    ("time_backwards", {"ts_exchange_ns": T0 - 1}, "time runs backwards: ts_exchange_ns was"),
    ("local_before_exchange", {"ts_local_ns": T0}, "ts_local_ns 1700000000000000000 is before the exchange's"),
]


@pytest.mark.parametrize(("kind", "changes", "message"), BAD_ROWS)
@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_bad_row_fails_with_its_place_after_the_rows_before_it(tmp_path, kind, changes, message, batch_rows):
    path = write(tmp_path / "a.parquet", with_row(40, **changes))
    source = open_market(path, batch_rows=batch_rows)
    batches = []
    place = rf"a\.parquet, row 40 at (2023|2116|2262|2262)-.*Z: .*{message}.*data\.policies\.{kind} to"
    with pytest.raises(DataError, match=place):
        batches.extend(source.batches())
    assert column(batches, "ts_exchange_ns") == clean()["ts_exchange_ns"][:40].tolist()
    assert source.counts == {kind: {"fail": 1}}


@pytest.mark.parametrize(("kind", "changes", "message"), BAD_ROWS)
@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_bad_row_is_skipped_and_counted_where_the_policy_says_so(tmp_path, kind, changes, message, batch_rows):
    path = write(tmp_path / "a.parquet", with_row(40, **changes))
    source, batches = read(path, policies={kind: "skip"}, batch_rows=batch_rows)
    expected = np.delete(clean()["ts_exchange_ns"], 40).tolist()
    assert column(batches, "ts_exchange_ns") == expected
    assert source.counts == {kind: {"skip": 1}}
    (sample,) = source.tally.samples[kind]
    assert (sample.path, sample.row) == (str(path), 40)
    assert source.rows_handed_over + source.tally.total() == source.rows
    # Rows of one batch are consecutive in the file.
    assert [batch.row + i for batch in batches for i in range(len(batch.action))] == [*range(40), *range(41, 100)]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("bad_side", {"action": Action.TRADE, "side": 0, "order_id": 0}),
        ("bad_side", {"action": Action.CLEAR, "side": 0, "order_id": 0, "size_lots": 0}),
        ("zero_size", {"action": Action.STATUS, "side": 0, "size_lots": 0, "phase": 3}),
        ("out_of_range", {"price_ticks": LIMIT - 1, "size_lots": LIMIT - 1}),
        ("out_of_range", {"price_ticks": 1 - LIMIT}),
        ("zero_order_id", {"action": Action.TRADE, "order_id": 0}),
    ],
)
def test_rows_at_the_edge_of_the_contract_are_fine(tmp_path, kind, changes):
    source, _ = read(write(tmp_path / "a.parquet", with_row(40, **changes)))
    assert source.counts == {}


def test_level_of_zero_size_is_fine(tmp_path):
    columns = clean() | {"action": np.full(100, Action.LEVEL), "size_lots": np.zeros(100, int)}
    del columns["order_id"]
    source, _ = read(write(tmp_path / "a.parquet", columns, **L2))
    assert source.counts == {}


def test_null_is_found_in_a_file_that_allows_it(tmp_path):
    table = pq.read_table(write(tmp_path / "a.parquet", clean()))
    sizes = table["size_lots"].to_pylist()
    sizes[40] = None
    fields = [pa.field(field.name, field.type) for field in table.schema]
    arrays = [pa.array(sizes, pa.int64()) if field.name == "size_lots" else table[field.name] for field in fields]
    nullable = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    with pq.ParquetWriter(tmp_path / "b.parquet", nullable.schema) as writer:
        writer.write_table(nullable)
        writer.add_key_value_metadata(pq.read_metadata(tmp_path / "a.parquet").metadata)
    with pytest.raises(DataError, match=r"b\.parquet, row 40 at .*: size_lots is null, expected a value"):
        read(tmp_path / "b.parquet")
    source, batches = read(tmp_path / "b.parquet", policies={"null": "skip"})
    assert source.counts == {"null": {"skip": 1}}
    assert 0 not in column(batches, "size_lots")


# Time


def test_a_nanosecond_backwards_is_backwards_and_none_is_not(tmp_path):
    before = int(clean()["ts_exchange_ns"][39])
    assert read(write(tmp_path / "a.parquet", with_row(40, ts_exchange_ns=before)))[0].counts == {}
    with pytest.raises(DataError, match=f"row 40 at .*ts_exchange_ns was {before} before"):
        read(write(tmp_path / "a.parquet", with_row(40, ts_exchange_ns=before - 1)))


def test_time_backwards_is_repaired_by_the_time_before_and_flagged(tmp_path):
    columns = with_row(40, ts_exchange_ns=T0 - 5)
    source, batches = read(write(tmp_path / "a.parquet", columns), policies={"time_backwards": "repair"})
    times = column(batches, "ts_exchange_ns")
    assert times[40] == times[39] == columns["ts_exchange_ns"][39]
    assert [i for i, flags in enumerate(column(batches, "flags")) if flags & Flag.SUSPECT] == [40]
    assert source.counts == {"time_backwards": {"repair": 1}}


def test_skipped_row_does_not_set_the_clock(tmp_path):
    columns = with_row(40, action=99)
    columns["ts_exchange_ns"][40] += 10**12
    columns["ts_local_ns"][40] += 10**12
    source, batches = read(write(tmp_path / "a.parquet", columns), policies={"unknown_action": "skip"})
    assert source.counts == {"unknown_action": {"skip": 1}}
    assert max(column(batches, "ts_local_ns")) < T0 + 10**12


def test_local_before_exchange_is_repaired_to_the_exchange_time(tmp_path):
    columns = clean()
    columns["ts_exchange_ns"] = T0 + np.arange(100) * 10**6
    columns["ts_local_ns"] = columns["ts_exchange_ns"] + 10
    columns["ts_local_ns"][40] -= 11
    path = write(tmp_path / "a.parquet", columns)
    source, batches = read(path, policies={"local_before_exchange": "repair"})
    assert column(batches, "ts_local_ns")[40] == columns["ts_exchange_ns"][40]
    assert column(batches, "flags")[40] & Flag.SUSPECT
    assert source.counts == {"local_before_exchange": {"repair": 1}}


@pytest.mark.parametrize("batch_rows", [1, 13, 1000])
def test_local_times_are_made_monotone(tmp_path, batch_rows):
    columns = clean()
    assert (np.diff(columns["ts_local_ns"]) < 0).any()
    _, batches = read(write(tmp_path / "a.parquet", columns), batch_rows=batch_rows)
    assert column(batches, "ts_local_ns") == np.maximum.accumulate(columns["ts_local_ns"]).tolist()


def test_missing_local_time_among_others_fails_or_becomes_the_latest_known(tmp_path):
    columns = {name: values.tolist() for name, values in clean().items()}
    columns["ts_local_ns"][40] = None
    path = write(tmp_path / "a.parquet", columns)
    with pytest.raises(DataError, match=r"row 40 at .*ts_local_ns is null, though other rows have local times"):
        read(path)
    source, batches = read(path, policies={"missing_local": "repair"})
    known = max(*columns["ts_local_ns"][:40], columns["ts_exchange_ns"][40])
    assert column(batches, "ts_local_ns")[40] == known
    assert source.counts == {"missing_local": {"repair": 1}}
    assert read(path, feed_ns=1)[0].counts == {}


def without_local(path):
    columns = clean()
    del columns["ts_local_ns"]
    return write(path, columns)


def test_no_local_time_and_no_feed_latency_says_which_key_to_set(tmp_path):
    with pytest.raises(ConfigError, match=r"a\.parquet: no local times .*set latency\.feed"):
        open_market(without_local(tmp_path / "a.parquet"))


def test_exchange_time_stands_in_for_local_time_where_that_is_enough(tmp_path):
    _, batches = read(without_local(tmp_path / "a.parquet"), require_local=False)
    assert column(batches, "ts_local_ns") == column(batches, "ts_exchange_ns")


@pytest.mark.parametrize("make", [without_local, lambda path: write(path, clean())])
def test_feed_latency_makes_local_times_in_place_of_recorded_ones(tmp_path, make):
    _, batches = read(make(tmp_path / "a.parquet"), feed_ns=250_000, batch_rows=9)
    assert column(batches, "ts_local_ns") == [time + 250_000 for time in column(batches, "ts_exchange_ns")]


@pytest.mark.parametrize(("factor", "unit"), [(10**9, "seconds"), (10**6, "milliseconds"), (10**3, "microseconds")])
@pytest.mark.parametrize("name", TIMES)
def test_times_in_another_unit_are_refused_by_name(tmp_path, name, factor, unit):
    columns = clean()
    columns[name] = columns[name] // factor
    with pytest.raises(DataError, match=rf"row 0: {name} begins at \d+, which looks like {unit}; expected nanosec"):
        read(write(tmp_path / "a.parquet", columns))


# Packets


def test_data_that_end_within_a_packet_are_ended_and_counted(tmp_path):
    path = write(tmp_path / "a.parquet", with_row(99, flags=0))
    source, batches = read(path)
    assert column(batches, "flags")[99] == Flag.LAST | Flag.SUSPECT
    assert source.counts == {"no_last": {"repair": 1}}
    source, batches = read(path, policies={"no_last": "keep"})
    assert column(batches, "flags")[99] == 0
    with pytest.raises(DataError, match=r"row 99 at .*end within a packet"):
        read(path, policies={"no_last": "fail"})


@pytest.mark.parametrize("batch_rows", [1, 2, 4, 100])
def test_packet_whose_last_row_is_skipped_ends_at_the_row_before(tmp_path, batch_rows):
    columns = with_row(42, action=99)
    columns["flags"][40:42] = 0
    path = write(tmp_path / "a.parquet", columns)
    _, batches = read(path, policies={"unknown_action": "skip"}, batch_rows=batch_rows)
    assert column(batches, "flags")[40:43] == [0, Flag.LAST, Flag.LAST]


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_failing_row_does_not_end_the_packet_before_it_nor_hide_behind_later_faults(tmp_path, batch_rows):
    columns = with_row(40, side=0)
    columns["flags"][39] = 0
    columns["action"][60] = 99
    source = open_market(
        write(tmp_path / "a.parquet", columns), policies={"unknown_action": "skip"}, batch_rows=batch_rows
    )
    batches = []
    with pytest.raises(DataError, match="row 40 at"):
        batches.extend(source.batches())
    assert column(batches, "flags")[39] == 0
    assert source.counts == {"bad_side": {"fail": 1}}


# Sequence numbers


def test_sequence_is_looked_at_only_on_request(tmp_path):
    columns = clean()
    columns["sequence"] = columns["sequence"][::-1]
    assert read(write(tmp_path / "a.parquet", columns))[0].counts == {}


@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_gaps_and_repeated_packets_are_found(tmp_path, batch_rows):
    columns = clean()
    columns["sequence"][50:] += 1
    columns["sequence"][70] = columns["sequence"][69] - 1
    columns["sequence"][80:82] = 0
    policies = {"sequence_gap": "repair", "duplicate": "skip"}
    source, _ = read(write(tmp_path / "a.parquet", columns), policies=policies, batch_rows=batch_rows)
    # 50 leaves one out; 70 falls back; 71 and 82 leave out what 70, 80 and 81 should have had.
    assert source.counts == {"sequence_gap": {"repair": 3}, "duplicate": {"skip": 1}}
    assert [sample.row for sample in source.tally.samples["sequence_gap"]] == [50, 71, 82]
    with pytest.raises(DataError, match=r"row 50 at .*sequence is 52, it was 50 before"):
        read(tmp_path / "a.parquet", policies={"sequence_gap": "fail"})


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_packet_that_is_there_twice_is_found_but_packets_may_share_a_number(tmp_path, batch_rows):
    columns = {name: np.insert(values, 70, values[70]) for name, values in clean().items()}
    columns["sequence"][30] = columns["sequence"][29]
    path = write(tmp_path / "a.parquet", columns)
    source, batches = read(path, policies={"duplicate": "skip"}, batch_rows=batch_rows)
    assert source.counts == {"duplicate": {"skip": 1}}
    assert source.tally.samples["duplicate"][0].row == 71
    assert column(batches, "ts_exchange_ns") == clean()["ts_exchange_ns"].tolist()


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_rows_of_one_packet_share_a_number_and_snapshots_begin_anew(tmp_path, batch_rows):
    columns = clean()
    columns["sequence"][10:14] = 11
    columns["flags"][10:13] = 0
    columns["sequence"][14:] -= 3
    columns["flags"][20] = 0
    columns["sequence"][21] -= 5  # within a packet: odd, but no packet that was there before
    columns["sequence"][22:] -= 6
    columns["flags"][50] |= Flag.SNAPSHOT
    columns["sequence"][50:] += 1000
    policies = {"sequence_gap": "fail", "duplicate": "fail"}
    assert read(write(tmp_path / "a.parquet", columns), policies=policies, batch_rows=batch_rows)[0].counts == {}


# The whole stream


@pytest.mark.parametrize(
    "options", [{"feed_ns": -1}, {"max_bad_fraction": 1.5}, {"max_bad_fraction": -0.1}, {"batch_rows": 0}]
)
def test_impossible_options_are_refused(tmp_path, options):
    with pytest.raises(ConfigError, match=r"expected"):
        open_market(write(tmp_path / "a.parquet", clean()), **options)


def test_too_many_bad_rows_fail(tmp_path):
    columns = clean()
    columns["side"][10:20] = 0
    path = write(tmp_path / "a.parquet", columns)
    policies = {"bad_side": "skip"}
    source, _ = read(path, policies=policies, max_bad_fraction=0.1)
    assert source.counts == {"bad_side": {"skip": 10}}
    assert len(source.tally.samples["bad_side"]) == SAMPLES
    with pytest.raises(DataError, match=r"10 bad rows \(bad_side 10\) are more than max_bad_fraction = 0\.09 of 100"):
        read(path, policies=policies, max_bad_fraction=0.09)


def test_source_of_which_no_row_is_left_fails(tmp_path):
    columns = clean() | {"action": np.full(100, 99)}
    with pytest.raises(DataError, match="no row is left"):
        read(write(tmp_path / "a.parquet", columns), policies={"unknown_action": "skip"})


def test_reading_again_counts_again_from_nothing(tmp_path):
    source, _ = read(write(tmp_path / "a.parquet", with_row(99, flags=0)))
    first = (deepcopy(source.counts), source.rows_handed_over)
    list(source.batches())
    assert (source.counts, source.rows_handed_over) == first


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    bad=st.integers(0, 30),
    batch_rows=st.integers(1, 120),
    group_rows=st.integers(1, 99),
)
def test_what_is_read_does_not_depend_on_the_size_of_batches(tmp_path_factory, seed, bad, batch_rows, group_rows):
    """Scramble a market at random; batches of any size give the same rows, counts and samples, and lose none."""
    random = np.random.default_rng(seed)
    columns = clean(seed=seed)
    columns["flags"] = random.integers(0, 2, 100)
    for name in random.choice(list(columns), bad):
        columns[name][random.integers(100)] = random.integers(0, 10)
    columns["ts_exchange_ns"][0] = columns["ts_local_ns"][0] = T0
    folder = tmp_path_factory.mktemp("batches")
    path = write(folder / "a.parquet", columns)
    table = pq.read_table(path)
    regrouped = folder / "b.parquet"
    with pq.ParquetWriter(regrouped, table.schema) as writer:
        writer.write_table(table, row_group_size=group_rows)
        writer.add_key_value_metadata(pq.read_metadata(path).metadata)
    kinds = ("unknown_action", "bad_side", "zero_size", "zero_order_id", "unknown_phase", "duplicate")
    policies = dict.fromkeys(kinds, "skip") | {"sequence_gap": "keep", "local_before_exchange": "repair"}
    policies["time_backwards"] = str(random.choice(["skip", "repair"]))
    results = []
    for file, rows in ((path, 1000), (regrouped, batch_rows)):
        source, batches = read(file, policies=policies, batch_rows=rows)
        assert all(len(batch.action) <= rows for batch in batches)
        skipped = sum(by_policy.get("skip", 0) for by_policy in source.counts.values())
        assert source.rows_handed_over + skipped == source.rows == 100
        samples = {kind: [sample[1:] for sample in found] for kind, found in source.tally.samples.items()}
        results.append(([column(batches, name) for name in Batch._fields[:9]], source.counts, samples))
    assert results[0] == results[1]


def test_a_large_row_group_is_read_in_parts(tmp_path):
    """Memory follows the batch, not the row group: 116 MB decoded, of which 30 MB do not compress."""
    rows = 2_000_000
    columns = {name: np.resize(values, rows) for name, values in clean().items()}
    columns["ts_exchange_ns"] = columns["ts_local_ns"] = T0 + np.arange(rows)
    columns["order_id"] = columns["sequence"] = np.random.default_rng(1).integers(1, 2**63, rows)
    path = tmp_path / "a.parquet"
    write_events(path, columns, **META)
    table = pq.read_table(path)
    meta = pq.read_metadata(path).metadata
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table, row_group_size=rows)
        writer.add_key_value_metadata(meta)
    del table, columns
    before = pa.total_allocated_bytes()
    peak = 0
    for _ in open_market(path).batches():
        peak = max(peak, pa.total_allocated_bytes() - before)
    with MarketFile.open(path).parquet() as parquet:
        assert parquet.num_row_groups == 1
    assert peak < 30_000_000
