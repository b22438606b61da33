"""Books rebuilt from real data equal what the vendor says they were, in every row."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from vendor_files import SHARED, needs_shared_data

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.audit.book_dump import dump_book
from lob_backtest.data.audit.validate import validate
from lob_backtest.vendors.convert import convert
from lob_backtest.vendors.lobster.files import find_days, orderbook_rows

pytestmark = needs_shared_data

DAY = "AAPL_2012-06-21_34200000_57600000_{}_10.csv"
LOBSTER = [
    ("LOBSTER_SampleFile_AMZN_2012-06-21_5.zip", None, 5, 155_935),
    ("LOBSTER_SampleFile_AMZN_2012-06-21_1.zip", None, 1, 57_515),
    ("LOBSTER_SampleFile_AAPL_2012-06-21_1.zip", None, 1, 118_497),
    (DAY.format("message"), DAY.format("orderbook"), 10, 999),
]


@pytest.mark.parametrize(("name", "book", "depth", "messages"), LOBSTER)
def test_lobster_book_equals_the_order_book_file_after_every_message(tmp_path, name, book, depth, messages):
    folder = SHARED / "lobster"
    options = {"orderbook": [folder / book]} if book else {}
    done = convert("lobster", folder / name, tmp_path / "day.parquet", **options)
    assert done.packets == messages
    assert done.counts == {}  # nothing dropped, nothing corrected
    assert validate([done.output]).is_clean

    dump_book(done.output, tmp_path / "book.parquet", levels=depth)
    book_table = pq.read_table(tmp_path / "book.parquet")
    assert book_table["sequence"].to_pylist() == list(range(messages))
    day = find_days(folder / name)[0]
    file = day.orderbook or day.messages._replace(path=folder / book)
    truth = np.array(list(orderbook_rows(file)))
    columns = []
    for i in range(depth):
        for side, missing in (("ask", 9_999_999_999), ("bid", -9_999_999_999)):
            ticks = book_table[f"{side}_ticks_{i}"].to_pandas()
            columns += [np.where(ticks.isna(), missing, ticks.fillna(0) * 100)]
            columns += [book_table[f"{side}_lots_{i}"].to_pandas().fillna(0)]
    equal = (np.stack(columns, axis=1) == truth).all(axis=1)
    assert (len(truth), int(equal.sum())) == (messages, messages)


def test_lobster_trades_are_all_there(tmp_path):
    zip_path = SHARED / "lobster" / "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    convert("lobster", zip_path, tmp_path / "day.parquet")
    rows = pq.read_table(tmp_path / "day.parquet").to_pandas()
    with zipfile.ZipFile(zip_path) as archive, archive.open("AMZN_2012-06-21_34200000_57600000_message_5.csv") as file:
        messages = pd.read_csv(file, header=None, names=["time", "type", "order_id", "size", "price", "direction"])
    for kind, action in ((4, Action.EXECUTE), (5, Action.TRADE)):
        of_kind = messages[messages["type"] == kind]
        written = rows[rows["action"] == action]
        assert written["size_lots"].sum() == of_kind["size"].sum() > 0
        assert written["side"].tolist() == of_kind["direction"].tolist()
    added = rows[(rows["action"] == Action.ADD) & (rows["flags"] & int(Flag.WINDOW | Flag.SNAPSHOT) == 0)]
    assert added["order_id"].tolist() == messages[messages["type"] == 1]["order_id"].tolist()


def test_databento_book_equals_mbp_10_after_every_sequence(tmp_path):
    folder = SHARED / "databento"
    done = convert("databento", folder / "ARL_xnas-itch_2025-07-17.mbo.csv.gz", tmp_path / "day.parquet")
    assert done.counts == {}
    assert validate([done.output]).is_clean
    rows = pq.read_table(done.output).to_pandas()
    assert rows[rows["action"] == Action.EXECUTE]["size_lots"].sum() == 231
    assert rows[rows["action"] == Action.TRADE]["size_lots"].sum() == 1_110

    dump_book(done.output, tmp_path / "book.parquet", every="row")
    book = pq.read_table(tmp_path / "book.parquet").to_pandas().drop_duplicates("sequence", keep="last")
    truth = pd.read_csv(folder / "ARL_xnas-itch_2025-07-17.mbp-10.csv.gz").drop_duplicates("sequence", keep="last")
    book = book.set_index("sequence").reindex(truth["sequence"])
    equal = np.ones(len(truth), bool)
    for i in range(10):
        for side in ("bid", "ask"):
            price = (truth[f"{side}_px_{i:02}"] * 100).round().fillna(-1).to_numpy()
            equal &= price == book[f"{side}_ticks_{i}"].fillna(-1).to_numpy()
            equal &= truth[f"{side}_sz_{i:02}"].to_numpy() == book[f"{side}_lots_{i}"].fillna(0).to_numpy()
            equal &= truth[f"{side}_ct_{i:02}"].to_numpy() == book[f"{side}_orders_{i}"].fillna(0).to_numpy()
    assert (len(truth), int(equal.sum())) == (3_360, 3_360)


def test_dbn_snapshot_and_what_follows_it_load(tmp_path):
    pytest.importorskip("databento_dbn")
    path = SHARED / "databento" / "ESM4_glbx-mdp3_2024-05-08_2s.mbo.dbn.zst"
    done = convert("databento", path, tmp_path / "es.parquet", tick_size="0.25")
    assert (done.symbol, done.rows, done.packets, done.counts) == ("ESM4", 13_786, 185, {})
    rows = pq.read_table(done.output).to_pandas()
    snapshot = rows[rows["flags"] & int(Flag.SNAPSHOT) != 0]
    assert (len(snapshot), int((snapshot["flags"] & int(Flag.LAST)).sum())) == (13_601, 1)
    assert set(snapshot["ts_exchange_ns"]) == {1_715_126_400_000_000_000}
    fills = rows[rows["action"].isin([Action.EXECUTE, Action.TRADE])]
    assert set(fills["action"]) == {int(Action.EXECUTE)}
    assert fills[["order_id", "side", "price_ticks", "size_lots"]].to_numpy().tolist() == [
        [6413245567536, -1, 20857, 1],
        [6413245567538, -1, 20857, 1],
        [6413245567872, -1, 20857, 1],
        [6413245567872, -1, 20857, 1],
        [6413245567872, -1, 20857, 2],
    ]
    # An order that is filled in part keeps its place: the vendor's modify of what is left is no row of its own.
    assert int(Action.MODIFY) not in set(rows[rows["order_id"] == 6413245567872]["action"])

    dump_book(done.output, tmp_path / "book.parquet")
    book = pq.read_table(tmp_path / "book.parquet").to_pandas()
    assert (book["bid_ticks_0"] < book["ask_ticks_0"]).all()
