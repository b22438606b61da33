"""Compare two results: exactly by digest, or within tolerances by metric.

Comparison.outcome    "same"            exit 0
                      "different"       exit 1
                      "not comparable"  exit 2: other instruments, inputs, horizons, or an early end
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fnmatch import fnmatchcase
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, Literal

from lob_backtest.contract.tables import DIGEST_COLUMNS, Rows
from lob_backtest.errors import ConfigError
from lob_backtest.printable import cut
from lob_backtest.report.frames import CODES
from lob_backtest.result import Result
from lob_backtest.results.setting_changes import SettingChange, setting_changes
from lob_backtest.units import format_instant

if TYPE_CHECKING:
    import pyarrow as pa

    from lob_backtest.report.metrics.summary import Metric

Outcome = Literal["same", "different", "not comparable"]

EXIT_CODES: Final[dict[Outcome, int]] = {"same": 0, "different": 1, "not comparable": 2}

_SHOWN: Final = 30
_SETTING: Final = 60
"""Characters of a setting that are shown."""
_LISTED: Final = "`lob-backtest compare --json` lists them all"
_UNITS: Final = ("_currency", "_lots", "_half_tick_lots", "_micro_tick_lots", "_ticks", "_ns", "_s", "_fraction")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a metric may move.

    Attributes:
        absolute: in the metric's unit.
        relative: as a fraction of the base's value.
    """

    absolute: float = 0.0
    relative: float = 0.0

    @classmethod
    def parse(cls, text: str | float) -> Tolerance:
        """Read "1%" as relative, "0.5" as absolute.

        Raises:
            ConfigError: it is neither, negative, or not finite.
        """
        plain = str(text).strip()
        try:
            value = Decimal(plain.removesuffix("%"))
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or value < 0:
            raise ConfigError(f"tolerance {text!r} is not a positive number; write '1%' (of the base) or '0.5'")
        return cls(relative=float(value / 100)) if plain.endswith("%") else cls(absolute=float(value))

    def allows(self, base: float, new: float) -> bool:
        """Return whether a move from `base` to `new` is within it."""
        return math.isclose(base, new, rel_tol=0, abs_tol=self.absolute + self.relative * abs(base))


@dataclass(frozen=True, slots=True)
class MetricMove:
    """A metric that differs.

    Attributes:
        name: of the metric.
        base: its value in the base; `None` where it has none.
        new: its value in the new result.
        within: whether it is within its tolerance.
    """

    name: str
    base: Metric
    new: Metric
    within: bool

    @property
    def change(self) -> float | None:
        """Return new minus base; `None` if either is not a number."""
        return self.new - self.base if _is_number(self.base) and _is_number(self.new) else None  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class RowDifference:
    """The first row of a table that differs.

    Attributes:
        table: its name.
        row: 0-based.
        base: the row in the base; `None` where the base has fewer rows.
        new: the row in the new result.
    """

    table: str
    row: int
    base: dict[str, Any] | None
    new: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of comparing two results.

    Attributes:
        outcome: "same", "different" or "not comparable".
        reasons: why they cannot be compared; empty where they can.
        base_digest: of the base.
        new_digest: of the new result.
        moves: metrics that differ, those beyond their tolerance first.
        first_fill: the first fill that differs; `None` where none does.
        first_row: the first row that differs in the first digested table that does.
        settings: parameters, keys of the config, engine and versions that differ.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    base_digest: str
    new_digest: str
    moves: tuple[MetricMove, ...]
    first_fill: RowDifference | None
    first_row: RowDifference | None
    settings: tuple[SettingChange, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0 for the same, 1 for different, 2 for not comparable."""
        return EXIT_CODES[self.outcome]

    @property
    def same(self) -> bool:
        """Return whether nothing moved further than allowed."""
        return self.outcome == "same"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        plain = asdict(self)
        for move, raw in zip(self.moves, plain["moves"], strict=True):
            raw["change"] = move.change
        return plain

    def __str__(self) -> str:
        return describe(self)


def compare(
    base: Result | str | PathLike[str],
    new: Result | str | PathLike[str],
    *,
    tolerances: Mapping[str, str | float] | None = None,
) -> Comparison:
    """Compare two results.

    Without tolerances they are the same if their digests are equal. With tolerances the digest does not count: every
    metric that a tolerance names must be within it, and the others are reported only.

    Args:
        base: the result known to be good, or its folder.
        new: the result to judge, or its folder.
        tolerances: by metric: "1%" of the base's value, or a number in the metric's unit. A metric is named in full
            ("SYN.pnl_currency"), without its instrument or unit ("pnl"), or by a pattern ("markout_*").

    Raises:
        DataError: a folder is not a result.
        ConfigError: a tolerance is not a number, or names no metric.
    """
    before = base if isinstance(base, Result) else Result.load(base)
    after = new if isinstance(new, Result) else Result.load(new)
    allowed = {name: Tolerance.parse(text) for name, text in (tolerances or {}).items()}
    names = list(dict.fromkeys([*before.summary, *after.summary]))
    for pattern, tolerance in allowed.items():
        units = {_unit(name) for name in names if _matches(pattern, name)}
        if tolerance.absolute and len(units) > 1 and not set("*?[") & set(pattern):
            raise ConfigError(
                f"tolerance for {pattern!r}: {tolerance.absolute:g} would be in {' and in '.join(sorted(units))}; name "
                f"the metric with its unit, such as {pattern + min(units, key=len)!r}, or allow a percentage"
            )
        if not units:
            near = get_close_matches(pattern, sorted({each for name in names for each in _spellings(name)}), 1)
            hint = f"did you mean {near[0]!r}?" if near else "summary.json lists the metrics"
            raise ConfigError(f"tolerance for {pattern!r}: no metric has that name; {hint}")
    reasons = _not_comparable(before, after)
    moves = _moves(before.summary, after.summary, names, allowed)
    rows = {name: _first_difference(name, before.rows(name), after.rows(name)) for name in DIGEST_COLUMNS}
    beyond = any(not move.within for move in moves) if allowed else before.digest != after.digest
    outcome: Outcome = "not comparable" if reasons else "different" if beyond else "same"
    return Comparison(
        outcome=outcome,
        reasons=tuple(reasons),
        base_digest=before.digest,
        new_digest=after.digest,
        moves=tuple(sorted(moves, key=lambda move: move.within)),
        first_fill=rows["fills"],
        first_row=next((row for row in rows.values() if row is not None), None),
        settings=setting_changes(before.info, after.info),
    )


def _matches(pattern: str, name: str) -> bool:
    """Return whether a tolerance's pattern matches a metric: its name, its last part, or that without its unit."""
    return any(fnmatchcase(each, pattern) for each in _spellings(name))


def _spellings(name: str) -> set[str]:
    last = name.rsplit(".", 1)[-1]
    return {name, last, *(last.removesuffix(unit) for unit in _UNITS)}


def _unit(name: str) -> str:
    """Return the unit at the end of a metric's name, with its underscore; "" without a unit."""
    return max((unit for unit in _UNITS if name.endswith(unit)), key=len, default="")


def _is_number(value: Metric) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _moves(
    before: Mapping[str, Metric], after: Mapping[str, Metric], names: list[str], allowed: Mapping[str, Tolerance]
) -> list[MetricMove]:
    """List the metrics that differ. Where tolerances are given, a metric that none names may move."""
    moves = []
    for name in names:
        base, new = before.get(name), after.get(name)
        if base == new:
            continue
        chosen = [tolerance for pattern, tolerance in allowed.items() if _matches(pattern, name)]
        within = bool(allowed) and not chosen
        if chosen and _is_number(base) and _is_number(new):
            within = all(tolerance.allows(float(base), float(new)) for tolerance in chosen)  # type: ignore[arg-type]
        moves.append(MetricMove(name, base, new, within))
    return moves


def _not_comparable(before: Result, after: Result) -> list[str]:
    """Return the reasons why two results cannot be compared; empty if they can."""
    reasons = []
    old, new = before.info, after.info
    for what, base, other in (
        ("instruments", [each.name for each in old.instruments], [each.name for each in new.instruments]),
        ("tick sizes", [each.tick_size for each in old.instruments], [each.tick_size for each in new.instruments]),
        ("lot sizes", [each.lot_size for each in old.instruments], [each.lot_size for each in new.instruments]),
        ("multipliers", [each.multiplier for each in old.instruments], [each.multiplier for each in new.instruments]),
        ("agents", len(old.agents), len(new.agents)),
        ("inputs (sha256)", [each.sha256[:12] for each in old.inputs], [each.sha256[:12] for each in new.inputs]),
        ("start_ns", old.start_ns, new.start_ns),
        ("end_ns", old.end_ns, new.end_ns),
        ("markouts_ns", list(old.markouts_ns), list(new.markouts_ns)),
        ("sample_ns", old.sample_ns, new.sample_ns),
        ("status", before.status, after.status),
    ):
        if base != other:
            reasons.append(f"{what}: {base} in the base, {other} in the new result")
    return reasons


def _first_difference(name: str, before: Rows, after: Rows) -> RowDifference | None:
    """Find the first row that differs in any column of either table, in bounded memory."""
    parts, row = [_filled(before), _filled(after)], 0
    base, new = (next(each, None) for each in parts)
    while base is not None and new is not None:
        common = min(base.num_rows, new.num_rows)
        at = _first_different(base.slice(0, common), new.slice(0, common))
        if at < common:
            return RowDifference(name, row + at, _row(base, at), _row(new, at))
        row += common
        base, new = (
            each.slice(common) if each.num_rows > common else next(rest, None)
            for each, rest in zip((base, new), parts, strict=True)
        )
    return None if base is None and new is None else RowDifference(name, row, _row(base, 0), _row(new, 0))


def _filled(rows: Rows) -> Iterator[pa.RecordBatch]:
    return (batch for batch in rows.to_batches() if batch.num_rows)


def _first_different(before: pa.RecordBatch, after: pa.RecordBatch) -> int:
    """Return the first row in which two batches of the same length differ; the length where none does."""
    import numpy as np

    if before.schema.names != after.schema.names:
        return 0
    same = np.ones(before.num_rows, dtype=bool)
    for column in before.schema.names:
        same &= _equal(before.column(column), after.column(column))
    return before.num_rows if same.all() else int(np.argmin(same))


def _equal(before: pa.Array, after: pa.Array) -> Any:
    """Compare two columns value by value; two nulls are equal."""
    import numpy as np
    import pyarrow.compute as pc

    values = np.asarray(pc.fill_null(pc.equal(before, after), False).to_numpy(zero_copy_only=False), dtype=bool)
    nulls = (np.asarray(each.is_null().to_numpy(zero_copy_only=False), dtype=bool) for each in (before, after))
    return values | np.logical_and(*nulls)


def _row(batch: pa.RecordBatch | None, at: int) -> dict[str, Any] | None:
    if batch is None:
        return None
    found = batch.slice(at, 1).to_pylist()[0]
    assert isinstance(found, dict)
    return found


def describe(comparison: Comparison) -> str:
    """Describe a comparison: the outcome, settings and metrics that differ, and the first fill that does.

    Args:
        comparison: of `lob_backtest.compare`.
    """
    lines = [f"{comparison.outcome}: base {comparison.base_digest[:12]}, new {comparison.new_digest[:12]}"]
    lines += [f"  {reason}" for reason in comparison.reasons]
    lines += _show_settings(comparison.settings)
    if comparison.reasons:
        return "\n".join(lines)
    beyond = [move for move in comparison.moves if not move.within]
    within = [move for move in comparison.moves if move.within]
    lines += _show_moves("metrics that moved", beyond) + _show_moves("metrics that moved within tolerance", within)
    first = comparison.first_fill or comparison.first_row
    if first is not None:
        lines += _show(first)
    return "\n".join(lines)


def markdown(comparison: Comparison) -> str:
    """Describe a comparison as Markdown: tables of settings and metrics, and the first fill that differs.

    Args:
        comparison: of `lob_backtest.compare`.
    """
    base, new = comparison.base_digest[:12], comparison.new_digest[:12]
    lines = [f"**{comparison.outcome}**: base `{base}`, new `{new}`", ""]
    lines += [*(f"- {_escaped(reason)}" for reason in comparison.reasons), *([""] if comparison.reasons else [])]
    settings = [(each.name, _setting(each.base), _setting(each.new)) for each in comparison.settings]
    lines += _table("Settings that differ", ("setting", "base", "new"), settings, len(settings))
    if not comparison.reasons:
        for title, within in (("Metrics that moved", False), ("Metrics that moved within tolerance", True)):
            moves = [move for move in comparison.moves if move.within == within]
            rows = [(move.name, _value(move.base), _value(move.new), _by(move)) for move in _distinct(moves)]
            lines += _table(title, ("metric", "base", "new", "change"), rows, len(moves))
        first = comparison.first_fill or comparison.first_row
        if first is not None:
            head, *rest = _show(first)
            lines += [f"{head[0].upper()}{head[1:]}", "", *(f"    {' '.join(line.splitlines())}" for line in rest), ""]
    return "\n".join(lines).strip()


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], count: int) -> list[str]:
    """Return a Markdown table of the first rows under its title; nothing without rows. `count` is that of all."""
    if not rows:
        return []
    shown = [f"| {' | '.join(map(_escaped, row))} |" for row in rows[:_SHOWN]]
    more = [f"… and {count - _SHOWN} more; {_LISTED}", ""] if len(rows) > _SHOWN else []
    head = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return [f"{title} ({count})", "", *head, *shown, "", *more]


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", " ".join(text.split()))


def _show_settings(settings: Sequence[SettingChange]) -> list[str]:
    if not settings:
        return []
    shown = [f"  {each.name}: {_setting(each.base)} -> {_setting(each.new)}" for each in settings[:_SHOWN]]
    more = [f"  … and {len(settings) - _SHOWN} more; {_LISTED}"] if len(settings) > _SHOWN else []
    return [f"settings that differ ({len(settings)}):", *shown, *more]


def _setting(value: Any) -> str:
    return "not set" if value is None else cut(str(value), _SETTING)


def _show_moves(title: str, moves: list[MetricMove]) -> list[str]:
    if not moves:
        return []
    distinct = _distinct(moves)
    lines = [f"{title} ({len(moves)}):"]
    for move in distinct[:_SHOWN]:
        by = f"  ({_by(move)})" if _by(move) else ""
        lines.append(f"  {move.name}: {_value(move.base)} -> {_value(move.new)}{by}")
    if len(distinct) > _SHOWN:
        lines.append(f"  … and {len(moves) - _SHOWN} more; {_LISTED}")
    return lines


def _by(move: MetricMove) -> str:
    """Return by how much a metric moved, and its share of the base; "" where it is no number."""
    if move.change is None:
        return ""
    base = move.base if isinstance(move.base, int | float) else 0
    return f"{move.change:+.6g}" + (f", {move.change / abs(base):+.2%}" if base else "")


def _distinct(moves: Sequence[MetricMove]) -> list[MetricMove]:
    """Leave out what another move says: a total again for its only instrument, money again as an exact integer."""
    values = {move.name: (move.base, move.new) for move in moves}

    def is_said(move: MetricMove) -> bool:
        of_whole = (move.name[found.end() :] for found in re.finditer(r"\.", move.name))
        if any(values.get(name) == (move.base, move.new) for name in of_whole):
            return True
        exact = re.fullmatch(r"(.*)_(half|micro)_tick_lots", move.name)
        return exact is not None and f"{exact[1]}_currency" in values

    return [move for move in moves if not is_said(move)]


def _value(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else "none" if value is None else str(value)


def _cell(name: str, value: Any) -> str:
    if name in CODES and value in set(CODES[name]):
        return CODES[name](value).name.lower()
    return _value(value)


def _show(difference: RowDifference) -> list[str]:
    """Show both rows, the columns that differ marked."""
    base, new = difference.base or {}, difference.new or {}
    time = (base or new).get("ts_exchange_ns") or (base or new).get("ts_ns")
    at = f" at {format_instant(time)}" if isinstance(time, int) else ""
    kind = "fill" if difference.table == "fills" else f"row of {difference.table}"
    lines = [f"first {kind} that differs: row {difference.row}{at}"]
    for name in dict.fromkeys([*base, *new]):
        old, now = base.get(name), new.get(name)
        if not base or not new:
            lines.append(f"    {name}: {_cell(name, now if new else old)}")
        elif old != now:
            lines.append(f"  * {name}: {_cell(name, old)} -> {_cell(name, now)}")
        else:
            lines.append(f"    {name}: {_cell(name, old)}")
    if not base or not new:
        lines.insert(1, f"  only in the {'new result' if new else 'base'}")
    return lines
