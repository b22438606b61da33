"""`lob-backtest compare`: compare a new result with a base."""

from __future__ import annotations

import click

from lob_backtest.cli.output import echo, print_json


@click.command()
@click.argument("base", type=click.Path())
@click.argument("new", type=click.Path())
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="METRIC=LIMIT",
    help="How far a metric may move: '1%' of the base, or a number in its unit. Repeatable; without any, results "
    "must have the same digest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the comparison as Markdown, for a CI summary.")
@click.option("--quiet", is_flag=True, help="Print nothing; only set the exit code.")
def command(base: str, new: str, tolerances: tuple[str, ...], as_json: bool, as_markdown: bool, quiet: bool) -> int:
    """Compare two saved results.

    BASE is the folder that is known to be good, NEW the one to judge. Prints which settings differ, which metrics
    moved, by how much, and the first fill that differs.

    Exits with 0 if they are the same, 1 if they differ, 2 if they cannot be compared.
    """
    from lob_backtest.errors import ConfigError
    from lob_backtest.regression import compare, markdown

    if as_json and as_markdown:
        raise ConfigError("--json and --markdown exclude each other; give one of them")
    limits = {}
    for text in tolerances:
        name, separator, limit = text.partition("=")
        if not separator or not name.strip():
            raise ConfigError(f"--tolerance {text!r}: expected METRIC=LIMIT, as in 'pnl=1%'")
        limits[name.strip()] = limit
    comparison = compare(base, new, tolerances=limits)
    if as_json:
        print_json("compare", comparison.to_dict(), indent=2)
    elif not quiet:
        text = markdown(comparison) if as_markdown else str(comparison)
        for line in text.splitlines():
            echo(line)
    return comparison.exit_code
