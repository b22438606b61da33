"""Calls a strategy: the contexts that it acts through, and what each event means for its callbacks."""

from __future__ import annotations

from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Phase
from lob_backtest.contract.tables import Cause, Liquidity, RejectReason, UpdateKind
from lob_backtest.engine.client.agent import Agent
from lob_backtest.engine.client.clock import Clock
from lob_backtest.engine.client.context import ReferenceContext
from lob_backtest.engine.client.local_state import LocalState
from lob_backtest.engine.record.recorder import Recorder
from lob_backtest.engine.wire.messages import Filled
from lob_backtest.engine.wire.timers import Timers
from lob_backtest.engine.wire.view import Delivered
from lob_backtest.strategy.api import Fill, overrides

REFUSALS = (UpdateKind.REJECTED, UpdateKind.REPLACE_REJECTED)


class StrategyRunner:
    """A strategy at work.

    Args:
        agent: its channels to the exchange.
        plan: the run's plan.
        clock: its time.
    """

    def __init__(self, agent: Agent, plan: Plan, clock: Clock) -> None:
        self.agent = agent
        self.clock = clock
        self.timers = Timers()
        self._plan = plan
        self._contexts = [ReferenceContext(agent, i, plan, clock, self.timers) for i in range(len(agent.local_states))]
        named = {context.instrument.name: context for context in self._contexts}
        for context in self._contexts:
            context.link(named)
        self._wants_orders = overrides(agent.strategy, "on_order")
        self._wants_fills = overrides(agent.strategy, "on_fill")

    def start(self, now_ns: int) -> None:
        """Start the strategy."""
        self.agent.open_ns = now_ns + self._plan.warm_up_ns
        self._call("on_start", now_ns, 0)

    def packet(self, now_ns: int, instrument: int, delivered: Delivered) -> None:
        """Tell of a packet: its prints, then the book."""
        agent = self.agent
        if agent.markets[instrument].view.phase != Phase.CLOSED:
            self.timers.wake(now_ns, instrument)
        if agent.wants_trades:
            for each in delivered.prints:
                self._call("on_trade", now_ns, instrument, each)
        changed = delivered.any_changed if agent.depth[instrument] else delivered.best_changed
        if agent.wants_book and changed:
            self._call("on_book", now_ns, instrument)

    def message(self, now_ns: int) -> None:
        """Take in the next message from the exchange and tell of it."""
        instrument, message, generation = self.agent.next_message()
        self.agent.begin(generation)
        local_state, context = self.agent.local_states[instrument], self._contexts[instrument]
        self._catch_up(now_ns)
        if isinstance(message, Filled):
            fill = _fill(local_state, message)
            order_id = message.order_id
            context.quoter.note(order_id, refused=False)
            if self._wants_fills:
                self._call("on_fill", now_ns, instrument, fill, generation=generation)
        else:
            order = local_state.take_answer(message)
            refused = message.kind in REFUSALS and message.reason != RejectReason.TOO_LATE
            order_id = message.order.order_id
            context.quoter.note(order_id, refused=refused)
            if self._wants_orders:
                self._call("on_order", now_ns, instrument, order, generation=generation)
        if order_id not in local_state.orders:
            self.agent.matchers[instrument].forget(order_id)
        if not self.agent.stopped:
            context.quoter.answered()

    def timer(self, now_ns: int) -> None:
        """Fire the next timer, unless its market is closed."""
        self._catch_up(now_ns)
        instrument = self.timers.next_instrument
        view = self.agent.markets[instrument].view
        if view.phase == Phase.CLOSED:
            self.timers.sleep()
            view.has_packet_subscribers = True  # so that the packet that opens the market wakes the timer
            return
        timer = self.timers.pop()
        self._call("on_timer", now_ns, instrument, timer.timer_id, generation=timer.generation)

    def stop(self, now_ns: int) -> None:
        """Stop the strategy, and flatten its positions if the plan says so."""
        self.agent.stopped = True
        self._call("on_stop", now_ns, 0)
        if self._plan.flatten:
            for instrument in range(len(self._contexts)):
                self.agent.flatten(instrument, now_ns)

    def sample(self, now_ns: int, recorder: Recorder) -> None:
        """Record the accounts at the exchange."""
        for instrument, matcher in enumerate(self.agent.matchers):
            account, own_book = matcher.account, matcher.own_book
            money = (account.position_lots, account.cash_tick_lots, account.fees_micro)
            quotes = (matcher.market.prices.mid2, own_book.best(1), own_book.best(-1))
            recorder.row("samples", (now_ns, self.agent.index, instrument, *money, *quotes))

    def _call(self, name: str, now_ns: int, instrument: int, *args: object, generation: int = 0) -> None:
        self._catch_up(now_ns)
        self.agent.begin(generation)
        if overrides(self.agent.strategy, name):
            self.agent.call(name, now_ns, self._contexts[instrument], *args)

    def _catch_up(self, now_ns: int) -> None:
        """Bring the clock and the received markets to the present."""
        self.clock.now_ns = now_ns
        for market in self.agent.markets:
            if not market.view.has_packet_subscribers:
                market.view.catch_up(now_ns)


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
