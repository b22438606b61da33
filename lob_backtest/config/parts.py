"""The tables of a run's TOML file, key by key, with their bounds and meanings.

Annotations are no strings here (no `from __future__ import annotations`): pydantic would compile each of them again
at every start.
"""

from decimal import Decimal
from os import PathLike
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from lob_backtest.config.key import Key
from lob_backtest.config.latency_parts import ChannelPart
from lob_backtest.config.part import FileName, NotNegative, Number, Part, Positive
from lob_backtest.config.renamed import old_attribute, with_new_names
from lob_backtest.units import Instant, shown

# Both engines count in 64 bits: no sum of a time of the market, latencies and horizons may leave them, and no position
# together with the orders in flight.
TIME_LIMIT_NS = 1 << 62
POSITION_LIMIT = 1 << 60

FRAMES = ("pandas", "polars", "pyarrow")
"""Modules of the tables that users have in memory."""


Time = Annotated[Instant, Field(gt=-TIME_LIMIT_NS, lt=TIME_LIMIT_NS)]
Position = Annotated[int, Field(gt=-POSITION_LIMIT, lt=POSITION_LIMIT)]
MaxPosition = Annotated[int, Field(ge=0, lt=POSITION_LIMIT)]


def frame_remedy(value: Any) -> str:
    """Return what a table in memory is, and what to give instead of it; an empty text for anything else."""
    if type(value).__module__.partition(".")[0] not in FRAMES:
        return ""
    return f"a {type(value).__name__}; write the rows to a file with lob_backtest.write_events, and give its path"


def _listed(value: Any) -> Any:
    """Take one path for a list of one."""
    if isinstance(value, str | PathLike):
        return [value]
    if found := frame_remedy(value):
        raise ValueError(found)
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected the path of a file, a pattern, or a list of them, got {shown(value)}")
    return value


Seed = Annotated[int, Field(ge=-(1 << 63), lt=1 << 64)]
# A price times a size is below 2^80: times such a fee, in 10^-12 tick-lots, it stays within 128 bits.
Bps = Annotated[Number, Field(ge=-500_000, le=500_000)]
PerLot = Annotated[Number, Field(ge=-(10**15), le=10**15)]


def _plain_name(name: str) -> str:
    if "/" in name:
        raise ValueError("a slash, which stands between agent and instrument in the names of metrics")
    if not name.isprintable():
        raise ValueError(f"{shown(name)} has characters that cannot be printed")
    return name


class RunPart(Part):
    """`[run]`."""

    start: Annotated[
        Time | None,
        Key(
            "the strategy starts here, or at the first row of any instrument if that is later; rows before it only "
            "build the book",
            default="first row",
        ),
    ] = None
    end: Annotated[
        Time | None,
        Key(
            "the run ends here, or with the arrival of the last packet of any instrument if that is earlier; timers "
            "beyond it never fire",
            default="last packet",
        ),
    ] = None
    warm_up: Annotated[NotNegative, Key("orders are refused for this long after the start")] = 0
    seed: Annotated[Seed, Key("of `ctx.rng`")] = 1
    at_end: Annotated[
        Literal["mark", "flatten"],
        Key('`"mark"` values an open position at the mid, `"flatten"` closes it by taking what is displayed'),
    ] = "mark"
    initial_position: Annotated[Position, Key("lots of every instrument at the start")] = 0


class FeesPart(Part):
    """`fees` of an agent, an instrument or a venue; negative is a rebate. See `lob_backtest.instrument.Fees`.

    A key that is left out is that of the next of these three, 0 where none has it.
    """

    maker_bps: Annotated[Bps | None, Key("for an order that rested", default="0")] = None
    taker_bps: Annotated[Bps | None, Key("for one that traded on arrival", default="0")] = None
    maker_per_lot: Annotated[PerLot | None, Key("currency per lot, for an order that rested", default="0")] = None
    taker_per_lot: Annotated[PerLot | None, Key("currency per lot, for one that traded on arrival", default="0")] = None


class ReplacePart(Part):
    """`replace` of an instrument or a venue: what the venue does with a replacement."""

    decrease: Annotated[
        Literal["keep", "lose"] | None,
        Key("whether a smaller size at the same price keeps the place in the queue", default='`"keep"`'),
    ] = None
    size_is: Annotated[
        Literal["total", "open"] | None,
        Key("what the size of a replacement counts: all lots, or those that are to be open", default='`"total"`'),
    ] = None
    would_take: Annotated[
        Literal["reject", "cancel"] | None,
        Key("of a post-only order: the replacement is refused, or the order cancelled", default='`"reject"`'),
    ] = None
    at_or_below_filled: Annotated[
        Literal["cancel", "reject"] | None,
        Key("of an order that has filled as much as its new total or more", default='`"cancel"`'),
    ] = None


class OrderRulesPart(Part):
    """What an instrument or a venue says of how orders are treated."""

    replace: Annotated[
        ReplacePart, Key("of replacements: the keys of [venue.replace](#venuereplace)", default="see there")
    ] = ReplacePart()
    post_only: Annotated[
        Literal["reject", "slide"] | None,
        Key(
            "a post-only order that would take is refused, or rests a tick behind the best price of the other side",
            default='`"reject"`',
        ),
    ] = None
    self_trade: Annotated[
        Literal["cancel_newest", "cancel_oldest", "cancel_both", "decrement", "reject"] | None,
        Key(
            "what happens where an order [meets an own one](fill-model.md#own-orders-that-meet)",
            default='`"cancel_newest"`',
        ),
    ] = None


class VenuePart(OrderRulesPart):
    """`[[venue]]`: what its instruments have in common."""

    name: Annotated[str, Field(min_length=1), Key("as in the file or in `instrument.venue`")]
    profile: Annotated[
        str | None,
        Key("the [profile](venues.md#profiles) whose rules hold where this table says nothing", default='`"generic"`'),
    ] = None
    latency: Annotated[
        ChannelPart,
        Key("of requests and responses: the keys of [venue.latency](#venuelatency)", default="`[latency]`"),
    ] = ChannelPart()
    fees: Annotated[FeesPart, Key("of its instruments; as `instrument.fees`", default="0")] = FeesPart()


class InstrumentPart(OrderRulesPart):
    """`[[instrument]]`."""

    name: Annotated[str | None, Key("the name that strategies use", default="the file's symbol")] = None
    venue: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        Key("where it trades; instruments of one venue share the channels to it", default="the file's"),
    ] = None
    data: Annotated[
        list[FileName],
        Field(min_length=1),
        BeforeValidator(_listed),
        Key("files in the [canonical format](data.md), or glob patterns; one or a list"),
    ]
    multiplier: Annotated[Number, Field(gt=0, le=10**15), Key("currency per unit and point of price")] = Decimal(1)
    currency: Annotated[str, Key("a label")] = ""
    fees: Annotated[
        FeesPart, Key("what a fill costs: the keys of [instrument.fees](#instrumentfees)", default="those of its venue")
    ] = FeesPart()
    exclude_order_ids: Annotated[
        tuple[Annotated[int, Field(ge=1, lt=1 << 64)], ...],
        Key(
            "ids of own orders that the feed recorded; their executions become "
            "[hidden prints](fill-model.md#resting-orders-on-l3), their other rows are left out and counted",
            default="none",
            level=3,
        ),
    ] = ()
    initial_position: Annotated[Position | None, Key("lots at the start", default="that of `[run]`")] = None
    max_position: Annotated[MaxPosition | None, Key("lots, either side", default="that of `[risk]`")] = None

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        return with_new_names("instrument", values)

    @property
    def strip_orders(self) -> tuple[int, ...]:
        """Return `exclude_order_ids`, which had this name until 0.4."""
        return cast("tuple[int, ...]", old_attribute(self, "instrument.strip_orders"))


class FillsPart(Part):
    """`[fills]`."""

    queue: Annotated[
        str,
        Field(min_length=1),
        Key(
            'which cancels were ahead: `"proportional"`, `"back"`, `"log"`, `"power(2)"` and other powers, '
            '`"module:function"` or the name of a [plug-in](fill-model.md#levels); [L3 is exact](fill-model.md)',
            level=2,
        ),
    ] = "proportional"
    impact: Annotated[Literal["none"], Key("history goes on as recorded; there is no other model")] = "none"
    fill_on_younger_execution: Annotated[
        bool, Key("an order fills when a younger one executes, whatever stands ahead of it", level=3)
    ] = False
    hidden_any_side: Annotated[bool, Key("hidden prints of unknown side fill too")] = False
    late_level: Annotated[
        NotNegative | None,
        Key(
            "how long after a print the LEVEL row that shows it may follow, in exchange time; "
            "[prints and levels](data.md#prints-and-levels)",
            default='the file\'s, else `"250ms"`',
            level=2,
        ),
    ] = None
    late_print: Annotated[
        NotNegative | None,
        Key(
            "how long after a fall of a level its print may follow; 0: never",
            default='the file\'s, else `"250ms"`',
            level=2,
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        return with_new_names("fills", values)

    @property
    def evidence(self) -> bool:
        """Return `fill_on_younger_execution`, which had this name until 0.4."""
        return cast("bool", old_attribute(self, "fills.evidence"))


class MmpPart(Part):
    """`risk.mmp`: market maker protection at the exchange, of each agent in each instrument."""

    lots: Annotated[
        Annotated[int, Field(ge=1, lt=1 << 63)] | None,
        Key("lots of quotes filled within the interval that trip it", default="no limit"),
    ] = None
    fills: Annotated[
        Annotated[int, Field(ge=1, lt=1 << 63)] | None,
        Key("fills of quotes within the interval that trip it", default="no limit"),
    ] = None
    interval: Annotated[NotNegative, Key("for this long a fill counts")] = 1_000_000_000
    frozen: Annotated[
        NotNegative, Key("quotes are refused for this long after it has tripped; 0: until `ctx.mmp_reset()`")
    ] = 0

    @model_validator(mode="before")
    @classmethod
    def _refuse_delta(cls, given: Any) -> Any:
        if isinstance(given, dict) and "delta" in given:
            raise ValueError("delta: instruments have no greeks; limit lots or fills")
        return given

    @model_validator(mode="after")
    def _refuse_no_limit(self) -> Self:
        if self.lots is None and self.fills is None and self != type(self).model_construct():
            raise ValueError("neither lots nor fills: set the limit that trips it")
        return self


class RiskPart(Part):
    """`[risk]`."""

    max_position: Annotated[
        MaxPosition | None,
        Key("lots, either side; resting orders and those in flight count as filled", default="no limit"),
    ] = None
    mmp: Annotated[MmpPart, Key("[market maker protection](#riskmmp)", default="off")] = MmpPart()


class DataPart(Part):
    """`[data]`."""

    policies: Annotated[dict[str, str], Key("what is done about bad rows", default="[by kind](data.md#bad-data)")] = (
        Field(default_factory=dict)
    )
    max_bad_fraction: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None,
        Key("the share of bad rows above which the run fails", default="no limit"),
    ] = None
    taint: Annotated[
        NotNegative,
        Key(
            "fills this soon after a SUSPECT, repaired or skipped row are marked, like those at a "
            "[bad book](fill-model.md)"
        ),
    ] = 1_000_000_000


class StrategyPart(Part):
    """`[strategy]`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    class_: Annotated[
        FileName | None,
        Field(alias="class"),
        Key(
            '`"path/to/file.py:Class"` or `"module:Class"`; not needed where `lob_backtest.run` is given a strategy',
            default="",
        ),
    ] = None
    params: Annotated[dict[str, Any], Key("its [parameters](strategies.md#parameters)", default="the class's own")] = (
        Field(default_factory=dict)
    )


class AgentPart(Part):
    """`[[agent]]`: one of several strategies of a run. Each has its own orders and account; none sees another's.

    What an agent sets goes before what instruments, venues and the other tables say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Annotated[
        Annotated[str, Field(min_length=1), AfterValidator(_plain_name)] | None,
        Key("its name in the result", default="the class's name, numbered if it repeats (`A`, `A-2`)"),
    ] = None
    class_: Annotated[FileName | None, Field(alias="class"), Key("as in `[strategy]`", default="")] = None
    params: Annotated[dict[str, Any], Key("as in `[strategy]`", default="the class's own")] = Field(
        default_factory=dict
    )
    seed: Annotated[Seed | None, Key("of its `ctx.rng`", default="that of `[run]`")] = None
    warm_up: Annotated[
        NotNegative | None, Key("its orders are refused for this long after the start", default="that of `[run]`")
    ] = None
    latency: Annotated[
        ChannelPart, Key("to and from every venue: the keys of [venue.latency](#venuelatency)", default="the venue's")
    ] = ChannelPart()
    fees: Annotated[FeesPart, Key("as `instrument.fees`", default="the instrument's")] = FeesPart()
    initial_position: Annotated[
        Position | None, Key("lots in each instrument at the start", default="the instrument's")
    ] = None
    max_position: Annotated[
        MaxPosition | None, Key("lots in each instrument, either side", default="the instrument's")
    ] = None


class ReportPart(Part):
    """`[report]`."""

    markouts: Annotated[tuple[Positive, ...], Key("horizons after a fill, ascending")] = (
        100_000_000,
        1_000_000_000,
        10_000_000_000,
        60_000_000_000,
    )
    sample: Annotated[Positive, Key("interval of the account's samples, at most 20 million over the run")] = (
        1_000_000_000
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if list(self.markouts) != sorted(set(self.markouts)):
            raise ValueError("markouts: expected different horizons in ascending order")
        return self
