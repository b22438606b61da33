"""Bounds of a plan's numbers, declared on the fields that have them."""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

from lob_backtest.errors import ConfigError

INT64: Final = 1 << 63


class Within(NamedTuple):
    """Marks an integer with its bounds, as in ``Annotated[int, Within(0, INT64)]``.

    Attributes:
        least: the smallest value.
        bound: values are below it.
    """

    least: int
    bound: int


Int64: TypeAlias = Annotated[int, Within(-INT64, INT64)]
Count: TypeAlias = Annotated[int, Within(0, INT64)]
Wait: TypeAlias = Annotated[int, Within(0, INT64)]
"""Nanoseconds."""
Latency: TypeAlias = Annotated[int, Within(1, INT64)]
"""Nanoseconds; what is sent arrives later."""


class Bounded:
    """A dataclass whose fields are checked against their bounds when it is made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Check every field that has bounds.

        Raises:
            ConfigError: a number is no integer, or beyond its bounds; the message names the field.
        """
        cls: type = type(self)
        for name, hint in bounded_fields(cls).items():
            _check(self.place, name, hint, getattr(self, name))

    @property
    def place(self) -> str:
        """Return the name of this part in messages."""
        return type(self).__name__


@cache
def bounded_fields(cls: type) -> dict[str, Any]:
    """Return the annotation of each field of a class in which a number has bounds."""
    return {name: hint for name, hint in get_type_hints(cls, include_extras=True).items() if _has_bounds(hint)}


def _has_bounds(hint: Any) -> bool:
    return isinstance(hint, Within) or any(map(_has_bounds, get_args(hint)))


def _check(place: str, name: str, hint: Any, value: Any) -> None:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        for mark in parts[1:]:
            if isinstance(mark, Within):
                _check_integer(place, name, mark, value)
    elif origin in (Union, UnionType):
        if value is not None:
            _check(place, name, parts[0], value)
    elif origin is tuple and parts[-1] is ...:
        for each in value:
            _check(place, name, parts[0], each)
    elif origin is tuple:
        if len(value) != len(parts):
            raise ConfigError(f"{place}: {name} is {value!r}; expected {len(parts)} integers")
        for part, each in zip(parts, value, strict=True):
            _check(place, name, part, each)


def _check_integer(place: str, name: str, mark: Within, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not mark.least <= value < mark.bound:
        raise ConfigError(f"{place}: {name} is {value!r}; expected an integer from {mark.least} to {mark.bound - 1}")
