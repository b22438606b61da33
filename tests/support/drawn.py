"""Random values for whatever fields a part of the plan has, and whatever options `ctx.buy` takes."""

from __future__ import annotations

import inspect
import random
from enum import IntEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import lob_backtest as lob
from lob_backtest.contract.bounds import Wait, Within

OPTIONS = {
    each.name: each.annotation
    for each in inspect.signature(lob.Context.buy).parameters.values()
    if each.kind == inspect.Parameter.KEYWORD_ONLY
}
"""The annotation of each, as it is written."""
TRUE_OR_FALSE = [name for name, annotation in OPTIONS.items() if annotation == "bool"]


def drawn_options(rng: random.Random, *, apart_from: tuple[str, ...]) -> dict[str, Any]:
    """Draw the options that a random strategy does not choose by itself: those of true or false, one in ten true."""
    return {name: True for name in TRUE_OR_FALSE if name not in apart_from and rng.random() < 0.1}


WAITS = (0, 5, 60, 250_000_000)
"""Nanoseconds; the rows of random markets are a few apart."""


def drawn_fields(rng: random.Random, cls: type) -> dict[str, Any]:
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
