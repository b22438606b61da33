"""Latencies: random numbers, ranks, series, gateways, and what holds for every channel."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from drawn import drawn_channel
from scenario import BASE

from lob_backtest.contract.plan import ChannelPlan, LatencyPlan
from lob_backtest.contract.rank_grid import (
    RANK_BITS,
    RANKS,
    REDRAW_BELOW,
    STRETCHES_PER_HALF_LIFE,
    random_word,
    stream_of,
)
from lob_backtest.data.feed_latency import feed_latency_ns
from lob_backtest.engine.models import latency
from lob_backtest.engine.models.latency import Latencies, latency_ns, rank_at
from lob_backtest.engine.wire.channels import Channels
from lob_backtest.engine.wire.messages import Request, RequestKind
from lob_backtest.errors import ConfigError

NEW, REPLACE, CANCEL = RequestKind.NEW, RequestKind.REPLACE, RequestKind.CANCEL
DRAWN = tuple(range(RANKS, 0, -1))
"""Quantiles that tell the rank."""


def test_random_words_are_those_of_splitmix64() -> None:
    # The first outputs of the reference implementation (Vigna, splitmix64.c) for this seed.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [random_word(1234567, i) for i in range(4)] == expected


def test_a_stretch_begins_with_a_new_rank_so_often_that_half_are_left_after_a_half_life() -> None:
    assert round((1 - 2 ** (-1 / STRETCHES_PER_HALF_LIFE)) * (1 << 32)) == REDRAW_BELOW
    ranks = [rank_at(7, i) for i in range(40_000)]
    same = [a == b for a, b in zip(ranks, ranks[STRETCHES_PER_HALF_LIFE:], strict=False)]
    assert 0.47 < sum(same) / len(same) < 0.53
    assert 0.45 < sum(ranks) / len(ranks) / (1 << RANK_BITS) < 0.55


def test_a_message_more_of_one_kind_moves_no_other_kind() -> None:
    plan = ChannelPlan(latencies=tuple(LatencyPlan(quantiles_ns=DRAWN, stream=stream_of(1, i)) for i in range(4)))
    alone, among = Latencies(plan), Latencies(plan)
    found = []
    for _ in range(50):
        found.append(alone.request_arrival_ns(latency.NEW, 0))
        among.request_arrival_ns(latency.CANCEL, 0)
        among.response_arrival_ns(0)
        among.request_arrival_ns(latency.REPLACE, 0)
        assert among.request_arrival_ns(latency.NEW, 0) == found[-1]
    assert len(set(found)) > 40


def test_a_burst_waits_for_itself_at_the_gateway_and_not_for_what_has_no_gateway() -> None:
    kinds = (LatencyPlan(100, service_ns=10), LatencyPlan(100, service_ns=4), LatencyPlan(5), LatencyPlan(1))
    latencies = Latencies(ChannelPlan(latencies=kinds))
    sent = [(latency.NEW, 0), (latency.REPLACE, 0), (latency.NEW, 1), (latency.CANCEL, 1), (latency.NEW, 40)]
    assert [latencies.request_arrival_ns(*each) - each[1] for each in sent] == [100, 110, 113, 5, 100]


def test_a_series_holds_until_its_next_value_or_is_straight_to_it() -> None:
    last = LatencyPlan(constant_ns=1, measured_ts_ns=(10, 20, 20, 30), measured_ns=(5, 9, 2, 7))
    assert [latency_ns(last, 0, t) for t in (0, 10, 19, 20, 29, 30, 99)] == [6, 6, 6, 3, 3, 8, 8]
    straight = replace(last, is_interpolated=True)
    assert [latency_ns(straight, 0, t) for t in (0, 10, 15, 19, 20, 25, 30, 99)] == [6, 6, 8, 9, 3, 5, 8, 8]


def request(kind: RequestKind, sent_ns: int, order_id: int) -> Request:
    return Request(kind, sent_ns, sent_ns, 0, order_id)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_overtakes_unless_it_is_allowed_and_never_within_one_order(seed: int) -> None:
    rng = random.Random(seed)
    plan = ChannelPlan(**drawn_channel(rng, BASE))
    channels, now_ns, sent = Channels(plan), BASE, []
    for number in range(60):
        now_ns += rng.randrange(8)
        sent.append(request(rng.choice((NEW, REPLACE, CANCEL)), now_ns, rng.randrange(9)))
        channels.send(sent[-1]._replace(size_lots=number))
    arrived = [channels.next_request() for _ in sent]
    times = [each.ts_exchange_ns for each in arrived]
    assert times == sorted(times)
    assert all(each.ts_exchange_ns > each.ts_sent_ns for each in arrived)
    for order_id in [*range(9)] if plan.is_reordered else [None]:
        numbers = [each.size_lots for each in arrived if order_id in (None, each.order_id)]
        assert numbers == sorted(numbers, key=lambda each: each or 0)
    answers = [channels.response_ns(BASE + t) for t in range(0, 300, 7)]
    assert answers == sorted(answers)


@pytest.mark.parametrize("seed", range(40))
def test_columns_of_feed_times_follow_the_same_rules(seed: int) -> None:
    rng = random.Random(seed)
    plan = drawn_channel(rng, BASE).get("latencies", (LatencyPlan(3),))[0]
    times = np.array(sorted(BASE + rng.randrange(-200, 3_200) for _ in range(300)))
    assert feed_latency_ns(plan, times).tolist() == [latency_ns(plan, int(t), int(t)) for t in times]


def test_a_plan_that_an_engine_cannot_look_up_is_refused() -> None:
    for fields, text in (
        ({"quantiles_ns": (1, 2)}, "2 quantiles_ns; expected 1,217"),
        ({"quantiles_ns": DRAWN[::-1]}, "quantiles_ns ascend"),
        ({"measured_ts_ns": (1, 2), "measured_ns": (1,)}, "2 measured_ts_ns and 1 measured_ns"),
        ({"measured_ts_ns": (2, 1), "measured_ns": (1, 1)}, "measured_ts_ns descend"),
        ({"service_ns": -1}, "service_ns is -1"),
    ):
        with pytest.raises(ConfigError, match=text):
            LatencyPlan(**fields)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="3 latencies; expected none, or those of new"):
        ChannelPlan(latencies=(LatencyPlan(),) * 3)
