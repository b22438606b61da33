"""Market maker protection of the config reaches the plan of each session, and nonsense is refused by its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_planning import Quiet, market

import lob_backtest as lob
from lob_backtest import backtest
from lob_backtest.contract.plan import MmpPlan, Plan
from lob_backtest.engine import load_engine
from lob_backtest.errors import ConfigError


@pytest.mark.parametrize(
    ("risk", "expected"),
    [
        ({}, MmpPlan(None, None, 1_000_000_000, 0)),
        ({"mmp": {"lots": 50, "interval": "2s", "frozen": "5s"}}, MmpPlan(50, None, 2_000_000_000, 5_000_000_000)),
        ({"mmp": {"fills": 3, "interval": "10ms"}}, MmpPlan(None, 3, 10_000_000, 0)),
    ],
)
def test_every_session_has_the_protection_of_the_config(
    risk: dict[str, Any], expected: MmpPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Plan] = []

    def load(name: str) -> Any:
        def run(plan: Plan, *rest: Any) -> Any:
            plans.append(plan)
            return load_engine(name)(plan, *rest)

        return run

    monkeypatch.setattr(backtest, "load_engine", load)
    data = [str(market(tmp_path / f"{name}.parquet")) for name in "ab"]
    lob.run({"instrument": [{"name": each[-9:], "data": [each]} for each in data], "risk": risk}, Quiet())
    assert [session.mmp for agent in plans[0].agents for session in agent.sessions] == [expected, expected]


@pytest.mark.parametrize(
    ("mmp", "message"),
    [
        ({"delta": 3, "interval": "1s"}, "risk.mmp: delta: instruments have no greeks; limit lots or fills"),
        ({"interval": "2s"}, "risk.mmp: neither lots nor fills"),
        ({"lots": 0}, "risk.mmp.lots: "),
        ({"fills": 1.5}, "risk.mmp.fills: "),
        ({"lots": 1, "frozen": "-1s"}, "risk.mmp.frozen: "),
    ],
)
def test_an_impossible_protection_is_refused_by_its_key(mmp: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        lob.RunConfig.parse({"instrument": [{"data": ["a.parquet"]}], "risk": {"mmp": mmp}})
