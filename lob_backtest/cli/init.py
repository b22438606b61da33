"""`lob-backtest init`: a project that runs."""

from __future__ import annotations

import json
from importlib import metadata, resources
from pathlib import Path
from typing import Final

import click

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
"""What is written, and the file in `project` that it is a copy of."""

REQUIREMENTS: Final = "requirements.txt"
SAMPLE: Final = "data/sample.parquet"
SAMPLE_EVENTS: Final = 20_000
BASELINE: Final = "tests/baselines/my_strategy"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the files written as JSON on standard output.")
@quiet_option
def command(folder: Path, as_json: bool, quiet: bool) -> None:
    """Write a project that runs, into DIR: config, strategy, regression test, CI file and a small sample.

    Nothing that is there is replaced. The sample is generated, and the regression test's baseline is the result of a
    first run.
    """
    from lob_backtest.backtest import run
    from lob_backtest.market.synthetic import generate

    names = [*FILES, REQUIREMENTS, SAMPLE, BASELINE]
    _refuse_to_replace(folder, names)
    templates = resources.files("lob_backtest.cli") / "project"
    for name, template in FILES.items():
        _write(folder / name, (templates / template).read_text(encoding="utf-8"))
    _write(folder / REQUIREMENTS, f"{_requirement()}\npytest\n")
    (folder / SAMPLE).parent.mkdir(parents=True, exist_ok=True)
    generate(folder / SAMPLE, events=SAMPLE_EVENTS, compression="zstd")
    run(folder / "run.toml").save(folder / BASELINE, page=False)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "files": names}))
    elif not quiet:
        click.echo(f"Wrote {folder}: {', '.join(names)}\n\nNext:\n")
        if folder.resolve() != Path.cwd():
            click.echo(f"  cd {folder}")
        click.echo("  lob-backtest run run.toml -o out    # then open out/report.html\n  pytest")


def _refuse_to_replace(folder: Path, names: list[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder; choose another place")
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise OutputError(f"{folder}: holds {', '.join(there)} already, and nothing is replaced; choose another folder")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _requirement() -> str:
    """Name this very version as pip takes it: the commit of a repository if it was installed from one (PEP 610)."""
    installed = metadata.distribution("lob-backtest")
    source = json.loads(installed.read_text("direct_url.json") or "{}")
    if "vcs_info" in source:
        vcs = source["vcs_info"]
        return f"lob-backtest @ {vcs['vcs']}+{source['url']}@{vcs['commit_id']}"
    return f"lob-backtest=={installed.version}"
