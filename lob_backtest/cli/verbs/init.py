"""`lob-backtest init`: write a project that runs."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
from importlib import metadata, resources
from pathlib import Path
from typing import Final

import click

from lob_backtest.atomic.drafts import make_folder, write_file
from lob_backtest.atomic.together import RemovedOnError
from lob_backtest.cli.output import echo, print_json
from lob_backtest.cli.progress import quiet_option
from lob_backtest.errors import OutputError

FILES: Final = {
    "README.md": "readme.md",
    "run.toml": "run.toml",
    "strategies/my_strategy.py": "my_strategy.py",
    "tests/test_regression.py": "test_regression.py",
    ".github/workflows/backtest.yml": "backtest.yml",
    ".gitignore": "gitignore",
}
"""Files to write, and the file in `project` of which each is a copy."""

REQUIREMENTS: Final = "requirements.txt"
UNKNOWN_ORIGIN: Final = """\
# lob-backtest was installed from a folder here. Name the repository that has it, and take out the '#':
# lob-backtest @ git+https://HOST/PATH@REVISION"""
SAMPLE: Final = "data/sample.parquet"
SAMPLE_EVENTS: Final = 20_000
BASELINE: Final = "tests/baselines/my_strategy"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the files written as JSON on standard output.")
@quiet_option
def command(folder: Path, as_json: bool, quiet: bool) -> None:
    """Write a project that runs, into DIR: config, strategy, regression test, CI file and a small sample.

    Existing files are never replaced. The sample is generated, and the regression test's baseline is the result of a
    first run.
    """
    from lob_backtest.backtest import run
    from lob_backtest.synthetic.generate import generate

    names = [*FILES, REQUIREMENTS, SAMPLE, BASELINE]
    _refuse_to_replace(folder, names)
    templates = resources.files("lob_backtest.cli") / "project"
    requirement = _requirement()
    with RemovedOnError([folder / name for name in names]):
        for name, template in FILES.items():
            write_file(folder / name, (templates / template).read_text(encoding="utf-8"), force=False)
        write_file(folder / REQUIREMENTS, f"{requirement or UNKNOWN_ORIGIN}\npytest\n", force=False)
        make_folder((folder / SAMPLE).parent)
        generate(folder / SAMPLE, events=SAMPLE_EVENTS, compression="zstd")
        run(folder / "run.toml").save(folder / BASELINE, page=False)
    if as_json:
        print_json("init", {"folder": str(folder), "files": names})
    elif not quiet:
        echo(f"Wrote {folder}: {', '.join(names)}\n\nNext:\n")
        for line in _next_steps(folder):
            echo(f"  {line}")
        if requirement is None:
            echo(f"\nBefore CI can work: name in {folder / REQUIREMENTS} the source of lob-backtest.")


def _next_steps(folder: Path) -> list[str]:
    """Return the commands to type next, for the environment of the caller's shell."""
    steps = [] if folder.resolve() == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]
    programs = Path(sys.prefix) / ("Scripts" if os.name == "nt" else "bin")
    found = shutil.which("lob-backtest")
    if sys.prefix != sys.base_prefix and (found is None or Path(found).parent.resolve() != programs.resolve()):
        start = str(programs / "activate")
        steps.append(start if os.name == "nt" else f". {shlex.quote(start)}")
    if importlib.util.find_spec("pytest") is None:
        steps.append("pip install pytest")
    return [*steps, "lob-backtest run run.toml -o out    # then open out/report.html", "pytest"]


def _refuse_to_replace(folder: Path, names: list[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder; choose another place")
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise OutputError(f"{folder}: holds {', '.join(there)} already; choose another folder, or remove them")


def _requirement() -> str | None:
    """Return the pip requirement of this very version, from pip's record of its origin (PEP 610).

    Returns:
        The version if it was installed from a package index, the commit if from a repository; `None` if from a folder:
        other machines do not have it, and an index may have another package of this name.
    """
    installed = metadata.distribution("lob-backtest")
    source = json.loads(installed.read_text("direct_url.json") or "{}")
    if "vcs_info" in source:
        vcs = source["vcs_info"]
        return f"lob-backtest @ {vcs['vcs']}+{source['url']}@{vcs['commit_id']}"
    return None if source else f"lob-backtest=={installed.version}"
