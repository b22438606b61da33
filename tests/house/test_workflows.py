"""What the workflows run is pinned: actions by commit, tools by version, builds by their lock file."""

from __future__ import annotations

import re

import pytest
from test_tidy import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
USES = re.compile(r"uses: *(\S+)(?: # (\S+))?")
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside(path) -> None:
    found = USES.findall(path.read_text(encoding="utf-8"))
    assert found
    for action, version in found:
        assert PINNED.fullmatch(action), action
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read_and_keep_no_token(path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "permissions:\n  contents: read\n" in text
    assert text.count("actions/checkout@") == text.count("persist-credentials: false") > 0


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_tools_that_a_workflow_installs_have_an_exact_version(path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        installed = re.search(r"pip install (.+)", line)
        if installed:
            for name in installed[1].split():
                assert "==" in name or name.startswith("dist/"), line
        if "cargo install" in line:
            assert re.search(r"--version \d+\.\d+\.\d+", line), line
            assert "--locked" in line, line


def test_each_ecosystem_is_kept_up_to_date() -> None:
    text = (ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8")
    assert re.findall(r"package-ecosystem: (\S+)", text) == ["github-actions", "cargo", "pip"]
