"""The summary of a result, printed: for a terminal, or as JSON."""

from __future__ import annotations

import sys
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from lob_backtest.cli.output import echo, print_json, require_output

if TYPE_CHECKING:
    from lob_backtest.result import Result


def show_summary(
    kind: str,
    result: Result,
    folder: Path | None,
    page: Path | None,
    *,
    full: bool,
    as_json: bool,
    quiet: bool,
    zone: tzinfo = UTC,
) -> None:
    """Print a summary, and last, on stderr, where the result is.

    Args:
        kind: of the JSON, by its name in `lob_backtest.cli.output.JSON_VERSIONS`.
        result: of a run.
        folder: where it is saved; `None`: nowhere.
        page: where its page is; `None`: nowhere.
        full: print every table.
        as_json: print the metrics as JSON, on stdout; of "report" with the path of the page.
        quiet: print nothing but JSON.
        zone: time zone of the times of the summary; JSON has nanoseconds, UTC.

    Raises:
        OutputError: standard output is closed.
    """
    if as_json:
        head = {"status": result.status, "digest": result.digest}
        if kind == "report":
            head["page"] = str(page)
        print_json(kind, {**head, **result.summary}, indent=2)
    elif not quiet:
        from rich.console import Console

        from lob_backtest.report.show.terminal import render

        require_output()
        render(result, Console(file=sys.stdout), full=full, zone=zone)
    if quiet:
        return
    for note in result.notes:
        echo(f"note: {note}", err=True)
    if folder is not None:
        echo(f"result: {folder}" + (f"  page: {page}" if page is not None else ""), err=True)
    elif not as_json:
        echo("not saved: add -o FOLDER to keep the result, its tables and its page", err=True)
