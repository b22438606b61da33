"""Write docs/cli.md from the command line's own help: `python docs/generate_cli.py`."""

from __future__ import annotations

from pathlib import Path

import click

from lob_backtest.cli import VERBS, cli

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 100

HEAD = """# Command line

<!-- Written by docs/generate_cli.py (`make docs`); edit the help texts in lob_backtest/cli instead. -->

`lob-backtest VERB --help` shows the same. Results go to stdout, talk to stderr; exit codes are in
[errors.md](errors.md).
"""


def help_of(command: click.Command, name: str) -> str:
    """Return what `--help` prints, at a width that does not depend on the terminal."""
    context = click.Context(command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    return command.get_help(context).rstrip()


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, f"```text\n{help_of(cli, 'lob-backtest')}\n```\n"]
    with click.Context(cli, info_name="lob-backtest") as context:
        for verb in VERBS:
            command = cli.get_command(context, verb)
            assert command is not None, verb
            parts.append(f"## {verb}\n\n```text\n{help_of(command, f'lob-backtest {verb}')}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
