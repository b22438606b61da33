"""Write docs/cli.md from the command line's own help texts: `python docs/generate_cli.py`.

The page has the options' own texts, not click's layout, so that it is the same with any version of click.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from lob_backtest.cli.group import GROUPS, VERBS, cli

PAGE = Path(__file__).with_name("cli.md")

HEAD = """# Command line

<!-- Written by docs/generate_cli.py (`make docs`); edit the help texts in lob_backtest/cli instead. -->

`lob-backtest VERB --help` shows the same. Results are written to stdout, messages to stderr; exit codes are in
[errors.md](errors.md).

| | verb | what it does |
|---|---|---|
"""


def value_of(parameter: click.Parameter) -> str:
    """Return the placeholder of a parameter's value, such as ``PATH`` or ``lz4|zstd``."""
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter.type, click.Choice):
        return "|".join(str(choice) for choice in parameter.type.choices)
    return parameter.type.name.split(" ")[0].upper()


def option_row(option: click.Option) -> str:
    """Return the table row of one option."""
    names = ", ".join(option.opts)
    shown = names if option.is_flag else f"{names} {value_of(option)}"
    notes = [option.help or ""]
    if option.required:
        notes.append("Required.")
    if option.multiple and "repeat" not in notes[0].lower() and "once for each" not in notes[0]:
        notes.append("May be repeated.")
    if option.show_default:
        notes.append(f"Default: {option.default}.")
    text = " ".join(dict.fromkeys(note for note in notes if note))
    return "| `{}` | {} |".format(shown.replace("|", "\\|"), text)


def verb_section(verb: str, command: click.Command) -> str:
    """Return the section of one verb: usage, description, options."""
    arguments = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            name = parameter.metavar or (parameter.name or "").upper()
            arguments.append(name if parameter.required else f"[{name}]")
    usage = " ".join(["lob-backtest", verb, "[OPTIONS]", *arguments])
    about = inspect.cleandoc(command.help or "")
    rows = [option_row(each) for each in command.params if isinstance(each, click.Option)]
    table = "\n".join(["| option | meaning |", "|---|---|", *rows])
    return f"## {verb}\n\n```text\n{usage}\n```\n\n{about}\n\n{table}\n"


def page() -> str:
    """Return the whole page."""
    verbs = "".join(
        f"| {group if verb == next(iter(named)) else ''} | [{verb}](#{verb}) | {about} |\n"
        for group, named in GROUPS.items()
        for verb, about in named.items()
    )
    sections = []
    with click.Context(cli, info_name="lob-backtest") as context:
        for verb in VERBS:
            command = cli.get_command(context, verb)
            assert command is not None, verb
            sections.append(verb_section(verb, command))
    return "\n".join([HEAD + verbs, *sections])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
