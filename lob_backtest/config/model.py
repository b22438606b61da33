"""`RunConfig`: one TOML file, checked key by key.

A key that this version does not know is refused, never ignored. Durations are text such as "100ms", times ISO dates
with their offset; both become integer nanoseconds.
"""

from __future__ import annotations

import difflib
import os
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from lob_backtest.config.key import Key
from lob_backtest.config.latency_parts import LatencyPart
from lob_backtest.config.part import Part
from lob_backtest.config.parts import (
    AgentPart,
    DataPart,
    FillsPart,
    InstrumentPart,
    ReportPart,
    RiskPart,
    RunPart,
    StrategyPart,
    VenuePart,
)
from lob_backtest.config.toml import MAX_DEPTH, changed, is_deep, read_toml
from lob_backtest.errors import ConfigError
from lob_backtest.printable import cut
from lob_backtest.units import shown

VERSION: Final = 1
"""Of the keys: one more when a key goes or gets another meaning."""

WRITTEN: Final = {"written": True}
"""The context of the validation of what was written as text: a TOML file or an option."""
BRANCHES: Final = ("function-", "literal[", "constrained-", "choice-")
"""How parts of a place begin that are branches of a union, and no keys."""
MAX_MESSAGES = 20
"""What is wrong with a config, told at once."""


def _tables(value: Any) -> Any:
    """Take one table of an instrument for a list of one."""
    if isinstance(value, dict | InstrumentPart):
        return [value]
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list of tables, as in [{{'data': 'file.parquet'}}], got {shown(value)}")
    return value


class RunConfig(Part):
    """One run: everything that decides its result but the strategy's code."""

    version: Annotated[Literal[1], Key("of the config's keys, where the file gives one; 1 is the only one")] = VERSION
    run: RunPart = RunPart()
    instrument: Annotated[tuple[InstrumentPart, ...], Field(min_length=1), BeforeValidator(_tables)]
    venue: tuple[VenuePart, ...] = ()
    latency: LatencyPart = LatencyPart()
    fills: FillsPart = FillsPart()
    risk: RiskPart = RiskPart()
    data: DataPart = DataPart()
    strategy: StrategyPart = StrategyPart()
    agent: tuple[AgentPart, ...] = ()
    report: ReportPart = ReportPart()

    @model_validator(mode="before")
    @classmethod
    def _of_known_version(cls, values: Any) -> Any:
        """Refuse a newer config before its keys, which may all be unknown."""
        version = values.get("version") if isinstance(values, dict) else None
        if isinstance(version, bool):
            raise ValueError(f"version: {shown(version)} is no number; expected {VERSION}")
        if isinstance(version, int) and version > VERSION:
            raise ValueError(
                f"version: {shown(version)} is newer than this lob_backtest, which knows version {VERSION}; install a "
                f"newer lob_backtest, or write the config with the keys of version {VERSION}"
            )
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.agent and (self.strategy.class_ is not None or self.strategy.params):
            raise ValueError(
                "strategy: given, but so is agent; a run has one [strategy] or several [[agent]], whose parameters are "
                "set as agent.N.params.KEY"
            )
        named: dict[str, tuple[VenuePart | AgentPart, ...]] = {"venue": self.venue, "agent": self.agent}
        for what, parts in named.items():
            names = [part.name for part in parts if part.name is not None]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{what}.name: {shown(name)} occurs twice; give each {what} a name of its own")
        return self

    def with_agents(self, count: int) -> RunConfig:
        """Return a copy of a config without `[strategy]` that has so many `[[agent]]`, with nothing of their own."""
        return self.model_copy(update={"agent": (AgentPart(),) * count})

    @property
    def agents(self) -> tuple[AgentPart, ...]:
        """Return the parts of all agents: one, of `[strategy]`, where there is no `[[agent]]`."""
        return self.agent or (AgentPart(class_=self.strategy.class_, params=self.strategy.params),)

    @classmethod
    def of(cls, config: RunConfig | dict[str, Any] | str | os.PathLike[str]) -> RunConfig:
        """Check a config or a dict, or load a file.

        A config is checked again, since copies that pydantic makes of its tables are not.

        Raises:
            ConfigError: a key is unknown or out of range, or there is no such file.
        """
        if isinstance(config, RunConfig):
            checked = cls.parse(_values(config))
            return config if checked == config else checked
        if isinstance(config, dict):
            return cls.parse(config)
        if not isinstance(config, str | os.PathLike):
            raise ConfigError(
                "config: expected the path of a Parquet or TOML file, a list of Parquet files, a dict or a RunConfig, "
                f"got {shown(config)}"
            )
        return cls.load(config)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RunConfig:
        """Read a TOML file. Data and strategy paths in it are relative to the file.

        Raises:
            ConfigError: the file is missing or not TOML, or a key is unknown or out of range.
        """
        return cls.parse(read_toml(path), where=f"{path}: ", written=True)

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: str = "", written: bool = False) -> RunConfig:
        """Check plain values.

        Args:
            values: the tables and keys of the TOML file.
            where: put before a message: the file.
            written: they are of a file or of options; durations then need a unit.

        Raises:
            ConfigError: a key is unknown or out of range; all of them are listed.
        """
        if is_deep(values):
            raise ConfigError(f"{where}lists or tables are nested more than {MAX_DEPTH} deep; no key of a config is")
        try:
            return cls.model_validate(values, context=WRITTEN if written else None)
        except ValidationError as error:
            found = _messages(error)
            more = [f"and {len(found) - MAX_MESSAGES} more"] if len(found) > MAX_MESSAGES else []
            raise ConfigError(where + "; ".join(found[:MAX_MESSAGES] + more)) from None

    def set(self, key: str, value: Any) -> RunConfig:
        """Return a copy with one key changed.

        Args:
            key: dotted, as in "latency.entry" or "instrument.0.fees.maker_bps".
            value: as in the TOML file.

        Raises:
            ConfigError: there is no such key, or the value is out of range.
        """
        return self.parse(changed(self.plain(), key, value))

    def plain(self) -> dict[str, Any]:
        """Return the config as plain values that JSON can hold."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _values(held: Any) -> Any:
    """Return what the tables of a config were given, names that are no keys among it."""
    if isinstance(held, Part):
        fields, given = type(held).model_fields, held.model_fields_set
        return {
            (fields[name].alias if name in fields else None) or name: _values(value)
            for name, value in vars(held).items()
            if name in given
        }
    return [_values(each) for each in held] if isinstance(held, list | tuple) else held


EXPECTED: Final = {"model_type": "expected a table of keys and values", "tuple_type": "expected a list of tables"}
"""Instead of pydantic's words, which name classes."""


def _messages(error: ValidationError) -> list[str]:
    """Return what is wrong: one message for all the keys of which it is true."""
    keys: dict[str, list[str]] = {}
    for key, text in _complaints(error):
        keys.setdefault(text, []).append(key)
    return [f"{_few(list(dict.fromkeys(each)))}{': ' if each[0] else ''}{text}" for text, each in keys.items()]


def _few(keys: list[str]) -> str:
    more = f" and {len(keys) - MAX_MESSAGES} more" if len(keys) > MAX_MESSAGES else ""
    return ", ".join(keys[:MAX_MESSAGES]) + more


def _complaints(error: ValidationError) -> Iterator[tuple[str, str]]:
    items = error.errors()
    for item in items:
        if item["type"] == "too_short" and any(
            other["loc"][: len(item["loc"])] == item["loc"] for other in items if other is not item
        ):
            continue  # only because its one element is wrong, which has a message of its own
        place = [str(part) for part in item["loc"]]
        key = ".".join(
            cut(part, 100)
            for part in place
            if not part.startswith(("function-", "literal[", "constrained-", "choice-"))
        )
        if item["type"] == "extra_forbidden":
            known = _keys(
                [part for part in item["loc"][:-1] if isinstance(part, str) and not part.startswith("choice-")]
            )
            near = difflib.get_close_matches(place[-1][:100], known, n=1)
            elsewhere = _places(place[-1]) if len(place) == 1 else []
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
            hint = f"write {' or '.join(elsewhere)}" if elsewhere else hint
            yield key, f"unknown key (a misspelling, or not in this version); {hint}"
        elif item["type"] == "missing":
            yield key, "missing; it has no default"
        elif item["type"] in EXPECTED:
            hint = "; market data are given as instrument.0.data" if key == "data" else ""
            yield key, f"{EXPECTED[item['type']]}, got {shown(item['input'])}{hint}"
        else:
            text = cut(item["msg"].removeprefix("Value error, "), 300)
            if item["type"] != "value_error":  # the words are those of pydantic
                text = f"{text[0].lower()}{text[1:]}, got {shown(item['input'])}"
            yield key, text


def _places(name: str) -> list[str]:
    """List the tables of the config that have a key, as dotted keys: "instrument.0.fees"."""
    found = []
    for table in RunConfig.model_fields:
        if name in _keys([table]):
            is_list = typing.get_origin(RunConfig.model_fields[table].annotation) is tuple
            found.append(f"{table}.{'0.' * is_list}{name}")
    return found


def _models(hint: Any) -> list[type[BaseModel]]:
    """List the tables that a field can be."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return [hint]
    return [each for part in typing.get_args(hint) for each in _models(part)]


def _keys(place: list[str]) -> list[str]:
    """List the keys of the table at a place in the config."""
    model: Any = RunConfig
    for name in place:
        fields = {(f.alias or key): f.annotation for key, f in model.model_fields.items()}
        found = _models(fields.get(name))
        if not found:
            return []
        model = found[0]
    return [f.alias or key for key, f in model.model_fields.items()]
