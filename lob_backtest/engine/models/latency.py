"""How long a message takes between a strategy and a venue.

Assumption: every request of an agent to a venue takes the same time, and so does every response, whatever the load and
the kind of the message. The feed has times of its own.
Bias: optimistic in busy seconds, in which real gateways and networks are slower than on average, while those are the
seconds in which a slow cancel costs most.
"""

from __future__ import annotations

from lob_backtest.contract.plan import ChannelPlan


def request_arrival_ns(plan: ChannelPlan, sent_ns: int) -> int:
    """Return when a request that is sent at `sent_ns` reaches the exchange, if nothing is ahead of it."""
    return sent_ns + plan.entry_ns


def response_arrival_ns(plan: ChannelPlan, event_ns: int) -> int:
    """Return when the response to an event at `event_ns` reaches the strategy, if nothing is ahead of it."""
    return event_ns + plan.response_ns
