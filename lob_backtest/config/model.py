"""`RunConfig` and its parts: one TOML file, checked key by key.

A key that this version does not know is refused, never ignored. Durations are text such as "100ms", times ISO dates
with their offset; both become integer nanoseconds.
"""

from __future__ import annotations

import difflib
import os
import typing
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from lob_backtest.config.renamed import old_attribute, with_new_names
from lob_backtest.config.toml import MAX_DEPTH, changed, is_deep, read_toml
from lob_backtest.errors import ConfigError
from lob_backtest.printable import cut
from lob_backtest.units import DURATION_LIMIT_NS, Duration, Instant, shown

# Both engines count in 64 bits: no sum of a time of the market, latencies and horizons may leave them, and no position
# together with the orders in flight.
TIME_LIMIT_NS = 1 << 62
POSITION_LIMIT = 1 << 60

VERSION: Final = 1
"""Of the keys: one more when a key goes or gets another meaning."""

MAX_DECIMALS = 30
MAX_MESSAGES = 20
"""What is wrong with a config, told at once."""

Positive = Annotated[Duration, Field(ge=1, lt=DURATION_LIMIT_NS)]
NotNegative = Annotated[Duration, Field(ge=0, lt=DURATION_LIMIT_NS)]
Time = Annotated[Instant, Field(gt=-TIME_LIMIT_NS, lt=TIME_LIMIT_NS)]
Position = Annotated[int, Field(gt=-POSITION_LIMIT, lt=POSITION_LIMIT)]
MaxPosition = Annotated[int, Field(ge=0, lt=POSITION_LIMIT)]


def _exact(value: Any) -> Any:
    """Read a TOML float by its text: -0.2 is the decimal number -0.2, not its nearest double."""
    return Decimal(str(value)) if isinstance(value, float) else value


def _countable(number: Decimal) -> Decimal:
    """Refuse a number whose exact fraction would take memory and time without end."""
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_DECIMALS:
        raise ValueError(f"expected at most {MAX_DECIMALS} digits after the point")
    return number


def _file_name(value: Any) -> str:
    """Read a path or pattern; names that are not UTF-8 hold surrogates, which pydantic's own text does not."""
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {shown(value)}")
    if "\0" in value:
        raise ValueError("a NUL character, which no path has")
    return value


FileName = Annotated[str, PlainValidator(_file_name), WithJsonSchema({"type": "string"})]
Seed = Annotated[int, Field(ge=-(1 << 63), lt=1 << 64)]
Number = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False), AfterValidator(_countable)]
# A price times a size is below 2^80: times such a fee, in 10^-12 tick-lots, it stays within 128 bits.
Bps = Annotated[Number, Field(ge=-500_000, le=500_000)]
PerLot = Annotated[Number, Field(ge=-(10**15), le=10**15)]


def _no_slash(name: str) -> str:
    if "/" in name:
        raise ValueError("a slash, which stands between agent and instrument in the names of metrics")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RunPart(_Part):
    """`[run]`.

    Attributes:
        start: the strategy starts here; rows before it only build the book. Default: the first row.
        end: the run ends here. Default: the last packet.
        warm_up: orders are refused for this long after the start.
        seed: of `ctx.rng`.
        at_end: "mark" values an open position at the mid; "flatten" closes it by taking what is displayed.
        initial_position: lots of every instrument at the start.
    """

    start: Time | None = None
    end: Time | None = None
    warm_up: NotNegative = 0
    seed: Seed = 1
    at_end: Literal["mark", "flatten"] = "mark"
    initial_position: Position = 0


class FeesPart(_Part):
    """`fees` of an agent, an instrument or a venue; negative is a rebate. See `lob_backtest.instrument.Fees`.

    A key that is left out is that of the next of these three, 0 where none has it.
    """

    maker_bps: Bps | None = None
    taker_bps: Bps | None = None
    maker_per_lot: PerLot | None = None
    taker_per_lot: PerLot | None = None


class ChannelPart(_Part):
    """`latency` of an agent or a venue.

    Attributes:
        entry: from sending a request to its arrival at the exchange. Default: the venue's, then that of `[latency]`.
        response: from there to the strategy. Default: as for `entry`.
    """

    entry: Positive | None = None
    response: Positive | None = None


class VenuePart(_Part):
    """`[[venue]]`: what its instruments have in common.

    Attributes:
        name: as instruments name it.
        latency: of requests and responses; each venue has channels of its own, on which nothing overtakes.
        fees: of its instruments.
    """

    name: Annotated[str, Field(min_length=1)]
    latency: ChannelPart = ChannelPart()
    fees: FeesPart = FeesPart()


class InstrumentPart(_Part):
    """`[[instrument]]`.

    Attributes:
        name: how strategies call it. Default: the symbol in the file.
        venue: where it trades. Default: the venue in the file.
        data: files, in the canonical Parquet format, or glob patterns.
        multiplier: currency a unit a point of price.
        currency: a label.
        fees: what a fill costs. Default, key by key: those of its venue.
        exclude_order_ids: ids of own orders that the feed recorded (L3); their executions become hidden prints, their
            other rows are left out and counted.
        initial_position: lots at the start. Default: that of `[run]`.
        max_position: in lots, either side. Default: that of `[risk]`.
    """

    name: str | None = None
    venue: Annotated[str, Field(min_length=1)] | None = None
    data: Annotated[list[FileName], Field(min_length=1)]
    multiplier: Annotated[Number, Field(gt=0, le=10**15)] = Decimal(1)
    currency: str = ""
    fees: FeesPart = FeesPart()
    exclude_order_ids: tuple[Annotated[int, Field(ge=1, lt=1 << 64)], ...] = ()
    initial_position: Position | None = None
    max_position: MaxPosition | None = None

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        return with_new_names("instrument", values)

    @property
    def strip_orders(self) -> tuple[int, ...]:
        """Return `exclude_order_ids`, which had this name until 0.4."""
        return cast("tuple[int, ...]", old_attribute(self, "instrument.strip_orders"))


class LatencyPart(_Part):
    """`[latency]`.

    Attributes:
        feed: "recorded", or a duration that replaces the recorded local times.
        entry: from sending a request to its arrival at the exchange.
        response: from there to the strategy.
    """

    feed: Literal["recorded"] | NotNegative = "recorded"
    entry: Positive = 500_000
    response: Positive = 500_000


class FillsPart(_Part):
    """`[fills]`.

    Attributes:
        queue: L2: which cancels were ahead, "proportional" or "back". L3 is exact.
        impact: "none": history goes on as recorded.
        fill_on_younger_execution: L3: let an order fill when a younger one executes, whatever stands ahead of it.
        hidden_any_side: let hidden prints of unknown side fill.
        late_level: L2: how long after a print the LEVEL row that shows it may follow. Default: the file's, or 250 ms.
        late_print: L2: how long after a fall of a level its print may follow; 0: never. Default: the file's, or 250 ms.
    """

    queue: Literal["proportional", "back"] = "proportional"
    impact: Literal["none"] = "none"
    fill_on_younger_execution: bool = False
    hidden_any_side: bool = False
    late_level: NotNegative | None = None
    late_print: NotNegative | None = None

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        return with_new_names("fills", values)

    @property
    def evidence(self) -> bool:
        """Return `fill_on_younger_execution`, which had this name until 0.4."""
        return cast("bool", old_attribute(self, "fills.evidence"))


class RiskPart(_Part):
    """`[risk]`.

    Attributes:
        max_position: in lots, either side, orders in flight counted as filled. Default: no limit.
    """

    max_position: MaxPosition | None = None


class DataPart(_Part):
    """`[data]`.

    Attributes:
        policies: what is done about bad rows, by kind (docs/data.md).
        max_bad_fraction: the share of bad rows above which the run fails. Default: any share.
        taint: fills this soon after a SUSPECT, repaired or skipped row are marked.
    """

    policies: dict[str, str] = {}
    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    taint: NotNegative = 1_000_000_000


class StrategyPart(_Part):
    """`[strategy]`.

    Attributes:
        class_: "path/to/file.py:Class" or "module:Class".
        params: its parameters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    class_: Annotated[FileName | None, Field(alias="class")] = None
    params: dict[str, Any] = {}


class AgentPart(_Part):
    """`[[agent]]`: one of several strategies of a run. Each has its own orders and account; none sees another's.

    What an agent sets goes before what instruments, venues and the other tables say.

    Attributes:
        name: of its part of the result. Default: the name of its class.
        class_: as in `[strategy]`; not needed where `lob_backtest.run` is given strategies.
        params: its parameters.
        seed: of its `ctx.rng`. Default: that of `[run]`.
        warm_up: its orders are refused for this long after the start. Default: that of `[run]`.
        latency: of its requests and responses.
        fees: what its fills cost.
        initial_position: lots of every instrument at the start.
        max_position: in lots of every instrument, either side.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Annotated[str, Field(min_length=1), AfterValidator(_no_slash)] | None = None
    class_: Annotated[FileName | None, Field(alias="class")] = None
    params: dict[str, Any] = {}
    seed: Seed | None = None
    warm_up: NotNegative | None = None
    latency: ChannelPart = ChannelPart()
    fees: FeesPart = FeesPart()
    initial_position: Position | None = None
    max_position: MaxPosition | None = None


class ReportPart(_Part):
    """`[report]`.

    Attributes:
        markouts: horizons after a fill, ascending.
        sample: interval of the account's samples.
    """

    markouts: tuple[Positive, ...] = (100_000_000, 1_000_000_000, 10_000_000_000, 60_000_000_000)
    sample: Positive = 1_000_000_000

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if list(self.markouts) != sorted(set(self.markouts)):
            raise ValueError("markouts: expected different horizons in ascending order")
        return self


class RunConfig(_Part):
    """One run: everything that decides its result but the strategy's code.

    Attributes:
        version: of the config's keys, where the file gives one; 1 is the only one.
    """

    version: Literal[1] = VERSION
    run: RunPart = RunPart()
    instrument: Annotated[tuple[InstrumentPart, ...], Field(min_length=1)]
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
        if isinstance(version, int) and version > VERSION:
            raise ValueError(
                f"version: {version} is newer than this lob_backtest, which knows version {VERSION}; install a newer "
                f"lob_backtest, or write the config with the keys of version {VERSION}"
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
    def of(cls, config: RunConfig | dict[str, Any] | str | Path) -> RunConfig:
        """Take a config as it is, check a dict, or load a file."""
        if isinstance(config, RunConfig):
            return config
        if isinstance(config, dict):
            return cls.parse(config)
        if not isinstance(config, str | os.PathLike):
            raise ConfigError(f"config: expected a RunConfig, a dict or the path of a TOML file, got {shown(config)}")
        return cls.load(config)

    @classmethod
    def load(cls, path: str | Path) -> RunConfig:
        """Read a TOML file. Data and strategy paths in it are relative to the file.

        Raises:
            ConfigError: the file is missing or not TOML, or a key is unknown or out of range.
        """
        return cls.parse(read_toml(path), where=f"{path}: ")

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: str = "") -> RunConfig:
        """Check plain values.

        Args:
            values: the tables and keys of the TOML file.
            where: put before a message: the file.

        Raises:
            ConfigError: a key is unknown or out of range; all of them are listed.
        """
        if is_deep(values):
            raise ConfigError(f"{where}lists or tables are nested more than {MAX_DEPTH} deep; no key of a config is")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            found = list(dict.fromkeys(_messages(error)))
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


def _messages(error: ValidationError) -> list[str]:
    messages = []
    items = error.errors()
    for item in items:
        if item["type"] == "too_short" and any(
            other["loc"][: len(item["loc"])] == item["loc"] for other in items if other is not item
        ):
            continue  # only because its one element is wrong, which has a message of its own
        place = [str(part) for part in item["loc"]]
        key = ".".join(
            cut(part, 100) for part in place if not part.startswith(("function-", "literal[", "constrained-"))
        )
        if item["type"] == "extra_forbidden":
            known = _keys([part for part in item["loc"][:-1] if isinstance(part, str)])
            near = difflib.get_close_matches(place[-1][:100], known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
            messages.append(f"{key}: unknown key (a misspelling, or not in this version); {hint}")
        elif item["type"] == "missing":
            messages.append(f"{key}: missing; it has no default")
        else:
            text = cut(item["msg"].removeprefix("Value error, "), 300)
            got = "" if item["type"] == "value_error" else f", got {shown(item['input'])}"
            messages.append(f"{key}{key and ': '}{text[0].lower()}{text[1:]}{got}")
    return messages


def _keys(place: list[str]) -> list[str]:
    """List the keys of the table at a place in the config."""
    model: Any = RunConfig
    for name in place:
        fields = {(f.alias or key): f.annotation for key, f in model.model_fields.items()}
        parts = [part for part in (fields.get(name), *typing.get_args(fields.get(name))) if isinstance(part, type)]
        found = [part for part in parts if issubclass(part, BaseModel)]
        if not found:
            return []
        model = found[0]
    return [f.alias or key for key, f in model.model_fields.items()]
