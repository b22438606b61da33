"""One strategy in one instrument, at the strategy's end."""

from __future__ import annotations

from lob_backtest.engine.client.agent import Agent
from lob_backtest.engine.client.clock import Clock
from lob_backtest.engine.client.local_state import LocalState
from lob_backtest.engine.client.order_entry import OrderEntry
from lob_backtest.engine.client.quoter import Quoter


class Session:
    """The local state and the quotes of one strategy in one instrument.

    Args:
        agent: the strategy.
        instrument: the instrument's place in the plan.
        local_state: its orders, position and limits, from the messages received.
        clock: its time.

    Attributes:
        order_entry: sends its requests.
        quoter: the quotes that it wants, see `ctx.quote`.
    """

    __slots__ = ("local_state", "order_entry", "quoter")

    def __init__(self, agent: Agent, instrument: int, local_state: LocalState, clock: Clock) -> None:
        self.local_state = local_state
        self.order_entry = OrderEntry(agent, instrument, local_state, clock)
        self.quoter = Quoter(local_state, self.order_entry)
