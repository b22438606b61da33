"""The tables of latencies: `[latency]`, those of venues and agents, and the models of both.

Annotations are no strings here (no `from __future__ import annotations`): pydantic would compile each of them again
at every start.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from lob_backtest.config.key import Key
from lob_backtest.config.part import FileName, NotNegative, Number, Part, Positive
from lob_backtest.units import format_duration

NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "uniform": ("low", "high"),
    "lognormal": ("median", "sigma", "max"),
    "gamma": ("mean", "shape", "max"),
    "quantiles": ("shares", "values"),
    "empirical": ("file",),
    "queue": ("service",),
}
"""The keys that each model needs."""
ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    "uniform": ("base", "correlated"),
    "lognormal": ("base", "correlated"),
    "gamma": ("base", "correlated"),
    "quantiles": ("base", "correlated"),
    "empirical": ("base", "interpolate"),
    "queue": ("base",),
}
"""The keys that it may have as well."""
MAX_SERVICE_NS: Final = 3_600_000_000_000


class CorrelatedPart(Part):
    """`correlated` of a latency model: slow times come together."""

    half_life: Annotated[Positive, Key("after this time, half of the slow and fast times are over")]
    with_: Annotated[
        Literal["feed"] | None,
        Field(alias="with"),
        Key('`"feed"`: slow when the feed of `latency.feed` is slow', default="the other latencies of the channel"),
    ] = None


def _kind(value: Any) -> str:
    return "choice-table" if isinstance(value, Mapping | Part) else "choice-value"


class LatencyModelPart(Part):
    """A model of a latency, in place of a duration: `{ model = "lognormal", median = "2ms", … }`."""

    model: Annotated[
        Literal["uniform", "lognormal", "gamma", "quantiles", "empirical", "queue"],
        Key("which [model](latency.md#models)"),
    ]
    base: Annotated[
        Annotated[NotNegative, Tag("choice-value")] | Annotated["LatencyModelPart", Tag("choice-table")],
        Discriminator(_kind),
        Key("added to each latency; of `queue`: a duration, or a model of its own"),
    ] = 0
    low: Annotated[NotNegative | None, Key("uniform: the shortest", default="")] = None
    high: Annotated[NotNegative | None, Key("uniform: the longest", default="")] = None
    median: Annotated[Positive | None, Key("lognormal: half of the messages take longer", default="")] = None
    sigma: Annotated[
        Annotated[Number, Field(gt=0, le=5)] | None,
        Key("lognormal: the standard deviation of the logarithm, up to 5", default=""),
    ] = None
    mean: Annotated[Positive | None, Key("gamma: the mean", default="")] = None
    shape: Annotated[
        Annotated[Number, Field(ge=Decimal("0.1"), le=50)] | None,
        Key("gamma: from 0.1 to 50; 1 is the exponential distribution, a larger one is narrower", default=""),
    ] = None
    max: Annotated[Positive | None, Key("lognormal, gamma: longer latencies are cut to this", default="")] = None
    shares: Annotated[
        tuple[Annotated[Number, Field(ge=0, le=1)], ...] | None,
        Key("quantiles: shares of messages, ascending from 0 to 1", default=""),
    ] = None
    values: Annotated[
        tuple[NotNegative, ...] | None,
        Key("quantiles: for each share, the latency that so many messages do not exceed", default=""),
    ] = None
    file: Annotated[
        FileName | None, Key("empirical: a [Parquet file](latency.md#measured-latencies) of measurements", default="")
    ] = None
    interpolate: Annotated[bool, Key("empirical: straight between two measurements, instead of the last one")] = False
    service: Annotated[
        Annotated[Positive, Field(le=MAX_SERVICE_NS)] | None,
        Key("queue: how long the gateway is busy with a message; later ones wait", default=""),
    ] = None
    correlated: Annotated[
        CorrelatedPart | None,
        Key("slow times come together: the keys of [latency.correlated](#latencycorrelated)", default="each by itself"),
    ] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Refuse a model without its keys, with those of another one, or whose numbers do not fit each other."""
        needed, known = NEEDED[self.model], {"model", *NEEDED[self.model], *ALLOWED[self.model]}
        if missing := [name for name in needed if getattr(self, name) is None]:
            raise ValueError(f"the model {self.model!r} needs {' and '.join(missing)}")
        given = [name for name, field in type(self).model_fields.items() if getattr(self, name) != field.default]
        if foreign := sorted(set(given) - known):
            raise ValueError(f"{', '.join(foreign)}: no key of the model {self.model!r}, which has {_listed(known)}")
        if isinstance(self.base, LatencyModelPart) and (self.model != "queue" or self.base.model == "queue"):
            raise ValueError("base: expected a duration; a model is the base of the model 'queue' alone")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        if self.shares is not None and self.values is not None:
            _check_quantiles(self.shares, self.values)
        return self


def _listed(names: set[str]) -> str:
    return ", ".join(name for name in LatencyModelPart.model_fields if name in names)


def _check_quantiles(shares: tuple[Any, ...], values: tuple[int, ...]) -> None:
    if len(shares) != len(values):
        raise ValueError(f"{len(shares)} shares and {len(values)} values; expected a value for each share")
    if len(shares) < 2 or shares[0] != 0 or shares[-1] != 1 or list(shares) != sorted(set(shares)):
        raise ValueError("shares: expected to ascend from 0 to 1")
    if list(values) != sorted(values):
        raise ValueError("values: expected not to descend")


def latency_text(value: int | str | LatencyModelPart) -> str:
    """Return a duration or a model in one line, durations with their units."""
    if isinstance(value, LatencyModelPart):
        return _model_text(value)
    return format_duration(value) if isinstance(value, int) else value


def _model_text(model: LatencyModelPart) -> str:
    parts = []
    for name in LatencyModelPart.model_fields:
        value = getattr(model, name)
        if name == "model" or name not in model.model_fields_set or value is None:
            continue
        if name in ("shares", "values"):
            text = f"{len(value)} points" if name == "shares" else ""
        elif isinstance(value, LatencyModelPart):
            text = f"{name} ({_model_text(value)})"
        elif isinstance(value, CorrelatedPart):
            text = f"half-life {format_duration(value.half_life)}" + (" with the feed" if value.with_ else "")
        else:
            is_duration = isinstance(value, int) and not isinstance(value, bool)
            text = f"{name} {format_duration(value) if is_duration else value}"
        parts += [text] if text else []
    return f"{model.model}: {', '.join(parts)}" if parts else model.model


OneWay = Annotated[
    Annotated[Positive, Tag("choice-value")] | Annotated[LatencyModelPart, Tag("choice-table")], Discriminator(_kind)
]
"""A duration of at least 1 ns or a model."""
FeedLatency = Annotated[
    Annotated[Literal["recorded"] | NotNegative, Tag("choice-value")]
    | Annotated[LatencyModelPart, Tag("choice-table")],
    Discriminator(_kind),
]
ORDERS: Final = ("new", "cancel", "replace")
"""The kinds of requests, which `entry` sets together."""
_MODEL: Final = "or a [model](latency.md#models)"


class ChannelPart(Part):
    """`latency` of an agent or a venue; an agent's goes before its venues'."""

    entry: Annotated[
        OneWay | None,
        Key(
            f"from sending a request to its arrival at the exchange: at least 1 ns, {_MODEL}",
            default="`latency.entry`",
        ),
    ] = None
    new: Annotated[OneWay | None, Key("as `entry`, of new orders alone", default="`entry`")] = None
    cancel: Annotated[OneWay | None, Key("as `entry`, of cancels alone", default="`entry`")] = None
    replace: Annotated[OneWay | None, Key("as `entry`, of replacements alone", default="`entry`")] = None
    response: Annotated[
        OneWay | None,
        Key(f"from there back to the strategy: at least 1 ns, {_MODEL}", default="`latency.response`"),
    ] = None
    reorder: Annotated[
        bool | None,
        Key("requests about different orders may overtake each other", default="`latency.reorder`"),
    ] = None


class LatencyPart(Part):
    """`[latency]`."""

    feed: Annotated[
        FeedLatency,
        Key(f"the file's local times, a duration after exchange time, {_MODEL}"),
    ] = "recorded"
    entry: Annotated[OneWay, Key(f"from sending a request to its arrival at the exchange: at least 1 ns, {_MODEL}")] = (
        500_000
    )
    new: Annotated[OneWay | None, Key("as `entry`, of new orders alone", default="`entry`")] = None
    cancel: Annotated[OneWay | None, Key("as `entry`, of cancels alone", default="`entry`")] = None
    replace: Annotated[OneWay | None, Key("as `entry`, of replacements alone", default="`entry`")] = None
    response: Annotated[OneWay, Key(f"from there back to the strategy: at least 1 ns, {_MODEL}")] = 500_000
    reorder: Annotated[
        bool, Key("requests about different orders may overtake each other, as over separate connections")
    ] = False
