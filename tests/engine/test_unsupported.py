"""An engine says what of a plan it cannot do, and a run that needs it is refused by name."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from lob_backtest import engine as engines
from lob_backtest.contract.plan import Plan
from lob_backtest.engine import load_engine
from lob_backtest.errors import ConfigError
from lob_backtest.results.sink import MemorySink


def fake(monkeypatch: pytest.MonkeyPatch, name: str, lacks: list[str]) -> list[Any]:
    """Install an engine that lacks something; return the list of its runs."""
    module, runs = ModuleType(f"fake_{name}_engine"), list[Any]()
    vars(module).update(replay=lambda *given: runs.append(given), unsupported=lambda plan: lacks)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(engines._HOMES, name, module.__name__)
    return runs


def test_what_an_engine_lacks_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = fake(monkeypatch, "fake", ["stop orders", "venue.fee_tiers"])
    monkeypatch.setattr(engines, "ENGINES", ("fake", "reference"))
    with pytest.raises(
        ConfigError, match=r"the fake engine cannot .*: stop orders, venue\.fee_tiers\. Use the reference"
    ):
        load_engine("fake")(Plan((), ()), [], [], MemorySink(()))
    assert not runs


def test_nothing_is_advised_where_no_engine_can(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, "fake", ["stop orders"])
    fake(monkeypatch, "other", ["stop orders"])
    monkeypatch.setattr(engines, "ENGINES", ("fake", "other"))
    with pytest.raises(ConfigError, match=r"stop orders\. No engine of this installation can"):
        load_engine("fake")(Plan((), ()), [], [], MemorySink(()))


def test_a_plan_that_an_engine_can_do_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = fake(monkeypatch, "fake", [])
    load_engine("fake")(Plan((), ()), [], [], MemorySink(()))
    assert len(runs) == 1
