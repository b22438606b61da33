"""`lob_backtest.run`: from a config to a result (a module named `run` would hide the function)."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from importlib import metadata
from math import isfinite
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, TypeAlias

from lob_backtest.atomic.drafts import absolute
from lob_backtest.config.compile import make_plan
from lob_backtest.config.effective import Settings
from lob_backtest.config.given import Given, config_of
from lob_backtest.config.latency_models import feed_plan
from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import AgentPart, InstrumentPart
from lob_backtest.config.profiles import venue_hints
from lob_backtest.contract.output import Outcome
from lob_backtest.contract.plan import Feed, InstrumentPlan, Plan
from lob_backtest.contract.rows import Batch
from lob_backtest.data.feed_latency import FeedSample
from lob_backtest.data.files import hashed_meanwhile
from lob_backtest.data.own_orders import WithoutOrders
from lob_backtest.data.prefetch import prefetched
from lob_backtest.data.reader import MarketSource, open_market
from lob_backtest.engine import ENGINES, load_engine
from lob_backtest.engine.client.callback_timeout import watched
from lob_backtest.errors import ConfigError, OutputError, StrategyError, text_of
from lob_backtest.instrument import Fees
from lob_backtest.printable import printable, utf8, utf8_values
from lob_backtest.process import interrupts
from lob_backtest.process.collections import few_collections
from lob_backtest.process.settings import KeptSettings
from lob_backtest.progress import Progress
from lob_backtest.result import Result, Status
from lob_backtest.results.folder import Draft, check_target
from lob_backtest.results.notes import Facts, notes_of
from lob_backtest.results.run_info import InputInfo, InstrumentInfo, RunInfo, SessionInfo
from lob_backtest.results.sink import FileSink, MemorySink, TableSink
from lob_backtest.strategy.agents import Strategies, agent_names, strategies_of
from lob_backtest.strategy.api import Strategy
from lob_backtest.strategy.module import plain_name
from lob_backtest.strategy.parameters import is_duration
from lob_backtest.units import DURATION_LIMIT_NS, format_duration, format_instant, parse_duration, shown

Failure: TypeAlias = StrategyError | KeyboardInterrupt | None
"""What ended a run early."""
LIBRARIES: Final = ("lob-backtest", "numpy", "pyarrow", "pandas")


@interrupts.with_guard
def run(
    config: Given,
    strategy: Strategies = None,
    *,
    fees: Mapping[str, Any] | None = None,
    latency: Mapping[str, Any] | str | int | timedelta | None = None,
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | PathLike[str] | None = None,
    force: bool = False,
    engine: str | None = None,
    paranoid: bool = False,
    progress: Progress | None = None,
    callback_timeout: str | int | None = None,
) -> Result:
    """Replay market data through a strategy. `fees`, `latency`, `params`, `seed`, `settings` go before the config's.

    Args:
        config: the market data of one instrument (a Parquet file, a pattern such as "day-*.parquet", or a list of
            them), the path of a TOML file, its plain values, or a `RunConfig`.
        strategy: an instance, or a class that takes its parameters from the config; or a list of them, which run beside
            each other and do not see each other; `None`: the config names them.
        fees: of each instrument, as in `{"maker_bps": -0.5, "taker_bps": 3}`; negative is a rebate.
        latency: from a request to its arrival at any venue, and from there back, as "1ms"; or the keys of `[latency]`,
            as in `{"entry": "1ms", "response": "2ms", "feed": "recorded"}`. What an `[[agent]]` sets stays.
        params: of the strategy, where a class is given or the config names it.
        seed: of `ctx.rng`.
        settings: any other key of the config, as in `{"risk.max_position": 100, "fills.queue": "back"}`.
        out: a folder for the result, as `Result.save` writes it. The tables go there as they are made, and stay there:
            memory does not grow with the market. `None`: they are kept in memory.
        force: replace a result that is in `out`.
        engine: "kernel" or "reference"; `None` chooses the fastest that is installed.
        paranoid: check every invariant of the engine after every packet; slow.
        progress: told how many rows of all files have been read.
        callback_timeout: the longest that a callback may take, by the clock on the wall: "5s", or nanoseconds; a longer
            one ends the run with a `StrategyError`. Outside of the main thread only Python code can be interrupted. A
            callback that cannot be ends the process after another 10 s, with exit code 4. `None`: no limit.

    Returns:
        The result.

    Raises:
        ConfigError: the config is wrong, the strategy is not to be had, or the data end before the run starts.
        DataError: a file cannot be read or breaks its contract.
        StrategyError: the strategy raised; its `result` is what the run had produced until then, and is in `out`, too.
        EngineError: cash or fees outgrew 64 bits, or an invariant is broken.
        OutputError: `out` exists, or it cannot be written; what is complete but for its page or its place is kept under
            the name that the message gives, and is its `result`.
        KeyboardInterrupt: it was interrupted; what there is by then is saved in `out` as a partial result, or beside it
            where that replaces another one.
    """
    config = config_of(config, {"fees": fees, "latency": latency, "params": params, "seed": seed, "settings": settings})
    target = None if out is None else _folder(out)
    if target is not None:
        check_target(absolute(target), force)
    engine, timeout_ns = _engine(engine), _timeout_ns(callback_timeout)
    with strategies_of(config, strategy) as (config, agents):
        replay = _Replay.of(config, agents, engine, paranoid=paranoid, timeout_ns=timeout_ns)
        return _finished(replay, target, force=force, progress=progress)


def _finished(replay: _Replay, target: Path | None, *, force: bool, progress: Progress | None) -> Result:
    """Run, and save the result if it has a target; see `run`."""
    if target is None:
        result, failure = replay.into(MemorySink(replay.plan.markouts_ns, replay.names), progress)
    else:
        with Draft(target, force=force) as draft, FileSink(replay.plan.markouts_ns, draft, replay.names) as sink:
            result, failure = replay.into(sink, progress)
            _finish(result, draft, failure)
    if isinstance(failure, KeyboardInterrupt):
        interrupts.raise_taken()
    if failure is not None:
        failure.result = result
        raise failure
    return result


def _folder(out: object) -> Path:
    if not isinstance(out, str | PathLike):
        raise ConfigError(f"out: expected the path of a folder, got {shown(out)}")
    return Path(fspath(out))


def _finish(result: Result, draft: Draft, failure: Failure) -> None:
    """Save a result; what the strategy raised before must not get lost where that fails."""
    try:
        if isinstance(failure, KeyboardInterrupt):
            _say("interrupted: saving what there is; another Ctrl-C discards it")
            _keep(result, draft)
        else:
            _finish_or_keep(result, draft)
    except OutputError as error:
        if failure is None:
            raise
        before = "an interrupt" if isinstance(failure, KeyboardInterrupt) else failure
        raise OutputError(f"{error}; before that: {before}", result=error.result) from failure


def _finish_or_keep(result: Result, draft: Draft) -> None:
    """Save a result; an interrupt while the page is made costs no more than the page."""
    try:
        result.finish(draft)
    except KeyboardInterrupt:
        interrupts.take()
        _say("interrupted: saving the result as it is; another Ctrl-C discards it")
        _keep(result, draft, page=False)
        interrupts.raise_taken()


def _keep(result: Result, draft: Draft, *, page: bool = True) -> None:
    """Save the result of an interrupted run, and say where."""
    place = result.finish(draft, page=page, spares=True)
    _say(f"the result is saved as {printable(str(place))}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class _Replay:
    """A run that is ready to start."""

    config: RunConfig
    plan: Plan
    feeds: list[_Feed]
    agents: list[Strategy]
    names: list[str]
    engine: str
    timeout_ns: int | None

    @classmethod
    def of(
        cls, config: RunConfig, agents: list[Strategy], engine: str, *, paranoid: bool, timeout_ns: int | None
    ) -> _Replay:
        """Open the files and compile the plan."""
        feeds = [_Feed(open_source(config, part), part.exclude_order_ids) for part in config.instrument]
        names = agent_names(config, agents)
        plan = make_plan(config, [feed.source for feed in feeds], agents=names, paranoid=paranoid)
        return cls(config, plan, feeds, agents, names, engine, timeout_ns)

    def into(self, sink: TableSink, progress: Progress | None) -> tuple[Result, Failure]:
        """Run; return what came of it and what ended it early."""
        begin = time.perf_counter()
        files = [file for feed in self.feeds for file in feed.source.files]
        params = [parameters_of(agent) for agent in self.agents]
        watch = watched(self.agents, self.timeout_ns, [each.name for each in self.plan.agents])
        streams = _Streams(self.feeds, progress)
        with hashed_meanwhile(files), few_collections, streams as batches, KeptSettings(), watch as agents:
            outcome = load_engine(self.engine)(self.plan, batches, agents, sink)
            if isinstance(outcome.failure, KeyboardInterrupt) and not sink.is_saved:
                interrupts.raise_taken()
        interrupts.check()
        engine_s = time.perf_counter() - begin
        read_s = sum(feed.read_s for feed in self.feeds)
        events = sum(counts["rows"] for counts in outcome.counts)
        timing = {"events": events, "read_s": read_s, "engine_s": engine_s - read_s, "report_s": 0.0}
        if outcome.failure is None:
            _refuse_empty(self.config, outcome)
        tables = sink.tables()
        info = replace(_info(self, outcome, params), notes=notes_of(tables, self._facts(outcome)))
        status: Status = "partial" if outcome.failure else "complete"
        return Result(tables, info, status=status, timing=timing), outcome.failure

    def _facts(self, outcome: Outcome) -> Facts:
        has_timer = [outcome.failure is None and "on_timer" in vars(type(each)) for each in self.agents]
        profiles = {part.name: part.profile for part in self.config.venue}
        venues = [each.instrument.venue for each in self.plan.instruments]
        return Facts(
            plan=self.plan,
            agents=self.names,
            timers=[n if has else None for n, has in zip(outcome.timers, has_timer, strict=True)],
            mistakes=outcome.mistakes,
            data_end_ns=[feed.end_ns for feed in self.feeds],
            end_ns=outcome.end_ns,
            is_feed_instant=self.config.latency.feed == 0,
            venues=venue_hints({name: profiles.get(name) for name in dict.fromkeys(venues)}),
            feed_latency_ns=[
                feed.latency.percentiles_ns(counts["rows"])
                for feed, counts in zip(self.feeds, outcome.counts, strict=True)
            ],
        )


def _engine(given: str | None) -> str:
    engine = given or ENGINES[0]
    if engine not in ENGINES:
        raise ConfigError(f"engine {engine!r} is not installed; available: {', '.join(ENGINES)}")
    return engine


def _timeout_ns(given: str | int | None) -> int | None:
    """Read the limit of a callback.

    Raises:
        ConfigError: it is no duration of at least 1 ns.
    """
    if given is None:
        return None
    try:
        limit_ns = parse_duration(given)
    except ValueError as error:
        raise ConfigError(f"callback_timeout: {error}") from None
    if not 0 < limit_ns < DURATION_LIMIT_NS:
        raise ConfigError(f"callback_timeout: {given!r} is not between 1 ns and 2^60 ns; None (no option) is no limit")
    return limit_ns


def _refuse_empty(config: RunConfig, outcome: Outcome) -> None:
    """Refuse a stretch of time without data: a mistyped year must not pass for a strategy that does nothing."""
    if outcome.end_ns >= outcome.start_ns:
        return
    start, end = format_instant(outcome.start_ns), format_instant(outcome.end_ns)
    if config.run.end == outcome.end_ns:
        raise ConfigError(f"run.end: {end} lies before the data, which begin at {start}")
    raise ConfigError(f"run.start: {start} lies after the data, which end at {end}")


class _Feed:
    """The rows of one instrument without own recorded orders, read ahead in a thread.

    Attributes:
        read_s: the time spent waiting for them.
        end_ns: the time of the last row that has been taken.
        latency: of its rows.
    """

    def __init__(self, source: MarketSource, excluded: Sequence[int]) -> None:
        self.source = source
        self.read_s = 0.0
        self.end_ns = 0
        self._found: list[tuple[int, dict[str, int]]] = []
        self.latency = FeedSample()
        self._stripped = WithoutOrders(source.batches(), excluded) if excluded else None

    def batches(self) -> Generator[Batch, None, None]:
        """Yield the rows; to be closed by whoever takes them, so that the thread ends."""
        with closing(prefetched(self._counted())) as batches:
            rows = 0
            while True:
                begin = time.perf_counter()
                batch, found = next(batches, (None, {}))
                self.read_s += time.perf_counter() - begin
                if batch is None:
                    return
                interrupts.check()
                if not self._found or found != self._found[-1][1]:
                    self._found.append((rows, found))
                self.latency.take(batch)
                rows += len(batch.action)
                if len(batch.action):
                    self.end_ns = int(batch.ts_exchange_ns[-1])
                yield batch

    def counts(self, rows: int) -> dict[str, int]:
        """Return what the reader found and what was left out up to the batch of the last of so many rows.

        How far the reader and the engine are ahead of the run must not show.
        """
        return next((found for begin, found in reversed(self._found) if begin < max(rows, 1)), {})

    def _counted(self) -> Iterator[tuple[Batch, dict[str, int]]]:
        """Read, and say with each batch what was found until then."""
        for batch in self._stripped or self.source.batches():
            found = {f"{kind}_{done}": n for kind, by in self.source.counts.items() for done, n in by.items()}
            yield batch, found | ({"stripped_rows": self._stripped.rows} if self._stripped else {})


class _Streams:
    """The batches of each feed, closed at the end of the block, so that no thread reads on.

    Args:
        feeds: to iterate.
        progress: told how many rows of all feeds the engine has taken.
    """

    def __init__(self, feeds: list[_Feed], progress: Progress | None) -> None:
        self._rows, self._done, self._progress = sum(feed.source.rows for feed in feeds), 0, progress
        self._streams = [feed.batches() for feed in feeds]

    def __enter__(self) -> list[Iterator[Batch]]:
        if self._progress is None:
            return list(self._streams)
        self._progress(0, self._rows)
        return [self._watched(each, self._progress) for each in self._streams]

    @interrupts.uninterrupted
    def __exit__(self, *_: object) -> None:
        for each in self._streams:
            each.close()

    def _watched(self, stream: Iterator[Batch], progress: Progress) -> Iterator[Batch]:
        for batch in stream:
            yield batch
            self._done += len(batch.action)
            progress(self._done, self._rows)


def open_source(config: RunConfig, part: InstrumentPart) -> MarketSource:
    """Open the files of one instrument of a config."""
    place = next((i for i, each in enumerate(config.instrument) if each is part), 0)
    return open_market(
        part.data,
        feed_ns=feed_plan(config, place),
        policies=config.data.policies,
        max_bad_fraction=config.data.max_bad_fraction,
    )


def _info(replay: _Replay, outcome: Outcome, params: list[dict[str, Any]]) -> RunInfo:
    config, plan, feeds = replay.config, replay.plan, replay.feeds
    first = plan.agents[0]
    settings = Settings(config, [each.instrument.venue for each in plan.instruments])
    sessions = [tuple(_session_infos(plan, settings, i)) for i in range(len(plan.agents))]
    return RunInfo(
        instruments=tuple(map(_instrument_info, plan.instruments, sessions[0])),
        agents=tuple(replay.names),
        markouts_ns=plan.markouts_ns,
        sample_ns=plan.sample_ns,
        start_ns=outcome.start_ns,
        end_ns=outcome.end_ns,
        engine=replay.engine,
        seed=first.seed,
        config=utf8_values({**config.plain(), **_strategies_of(replay, params)}),
        inputs=tuple(
            InputInfo(path=utf8(file.path), rows=file.rows, sha256=file.sha256)
            for feed in feeds
            for file in feed.source.files
        ),
        versions={name: metadata.version(name) for name in LIBRARIES} | {"python": platform.python_version()},
        counts=_counts(plan, feeds, outcome),
        suspect_since_ns=outcome.suspect_since_ns,
        requests_not_arrived=outcome.requests_not_arrived,
        feed_latency_ns=tuple(
            feed.latency.percentiles_ns(counts["rows"]) for feed, counts in zip(feeds, outcome.counts, strict=True)
        ),
        sessions=sum(sessions, ()) if config.agent else (),
        reason=_reason(outcome, replay.names),
    )


def _reason(outcome: Outcome, names: list[str]) -> str:
    """Return why a run ended early."""
    if outcome.failure is not None:
        is_interrupt = isinstance(outcome.failure, KeyboardInterrupt)
        return "interrupted (Ctrl-C or a signal)" if is_interrupt else utf8(str(outcome.failure))
    if outcome.stop is None:
        return ""
    agent, reason = outcome.stop
    return f"stopped by {names[agent] if len(names) > 1 else 'the strategy'}{reason and ': '}{reason}"


def _strategies_of(replay: _Replay, params: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the tables of the config that name the strategies, each with its class and all of its parameters."""
    named = [
        {"class": class_name(part, agent), "params": values}
        for part, agent, values in zip(replay.config.agents, replay.agents, params, strict=True)
    ]
    if not replay.config.agent:
        return {"strategy": named[0]}
    parts = zip(replay.config.plain()["agent"], replay.names, named, strict=True)
    return {"agent": [{**part, "name": name, **each} for part, name, each in parts]}


def class_name(part: AgentPart, agent: Strategy) -> str:
    """Return the class of a strategy as the config names it, or as it can name it."""
    return part.class_ or f"{plain_name(type(agent).__module__)}:{type(agent).__qualname__}"


def parameters_of(agent: Strategy) -> dict[str, Any]:
    """Return a strategy's parameters before the run, as JSON can hold them; durations are text, as in a config.

    Raises:
        StrategyError: the author's `values` or a property raised.
    """
    try:
        return {name: _plain(value, agent.parameters.get(name)) for name, value in agent.values().items()}
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        what = f"{type(error).__name__}: {text_of(error)}"
        raise StrategyError(f"{type(agent).__name__}.values(): raised {what}") from error


def _plain(value: Any, kind: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and is_duration(kind):
        return format_duration(value)
    is_plain = value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value))
    return value if is_plain else str(value)


def _session_infos(plan: Plan, settings: Settings, index: int) -> Iterator[SessionInfo]:
    agent = plan.agents[index]
    for instrument, session in zip(plan.instruments, agent.sessions, strict=True):
        about, channel = session.instrument or instrument.instrument, agent.channels[instrument.venue]
        yield SessionInfo(
            initial_position_lots=session.initial_position,
            max_position_lots=session.max_position,
            fees={each.name: format(getattr(about.fees, each.name), "f") for each in fields(Fees)},
            entry_ns=None if channel.latencies else channel.entry_ns,
            response_ns=None if channel.latencies else channel.response_ns,
            latencies=settings.latency_texts(instrument.instrument.venue, index) if channel.latencies else {},
        )


def _instrument_info(plan: InstrumentPlan, session: SessionInfo) -> InstrumentInfo:
    about, is_l2 = plan.instrument, plan.feed == Feed.L2
    return InstrumentInfo(
        name=about.name,
        venue=about.venue,
        level=int(plan.feed),
        tick_size=str(about.tick_size),
        lot_size=str(about.lot_size),
        multiplier=str(about.multiplier),
        currency=about.currency,
        **asdict(session),
        queue=plan.queue_name if is_l2 else None,
        late_level_ns=plan.fill_rules.late_level_ns if is_l2 else None,
        late_print_ns=plan.fill_rules.late_print_ns if is_l2 else None,
    )


def _counts(plan: Plan, feeds: list[_Feed], outcome: Outcome) -> dict[str, int]:
    """Say what was replayed and everything that was not as it should be."""
    counts: dict[str, int] = {}
    for each, feed, applied in zip(plan.instruments, feeds, outcome.counts, strict=True):
        prefix = "" if len(plan.instruments) == 1 else f"{each.instrument.name}."
        for part in (applied, feed.counts(applied["rows"])):
            for name, n in part.items():
                counts[prefix + name] = counts.get(prefix + name, 0) + n
    return counts
