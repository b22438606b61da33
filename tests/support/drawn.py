"""Random values for whatever fields a part of the plan has, and whatever options `ctx.buy` takes."""

from __future__ import annotations

import inspect
import random
from dataclasses import is_dataclass
from enum import IntEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import lob_backtest as lob
from lob_backtest.contract import tables
from lob_backtest.contract.bounds import Wait, Within
from lob_backtest.contract.plan import LatencyPlan
from lob_backtest.contract.rank_grid import RANKS
from lob_backtest.contract.terms import Terms, written_names

OPTIONS = {
    each.name: each.annotation
    for each in inspect.signature(lob.Context.buy).parameters.values()
    if each.kind == inspect.Parameter.KEYWORD_ONLY
}
"""The annotation of each, as it is written."""
NUMBERS = {"display_lots": (1, 2, 5)}
"""What to draw from for options that are numbers."""
TRUE_OR_FALSE = [name for name, annotation in OPTIONS.items() if annotation == "bool"]


WITH_VALUE = [name for name in OPTIONS if name not in (*TRUE_OR_FALSE, "tif", "tag")]
MEMBERS = {
    name: list(written_names(getattr(tables, kind.removesuffix(" | None"))))
    for name, kind in Terms.kinds().items()
    if name in WITH_VALUE and hasattr(tables, kind.removesuffix(" | None"))
}
"""The names of the members of each option that is one of an enumeration."""


def drawn_options(rng: random.Random, *, apart_from: tuple[str, ...]) -> dict[str, Any]:
    """Draw the options that a random strategy does not choose by itself, one in ten: true, a
    member by its name, or a number."""
    drawn: dict[str, Any] = {name: True for name in TRUE_OR_FALSE if name not in apart_from and rng.random() < 0.1}
    for name, members in MEMBERS.items():
        if name not in apart_from and rng.random() < 0.1:
            drawn[name] = rng.choice(members)
    return drawn | {name: rng.choice(values) for name, values in NUMBERS.items() if rng.random() < 0.1}


WAITS = (0, 5, 60, 250_000_000)
"""Nanoseconds; the rows of random markets are a few apart."""


def drawn_fields(rng: random.Random, cls: type) -> dict[str, Any]:
    """Draw a value for each field of a part of the plan."""
    hints = get_type_hints(cls, include_extras=True)
    return {name: _value(rng, hint) for name, hint in hints.items() if not is_dataclass(hint)}


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


def drawn_channel(rng: random.Random, start_ns: int) -> dict[str, Any]:
    """Draw the fields of a `ChannelPlan` of a run that starts then: two constants, or a model a kind of message."""
    fields = {"entry_ns": rng.choice((1, 4, 30)), "response_ns": rng.choice((1, 2, 40))}
    if rng.random() < 0.5:
        latencies = tuple(_latency(rng, start_ns) for _ in range(4))
        fields |= {"latencies": latencies, "is_reordered": rng.random() < 0.4}
    return fields


def _latency(rng: random.Random, start_ns: int) -> LatencyPlan:
    """Draw the latency of one kind of message, some tens of nanoseconds: the rows of random markets are a few apart."""
    fields: dict[str, Any] = {"constant_ns": rng.choice((0, 1, 20)), "service_ns": rng.choice((0, 0, 3, 30))}
    kind = rng.choice(("constant", "drawn", "drawn", "measured"))
    if kind == "drawn":
        slowest = rng.choice((30, 200))
        fields["quantiles_ns"] = tuple(sorted((rng.randrange(slowest) for _ in range(RANKS)), reverse=True))
        fields |= {"stretch_ns": rng.choice((0, 0, 1, 50)), "stream": rng.getrandbits(64) - (1 << 63)}
    elif kind == "measured":
        times = sorted(start_ns + rng.randrange(-100, 3000) for _ in range(rng.choice((1, 5, 50))))
        fields |= {"measured_ts_ns": tuple(times), "measured_ns": tuple(rng.randrange(60) for _ in times)}
        fields["is_interpolated"] = rng.random() < 0.5
    return LatencyPlan(**fields)
