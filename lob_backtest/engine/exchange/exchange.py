"""The exchange as a whole: the market of each instrument, in one order of time, and the requests that arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Batch
from lob_backtest.contract.terms import Terms
from lob_backtest.engine.exchange.booking import Booking
from lob_backtest.engine.exchange.market import Market
from lob_backtest.engine.record.recorder import NEVER, Recorder
from lob_backtest.engine.wire.channels import Wire
from lob_backtest.engine.wire.messages import Request, RequestKind


class Exchange:
    """All markets of a run.

    Args:
        plan: the run's plan.
        sources: the rows of each instrument.
        wire: the channels to the strategies.
        recorder: takes the result tables.

    Attributes:
        markets: in the plan's order.
        booking: turns what happens to own orders into rows and messages.
    """

    __slots__ = ("_recorder", "_wire", "booking", "markets")

    def __init__(self, plan: Plan, sources: Sequence[Iterator[Batch]], wire: Wire, recorder: Recorder) -> None:
        self._wire = wire
        self._recorder = recorder
        self.markets = [Market(i, plan, source, recorder) for i, source in enumerate(sources)]
        self.booking = Booking(plan, self.markets, wire, recorder)

    @property
    def next_ns(self) -> int:
        """Return when the next row of any instrument happens, `NEVER` behind the last."""
        return min(market.source.next_ns for market in self.markets)

    @property
    def last_local_ns(self) -> int:
        """Return when the last row of the batches at hand is received."""
        return max(market.source.last_local_ns for market in self.markets)

    @property
    def mids2(self) -> list[int | None]:
        """Return the last two-sided doubled mid of each instrument."""
        return [market.prices.mid2 for market in self.markets]

    def warm_up(self, start_ns: int) -> None:
        """Apply the rows before the start of a run."""
        for market in self.markets:
            while market.next_ns < start_ns:
                market.advance(start_ns - 1)
            market.view.catch_up(start_ns - 1)
            market.prices.start(start_ns)

    def advance(self, limit_ns: int) -> int:
        """Apply rows of the instrument that is next, up to a time or another's turn; return when the last happened.

        At one nanosecond, earlier instruments of the plan go first.
        """
        index, next_ns = 0, NEVER
        for i, market in enumerate(self.markets):
            if market.source.next_ns < next_ns:
                index, next_ns = i, market.source.next_ns
        for i, market in enumerate(self.markets):
            if i != index:
                limit_ns = min(limit_ns, market.source.next_ns - (i < index))
        market = self.markets[index]
        market.advance(limit_ns)
        if market.events:
            self.booking.book(index, market.now_ns)
        return market.now_ns

    def arrive(self, channel: int) -> None:
        """Serve the next request of a channel."""
        request = self._wire.channels[channel].next_request()
        agent, market = self._wire.agent_of(channel), self.markets[request.instrument]
        market.matchers[agent].serve(request)
        if request.terms is not None:
            market.test_arrival(agent, request.ts_exchange_ns)
        self.booking.book(request.instrument, request.ts_exchange_ns, request)

    def act(self, instrument: int, now_ns: int) -> None:
        """Do what is due in an instrument without a row or a request."""
        self.markets[instrument].act(now_ns)
        self.booking.book(instrument, now_ns)

    def flatten(self, agent: int, new_id: Callable[[], int], now_ns: int) -> None:
        """Close the positions of a strategy at the end of a run, as far as what is displayed allows."""
        for i, market in enumerate(self.markets):
            matcher = market.matchers[agent]
            position = matcher.account.position_lots
            if position:
                terms = Terms(-1 if position > 0 else 1, None, abs(position), tag="flatten")
                request = Request(RequestKind.NEW, now_ns, now_ns, i, new_id(), terms)
                matcher.flatten(request)
                self.booking.book(i, now_ns, request)

    def sample(self, now_ns: int) -> None:
        """Record the accounts of all strategies."""
        for agent in range(len(self.markets[0].matchers)):
            for market in self.markets:
                self._recorder.row("samples", market.sample(agent, now_ns))
