"""`lob-backtest latency`: describe measured latencies and write a model of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lob_backtest.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from lob_backtest.calibration.own_latencies import Described


@click.command()
@click.argument("file", metavar="FILE")
@click.option(
    "--entry-share",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="The part of a round trip that the request takes; the response takes the rest.",
)
@click.option("-o", "--output", type=Path, metavar="FILE", help='Also write Parquet for model = "empirical".')
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str, *, entry_share: float, output: Path | None, force: bool, as_json: bool) -> None:
    """Describe the measured latencies of own orders, by kind and hour, and print a model of them.

    FILE is a log of own orders (CSV with Timestamp, Order_ID, Status) or Parquet with ts_ns and new_ns, cancel_ns, …
    The last lines printed are the table [latency] of a config.
    """
    from lob_backtest.calibration.own_latencies import read_own_latencies

    found = read_own_latencies(file)
    model = found.model(entry_share)
    if output is not None:
        from lob_backtest.data.output import ParquetDraft

        table = found.table(entry_share)
        with ParquetDraft(output, table.schema, force=force) as draft:
            draft.write(table)
    if as_json:
        whole = [asdict(each) for each in found.whole()]
        hours = [{"hour": hour, **asdict(each)} for hour, each in found.by_hour()]
        facts = {"is_round_trip": found.is_round_trip, "unanswered": found.unanswered}
        print_json("latency", {**facts, "kinds": whole, "hours": hours, "model": model}, indent=2)
        return
    head = ("", "messages", "p50", "p90", "p99", "max", "")
    what = "round trips" if found.is_round_trip else "latencies"
    print_table(f"{file}: {what}", head, [(each.kind, *_cells(each)) for each in found.whole()])
    echo()
    print_table("by hour (UTC)", head, [(f"{hour:02} {each.kind}", *_cells(each)) for hour, each in found.by_hour()])
    if found.unanswered:
        echo(f"left out: requests without an answer {found.unanswered:,}", err=True)
    echo()
    if found.is_round_trip:
        echo(f"# the request takes {entry_share:g} of a round trip (--entry-share)")
    echo(model)


def _cells(each: Described) -> tuple[str, ...]:
    from lob_backtest.report.show.sections import span

    return (f"{each.count:,}", *(span(ns) for ns in each.percentiles_ns.values()), "")
