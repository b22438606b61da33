"""Reads what a strategy passes to `ctx`, each value once: its `__index__` may be the author's own and do anything."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from lob_backtest.contract import tables
from lob_backtest.contract.terms import Terms, written_names
from lob_backtest.errors import StrategyError
from lob_backtest.strategy.api import Order
from lob_backtest.units import shown

Number = int | float
Wanted = list[tuple[Number, Number]]
"""Prices and sizes of one side."""

HUGE: Final = 1 << 62
"""Stands for any whole number that is too large for everything."""

NONSENSE: Final = math.nan
"""The one object that stands for what is no number: no price, no size and no id. Quotes compare prices."""


def number(value: Any) -> Number | None:
    """Read a whole number, cut to ±2⁶², or a fraction; anything else, a truth value among them, is `None`."""
    if isinstance(value, bool):
        return None
    try:
        return max(-HUGE, min(HUGE, operator.index(value)))
    except TypeError:
        if not issubclass(type(value), float):  # its `__class__` may be anything
            return None
    fraction = float.__float__(value)  # of a subclass, whose own `__float__` may do anything, the plain value
    if math.isnan(fraction):
        return NONSENSE
    return int(fraction) if fraction.is_integer() and abs(fraction) < HUGE else fraction


def order_id(value: Any) -> Number:
    """Read the id of an order, which may be given as a snapshot of it; what is neither is refused later, as data."""
    return price_or_size(value.order_id if type(value) is Order else value)


def price_or_size(value: Any) -> Number:
    """Read a price or a size of an order; what is no number is refused later, as data."""
    given = number(value)
    return NONSENSE if given is None else given


def price_or_size_or_none(value: Any) -> Number | None:
    """Read a price or a size that may be `None`."""
    return None if value is None else price_or_size(value)


class Options(NamedTuple):
    """The options of a new order as a strategy passes them.

    Attributes:
        given: by name, those that are of their type.
        has_bad_option: whether one is not of its type.
        raw: all of them, as they were passed.
    """

    given: Mapping[str, Any] = {}
    has_bad_option: bool = False
    raw: Mapping[str, Any] = {}


def options(call: str, given: Mapping[str, Any]) -> Options:
    """Read the options of a new order; `call` is the name of the function that takes them.

    `None` for an option that may be `None` is as if it were left out.

    Raises:
        TypeError: there is no option of that name.
    """
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name not in READERS:
            raise TypeError(f"ctx.{call}() has no option {name!r}: expected {', '.join(READERS)}")
        if value is not None or name not in OPTIONAL:
            read[name] = READERS[name](value)
    good = {name: value for name, value in read.items() if value is not None}
    return Options(good, len(good) < len(read), given)


def wrong_option(given: Mapping[str, Any]) -> str:
    """Return which option is not of its type, and what it may be; empty where none is."""
    for name, value in given.items():
        if (value is not None or name not in OPTIONAL) and READERS[name](value) is None:
            return f"{name}={shown(value)} is not {_EXPECTED.get(_KINDS[name]) or _choices(_KINDS[name])}"
    return ""


def _choices(kind: str) -> str:
    names = list(written_names(getattr(tables, kind.removesuffix(" | None"))))
    return f"one of {', '.join(map(repr, names))}"


_EXPECTED: Final = {"bool": "True or False", "str": "a text", "int": "a whole number", "int | None": "a whole number"}


def flag(value: Any) -> bool | None:
    """Read a truth value; anything else is `None`."""
    return value if value is True or value is False else None


def text(value: Any) -> str | None:
    """Read text that a table can hold, without a subclass; `None` for half a surrogate pair, which has no bytes."""
    plain = str.__str__(value) if issubclass(type(value), str) else None
    return None if plain is None or any("\ud800" <= char <= "\udfff" for char in plain) else plain


def whole_number(value: Any) -> int | None:
    """Read a whole number, cut to ±2⁶²; anything else is `None`."""
    given = number(value)
    return given if isinstance(given, int) else None


def reader_of(kind: str) -> Callable[[Any], Any]:
    """Return the function that reads an option, from the annotation of the term."""
    plain = kind.removesuffix(" | None")
    if plain in _READER_OF:
        return _READER_OF[plain]
    members = written_names(getattr(tables, plain))
    return lambda value: members.get(text(value) or "")


_READER_OF: Final[dict[str, Callable[[Any], Any]]] = {"bool": flag, "str": text, "int": whole_number}
_KINDS: Final = {name: kind for name, kind in Terms.kinds().items() if name in Terms._field_defaults}
READERS: Final = {name: reader_of(kind) for name, kind in _KINDS.items()}
"""By option, the function that reads it."""
OPTIONAL: Final = frozenset(name for name, kind in _KINDS.items() if kind.endswith(" | None"))
"""Options that may be `None`."""


def timer_number(value: Any) -> int:
    """Read a timer's id; 0, which no timer has, for what cannot be one."""
    given = number(value)
    return int(given) if given is not None and given == given // 1 else 0


def quote(given: Any, side: str) -> Wanted:
    """Read one side of `ctx.quote`.

    Raises:
        StrategyError: it is not a pair of numbers, a list of pairs or `None`, or a price occurs twice.
    """
    # The items of a list, whatever a subclass yields in their place.
    levels = [] if given is None else list(list.__iter__(given)) if isinstance(given, list) else [given]
    wanted: Wanted = []
    for level in levels:
        pair = [number(value) for value in level] if isinstance(level, tuple) and len(level) == 2 else []
        price, size = pair or (None, None)
        if price is None or size is None:
            raise StrategyError(
                f"ctx.quote({side}={given!r}): expected (price_ticks, size_lots), a list of such pairs, or None"
            )
        wanted.append((price, size))
    if len({price for price, _ in wanted}) < len(wanted):
        raise StrategyError(f"ctx.quote({side}={given!r}): a price occurs twice; give each price one size")
    return [(price, size) for price, size in wanted if size != 0]


def levels(value: Any) -> int:
    """Read a number of levels.

    Raises:
        StrategyError: it is no whole number.
    """
    given = number(value) if flag(value) is None else int(value)
    if not isinstance(given, int):
        raise StrategyError(f"ctx.book.depth({value!r}): expected a number of levels, an integer")
    return given


def side_of_book(value: Any) -> int:
    """Read a side.

    Raises:
        StrategyError: it is neither 1 nor -1.
    """
    given = number(value)
    if given not in (1, -1):
        raise StrategyError(f"ctx.book: {value!r} is no side: expected 1 (bids) or -1 (asks)")
    return int(given)


def side_or_none(value: Any) -> int | None:
    """Read the side of `ctx.cancel_all`, which may be `None`.

    Raises:
        StrategyError: it is neither 1 nor -1.
    """
    given = None if value is None else price_or_size(value)
    if given not in (None, 1, -1):
        raise StrategyError(f"ctx.cancel_all(side={value!r}): expected 1 (bids), -1 (asks) or None")
    return None if given is None else int(given)


def tag_or_none(value: Any) -> str | None:
    """Read the tag of `ctx.cancel_all`, which may be `None`.

    Raises:
        StrategyError: it is no text that an order can have.
    """
    given = None if value is None else text(value)
    if given is None and value is not None:
        raise StrategyError(f"ctx.cancel_all(tag={value!r}): expected the text of a tag, or None")
    return given


def price_of_book(value: Any) -> int | None:
    """Read a price at which to look; `None` for a fraction, at which nothing stands.

    Raises:
        TypeError: it is no number.
    """
    given = number(value)
    if given is None:
        hint = ": is that side of the book empty?" if value is None else ""
        raise TypeError(f"a price in ticks is expected, not {value!r}{hint}")
    return int(given) if given == given // 1 and abs(given) < 1e15 else None
