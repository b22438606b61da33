"""The notebook of the first ten minutes, executed from top to bottom."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs/first-ten-minutes.ipynb"
EXECUTE = ROOT / "docs/execute_notebook.py"
LARGEST = 400_000  # bytes


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run every cell in a folder of its own; return the cells by id. A cell that raises is an error here."""
    folder = tmp_path_factory.mktemp("notebook")
    # In a process of its own: what the client leaves open is no warning of ours.
    done = subprocess.run(
        [sys.executable, EXECUTE, "executed.ipynb"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "first/report.html").is_file()
    book = nbformat.read(folder / "executed.ipynb", as_version=4)
    return {cell["id"]: cell for cell in book.cells}


def output(cell: Any) -> str:
    """Return what a cell printed and showed, as text."""
    texts = [out.get("text", "") + out.get("data", {}).get("text/plain", "") for out in cell["outputs"]]
    return "".join(texts)


def test_it_shows_rows_a_result_and_what_moved(executed: dict[str, Any]) -> None:
    assert "ts_exchange_ns" in output(executed["rows"])
    assert "text/html" in executed["run"]["outputs"][0]["data"]
    assert "pnl " in output(executed["money"])
    assert "queue" in output(executed["fills"])
    assert output(executed["compare"]).startswith("different\n")


def test_slower_orders_capture_less_and_earn_less(executed: dict[str, Any]) -> None:
    lines = [line.split() for line in output(executed["latency"]).splitlines() if "USD" in line]
    profits, captured = ([float(line[place]) for line in lines] for place in (1, 6))
    assert len({line[-1] for line in lines}) == len(lines) == 4
    assert profits == sorted(profits, reverse=True)
    assert captured == sorted(captured, reverse=True)


def test_nothing_is_written_to_its_standard_error(executed: dict[str, Any]) -> None:
    errors = [out for cell in executed.values() for out in cell.get("outputs", []) if out.get("name") == "stderr"]
    assert not errors


def printed(cell: Any) -> str:
    """Return what a cell printed: the outputs that look the same with any version of the libraries."""
    return "".join(out["text"] for out in cell["outputs"] if out.get("name") == "stdout")


def test_it_is_stored_with_the_outputs_of_its_cells(executed: dict[str, Any]) -> None:
    stored = {cell["id"]: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell["cell_type"] == "code"}
    stale = [name for name, cell in stored.items() if printed(cell) != printed(executed[name])]
    stale += [name for name, cell in stored.items() if len(cell["outputs"]) != len(executed[name]["outputs"])]
    assert not stale, "run `python docs/execute_notebook.py`"
    assert len([name for name, cell in stored.items() if "image/png" in str(cell["outputs"])]) == 3
    assert NOTEBOOK.stat().st_size < LARGEST


def test_the_sites_page_shows_text_code_and_outputs() -> None:
    page = site_hooks().notebook_page(json.loads(NOTEBOOK.read_text("utf-8")))
    assert page.startswith("# The first ten minutes\n")
    assert "```python\nimport pandas as pd\n" in page
    assert "](data:image/png;base64," in page
    assert "<style" not in page


def site_hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs/site_hooks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_links_lead_somewhere() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    text = "".join(cell["source"] for cell in book.cells if cell["cell_type"] == "markdown")
    assert [name for name in re.findall(r"\]\(([^)]+)\)", text) if not (NOTEBOOK.parent / name).is_file()] == []
