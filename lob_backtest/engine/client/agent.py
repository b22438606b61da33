"""One strategy in the engine: its callbacks, its timers, and its messages to and from the exchange."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any, Final

from lob_backtest.contract import limits
from lob_backtest.contract.plan import Plan
from lob_backtest.contract.tables import Cause, Liquidity, RejectReason, UpdateKind
from lob_backtest.engine.client.failure import explain
from lob_backtest.engine.client.local_state import LocalState
from lob_backtest.engine.exchange.market import Market
from lob_backtest.engine.exchange.matcher import Matcher
from lob_backtest.engine.exchange.own_order import OwnOrder, OwnTrade
from lob_backtest.engine.record.recorder import NEVER, Recorder
from lob_backtest.engine.wire.messages import Answer, Filled, Message, OrderSnapshot, Request, RequestKind
from lob_backtest.engine.wire.terms import Terms
from lob_backtest.errors import StrategyError
from lob_backtest.strategy.api import Strategy, overrides
from lob_backtest.units import format_instant

MAX_CHAIN: Final = 10_000
MAX_CALLS: Final = 1_000_000


class Agent:
    """A strategy with its channels to the exchange and back, which never reorder.

    Args:
        index: the agent's number.
        strategy: the author's object.
        plan: the run's plan.
        markets: the exchange, an instrument each.
        recorder: takes updates and fills.

    Attributes:
        local_states: what the strategy knows, an instrument each.
        matchers: the exchange's side, an instrument each.
        requests: on their way to the exchange, in order.
        messages: on their way to the strategy: `(ts_local_ns, number, instrument, message, generation)`, a heap.
        open_ns: requests are refused before this time.
        stopped: whether the run is over for the strategy.
        rng: the strategy's generator.
    """

    def __init__(
        self, index: int, strategy: Strategy, plan: Plan, markets: Sequence[Market], recorder: Recorder, agents: int
    ) -> None:
        self.index = index
        self.strategy = strategy
        self.markets = markets
        self.local_states = [LocalState(market.plan, market.view) for market in markets]
        self.matchers = [self._matcher(i, market) for i, market in enumerate(markets)]
        self.requests: deque[Request] = deque()
        self.messages: list[tuple[int, int, int, Message, int]] = []
        self.open_ns = -NEVER
        self.stopped = False
        self.rng = random.Random(plan.seed + index)
        self.depth = [False for _ in markets]
        self.wants_book = overrides(strategy, "on_book")
        self.wants_trades = overrides(strategy, "on_trade")
        self._plan = plan
        self._recorder = recorder
        self._agents = agents
        self._orders = 0
        self._numbers = 0
        self._back_ns = -NEVER
        self._request: Request | None = None
        self._generation = 0
        self._calls = 0
        self._tags: set[str] = set()
        self._series: set[str] = set()
        for i, market in enumerate(markets):
            market.view.queue_listeners[index] = self.local_states[i]
            market.view.has_packet_subscribers |= self.wants_book or self.wants_trades

    def _matcher(self, instrument: int, market: Market) -> Matcher:
        def update(own: OwnOrder, kind: UpdateKind, reason: RejectReason) -> None:
            self._update(instrument, own, kind, reason)

        def filled(own: OwnOrder, trade: OwnTrade, fee_micro: int) -> None:
            self._filled(instrument, own, trade, fee_micro)

        return Matcher(market, update, filled)

    def call(self, name: str, now_ns: int, *args: Any) -> None:
        """Run a callback of the strategy; whatever it raises becomes a `StrategyError`, but an interrupt.

        So does `sys.exit`: it would end the process with the author's exit code and without a result.
        """
        try:
            getattr(self.strategy, name)(*args)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise explain(self.strategy, name, now_ns, args[1:], error) from error

    def begin(self, generation: int) -> None:
        """Begin a callback: how many at its nanosecond have caused each other, one after the other, before it."""
        self._generation, self._calls = generation, 0

    def count(self, now_ns: int) -> None:
        """Count a request or a timer; too many in one callback are an endless loop."""
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise StrategyError(
                f"{type(self.strategy).__name__}: more than {MAX_CALLS:,} requests and timers in one callback "
                f"({format_instant(now_ns)}): an endless loop? Return from the callback before asking again."
            )

    def check_order(self, instrument: int, tag: str) -> None:
        """See that there is room for a new order.

        Raises:
            StrategyError: a limit of `limits` is passed.
        """
        if len(self.local_states[instrument].orders) >= limits.MAX_ORDERS:
            raise StrategyError(f"more than {limits.MAX_ORDERS:,} orders of one instrument live or in flight")
        if tag:
            _check_text("tag", tag, self._tags, limits.MAX_TAGS)

    def check_request(self) -> None:
        """See that there is room for a request.

        Raises:
            StrategyError: a limit of `limits` is passed.
        """
        if len(self.requests) >= limits.MAX_REQUESTS:
            raise StrategyError(f"more than {limits.MAX_REQUESTS:,} requests under way to the exchange")

    def next_generation(self, now_ns: int, what: str) -> int:
        """Return the generation of what the callback at hand causes at its own nanosecond.

        Raises:
            StrategyError: the chain of causes is so long that it must be an endless loop.
        """
        if self._generation >= MAX_CHAIN:
            raise StrategyError(
                f"{type(self.strategy).__name__}: more than {MAX_CHAIN:,} {what} at one nanosecond "
                f"({format_instant(now_ns)}), each caused by the one before: an endless loop? "
                "Wait for an answer or a timer before asking again."
            )
        return self._generation + 1

    def new_id(self) -> int:
        """Return the next order id; ids are unique in the run."""
        self._orders += 1
        return (self._orders - 1) * self._agents + self.index + 1

    def knew(self, order_id: int) -> bool:
        """Return whether an id was given to this agent."""
        place, owner = divmod(order_id - 1, self._agents)
        return owner == self.index and 0 <= place < self._orders

    def send(
        self,
        now_ns: int,
        kind: RequestKind,
        instrument: int,
        order_id: int,
        *,
        terms: Terms | None = None,
        price_ticks: int | None = None,
        size_lots: int | None = None,
    ) -> None:
        """Send a request."""
        arrival = now_ns + self._plan.entry_ns
        if self.requests:
            arrival = max(arrival, self.requests[-1].ts_exchange_ns)
        self.requests.append(Request(kind, now_ns, arrival, instrument, order_id, terms, price_ticks, size_lots))

    def refuse(
        self, now_ns: int, instrument: int, order: OrderSnapshot, kind: UpdateKind, reason: RejectReason
    ) -> None:
        """Answer a request that is not sent at all: recorded now, told after the callback at hand."""
        generation = 0 if self.stopped else self.next_generation(now_ns, "requests")
        # The row of a live order has what the exchange holds by now, as in the kernel; the strategy never sees it.
        held = self.matchers[instrument].orders.get(order.order_id) if order.terms.side else None
        recorded = order if held is None else held.snapshot()
        self._record(instrument, recorded, kind, reason, sent_ns=now_ns, exchange_ns=None, local_ns=now_ns)
        if not self.stopped:
            self._tell(now_ns, instrument, Answer(order, None, kind, reason), generation)

    def arrive(self) -> None:
        """Let the next request happen at the exchange."""
        request = self._request = self.requests.popleft()
        matcher, now_ns, order_id = self.matchers[request.instrument], request.ts_exchange_ns, request.order_id
        if request.terms is not None:
            matcher.submit(order_id, request.terms, now_ns)
        elif request.kind == RequestKind.REPLACE:
            matcher.replace(order_id, request.price_ticks, request.size_lots, now_ns)
        else:
            matcher.cancel(order_id)
        self._request = None

    def flatten(self, instrument: int, now_ns: int) -> None:
        """Close the position in an instrument at the end of a run, as far as what is displayed allows."""
        position = self.matchers[instrument].account.position_lots
        if position:
            order_id = self.new_id()
            terms = Terms(-1 if position > 0 else 1, None, abs(position), tag="flatten")
            self._request = Request(RequestKind.NEW, now_ns, now_ns, instrument, order_id, terms)
            self.matchers[instrument].flatten(order_id, terms, now_ns)
            self._request = None

    def _now_ns(self, instrument: int) -> int:
        """Return the exchange's time: the request's at hand, or the market row's."""
        return self._request.ts_exchange_ns if self._request is not None else self.markets[instrument].now_ns

    def _response_ns(self, now_ns: int) -> int:
        self._back_ns = max(self._back_ns, now_ns + self._plan.response_ns)
        return self._back_ns

    def _tell(self, ts_local_ns: int, instrument: int, message: Message, generation: int = 0) -> None:
        self._numbers += 1
        heappush(self.messages, (ts_local_ns, self._numbers, instrument, message, generation))
        self.markets[instrument].reschedule = True

    def next_message(self) -> tuple[int, Message, int]:
        """Take the next message off its channel: its instrument, itself, and its generation."""
        return heappop(self.messages)[2:]

    def _update(self, instrument: int, own: OwnOrder, kind: UpdateKind, reason: RejectReason) -> None:
        request, now_ns = self._request, self._now_ns(instrument)
        assert request is not None
        expired = kind == UpdateKind.EXPIRED
        local_ns = self._response_ns(now_ns)
        sent_ns = None if expired else request.ts_sent_ns
        order = own.snapshot()
        self._record(instrument, order, kind, reason, sent_ns=sent_ns, exchange_ns=now_ns, local_ns=local_ns)
        self._tell(local_ns, instrument, Answer(order, None if expired else request.kind, kind, reason))

    def _record(
        self,
        instrument: int,
        order: OrderSnapshot,
        kind: UpdateKind,
        reason: RejectReason,
        *,
        sent_ns: int | None,
        exchange_ns: int | None,
        local_ns: int,
    ) -> None:
        terms = order.terms
        ahead = order.ahead_lots if kind in (UpdateKind.ACCEPTED, UpdateKind.REPLACED) else None
        whose = (order.order_id, self.index, instrument, int(kind), int(order.state), int(reason))
        what = (terms.side, int(terms.tif), int(terms.post_only), terms.price_ticks, terms.size_lots)
        times = (sent_ns, exchange_ns, local_ns)
        self._recorder.row("orders", (*whose, *what, order.filled_lots, ahead, *times, terms.tag))

    def _filled(self, instrument: int, own: OwnOrder, trade: OwnTrade, fee_micro: int) -> None:
        price_ticks, size_lots, cause = trade[:3]
        market, now_ns = self.markets[instrument], self._now_ns(instrument)
        liquidity = Liquidity.TAKER if cause == Cause.TAKE else Liquidity.MAKER
        before = market.prices.before(now_ns)
        local_ns = self._response_ns(now_ns)
        tainted = trade.tainted or now_ns - market.state.suspect_ns <= self._plan.taint_ns
        ahead = own.ahead_at_arrival if liquidity == Liquidity.MAKER else None
        whose = [own.order_id, self.index, instrument, own.side, price_ticks, size_lots, fee_micro]
        when = (now_ns, local_ns, trade.ts_traded_ns)
        how = [int(liquidity), int(cause), *when, *before, ahead, own.ts_arrival_ns, own.terms.tag, int(tainted)]
        fill_id = self._recorder.fill([*whose, *how], now_ns)
        self._tell(
            local_ns, instrument, Filled(fill_id, own.order_id, price_ticks, size_lots, fee_micro, cause, now_ns)
        )

    def requests_not_arrived(self) -> list[int]:
        """Count the requests that have not reached the exchange, an instrument each."""
        counts = [0] * len(self.markets)
        for request in self.requests:
            counts[request.instrument] += 1
        return counts

    @property
    def next_request_ns(self) -> int:
        """Return when the next request arrives at the exchange."""
        return self.requests[0].ts_exchange_ns if self.requests else NEVER

    @property
    def next_message_ns(self) -> int:
        """Return when the next message arrives at the strategy."""
        return self.messages[0][0] if self.messages else NEVER

    def record(self, now_ns: int, name: str, value: float) -> None:
        """Add a point to a series of the result."""
        try:
            name, number = str(name), float(value)
            name.encode()
        except (TypeError, ValueError):
            raise StrategyError(f"ctx.record({name!r}, {value!r}): expected a text and a number") from None
        _check_text("series name", name, self._series, limits.MAX_SERIES)
        self._recorder.row("series", (name, self.index, now_ns, number))

    def log(self, now_ns: int, text: str) -> None:
        """Pass on a line of the strategy's."""
        self._recorder.log(now_ns, str(text).encode(errors="backslashreplace").decode())


def _check_text(what: str, text: str, seen: set[str], most: int) -> None:
    """See that a text is short, and that there are not too many different ones."""
    if text in seen:
        return
    size = len(text.encode())
    if size > limits.MAX_TEXT_BYTES:
        raise StrategyError(f"a {what} of {size:,} bytes: expected at most {limits.MAX_TEXT_BYTES} bytes of UTF-8")
    if len(seen) >= most:
        raise StrategyError(f"more than {most:,} different {what}s: expected a few kinds, not one for each use")
    seen.add(text)
