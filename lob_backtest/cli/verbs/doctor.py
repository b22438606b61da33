"""`lob-backtest doctor`: show what is installed, what is missing, and how fast it is."""

from __future__ import annotations

from dataclasses import asdict

import click

from lob_backtest.cli.output import echo, print_json, print_table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show what is installed, missing or slow, and where data is found.

    Exits with 0 if everything that a run needs is there, 1 if not.
    """
    from lob_backtest.checkup import examine

    findings = examine()
    healthy = not any(each.state == "missing" for each in findings)
    if as_json:
        print_json("doctor", {"healthy": healthy, "findings": [asdict(each) for each in findings]}, indent=2)
    else:
        print_table(
            "lob-backtest doctor",
            ("what", "", "found"),
            [(each.what, each.state, each.found) for each in findings],
        )
        for each in findings:
            if each.advice:
                echo(f"{each.what}: {each.advice}", err=True)
    ctx.exit(0 if healthy else 1)
