from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from market_rows import T0

from lob_backtest.cli import group
from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.audit import book_dump as replay
from lob_backtest.data.audit.book_dump import dump_book
from lob_backtest.data.writer import write_events
from lob_backtest.errors import ConfigError, DataError, OutputError

ADD, CANCEL, LEVEL = int(Action.ADD), int(Action.CANCEL), int(Action.LEVEL)
LAST = int(Flag.LAST)
MS = 1_000_000
COLUMNS = ("ts_exchange_ns", "action", "side", "order_id", "price_ticks", "size_lots", "flags", "sequence")

EVENTS = [  # milliseconds, action, side, id, price, size, flags, sequence
    (0, ADD, 1, 1, 100, 5, 0, 10),
    (0, ADD, -1, 2, 103, 7, LAST, 11),
    (40, ADD, 1, 3, 100, 2, LAST, 12),
    (99, ADD, 1, 4, 99, 1, LAST, 13),
    (100, CANCEL, -1, 2, 103, 7, LAST, 14),
    (350, ADD, -1, 5, 102, 9, LAST, 15),
]


def market(path, events=EVENTS, *, level=3, **options):
    values = list(zip(*events, strict=True))
    columns = dict(zip(COLUMNS, values, strict=True)) | {"ts_exchange_ns": [T0 + ms * MS for ms in values[0]]}
    if level == 2:
        del columns["order_id"]
    options = {"symbol": "TEST", "tick_size": "0.5", "lot_size": "1", "venue": "V", "depth": 9} | options
    write_events(path, columns, level=level, **options)
    return path


def dumped(tmp_path, paths, **options):
    done = dump_book(paths, tmp_path / "book.parquet", force=True, **options)
    rows = pq.read_table(tmp_path / "book.parquet").to_pylist()
    assert done.rows == len(rows)
    return rows


def test_every_row_and_every_packet_are_states_with_their_place(tmp_path):
    path = market(tmp_path / "a.parquet")
    by_row = dumped(tmp_path, path, every="row", levels=2)
    by_packet = dumped(tmp_path, path, every="packet", levels=2)
    assert [row["row"] for row in by_row] == [0, 1, 2, 3, 4, 5]
    assert by_packet == by_row[1:]
    assert by_row[3] == {
        "row": 3,
        "sequence": 13,
        "ts_exchange_ns": T0 + 99 * MS,
        "bid_ticks_0": 100,
        "bid_lots_0": 7,
        "bid_orders_0": 2,
        "ask_ticks_0": 103,
        "ask_lots_0": 7,
        "ask_orders_0": 1,
        "bid_ticks_1": 99,
        "bid_lots_1": 1,
        "bid_orders_1": 1,
        "ask_ticks_1": None,
        "ask_lots_1": None,
        "ask_orders_1": None,
    }


def test_interval_gives_its_last_packet_where_there_is_one(tmp_path):
    rows = dumped(tmp_path, market(tmp_path / "a.parquet"), every=100 * MS, levels=1)
    assert [(row["row"], row["ask_ticks_0"]) for row in rows] == [(3, 103), (4, None), (5, 102)]


def test_rows_count_on_through_files_in_time_order(tmp_path):
    first = market(tmp_path / "2.parquet", EVENTS[:2], source="x")
    second = market(tmp_path / "1.parquet", EVENTS[2:], source="y")
    rows = dumped(tmp_path, [second, first], every="row", levels=1)
    assert [(row["row"], row["sequence"]) for row in rows] == [(i, 10 + i) for i in range(6)]
    assert rows[-1]["bid_lots_0"] == 7
    assert pq.read_metadata(tmp_path / "book.parquet").metadata[b"lob.source"] == b"x; y"


def test_metadata_of_the_source_are_carried_over(tmp_path):
    dumped(tmp_path, market(tmp_path / "a.parquet", source="vendor.csv sha256:0"))
    found = pq.read_metadata(tmp_path / "book.parquet").metadata
    kept = {key.decode(): value.decode() for key, value in found.items() if key.startswith(b"lob.")}
    created_by = kept.pop("lob.created_by")
    assert created_by.startswith("lob_backtest ")
    assert kept == {
        "lob.schema": "l3/1",
        "lob.symbol": "TEST",
        "lob.venue": "V",
        "lob.tick_size": "0.5",
        "lob.lot_size": "1",
        "lob.depth": "9",
        "lob.source": "vendor.csv sha256:0",
    }


def test_levels_without_orders_have_no_count(tmp_path):
    events = [(0, LEVEL, 1, 0, 100, 5, 0, 1), (0, LEVEL, -1, 0, 101, 6, LAST, 1), (1, LEVEL, 1, 0, 100, 0, LAST, 2)]
    rows = dumped(tmp_path, market(tmp_path / "a.parquet", events, level=2), levels=1)
    assert [list(row.values())[3:] for row in rows] == [[100, 5, None, 101, 6, None], [None, None, None, 101, 6, None]]


def test_long_files_come_out_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "STRETCH_ROWS", 7)
    events = [(i, ADD, 1, i + 1, 100, 1, LAST, i) for i in range(100)]
    rows = dumped(tmp_path, market(tmp_path / "a.parquet", events), levels=1)
    assert [(row["sequence"], row["bid_orders_0"]) for row in rows] == [(i, i + 1) for i in range(100)]


def test_rows_of_unknown_orders_are_skipped_and_counted(tmp_path):
    path = market(tmp_path / "a.parquet", [*EVENTS, (400, CANCEL, 1, 77, 100, 1, LAST, 16)])
    done = dump_book(path, tmp_path / "book.parquet")
    assert done.skipped == {"unknown_order": 1}


@pytest.mark.parametrize(
    ("event", "kind"),
    [((400, CANCEL, 1, 4, 99, 2, LAST, 16), "oversize"), ((400, ADD, 1, 4, 99, 2, LAST, 16), "duplicate_order")],
)
def test_row_that_no_book_can_follow_is_named_and_nothing_is_written(tmp_path, event, kind):
    path = market(tmp_path / "a.parquet", [*EVENTS, event])
    with pytest.raises(DataError, match=rf"a\.parquet, row 6 at .*: {kind} \(order 4\)"):
        dump_book(path, tmp_path / "book.parquet")
    assert [each.name for each in tmp_path.iterdir()] == ["a.parquet"]


def test_no_file_is_overwritten_unasked_and_an_input_never(tmp_path):
    path = market(tmp_path / "a.parquet")
    with pytest.raises(OutputError, match=r"a\.parquet: is an input"):
        dump_book(path, path, force=True)
    dump_book(path, tmp_path / "book.parquet")
    with pytest.raises(OutputError, match="exists; pass --force"):
        dump_book(path, tmp_path / "book.parquet")
    with pytest.raises(OutputError, match="no such folder"):
        dump_book(path, tmp_path / "absent" / "book.parquet")


@pytest.mark.parametrize("options", [{"levels": 0}, {"every": "tick"}, {"every": 0}])
def test_impossible_settings_are_refused(tmp_path, options):
    with pytest.raises(ConfigError):
        dump_book(market(tmp_path / "a.parquet"), tmp_path / "book.parquet", **options)


def test_command_writes_the_book_and_says_so(tmp_path):
    path = market(tmp_path / "a.parquet")
    arguments = ["book", str(path), "-n", "3", "--every", "100ms", "-o", str(tmp_path / "book.parquet")]
    done = CliRunner().invoke(group.cli, arguments)
    assert (done.exit_code, done.stderr) == (0, f"{tmp_path / 'book.parquet'}: 3 states\n")
    assert pq.read_metadata(tmp_path / "book.parquet").num_columns == 3 + 3 * 6
    with pytest.raises(ConfigError, match="--every: 'often' is not a duration"):
        CliRunner().invoke(group.cli, [*arguments, "--every", "often"], catch_exceptions=False)
