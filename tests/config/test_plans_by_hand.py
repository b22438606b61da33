"""A plan made by hand whose numbers no engine can hold is refused by the name of the field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from plans import plan_of

from lob_backtest.contract.plan import AgentPlan, ChannelPlan, SessionPlan
from lob_backtest.errors import ConfigError

INT64 = 1 << 63

PLAN = [
    *[(name, value) for name in ("start_ns", "end_ns") for value in (INT64, -INT64 - 1, 10**40, 1.5, "1", True)],
    *[("taint_ns", value) for value in (INT64, -1, 0.5, None)],
    *[("sample_ns", value) for value in (INT64, 0, -1, 1.0)],
    *[("markouts_ns", value) for value in ((INT64,), (1, 2, -1), (1.5,))],
]
INSTRUMENT = [*[(name, INT64) for name in ("depth", "late_level_ns", "late_print_ns")], ("venue", -1), ("venue", 1025)]
SESSION = [
    *[(name, INT64) for name in ("initial_position", "max_position")],
    ("initial_position", -INT64 - 1),
    ("max_position", 2.5),
    ("maker_rates", (1 << 46, 0)),
    ("maker_rates", (0, -(1 << 86))),
    ("taker_rates", (0, 0.5)),
    ("taker_rates", (0,)),
]
CHANNEL = [(name, value) for name in ("entry_ns", "response_ns") for value in (INT64, 0, -1, 1.0)]
AGENT = [("warm_up_ns", value) for value in (INT64, -1, 0.5, None)]
PARTS = [("Plan", PLAN), ("InstrumentPlan of X", INSTRUMENT), ("SessionPlan", SESSION), ("ChannelPlan", CHANNEL)]


@pytest.mark.parametrize(
    ("part", "name", "value"), [(part, *each) for part, numbers in [*PARTS, ("AgentPlan", AGENT)] for each in numbers]
)
def test_a_number_beyond_its_bounds_is_refused(part: str, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{part}: {name} is "):
        plan_of(2, **{name: value})


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
