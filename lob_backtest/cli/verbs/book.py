"""`lob-backtest book`: dump the rebuilt order book."""

from __future__ import annotations

from pathlib import Path

import click

from lob_backtest.cli.output import echo, print_json
from lob_backtest.cli.progress import progress_bar, quiet_option


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The Parquet table.")
@click.option("-n", "--levels", default=10, show_default=True, type=click.IntRange(1, 10_000), help="Levels per side.")
@click.option(
    "--every",
    default="packet",
    show_default=True,
    metavar="row|packet|100ms",
    help="A state per row, packet or interval.",
)
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON on standard output.")
@quiet_option
def command(
    files: tuple[str, ...], *, output: Path, levels: int, every: str, force: bool, as_json: bool, quiet: bool
) -> None:
    """Write the order book rebuilt from canonical files, as a Parquet table.

    With an interval, each interval that has a packet gives one row: the book after its last packet.
    """
    from lob_backtest.data.audit.book_dump import dump_book
    from lob_backtest.errors import ConfigError
    from lob_backtest.units import parse_duration

    try:
        step = every if every in ("row", "packet") else parse_duration(every)
    except ValueError as error:
        raise ConfigError(f"--every: {error}, or 'row' or 'packet'") from None
    with progress_bar("replaying", quiet=quiet) as progress:
        done = dump_book(files, output, levels=levels, every=step, force=force, progress=progress)
    skipped = "".join(f", skipped {name.replace('_', ' ')} {n}" for name, n in done.skipped.items())
    if not quiet:
        echo(f"{done.output}: {done.rows} states{skipped}", err=True)
    if as_json:
        print_json("book", {"output": str(done.output), "rows": done.rows, "skipped": done.skipped})
