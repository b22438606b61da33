"""What a comparison found, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lob_backtest.report.frames import CODES
from lob_backtest.units import format_instant

if TYPE_CHECKING:
    from lob_backtest.regression import Comparison, Move, RowDifference

_SHOWN: Final = 30


def describe(comparison: Comparison) -> str:
    """Say whether two results are the same, which metrics moved and by how much, and the first fill that differs.

    Args:
        comparison: as `lob_backtest.compare` returns it.
    """
    lines = [f"{comparison.outcome}: base {comparison.base_digest[:12]}, new {comparison.new_digest[:12]}"]
    lines += [f"  {reason}" for reason in comparison.reasons]
    if comparison.reasons:
        return "\n".join(lines)
    beyond = [move for move in comparison.moves if not move.within]
    within = [move for move in comparison.moves if move.within]
    lines += _moves("metrics that moved", beyond) + _moves("metrics that moved, as is allowed", within)
    first = comparison.first_fill or comparison.first_row
    if first is not None:
        lines += _row(first)
    return "\n".join(lines)


def _moves(title: str, moves: list[Move]) -> list[str]:
    if not moves:
        return []
    lines = [f"{title} ({len(moves)}):"]
    for move in moves[:_SHOWN]:
        by = ""
        if move.change is not None:
            base = move.base if isinstance(move.base, int | float) else 0
            share = f", {move.change / abs(base):+.2%}" if base else ""
            by = f"  ({move.change:+.6g}{share})"
        lines.append(f"  {move.name}: {_value(move.base)} -> {_value(move.new)}{by}")
    if len(moves) > _SHOWN:
        lines.append(f"  … and {len(moves) - _SHOWN} more; --json lists them all")
    return lines


def _value(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else "none" if value is None else str(value)


def _cell(name: str, value: Any) -> str:
    if name in CODES and value in set(CODES[name]):
        return CODES[name](value).name.lower()
    return _value(value)


def _row(difference: RowDifference) -> list[str]:
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
