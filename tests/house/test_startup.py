"""What `--help` may import: it has to start at once, so nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lob_backtest.cli.group import VERBS

HEAVY = {"pandas", "plotly", "pyarrow", "numpy", "pydantic", "rich", "jinja2", "databento_dbn", "sortedcontainers"}


def modules_after(code: str) -> set[str]:
    """Run code in a fresh interpreter; return the top-level modules that it has loaded at its end."""
    report = "import sys, atexit; atexit.register(lambda: print(*sys.modules, sep=chr(10), file=sys.stderr))\n"
    done = subprocess.run([sys.executable, "-c", report + code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


def test_help_imports_nothing_heavy() -> None:
    loaded = modules_after("from lob_backtest.cli.group import main; main(['--help'])")
    assert "click" in loaded
    assert not loaded & HEAVY


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not modules_after("import lob_backtest") & HEAVY


@pytest.mark.parametrize("name", ["pandas", "plotly"])
def test_a_heavy_import_would_be_seen(name: str) -> None:
    assert name in modules_after(f"import {name}")


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_imports_no_tables_or_charts(verb: str) -> None:
    loaded = modules_after(f"from lob_backtest.cli.group import main; main([{verb!r}, '--help'])")
    assert not loaded & {"pandas", "plotly", "databento_dbn"}
