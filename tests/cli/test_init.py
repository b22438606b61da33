"""The first minute: `init` writes a project whose two commands work, and replaces nothing."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from lob_backtest.cli.group import main
from lob_backtest.cli.verbs import init


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in argv])
    return (stop.value.code, *capsys.readouterr())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "mine"
    with pytest.raises(SystemExit) as stop:
        main(["init", str(folder), "--quiet"])
    assert stop.value.code == 0
    return folder


def test_says_what_to_type_next(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = call(capsys, "init", tmp_path / "new")
    assert (code, err) == (0, "")
    assert re.search(r"Next:\n\n  cd \S+new\n(.*\n)*  lob-backtest run run.toml -o out .*\n  pytest\n", out)


def test_what_to_type_works_in_the_shell_that_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "an env" / "bin"
    programs.mkdir(parents=True)
    (programs / "lob-backtest").touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "an env"))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert init._next_steps(Path("new"))[:2] == ["cd new", f". '{programs}/activate'"]
    monkeypatch.setenv("PATH", str(programs))
    run, test = init._next_steps(tmp_path)
    assert run.startswith("lob-backtest run run.toml")
    assert test == "pytest"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "pip install pytest" in init._next_steps(tmp_path)


def test_the_run_works_and_writes_a_page(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    code, out, _ = call(capsys, "run", "run.toml", "-o", tmp_path / "out")
    assert code == 0
    assert "Where the money came from (USD)" in out
    assert (tmp_path / "out/report.html").is_file()


def test_its_own_tests_pass_and_fail_when_the_strategy_changes(project: Path) -> None:
    def pytest_in_project() -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        return subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)

    first = pytest_in_project()
    assert first.returncode == 0, first.stdout + first.stderr
    strategy = project / "strategies/my_strategy.py"
    before = strategy.read_text("utf-8")
    strategy.write_text(before.replace("lean: int = 3", "lean: int = 1"), encoding="utf-8")
    try:
        changed = pytest_in_project()
    finally:
        strategy.write_text(before, encoding="utf-8")
    assert changed.returncode == 1
    assert "pnl_currency" in changed.stdout
    assert "first fill that differs" in changed.stdout


def test_the_readme_names_files_that_are_there(project: Path) -> None:
    named = re.findall(r"^\| `([^`]+)` \|", (project / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(named) == 6
    assert [name for name in named if not (project / name).exists()] == []


def test_no_large_file_is_written(project: Path) -> None:
    assert sum(path.stat().st_size for path in project.rglob("*") if path.is_file()) < 500_000


def test_what_is_there_is_not_replaced(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    code, _, err = call(capsys, "init", project)
    assert code == 6
    assert "run.toml" in err
    (tmp_path / "README.md").write_text("mine\n")
    assert call(capsys, "init", tmp_path)[0] == 6
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert call(capsys, "init", tmp_path / "README.md")[0] == 6


def test_a_folder_that_holds_other_things_is_filled(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine\n")
    code, out, _ = call(capsys, "init", tmp_path, "--json")
    assert code == 0
    assert all((tmp_path / name).exists() for name in json.loads(out)["files"])
    assert (tmp_path / "notes.txt").read_text() == "mine\n"


class _Installed:
    """Stands in for the metadata of an installation."""

    version = "1.2.3"

    def __init__(self, direct_url: str | None) -> None:
        self._direct_url = direct_url

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._direct_url


COMMIT = {"url": "https://host/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}


@pytest.mark.parametrize(
    ("direct_url", "requirement"),
    [
        (None, "lob-backtest==1.2.3"),
        (json.dumps({"url": "file:///x", "dir_info": {}}), None),
        (json.dumps(COMMIT), "lob-backtest @ git+https://host/x.git@abc"),
    ],
)
def test_the_requirement_is_the_version_that_is_installed(
    direct_url: str | None, requirement: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda _: _Installed(direct_url))
    assert init._requirement() == requirement
