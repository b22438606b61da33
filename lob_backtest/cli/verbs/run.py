"""`lob-backtest run`: replay market data through a strategy."""

from __future__ import annotations

import sys
import warnings
from contextlib import redirect_stdout
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lob_backtest.cli.output import echo
from lob_backtest.cli.progress import progress_bar, quiet_option
from lob_backtest.cli.show_config import show_config
from lob_backtest.cli.show_summary import show_summary
from lob_backtest.cli.time_zone import zone_option
from lob_backtest.errors import ConfigError, StrategyError

if TYPE_CHECKING:
    from lob_backtest.config.model import RunConfig


@click.command(name="run")
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--data", "-d", multiple=True, help="A market data file or pattern, without a config; may be repeated.")
@click.option("--strategy", "-s", help="path/to/file.py:Class or module:Class.")
@click.option("--param", "-p", multiple=True, metavar="KEY=VALUE", help="A parameter of the strategy.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="A key of the config: latency.entry=1ms.")
@click.option("--seed", type=int, help="Seed of ctx.rng.")
@click.option(
    "--output", "-o", "out", type=click.Path(path_type=Path), help="Folder for the result; whole or not at all."
)
@click.option("--force", is_flag=True, help="Replace an existing result in the folder.")
@click.option("--engine", help="The engine; by default the fastest that is installed.")
@click.option("--paranoid", is_flag=True, help="Check every invariant of the engine after every packet.")
@click.option(
    "--callback-timeout",
    metavar="DURATION",
    help="End the run if a callback takes longer in wall-clock time, as in 5s. Default: no limit.",
)
@click.option(
    "--show-config",
    "shows_config",
    is_flag=True,
    help="Print each effective setting and where it is from, and do not run.",
)
@click.option("--full", is_flag=True, help="Print every table of the summary, not the screen that matters most.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary, or the settings, as JSON.")
@zone_option
@quiet_option
def command(
    config: Path | None,
    *,
    data: tuple[str, ...],
    strategy: str | None,
    param: tuple[str, ...],
    changes: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    force: bool,
    engine: str | None,
    paranoid: bool,
    callback_timeout: str | None,
    shows_config: bool,
    full: bool,
    as_json: bool,
    zone: tzinfo,
    quiet: bool,
) -> None:
    """Replay market data through a strategy and report where the money came from.

    CONFIG is a TOML file (docs/configuration.md). Without one, --data and --strategy are required. With -o the
    result is saved as a folder: summary.json, the tables as Parquet, report.html. The tables are written during the
    run: memory does not grow with the market.
    """
    from lob_backtest.backtest import run
    from lob_backtest.engine import is_built

    values, options = _values(config, data, strategy, param, changes, seed)
    if shows_config:
        show_config(values, options, as_json=as_json)
        return
    if engine is None and not is_built():
        echo("note: the compiled engine is not built, the slower one runs; see lob-backtest doctor", err=True)
    page = None if out is None else out / "report.html"
    try:
        with redirect_stdout(sys.stderr), progress_bar("replaying", quiet=quiet) as progress:
            # output of the strategy must not mix with the summary, or with --json
            how: dict[str, Any] = {"engine": engine, "paranoid": paranoid, "callback_timeout": callback_timeout}
            result = run(values, out=out, force=force, progress=progress, **how)
    except StrategyError as error:
        if error.result is not None:
            show_summary("run", error.result, out, page, full=full, as_json=as_json, quiet=quiet, zone=zone)
        raise
    show_summary("run", result, out, page, full=full, as_json=as_json, quiet=quiet, zone=zone)


def _values(
    config: Path | None,
    data: tuple[str, ...],
    strategy: str | None,
    param: tuple[str, ...],
    changes: tuple[str, ...],
    seed: int | None,
) -> tuple[RunConfig, dict[str, str]]:
    """Merge the config: the file, then the options of the command line; return also which option set which key."""
    from lob_backtest.config.model import RunConfig
    from lob_backtest.config.renamed import new_name
    from lob_backtest.config.toml import changed, read_toml

    if config is None and not data:
        raise ConfigError("nothing to run: name a TOML config, or use --data FILE --strategy FILE.py:Class")
    values: dict[str, Any] = read_toml(config) if config is not None else {}
    options: dict[str, str] = {}
    if data:
        options["instrument.0.data"] = "--data"
        values["instrument"] = [{**each, "data": list(data)} for each in values.get("instrument", [{}])[:1]]
    if strategy is not None:
        values = changed(values, "strategy.class", strategy)
        options["strategy.class"] = "--strategy"
    for each in param:
        key, value = _pair("--param", each)
        values = changed(values, f"strategy.params.{key}", value)
        options[f"strategy.params.{key}"] = "-p"
    for each in changes:
        key, text = _pair("--set", each)
        values = changed(values, key, _toml_value(text))
        options[new_name(key)] = "--set"
    if seed is not None:
        values = changed(values, "run.seed", seed)
        options["run.seed"] = "--seed"
    where = f"{config}: " if config is not None else ""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", DeprecationWarning)
        parsed = RunConfig.parse(values, where=where, written=True)
    for warning in found:
        echo(f"warning: {where}{warning.message}", err=True)
    return parsed, options


def _pair(option: str, text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError(f"{option} {text!r}: expected KEY=VALUE")
    return key.strip(), value.strip()


def _toml_value(text: str) -> Any:
    """Read a value as in the config file; anything but a TOML value is text."""
    from lob_backtest.config.toml import parse_toml

    try:
        return parse_toml(f"value = {text}")["value"]
    except ValueError:
        return text
