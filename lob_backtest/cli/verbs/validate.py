"""`lob-backtest validate`: list what is wrong with market data files."""

from __future__ import annotations

from datetime import tzinfo

import click

from lob_backtest.cli.output import echo, print_json, print_table
from lob_backtest.cli.progress import progress_bar
from lob_backtest.cli.time_zone import zone_option


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--gaps",
    is_flag=True,
    help="Also report missing sequence numbers (use only if they are consecutive per instrument).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@zone_option
@click.option("--quiet", "-q", is_flag=True, help="Print nothing; only set the exit code.")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], gaps: bool, as_json: bool, zone: tzinfo, quiet: bool) -> None:
    """List what is wrong with the files of one instrument, by kind, with the first rows of each.

    Exits with 0 if nothing is wrong, 1 if something is, 3 if a file cannot be read.
    """
    from lob_backtest.data.audit.validate import validate
    from lob_backtest.units import format_instant

    with progress_bar("reading", quiet=quiet) as progress:
        result = validate(files, gaps=gaps, progress=progress)
    if as_json:
        print_json("validate", result.to_dict(), indent=2)
    elif not quiet:
        what = f"{len(result.files)} files" if len(result.files) > 1 else result.files[0].path
        what = f"{what}, {result.files[0].symbol}: {result.rows} rows"
        if result.is_clean:
            echo(f"{what}, nothing wrong")
        else:
            rows = [
                (
                    str(kind),
                    str(count) if n == 0 else "",
                    str(sample.row),
                    format_instant(sample.ts_exchange_ns, zone) if sample.ts_exchange_ns else "",
                    sample.path,
                )
                for kind, count, samples in result.found()
                for n, sample in enumerate(samples)
            ]
            print_table(what, ("kind", "count", "first rows", "exchange time", "file"), rows)
    ctx.exit(0 if result.is_clean else 1)
