"""Progress bars: on stderr, for people only."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import click

from lob_backtest.cli.output import is_open
from lob_backtest.progress import Progress

REDRAW_S: Final = 0.1


def _silence(context: click.Context, _: click.Parameter, quiet: bool) -> bool:
    if quiet:
        logger = logging.getLogger("lob_backtest")
        context.call_on_close(partial(logger.setLevel, logger.level))
        logger.setLevel(logging.ERROR)
    return quiet


quiet_option = click.option("--quiet", "-q", is_flag=True, callback=_silence, help="Print nothing but errors.")


@contextmanager
def progress_bar(what: str, *, quiet: bool = False) -> Iterator[Progress | None]:
    """Show a progress bar until the block ends.

    It is redrawn in the calls that report progress, at most ten times a second: no thread takes time from the work.

    Args:
        what: the work, as in "replaying".
        quiet: show nothing.

    Yields:
        The callback for the work; `None` with `quiet`, or if stderr is not a terminal.
    """
    if quiet or not is_open(sys.stderr) or not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TextColumn("{task.completed:,.0f} rows"),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=None, rate="")
        begin, drawn = time.monotonic(), 0.0

        def show(done: int, total: int | None) -> None:
            nonlocal drawn
            now = time.monotonic()
            if now - drawn >= REDRAW_S:
                drawn = now
                rate = f"{done / (now - begin):,.0f}/s" if now > begin else ""
                bar.update(task, completed=done, total=total, rate=rate, refresh=True)

        bar.refresh()
        yield show
