"""The summary printed after a run, attribution first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from lob_backtest.printable import printable
from lob_backtest.report.show.sections import Section, counts_section, matching, sections, span, totals_section
from lob_backtest.units import format_instant

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from lob_backtest.report.show.shown import Shown


COLUMNS: Final = 80
"""Maximum width of every table."""


def render(result: Shown, console: Console) -> None:
    """Print the summary of a result, in 80 columns; it is complete without colour.

    Args:
        result: of a run.
        console: the output. Below 80 columns it is treated as 80 wide: a line that the terminal wraps is hard to read,
            but a figure that is cut is wrong.
    """
    console.width = max(console.width, COLUMNS)
    info = result.info
    if result.status != "complete":
        console.print(_text(f"The run is {result.status}: it ended early, and so do these figures.", "bold red"))
    console.print(_text(f"{_short(info.start_ns)} to {_short(info.end_ns)} UTC ({span(info.end_ns - info.start_ns)})"))
    console.print(_text(f"{info.engine} engine, seed {info.seed}, strategy {', '.join(info.agents)}"))
    if len(result.accounts) > 1:
        _table(totals_section(result.accounts), console)
    for account in result.accounts:
        about = account.ledger.instrument
        console.print()
        console.print(
            _text(" · ".join(part for part in (account.name, about.venue, f"L{about.level}") if part), "bold")
        )
        if matching(about):
            console.print(_text(matching(about), "dim"))
        for section in sections(account, info):
            _table(section, console)
    _table(counts_section(info), console)
    console.print()
    console.print(_text(f"digest {result.digest}", "dim"))


def _short(ns: int) -> str:
    """Format a time without trailing zeros."""
    return format_instant(ns).rstrip("Z").rstrip("0").rstrip(".").replace("T", " ")


def _text(text: str, style: str = "") -> Text:
    """Return text in which rich finds no markup."""
    from rich.text import Text

    return Text(printable(text), style=style)


def _table(section: Section, console: Console) -> None:
    from rich.table import Table

    if not section.rows:
        return
    table = Table(box=None, pad_edge=False, show_header=any(section.head), padding=(0, 2, 0, 0))
    for position, title in enumerate(section.head):
        justify: Literal["left", "right"] = "right" if position else "left"  # where both do not fit, labels wrap
        table.add_column(_text(title, "dim"), justify=justify, no_wrap=position > 0, overflow="ellipsis")
    last = len(section.rows) - 1
    for position, row in enumerate(section.rows):
        style = "bold" if section.total and position == last else ""
        table.add_row(
            *(_text(cell, style or ("red" if section.is_bad(column, cell) else "")) for column, cell in enumerate(row))
        )
    console.print()
    console.print(_text(section.title, "bold cyan"))
    console.print(table)
    if section.note:
        console.print(_text(section.note, "dim"))
