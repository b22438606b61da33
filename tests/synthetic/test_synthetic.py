from __future__ import annotations

import hashlib
import re
import shlex
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lob_backtest.book.book import Book
from lob_backtest.contract.rows import COLUMNS, Action, Flag, Meta, Phase
from lob_backtest.data.audit.validate import validate
from lob_backtest.errors import ConfigError
from lob_backtest.synthetic import generate as synthetic
from lob_backtest.synthetic.generate import START_NS, Generated, generate

DATA = Path(__file__).resolve().parents[2] / "data"
BOOK_COLUMNS = ("action", "side", "order_id", "price_ticks", "size_lots", "flags")
EVENTS = 60_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generate(tmp_path_factory.mktemp("market") / "l3.parquet", events=EVENTS, seed=11)


@pytest.fixture(scope="module")
def table(made: Generated) -> pa.Table:
    return pq.read_table(made.path)


@pytest.fixture(scope="module")
def columns(table: pa.Table) -> dict[str, np.ndarray]:
    return {name: table[name].to_numpy() for name in table.column_names}


def book_rows(table: pa.Table) -> zip:
    names = [name for name in BOOK_COLUMNS if name in table.column_names]
    return zip(*(table[name].to_pylist() for name in names), strict=True)


def body(path: str) -> pa.Table:
    """The rows without the closing STATUS."""
    table = pq.read_table(path)
    return table.slice(0, table.num_rows - 1)


def test_same_seed_gives_same_rows_and_another_seed_others(tmp_path):
    one, same, other = (
        pq.read_table(generate(tmp_path / f"{k}.parquet", events=3_000, seed=seed).path)
        for k, seed in enumerate((5, 5, 6))
    )
    assert one.equals(same)
    assert not one.equals(other)


def test_longer_market_begins_with_the_shorter_one(made, tmp_path):
    short = body(generate(tmp_path / "short.parquet", events=5_000, seed=11).path)
    assert short.num_rows >= 4_999
    assert short.equals(body(made.path).slice(0, short.num_rows))


def test_rows_do_not_depend_on_the_chunks_they_are_written_in(made, tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "CHUNK_ROWS", 777)
    again = generate(tmp_path / "chunks.parquet", events=EVENTS, seed=11)
    assert pq.read_table(again.path).equals(pq.read_table(made.path))


def test_replay_into_a_plain_book_gives_the_exchange_s_own(made, table):
    book = Book(3)
    for action, side, order_id, price_ticks, size_lots, flags in book_rows(table):
        if action == Action.EXECUTE:
            # Whatever trades is the oldest order at the best price.
            head = next(book.levels(side))
            assert (head.price_ticks, next(iter(head.orders))) == (price_ticks, order_id)
        assert book.apply(action, side, order_id, price_ticks, size_lots, flags) == 0
        assert not flags & Flag.LAST or book.uncrossed()
    book.check()
    made.exchange.check()
    assert (book.top(1, 1_000), book.top(-1, 1_000)) == made.exchange.depth(1_000)
    for side in (1, -1):
        replayed = [(i, o.price_ticks, o.size_lots) for level in book.levels(side) for i, o in level.orders.items()]
        assert replayed == [(o.order_id, o.price_ticks, o.open_lots) for o in made.exchange.resting(side)]


def test_nothing_is_wrong_with_the_files(made, tmp_path):
    levels = generate(tmp_path / "l2.parquet", events=20_000, seed=11, level=2)
    for path in (made.path, levels.path):
        assert validate(path).to_dict()["kinds"] == {}


def test_level_2_is_the_same_market(table, tmp_path):
    """At the end of each packet the L2 file shows the sizes of the L3 book."""
    levels = pq.read_table(generate(tmp_path / "l2.parquet", events=20_000, seed=11, level=2).path)
    assert "order_id" not in levels.column_names
    last_packet = levels["sequence"][-2].as_py()
    orders = table.filter(pa.compute.less_equal(table["sequence"], last_packet))
    one, two = Book(2), Book(3)
    shown, real = {}, {}
    for sequence, (action, side, price_ticks, size_lots, flags) in zip(
        levels["sequence"].to_pylist()[:-1], book_rows(levels.slice(0, levels.num_rows - 1)), strict=True
    ):
        assert one.apply(action, side, 0, price_ticks, size_lots, flags) == 0
        shown[sequence] = [[(p, s) for p, s, _ in one.top(each, 5)] for each in (1, -1)]
    for sequence, row in zip(orders["sequence"].to_pylist(), book_rows(orders), strict=True):
        two.apply(*row)
        real[sequence] = [[(p, s) for p, s, _ in two.top(each, 5)] for each in (1, -1)]
    assert len(shown) > 15_000
    assert shown == real


def test_level_2_prints_come_before_the_levels_they_change(tmp_path):
    levels = pq.read_table(generate(tmp_path / "l2.parquet", events=20_000, seed=11, level=2).path)
    rows = list(zip(*(levels[name].to_pylist() for name in ("sequence", "action", "flags")), strict=True))
    assert sum(action == Action.TRADE for _, action, _ in rows) > 500
    for (sequence, action, flags), (next_sequence, next_action, _) in pairwise(rows):
        assert (sequence != next_sequence) == bool(flags & Flag.LAST)
        assert not (sequence == next_sequence and action == Action.LEVEL and next_action == Action.TRADE)


def test_file_opens_with_a_snapshot_and_closes_with_a_status(columns):
    snapshot = int((columns["flags"] & Flag.SNAPSHOT > 0).sum())
    assert columns["action"][0] == Action.CLEAR
    assert set(columns["action"][1:snapshot]) == {Action.ADD}
    assert snapshot > 80
    status = np.flatnonzero(columns["action"] == Action.STATUS)
    assert status.tolist() == [snapshot, len(columns["action"]) - 1]
    assert columns["phase"][status].tolist() == [Phase.CONTINUOUS, Phase.CLOSED]


def test_packets_are_numbered_and_end_in_last(columns):
    sequence, last = columns["sequence"].astype(np.int64), (columns["flags"] & Flag.LAST) > 0
    assert sequence[0] == 1
    assert last[-1]
    assert np.array_equal(np.diff(sequence), last[:-1].astype(np.int64))


def test_clocks_run_forward_and_the_feed_is_late(columns):
    exchange, local = columns["ts_exchange_ns"], columns["ts_local_ns"]
    assert exchange[0] == START_NS
    assert np.datetime64(START_NS, "ns") == np.datetime64("2024-07-19T13:30:00")
    assert (np.diff(exchange) >= 0).all()
    assert (np.diff(local) >= 0).all()
    late = local - exchange
    assert late.min() >= 1
    assert len(np.unique(late)) > 100
    # A packet has one time.
    inside = np.diff(columns["sequence"].astype(np.int64)) == 0
    assert (np.diff(exchange)[inside] == 0).all()


def test_every_kind_of_row_happens(columns):
    seen = Counter(columns["action"].tolist())
    for action in (Action.ADD, Action.CANCEL, Action.MODIFY, Action.EXECUTE, Action.TRADE):
        assert seen[action] > 20, action
    hidden = columns["flags"][columns["action"] == Action.TRADE]
    assert (hidden & Flag.HIDDEN > 0).all()


def test_hidden_prints_are_inside_the_spread(table):
    book = Book(3)
    for row in book_rows(table):
        action, side, _, price_ticks, _, _ = row
        if action == Action.TRADE:
            assert book.best_bid < price_ticks < book.best_ask
            assert side in (1, -1)
        book.apply(*row)


def test_market_is_shaped_like_one(table):
    """Bounds around what the whole sample shows; docs of `order_flow` say which force makes which fact."""
    book, spreads, mids, taken, levels = Book(3), Counter(), [], [], []
    ends = Counter()
    for row in book_rows(table):
        action, side, order_id, _, size_lots, flags = row
        if action in (Action.EXECUTE, Action.CANCEL):
            ends[action] += book.orders[order_id].size_lots == size_lots
        if action == Action.EXECUTE and (not taken or taken[-1][0] != len(mids)):
            taken.append((len(mids), -side))
        book.apply(*row)
        if flags & Flag.LAST:
            mids.append((book.best_bid + book.best_ask) / 2)
            spreads[book.best_ask - book.best_bid] += 1
            levels.append(min(len(book.ladders[1]), len(book.ladders[-1])))
    assert sum(spreads[k] for k in (1, 2, 3, 4)) / len(mids) > 0.95
    assert min(spreads[1], spreads[2]) / len(mids) > 0.2
    assert min(levels) >= 6
    assert 0.90 < ends[Action.CANCEL] / sum(ends.values()) < 0.97
    assert max(mids) - min(mids) > 20
    assert 0.04 < np.count_nonzero(np.diff(mids)) / len(mids) < 0.2
    signs = np.array([side for _, side in taken])
    assert len(signs) > 1_000
    assert abs(signs.mean()) < 0.2
    assert (signs[1:] * signs[:-1]).mean() > 0.1
    # Adverse selection: 500 packets after a trade the mid has moved its way.
    after = [(mids[min(k + 500, len(mids) - 1)] - mids[k - 1]) * side for k, side in taken]
    assert 0.4 < np.mean(after) < 2.0


def test_metadata_tells_the_instrument(tmp_path):
    made = generate(
        tmp_path / "m.parquet", events=1_000, symbol="ABC", tick_size="0.5", lot_size="10", compression="zstd"
    )
    meta = {key.decode(): value.decode() for key, value in pq.read_schema(made.path).metadata.items()}
    assert meta[Meta.SYMBOL] == "ABC"
    assert meta[Meta.TICK_SIZE] == "0.5"
    assert meta[Meta.LOT_SIZE] == "10"
    assert meta[Meta.SCHEMA] == "l3/1"
    assert "seed 1" in meta[Meta.SOURCE]


def test_summary_counts_what_was_written(made, table, columns):
    assert made.rows == table.num_rows
    assert EVENTS <= made.rows < EVENTS + 100
    assert made.packets == columns["sequence"][-1]
    assert made.trades == int(np.isin(columns["action"], [Action.EXECUTE, Action.TRADE]).sum())
    assert (made.start_ns, made.end_ns) == (columns["ts_exchange_ns"][0], columns["ts_exchange_ns"][-1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"events": 999}, "events = 999.*1,000"),
        ({"events": 1e6}, "events = 1000000.0"),
        ({"seed": -1}, "seed = -1"),
        ({"level": 1}, "level = 1"),
        ({"tick_size": "0"}, "tick_size '0'"),
        ({"lot_size": "x"}, "lot_size 'x'"),
    ],
)
def test_impossible_settings_are_refused_before_a_file_appears(tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        generate(tmp_path / "x.parquet", **settings)
    assert list(tmp_path.iterdir()) == []


def sample_command() -> list[str]:
    return shlex.split(re.search(r"`(lob-backtest generate [^`]*)`", (DATA / "README.md").read_text("utf-8"))[1])


def sample_settings() -> dict[str, int]:
    words = sample_command()
    return {name: int(words[words.index(f"--{name}") + 1]) for name in ("events", "seed")}


def test_sample_s_readme_tells_the_truth():
    text = (DATA / "README.md").read_text("utf-8")
    path = DATA / "sample-l3.parquet"
    table = pq.read_table(path, columns=["action", "ts_exchange_ns", "sequence"])
    seen = Counter(table["action"].to_pylist())
    assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert f"{path.stat().st_size:,}" in text
    assert f"{table.num_rows:,} in {table['sequence'][-1].as_py():,} packets" in text
    assert f"{seen[Action.EXECUTE]:,} executions and {seen[Action.TRADE]:,} hidden prints" in text
    for k in (0, -1):
        assert f"{np.datetime64(table['ts_exchange_ns'][k].as_py(), 'ns')}Z" in text
    assert path.stat().st_size <= 5_000_000


def test_sample_begins_as_its_command_writes_it(tmp_path):
    seed = sample_settings()["seed"]
    head = body(generate(tmp_path / "head.parquet", events=20_000, seed=seed).path)
    sample = pq.ParquetFile(DATA / "sample-l3.parquet")
    assert sample.schema_arrow.equals(COLUMNS)
    first = pa.Table.from_batches([next(sample.iter_batches(batch_size=head.num_rows))])
    assert first.equals(head.replace_schema_metadata(first.schema.metadata))


@pytest.mark.slow
def test_sample_is_what_its_command_writes(tmp_path):
    again = pq.read_table(generate(tmp_path / "again.parquet", **sample_settings()).path)
    sample = pq.read_table(DATA / "sample-l3.parquet")
    assert again.replace_schema_metadata().equals(sample.replace_schema_metadata())
