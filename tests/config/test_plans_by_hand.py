"""A plan made by hand whose numbers no engine can hold is refused by the name of the field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scenario import instrument_plan

from lob_backtest.contract.plan import Plan
from lob_backtest.errors import ConfigError

INT64 = 1 << 63

PLAN = [
    *[(name, value) for name in ("start_ns", "end_ns") for value in (INT64, -INT64 - 1, 10**40, 1.5, "1", True)],
    *[(name, value) for name in ("warm_up_ns", "taint_ns") for value in (INT64, -1, 0.5, None)],
    *[(name, value) for name in ("entry_ns", "response_ns", "sample_ns") for value in (INT64, 0, -1, 1.0)],
    *[("markouts_ns", value) for value in ((INT64,), (1, 2, -1), (1.5,))],
]
INSTRUMENT = [
    *[(name, INT64) for name in ("depth", "initial_position", "max_position", "late_level_ns")],
    ("late_print_ns", INT64),
    ("initial_position", -INT64 - 1),
    ("max_position", 2.5),
    ("maker_rates", (1 << 46, 0)),
    ("maker_rates", (0, -(1 << 86))),
    ("taker_rates", (0, 0.5)),
    ("taker_rates", (0,)),
]


@pytest.mark.parametrize(("name", "value"), PLAN)
def test_a_number_of_a_plan_beyond_its_bounds_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^Plan: {name} is "):
        Plan(instruments=(instrument_plan(3),), **{name: value})


@pytest.mark.parametrize(("name", "value"), INSTRUMENT)
def test_a_number_of_an_instrument_beyond_its_bounds_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^InstrumentPlan of X: {name} is "):
        instrument_plan(2, **{name: value})


def test_the_largest_numbers_are_taken() -> None:
    plan = Plan(instruments=(instrument_plan(3, max_position=INT64 - 1),), start_ns=-INT64, end_ns=INT64 - 1)
    assert replace(plan, taint_ns=INT64 - 1, entry_ns=INT64 - 1).entry_ns == INT64 - 1
