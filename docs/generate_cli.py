"""Write docs/cli.md from the command line's own help texts: `python docs/generate_cli.py`.

The page has the options' own texts, not click's layout, so that it is the same with any version of click.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from lob_backtest.cli.group import GROUPS, VERBS, cli
from lob_backtest.cli.output import JSON_VERSIONS

PAGE = Path(__file__).with_name("cli.md")

HEAD = """# Command line

<!-- Written by docs/generate_cli.py (`make docs`); edit the help texts in lob_backtest/cli instead. -->

`lob-backtest VERB --help` shows the same. Results are written to stdout, messages to stderr; exit codes are in
[errors.md](errors.md).

| | verb | what it does |
|---|---|---|
"""

JSON_HEAD = """## JSON

`--json` prints one JSON object; `inspect` prints a list with an object for each file. An object's `version` is that of
its format. It is raised when a key is removed, is renamed or gets another meaning; keys may be added without. Keys that
end in `_ns` are integer nanoseconds: times since the epoch (UTC), or durations. Metrics are described in
[report.md](report.md).

| verb | `version` | keys beside it |
|---|---|---|
"""

JSON_KEYS = {
    "run": "`status` (complete, partial), `digest`, then every metric by its flat name",
    "run --show-config": "`sections`: each with its place (`agent`, `venue`, `instrument`) and `settings`, by key "
    "`value` and `origin`",
    "report": "`status`, `digest`, `page` (its path), then every metric by its flat name",
    "compare": "`outcome` (same, different, not comparable), `reasons`, `base_digest`, `new_digest`, `moves` (metrics "
    "that differ), `first_fill` and `first_row` that differ, `settings` (parameters and config keys that differ)",
    "convert": "`output`, `symbol`, `tick_size`, `lot_size`, `rows`, `packets`, `first_ns`, `last_ns`, `counts` "
    "(events dropped, changed and made, by kind), `notes`",
    "validate": "`clean`, `rows`, `files`, `kinds`: by kind of fault `count` and the `first` rows",
    "inspect": "`path`, `level`, `symbol`, `tick_size`, `lot_size`, `venue`, `depth`, `clock_shift_ns`, `source`, "
    "`created_by`, `sha256`, `rows`, `first_exchange_ns`, `last_exchange_ns`, `actions`, `flags`, `price_ticks` and "
    "`size_lots` (least and greatest), `local_rows`, `latency_ns`, `bytes`, `row_groups`, `columns`; L2: "
    "`late_level_ns`, `late_print_ns`; with -n: `first_rows`",
    "book": "`output`, `rows`, `skipped` (rows, by kind of fault)",
    "generate": "`path`, `rows`, `packets`, `trades`, `start_ns`, `end_ns`, `level`, `seed`",
    "venues": "`name`, `title`, `replace`, `post_only`, `self_trade`, of each profile",
    "calibrate": "`symbol`, `seconds`, `interval_ns`, `volatility`, `fill_rate` and `fill_decay` (`value`, "
    "`standard_error`), `market_orders`, `fitted_orders`, `from_ticks`, `to_ticks`, `distances`, `unsigned_trades`, "
    "`skipped`",
    "latency": "`is_round_trip`, `unanswered`, `kinds` (`kind`, `count`, `percentiles_ns`), `hours` (the same with "
    "`hour`), `model` (TOML)",
    "init": "`folder`, `files`",
    "doctor": "`healthy`, `findings`: each with `what`, `state`, `found`, `advice`",
    "schema run": "the JSON Schema of a config",
    "schema events": "`schemas`, `optional_when_written`, `action`, `flags`, `phase`, `limit_of_prices_and_sizes`, "
    "`metadata`",
    "schema result": "`tables`, `added_in_dataframes`, `codes`, `digested`, `digest_version`",
}
"""What an object of each kind holds."""


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


def json_section() -> str:
    """Return the section on what the verbs print with ``--json``."""
    rows = [f"| `{kind}` | {version} | {JSON_KEYS[kind]} |\n" for kind, version in JSON_VERSIONS.items()]
    return JSON_HEAD + "".join(rows)


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
    return "\n".join([HEAD + verbs, *sections, json_section()])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
