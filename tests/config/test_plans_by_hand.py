"""A plan made by hand whose numbers no engine can hold is refused by the name of the field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, get_args, get_origin

import pytest
from plans import plan_of

from lob_backtest.contract.bounds import Within, bounded_fields
from lob_backtest.contract.plan import (
    AgentPlan,
    ChannelPlan,
    FeePlan,
    FillRules,
    InstrumentPlan,
    MmpPlan,
    Plan,
    SessionPlan,
)
from lob_backtest.errors import ConfigError

INT64 = 1 << 63
PARTS = {
    "Plan": Plan,
    "InstrumentPlan of X": InstrumentPlan,
    "FillRules": FillRules,
    "SessionPlan": SessionPlan,
    "FeePlan": FeePlan,
    "MmpPlan": MmpPlan,
    "ChannelPlan": ChannelPlan,
    "AgentPlan": AgentPlan,
}


def refused(hint: Any) -> Iterator[Any]:
    """Yield values that a field must not have, by its annotation."""
    parts = get_args(hint)
    if get_origin(hint) is Annotated:
        within = next(mark for mark in parts if isinstance(mark, Within))
        yield from (within.least - 1, within.bound, 10**40, 1.5, "1", True, None)
    elif get_origin(hint) is not tuple:  # or None
        yield from (value for value in refused(parts[0]) if value is not None)
    elif parts[-1] is ...:
        yield from ((1, value) for value in refused(parts[0]))
    else:
        yield from ((0,), (0, 0, 0))
        yield from (tuple(value if i == k else 0 for i in range(2)) for k in range(2) for value in refused(parts[k]))


CASES = [
    (place, name, value)
    for place, cls in PARTS.items()
    for name, hint in bounded_fields(cls).items()
    for value in refused(hint)
]


@pytest.mark.parametrize(("place", "name", "value"), CASES)
def test_a_number_beyond_its_bounds_is_refused(place: str, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{place}: {name} is "):
        plan_of(2, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_ns", INT64),
        ("end_ns", -INT64 - 1),
        ("taint_ns", -1),
        ("sample_ns", 0),
        ("markouts_ns", (1, 2, -1)),
        ("depth", -1),
        ("late_level_ns", INT64),
        ("late_print_ns", -1),
        ("venue", 1 << 10),
        ("initial_position", -INT64 - 1),
        ("max_position", INT64),
        ("maker_rates", (1 << 46, 0)),
        ("taker_rates", (0, -(1 << 86))),
        ("entry_ns", 0),
        ("response_ns", INT64),
        ("warm_up_ns", None),
    ],
)
def test_every_number_that_an_engine_counts_with_has_bounds(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf": {name} is "):
        plan_of(2, **{name: value})


def test_every_integer_of_a_plan_has_bounds() -> None:
    fields = [(cls.__name__, name, kind) for cls in PARTS.values() for name, kind in cls.__annotations__.items()]
    free = [(place, name) for place, name, kind in fields if re.match(r"(tuple\[)?int\b", kind)]
    assert not free


def test_the_largest_numbers_are_taken() -> None:
    plan = plan_of(3, max_position=INT64 - 1, start_ns=-INT64, end_ns=INT64 - 1)
    assert replace(plan, taint_ns=INT64 - 1).taint_ns == INT64 - 1
    assert ChannelPlan(entry_ns=INT64 - 1).entry_ns == INT64 - 1


def test_an_agent_without_its_part_in_each_instrument_or_venue_is_refused() -> None:
    plan = plan_of(3, 2)
    with pytest.raises(ConfigError, match="sessions has 1 entries; expected one for each of the 2 instruments"):
        replace(plan, agents=(AgentPlan((SessionPlan(),)),))
    with pytest.raises(ConfigError, match="channels has 2 entries; expected one for each of the 1 venues"):
        replace(plan, agents=(AgentPlan((SessionPlan(),) * 2, (ChannelPlan(),) * 2),))
