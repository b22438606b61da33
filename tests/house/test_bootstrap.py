"""The script behind `make install`, with interpreters that only pretend: no network, no real environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "dirname", "tr", "grep", "paste", "cksum", "cat", "rm", "tail", "mkdir", "cp", "chmod")

# Says that it is new enough, makes a `.venv` with a copy of itself, and writes down what it is asked to install.
WILLING = """#!/bin/sh
case "$*" in
    "--version") echo "Python 3.12.9" ;;
    "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python; chmod +x .venv/bin/python ;;
    *"pip install"*) echo "$*" >>installed.txt ;;
esac
"""
WITHOUT_PIP = """#!/bin/sh
case "$*" in
    "--version") echo "Python 3.11.2" ;;
    *ensurepip*|*virtualenv*|*pip*) exit 1 ;;
esac
"""
TOO_OLD = """#!/bin/sh
[ "$*" = "--version" ] && echo "Python 3.9.18" && exit 0
exit 1
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of what the script needs, in a folder with a space in its name."""
    folder = tmp_path / "a folder"
    (folder / "scripts").mkdir(parents=True)
    (folder / "bin").mkdir()
    shutil.copy(ROOT / "scripts/bootstrap.sh", folder / "scripts")
    (folder / "pyproject.toml").write_text("[project]\n")
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (folder / "bin" / tool).symlink_to(found)
    return folder


def provide(project: Path, name: str, script: str) -> None:
    path = project / "bin" / name
    path.write_text(script)
    path.chmod(0o755)


def bootstrap(project: Path, *level: str, **environment: str) -> subprocess.CompletedProcess[str]:
    only_these = {"PATH": str(project / "bin"), "HOME": os.environ.get("HOME", "/"), **environment}
    return subprocess.run(
        ["sh", "scripts/bootstrap.sh", *level], cwd=project, env=only_these, capture_output=True, text=True, check=False
    )


def installs(project: Path) -> int:
    log = project / "installed.txt"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_installs_once(project: Path) -> None:
    provide(project, "python3", WILLING)
    first, second = bootstrap(project), bootstrap(project)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "Python 3.12.9" in first.stderr
    assert second.stderr == ""
    assert installs(project) == 1


def test_a_run_needs_less_than_the_tests_and_what_is_there_is_enough_for_less(project: Path) -> None:
    provide(project, "python3", WILLING)
    log = project / "installed.txt"
    for level, asked in [("base", "."), ("base", None), ("all", ".[databento,test,dev]"), ("base", None)]:
        before = installs(project)
        assert bootstrap(project, level).returncode == 0
        assert installs(project) - before == (asked is not None)
        if asked:
            assert log.read_text().split()[-1] == asked
    assert bootstrap(project).returncode == 0
    assert installs(project) == 2
    assert bootstrap(project, "docs").returncode == 0
    assert log.read_text().split()[-1] == ".[databento,test,dev,docs]"
    assert bootstrap(project, "everything").returncode == 1


def test_installs_again_when_the_project_file_changes(project: Path) -> None:
    provide(project, "python3", WILLING)
    bootstrap(project)
    (project / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    again = bootstrap(project)
    assert "Making .venv" not in again.stderr
    assert installs(project) == 2


def test_installs_again_when_the_folder_has_moved(project: Path) -> None:
    provide(project, "python3", WILLING)
    bootstrap(project)
    moved = project.with_name("moved")
    project.rename(moved)
    bootstrap(moved)
    assert installs(moved) == 2


def test_an_environment_whose_interpreter_is_gone_is_made_again(project: Path) -> None:
    provide(project, "python3", WILLING)
    bootstrap(project)
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("/nowhere/python3")
    again = bootstrap(project)
    assert again.returncode == 0, again.stderr
    assert "Making .venv" in again.stderr
    assert installs(project) == 2


def test_the_environment_itself_is_not_what_it_is_made_from(project: Path) -> None:
    provide(project, "python3", WILLING)
    bootstrap(project)
    shutil.copy(project / ".venv/bin/python", project / ".venv/bin/python3")
    (project / ".venv/bin/python").unlink()
    again = bootstrap(project, PATH=f"{project}/.venv/bin:{project}/bin", VIRTUAL_ENV=str(project / ".venv"))
    assert again.returncode == 0, again.stderr
    assert f"({project}/bin/python3)" in again.stderr


def test_a_newer_interpreter_is_found_behind_an_old_one(project: Path) -> None:
    provide(project, "python3", TOO_OLD)
    provide(project, "python3.12", WILLING)
    assert bootstrap(project).returncode == 0


def test_says_which_interpreters_are_missing_or_too_old(project: Path) -> None:
    provide(project, "python3", TOO_OLD)
    failed = bootstrap(project)
    assert failed.returncode == 1
    assert "Python 3.11 or newer is needed" in failed.stderr
    assert "python3: Python 3.9.18" in failed.stderr
    assert "python3.12: missing" in failed.stderr


def test_the_interpreter_that_is_asked_for_is_the_only_one_tried(project: Path) -> None:
    provide(project, "python3", WILLING)
    provide(project, "old python", TOO_OLD)
    failed = bootstrap(project, PYTHON=str(project / "bin/old python"))
    assert failed.returncode == 1
    assert "old python: Python 3.9.18" in failed.stderr
    assert "python3.12" not in failed.stderr


def test_without_any_pip_it_names_the_package_to_install(project: Path) -> None:
    provide(project, "python3", WITHOUT_PIP)
    if list(Path("/usr/share/python-wheels").glob("pip-*.whl")):
        (project / "scripts/bootstrap.sh").write_text(
            (project / "scripts/bootstrap.sh").read_text().replace("/usr/share/python-wheels", "/nowhere")
        )
    failed = bootstrap(project)
    assert failed.returncode == 1
    assert "apt-get install python3-venv" in failed.stderr
    assert not (project / ".venv").exists()


def test_a_failed_installation_is_tried_again(project: Path) -> None:
    provide(project, "python3", WILLING.replace('echo "$*" >>installed.txt', "echo no network; exit 1"))
    failed = bootstrap(project)
    assert failed.returncode == 1
    assert "no network" in failed.stderr
    assert "install.log" in failed.stderr
    provide(project, ".venv-python", WILLING)
    shutil.copy(project / "bin/.venv-python", project / ".venv/bin/python")
    assert bootstrap(project).returncode == 0
    assert installs(project) == 1
