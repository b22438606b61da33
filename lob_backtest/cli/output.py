"""Printing for all verbs: text and tables for a terminal, JSON for programs.

Names of files, keys, symbols and texts of exceptions are foreign; none of them may control the terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import click

from lob_backtest.errors import OutputError
from lob_backtest.printable import printable, printable_lines, utf8_values

JSON_VERSIONS: Final = {
    "run": 1,
    "run --show-config": 1,
    "report": 1,
    "compare": 1,
    "convert": 1,
    "validate": 1,
    "inspect": 1,
    "book": 1,
    "generate": 1,
    "calibrate": 1,
    "venues": 1,
    "latency": 1,
    "init": 1,
    "doctor": 1,
    "schema run": 1,
    "schema events": 1,
    "schema result": 1,
}
"""The version of what each verb prints with `--json`: one more when a key goes, is renamed or gets another meaning."""


def echo(text: str = "", *, err: bool = False) -> None:
    """Print lines, with control characters escaped.

    Args:
        text: one line or several.
        err: print on standard error, or not at all if it is closed.

    Raises:
        OutputError: standard output is closed.
    """
    if err:
        if is_open(sys.stderr):
            click.echo(printable_lines(text), err=True)
        return
    require_output()
    click.echo(printable_lines(text))


def print_error(text: str) -> None:
    """Print an error on standard error; a failure to do so is ignored, since the exit code remains."""
    with suppress(OSError, ValueError):
        echo(text, err=True)


def print_json(
    kind: str,
    value: dict[str, Any] | list[dict[str, Any]],
    *,
    indent: int | None = None,
    default: Callable[[Any], Any] | None = None,
) -> None:
    """Print JSON on standard output, in ASCII, so that any file name gives valid UTF-8.

    Args:
        kind: what is printed, by its name in `JSON_VERSIONS`; the version becomes the first key of each object.
        value: plain values: an object, or a list of them.
        indent: as in `json.dumps`.
        default: as in `json.dumps`.

    Raises:
        OutputError: standard output is closed.
    """
    version = {"version": JSON_VERSIONS[kind]}
    versioned = [version | each for each in value] if isinstance(value, list) else version | value
    echo(json.dumps(utf8_values(versioned), indent=indent, default=default))


def require_output() -> None:
    """Check that standard output is open before work is done for it.

    Raises:
        OutputError: it is closed.
    """
    if not is_open(sys.stdout):
        raise OutputError("cannot print: standard output is closed; open it, or use --quiet where the verb has it")


def is_open(stream: Any) -> bool:
    """Return whether a standard stream is open; it is `None` if its descriptor was closed at the start."""
    return stream is not None and not getattr(stream, "closed", False)


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout.

    Args:
        title: above it.
        head: the columns' names; all but the first and last are right-aligned.
        rows: of one text per column.
    """
    require_output()
    if sys.stdout.isatty():
        _draw(title, head, rows)
        return
    lines = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    echo(printable(title))
    for line in lines:
        cells = [
            cell.ljust(width) if place in (0, len(head) - 1) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        echo("  " + "  ".join(cells).rstrip())


def _draw(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title)), title_justify="left")
    for place, name in enumerate(head):
        table.add_column(name, justify="left" if place in (0, len(head) - 1) else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)
