"""What config and files say of the limits between prints and LEVEL rows reaches the plan that an engine is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lob_backtest as lob
from lob_backtest import backtest
from lob_backtest.contract.plan import InstrumentPlan, Plan
from lob_backtest.contract.rows import Action, Flag
from lob_backtest.engine import load_engine
from lob_backtest.errors import ConfigError

T0 = 1_700_000_000 * 10**9
TOO_LONG = 1 << 60


class Quiet(lob.Strategy):
    """Does nothing."""


def market(path: Path, **meta: Any) -> Path:
    """Write an L2 file of two levels."""
    rows = {
        "ts_exchange_ns": np.array([T0, T0 + 1]),
        "ts_local_ns": np.array([T0 + 5, T0 + 6]),
        "action": np.full(2, Action.LEVEL),
        "side": np.array([1, -1]),
        "price_ticks": np.array([99, 101]),
        "size_lots": np.array([5, 5]),
        "flags": np.full(2, Flag.LAST),
    }
    lob.write_events(path, rows, level=2, symbol="T", tick_size="1", lot_size="1", **meta)
    return path


@pytest.mark.parametrize(
    ("meta", "fills", "expected"),
    [
        ({}, {}, (250_000_000, 250_000_000)),
        ({"late_level_ns": 7, "late_print_ns": 0}, {}, (7, 0)),
        ({"late_level_ns": 7}, {}, (7, 250_000_000)),
        ({"late_level_ns": 7, "late_print_ns": 9}, {"late_level": "1ms", "late_print": "0s"}, (1_000_000, 0)),
        ({"late_print_ns": 9}, {"late_level": "0ns"}, (0, 9)),
        ({}, {"late_level": TOO_LONG - 1, "late_print": 3}, (TOO_LONG - 1, 3)),
    ],
)
def test_limits_of_late_rows_are_those_of_the_config_then_the_file_then_the_default(
    meta: dict[str, int],
    fills: dict[str, Any],
    expected: tuple[int, int],
    engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[InstrumentPlan] = []

    def load(name: str) -> Any:
        def run(plan: Plan, *rest: Any) -> Any:
            given.extend(plan.instruments)
            return load_engine(name)(plan, *rest)

        return run

    monkeypatch.setattr(backtest, "load_engine", load)
    data = market(tmp_path / "a.parquet", **meta)
    lob.run({"instrument": [{"data": [str(data)]}], "fills": fills}, Quiet(), engine=engine)
    assert [(plan.fill_rules.late_level_ns, plan.fill_rules.late_print_ns) for plan in given] == [expected]


@pytest.mark.parametrize("key", ["late_level", "late_print"])
@pytest.mark.parametrize("value", ["-1ms", -1, "soon", 0.5, TOO_LONG, "100000d"])
def test_impossible_limit_of_late_rows_is_refused(key: str, value: Any) -> None:
    config = {"instrument": [{"data": ["a.parquet"]}], "fills": {key: value}}
    with pytest.raises(ConfigError, match=rf"^fills\.{key}: (?!unknown key)"):
        lob.RunConfig.parse(config)
