from __future__ import annotations

import math
import random
from decimal import ROUND_DOWN, getcontext, localcontext
from itertools import pairwise

import numpy as np

from lob_backtest.synthetic import arrivals
from lob_backtest.synthetic.arrivals import (
    AFTER_NEWS,
    AFTER_QUOTE,
    AFTER_TRADE,
    DAY,
    DELAY_BITS,
    DELAY_NS,
    FRESH_GAP_NS,
    QUANTILES,
    SWITCHES,
    UNIT,
    Arrivals,
    Origin,
)


def clock(seed: int = 1, start_ns: int = 0) -> Arrivals:
    return Arrivals(random.Random(seed).getrandbits, start_ns)


def times(arrivals_: Arrivals, count: int, excite: Origin | None) -> np.ndarray:
    at = []
    for _ in range(count):
        arrivals_.advance()
        at.append(arrivals_.now_ns)
        if excite is not None:
            arrivals_.excite(excite)
    return np.array(at)


def fano(at_ns: np.ndarray, step_ns: int) -> float:
    counts = np.bincount((at_ns - at_ns[0]) // step_ns)[:-1]
    return float(np.var(counts) / np.mean(counts))


def test_quantiles_are_those_of_an_exponential():
    for i in range(UNIT):
        assert abs(QUANTILES[i] + math.log(1 - i / UNIT) * 2**20) <= 0.51
    assert all(low < high for low, high in pairwise(QUANTILES))
    assert 0.98 < sum(QUANTILES[:-1]) / UNIT / 2**20 < 1.01


def test_tables_do_not_depend_on_the_caller_s_decimal_settings():
    with localcontext():
        getcontext().prec = 3
        getcontext().rounding = ROUND_DOWN
        assert arrivals._exponential_quantiles() == QUANTILES


def test_pace_has_mean_one():
    paces = [arrivals.switched(switches) for switches in range(1 << SWITCHES)]
    assert 0.97 < sum(paces) / len(paces) / UNIT < 1.03
    assert min(paces) > 0
    assert max(paces) > 10 * min(paces)


def test_tables_have_an_entry_for_each_draw():
    assert len(QUANTILES) == UNIT + 1
    for table in (AFTER_QUOTE, AFTER_TRADE, AFTER_NEWS, DELAY_BITS):
        assert len(table) == 256


def test_the_family_of_an_event_dies_out():
    """With one trade in 20 events and news at one in 32, an event has fewer than one reaction in the mean."""
    quote, trade, news = (sum(table) / 256 for table in (AFTER_QUOTE, AFTER_TRADE, AFTER_NEWS))
    assert 0.7 < 0.95 * quote + 0.05 * trade + news / 32 < 0.9


def test_day_has_mean_one_and_is_busiest_at_its_ends():
    assert 0.95 < sum(DAY) / len(DAY) / UNIT < 1.05
    assert min(DAY[0], DAY[-1]) > 2 * min(DAY)
    assert min(DAY) in DAY[10:16]


def test_day_begins_again_after_its_session():
    gaps = []
    for start_ns in (0, arrivals.SESSION_NS):
        one = clock(seed=8)
        one.now_ns = start_ns
        gaps.append([one._fresh_gap_ns() for _ in range(100)])
    assert gaps[0] == gaps[1]
    noon = clock(seed=8)
    noon.now_ns = arrivals.SESSION_NS // 2
    slow = [noon._fresh_gap_ns() for _ in range(100)]
    assert all(late > early for late, early in zip(slow, gaps[0], strict=True))


def test_reactions_come_after_their_delay_and_know_their_origin():
    one = clock(seed=2)
    one._fresh_ns = 1 << 60
    for _ in range(50):
        one.excite(Origin.AFTER_TRADE)
    pending = len(one._pending)
    assert pending > 40
    seen = [(one.advance(), one.now_ns) for _ in range(pending)]
    assert {origin for origin, _ in seen} == {Origin.AFTER_TRADE}
    assert seen[0][1] >= 32 * DELAY_NS
    assert seen[-1][1] < 64 * DELAY_NS << max(DELAY_BITS) + 1
    assert one.advance() is Origin.FRESH


def test_time_never_runs_backwards():
    at = times(clock(seed=3), 20_000, Origin.AFTER_QUOTE)
    assert (np.diff(at) >= 0).all()


def test_pending_reactions_do_not_pile_up():
    one = clock(seed=4)
    most = 0
    for _ in range(50_000):
        one.advance()
        one.excite(Origin.AFTER_QUOTE)
        most = max(most, len(one._pending))
    assert most < 200


def test_reactions_make_bursts():
    alone, excited = (times(clock(seed=5), 20_000, origin) for origin in (None, Origin.AFTER_QUOTE))
    assert fano(alone, FRESH_GAP_NS) < 1.5
    assert fano(excited, FRESH_GAP_NS) > 3
