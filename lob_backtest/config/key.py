"""What a key of a run's TOML file means: one text for its row in docs/configuration.md and for the JSON schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator

from lob_backtest.units import parse_duration, parse_instant


class Key(NamedTuple):
    """Marks a field of the config with its meaning.

    Attributes:
        meaning: Markdown, one line; links are relative to docs/.
        default: Markdown; what holds without the key, where its default value does not tell. `None`: that value.
        level: 2 or 3 if the key has an effect on feeds of this level alone, 0 otherwise.
    """

    meaning: str
    default: str | None = None
    level: int = 0

    @property
    def text(self) -> str:
        """Return the meaning with the level in front."""
        return f"L{self.level}: {self.meaning}" if self.level else self.meaning

    @property
    def plain(self) -> str:
        """Return the text without links, and with the default where the value does not tell."""
        default = f". Default: {self.default}" if self.default else ""
        return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", self.text + default)


def key_of(part: type[BaseModel], name: str) -> Key:
    """Return what a field of a part of the config means."""
    return next(mark for mark in part.model_fields[name].metadata if isinstance(mark, Key))


def types_of(part: type[BaseModel]) -> dict[str, list[str]]:
    """Return the types of the values that each field of a part of the config can have, as a reader names them."""
    return {
        name: list(dict.fromkeys(_types(hint)))
        for name, hint in get_type_hints(part, include_extras=True).items()
        if name in part.model_fields
    }


def _types(hint: Any) -> Iterator[str]:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        readers = {mark.func for mark in parts[1:] if isinstance(mark, BeforeValidator)}
        if parse_duration in readers:
            yield "duration"
        elif parse_instant in readers:
            yield "time"
        else:
            yield from _types(parts[0])
    elif origin in (Union, UnionType):
        for each in parts:
            yield from _types(each)
    elif origin is Literal:
        yield from (f'`"{value}"`' for value in parts)
    elif origin in (list, tuple):
        (of,) = _types(parts[0])
        yield f"list of {of if of == 'text' else of + 's'}"
    elif origin is dict:
        yield "table"
    elif hint is not type(None):
        yield "table" if issubclass(hint, BaseModel) else _PLAIN[hint]


_PLAIN: Final[dict[type, str]] = {bool: "boolean", int: "integer", float: "number", Decimal: "number", str: "text"}
