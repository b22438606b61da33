"""`lob-backtest generate`: write a synthetic market data file."""

from __future__ import annotations

from pathlib import Path

import click

from lob_backtest.atomic.drafts import check_output
from lob_backtest.cli.output import echo, print_json
from lob_backtest.cli.progress import progress_bar, quiet_option
from lob_backtest.errors import OutputError


@click.command(name="generate")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write."
)
@click.option("--events", default=500_000, show_default=True, help="Rows to write (at least 1,000).")
@click.option("--seed", default=1, show_default=True, help="The same seed writes the same rows on every machine.")
@click.option("--level", type=click.Choice(["2", "3"]), default="3", show_default=True, help="Level sizes, or orders.")
@click.option("--symbol", default="SYN", show_default=True, help="The instrument's name.")
@click.option("--tick-size", default="0.01", show_default=True, help="The price of one tick in quote currency.")
@click.option("--lot-size", default="1", show_default=True, help="The size of one lot in base units.")
@click.option(
    "--compression",
    type=click.Choice(["lz4", "zstd"]),
    default="lz4",
    show_default=True,
    help="lz4 reads fastest, zstd is smaller.",
)
@click.option(
    "--truth",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the hidden truth: the value, and which participants knew it.",
    hidden=True,  # for research on the synthetic market: docs/data.md
)
@click.option("--force", is_flag=True, help="Replace the files if they exist.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON on standard output.")
@quiet_option
def command(
    output: Path,
    *,
    events: int,
    seed: int,
    level: str,
    symbol: str,
    tick_size: str,
    lot_size: str,
    compression: str,
    truth: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a synthetic market data file, realistic in kind: the same for the same seed.

    Participants who follow a hidden value, the book or nothing at all trade with each other on a price-time-priority
    exchange; the file is that exchange's feed. It opens at 2024-07-19 13:30:00 UTC.
    """
    from lob_backtest.synthetic.generate import generate

    for path in (output, truth):
        if path is not None:
            check_output(path, force=force)
    if truth is not None and truth.resolve() == output.resolve():
        raise OutputError(f"{truth}: is the market data file; give --truth another name")
    with progress_bar("generating", quiet=quiet) as progress:
        made = generate(
            output,
            events=events,
            seed=seed,
            symbol=symbol,
            tick_size=tick_size,
            lot_size=lot_size,
            level=int(level),
            compression=compression,
            progress=progress,
            truth=truth,
        )
    if not quiet:
        from lob_backtest.report.show.sections import span

        what = f"{made.rows:,} rows in {made.packets:,} packets, {made.trades:,} trades"
        echo(f"{output}: {what} over {span(made.end_ns - made.start_ns)}, seed {seed}", err=True)
    if as_json:
        summary = {
            "path": made.path,
            "rows": made.rows,
            "packets": made.packets,
            "trades": made.trades,
            "start_ns": made.start_ns,
            "end_ns": made.end_ns,
            "level": int(level),
            "seed": seed,
        }
        print_json("generate", summary)
