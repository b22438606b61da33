"""The page as a browser shows it: opened from disk, its scripts run, its charts drawn."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from result_factory import random_result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")

# Sorts every sortable table by its second column, and leaves that column's texts behind.
SORTING = """
<pre id="sorted"></pre>
<script>
window.addEventListener("load", function () {
  var table = document.querySelector("table.sortable");
  table.querySelectorAll("th")[1].click();
  document.getElementById("sorted").textContent =
    Array.from(table.tBodies[0].rows).map(function (row) { return row.cells[1].textContent; }).join("|");
});
</script>
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the page's elements after its scripts have run, and what the browser logged."""
    folder = tmp_path_factory.mktemp("browser")
    page = Path(random_result(3).report(folder / "page.html"))
    page.write_text(page.read_text("utf-8").replace("</body>", f"{SORTING}</body>"), encoding="utf-8")
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=20000"]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, done.stderr


def test_every_chart_is_drawn(shown: tuple[str, str]) -> None:
    dom, _ = shown
    boxes = re.findall(r'<div id="([^"]+)" class="chart([^"]*)"', dom)
    assert len(boxes) >= 5
    assert all("js-plotly-plot" in classes for _, classes in boxes), boxes
    assert dom.count('class="main-svg"') >= len(boxes)


def test_the_scripts_run_without_errors(shown: tuple[str, str]) -> None:
    _, log = shown
    complaints = [line for line in log.splitlines() if "CONSOLE" in line]
    assert not complaints


def test_a_click_on_a_column_sorts_its_table(shown: tuple[str, str]) -> None:
    dom, _ = shown
    found = re.search(r'<pre id="sorted">([^<]*)</pre>', dom)
    assert found
    values = [float(re.sub(r"[^\d.+-]", "", text)) for text in found[1].split("|")]
    assert len(values) > 1
    assert values == sorted(values, reverse=True)
