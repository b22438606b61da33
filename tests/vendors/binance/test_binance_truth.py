"""The book rebuilt from Binance's diffs equals what its bookTicker stream says, update by update."""

from __future__ import annotations

import gzip
import json
import random

import pandas as pd
import pyarrow.parquet as pq
import pytest
from vendor_files import SHARED, needs_shared_data

from lob_backtest.book.book import Book
from lob_backtest.contract.rows import Action, Meta
from lob_backtest.data.audit.book_dump import dump_book, replay
from lob_backtest.data.audit.validate import validate
from lob_backtest.data.faults import Tally
from lob_backtest.data.reader import open_market
from lob_backtest.vendors.convert import convert

pytestmark = needs_shared_data

FUTURES = ["usdm_btcusdt_20240718.gz", "usdm_btcusdt_20240719.gz"]
SPOT = ["spot_btcusdt_20240808.gz"]


def recorded(names):
    """Yield each message of some recordings with its local clock, read anew here."""
    for name in names:
        with gzip.open(SHARED / "binance" / name, "rt") as file:
            for text in file:
                clock, _, body = text.partition(" ")
                message = json.loads(body)
                yield int(clock), message.get("data", message)


def units(text, decimals):
    return round(float(text) * 10**decimals)


@pytest.fixture(scope="module", params=["futures", "spot"])
def case(request, tmp_path_factory):
    """Convert a sample; return its name, messages, decimals and what was written."""
    names, decimals = {"futures": (FUTURES, (1, 3)), "spot": (SPOT, (2, 6))}[request.param]
    output = tmp_path_factory.mktemp(request.param) / "out.parquet"
    done = convert("binance", [SHARED / "binance" / name for name in names], output)
    return request.param, list(recorded(names)), decimals, done


COUNTS = {
    "futures": {"left_out_book_tickers": 52_260, "suspect_packets": 6},
    "spot": {"left_out_book_tickers": 28_040, "suspect_packets": 14},
}
ROWS = {"futures": (413_595, 19_724), "spot": (135_849, 13_209)}


def test_samples_have_no_gaps_and_are_clean(case):
    name, _, _, done = case
    assert done.counts == COUNTS[name]
    assert (done.rows, done.packets) == ROWS[name]
    assert validate([done.output]).is_clean


def test_best_prices_and_sizes_equal_book_ticker_on_every_update_that_ends_a_diff(case, tmp_path):
    name, messages, (price_decimals, size_decimals), done = case
    ends, unsynced, tickers = set(), set(), []
    synced = False
    for _, message in messages:
        synced = synced or "lastUpdateId" in message
        if message.get("e") == "depthUpdate":
            ends.add(message["u"])
            if not synced:
                unsynced.add(message["u"])
        elif {"u", "b", "B", "a", "A"} <= message.keys():
            tickers.append((message["u"], message["b"], message["B"], message["a"], message["A"]))
    dump_book(done.output, tmp_path / "book.parquet", levels=1)
    book = pd.read_parquet(tmp_path / "book.parquet")
    book = book[book["sequence"] > 0].drop_duplicates("sequence", keep="last").set_index("sequence")
    best = book[["bid_ticks_0", "bid_lots_0", "ask_ticks_0", "ask_lots_0"]].T.to_dict("list")
    shared = [ticker for ticker in tickers if ticker[0] in ends - unsynced]
    decimals = (price_decimals, size_decimals) * 2
    equal = sum(
        best[update] == [units(text, d) for text, d in zip(texts, decimals, strict=True)] for update, *texts in shared
    )
    expected = {"futures": 625, "spot": 564}[name]
    assert (len(shared), equal) == (expected, expected)


def test_whole_book_at_the_end_equals_one_rebuilt_from_the_messages(case):
    _, messages, (price_decimals, size_decimals), done = case
    # The snapshot says what it reaches, diffs from before it what lies beyond, later diffs everything.
    whole = next(message for _, message in messages if "lastUpdateId" in message)
    diffs = [message for _, message in messages if message.get("e") == "depthUpdate"]
    sides = []
    for side, key, long_key in ((1, "b", "bids"), (-1, "a", "asks")):
        reach = min(side * float(price) for price, _ in whole[long_key])
        found = {}
        for diff in diffs:
            is_later = diff["u"] > whole["lastUpdateId"]
            found.update({p: q for p, q in diff[key] if is_later or side * float(p) < reach})
        told_later = {p for diff in diffs if diff["u"] > whole["lastUpdateId"] for p, _ in diff[key]}
        found = {p: q for p, q in whole[long_key] if p not in told_later} | found
        sides.append({units(p, price_decimals): units(q, size_decimals) for p, q in found.items()})
    source = open_market(done.output)
    book = Book(source.level)
    for _ in replay(source, book, Tally()):
        pass
    for side, levels in zip((1, -1), sides, strict=True):
        truth = sorted(((price, size, 0) for price, size in levels.items() if size), reverse=side > 0)
        assert len(truth) > 1_000
        assert book.top(side, len(truth) + 1) == truth


def test_every_trade_is_there_with_the_resting_side(case):
    _, messages, (price_decimals, size_decimals), done = case
    expected = sorted(
        (m["T"] * 10**6, 1 if m["m"] else -1, units(m["p"], price_decimals), units(m["q"], size_decimals))
        for _, m in messages
        if m.get("e") == "trade"
    )
    rows = pd.read_parquet(done.output)
    rows = rows[rows["action"] == Action.TRADE]
    written = rows[["ts_exchange_ns", "side", "price_ticks", "size_lots"]].to_records(index=False).tolist()
    assert sorted(written) == expected


def test_clock_is_moved_so_that_the_smallest_latency_is_half_a_millisecond(case):
    _, messages, _, done = case
    smallest = min(
        clock - message.get("T" if "pu" in message or message["e"] == "trade" else "E") * 10**6
        for clock, message in messages
        if message.get("e") in ("depthUpdate", "trade")
    )
    meta = pq.read_metadata(done.output).metadata
    assert int(meta[Meta.CLOCK_SHIFT_NS.encode()]) == 500_000 - smallest
    rows = pd.read_parquet(done.output)
    assert (rows["ts_local_ns"] - rows["ts_exchange_ns"]).min() == 500_000
    assert rows["ts_local_ns"].is_monotonic_increasing
    assert rows["ts_exchange_ns"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("names", "sizes", "dropped", "expected"),
    [
        (FUTURES[1:], (1, 3), 0, (248, 182)),  # no snapshot in it
        (FUTURES, (1, 3), 0.001, (263, 362)),
        (SPOT, (2, 6), 0.01, (217, 342)),
    ],
)
def test_what_is_not_suspect_equals_book_ticker_after_gaps_and_without_a_snapshot(
    tmp_path, names, sizes, dropped, expected
):
    rng = random.Random(5)
    lines = [
        line
        for name in names
        for line in gzip.decompress((SHARED / "binance" / name).read_bytes()).splitlines(keepends=True)
    ]
    kept = [line for line in lines if not (b"depthUpdate" in line[:200] and rng.random() < dropped)]
    (tmp_path / "kept.txt").write_bytes(b"".join(kept))
    done = convert("binance", tmp_path / "kept.txt", tmp_path / "out.parquet", lot_size=f"1e-{sizes[1]}")
    book, states = Book(2), {}
    source = open_market(done.output)
    for moment in replay(source, book, Tally()):
        if moment.last and moment.sequence:
            states[moment.sequence] = (book.suspect, book.bbo())
    equal = different = suspect = 0
    for _, message in recorded(names):
        if {"u", "b", "B", "a", "A"} <= message.keys() and message["u"] in states:
            is_suspect, best = states[message["u"]]
            truth = tuple(units(message[key], d) for key, d in zip("bBaA", sizes * 2, strict=True))
            suspect += is_suspect
            equal += not is_suspect and best == truth
            different += not is_suspect and best != truth
    assert different == 0
    assert (equal, suspect) == expected
