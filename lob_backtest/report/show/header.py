"""What a run was, in a few lines: strategies with parameters, fees, latencies, queue model, time, engine, seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from lob_backtest.report.show.sections import instant, matching, span
from lob_backtest.results.run_info import InstrumentInfo, RunInfo
from lob_backtest.units import format_duration

if TYPE_CHECKING:
    from lob_backtest.report.show.shown import Shown

MAX_PARAMETERS: Final = 120
"""Characters of a strategy's parameters in a short header."""

Fact = tuple[str, str]
"""A label and its text."""


def incomplete(result: Shown, zone: tzinfo = UTC) -> str:
    """Return one sentence on a run that ended early; empty for a complete one.

    Args:
        result: of a run.
        zone: time zone of the time.
    """
    if result.status == "complete":
        return ""
    info = result.info
    why = f": {info.reason.rstrip('.')}" if info.reason else ""
    return f"Incomplete run: stopped at {instant(info.end_ns, zone)} {zone}{why}. Figures cover the time up to then."


def facts(info: RunInfo, *, is_short: bool = False, zone: tzinfo = UTC) -> list[Fact]:
    """Return the lines of the header, with the values that were in effect.

    Args:
        info: description of the run.
        is_short: leave out parameters beyond `MAX_PARAMETERS` characters, and say how many.
        zone: time zone of the times.
    """
    lines = [("Strategy", text) for text in _strategies(info, is_short=is_short)]
    lines += [("Fees", text) for text in _by_session(info, _fees)]
    feed = info.config.get("latency", {}).get("feed", "unknown")
    if isinstance(feed, dict):
        feed = f"a model ({feed.get('model')})"
    feed = format_duration(feed) if isinstance(feed, int) else feed
    lines += [("Latency", text) for text in _by_session(info, partial(_latency, feed=feed))]
    lines += [("Queue", text) for text in _named(info, ((each.name, _queue(each)) for each in info.instruments))]
    length = span(info.end_ns - info.start_ns)
    lines.append(("Time", f"{instant(info.start_ns, zone)} to {instant(info.end_ns, zone)} {zone} ({length})"))
    version = info.versions.get("lob-backtest")
    lines.append(("Run", f"{info.engine} engine, seed {info.seed}{f', lob-backtest {version}' if version else ''}"))
    if info.reason.startswith("stopped by "):
        lines.append(("Ended", info.reason))
    return lines


def notes(info: RunInfo) -> list[Fact]:
    """Return the notes on a run, for pages; on a terminal they follow the summary.

    Args:
        info: description of the run.
    """
    return [("Note", text) for text in info.note_texts()]


def parameters(info: RunInfo, agent: int) -> dict[str, Any]:
    """Return all parameters of an agent's strategy.

    Args:
        info: description of the run.
        agent: its code in the tables.
    """
    found = _part(info, agent).get("params", {})
    return found if isinstance(found, dict) else {}


def _part(info: RunInfo, agent: int) -> dict[str, Any]:
    """Return the table of the config that names an agent's strategy."""
    parts = info.config.get("agent") or [info.config.get("strategy", {})]
    return parts[agent] if agent < len(parts) else {}


def _strategies(info: RunInfo, *, is_short: bool) -> Iterable[str]:
    for agent, name in enumerate(info.agents):
        pairs = [f"{key}={value}" for key, value in parameters(info, agent).items()]
        if "seed" in _part(info, agent):
            pairs.append(f"seed {_part(info, agent)['seed']}")
        kept = len(pairs)
        while is_short and kept > 1 and len(", ".join(pairs[:kept])) > MAX_PARAMETERS:
            kept -= 1
        more = [f"and {len(pairs) - kept} more"] if kept < len(pairs) else []
        yield f"{name}: {', '.join(pairs[:kept] + more)}" if pairs else name


def _by_session(info: RunInfo, text: Callable[[InstrumentInfo], str]) -> Iterable[str]:
    sessions = []
    for agent, name in enumerate(info.agents):
        for i, each in enumerate(info.instruments):
            of = each.name if len(info.agents) == 1 else f"{name}/{each.name}"
            sessions.append((of, text(info.instrument_of(agent, i))))
    return _named(info, sessions)


def _named(info: RunInfo, texts: Iterable[Fact]) -> Iterable[str]:
    """Yield the texts that are not empty, each once: alone if all are equal, else with the names that it holds for."""
    names: dict[str, list[str]] = {}
    for name, text in texts:
        names.setdefault(text, []).append(name)
    if len(names) == 1:
        return [text for text in names if text]
    return [f"{', '.join(of)}: {text}" for text, of in names.items() if text]


def _fees(about: InstrumentInfo) -> str:
    if not about.fees:
        return ""
    rates = {kind: _rate(about, kind) for kind in ("maker", "taker")}
    if not any(rates.values()):
        return "none"
    return ", ".join(f"{kind} {rate or 'none'}" for kind, rate in rates.items())


def _rate(about: InstrumentInfo, kind: str) -> str:
    bps, per_lot = (Decimal(about.fees.get(f"{kind}_{unit}", "0")) for unit in ("bps", "per_lot"))
    label = f" {about.currency}" if about.currency else ""
    parts = [f"{bps.normalize():f} bps"] if bps else []
    return " and ".join([*parts, f"{per_lot.normalize():f}{label} per lot"] if per_lot else parts)


def _latency(about: InstrumentInfo, *, feed: str) -> str:
    if about.latencies:
        kinds: dict[str, list[str]] = {}
        for kind, text in about.latencies.items():
            kinds.setdefault(text, []).append(kind)
        return "; ".join([f"feed {feed}", *(f"{' and '.join(each)} {text}" for text, each in kinds.items())])
    if about.entry_ns is None or about.response_ns is None:
        return ""
    entry, response = format_duration(about.entry_ns), format_duration(about.response_ns)
    return f"feed {feed}, entry {entry}, response {response}"


def _queue(about: InstrumentInfo) -> str:
    """Return how the queue position is known: measured on L3, a model and its limits on L2."""
    if about.level == 3:
        return "exact (L3)"
    return matching(about).removeprefix("queue ")
