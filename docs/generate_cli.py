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


def page() -> str:
    """Return the whole page; the help texts at a width that does not depend on the terminal."""
    root = click.Context(
        cli, info_name="lob-backtest", terminal_width=WIDTH, max_content_width=WIDTH, **cli.context_settings
    )
    parts = [HEAD, f"```text\n{cli.get_help(root).rstrip()}\n```\n"]
    for verb in VERBS:
        command = cli.get_command(root, verb)
        assert command is not None, verb
        inner = click.Context(command, info_name=verb, parent=root, terminal_width=WIDTH, max_content_width=WIDTH)
        parts.append(f"## {verb}\n\n```text\n{command.get_help(inner).rstrip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
