"""Each trade counts once, whether it comes singly, in an aggregate, or in both."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from binance_files import START, aggregate, at, converted, depth, trade
from vendor_files import rows_of

from lob_backtest.contract.rows import Action
from lob_backtest.errors import DataError
from lob_backtest.vendors.binance import prints as binance_prints
from lob_backtest.vendors.binance.prints import Numbers
from lob_backtest.vendors.time_order import HOLD_NS

SECOND_MS = 1_000


def test_files_of_one_kind_each_keep_all_their_prints(tmp_path):
    first = [*START, aggregate(5, 1, (1, 1), "100.0", "1"), aggregate(6, 2, (2, 4), "100.0", "2")]
    second = [depth(7, 11, 11, [("99.0", "4")]), trade(8, 9, "100.0", "3")]
    done, rows = converted(tmp_path, first, second)
    assert [row for row in rows if "TRADE" in row] == [
        "5 TRADE +1 1@100 #0 |",
        "6 TRADE +1 2@100 #0 |",
        "8 TRADE +1 3@100 #0 |",
    ]
    assert done.counts == {"missing_trades": 4, "suspect_packets": 1}


def test_aggregate_of_trades_that_come_singly_is_left_out_before_and_behind_them(tmp_path):
    lines = [
        *START,
        trade(5, 1, "100.0", "1"),
        trade(5, 2, "100.0", "2"),
        aggregate(5, 1, (1, 2), "100.0", "3", received=6),
        aggregate(7, 2, (3, 4), "100.0", "7", received=7),
        trade(7, 3, "100.0", "3", received=8),
        trade(7, 4, "100.0", "4", received=8),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == [f"{ms} TRADE +1 {size}@100 #0 |" for ms, size in ((5, 1), (5, 2), (7, 3), (7, 4))]
    assert done.counts == {"left_out_aggregates_of_trades": 2, "suspect_packets": 1}


def test_aggregate_counts_for_the_trades_that_do_not_come_singly(tmp_path):
    lines = [
        *START,
        aggregate(4, 1, (1, 2), "100.0", "5"),  # before single trades are recorded
        aggregate(5, 2, (3, 5), "100.0", "6"),  # single trades begin within it
        trade(5, 4, "100.0", "2"),
        trade(5, 5, "100.0", "3"),
        trade(6, 6, "101.0", "1", buyer_rests=False),
        trade(6, 7, "100.0", "1"),
        aggregate(6, 3, (7, 8), "100.0", "9"),  # and end within this one
        aggregate(7, 4, (9, 9), "100.0", "4"),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == [
        "4 TRADE +1 5@100 #0 |",
        "5 TRADE +1 1@100 #0 |",
        "5 TRADE +1 2@100 #0 |",
        "5 TRADE +1 3@100 #0 |",
        "6 TRADE -1 1@101 #0 |",
        "6 TRADE +1 1@100 #0 |",
        "6 TRADE +1 8@100 #0 |",
        "7 TRADE +1 4@100 #0 |",
    ]
    assert done.counts == {"suspect_packets": 1}


def test_aggregate_keeps_its_place_in_time_over_a_pause(tmp_path):
    later = HOLD_NS // 10**6 * 3
    lines = [
        *START,
        aggregate(5, 1, (1, 1), "100.0", "1"),
        depth(6, 11, 11, [("100.0", "4")]),
        depth(later, 12, 12, [("100.0", "3")]),
        trade(later + 1, 2, "100.0", "2"),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == [
        "5 TRADE +1 1@100 #0 |",
        "6 LEVEL +1 4@100 #11 |",
        f"{later} LEVEL +1 3@100 #12 |",
        f"{later + 1} TRADE +1 2@100 #0 |",
    ]
    assert done.counts == {"suspect_packets": 1}


def test_trade_that_comes_long_after_its_aggregate_is_not_counted_again(tmp_path):
    lines = [
        *START,
        aggregate(5, 1, (1, 1), "100.0", "1"),
        depth(8 * SECOND_MS, 11, 11, [("100.0", "4")]),
        trade(5, 1, "100.0", "1", received=8 * SECOND_MS + 1),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == ["5 TRADE +1 1@100 #0 |", "8000 LEVEL +1 4@100 #11 |"]
    assert done.counts == {"dropped_repeated_trades": 1, "suspect_packets": 1}


def test_missing_and_repeated_trades_are_counted_by_the_numbers_of_trades(tmp_path):
    lines = [
        *START,
        aggregate(5, 70, (1, 3), "100.0", "3"),
        aggregate(5, 70, (1, 3), "100.0", "3"),
        aggregate(6, 71, (6, 6), "100.0", "1"),  # follows: 4 and 5 are no trades of the book
        aggregate(7, 73, (9, 9), "100.0", "1"),  # aggregate 72 is missing
        trade(8, 12, "100.0", "1"),
        trade(8, 12, "100.0", "1"),
        trade(9, 11, "100.0", "1"),  # out of turn, but not there before
    ]
    done, rows = converted(tmp_path, lines)
    assert len(rows) == 5 + 5
    assert done.counts == {"missing_trades": 3, "dropped_repeated_trades": 2, "suspect_packets": 1}


def test_aggregates_whose_trades_interleave_both_count(tmp_path):
    lines = [
        *START,
        aggregate(5, 1, (1, 5), "100.0", "3"),
        aggregate(5, 2, (3, 4), "101.0", "2", buyer_rests=False),
    ]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == ["5 TRADE +1 3@100 #0 |", "5 TRADE -1 2@101 #0 |"]
    assert done.counts == {"suspect_packets": 1}


def test_aggregate_leaves_out_what_traded_with_hidden_price_improvements(tmp_path):
    lines = [*START, aggregate(5, 1, (1, 3), "100.0", "3", nq="2"), aggregate(6, 2, (4, 4), "100.0", "3", nq="0")]
    done, rows = converted(tmp_path, lines)
    assert rows[5:] == ["5 TRADE +1 2@100 #0 |"]
    assert done.counts == {"dropped_trades_beside_the_book": 1, "suspect_packets": 1}


def test_print_of_an_aggregate_that_cannot_be_written_names_its_line(tmp_path):
    lines = [*START, aggregate(5, 1, (1, 1), "100.0", "1.5"), depth(6, 11, 11, [("100.0", "4")])]
    with pytest.raises(DataError, match=r"0\.gz, line 3: size 1\.5 is no multiple of 1"):
        converted(tmp_path, lines, lot_size="1")


@pytest.mark.parametrize("seed", range(30))
def test_random_streams_count_each_trade_once(tmp_path, seed):
    """Two streams, each with its own delays, holes and repetitions; each on for parts of the time."""
    rng = random.Random(seed)
    truth, lines, expected = [], [], Counter()
    ms = 2
    while len(truth) < 300:
        ms += rng.choice([0, 1, 50, 3_000])
        side, price = rng.choice([(True, 100), (False, 101)])
        truth.append([(ms, len(truth) + i, side, price, rng.randrange(1, 5)) for i in range(rng.choice([1, 1, 2, 5]))])
        truth.extend([] for _ in truth[-1][1:])
    groups = [group for group in truth if group]
    singly = _on_and_off(rng, len(truth))
    together = _on_and_off(rng, len(groups))
    for number, group in enumerate(groups):
        ms, first, side, price, _ = group[0]
        for at_ms, trade_id, _, _, size in group:
            if singly[trade_id]:
                text = trade(
                    at_ms, trade_id, f"{price}", f"{size}", buyer_rests=side, received=at_ms + rng.randrange(40)
                )
                lines.extend([text] * rng.choice([1, 1, 1, 2]))
        if together[number]:
            ids, total = (first, first + len(group) - 1), sum(each[4] for each in group)
            delay_ms = rng.randrange(100)
            lines.append(aggregate(ms, number, ids, f"{price}", f"{total}", buyer_rests=side, received=ms + delay_ms))
        if together[number]:
            expected[ms, price] += sum(each[4] for each in group)
        else:
            expected[ms, price] += sum(each[4] for each in group if singly[each[1]])
    lines.sort(key=lambda text: int(text.partition(" ")[0]))
    done, _ = converted(tmp_path, [*START, *lines])
    printed = Counter()
    for row in rows_of(done.output):
        if row["action"] == Action.TRADE:
            printed[(row["ts_exchange_ns"] - at(0)) // 10**6, row["price_ticks"]] += row["size_lots"]
    assert printed == +expected
    known = {each[1] for i, group in enumerate(groups) for each in group if together[i] or singly[each[1]]}
    assert done.counts.get("missing_trades", 0) == max(known) - min(known) + 1 - len(known)


def _on_and_off(rng, n):
    states, state = [], rng.random() < 0.5
    for _ in range(n):
        state ^= rng.random() < 0.05
        states.append(state)
    return states


@pytest.mark.parametrize("seed", range(20))
def test_numbers_equal_a_set(seed, monkeypatch):
    rng = random.Random(seed)
    kept = rng.choice([3, 1 << 12])
    monkeypatch.setattr(binance_prints, "KEPT", kept)
    numbers, truth = Numbers(), set()
    for _ in range(200):
        first = rng.randrange(300)
        last = first + rng.choice([0, 0, 1, 7])
        stretch = set(range(first, last + 1))
        if kept > 3:
            assert numbers.missing_of(first, last) == len(stretch - truth)
            assert numbers.holes() == (max(truth) - min(truth) + 1 - len(truth) if truth else 0)
        numbers.add(first, last)
        truth |= stretch
        assert len(numbers._first) == len(numbers._last) <= kept
        assert numbers.missing_of(first, last) == 0
