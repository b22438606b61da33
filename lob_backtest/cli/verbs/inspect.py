"""`lob-backtest inspect`: show what market data files hold."""

from __future__ import annotations

from datetime import tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from lob_backtest.cli.output import print_json, print_table
from lob_backtest.cli.time_zone import zone_option

if TYPE_CHECKING:
    from lob_backtest.data.audit.summary import FileSummary, Range
    from lob_backtest.data.files import MarketFile


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-n", "--rows", default=0, type=click.IntRange(min=0), metavar="ROWS", help="Also show the first rows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@zone_option
def command(files: tuple[str, ...], rows: int, as_json: bool, zone: tzinfo) -> None:
    """Show each file's instrument, times, kinds of rows, prices, latencies and storage."""
    from lob_backtest.data.audit.summary import first_rows, summarize
    from lob_backtest.data.files import find_files

    found: list[dict[str, Any]] = []
    for file in find_files(files):
        summary = summarize(file)
        heads = first_rows(file, rows).to_pylist() if rows else []
        if as_json:
            found.append(summary.to_dict() | ({"first_rows": heads} if rows else {}))
            continue
        print_table(file.path, ("what", "value"), _lines(summary, zone))
        if heads:
            table = [
                [str(n), *("" if value is None else str(value) for value in row.values())]
                for n, row in enumerate(heads)
            ]
            print_table("first rows", ("row", *heads[0]), table)
    if as_json:
        print_json("inspect", found, indent=2)


def _lines(summary: FileSummary, zone: tzinfo) -> list[tuple[str, str]]:
    from lob_backtest.contract.rows import Action, Flag
    from lob_backtest.data.audit.summary import name_of
    from lob_backtest.report.show.sections import span
    from lob_backtest.units import format_instant

    file = summary.file
    first, last = summary.exchange_ns.least, summary.exchange_ns.greatest
    counts = [(f"rows {name_of(Action, code)}", f"{n:,}") for code, n in sorted(summary.actions.items())]
    counts += [(f"flag {name_of(Flag, bit)}", f"{n:,}") for bit, n in sorted(summary.flags.items())]
    latencies = ", ".join(f"{name} {span(ns)}" for name, ns in summary.latency_ns.items())
    total = sum(column["bytes"] for column in summary.encodings.values())
    lines = [
        ("symbol", file.symbol),
        ("venue", file.venue or "-"),
        ("level", f"L{file.level}"),
        ("tick size", format(file.tick_size, "f")),
        ("lot size", format(file.lot_size, "f")),
        ("depth", str(file.depth or "all")),
        ("rows", f"{file.rows:,}"),
        ("from", "-" if first is None else format_instant(first, zone)),
        ("to", "-" if last is None else format_instant(last, zone)),
        ("length", "-" if first is None or last is None else span(last - first)),
        *counts,
        ("price", _extremes(summary.price_ticks, "ticks", file.tick_size)),
        ("size", _extremes(summary.size_lots, "lots", file.lot_size)),
        ("local times", f"{summary.local_rows:,} rows"),
        ("local - exchange", latencies or "-"),
        ("clock shift", "-" if file.clock_shift_ns is None else f"{file.clock_shift_ns:,} ns"),
        *_late_lines(file),
        ("source", file.source or "-"),
        ("written by", file.created_by or "-"),
        ("sha256", file.sha256),
        (
            "storage",
            f"{_bytes(summary.file_bytes)}, row groups: {summary.row_groups:,}, {total / file.rows:.1f} bytes per row",
        ),
    ]
    for name, column in summary.encodings.items():
        lines.append(
            (f"column {name}", f"{_bytes(column['bytes'])}, {column['compression']}, {', '.join(column['encodings'])}")
        )
    return lines


def _late_lines(file: MarketFile) -> list[tuple[str, str]]:
    if file.level != 2:
        return []
    return [
        ("late levels", _limit(file.late_level_ns, zero="same time only")),
        ("late prints", _limit(file.late_print_ns, zero="never")),
    ]


def _limit(ns: int | None, *, zero: str) -> str:
    from lob_backtest.config.effective import LATE_NS
    from lob_backtest.units import format_duration

    if ns == 0:
        return zero
    text = format_duration(LATE_NS if ns is None else ns)
    number = text.rstrip("dhmnsu")
    return f"{'unknown: ' if ns is None else ''}{number} {text.removeprefix(number)}"


def _extremes(found: Range, unit: str, size: Decimal) -> str:
    """Return the least and the greatest of prices or sizes, as numbers of the venue and as integers."""
    if found.least is None or found.greatest is None:
        return "-"
    least, greatest = (f"{each * size:,f}" for each in (found.least, found.greatest))
    return f"{least} to {greatest} ({found.least:,} to {found.greatest:,} {unit})"


def _bytes(count: int) -> str:
    """Return a size with three significant digits."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
