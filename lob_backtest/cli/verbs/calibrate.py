"""`lob-backtest calibrate`: estimate volatility and fill intensity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lob_backtest.cli.output import echo, print_json, print_table
from lob_backtest.cli.progress import progress_bar

if TYPE_CHECKING:
    from lob_backtest.calibration.calibrate import Calibration, Estimate

MAX_ROWS = 20
POOR_FIT = 2.0


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--interval", default="1s", show_default=True, metavar="DURATION", help="Between two samples of the mid.")
@click.option(
    "--from", "from_ticks", type=float, metavar="TICKS", help="Nearest distance of the fit. Default: half the spread."
)
@click.option(
    "--to", "to_ticks", type=float, metavar="TICKS", help="Furthest distance. Default: as far as 30 orders reached."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    files: tuple[str, ...],
    *,
    interval: str,
    from_ticks: float | None,
    to_ticks: float | None,
    as_json: bool,
) -> None:
    """Estimate volatility, and the rate A exp(-k distance) at which market orders reach a quote.

    The last line printed holds the parameters for the strategies of Avellaneda and Stoikov and of Guéant, Lehalle and
    Fernandez-Tapia.
    """
    from lob_backtest.calibration.calibrate import calibrate
    from lob_backtest.errors import ConfigError
    from lob_backtest.units import parse_duration

    try:
        interval_ns = parse_duration(interval)
    except ValueError as error:
        raise ConfigError(f"--interval: {error}") from None
    with progress_bar("replaying") as progress:
        found = calibrate(files, interval_ns=interval_ns, from_ticks=from_ticks, to_ticks=to_ticks, progress=progress)
    if as_json:
        print_json("calibrate", found.to_dict(), indent=2)
        return
    _print(found)
    for what, count in {"trades of unknown side": found.unsigned_trades, **found.skipped}.items():
        if count:
            echo(f"left out: {what.replace('_', ' ')} {count}", err=True)
    if found.worst_ratio > POOR_FIT:
        echo(
            f"note: observed and fitted rates differ by a factor of up to {found.worst_ratio:.3g}: how far market "
            "orders reach is not exponential here; fit the distances at which you quote (--from, --to)",
            err=True,
        )


def _print(found: Calibration) -> None:
    from lob_backtest.units import format_duration

    print_table(
        found.symbol,
        ("what", "value", "error", "unit"),
        [
            ("volatility", *_cells(found.volatility), f"ticks/√s, over {format_duration(found.interval_ns)}"),
            ("fill rate A", *_cells(found.fill_rate), "1/s per side, at the mid"),
            ("fill decay k", *_cells(found.fill_decay), "1/tick"),
            ("time", f"{found.seconds:.1f}", "", "s with a mid"),
            ("market orders", str(found.market_orders), "", "both sides"),
            ("fitted", str(found.fitted_orders), "", f"from {found.from_ticks} to {found.to_ticks} ticks"),
        ],
    )
    echo()
    every = -(-len(found.distances) // MAX_ROWS)
    print_table(
        "reached from the mid",
        ("ticks", "orders", "1/s per side", "fitted"),
        [
            (str(each.distance_ticks), str(each.orders), f"{each.rate:.4g}", f"{each.fitted:.4g}")
            for each in found.distances[::every]
        ],
    )
    echo()
    echo(
        f"-p volatility={found.volatility.value:.4g} -p fill_rate={found.fill_rate.value:.4g} "
        f"-p fill_decay={found.fill_decay.value:.4g}"
    )


def _cells(estimate: Estimate) -> tuple[str, str]:
    error = estimate.standard_error
    return f"{estimate.value:.4g}", "-" if error is None else f"± {error:.2g}"
