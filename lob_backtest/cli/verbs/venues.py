"""`lob-backtest venues`: list the profiles of venues, or print one."""

from __future__ import annotations

import click

from lob_backtest.cli.output import echo, print_json


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the rules as JSON.")
def command(name: str | None, as_json: bool) -> None:
    """Show how venues treat orders: what a replacement does, post-only, self-trade prevention.

    Without a NAME all profiles are listed; with one it is printed as its TOML file, each line with its source. A config
    takes one by `profile = "binance_usdm"` in [[venue]]; what the config says itself goes before it.
    """
    from lob_backtest.config.profiles import NAMES, load

    profiles = [load(each) for each in ([name] if name else NAMES)]
    if as_json:
        print_json(
            "venues",
            [{"name": each.name, "title": each.title, **each.rules.model_dump(exclude_none=True)} for each in profiles],
            indent=2,
        )
    elif name:
        echo(profiles[0].text.rstrip())
    else:
        for each in profiles:
            echo(f"{each.name:14}{each.title}")
