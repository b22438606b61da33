"""The main loop: what happens next, in one order of time.

At one nanosecond: market rows at the exchange, own requests at the exchange, market packets at the strategies,
messages at the strategies, timers, then the recorder's clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lob_backtest.contract.output import Outcome, Sink
from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Batch
from lob_backtest.engine.client.agent import Agent
from lob_backtest.engine.client.clock import Clock
from lob_backtest.engine.client.strategy_runner import StrategyRunner
from lob_backtest.engine.exchange.market import Market
from lob_backtest.engine.record.recorder import NEVER, Recorder
from lob_backtest.errors import StrategyError
from lob_backtest.strategy.api import Strategy

REQUEST, PACKET, MESSAGE, TIMER, CLOCK = range(1, 6)

Event = tuple[int, int, int]
"""When, what, whose."""


def replay(plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink) -> Outcome:
    """Run the reference engine; see `lob_backtest.engine.Engine`."""
    return Replay(plan, sources, agents, sink).run()


class Replay:
    """One run of the reference engine."""

    def __init__(self, plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink) -> None:
        self.plan = plan
        self.recorder = Recorder(plan, sink)
        self.markets = [Market(i, plan, source, self.recorder) for i, source in enumerate(sources)]
        self.runners = [
            StrategyRunner(Agent(i, strategy, plan, self.markets, self.recorder, len(agents)), plan, Clock())
            for i, strategy in enumerate(agents)
        ]
        first_ns = min(market.next_ns for market in self.markets)
        self.start_ns = first_ns if plan.start_ns is None else max(plan.start_ns, first_ns)
        self.sample_ns = self.start_ns
        self.now_ns = self.start_ns

    def run(self) -> Outcome:
        """Replay from start to end; whatever stops it, the tables are completed."""
        failure = None
        try:
            self._start()
            self._loop()
            self._stop()
        except StrategyError as error:
            failure = error
        finally:
            self._finish()
        counts = tuple(market.counts() for market in self.markets)
        suspect_since_ns = tuple(market.state.suspect_since_ns for market in self.markets)
        not_arrived = tuple(n for runner in self.runners for n in runner.agent.requests_not_arrived())
        return Outcome(self.start_ns, self.now_ns, counts, failure, suspect_since_ns, not_arrived)

    def _start(self) -> None:
        for market in self.markets:
            while market.next_ns < self.start_ns:
                market.advance(self.start_ns - 1)
            market.view.catch_up(self.start_ns - 1)
            market.prices.start(self.start_ns)
        for runner in self.runners:
            runner.start(self.start_ns)

    def _loop(self) -> None:
        while True:
            event = self._next_event()
            until_ns = min(event[0], self._end_ns())
            market = min(self.markets, key=lambda market: market.next_ns)
            if market.next_ns <= until_ns:
                market.reschedule = False
                market.advance(min(until_ns, self._turn_ns(market)))
                self.now_ns = max(self.now_ns, market.now_ns)
            elif event[0] > until_ns:
                return
            else:
                self.now_ns = event[0]
                self._handle(event)

    def _next_event(self) -> Event:
        """Return the earliest thing that is not a market row."""
        events: list[Event] = [(min(self.recorder.due_ns, self.sample_ns), CLOCK, 0)]
        for i, runner in enumerate(self.runners):
            events.append((runner.agent.next_request_ns, REQUEST, i))
            events.append((runner.agent.next_message_ns, MESSAGE, i))
            events.append((runner.timers.next_ns, TIMER, i))
        events.extend((m.view.next_ns, PACKET, i) for i, m in enumerate(self.markets) if m.view.has_packet_subscribers)
        return min(events)

    def _handle(self, event: Event) -> None:
        now_ns, kind, whose = event
        if kind == REQUEST:
            self.runners[whose].agent.arrive()
        elif kind == PACKET:
            delivered = self.markets[whose].view.deliver()
            for runner in self.runners:
                runner.packet(now_ns, whose, delivered)
        elif kind == MESSAGE:
            self.runners[whose].message(now_ns)
        elif kind == TIMER:
            self.runners[whose].timer(now_ns)
        else:
            self._clock(now_ns)

    def _turn_ns(self, market: Market) -> int:
        """Return how far a market may go before it is another's turn; earlier instruments go first."""
        index = self.markets.index(market)
        others = [(other.next_ns - (i < index)) for i, other in enumerate(self.markets) if i != index]
        return min(others, default=NEVER)

    def _end_ns(self) -> int:
        """Return the end: as configured, but no later than the arrival of the last packet once that is known."""
        end_ns = NEVER if self.plan.end_ns is None else self.plan.end_ns
        if any(market.next_ns < NEVER for market in self.markets):
            return end_ns
        return min(end_ns, max(market.source.last_local_ns for market in self.markets))

    def _clock(self, now_ns: int) -> None:
        self.recorder.markouts(now_ns, [market.prices.mid2 for market in self.markets])
        if self.sample_ns == now_ns:
            if now_ns != self._end_ns():  # the last sample is taken when everything is over
                self._sample(now_ns)
            self.sample_ns += self.plan.sample_ns

    def _sample(self, now_ns: int) -> None:
        for runner in self.runners:
            runner.sample(now_ns, self.recorder)

    def _stop(self) -> None:
        self.now_ns = self._end_ns()
        for runner in self.runners:
            runner.stop(self.now_ns)

    def _finish(self) -> None:
        for runner in self.runners:
            runner.clock.over = True
        self._sample(self.now_ns)
        self.recorder.finish([market.prices.mid2 for market in self.markets])
