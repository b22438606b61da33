"""`lob-backtest report`: write the page of a saved result."""

from __future__ import annotations

from pathlib import Path

import click

from lob_backtest.cli.output import echo, print_json


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option("-o", "--output", type=click.Path(), help="The file to write; DIR/report.html by default.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the path as JSON.")
def command(folder: str, output: str | None, force: bool, as_json: bool) -> None:
    """Write the HTML page of a saved result.

    DIR is a folder that `lob-backtest run -o` wrote. The page is one file that opens offline.
    """
    from lob_backtest.atomic.drafts import check_output
    from lob_backtest.result import Result

    target = Path(output) if output is not None else Path(folder) / "report.html"
    check_output(target, force=force, parent_is_made=True)
    result = Result.load(folder)
    written = str(result.report(target))
    if as_json:
        print_json("report", {"page": written})
    else:
        echo(written)
