"""The JSON schema of a run's TOML file, for editors and for programs that write configs."""

from __future__ import annotations

import inspect
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from lob_backtest.config.key import key_of
from lob_backtest.config.model import RunConfig

DIALECT: Final = GenerateJsonSchema.schema_dialect


def run_schema() -> dict[str, Any]:
    """Return the JSON schema that a run's TOML file follows, each key with its meaning.

    It says what a file may hold; that files exist, that names differ and that times follow each other is checked when a
    run starts.
    """
    schema = RunConfig.model_json_schema(by_alias=True)
    parts = {part.__name__: part for part in _parts(RunConfig)}
    for name, definition in schema["$defs"].items():
        _describe(definition, parts[name])
    _describe(schema, RunConfig)
    schema["title"] = "A run of lob_backtest"
    return {"$schema": DIALECT, **_tidy(schema)}


def _parts(model: type[BaseModel]) -> list[type[BaseModel]]:
    """List the models of the config, whose names are those of the schema's definitions."""
    found: list[type[BaseModel]] = [*model.__base__.__subclasses__()] if model.__base__ is not None else []
    for part in found:  # grows on the way
        found += part.__subclasses__()
    return found


def _describe(definition: dict[str, Any], model: type[BaseModel]) -> None:
    """Add the meaning of each key, and of the table."""
    definition["description"] = inspect.cleandoc(model.__doc__ or "")
    definition.pop("title", None)
    for name, field in model.model_fields.items():
        key = definition["properties"][field.alias or name]
        key.pop("title", None)
        if model is not RunConfig or name == "version":
            key["description"] = key_of(model, name).plain


def _tidy(node: Any) -> Any:
    """Take out null, which TOML has not (a key without a value is left out), and the defaults of whole tables."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {name: _tidy(each) for name, each in node.items() if name != "default" or not _is_left_out(node, each)}
    if "gt" in plain:
        plain["exclusiveMinimum"] = plain.pop("gt")
    kinds = [each for each in plain.pop("anyOf", []) if each != {"type": "null"}]
    return {**kinds[0], **plain} if len(kinds) == 1 else {"anyOf": kinds, **plain} if kinds else plain


def _is_left_out(node: dict[str, Any], default: Any) -> bool:
    return default is None or "$ref" in node
