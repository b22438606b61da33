"""Turns events into calls of a strategy, and holds the contexts that it acts through."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Phase
from lob_backtest.contract.tables import Cause, Liquidity, RejectReason, UpdateKind
from lob_backtest.engine.client.agent import Agent
from lob_backtest.engine.client.call import Call
from lob_backtest.engine.client.clock import Clock
from lob_backtest.engine.client.context import ReferenceContext
from lob_backtest.engine.client.local_state import LocalState
from lob_backtest.engine.client.session import Session
from lob_backtest.engine.wire.channels import Channels
from lob_backtest.engine.wire.messages import Filled
from lob_backtest.engine.wire.timers import Timers
from lob_backtest.engine.wire.view import Delivered, View
from lob_backtest.strategy.api import Fill, overrides

REFUSALS = (UpdateKind.REJECTED, UpdateKind.REPLACE_REJECTED)


class StrategyRunner:
    """One strategy with its clock, timers, sessions and contexts.

    Args:
        agent: its channels to the exchange.
        plan: the run's plan.
        views: the markets as received, per instrument.

    Attributes:
        clock: its time.
        timers: its timers.
        sessions: its session in each instrument.
    """

    def __init__(self, agent: Agent, plan: Plan, views: Sequence[View]) -> None:
        self.agent = agent
        self.clock = Clock()
        self.timers = Timers()
        self._plan = plan
        self._views = views
        parts = zip(plan.instruments, plan.agents[agent.index].sessions, views, strict=True)
        states = [LocalState(part, session, view) for part, session, view in parts]
        self.sessions = [Session(agent, i, state, self.clock) for i, state in enumerate(states)]
        self._contexts = [
            ReferenceContext(agent, i, session, plan, clock=self.clock, timers=self.timers)
            for i, session in enumerate(self.sessions)
        ]
        named = {context.instrument.name: context for context in self._contexts}
        for context in self._contexts:
            context.link(named)
        self._wants_orders = overrides(agent.strategy, "on_order")
        self._wants_fills = overrides(agent.strategy, "on_fill")
        self._wants_book = overrides(agent.strategy, "on_book")
        self._wants_trades = overrides(agent.strategy, "on_trade")
        for view, state in zip(views, states, strict=True):
            view.queue_listeners[agent.index] = state
            view.has_packet_subscribers |= self._wants_book or self._wants_trades

    def start(self, now_ns: int) -> Iterator[Call]:
        """Start the strategy."""
        self.agent.open_ns = now_ns + self._plan.agents[self.agent.index].warm_up_ns
        yield from self._call("on_start", now_ns, 0)

    def packet(self, now_ns: int, instrument: int, delivered: Delivered) -> Iterator[Call]:
        """Deliver a packet: its prints, then the book."""
        if self._views[instrument].phase != Phase.CLOSED:
            self.timers.wake(now_ns, instrument)
        if self._wants_trades:
            for each in delivered.prints:
                yield from self._call("on_trade", now_ns, instrument, each)
        changed = delivered.any_changed if self.agent.depth[instrument] else delivered.best_changed
        if self._wants_book and changed:
            yield from self._call("on_book", now_ns, instrument)

    def message(self, now_ns: int, channels: Channels) -> Generator[Call, None, tuple[int, int, bool]]:
        """Deliver the next message of a channel from the exchange.

        Returns:
            The instrument and the id of its order, and whether that is over and nothing more is on its way.
        """
        instrument, message, generation = channels.next_message()
        session = self.sessions[instrument]
        local_state, quoter = session.local_state, session.quoter
        self._begin(now_ns, generation)
        if isinstance(message, Filled):
            fill = _fill(local_state, message)
            order_id = message.order_id
            quoter.note(order_id, refused=False)
            if self._wants_fills:
                yield from self._call("on_fill", now_ns, instrument, fill, generation=generation)
        else:
            order = local_state.take_answer(message)
            order_id = message.order.order_id
            quoter.note(order_id, refused=message.kind in REFUSALS and message.reason != RejectReason.TOO_LATE)
            if self._wants_orders:
                yield from self._call("on_order", now_ns, instrument, order, generation=generation)
        is_last = order_id not in local_state.orders
        if not self.agent.stopped:
            quoter.answered()
        return instrument, order_id, is_last

    def timer(self, now_ns: int) -> Iterator[Call]:
        """Fire the next timer, unless its market is closed."""
        self._begin(now_ns)
        instrument = self.timers.next_instrument
        view = self._views[instrument]
        if view.phase == Phase.CLOSED:
            self.timers.sleep()
            view.has_packet_subscribers = True  # so that the packet that opens the market wakes the timer
            return
        timer = self.timers.pop()
        yield from self._call("on_timer", now_ns, instrument, timer.timer_id, generation=timer.generation)

    def stop(self, now_ns: int) -> Iterator[Call]:
        """Stop the strategy."""
        self.agent.stopped = True
        yield from self._call("on_stop", now_ns, 0)

    def _call(self, name: str, now_ns: int, instrument: int, *arguments: object, generation: int = 0) -> Iterator[Call]:
        self._begin(now_ns, generation)
        if overrides(self.agent.strategy, name):
            self.clock.is_calling = True
            yield Call(self.agent.index, name, now_ns, self._contexts[instrument], arguments)
            self.clock.is_calling = False

    def _begin(self, now_ns: int, generation: int = 0) -> None:
        """Bring the clock and the received markets to the present, and begin a callback."""
        self.clock.now_ns = now_ns
        self.agent.limits.begin(generation)
        for view in self._views:
            if not view.has_packet_subscribers:
                view.catch_up(now_ns)


def _fill(local_state: LocalState, message: Filled) -> Fill:
    known = local_state.take_fill(message)
    return Fill(
        fill_id=message.fill_id,
        order_id=message.order_id,
        instrument=local_state.plan.instrument.name,
        side=known.terms.side,
        price_ticks=message.price_ticks,
        size_lots=message.size_lots,
        fee=message.fee_micro / 1e6 * local_state.plan.tick_lot_value,
        liquidity=Liquidity.TAKER if message.cause == Cause.TAKE else Liquidity.MAKER,
        cause=message.cause,
        ts_exchange_ns=message.ts_exchange_ns,
        tag=known.terms.tag,
    )
