"""What `ctx` offers beyond its primitives, written once for both engines."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Final

from lob_backtest.contract.tables import RejectReason
from lob_backtest.engine.client import arguments
from lob_backtest.engine.client.failure import OWN
from lob_backtest.errors import StrategyError
from lob_backtest.printable import utf8
from lob_backtest.strategy.api import Book, Context
from lob_backtest.units import format_instant, parse_duration, parse_instant, shown

FLATTEN: Final = "flatten"
"""The tag of the orders that close a position."""


def flatten(ctx: Context) -> int | None:
    """Cancel the orders of an instrument, and close its position by a market order; return its id, if there is one."""
    ctx.cancel_all()
    position = ctx.position
    if not position:
        return None
    return ctx.sell(None, position, tag=FLATTEN) if position > 0 else ctx.buy(None, -position, tag=FLATTEN)


def total_equity(ctx: Context) -> float:
    """Return the sum of the equities of all instruments.

    Raises:
        StrategyError: they are in different currencies.
    """
    contexts = ctx.markets.values()
    currencies = {each.instrument.currency for each in contexts}
    if len(currencies) > 1:
        raise StrategyError(
            f"ctx.total_equity: the instruments are in {', '.join(sorted(map(repr, currencies)))}; equities in "
            "different currencies do not add up. Use ctx.market(name).equity"
        )
    return sum(each.equity for each in contexts)


def interval_ns(given: Any) -> int:
    """Read the interval of a repeating timer.

    Raises:
        StrategyError: it is no duration of at least a nanosecond.
    """
    try:
        found = parse_duration(given)
    except ValueError:
        found = 0
    if found < 1:
        raise StrategyError(
            f"ctx.every({shown(given)}): expected a duration of at least 1 ns: a text such as '100ms', a timedelta, or "
            "an integer of nanoseconds"
        )
    return found


def instant_ns(given: Any) -> int:
    """Read the time of a timer.

    Raises:
        StrategyError: it is no time.
    """
    try:
        return parse_instant(given)
    except ValueError:
        raise StrategyError(
            f"ctx.at({shown(given)}): expected a time: nanoseconds since the epoch, an integer, or a date with its "
            "offset"
        ) from None


_NAMED: Final = {"replace": ("", "price_ticks=", "size_lots="), "quote": ("bid=", "ask=")}
"""How the arguments of a call are written; an argument that is `None` is left out there."""


def mistake_text(
    ctx: Context, call: str, given: Sequence[object], reason: int, options: Mapping[str, object] | None = None
) -> str:
    """Put a request with wrong arguments into words: what was given, where, and what would be right.

    Args:
        ctx: of the strategy.
        call: the name of the method.
        given: its arguments.
        reason: why it was refused.
        options: the named arguments of a new order.
    """
    options = options or {}
    names = _NAMED.get(call, ())
    if names:
        words = [f"{name}{shown(each)}" for name, each in zip(names, given, strict=True) if each is not None]
    else:
        words = [shown(each) for each in given]
    words += [f"{name}={shown(each)}" for name, each in options.items()]
    text = f"ctx.{call}({', '.join(words)}) is refused as {RejectReason(reason).name}{_author_line()}"
    floats = (float.__float__(each) for each in given if isinstance(each, float))
    price = next((each for each in floats if not each.is_integer()), None)
    instrument = ctx.instrument
    if reason == RejectReason.OFF_TICK and price is not None:
        text += f"; a tick is {instrument.tick_size:f}, so that {price!r} is {instrument.ticks(price)} ticks"
    elif reason == RejectReason.BAD_VALUE and (wrong := arguments.wrong_option(options)):
        text += f"; {wrong}"
    return utf8(text)


def _author_line() -> str:
    """Return the place of the innermost line outside of this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(OWN):
        frame = frame.f_back
    return "" if frame is None else f" ({frame.f_code.co_filename}, line {frame.f_lineno})"


def shown_book(book: Book) -> str:
    """Return the `repr` of a book: its best prices and sizes, for as long as the run lasts."""
    try:
        return f"<book: {book.bid_ticks} x {book.bid_size_lots} | {book.ask_ticks} x {book.ask_size_lots}>"
    except StrategyError:
        return "<book: the run is over>"


def shown_context(ctx: Context) -> str:
    """Return the `repr` of a context: instrument, time, position and number of orders, for as long as the run lasts."""
    name = ctx.instrument.name
    try:
        time, orders = format_instant(ctx.now_ns), sum(1 for _ in ctx.orders)
        return f"<ctx of {name} at {time}: position {ctx.position}, {orders} orders>"
    except StrategyError:
        return f"<ctx of {name}: the run is over>"
