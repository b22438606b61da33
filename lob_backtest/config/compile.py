"""Compile a config and the files' own facts into the integers that an engine runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Final

from lob_backtest.book.book import Issue
from lob_backtest.config.effective import ORDER_RULES, Settings, late_ns
from lob_backtest.config.latency_models import channel_plan, longest_feed_ns
from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import FillsPart
from lob_backtest.config.queue_models import queue_model
from lob_backtest.contract.plan import (
    PER_LOT_LIMIT,
    AgentPlan,
    Feed,
    FeePlan,
    FillRules,
    InstrumentPlan,
    IssuePolicy,
    OrderRules,
    Plan,
    PostOnly,
    QueueModel,
    ReplaceRules,
    SessionPlan,
)
from lob_backtest.contract.rows import LIMIT
from lob_backtest.contract.tables import SelfTrade
from lob_backtest.data.faults import FaultKind, resolve_policies
from lob_backtest.data.reader import MarketSource
from lob_backtest.data.span import span_ns
from lob_backtest.errors import ConfigError
from lob_backtest.instrument import Fees, Instrument
from lob_backtest.units import SECOND, format_duration, format_instant

MAX_SAMPLES: Final = 20_000_000
"""Rows of the table of samples, which take some 2.6 GB in memory: five milliseconds of a day, a second of 230 days."""


def make_plan(
    config: RunConfig, sources: Sequence[MarketSource], *, agents: Sequence[str] = (), paranoid: bool = False
) -> Plan:
    """Compile a plan.

    Args:
        config: the run's.
        sources: the opened files of each instrument, in the config's order.
        agents: names of the agents, for messages.
        paranoid: check every invariant after every packet.

    Raises:
        ConfigError: two instruments have one name, the end is not after the start, there would be too many samples, or
            a fee or a multiplier is out of range for the tick and the lot of the file.
    """
    start, end = config.run.start, config.run.end
    if start is not None and end is not None and end <= start:
        raise ConfigError(f"run.end: {format_instant(end)} is not after run.start, {format_instant(start)}")
    pairs = list(zip(config.instrument, sources, strict=True))
    names = [part.name or source.symbol for part, source in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"instrument.name: {name!r} occurs twice; give each instrument a name of its own")
    _check_samples(config, sources)
    settings = Settings(config, [part.venue or source.venue for part, source in pairs])
    instruments = tuple(_instrument_plan(config, i, source, settings) for i, source in enumerate(sources))
    policies = resolve_policies(config.data.policies)
    issues = {int(issue): IssuePolicy[policies[FaultKind(issue.name.lower())].name] for issue in Issue if issue}
    labels = agents if len(agents) > 1 else [""] * len(config.agents)
    return Plan(
        instruments=instruments,
        agents=tuple(_agent_plan(config, settings, i, instruments, label) for i, label in enumerate(labels)),
        start_ns=start,
        end_ns=end,
        flatten=config.run.at_end == "flatten",
        markouts_ns=config.report.markouts,
        sample_ns=config.report.sample,
        taint_ns=config.data.taint,
        issue_policies=issues,
        paranoid=paranoid,
    )


def _check_samples(config: RunConfig, sources: Sequence[MarketSource]) -> None:
    """Refuse an interval of samples that makes a table without end.

    Raises:
        ConfigError: with the key and the shortest interval that does.
    """
    feed_ns = longest_feed_ns(config)
    spans = [span_ns(file) for source in sources for file in source.files]
    first, last = min(first for first, _ in spans), max(last for _, last in spans) + feed_ns
    start = first if config.run.start is None else max(first, config.run.start)
    end = last if config.run.end is None else min(last, config.run.end)
    rows = len(sources) * len(config.agents)
    samples = (end - start) // config.report.sample * rows
    if samples > MAX_SAMPLES:
        least = -(-(end - start) * rows // MAX_SAMPLES)
        raise ConfigError(
            f"report.sample: {format_duration(config.report.sample)} makes {samples:,} samples over the "
            f"{format_duration((end - start) // SECOND * SECOND)} of the run; at most {MAX_SAMPLES:,} are allowed. "
            f"Set it to {format_duration(least)} or more, or run a shorter stretch (run.start, run.end)"
        )


def _agent_plan(
    config: RunConfig, settings: Settings, agent: int, instruments: Sequence[InstrumentPlan], name: str
) -> AgentPlan:
    sessions = []
    for i, each in enumerate(instruments):
        instrument = replace(each.instrument, fees=Fees(**settings.fees(i, agent)))
        _check_money(instrument, settings, i, agent)
        sessions.append(
            SessionPlan(
                fees=FeePlan.of(instrument),
                max_position=settings.max_position(i, agent).value,
                initial_position=settings.initial_position(i, agent).value,
                mmp=settings.mmp,
                instrument=instrument,
            )
        )
    return AgentPlan(
        sessions=tuple(sessions),
        channels=tuple(channel_plan(settings, config, agent, venue) for venue in settings.venues),
        seed=settings.seed(agent).value,
        warm_up_ns=settings.warm_up(agent).value,
        name=name,
    )


def _instrument_plan(config: RunConfig, index: int, source: MarketSource, settings: Settings) -> InstrumentPlan:
    part = config.instrument[index]
    instrument = Instrument(
        name=part.name or source.symbol,
        venue=settings.venue_of[index],
        tick_size=source.tick_size,
        lot_size=source.lot_size,
        multiplier=part.multiplier,
        currency=part.currency,
        fees=Fees(**settings.fees(index)),
    )
    model, weights = queue_model(config.fills.queue)
    return InstrumentPlan(
        instrument=instrument,
        feed=Feed(source.level),
        depth=min(source.depth, LIMIT),  # no side has more levels than there are prices
        tick_lot_value=float(instrument.tick_lot_value),
        venue=settings.venues.index(instrument.venue),
        fill_rules=_fill_rules(config, source, model),
        queue_weights=weights,
        order_rules=_order_rules(settings, index),
    )


def _order_rules(settings: Settings, index: int) -> OrderRules:
    said = {name: settings.order_rule(name, index).value for name in ORDER_RULES}
    replace_rules = ReplaceRules(
        keeps_place=said["replace.decrease"] == "keep",
        size_is_total=said["replace.size_is"] == "total",
        cancels_taker=said["replace.would_take"] == "cancel",
        cancels_filled=said["replace.at_or_below_filled"] == "cancel",
    )
    return OrderRules(replace_rules, PostOnly[said["post_only"].upper()], SelfTrade[said["self_trade"].upper()])


def _fill_rules(config: RunConfig, source: MarketSource, model: QueueModel) -> FillRules:
    """Compile `[fills]`: rules that have the names of their keys are taken as they are."""
    part, names = config.fills, [each.name for each in fields(FillRules)]
    return FillRules(
        queue_model=model,
        late_level_ns=late_ns(config, "late_level", source.late_level_ns).value,
        late_print_ns=late_ns(config, "late_print", source.late_print_ns).value,
        **{name: getattr(part, name) for name in names if name in FillsPart.model_fields},
    )


def _check_money(instrument: Instrument, settings: Settings, index: int, agent: int) -> None:
    """Refuse amounts that an engine cannot count, before one starts.

    Raises:
        ConfigError: with the key.
    """
    value, units = float(instrument.tick_lot_value), f"tick {instrument.tick_size}, lot {instrument.lot_size}"
    if not 0 < value < float("inf"):
        raise ConfigError(
            f"instrument.{index}.multiplier: {instrument.multiplier} makes a tick of one lot worth {value} in currency "
            f"({units}); expected a number above 0 that a double holds"
        )
    for name, taker in (("maker_per_lot", False), ("taker_per_lot", True)):
        if abs(instrument.fee_rates(taker=taker)[1]) >= PER_LOT_LIMIT:
            fee, key = settings.fee(name, index, agent)
            raise ConfigError(
                f"{key}: {fee} is {float(fee) / value:.3g} times what a tick of one lot is worth ({units}), which is "
                "too much to count; write it as a part of the notional, in bps"
            )
