"""The fixture `lob_regression`, as a project's own pytest sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lob_backtest as lob

STRATEGY = """
import lob_backtest as lob

class Quotes(lob.Strategy):
    size: int = 2

    def on_start(self, ctx):
        ctx.every(100 * lob.MS)

    def on_timer(self, ctx, timer_id):
        if ctx.book.mid_ticks is not None:
            ctx.quote(bid=(ctx.book.bid_ticks, self.size), ask=(ctx.book.ask_ticks, self.size))
"""
CONFIG = """
[[instrument]]
data = ["market.parquet"]
[strategy]
class = "quotes.py:Quotes"
params = { size = 2 }
"""
TEST = """
def test_exact(lob_regression):
    assert lob_regression("run.toml", "exact").status == "complete"

def test_tolerant(lob_regression):
    lob_regression("run.toml", "tolerant", tolerances={"fills": "90%"})
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lob.generate(tmp_path / "market.parquet", events=2_000)
    (tmp_path / "quotes.py").write_text(STRATEGY)
    (tmp_path / "run.toml").write_text(CONFIG)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(TEST)
    return tmp_path


def play(project: Path, *arguments: str) -> tuple[int, str]:
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_baseline_is_asked_for_written_held_and_replaced(project: Path) -> None:
    code, said = play(project)
    assert code == 1
    assert "no baseline" in said
    assert "--lob-update" in said
    assert "Traceback" not in said

    code, said = play(project, "--lob-update")
    assert code == 0
    assert f"wrote {project / 'tests/baselines/exact'}" in said
    assert {path.name for path in (project / "tests/baselines").iterdir()} == {"exact", "tolerant"}
    assert not list(project.rglob("report.html"))
    elsewhere = project / "tests"
    assert play(elsewhere, "-W", "error")[0] == 0  # the config is found from any folder, and nothing warns

    (project / "run.toml").write_text(CONFIG.replace("size = 2", "size = 3"))
    code, said = play(project)
    assert code == 1
    assert "1 failed, 1 passed" in said
    assert "pnl_currency: " in said
    assert "first fill that differs: row " in said

    code, said = play(project, "--lob-update", "-k", "exact")
    assert code == 0
    assert "replaced" in said
    assert play(project)[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"run.toml"', '"rum.toml"', "ConfigError: rum.toml: no such file in"),
        ('{"fills"', '{"filks"', "ConfigError: tolerance for 'filks': no metric has that name; did you mean"),
    ],
)
def test_a_mistake_in_a_test_is_one_message(project: Path, old: str, new: str, says: str) -> None:
    assert play(project, "--lob-update")[0] == 0
    (project / "tests/test_it.py").write_text(TEST.replace(old, new))
    code, said = play(project)
    assert code == 1
    assert says in said
    assert "pytest_plugin.py" not in said.replace("short test summary", "")


def test_other_data_are_not_comparable(project: Path) -> None:
    assert play(project, "--lob-update")[0] == 0
    lob.generate(project / "market.parquet", events=2_000, seed=2)
    code, said = play(project)
    assert code == 1
    assert "inputs (sha256)" in said


def test_a_new_result_that_fails_is_kept_where_asked(project: Path) -> None:
    assert play(project, "--lob-update")[0] == 0
    assert play(project, "--lob-output", "new")[0] == 0
    assert not (project / "new").exists()

    for size in (3, 4):  # a second run replaces what the first one kept
        (project / "run.toml").write_text(CONFIG.replace("size = 2", f"size = {size}"))
        code, said = play(project, "--lob-output", "new")
        assert code == 1
        assert f"new result: {project / 'new/tests/exact'}" in said
        assert [path.name for path in (project / "new/tests").iterdir()] == ["exact"]
        assert lob.Result.load(project / "new/tests/exact").info.config["strategy"]["params"] == {"size": size}
        assert (project / "new/tests/exact/report.html").is_file()

    (project / "file").write_text("")
    code, said = play(project, "--lob-output", "file")
    assert code == 1
    assert "first fill that differs: row " in said
    assert "new result: not saved: " in said
    assert "Traceback" not in said


def test_the_plugin_imports_nothing_heavy() -> None:
    code = "import lob_backtest.pytest_plugin, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "pandas", "pyarrow", "plotly", "pydantic", "rich"}
    assert "pytest" in loaded
