"""The interface for authors of strategies: `Strategy` to subclass, `Context` to act through, and frozen snapshots.

A strategy is a plain Python class. Its public annotated attributes are its parameters: typed, checked, listed by the
command line, set by the config. Names that start with an underscore are its own state. Mutable class attributes
are copied for each instance, except those declared `ClassVar`.
"""

from __future__ import annotations

import copy
import inspect
import random
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, ClassVar, Protocol, Self

from lob_backtest.contract.tables import (
    Cause,
    Liquidity,
    OrderState,
    RejectReason,
    UpdateKind,
)
from lob_backtest.errors import ConfigError
from lob_backtest.instrument import Instrument
from lob_backtest.strategy.callbacks import check_callbacks
from lob_backtest.strategy.order_terms import OrderTerms
from lob_backtest.strategy.parameters import checked, is_duration, refuse_type, refuse_unknown

DEPTH = "depth"
"""`ctx.subscribe(DEPTH)`: call `on_book` for a change of any level, not only of the best ones."""

Span = int | str | timedelta
"""A duration: nanoseconds, a text such as "100ms", or a timedelta."""

Quote = tuple[int, int] | list[tuple[int, int]] | None
"""One side of `ctx.quote`: `(price_ticks, size_lots)`, a list of them (a ladder), or `None` for nothing."""


@dataclass(frozen=True, slots=True)
class Print:
    """A trade of the market.

    Attributes:
        ts_exchange_ns: when, at the exchange, nanoseconds since the epoch, UTC.
        side: the aggressor's: +1 bought, -1 sold, 0 unknown. (`side` of a row of market data is the resting order's.)
        price_ticks: the price.
        size_lots: positive.
        hidden: whether the resting order was not displayed.
    """

    ts_exchange_ns: int
    side: int
    price_ticks: int
    size_lots: int
    hidden: bool


@dataclass(frozen=True, slots=True)
class Order(OrderTerms):
    """An own order as the strategy knows it, from its requests and the responses received so far.

    Attributes:
        side: +1 buy, -1 sell.
        price_ticks: the limit; `None` for a market order.
        size_lots: the total, fills included.
        tif: its time in force.
        post_only: whether the exchange refuses it instead of letting it trade on arrival.
        tag: free text of the author.
        reduce_only: whether it may only bring the position nearer to 0.
        display_lots: of an iceberg order, the size of a tip; `None` for an order that is displayed whole.
        stop_ticks: the price that triggers it, or starts its trailing; `None`: it does not wait for one.
        trigger: which price of the market that is; `None`: the last print's.
        trail_ticks: how far the market has to come back from its best price, in ticks.
        trail_bps: the same in basis points of that price.
        expire_ns: of a GTD order: when it ends at the exchange.
        self_trade: what was asked for where it meets an own order; `None`: what the venue does.
        order_id: the number that `buy` or `sell` returned.
        instrument: its instrument's name.
        filled_lots: how much has filled.
        state: pending, live, or how it ended.
        queue_ahead_lots: the market's lots ahead of it at its price, of an iceberg ahead of its tip, as of the last
            packet received; `None` while it is unknown (not acknowledged, or outside the displayed depth).
        in_flight: whether a request for it is unanswered.
        kind: the update that `on_order` delivers; `None` elsewhere.
        reason: why a request was refused.
    """

    order_id: int
    instrument: str
    filled_lots: int
    state: OrderState
    queue_ahead_lots: int | None
    in_flight: bool
    kind: UpdateKind | None
    reason: RejectReason

    @property
    def open_lots(self) -> int:
        """Return the lots that are not filled."""
        return self.size_lots - self.filled_lots


@dataclass(frozen=True, slots=True)
class Fill:
    """An own fill, delivered when the response arrives.

    Attributes:
        fill_id: the row of the `fills` table.
        order_id: the order that filled.
        instrument: its instrument's name.
        side: +1 bought, -1 sold.
        price_ticks: the price.
        size_lots: positive.
        fee: in currency; negative is a rebate.
        liquidity: maker or taker.
        cause: why it filled.
        ts_exchange_ns: when, at the exchange.
        tag: the order's tag.
    """

    fill_id: int
    order_id: int
    instrument: str
    side: int
    price_ticks: int
    size_lots: int
    fee: float
    liquidity: Liquidity
    cause: Cause
    ts_exchange_ns: int
    tag: str


class Book(Protocol):
    """The market's book, as received by the strategy."""

    @property
    def bid_ticks(self) -> int | None:
        """The best bid, `None` where there is none."""

    @property
    def ask_ticks(self) -> int | None:
        """The best ask, `None` where there is none."""

    @property
    def bid_size_lots(self) -> int:
        """The size at the best bid, 0 where there is none."""

    @property
    def ask_size_lots(self) -> int:
        """The size at the best ask, 0 where there is none."""

    @property
    def mid_ticks(self) -> float | None:
        """(bid + ask) / 2; `None` unless the book is two-sided."""

    @property
    def microprice_ticks(self) -> float | None:
        """The mid weighted by the opposite sizes; `None` unless the book is two-sided."""

    @property
    def spread_ticks(self) -> int | None:
        """Ask - bid; `None` unless the book is two-sided."""

    @property
    def imbalance(self) -> float | None:
        """(bid size - ask size) / (their sum) at the best prices, in [-1, 1]; `None` unless the book is two-sided."""

    def depth(self, n: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the best `n` levels of bids and asks as `(price_ticks, size_lots)`."""

    def size_at(self, side: int, price_ticks: int) -> int:
        """Return the displayed size at a price in lots, 0 where there is none.

        Raises:
            TypeError: the price is `None`, as the best price of an empty side is.
        """

    def orders_at(self, side: int, price_ticks: int) -> list[tuple[int, int]]:
        """Return the market's orders at a price as `(order_id, size_lots)`, oldest first; empty on L2.

        Raises:
            TypeError: as `size_at`.
        """


class Context(Protocol):
    """A strategy's access to the run; all values are computed from the messages received by `now_ns`.

    Raises:
        StrategyError: it or its `book` is used while no callback of its own agent runs, as after the run.
    """

    @property
    def now_ns(self) -> int:
        """The strategy's time, nanoseconds since the epoch, UTC."""

    @property
    def start_ns(self) -> int | None:
        """The configured start of the run, `None` without one (never the file's); the run may begin later."""

    @property
    def end_ns(self) -> int | None:
        """The configured end of the run, `None` without one (never the file's); the run may end earlier."""

    def every(self, interval_ns: Span) -> int:
        """Call `on_timer` at now + interval and from then on every interval; return the timer's id.

        Args:
            interval_ns: nanoseconds, a text such as "100ms", or a timedelta.
        """

    def at(self, ts_ns: int | str | datetime) -> int:
        """Call `on_timer` once, at a time (or now, if it is past); return the timer's id.

        Args:
            ts_ns: nanoseconds since the epoch, an ISO date with its offset, or a datetime with its zone.
        """

    def cancel_timer(self, timer_id: int) -> None:
        """Stop a timer; an unknown id is not an error."""

    def subscribe(self, what: str) -> None:
        """Add calls of `on_book`: with `DEPTH`, for a change of any level."""

    @property
    def book(self) -> Book:
        """The book of this context's instrument."""

    @property
    def instrument(self) -> Instrument:
        """The instrument of this context."""

    def market(self, name: str) -> Context:
        """Return the context of another instrument of the run."""

    @property
    def markets(self) -> Mapping[str, Context]:
        """The contexts of all instruments of the run by name, in the order of the config."""

    @property
    def last_trade(self) -> Print | None:
        """The last print received, of those that happened after the first read of this: read it once in `on_start`."""

    @property
    def position(self) -> int:
        """The position in lots, from the fills received."""

    @property
    def max_position(self) -> int | None:
        """The limit on the position in lots, either side; `None` without one."""

    @property
    def average_price_ticks(self) -> float | None:
        """The average entry price of the position, `None` without one; a position at the start was entered at 0."""

    @property
    def realized(self) -> float:
        """The profit of what has been closed, by average entry price, without fees, in currency."""

    @property
    def unrealized(self) -> float:
        """The profit of the position at the last mid received, without fees, in currency.

        Always `equity == realized + unrealized - fees`, up to the rounding of floats.
        """

    @property
    def fees(self) -> float:
        """The fees of the fills received, in currency; rebates are negative."""

    @property
    def cash(self) -> float:
        """Cash less fees in currency, from the fills received; 0 at the start."""

    @property
    def equity(self) -> float:
        """Cash less fees plus the position at the last mid received, in currency.

        Before the first mid the price of the last fill is used instead; before the first fill the position counts 0.
        """

    @property
    def total_equity(self) -> float:
        """The sum of the equities of all instruments of the run, in currency.

        Raises:
            StrategyError: the instruments are in different currencies.
        """

    @property
    def orders(self) -> Iterator[Order]:
        """Own live orders and those in flight, oldest first."""

    def buy(
        self,
        price_ticks: int | None,
        size_lots: int,
        *,
        tif: str = "GTC",
        post_only: bool = False,
        tag: str = "",
        reduce_only: bool = False,
        display_lots: int | None = None,
        stop_ticks: int | None = None,
        trigger: str | None = None,
        trail_ticks: int | None = None,
        trail_bps: int | None = None,
        expire_ns: int | None = None,
        self_trade: str | None = None,
    ) -> int:
        """Send a buy order (`price_ticks` `None`: a market order) and return its id."""

    def sell(
        self,
        price_ticks: int | None,
        size_lots: int,
        *,
        tif: str = "GTC",
        post_only: bool = False,
        tag: str = "",
        reduce_only: bool = False,
        display_lots: int | None = None,
        stop_ticks: int | None = None,
        trigger: str | None = None,
        trail_ticks: int | None = None,
        trail_bps: int | None = None,
        expire_ns: int | None = None,
        self_trade: str | None = None,
    ) -> int:
        """Send a sell order (`price_ticks` `None`: a market order) and return its id."""

    def replace(self, order_id: int | Order, *, price_ticks: int | None = None, size_lots: int | None = None) -> None:
        """Request another price or total size (fills included); at the same price a smaller size keeps the place."""

    def cancel(self, order_id: int | Order) -> None:
        """Request the cancellation of an order."""

    def cancel_all(self, *, side: int | None = None, tag: str | None = None) -> None:
        """Request the cancellation of the live orders of this instrument: one request, and an answer for each order.

        Args:
            side: of +1 or -1 alone; `None`: of both sides.
            tag: with this tag alone; `None`: with any.

        Raises:
            StrategyError: no side, or no text.
        """

    def mmp_reset(self) -> None:
        """Request that market maker protection, which has tripped, takes quotes of this instrument again."""

    def quote(self, *, bid: Quote = ..., ask: Quote = ..., top_up: bool = False) -> None:
        """Set the quotes of this instrument: send, replace or cancel post-only orders until they match."""

    def flatten(self) -> int | None:
        """Cancel every order of this instrument, and close its position by a market order; return its id, if any.

        Orders whose cancellation is under way may still fill, and count towards the limit on the position.
        """

    def stop(self, reason: str = "") -> None:
        """End the run, of all its strategies: after everything that is due at this time, `on_stop` is called.

        Args:
            reason: recorded in the result.
        """

    def record(self, name: str, value: float) -> None:
        """Add a point to a series of the result."""

    @property
    def rng(self) -> random.Random:
        """A seeded generator, the same in every run of the same seed."""

    def log(self, text: str) -> None:
        """Write a line to the run's log on stderr, with the time of the run."""


class Strategy:
    """Subclass this. Every callback is optional and called only if it is overridden; they never nest.

    Args:
        **parameters: values of the public annotated attributes, checked against their types.

    Raises:
        ConfigError: an unknown parameter, or a value of the wrong type.
    """

    parameters: ClassVar[dict[str, Any]] = {}
    """The annotations of the parameters by name, collected from the class and its bases."""

    _used: bool = False

    def __init_subclass__(cls) -> None:
        """Collect the parameters of a new strategy class.

        Raises:
            ConfigError: a public annotated attribute has a type that no parameter can have; or see `check_callbacks`.
        """
        super().__init_subclass__()
        hints: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if issubclass(base, Strategy) and base is not Strategy:
                hints |= inspect.get_annotations(base, eval_str=False)
        names = [name for name in hints if not name.startswith("_") and name != "parameters"]
        resolved = typing.get_type_hints(cls, include_extras=True) if names else {}
        cls.parameters = {name: resolved[name] for name in names if typing.get_origin(resolved[name]) is not ClassVar}
        for name, annotation in cls.parameters.items():
            refuse_type(cls, name, annotation)
        check_callbacks(cls, Strategy)

    def __new__(cls, *args: Any, **parameters: Any) -> Self:
        """Make an instance with mutable defaults of its own, whatever its `__init__` does.

        Raises:
            ConfigError: a default cannot be copied.
        """
        self = super().__new__(cls)
        copies: dict[int, Any] = {}  # shared by all defaults: two names of one object stay one object
        for name, default in _defaults(cls):
            try:
                own = copy.deepcopy(default, copies)
                if own is not default:  # deepcopy returns immutable objects, functions and classes themselves
                    setattr(self, name, own)
            except Exception as error:
                raise ConfigError(
                    f"{cls.__name__}.{name}: its default cannot be copied for each instance ({error}); make it in "
                    "__init__ or on_start, or declare it ClassVar if all instances may share it"
                ) from error
        return self

    def __init__(self, **parameters: Any) -> None:
        refuse_unknown(type(self), parameters)
        for name, annotation in self.parameters.items():
            if name in parameters:
                setattr(self, name, checked(type(self), name, annotation, parameters[name]))
            elif not hasattr(self, name):
                raise ConfigError(f"{type(self).__name__}: parameter {name!r} has no default and was not given")
            elif is_duration(annotation):
                setattr(self, name, checked(type(self), name, annotation, getattr(self, name)))

    def values(self) -> dict[str, Any]:
        """Return the parameters with their values."""
        return {name: getattr(self, name) for name in self.parameters}

    def on_start(self, ctx: Context) -> None:
        """Run once, before anything else."""

    def on_book(self, ctx: Context) -> None:
        """Run when a packet changed the best price or size (after `ctx.subscribe(DEPTH)`: any level)."""

    def on_trade(self, ctx: Context, trade: Print) -> None:
        """Run for each print of a packet, before `on_book`."""

    def on_order(self, ctx: Context, order: Order) -> None:
        """Run when an own order was accepted, refused, replaced, cancelled or has expired."""

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        """Run when the strategy learns of an own fill."""

    def on_timer(self, ctx: Context, timer_id: int) -> None:
        """Run when a timer of `ctx.every` or `ctx.at` is due."""

    def on_stop(self, ctx: Context) -> None:
        """Run once, after everything else; requests are refused."""


def overrides(strategy: Strategy, callback: str) -> bool:
    """Return whether a strategy's class defines a callback of its own."""
    return getattr(type(strategy), callback) is not getattr(Strategy, callback)


def _defaults(cls: type[Strategy]) -> Iterator[tuple[str, Any]]:
    """Yield the class attributes to copy for an instance: no `ClassVar`, descriptor, module or bare `object`."""
    seen = {"parameters", "_abc_impl"}  # subclasses of abc.ABC have the latter
    annotations: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        annotations |= inspect.get_annotations(base)
    for base in cls.__mro__:
        if base in (Strategy, object):
            continue
        for name, value in vars(base).items():
            if name in seen or (name.startswith("__") and name.endswith("__")):
                continue
            seen.add(name)
            is_fixed = hasattr(type(value), "__get__") or isinstance(value, ModuleType) or type(value) is object
            if not is_fixed and not _is_shared(annotations.get(name)):
                yield name, value


def _is_shared(annotation: Any) -> bool:
    """Return whether an annotation, which may be text, is a `ClassVar`."""
    if isinstance(annotation, str):
        return annotation.partition("[")[0].rpartition(".")[2].strip() == "ClassVar"
    return annotation is ClassVar or typing.get_origin(annotation) is ClassVar
