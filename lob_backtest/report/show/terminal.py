"""The summary printed after a run, attribution first: one screen, or every table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Final, Literal

from lob_backtest.printable import printable
from lob_backtest.report.show.brief import accounts_brief, figures_brief, markouts_brief, risk_brief
from lob_backtest.report.show.header import facts, incomplete
from lob_backtest.report.show.sections import Section, counts_section, money_section, sections, totals_section

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from lob_backtest.report.metrics.summary import AccountMetrics
    from lob_backtest.report.show.shown import Shown


COLUMNS: Final = 80
"""Maximum width of every table."""
WIDE: Final = 120
"""From this width on, money and markouts are printed side by side."""


def render(result: Shown, console: Console, *, full: bool = False, zone: tzinfo = UTC) -> None:
    """Print the summary of a result, complete without colour: at most 40 lines of one instrument, or every table.

    Args:
        result: of a run.
        console: the output. Below 80 columns it is treated as 80 wide: a line that the terminal wraps is hard to read,
            but a figure that is cut is wrong.
        full: print every table.
        zone: time zone of the times.
    """
    console.width = max(console.width, COLUMNS)
    _header(result, console, full=full, zone=zone)
    accounts = result.accounts
    if len(accounts) > 1:
        _print(totals_section(accounts), console)
    if full:
        for account in accounts:
            _name(account, console)
            for section in sections(account, result.info, zone):
                _print(section, console)
        _print(counts_section(result.info), console)
    elif len(accounts) > 1:
        _print(accounts_brief(accounts), console)
    else:
        (account,) = accounts
        _beside([money_section(account), markouts_brief(account)], console)
        _print(figures_brief(account), console)
        console.print(_table(risk_brief(account, result.info, zone)))


def _header(result: Shown, console: Console, *, full: bool, zone: tzinfo) -> None:
    from rich.table import Table

    if sentence := incomplete(result, zone):
        console.print(_text(sentence, "bold red"))
    if len(result.accounts) == 1 and not full:
        console.print(_text(_title(result.accounts[0]), "bold"))
    table = Table.grid(padding=(0, 2, 0, 0))
    for label, text in facts(result.info, is_short=not full, zone=zone):
        table.add_row(_text(label, "dim"), _text(text))
    table.add_row(_text("Digest", "dim"), _text(result.digest))
    console.print(table)


def _name(account: AccountMetrics, console: Console) -> None:
    console.print()
    console.print(_text(_title(account), "bold"))


def _title(account: AccountMetrics) -> str:
    about = account.ledger.instrument
    return " · ".join(part for part in (account.name, about.venue, f"L{about.level}") if part)


def _text(text: str, style: str = "") -> Text:
    """Return text in which rich finds no markup."""
    from rich.text import Text

    return Text(printable(text), style=style)


def _beside(parts: Sequence[Section], console: Console) -> None:
    """Print tables side by side on a wide terminal, else below each other."""
    from rich.table import Table

    shown = [part for part in parts if part.rows]
    if console.width < WIDE or len(shown) < 2:
        for part in shown:
            _print(part, console)
        return
    grid = Table.grid(padding=(0, 4, 0, 0))
    for _ in shown:
        grid.add_column(width=console.width // len(shown) - 4)
    grid.add_row(*(_whole(part) for part in shown))
    console.print()
    console.print(grid)


def _print(section: Section, console: Console) -> None:
    if section.rows:
        console.print()
        console.print(_whole(section))


def _whole(section: Section) -> RenderableType:
    """Return a table with its title and its note."""
    from rich.console import Group

    parts: list[RenderableType] = [_text(section.title, "bold cyan"), _table(section)]
    if section.note:
        parts.append(_text(section.note, "dim"))
    return Group(*parts)


def _table(section: Section) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=any(section.head), padding=(0, 2, 0, 0))
    for position, title in enumerate(section.head):
        justify: Literal["left", "right"] = "left" if position in section.labels else "right"
        # Where not all fits, the first labels wrap.
        table.add_column(_text(title, "dim"), justify=justify, no_wrap=position > 0, overflow="ellipsis")
    first_total = len(section.rows) - section.totals
    for position, row in enumerate(section.rows):
        style = "bold" if position >= first_total else ""
        table.add_row(
            *(_text(cell, style or ("red" if section.is_bad(column, cell) else "")) for column, cell in enumerate(row))
        )
    return table
