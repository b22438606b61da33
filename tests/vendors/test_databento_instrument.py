"""Which records are those of the instrument: symbols by date, several names, ids that are reused, publishers."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from vendor_files import CLEAR, DAY_NS, converted, databento, dbn, mbo, shown

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.convert import convert

LAST = 128
BID = (1, "A", "B", "10.00", 10, 1, LAST)
ASK = (2, "A", "A", "10.02", 8, 2, LAST)

SWAPPED = [("AAA", 18, 19, 1), ("AAA", 19, 20, 2), ("BBB", 18, 19, 2), ("BBB", 19, 20, 1)]
"""Two instruments whose ids are swapped on the second day."""


def day_of(day, **prices):
    """Make a day on which each of some ids has a clear and a bid: ``id_1=1000`` is id 1 at 10.00."""
    records = []
    for order, (number, price) in enumerate(prices.items(), 1):
        of, sequence = int(number[-1]), 10 * day + order
        records += [mbo(0, "R", of=of, day=day), mbo(order, "A", "B", price, 10, order, LAST, sequence, of=of, day=day)]
    return records


@pytest.fixture
def two_days(tmp_path):
    records = [*day_of(18, id_1=1000, id_2=5000), *day_of(19, id_1=5100, id_2=1100)]
    return dbn(tmp_path / "a.dbn", records, symbols=["AAA", "BBB"], mappings=SWAPPED)


def test_an_id_means_an_instrument_only_within_the_dates_of_its_mapping(tmp_path, two_days):
    done, rows = converted(tmp_path, "databento", two_days, symbol="AAA")
    assert shown(rows) == ["CLEAR +0 0 0@0 |", "ADD +1 1 10@1000 |", "CLEAR +0 0 0@0 |", "ADD +1 2 10@1100 |"]
    assert (done.symbol, done.counts, done.notes) == ("AAA", {}, ())
    _, rows = converted(tmp_path, "databento", two_days, symbol="BBB")
    assert shown(rows)[1::2] == ["ADD +1 2 10@5000 |", "ADD +1 1 10@5100 |"]


def test_an_id_that_is_reused_is_not_one_instrument(tmp_path, two_days):
    with pytest.raises(ConfigError, match=r"a\.dbn: not one instrument; choose with --symbol one of AAA, BBB"):
        convert("databento", two_days, tmp_path / "none.parquet")
    with pytest.raises(
        ConfigError, match=r"record 5: instrument id 1 is BBB here, AAA before; choose with --symbol one"
    ):
        convert("databento", two_days, tmp_path / "none.parquet", symbol="1")


def test_mappings_from_ids_to_symbols_are_read_the_other_way_round(tmp_path):
    records = day_of(18, id_1=1000)
    mappings = [("1", 18, 19, "AAA")]
    path = dbn(tmp_path / "a.dbn", records, stype_in="instrument_id", symbols=["1"], mappings=mappings)
    for symbol in (None, "1", "AAA"):
        assert converted(tmp_path, "databento", path, symbol=symbol)[0].symbol == "AAA"


@pytest.mark.parametrize("names", [["ES.c.0", "ESM4"], ["ESM4", "ES.c.0"], ["ZZ", "AA"]])
def test_several_names_of_one_id_all_find_it_and_the_first_that_was_asked_for_is_its_own(tmp_path, names):
    mappings = [(name, 18, 19, 1) for name in names]
    path = dbn(tmp_path / "a.dbn", day_of(18, id_1=1000), symbols=names, mappings=mappings)
    # The library gives the mappings in an order that differs from call to call.
    for _ in range(8):
        assert converted(tmp_path, "databento", path)[0].symbol == names[0]
    for name in names:
        assert converted(tmp_path, "databento", path, symbol=name)[0].symbol == name
    with pytest.raises(ConfigError, match=f"--symbol XYZ: not in the files, which hold {names[0]}, {names[1]}"):
        convert("databento", path, tmp_path / "none.parquet", symbol="XYZ")


def test_a_continuous_symbol_is_not_taken_across_a_roll(tmp_path):
    path = dbn(
        tmp_path / "a.dbn",
        [*day_of(18, id_1=1000), *day_of(19, id_2=1100)],
        stype_in="continuous",
        symbols=["ES.c.0"],
        mappings=[("ES.c.0", 18, 19, 1), ("ES.c.0", 19, 20, 2)],
    )
    for symbol in (None, "ES.c.0"):
        with pytest.raises(ConfigError, match=r"ES\.c\.0 is instrument id 2 here, 1 before: another contract"):
            convert("databento", path, tmp_path / "none.parquet", symbol=symbol)
    assert shown(converted(tmp_path, "databento", path, symbol="2")[1])[1] == "ADD +1 1 10@1100 |"


def test_two_ids_of_one_symbol_on_one_day_are_refused(tmp_path):
    mappings = [("AAA", 18, 19, 1), ("AAA", 18, 19, 2)]
    path = dbn(tmp_path / "a.dbn", day_of(18, id_1=1000, id_2=1100), symbols=["AAA"], mappings=mappings)
    with pytest.raises(
        ConfigError, match="AAA is instrument id 2 here, 1 before, on the same day; choose with --symbol"
    ):
        convert("databento", path, tmp_path / "none.parquet", symbol="AAA")


def test_records_of_an_id_on_a_day_without_a_mapping_are_left_out_with_a_note(tmp_path):
    records = [*day_of(18, id_1=1000), *day_of(19, id_1=5100)]
    path = dbn(tmp_path / "a.dbn", records, symbols=["AAA"], mappings=[("AAA", 18, 19, 1)])
    done, rows = converted(tmp_path, "databento", path, symbol="AAA")
    assert len(rows) == 2
    assert "record 3: instrument id 1 has no symbol at this time; its records are left out" in done.notes[0]
    with pytest.raises(ConfigError, match="choose with --symbol one of AAA, 1"):
        convert("databento", path, tmp_path / "none.parquet")


def live(tmp_path, records, mappings):
    """Write a live recording: the names of ids come as records, ``(id, asked for, kind of symbol, name)``."""
    library = pytest.importorskip("databento_dbn")
    named = [
        library.SymbolMappingMsg(
            publisher_id=1,
            instrument_id=number,
            ts_event=DAY_NS,
            stype_in=library.SType(stype),
            stype_in_symbol=asked,
            stype_out=library.SType("instrument_id"),
            stype_out_symbol=name,
            start_ts=DAY_NS,
            end_ts=DAY_NS + 10**15,
        )
        for number, asked, stype, name in mappings
    ]
    return dbn(tmp_path / "a.dbn", [*named, *records], schema=None, dataset="GLBX.MDP3")


def test_names_of_a_live_recording_come_from_its_mapping_records(tmp_path):
    mappings = [(1, "ES.FUT", "parent", "ESM4"), (2, "ES.FUT", "parent", "ESU4")]
    path = live(tmp_path, day_of(18, id_1=1000, id_2=1100), mappings)
    with pytest.raises(ConfigError, match="choose with --symbol one of ESM4, ESU4"):
        convert("databento", path, tmp_path / "none.parquet", tick_size="0.01")
    with pytest.raises(ConfigError, match=r"--symbol ES\.FUT: not in the files, which hold ESM4, ESU4"):
        convert("databento", path, tmp_path / "none.parquet", tick_size="0.01", symbol="ES.FUT")
    for symbol in ("ESU4", "2"):
        done, rows = converted(tmp_path, "databento", path, tick_size="0.01", symbol=symbol)
        assert (done.symbol, shown(rows)[1]) == ("ESU4", "ADD +1 2 10@1100 |")


def test_the_symbol_that_a_live_session_asked_for_is_a_name_too(tmp_path):
    path = live(tmp_path, day_of(18, id_1=1000), [(1, "ES.c.0", "continuous", "ESM4")])
    for symbol, name in ((None, "ESM4"), ("ESM4", "ESM4"), ("ES.c.0", "ES.c.0"), ("1", "ESM4")):
        assert converted(tmp_path, "databento", path, tick_size="0.01", symbol=symbol)[0].symbol == name


def test_one_instrument_is_taken_from_files_of_several(tmp_path):
    records = [(*CLEAR, "TEST"), (*BID, 1, "TEST"), (*ASK, 2, "OTHER"), (3, *ASK[1:], 3, "TEST")]
    path = databento(tmp_path / "a.csv", records)
    with pytest.raises(ConfigError, match="choose with --symbol one of TEST, OTHER"):
        convert("databento", path, tmp_path / "none.parquet")
    with pytest.raises(ConfigError, match="--symbol XYZ: not in the files, which hold TEST, OTHER"):
        convert("databento", path, tmp_path / "none.parquet", symbol="XYZ")
    _, by_name = converted(tmp_path, "databento", path, symbol="TEST")
    assert shown(by_name)[1:] == ["ADD +1 1 10@1000 |", "ADD -1 2 8@1002 |"]
    done, by_id = converted(tmp_path, "databento", path, symbol=str(sum(map(ord, "OTHER"))))
    assert (done.symbol, [row["order_id"] for row in by_id]) == ("OTHER", [2])
    assert not (tmp_path / "none.parquet").exists()


def test_an_id_with_two_symbols_in_a_csv_file_is_not_one_instrument(tmp_path):
    # The helper gives both the same id.
    path = databento(tmp_path / "a.csv", [(*CLEAR, "AB"), (*BID, 1, "AB"), (*ASK, 2, "BA")])
    for symbol in (None, str(sum(map(ord, "AB")))):
        with pytest.raises(ConfigError, match="choose with --symbol one of AB, BA"):
            convert("databento", path, tmp_path / "none.parquet", symbol=symbol)
    assert len(converted(tmp_path, "databento", path, symbol="AB")[1]) == 2


def test_a_csv_file_without_symbols_is_by_id(tmp_path):
    path = databento(tmp_path / "a.csv", [CLEAR, BID])
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()))
    number = str(sum(map(ord, "TEST")))
    assert converted(tmp_path, "databento", path)[0].symbol == number
    assert converted(tmp_path, "databento", path, symbol=number)[0].symbol == number


@pytest.fixture
def two_venues(tmp_path):
    records = []
    for publisher, price in ((39, 20000), (40, 20001)):
        records.append(mbo(publisher, "R", publisher=publisher))
        records.append(mbo(100 + publisher, "A", "B", price, 100, 1, LAST, 1, publisher=publisher))
    records.append(mbo(200, "R", sequence=2, publisher=40))
    records.sort(key=lambda record: record.ts_event)
    return dbn(tmp_path / "a.dbn", records, dataset="DBEQ.BASIC", symbols=["AAPL"], mappings=[("AAPL", 18, 19, 1)])


def test_a_book_is_that_of_one_publisher(tmp_path, two_venues):
    expected = r"several publishers.*: 39 \(DBEQ\.BASIC\.XCHI\), 40 \(DBEQ\.BASIC\.XCIS\); choose with --publisher"
    with pytest.raises(ConfigError, match=expected):
        convert("databento", two_venues, tmp_path / "none.parquet", tick_size="0.01")
    _, rows = converted(tmp_path, "databento", two_venues, tick_size="0.01", publisher=39)
    assert shown(rows) == ["CLEAR +0 0 0@0 |", "ADD +1 1 100@20000 |"]
    _, rows = converted(tmp_path, "databento", two_venues, tick_size="0.01", publisher=40)
    assert shown(rows) == ["CLEAR +0 0 0@0 |", "ADD +1 1 100@20001 |", "CLEAR +0 0 0@0 |"]


def test_a_publisher_that_is_not_there_is_refused_with_those_that_are(tmp_path, two_venues):
    with pytest.raises(ConfigError, match=r"--publisher 41: not in the files, which hold 39 .*, 40 "):
        convert("databento", two_venues, tmp_path / "none.parquet", tick_size="0.01", publisher=41)


@pytest.mark.parametrize("publisher", ["XCHI", 39.5, True])
def test_a_publisher_is_given_by_its_id(tmp_path, two_venues, publisher):
    with pytest.raises(ConfigError, match=r"publisher .*: expected the id of a publisher"):
        convert("databento", two_venues, tmp_path / "none.parquet", tick_size="0.01", publisher=publisher)


def test_the_venue_is_the_publishers(tmp_path, two_venues):
    converted(tmp_path, "databento", two_venues, tick_size="0.01", publisher=40)
    assert pq.read_metadata(tmp_path / "out.parquet").metadata[b"lob.venue"] == b"XCIS"


def test_files_of_different_publishers_are_not_one_book(tmp_path):
    paths = [
        dbn(tmp_path / f"{publisher}.dbn", [mbo(publisher, "R", publisher=publisher)], dataset="DBEQ.BASIC")
        for publisher in (39, 40)
    ]
    with pytest.raises(ConfigError, match=r"40\.dbn, record 1: several publishers"):
        convert("databento", paths, tmp_path / "none.parquet", tick_size="0.01")
    with pytest.raises(DataError, match=r"40\.dbn: no records of 1 by publisher 39"):
        convert("databento", paths, tmp_path / "none.parquet", tick_size="0.01", publisher=39)
