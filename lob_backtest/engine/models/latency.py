"""How long a message takes between a strategy and a venue.

Assumption: latencies are constant, drawn from a distribution, or those of a measured series, for each kind of message;
a gateway may serve one message at a time. The load of the venue and its other members show in none of them but a
measured series.
Bias: constants and independent draws are optimistic in busy seconds, in which real gateways and networks are slower
than on average, while those are the seconds in which a slow cancel costs most. docs/latency.md has the bias of each
model.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from lob_backtest.contract.plan import ChannelPlan, LatencyPlan
from lob_backtest.contract.rank_grid import MAX_STRETCHES, RANK_BITS, REDRAW_BELOW, random_word
from lob_backtest.engine.models.queue_weights import at_length

NEW, REPLACE, CANCEL, RESPONSE = range(4)
"""Where `ChannelPlan.latencies` has each kind of message."""


class Latencies:
    """The latencies of the messages of one channel, in the order in which they are sent.

    Args:
        plan: the channel's.
    """

    __slots__ = ("_free_ns", "_plan", "_sent")

    def __init__(self, plan: ChannelPlan) -> None:
        self._plan = plan
        self._sent = [0, 0, 0, 0]
        self._free_ns: int | None = None

    def request_arrival_ns(self, kind: int, sent_ns: int) -> int:
        """Return when a request of a kind that is sent at `sent_ns` reaches the exchange, if nothing is ahead of it."""
        if not self._plan.latencies:
            return sent_ns + self._plan.entry_ns
        latency = self._plan.latencies[kind]
        return sent_ns + self._next_ns(kind, sent_ns) + self._waits_ns(latency.service_ns, sent_ns)

    def response_arrival_ns(self, event_ns: int) -> int:
        """Return when the response to an event at `event_ns` reaches the strategy, if nothing is ahead of it."""
        if not self._plan.latencies:
            return event_ns + self._plan.response_ns
        return event_ns + self._next_ns(RESPONSE, event_ns)

    def _next_ns(self, place: int, now_ns: int) -> int:
        """Return the latency of the next message of a kind."""
        number = self._sent[place]
        self._sent[place] += 1
        return max(1, latency_ns(self._plan.latencies[place], number, now_ns))

    def _waits_ns(self, service_ns: int, now_ns: int) -> int:
        """Return how long a request waits for the gateway, which is then busy with it."""
        if not service_ns:
            return 0
        begin_ns = now_ns if self._free_ns is None else max(now_ns, self._free_ns)
        self._free_ns = begin_ns + service_ns
        return begin_ns - now_ns


def latency_ns(plan: LatencyPlan, number: int, now_ns: int) -> int:
    """Return the latency of a message.

    Args:
        plan: of its kind.
        number: of its kind, from 0.
        now_ns: when it is sent.
    """
    varying_ns = 0
    if plan.quantiles_ns:
        rank = rank_at(plan.stream, now_ns // plan.stretch_ns) if plan.stretch_ns else rank_of(plan.stream, number)
        varying_ns = at_length(plan.quantiles_ns, rank)
    elif plan.measured_ns:
        varying_ns = measured_ns(plan.measured_ts_ns, plan.measured_ns, now_ns, is_interpolated=plan.is_interpolated)
    return plan.constant_ns + varying_ns


def rank_of(stream: int, number: int) -> int:
    """Return the rank of a message by its number."""
    return random_word(stream, number) >> (64 - RANK_BITS)


def rank_at(stream: int, stretch: int) -> int:
    """Return the rank that holds in a stretch of time: that of the latest one that has drawn a new rank."""
    for each in range(stretch, stretch - MAX_STRETCHES, -1):
        word = random_word(stream, each)
        if word >> 32 < REDRAW_BELOW:
            break
    return word & ((1 << RANK_BITS) - 1)


def measured_ns(times: Sequence[int], values: Sequence[int], now_ns: int, *, is_interpolated: bool) -> int:
    """Return the value of a series at a time; before its first and after its last time those hold."""
    after = bisect_right(times, now_ns)
    if after == 0:
        return values[0]
    before_ns = values[after - 1]
    if not is_interpolated or after == len(times):
        return before_ns
    begin_ns, end_ns = times[after - 1], times[after]
    return before_ns + (values[after] - before_ns) * (now_ns - begin_ns) // (end_ns - begin_ns)
