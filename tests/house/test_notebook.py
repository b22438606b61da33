"""The notebook of the first ten minutes, executed from top to bottom."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs/first-ten-minutes.ipynb"
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=120, kernel_name="python3").execute()
nbformat.write(book, "executed.ipynb")
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run every cell in a folder of its own; return the cells by id. A cell that raises is an error here."""
    folder = tmp_path_factory.mktemp("notebook")
    # In a process of its own: what the client leaves open is no warning of ours.
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, NOTEBOOK], cwd=folder, capture_output=True, text=True, check=False
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
    assert "'pnl': " in output(executed["money"])
    assert "queue" in output(executed["fills"])
    assert output(executed["compare"]).startswith("different\n")


def test_slower_orders_give_other_results(executed: dict[str, Any]) -> None:
    lines = output(executed["latency"]).splitlines()
    assert len({line.split()[-1] for line in lines}) == len(lines) == 4


def test_nothing_is_written_to_its_standard_error(executed: dict[str, Any]) -> None:
    errors = [out for cell in executed.values() for out in cell.get("outputs", []) if out.get("name") == "stderr"]
    assert not errors


def test_it_is_stored_without_outputs_and_its_links_lead_somewhere() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    assert not [cell["id"] for cell in book.cells if cell.get("outputs") or cell.get("execution_count")]
    text = "".join(cell["source"] for cell in book.cells if cell["cell_type"] == "markdown")
    assert [name for name in re.findall(r"\]\(([^)]+)\)", text) if not (NOTEBOOK.parent / name).is_file()] == []
