"""`lob-backtest report`: print the summary of a saved result, and write its page."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

import click

from lob_backtest.cli.show_summary import show_summary
from lob_backtest.cli.time_zone import zone_option


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Also write the page, to this file.")
@click.option("--force", is_flag=True, help="Write the page, DIR/report.html by default, even if the file exists.")
@click.option("--full", is_flag=True, help="Print every table of the summary, not the screen that matters most.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@zone_option
@click.option("--quiet", "-q", is_flag=True, help="Print no summary.")
def command(
    folder: Path, *, output: Path | None, force: bool, full: bool, as_json: bool, zone: tzinfo, quiet: bool
) -> None:
    """Print the summary of a saved result, and write its HTML page if it has none.

    DIR is a folder that `lob-backtest run -o` wrote. The page is one file that opens offline.
    """
    from lob_backtest.atomic.drafts import check_output
    from lob_backtest.result import Result

    page = folder / "report.html"
    target = output or (page if force or not page.exists() else None)
    if target is not None:
        check_output(target, force=force, parent_is_made=True)
    result = Result.load(folder)
    if target is not None:
        page = result.report(target)
    show_summary("report", result, folder, page, full=full, as_json=as_json, quiet=quiet, zone=zone)
