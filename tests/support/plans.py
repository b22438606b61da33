"""Plans for tests, from options by the names of their fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from lob_backtest.config.queue_models import log
from lob_backtest.contract.plan import (
    ChannelPlan,
    Feed,
    FeePlan,
    FillRules,
    InstrumentPlan,
    MmpPlan,
    OrderRules,
    Plan,
    QueueModel,
    ReplaceRules,
    SessionPlan,
    uniform_plan,
)
from lob_backtest.instrument import Instrument


def plan_of(
    level: int, instruments: int = 1, agents: int = 1, *, names: Sequence[str] | None = None, **options: Any
) -> Plan:
    """Make a plan of instruments with a tick and a lot of 1, without fees, and of agents that are alike.

    Args:
        level: 2 or 3.
        instruments: how many.
        agents: how many.
        names: of the instruments; `None`: X for one, X0, X1, … for several.
        options: fields of any part of the plan, the same for all instruments and agents; `evidence`, as scenarios
            call it, is `fill_on_younger_execution`.
    """
    if "evidence" in options:
        options["fill_on_younger_execution"] = options.pop("evidence")
    names = names or (["X"] if instruments == 1 else [f"X{i}" for i in range(instruments)])
    market, session, channel = (_taken(options, cls) for cls in (InstrumentPlan, SessionPlan, ChannelPlan))
    market["fill_rules"] = FillRules(**_taken(options, FillRules))
    if market["fill_rules"].queue_model == QueueModel.WEIGHTED:
        market.setdefault("queue_weights", log())
    rules = {"replace": ReplaceRules(**_taken(options, ReplaceRules)), **_taken(options, OrderRules)}
    market["order_rules"] = OrderRules(**rules)
    session["fees"] = FeePlan(**_taken(options, FeePlan))
    session.setdefault("mmp", MmpPlan(**_taken(options, MmpPlan)))
    parts = [
        InstrumentPlan(
            Instrument(name, "TEST", Decimal(1), Decimal(1)),
            Feed(level),
            **{"depth": 0, "tick_lot_value": 1.0, **market},
        )
        for name in names
    ]
    return uniform_plan(parts, agents, session=SessionPlan(**session), channel=ChannelPlan(**channel), **options)


def _taken(options: dict[str, Any], cls: Any) -> dict[str, Any]:
    """Take the options out that are fields of a class."""
    return {each.name: options.pop(each.name) for each in fields(cls) if each.name in options}
