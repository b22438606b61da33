"""`lob-backtest convert`: convert a vendor's files to one canonical file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lob_backtest.cli.output import echo, print_json
from lob_backtest.cli.progress import progress_bar, quiet_option
from lob_backtest.errors import ConfigError

if TYPE_CHECKING:
    from lob_backtest.vendors.convert import Conversion


@click.command()
@click.argument("format_name", metavar="FORMAT")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The canonical Parquet file.")
@click.option("--symbol", help="The instrument to take from files of several; LOBSTER: its name.")
@click.option(
    "--tick-size",
    help="The price of one tick. LOBSTER and Nasdaq: 0.01 unless given; Binance: the finest decimal of the prices.",
)
@click.option("--lot-size", help="The size of one lot; 1 unless given; Binance: the finest decimal of the sizes.")
@click.option(
    "--orderbook",
    multiple=True,
    type=click.Path(path_type=Path),
    help="LOBSTER: the order book file of a message file; once for each.",
)
@click.option(
    "--min-latency",
    help="Binance: the least time from the exchange to the recorder, 0.5ms unless given; local clocks are set by it.",
)
@click.option("--publisher", type=int, help="Databento: whose book to take, by publisher id, from files of several.")
@click.option(
    "--clock-offset",
    help="Binance: how far the recorder's clock is ahead (behind: negative); time zones are found without it.",
)
@click.option(
    "-O", "--option", "more", multiple=True, metavar="NAME=VALUE", help="Any option of a format, as of another package."
)
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON on standard output.")
@quiet_option
def command(
    format_name: str,
    inputs: tuple[Path, ...],
    output: Path,
    *,
    symbol: str | None,
    tick_size: str | None,
    lot_size: str | None,
    orderbook: tuple[Path, ...],
    min_latency: str | None,
    publisher: int | None,
    clock_offset: str | None,
    more: tuple[str, ...],
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Turn a vendor's files into canonical Parquet.

    FORMAT is the vendor's: lobster (a message file, or the zip of message and order book file), databento (MBO, as
    DBN or CSV) or binance (raw streams behind a local clock). Several inputs follow each other in time.
    """
    from lob_backtest.vendors.convert import convert

    options: dict[str, Any] = {
        "orderbook": orderbook or None,
        "min_latency": min_latency,
        "publisher": publisher,
        "clock_offset": clock_offset,
    }
    for each in more:
        name, sign, value = each.partition("=")
        if not sign or not name.isidentifier():
            raise ConfigError(f"-O {each!r}: expected NAME=VALUE")
        options[name] = value
    with progress_bar("converting", quiet=quiet) as progress:
        done = convert(
            format_name,
            inputs,
            output,
            symbol=symbol,
            tick_size=tick_size,
            lot_size=lot_size,
            force=force,
            progress=progress,
            **options,
        )
    if not quiet:
        for line in _talk(done):
            echo(line, err=True)
    if as_json:
        print_json("convert", asdict(done), default=str)


def _talk(done: Conversion) -> list[str]:
    from lob_backtest.units import format_instant

    counted = "".join(f", {name.replace('_', ' ')} {n}" for name, n in done.counts.items())
    return [
        *(f"note: {note}" for note in done.notes),
        f"{done.output}: {done.symbol}, {done.rows} rows in {done.packets} packets, "
        f"{format_instant(done.first_ns)} to {format_instant(done.last_ns)}{counted}",
    ]
