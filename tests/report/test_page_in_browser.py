"""The page as a browser shows it: opened from disk, its scripts run, its charts drawn."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from result_factory import instrument, random_result

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

# Sends the numbers of its cards to the frame that holds it: what is wider than its box, and where rows end.
MEASURING = """
<script>
window.addEventListener("load", function () {
  var found = Array.from(document.querySelectorAll(".triple section")).map(function (card) {
    var boxes = [card].concat(Array.from(card.querySelectorAll(".scroll, th, td")));
    var edge = card.getBoundingClientRect();
    return {
      title: card.querySelector("caption").textContent,
      cells: boxes.length,
      wide: boxes.filter(function (box) { return box.scrollWidth > box.clientWidth; }).map(textOf),
      outside: boxes.filter(function (box) { return box.getBoundingClientRect().right > edge.right; }).map(textOf),
      broken: Array.from(card.querySelectorAll("td:not(:first-child)")).filter(isBroken).map(textOf)
    };
  });
  function textOf(box) { return box.tagName + ": " + box.textContent.slice(0, 60); }
  function isBroken(cell) {
    var range = document.createRange();
    range.selectNodeContents(cell);
    return range.getClientRects().length > 1;
  }
  window.parent.postMessage({width: window.innerWidth, cards: found}, "*");
});
</script>
"""
COLLECTING = """<!doctype html><meta charset="utf-8"><pre id="measured"></pre><script>
var all = [];
window.addEventListener("message", function (event) {
  all.push(event.data);
  document.getElementById("measured").textContent = JSON.stringify(all);
});
</script>"""
WIDTHS = (400, 1100, 1400, 1920)


def browse(page: Path) -> tuple[str, str]:
    """Return a page's elements after its scripts have run, and what the browser logged."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=20000"]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the page's elements after its scripts have run, and what the browser logged."""
    folder = tmp_path_factory.mktemp("browser")
    page = Path(random_result(3).report(folder / "page.html"))
    page.write_text(page.read_text("utf-8").replace("</body>", f"{SORTING}</body>"), encoding="utf-8")
    return browse(page)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """Return what the cards of a page with a position limit and large numbers measure, by the width of the window."""
    folder = tmp_path_factory.mktemp("widths")
    about = instrument(max_position_lots=50, lot_size="100000")
    page = Path(random_result(3, instruments=(about,), fills=300).report(folder / "page.html"))
    page.write_text(page.read_text("utf-8").replace("</body>", f"{MEASURING}</body>"), encoding="utf-8")
    frames = "".join(f'<iframe src="page.html" style="width:{w}px;height:900px;border:0"></iframe>' for w in WIDTHS)
    outer = folder / "outer.html"
    outer.write_text(COLLECTING + frames, encoding="utf-8")
    found = re.search(r'<pre id="measured">([^<]+)</pre>', browse(outer)[0])
    assert found
    return {each["width"]: each["cards"] for each in json.loads(unescape(found[1]))}


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


@pytest.mark.parametrize("width", WIDTHS)
def test_no_number_of_a_card_is_cut_or_has_to_be_scrolled_to(measured: dict[int, Any], width: int) -> None:
    cards = measured[width]
    assert [each["title"] for each in cards] == ["Fills by cause", "Inventory (lots) and risk", "Orders"]
    for each in cards:
        assert each["cells"] > 10
        assert (each["wide"], each["outside"], each["broken"]) == ([], [], []), each["title"]
