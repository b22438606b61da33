"""Every setting of a run with its effective value and where that is from, for `run --show-config`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from lob_backtest.config.effective import DEFAULT, FILE, ORDER_RULES, Effective, Settings, late_ns, of_table
from lob_backtest.config.key import key_of, types_of
from lob_backtest.config.latency_parts import (
    ORDERS,
    ChannelPart,
    CorrelatedPart,
    LatencyModelPart,
    LatencyPart,
    latency_text,
)
from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import (
    DataPart,
    FeesPart,
    FillsPart,
    MmpPart,
    ReportPart,
    RunPart,
)
from lob_backtest.data.faults import resolve_policies
from lob_backtest.data.reader import MarketSource
from lob_backtest.units import format_duration, format_instant

PARTS: Final = (RunPart, ChannelPart, LatencyPart, LatencyModelPart, CorrelatedPart, FillsPart, DataPart, ReportPart)
"""Those that have durations and times."""


class AgentShown(NamedTuple):
    """An agent as the run makes it.

    Attributes:
        name: in the result.
        strategy: its class, as "path/to/file.py:Class" or "module:Class".
        params: all of its parameters; durations are text.
    """

    name: str
    strategy: str
    params: Mapping[str, Any]


class Section(NamedTuple):
    """The settings of one part of a run.

    Attributes:
        place: which part: names by "agent", "venue" and "instrument"; empty for the whole run.
        settings: plain values, durations and times as text, by key.
    """

    place: dict[str, str]
    settings: dict[str, Effective]


def effective_sections(
    config: RunConfig, sources: Sequence[MarketSource], agents: Sequence[AgentShown], options: Mapping[str, str]
) -> list[Section]:
    """List every setting of a run: of the whole, of each instrument, of each agent, at each venue, in each instrument.

    Args:
        config: the run's.
        sources: the opened files of each instrument.
        agents: the run's.
        options: by the key that it set, the option of the command line.

    Raises:
        ConfigError: the config describes a venue on which no instrument trades.
    """
    pairs = list(zip(config.instrument, sources, strict=True))
    settings = Settings(config, [part.venue or source.venue for part, source in pairs])
    names = [part.name or source.symbol for part, source in pairs]
    found = [Section({}, _whole(config))]
    for i, (name, source) in enumerate(zip(names, sources, strict=True)):
        found.append(Section({"instrument": name}, _instrument(config, i, source, settings)))
    for k, agent in enumerate(agents):
        found.append(Section({"agent": agent.name}, _agent(config, k, agent, settings)))
        for venue in settings.venues:
            channel = {kind: settings.latency(kind, venue, k) for kind in ("entry", *ORDERS, "response")}
            channel["reorder"] = settings.reorder(venue, k)
            found.append(Section({"agent": agent.name, "venue": venue}, channel))
        for i, name in enumerate(names):
            session = {f"fees.{fee}": settings.fee(fee, i, k) for fee in FeesPart.model_fields}
            session["initial_position"] = settings.initial_position(i, k)
            session["max_position"] = settings.max_position(i, k)
            found.append(Section({"agent": agent.name, "instrument": name}, session))
    return [Section(place, _shown(rows, options)) for place, rows in found]


def _whole(config: RunConfig) -> dict[str, Effective]:
    tables: dict[str, BaseModel] = {"run": config.run, "data": config.data, "report": config.report}
    rows = {
        f"{table}.{name}": of_table(part, name, table)
        for table, part in tables.items()
        for name in type(part).model_fields
        if name not in ("seed", "warm_up", "initial_position", "policies")  # of agents, or listed below
    }
    rows["latency.feed"] = of_table(config.latency, "feed", "latency")
    rows |= {f"risk.mmp.{name}": of_table(config.risk.mmp, name, "risk.mmp") for name in MmpPart.model_fields}
    rows["fills.impact"] = of_table(config.fills, "impact", "fills")
    for kind, policy in resolve_policies(config.data.policies).items():
        key = f"data.policies.{kind}"
        rows[key] = Effective(str(policy), key if str(kind) in config.data.policies else DEFAULT)
    return rows


def _instrument(config: RunConfig, index: int, source: MarketSource, settings: Settings) -> dict[str, Effective]:
    part, key = config.instrument[index], f"instrument.{index}"
    rows = {
        "name": Effective(part.name, f"{key}.name") if part.name else Effective(source.symbol, FILE),
        "venue": Effective(part.venue, f"{key}.venue") if part.venue else Effective(source.venue, FILE),
        "data": Effective([str(file.path) for file in source.files], f"{key}.data"),
        "level": Effective(source.level, FILE),
        "depth": Effective(source.depth, FILE),
        "tick_size": Effective(source.tick_size, FILE),
        "lot_size": Effective(source.lot_size, FILE),
    }
    rows |= {name: of_table(part, name, key) for name in ("multiplier", "currency", "exclude_order_ids")}
    rows["profile"] = settings.profile(settings.venue_of[index])
    rows |= {name: settings.order_rule(name, index) for name in ORDER_RULES}
    late = {"late_level": source.late_level_ns, "late_print": source.late_print_ns}
    for name in FillsPart.model_fields:
        if name in late and source.level == 2:
            rows[name] = late_ns(config, name, late[name])
        elif name != "impact" and key_of(FillsPart, name).level in (0, source.level):
            rows[name] = of_table(config.fills, name, "fills")
    return rows


def _agent(config: RunConfig, index: int, agent: AgentShown, settings: Settings) -> dict[str, Effective]:
    part, key = config.agents[index], f"agent.{index}" if config.agent else "strategy"
    rows = {
        "name": Effective(agent.name, f"{key}.name" if part.name else DEFAULT),
        "class": Effective(agent.strategy, f"{key}.class"),
        "seed": settings.seed(index),
        "warm_up": settings.warm_up(index),
    }
    for name, value in agent.params.items():
        rows[f"params.{name}"] = Effective(value, f"{key}.params.{name}" if name in part.params else DEFAULT)
    return rows


def _shown(rows: Mapping[str, Effective], options: Mapping[str, str]) -> dict[str, Effective]:
    return {key: Effective(_plain(key, row.value), _origin(row.origin, options)) for key, row in rows.items()}


def _plain(key: str, value: Any) -> Any:
    """Return a value as JSON can hold it; durations and times as a config has them."""
    name = key.rpartition(".")[2]
    if isinstance(value, LatencyModelPart):
        return latency_text(value)
    if isinstance(value, list | tuple):
        return [_plain(key, each) for each in value]
    if isinstance(value, int) and not key.startswith("params."):
        if name in _named("duration"):
            return format_duration(value)
        if name in _named("time"):
            return format_instant(value)
    return str(value) if isinstance(value, Decimal) else value


@cache
def _named(kind: str) -> set[str]:
    """Return the names of the keys whose values are of a kind, alone or in lists: durations or times."""
    return {name for part in PARTS for name, types in types_of(part).items() if any(kind in each for each in types)}


def _origin(key: str, options: Mapping[str, str]) -> str:
    """Return the key that a value is from, or the option of the command line that set it or a table around it."""
    parts = key.split(".")
    for n in range(len(parts), 0, -1):
        option = options.get(".".join(parts[:n]))
        if option is not None:
            return f"{option} {key}" if option == "--set" else option
    return key
