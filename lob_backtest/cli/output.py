"""Printing for all verbs: text and tables for a terminal, JSON for programs.

Names of files, keys, symbols and texts of exceptions are foreign; none of them may control the terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import click

from lob_backtest.errors import OutputError
from lob_backtest.printable import printable, printable_lines, utf8_values


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


def print_json(value: Any, *, indent: int | None = None, default: Callable[[Any], Any] | None = None) -> None:
    """Print JSON on standard output, in ASCII, so that any file name gives valid UTF-8.

    Args:
        value: plain values.
        indent: as in `json.dumps`.
        default: as in `json.dumps`.

    Raises:
        OutputError: standard output is closed.
    """
    echo(json.dumps(utf8_values(value), indent=indent, default=default))


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
