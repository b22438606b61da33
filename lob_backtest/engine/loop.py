"""The main loop: what happens next, in one order of time.

At one nanosecond: market rows, what the exchange does by itself, own requests at the exchange, market packets at the
strategies, messages at the strategies, timers, the recorder's clock; docs/fill-model.md, TIME-3, has the order within.
The loop calls no strategy: `Run.step` goes on until one is to be called, and returns the call; `driver` makes it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from lob_backtest.contract.output import Outcome, Sink
from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Batch
from lob_backtest.engine.client.agent import Agent
from lob_backtest.engine.client.call import Call, Calls, Done
from lob_backtest.engine.client.strategy_runner import StrategyRunner
from lob_backtest.engine.exchange.exchange import Exchange
from lob_backtest.engine.record.recorder import NEVER, Recorder
from lob_backtest.engine.wire.channels import Wire
from lob_backtest.errors import StrategyError
from lob_backtest.strategy.api import Strategy

EXCHANGE, REQUEST, PACKET, MESSAGE, TIMER, CLOCK = range(1, 7)

Event = tuple[int, int, int]
"""When it is due, its kind, and the index of its strategy, channel (REQUEST, MESSAGE) or instrument (others)."""


class Run:
    """One run of the reference engine.

    Attributes:
        start_ns: where the strategies start.
        now_ns: the time of the run.
    """

    def __init__(self, plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink) -> None:
        self._plan = plan
        self._recorder = Recorder(plan, sink)
        self._wire = Wire(plan)
        self._exchange = Exchange(plan, sources, self._wire, self._recorder)
        views = [market.view for market in self._exchange.markets]
        self._runners = [
            StrategyRunner(Agent(i, strategy, plan, self._wire, self._recorder, self._exchange.booking), plan, views)
            for i, strategy in enumerate(agents)
        ]
        first_ns = self._exchange.next_ns
        self.start_ns = first_ns if plan.start_ns is None else max(plan.start_ns, first_ns)
        self.now_ns = self._sample_ns = self.start_ns
        self._calls = Calls(self._all_calls())

    def step(self) -> Call | Done:
        """Run until a strategy is to be called or the end is reached; the call must be made before the next step."""
        return self._calls.step()

    def close(self) -> None:
        """Complete the tables, wherever the run has stopped; `ctx` is of no use from now on."""
        self._calls.close()
        for runner in self._runners:
            runner.clock.end()
        self._exchange.sample(self.now_ns)
        self._recorder.finish(self._exchange.mids2)

    def outcome(self, failure: StrategyError | KeyboardInterrupt | None) -> Outcome:
        """Return what the run was; `failure` is what ended it early."""
        start_ns, end_ns, markets = self.start_ns, self.now_ns, self._exchange.markets
        counts = tuple(market.counts() for market in markets)
        suspect_since_ns = tuple(market.state.suspect_since_ns for market in markets)
        not_arrived = tuple(self._wire.requests_not_arrived())
        timers = tuple(runner.timers.made for runner in self._runners)
        told = (timers, tuple(runner.agent.mistake_text for runner in self._runners), self._wire.stop)
        return Outcome(start_ns, end_ns, counts, failure, suspect_since_ns, not_arrived, *told)

    def _all_calls(self) -> Generator[Call | None, None, None]:
        self._exchange.warm_up(self.start_ns)
        for runner in self._runners:
            yield from runner.start(self.start_ns)
        while (event := self._next_event()) is not None:
            yield from self._handle(event)
            yield None
        self.now_ns = self._end_ns(self._exchange.next_ns)
        for i, runner in enumerate(self._runners):
            yield from runner.stop(self.now_ns)
            if self._plan.flatten:
                self._exchange.flatten(i, runner.agent.new_id, self.now_ns)

    def _next_event(self) -> Event | None:
        """Apply market rows until something else is due, and return that; `None` at the end."""
        while True:
            event = self._earliest_event()
            row_ns = self._exchange.next_ns
            until_ns = min(event[0], self._end_ns(row_ns))
            if row_ns <= until_ns:
                self.now_ns = max(self.now_ns, self._exchange.advance(until_ns))
            elif event[0] > until_ns:
                return None
            else:
                self.now_ns = event[0]
                return event

    def _earliest_event(self) -> Event:
        """Return what is due first, market rows apart."""
        events: list[Event] = [(min(self._recorder.due_ns, self._sample_ns), CLOCK, 0)]
        for i, channels in enumerate(self._wire.channels):
            events += ((channels.next_request_ns, REQUEST, i), (channels.next_message_ns, MESSAGE, i))
        events.extend((runner.timers.next_ns, TIMER, i) for i, runner in enumerate(self._runners))
        for i, market in enumerate(self._exchange.markets):
            events.append((market.due_ns, EXCHANGE, i))
            if market.view.has_packet_subscribers:
                events.append((market.view.next_ns, PACKET, i))
        return min(events)

    def _handle(self, event: Event) -> Iterator[Call]:
        now_ns, kind, index = event
        if kind == EXCHANGE:
            self._exchange.act(index, now_ns)
        elif kind == REQUEST:
            self._exchange.arrive(index)
        elif kind == PACKET:
            delivered = self._exchange.markets[index].view.deliver()
            for runner in self._runners:
                yield from runner.packet(now_ns, index, delivered)
        elif kind == MESSAGE:
            agent = self._wire.agent_of(index)
            instrument, order_id, is_last = yield from self._runners[agent].message(now_ns, self._wire.channels[index])
            if is_last:
                self._exchange.markets[instrument].matchers[agent].forget(order_id)
        elif kind == TIMER:
            yield from self._runners[index].timer(now_ns)
        else:
            self._clock(now_ns)

    def _end_ns(self, row_ns: int) -> int:
        """Return the end: as configured, but no later than the arrival of the last packet once that is known.

        It is now, once a strategy has asked for it.
        """
        if self._wire.stop is not None:
            return self.now_ns
        end_ns = NEVER if self._plan.end_ns is None else self._plan.end_ns
        return end_ns if row_ns < NEVER else min(end_ns, self._exchange.last_local_ns)

    def _clock(self, now_ns: int) -> None:
        self._recorder.markouts(now_ns, self._exchange.mids2)
        if self._sample_ns == now_ns:
            if now_ns != self._end_ns(self._exchange.next_ns):  # the last sample is taken when everything is over
                self._exchange.sample(now_ns)
            self._sample_ns += self._plan.sample_ns
