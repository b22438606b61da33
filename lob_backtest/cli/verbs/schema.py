"""`lob-backtest schema`: print the schema of a run's TOML file, of market data files or of results as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lob_backtest.cli.output import print_json

if TYPE_CHECKING:
    import pyarrow as pa


@click.command()
@click.argument("what", default="run", type=click.Choice(["run", "events", "result"]))
@click.option("--json", "as_json", is_flag=True, help="Print JSON; the default, and the only format.")
def command(what: str, as_json: bool) -> None:
    """Print the schema of a file, as JSON.

    WHAT is run (the default: the JSON Schema of a run's TOML file), events (columns, codes and metadata of market
    data files) or result (the tables of a saved result).
    """
    made = {"run": _run, "events": _events, "result": _result}[what]()
    print_json(f"schema {what}", made, indent=2)


def _run() -> dict[str, Any]:
    from lob_backtest.config.json_schema import run_schema

    return run_schema()


def _events() -> dict[str, Any]:
    from lob_backtest.contract.rows import LEVEL_BY_SCHEMA, LIMIT, OPTIONAL, Action, Flag, Meta, Phase, columns_of

    return {
        "schemas": {name: _columns(columns_of(level)) for name, level in LEVEL_BY_SCHEMA.items()},
        "optional_when_written": list(OPTIONAL),
        "action": {each.name: each.value for each in Action},
        "flags": {each.name: each.value for each in Flag},
        "phase": {each.name: each.value for each in Phase},
        "limit_of_prices_and_sizes": LIMIT,
        "metadata": [key for name, key in vars(Meta).items() if name.isupper()],
    }


def _result() -> dict[str, Any]:
    from lob_backtest.config.parts import ReportPart
    from lob_backtest.contract.tables import DIGEST_COLUMNS, DIGEST_VERSION, schemas
    from lob_backtest.report.frames import ADDED, CODES, added_columns
    from lob_backtest.report.metrics.lots import lots_schema

    markouts_ns = ReportPart().markouts
    tables = {**schemas(markouts_ns), "lots": lots_schema(markouts_ns)}
    return {
        "tables": {name: _columns(schema) for name, schema in tables.items()},
        "added_in_dataframes": {name: added_columns(name, markouts_ns) for name in ADDED},
        "codes": {column: {each.name: each.value for each in names} for column, names in CODES.items()},
        "digested": list(DIGEST_COLUMNS),
        "digest_version": DIGEST_VERSION,
    }


def _columns(schema: pa.Schema) -> list[dict[str, Any]]:
    return [{"name": field.name, "type": str(field.type), "nullable": field.nullable} for field in schema]
