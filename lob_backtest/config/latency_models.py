"""From the latencies of a config to the integers that an engine runs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Final, NamedTuple

from lob_backtest.config import distributions
from lob_backtest.config.effective import Settings
from lob_backtest.config.latency_parts import LatencyModelPart
from lob_backtest.config.model import RunConfig
from lob_backtest.contract.plan import ChannelPlan, LatencyPlan
from lob_backtest.contract.rank_grid import STRETCHES_PER_HALF_LIFE, stream_of
from lob_backtest.data.latency_file import KINDS, LatencyFile
from lob_backtest.errors import ConfigError

FEED: Final = "feed"


class Place(NamedTuple):
    """What a latency is of.

    Attributes:
        kind: of messages: one of `data.latency_file.KINDS`.
        key: of the config, for messages.
        seed: of the random numbers.
        channel: numbers that tell its random numbers from those of other channels.
        feed: the latency of the venue's feed; `None`: that of the file.
    """

    kind: str
    key: str
    seed: int
    channel: tuple[int, ...]
    feed: LatencyPlan | None = None


def channel_plan(settings: Settings, config: RunConfig, agent: int, venue: str) -> ChannelPlan:
    """Return the connection of an agent to a venue.

    Args:
        settings: of the run.
        config: the run's.
        agent: its place in the plan.
        venue: its name.

    Raises:
        ConfigError: a file of latencies cannot be used, or a model follows a feed that has none.
    """
    found = {kind: settings.latency(kind, venue, agent) for kind in ("new", "replace", "cancel", "response")}
    is_reordered = settings.reorder(venue, agent).value
    plain = [each.value for each in found.values()]
    if all(isinstance(value, int) for value in plain) and len(set(plain[:3])) == 1:
        return ChannelPlan(plain[0], plain[3], is_reordered=is_reordered)
    seed, number = settings.seed(agent).value, settings.venues.index(venue)
    feed = feed_plan(config, 0)
    latencies = tuple(
        latency_plan(each.value, Place(kind, each.origin, seed, (agent, number), feed)) for kind, each in found.items()
    )
    return ChannelPlan(latencies=latencies, is_reordered=is_reordered)


def feed_plan(config: RunConfig, instrument: int) -> LatencyPlan | None:
    """Return the latency of the feed of an instrument; `None`: that of its file.

    Args:
        config: the run's. Feeds that are correlated are slow together.
        instrument: its place in the config.

    Raises:
        ConfigError: a file of latencies cannot be used.
    """
    value = config.latency.feed
    if value == "recorded":
        return None
    is_shared = isinstance(value, LatencyModelPart) and value.correlated is not None
    channel = () if is_shared else (instrument,)
    return latency_plan(value, Place(FEED, "latency.feed", config.run.seed, channel))


def longest_feed_ns(config: RunConfig) -> int:
    """Return the longest latency that `latency.feed` gives a feed, 0 where that of the files holds.

    Raises:
        ConfigError: a file of latencies cannot be used.
    """
    plan = feed_plan(config, 0)
    return 0 if plan is None else plan.constant_ns + max((*plan.quantiles_ns, *plan.measured_ns, 0))


def latency_plan(value: int | LatencyModelPart, place: Place) -> LatencyPlan:
    """Return what an engine needs for a duration or a model.

    Args:
        value: of the config.
        place: what it is of.

    Raises:
        ConfigError: its file cannot be used, or it follows a feed that has no model.
    """
    if isinstance(value, int):
        return LatencyPlan(constant_ns=value)
    if value.model == "queue":
        if place.kind in (FEED, "response"):
            raise ConfigError(f"{place.key}: the model 'queue' is one of requests: entry, new, cancel and replace")
        assert value.service is not None
        return replace(latency_plan(value.base, place), service_ns=value.service)
    constant_ns = value.base
    assert isinstance(constant_ns, int)
    if value.model == "empirical":
        assert value.file is not None
        times, values = LatencyFile.read(value.file, place.key).series(place.kind)
        return LatencyPlan(
            constant_ns=constant_ns, measured_ts_ns=times, measured_ns=values, is_interpolated=value.interpolate
        )
    stretch_ns, stream = _randomness(value, place)
    return LatencyPlan(constant_ns=constant_ns, quantiles_ns=quantiles(value), stretch_ns=stretch_ns, stream=stream)


@cache
def quantiles(model: LatencyModelPart) -> tuple[int, ...]:
    """Return the quantiles of a model that draws, ns, at the ranks of the plan's grid."""
    return _QUANTILES[model.model](model)


def _randomness(value: LatencyModelPart, place: Place) -> tuple[int, int]:
    """Return how long a stretch of one rank is, 0 without correlation, and the stream of random numbers.

    Raises:
        ConfigError: it follows a feed whose slow times are not known before the run, or of another half-life.
    """
    if value.correlated is None:
        return 0, stream_of(place.seed, *place.channel, KINDS.index(place.kind))
    stretch_ns = max(1, value.correlated.half_life // STRETCHES_PER_HALF_LIFE)
    if value.correlated.with_ is None:
        return stretch_ns, stream_of(place.seed, *place.channel, len(KINDS))
    if place.feed is None or place.feed.stretch_ns != stretch_ns:
        raise ConfigError(
            f'{place.key}.correlated: with = "feed" needs a model in latency.feed that is correlated with the same '
            "half_life"
        )
    return stretch_ns, place.feed.stream


_QUANTILES: Final[dict[str, Callable[[Any], tuple[int, ...]]]] = {
    "uniform": lambda model: distributions.uniform(model.low, model.high),
    "lognormal": lambda model: distributions.lognormal(model.median, model.sigma, model.max),
    "gamma": lambda model: distributions.gamma(model.mean, model.shape, model.max),
    "quantiles": lambda model: distributions.of_points(model.shares, model.values),
}
