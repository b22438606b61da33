"""The channels between the strategies and the venues, one in either direction per pair.

None reorders, unless the plan lets requests about different orders overtake each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

from lob_backtest.contract.plan import ChannelPlan, Plan
from lob_backtest.engine.models.latency import CANCEL, NEW, REPLACE, Latencies
from lob_backtest.engine.record.recorder import NEVER
from lob_backtest.engine.wire.messages import Message, Request, RequestKind

KINDS: Final = {
    RequestKind.NEW: NEW,
    RequestKind.REPLACE: REPLACE,
    RequestKind.CANCEL: CANCEL,
    RequestKind.CANCEL_ALL: CANCEL,
    RequestKind.MMP_RESET: CANCEL,
}


class Channels:
    """Requests of one strategy on their way to one venue, and messages on their way back.

    Args:
        plan: their latencies.
    """

    __slots__ = ("_is_reordered", "_last_response_ns", "_latencies", "_messages", "_posted", "_requests")

    def __init__(self, plan: ChannelPlan) -> None:
        self._latencies = Latencies(plan)
        self._is_reordered = plan.is_reordered
        self._last_response_ns = -NEVER
        self._requests: deque[Request] = deque()
        # When each arrives, its number, which breaks ties, its instrument, the message, and its generation.
        self._messages: list[tuple[int, int, int, Message, int]] = []
        self._posted = 0

    @property
    def under_way(self) -> int:
        """Return how many requests are under way to the exchange."""
        return len(self._requests)

    @property
    def next_request_ns(self) -> int:
        """Return when the next request arrives at the exchange, `NEVER` while none is under way."""
        return self._requests[0].ts_exchange_ns if self._requests else NEVER

    @property
    def next_message_ns(self) -> int:
        """Return when the next message arrives at the strategy, `NEVER` while none is under way."""
        return self._messages[0][0] if self._messages else NEVER

    def send(self, request: Request) -> None:
        """Send a request. Its arrival is set here: no earlier than that of any before it that it must not overtake."""
        arrival_ns = self._latencies.request_arrival_ns(KINDS[request.kind], request.ts_sent_ns)
        place = len(self._requests)
        if self._is_reordered:
            orders = set(request.orders)
            of_orders = [each.ts_exchange_ns for each in self._requests if not orders.isdisjoint(each.orders)]
            arrival_ns = max([arrival_ns, *of_orders])
            while place and self._requests[place - 1].ts_exchange_ns > arrival_ns:
                place -= 1
        elif place:
            arrival_ns = max(arrival_ns, self._requests[-1].ts_exchange_ns)
        self._requests.insert(place, request._replace(ts_exchange_ns=arrival_ns))

    def next_request(self) -> Request:
        """Take the next request off its channel."""
        return self._requests.popleft()

    def response_ns(self, now_ns: int) -> int:
        """Return when the response to an event of now arrives: no earlier than the response before it."""
        self._last_response_ns = max(self._last_response_ns, self._latencies.response_arrival_ns(now_ns))
        return self._last_response_ns

    def post(self, ts_local_ns: int, instrument: int, message: Message, generation: int = 0) -> None:
        """Post a message to the strategy; `generation` is 0 unless a callback causes it at its own nanosecond."""
        self._posted += 1
        heappush(self._messages, (ts_local_ns, self._posted, instrument, message, generation))

    def next_message(self) -> tuple[int, Message, int]:
        """Take the next message off its channel: its instrument, itself, and its generation."""
        return heappop(self._messages)[2:]

    def not_arrived(self) -> Iterator[int]:
        """Yield the instrument of each request that has not reached the exchange."""
        return (request.instrument for request in self._requests)


class Wire:
    """The channels of all strategies.

    Args:
        plan: the run's plan.

    Attributes:
        channels: those of the first strategy, one per venue, then those of the next.
        stop: the first strategy that has asked for the end of the run, and why; `None`: none has.
    """

    __slots__ = ("_venue_of", "_venues", "channels", "stop")

    def __init__(self, plan: Plan) -> None:
        self.channels = [Channels(each) for agent in plan.agents for each in agent.channels]
        self._venue_of = [each.venue for each in plan.instruments]
        self._venues = plan.venues
        self.stop: tuple[int, str] | None = None

    def of(self, agent: int, instrument: int) -> Channels:
        """Return the channels between a strategy and the venue of an instrument."""
        return self.channels[agent * self._venues + self._venue_of[instrument]]

    def agent_of(self, channel: int) -> int:
        """Return whose channels those at a place in `channels` are."""
        return channel // self._venues

    def requests_not_arrived(self) -> list[int]:
        """Count the requests that have not arrived: those of the first strategy by instrument, then of the next."""
        instruments = len(self._venue_of)
        counts = [0] * (len(self.channels) // max(self._venues, 1) * instruments)
        for i, channels in enumerate(self.channels):
            for instrument in channels.not_arrived():
                counts[self.agent_of(i) * instruments + instrument] += 1
        return counts
