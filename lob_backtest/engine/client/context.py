"""`ctx` and `ctx.book` of the reference engine; `lob_backtest.strategy.api` says what each name means."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from lob_backtest.book.book import Book
from lob_backtest.contract.plan import Plan
from lob_backtest.engine.client import arguments, conveniences
from lob_backtest.engine.client.agent import Agent
from lob_backtest.engine.client.clock import Clock
from lob_backtest.engine.client.local_state import GONE
from lob_backtest.engine.client.order_entry import OrderEntry
from lob_backtest.engine.client.session import Session
from lob_backtest.engine.wire.timers import Timers
from lob_backtest.errors import StrategyError
from lob_backtest.instrument import Instrument
from lob_backtest.strategy.api import DEPTH, Order, Print, Quote, Span

_AS_IT_IS: Any = object()


class ReceivedBook:
    """The book as the strategy has received it.

    Args:
        book: its levels.
        clock: the strategy's time.
    """

    __slots__ = ("_clock", "_levels")

    def __init__(self, book: Book, clock: Clock) -> None:
        self._levels = book
        self._clock = clock

    @property
    def _book(self) -> Book:
        self._clock.check()
        return self._levels

    def __repr__(self) -> str:
        return conveniences.shown_book(self)

    @property
    def bid_ticks(self) -> int | None:
        """Return the best bid, cached by the book; `None` where that side is empty."""
        return self._book.best_bid

    @property
    def ask_ticks(self) -> int | None:
        """Return the best ask, cached by the book; `None` where that side is empty."""
        return self._book.best_ask

    @property
    def bid_size_lots(self) -> int:
        """Return the size at the best bid, 0 where that side is empty."""
        return self._book.bbo()[1] or 0

    @property
    def ask_size_lots(self) -> int:
        """Return the size at the best ask, 0 where that side is empty."""
        return self._book.bbo()[3] or 0

    @property
    def mid_ticks(self) -> float | None:
        """Return the mid, `None` where a side is empty."""
        bid, ask = self._book.best_bid, self._book.best_ask
        return None if bid is None or ask is None else (bid + ask) / 2

    @property
    def microprice_ticks(self) -> float | None:
        """Return the mid weighted by the opposite sizes, `None` where a side is empty."""
        bid, bid_lots, ask, ask_lots = self._book.bbo()
        if bid is None or ask is None or bid_lots is None or ask_lots is None:
            return None
        return (bid * ask_lots + ask * bid_lots) / (bid_lots + ask_lots)

    @property
    def spread_ticks(self) -> int | None:
        """Return ask - bid, at most 0 in a crossed or locked book."""
        bid, ask = self._book.best_bid, self._book.best_ask
        return None if bid is None or ask is None else ask - bid

    @property
    def imbalance(self) -> float | None:
        """Return (bid - ask) / (bid + ask) of the best sizes, `None` where a side is empty."""
        _, bid_lots, _, ask_lots = self._book.bbo()
        if bid_lots is None or ask_lots is None:
            return None
        return (bid_lots - ask_lots) / (bid_lots + ask_lots)

    def depth(self, n: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return price and size of the best levels of both sides; O(n)."""
        book, n = self._book, arguments.levels(n)
        bids, asks = book.top(1, n), book.top(-1, n)
        return [level[:2] for level in bids], [level[:2] for level in asks]

    def size_at(self, side: int, price_ticks: int) -> int:
        """Return the displayed size at a price, 0 for a fraction of a tick."""
        book, side, price = self._book, arguments.side_of_book(side), arguments.price_of_book(price_ticks)
        return 0 if price is None else book.size_at(side, price)

    def orders_at(self, side: int, price_ticks: int) -> list[tuple[int, int]]:
        """Return the market's orders at a price, oldest first; empty on L2."""
        book, side, price = self._book, arguments.side_of_book(side), arguments.price_of_book(price_ticks)
        level = None if price is None else book.ladders[side].get(-side * price)
        return [(order_id, order.size_lots) for order_id, order in level.orders.items()] if level is not None else []


class ReferenceContext:
    """`ctx` of one strategy in one instrument.

    Arguments are read once, by `arguments`. What depends on the time of the run is refused once that is over.
    """

    def __init__(
        self, agent: Agent, instrument: int, session: Session, plan: Plan, *, clock: Clock, timers: Timers
    ) -> None:
        self._agent = agent
        self._instrument = instrument
        self._plan = plan
        self._clock = clock
        self._timers = timers
        self._local_state = session.local_state
        self._book = ReceivedBook(self._local_state.view.book, clock)
        self._value = plan.instruments[instrument].tick_lot_value
        self._siblings: dict[str, ReferenceContext] = {}
        self._order_entry = session.order_entry
        self._quoter = session.quoter

    def link(self, siblings: dict[str, ReferenceContext]) -> None:
        """Set the contexts of all instruments by name, for `market`."""
        self._siblings = siblings

    @property
    def now_ns(self) -> int:
        """Return the time of the callback at hand."""
        self._clock.check()
        return self._clock.now_ns

    @property
    def start_ns(self) -> int | None:
        """Return the start of the plan."""
        return self._plan.start_ns

    @property
    def end_ns(self) -> int | None:
        """Return the end of the plan."""
        return self._plan.end_ns

    def every(self, interval_ns: Span) -> int:
        """Set a repeating timer; it counts towards the limit of a callback."""
        interval_ns, now_ns = conveniences.interval_ns(interval_ns), self.now_ns
        self._agent.limits.count(now_ns)
        return self._timers.add(now_ns + interval_ns, interval_ns, self._instrument)

    def at(self, ts_ns: int | str | datetime) -> int:
        """Set a timer that fires once; one for now fires after the callback at hand."""
        ts_ns, now_ns = conveniences.instant_ns(ts_ns), self.now_ns
        self._agent.limits.count(now_ns)
        generation = self._agent.limits.next_generation(now_ns, "timers") if ts_ns <= now_ns else 0
        return self._timers.add(max(ts_ns, now_ns), 0, self._instrument, generation)

    def cancel_timer(self, timer_id: int) -> None:
        """Cancel a timer; what cannot be an id is no timer."""
        self._clock.check()
        self._timers.cancel(arguments.timer_number(timer_id))

    def subscribe(self, what: str) -> None:
        """Let `on_book` be called for changes behind the best prices, too."""
        self._clock.check()
        if not isinstance(what, str) or str.__str__(what) != DEPTH:
            raise StrategyError(f"ctx.subscribe({what!r}): expected lob_backtest.DEPTH")
        self._agent.depth[self._instrument] = True

    @property
    def book(self) -> ReceivedBook:
        """Return the book as received; the same object every time."""
        return self._book

    @property
    def instrument(self) -> Instrument:
        """Return the instrument of the plan."""
        return self._local_state.instrument

    def market(self, name: str) -> ReferenceContext:
        """Return the context of an instrument of the run by its name."""
        self._clock.check()
        context = self._siblings.get(str.__str__(name)) if isinstance(name, str) else None
        if context is None:
            raise StrategyError(f"ctx.market({name!r}): the run has {', '.join(self._siblings)}")
        return context

    @property
    def markets(self) -> dict[str, ReferenceContext]:
        """Return the contexts of all instruments of the run, by name."""
        self._clock.check()
        return dict(self._siblings)

    @property
    def last_trade(self) -> Print | None:
        """Return the last print received, of those that happened after the first read of this."""
        self._clock.check()
        since_ns = self._agent.prints_since_ns.setdefault(self._instrument, self._clock.now_ns)
        last = self._local_state.view.last_print
        return last if last is not None and last.ts_exchange_ns > since_ns else None

    @property
    def position(self) -> int:
        """Return the position, from the fills received."""
        self._clock.check()
        return self._local_state.account.position_lots

    @property
    def cash(self) -> float:
        """Return cash less fees in currency, from the integers of the account."""
        self._clock.check()
        account = self._local_state.account
        return (account.cash_tick_lots - account.fees_micro / 1e6) * self._value

    @property
    def equity(self) -> float:
        """Return cash plus the position at the last mid received, in currency."""
        self._clock.check()
        account = self._local_state.account
        half = account.equity_half_tick_lots(self._local_state.view.mid2)
        return (half / 2 - account.fees_micro / 1e6) * self._value

    @property
    def total_equity(self) -> float:
        """Return the sum of the equities of all instruments."""
        return conveniences.total_equity(self)

    @property
    def average_price_ticks(self) -> float | None:
        """Return the average entry price of the position."""
        self._clock.check()
        return self._local_state.account.average_price_ticks

    @property
    def realized(self) -> float:
        """Return the profit of what has been closed, by average entry price, without fees."""
        self._clock.check()
        return self._local_state.account.realized_tick_lots * self._value

    @property
    def unrealized(self) -> float:
        """Return the profit of the position at the last mid received, without fees."""
        self._clock.check()
        return self._local_state.account.unrealized_tick_lots(self._local_state.view.mid2) * self._value

    @property
    def fees(self) -> float:
        """Return the fees of the fills received."""
        self._clock.check()
        return self._local_state.account.fees_micro / 1e6 * self._value

    @property
    def max_position(self) -> int | None:
        """Return the limit on the position."""
        self._clock.check()
        return self._plan.agents[self._agent.index].sessions[self._instrument].max_position

    @property
    def orders(self) -> Iterator[Order]:
        """Iterate snapshots of own orders that are not over, oldest first."""
        self._clock.check()
        local_state = self._local_state
        return iter([local_state.snapshot(known) for known in local_state.orders.values() if known.state not in GONE])

    def buy(self, price_ticks: int | None, size_lots: int, **options: Any) -> int:
        """Send a buy order; nonsense is refused as data, by `OrderEntry.new`."""
        return self._new(1, price_ticks, size_lots, arguments.options("buy", options))

    def sell(self, price_ticks: int | None, size_lots: int, **options: Any) -> int:
        """Send a sell order; nonsense is refused as data, by `OrderEntry.new`."""
        return self._new(-1, price_ticks, size_lots, arguments.options("sell", options))

    def replace(self, order_id: int | Order, *, price_ticks: int | None = None, size_lots: int | None = None) -> None:
        """Request another price or total size, in whichever instrument the order is."""
        self._clock.check()
        number = arguments.order_id(order_id)
        price, size = arguments.price_or_size_or_none(price_ticks), arguments.price_or_size_or_none(size_lots)
        self._order_entry_of(number).replace(number, price, size)
        self._note_mistake("replace", order_id, price_ticks, size_lots)

    def cancel(self, order_id: int | Order) -> None:
        """Request the cancellation of an order, in whichever instrument it is."""
        self._clock.check()
        number = arguments.order_id(order_id)
        self._order_entry_of(number).cancel(number)
        self._note_mistake("cancel", order_id)

    def cancel_all(self, *, side: int | None = None, tag: str | None = None) -> None:
        """Request the cancellation of the orders of this instrument that are not over, in one message."""
        self._clock.check()
        self._order_entry.cancel_all(arguments.side_or_none(side), arguments.tag_or_none(tag))

    def mmp_reset(self) -> None:
        """Request that market maker protection takes quotes again."""
        self._clock.check()
        self._order_entry.mmp_reset()

    def quote(self, *, bid: Quote = _AS_IT_IS, ask: Quote = _AS_IT_IS, top_up: bool = False) -> None:
        """Set the wanted quotes; a side that is left out stays as it is."""
        self._clock.check()
        sides = {1: ("bid", bid), -1: ("ask", ask)}
        wanted = {side: arguments.quote(quote, name) for side, (name, quote) in sides.items() if quote is not _AS_IT_IS}
        self._quoter.quote(wanted, top_up=bool(top_up))
        self._note_mistake("quote", *(None if each is _AS_IT_IS else each for each in (bid, ask)))

    def flatten(self) -> int | None:
        """Cancel the orders of this instrument, and close its position by a market order."""
        return conveniences.flatten(self)

    def stop(self, reason: str = "") -> None:
        """Ask for the end of the run."""
        self._clock.check()
        self._agent.stop_run(reason)

    def __repr__(self) -> str:
        return conveniences.shown_context(self)

    def record(self, name: str, value: float) -> None:
        """Add a point to a series of the result, at the time of the callback at hand."""
        self._agent.record(self.now_ns, name, value)

    @property
    def rng(self) -> random.Random:
        """Return the generator, seeded with the plan's seed + the number of the agent."""
        return self._agent.rng

    def log(self, text: str) -> None:
        """Write a line to the run's log, with the time of the callback at hand."""
        self._agent.log(self.now_ns, text)

    def _new(self, side: int, price_ticks: int | None, size_lots: int, options: arguments.Options) -> int:
        self._clock.check()
        price, size = arguments.price_or_size_or_none(price_ticks), arguments.price_or_size(size_lots)
        order_id = self._order_entry.new(side, price, size, options)
        self._note_mistake("buy" if side > 0 else "sell", price_ticks, size_lots, options=options.raw)
        return order_id

    def _note_mistake(self, call: str, *given: object, options: Mapping[str, object] | None = None) -> None:
        """Put the first request that was refused as a mistake into words, with the line of the author."""
        agent = self._agent
        if agent.mistake is not None and not agent.mistake_text:
            agent.mistake_text = conveniences.mistake_text(self, call, given, agent.mistake, options)

    def _order_entry_of(self, order_id: arguments.Number) -> OrderEntry:
        """Return the order entry of the instrument that has an order; this one's, if none has."""
        for context in self._siblings.values():
            if context._order_entry.has(order_id):
                return context._order_entry
        return self._order_entry
