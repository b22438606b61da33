"""Random values for the fields of a part of the plan, whatever fields it has."""

from __future__ import annotations

import random
from enum import IntEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from lob_backtest.contract.bounds import Wait, Within

WAITS = (0, 5, 60, 250_000_000)
"""Nanoseconds; the rows of random markets are a few apart."""


def drawn(rng: random.Random, cls: type) -> dict[str, Any]:
    """Draw a value for each field of a part of the plan."""
    return {name: _value(rng, hint) for name, hint in get_type_hints(cls, include_extras=True).items()}


def _value(rng: random.Random, hint: Any) -> Any:
    if hint is bool:
        return rng.random() < 0.3
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return rng.choice(list(hint))
    if hint == Wait:
        return rng.choice(WAITS)
    if get_origin(hint) is tuple:
        return tuple(_value(rng, each) for each in get_args(hint))
    assert get_origin(hint) is Annotated, hint
    within = next(mark for mark in get_args(hint) if isinstance(mark, Within))
    value = rng.choice((-1, 0, 1, 1)) * rng.randrange(1, 1000) * 10 ** rng.randrange(7)
    return min(max(value, within.least), within.bound - 1)
