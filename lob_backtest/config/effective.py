"""The value of each setting that several tables of a config can give, and the table that gives it.

Precedence: agent over instrument over venue over the tables that hold for the whole run, then the default.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from lob_backtest.config.latency_parts import latency_text
from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import FeesPart, VenuePart
from lob_backtest.config.profiles import load
from lob_backtest.contract.plan import MmpPlan
from lob_backtest.errors import ConfigError
from lob_backtest.instrument import Fees
from lob_backtest.units import MS, shown

DEFAULT: Final = "default"

FILE: Final = "file"
"""Origin of a value that the market data file has."""

LATE_NS: Final = 250 * MS
"""How far apart a print and its LEVEL row can be where neither config nor file says it."""


ORDER_RULES: Final = {
    "replace.decrease": "keep",
    "replace.size_is": "total",
    "replace.would_take": "reject",
    "replace.at_or_below_filled": "cancel",
    "post_only": "reject",
    "self_trade": "cancel_newest",
}
"""How orders are treated where neither instrument nor venue says it."""


class Effective(NamedTuple):
    """A value and the key that it is from: `DEFAULT` where the config does not have it."""

    value: Any
    origin: str


class Settings:
    """What holds for each agent, instrument and venue of a run.

    Args:
        config: the run's.
        venues: the venue of each instrument.

    Attributes:
        venue_of: the venue of each instrument.
        venues: all of them, in the order of their first instruments.

    Raises:
        ConfigError: the config describes a venue on which no instrument trades.
    """

    def __init__(self, config: RunConfig, venues: Sequence[str]) -> None:
        self.venue_of = list(venues)
        self.venues = list(dict.fromkeys(venues))
        self._config = config
        self._described = {part.name: (f"venue.{i}", part) for i, part in enumerate(config.venue)}
        for name in self._described:
            if name not in self.venues:
                known = ", ".join(shown(each) for each in self.venues)
                raise ConfigError(
                    f"venue.name: no instrument trades on {shown(name)}; the venues of this run are {known}; "
                    "name one of them, or set instrument.N.venue"
                )

    def latency(self, kind: str, venue: str, agent: int) -> Effective:
        """Return the latency of a kind of message between an agent and a venue: ns, or a model.

        Args:
            kind: "new", "replace", "cancel" or "response".
            venue: its name.
            agent: its place in the plan.
        """
        names = (kind,) if kind == "response" else (kind, "entry")
        tables = self._latency_tables(venue, agent)
        found = next((each for table in tables for name in names if (each := _first(name, [table]))), None)
        whole = next(each for each in (self._whole("latency", name) for name in names) if each.value is not None)
        return found or whole

    def latency_texts(self, venue: str, agent: int) -> dict[str, str]:
        """Return the latency of each kind of message between an agent and a venue as text."""
        kinds = ("new", "replace", "cancel", "response")
        return {kind: latency_text(self.latency(kind, venue, agent).value) for kind in kinds}

    def reorder(self, venue: str, agent: int) -> Effective:
        """Return whether requests of an agent to a venue may overtake each other."""
        return _first("reorder", self._latency_tables(venue, agent)) or self._whole("latency", "reorder")

    def fee(self, name: str, instrument: int, agent: int | None = None) -> Effective:
        """Return one number of `FeesPart` for an instrument, or for an agent in it."""
        tables = [*self._of_agent(agent, "fees"), (f"instrument.{instrument}.fees", self._instrument(instrument).fees)]
        tables += [(f"{key}.fees", part.fees) for key, part in self._of_venue(self.venue_of[instrument])]
        return _first(name, tables) or Effective(getattr(Fees(), name), DEFAULT)

    def fees(self, instrument: int, agent: int | None = None) -> dict[str, Any]:
        """Return all numbers of `FeesPart` for an instrument, or for an agent in it."""
        return {name: self.fee(name, instrument, agent).value for name in FeesPart.model_fields}

    def order_rule(self, name: str, instrument: int) -> Effective:
        """Return one key of how orders in an instrument are treated, "replace.decrease" as well as "self_trade"."""
        table, _, key = name.rpartition(".")
        found = [(f"instrument.{instrument}", self._instrument(instrument)), *self._of_venue(self.venue_of[instrument])]
        tables = [(f"{place}.{table}".rstrip("."), getattr(part, table) if table else part) for place, part in found]
        profile = self.profile(self.venue_of[instrument])
        if own := _first(key, tables):
            return own
        if profile.value is None:
            return Effective(ORDER_RULES[name], DEFAULT)
        rules: Any = load(profile.value).rules
        value = getattr(getattr(rules, table) if table else rules, key)
        return Effective(ORDER_RULES[name] if value is None else value, f"profile {profile.value}")

    def profile(self, venue: str) -> Effective:
        """Return the name of a venue's profile, `None` where the config names none.

        Raises:
            ConfigError: there is no such profile.
        """
        found = _first("profile", list(self._of_venue(venue))) or Effective(None, DEFAULT)
        if found.value is not None:
            load(found.value)
        return found

    def max_position(self, instrument: int, agent: int) -> Effective:
        """Return the limit on the position of an agent in an instrument, lots; `None`: no limit."""
        tables = [*self._of_agent(agent), (f"instrument.{instrument}", self._instrument(instrument))]
        return _first("max_position", tables) or self._whole("risk", "max_position")

    @property
    def mmp(self) -> MmpPlan:
        """Return market maker protection, which all agents have in all instruments."""
        part = self._config.risk.mmp
        return MmpPlan(part.lots, part.fills, part.interval, part.frozen)

    def initial_position(self, instrument: int, agent: int) -> Effective:
        """Return the position of an agent in an instrument at the start, lots."""
        tables = [*self._of_agent(agent), (f"instrument.{instrument}", self._instrument(instrument))]
        return _first("initial_position", tables) or self._whole("run", "initial_position")

    def seed(self, agent: int) -> Effective:
        """Return the seed of an agent's random numbers."""
        return _first("seed", self._of_agent(agent)) or self._whole("run", "seed")

    def warm_up(self, agent: int) -> Effective:
        """Return how long after the start an agent's orders are refused, ns."""
        return _first("warm_up", self._of_agent(agent)) or self._whole("run", "warm_up")

    def _latency_tables(self, venue: str, agent: int) -> list[tuple[str, BaseModel]]:
        tables = [*self._of_agent(agent, "latency")]
        return tables + [(f"{key}.latency", part.latency) for key, part in self._of_venue(venue)]

    def _instrument(self, instrument: int) -> Any:
        return self._config.instrument[instrument]

    def _of_agent(self, agent: int | None, table: str = "") -> list[tuple[str, BaseModel]]:
        """Return the part of an agent, or a table of it, with its key; empty where there is no `[[agent]]`."""
        if agent is None or not self._config.agent:
            return []
        part = self._config.agent[agent]
        return [(f"agent.{agent}.{table}".rstrip("."), getattr(part, table) if table else part)]

    def _of_venue(self, venue: str) -> Iterator[tuple[str, VenuePart]]:
        if venue in self._described:
            yield self._described[venue]

    def _whole(self, table: str, name: str) -> Effective:
        return of_table(getattr(self._config, table), name, table)


def late_ns(config: RunConfig, name: str, file_ns: int | None) -> Effective:
    """Return how far apart a print and its LEVEL row can be, ns: that of the config, else the file's, else the default.

    Args:
        config: the run's.
        name: "late_level" or "late_print".
        file_ns: what the file of market data says, if anything.
    """
    of_config = of_table(config.fills, name, "fills")
    if of_config.value is not None:
        return of_config
    return Effective(LATE_NS, DEFAULT) if file_ns is None else Effective(file_ns, FILE)


def of_table(part: BaseModel, name: str, table: str) -> Effective:
    """Return a value that one table alone can give.

    Args:
        part: the table.
        name: of the key in it.
        table: its own key.
    """
    return Effective(getattr(part, name), f"{table}.{name}" if name in part.model_fields_set else DEFAULT)


def _first(name: str, tables: Sequence[tuple[str, BaseModel]]) -> Effective | None:
    """Return the first value of a name that is set, `None` where none is."""
    for key, part in tables:
        value = getattr(part, name)
        if value is not None:
            return Effective(value, f"{key}.{name}")
    return None
