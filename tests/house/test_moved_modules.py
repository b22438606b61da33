"""Old names of modules work for one minor version, with a warning that gives the new one."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import warnings

import pytest

from lob_backtest.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_gives_the_module_and_a_warning(old: str) -> None:
    if importlib.util.find_spec("databento_dbn") is None and "dbn" in old:
        pytest.skip("databento_dbn is not installed")
    sys.modules.pop(f"lob_backtest.{old}", None)
    with pytest.warns(DeprecationWarning, match=rf"lob_backtest\.{old} is now lob_backtest\.{MOVED[old]}; .* in 0\.6"):
        module = importlib.import_module(f"lob_backtest.{old}")
    assert module is importlib.import_module(f"lob_backtest.{MOVED[old]}")


def test_a_name_that_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"lob_backtest\.market\.nothing"):
        importlib.import_module("lob_backtest.market.nothing")


def test_a_script_of_before_runs() -> None:
    script = (
        "from lob_backtest.strategy import Strategy; from lob_backtest.config import RunConfig; "
        "from lob_backtest.market.schema import Action; from lob_backtest.tables import Side; "
        "import lob_backtest.market.calibrate as module; print(module.calibrate.__name__, Action.TRADE.name, Side)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("calibrate TRADE")


def test_importing_the_package_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.reload(importlib.import_module("lob_backtest.moved"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import lob_backtest as lob; [getattr(lob, n) for n in lob.__all__]"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
