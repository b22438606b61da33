"""Write the tables of keys in docs/configuration.md from the config's model: `python docs/generate_configuration.py`.

A table stands below a heading with the name of its part; the text around it is written by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lob_backtest.config.key import Key, key_of, types_of
from lob_backtest.config.latency_parts import ChannelPart, CorrelatedPart, LatencyModelPart
from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import FeesPart, MmpPart, ReplacePart
from lob_backtest.units import format_duration

PAGE: Final = Path(__file__).with_name("configuration.md")
HEAD: Final = "| key | type | default | meaning |\n|---|---|---|---|\n"
_TABLE: Final = re.compile(r"^(## ([\w.]+)\n(?:(?!## ).*\n)*?)\| key \|.*\n(?:\|.*\n)*", re.MULTILINE)


def parts() -> dict[str, type[BaseModel]]:
    """Return the part of the config that each heading with a table of keys stands for."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in RunConfig.model_fields.items():
        kinds = [each for each in (field.annotation, *get_args(field.annotation)) if isinstance(each, type)]
        for part in filter(_is_part, kinds):
            found[name] = part
    others: dict[str, type[BaseModel]] = {
        "venue.latency": ChannelPart,
        "venue.replace": ReplacePart,
        "risk.mmp": MmpPart,
        "latency.model": LatencyModelPart,
        "latency.correlated": CorrelatedPart,
    }
    return {**found, "instrument.fees": FeesPart, **others}


def _is_part(kind: type) -> bool:
    return issubclass(kind, BaseModel)


def table(part: type[BaseModel]) -> str:
    """Return the table of a part's keys."""
    types = types_of(part)
    return HEAD + "".join(
        _row(field.alias or name, types[name], _default(field, types[name], key_of(part, name)), key_of(part, name))
        for name, field in part.model_fields.items()
    )


def _row(name: str, types: list[str], default: str, key: Key) -> str:
    cells = (f"`{name}`", " or ".join(types), default, key.text)
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|\n"


def _default(field: FieldInfo, types: list[str], key: Key) -> str:
    if key.default is not None:
        return key.default
    if field.is_required() or field.default == "":
        return ""
    return _written(field.default, is_duration=any("duration" in each for each in types))


def _written(value: Any, *, is_duration: bool) -> str:
    """Return a default as a config has it; text in backticks."""
    if isinstance(value, tuple):
        return ", ".join(_written(each, is_duration=is_duration) for each in value)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    return f'`"{format_duration(value)}"`' if is_duration and value else f"{value}"


def page(text: str) -> str:
    """Return the page with its tables as they should be.

    Raises:
        ValueError: a part has no heading with a table.
    """
    known = parts()
    named = {found[2] for found in _TABLE.finditer(text)}
    if missing := sorted(set(known) - named):
        raise ValueError(f"{PAGE.name} has no section with a table of keys for {', '.join(missing)}")
    return _TABLE.sub(lambda found: found[1] + table(known[found[2]]) if found[2] in known else found[0], text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
    print(f"wrote {PAGE}")
