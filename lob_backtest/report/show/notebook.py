"""A result in a notebook: what was run, attribution and equity, without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from lob_backtest.report.currency import Floats
from lob_backtest.report.metrics.equity import add_curves, equity
from lob_backtest.report.metrics.summary import AccountMetrics, currencies
from lob_backtest.report.show.downsample import Span, keep_extremes
from lob_backtest.report.show.header import facts, incomplete, notes
from lob_backtest.report.show.sections import Section, digits_for, money_section, number, totals_section
from lob_backtest.units import format_instant

if TYPE_CHECKING:
    from lob_backtest.report.show.shown import Shown

_WIDTH: Final = 640
_HEIGHT: Final = 150
_LEFT: Final = 72
"""Pixels for the labels of the vertical axis."""
_BOTTOM: Final = 18
_TICKS: Final = 4
_MINUTE: Final = 60 * 10**9
_DAY: Final = 24 * 60 * _MINUTE


def notebook(result: Shown) -> str:
    """Return HTML: the run's parameters, one table of money, and equity over time for accounts of one currency.

    Args:
        result: of a run.
    """
    accounts = result.accounts
    sentence = incomplete(result)
    parts = [f"<p style='color:#c0392b'><b>{escape(sentence)}</b></p>"] if sentence else []
    parts.append(_table((), facts(result.info, is_short=True) + notes(result.info)))
    section = money_section(accounts[0]) if len(accounts) == 1 else totals_section(accounts)
    parts.append(f"<p><b>{escape(section.title)}</b></p>" + _section(section))
    labels = currencies(accounts)
    if len(labels) == 1:
        line = _line(*_points(accounts, _WIDTH))
        unit = f" ({escape(labels[0])})" if labels[0] else ""
        parts.append(f"<p><b>Equity since the start{unit}</b></p>{line}" if line else "")
    return f"<div>{''.join(parts)}<p>digest <code>{result.digest[:12]}</code></p></div>"


def _section(section: Section) -> str:
    note = f"<p><small>{escape(section.note)}</small></p>" if section.note else ""
    return _table(section.head, section.rows) + note


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; with a head, all columns but the first are numbers."""
    align = "right" if head else "left"
    top = "".join(f"<th style='text-align:{align}'>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td style='text-align:{align if place else 'left'}'>{escape(cell)}</td>" for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table>{f'<tr>{top}</tr>' if head else ''}{body}</table>"


def _points(accounts: Sequence[AccountMetrics], count: int) -> tuple[Floats, Floats]:
    """Return times and equity, about `count` points."""
    span = Span.of(times for times, _ in _equity(accounts))
    kept = keep_extremes(_equity(accounts), span, points=count)
    return (kept[0], kept[1]) if kept else (np.zeros(0), np.zeros(0))


def _equity(accounts: Sequence[AccountMetrics]) -> Iterator[tuple[Floats, Floats]]:
    for stretch in add_curves([equity(account.ledger) for account in accounts], ("equity",)):
        yield stretch["ts_ns"].astype(float), stretch["equity"]


def _line(x: Floats, y: Floats) -> str:
    """Return a line with its axes as SVG; empty for fewer than two points."""
    if len(y) < 2:
        return ""
    first, length = float(x[0]), max(1.0, float(x[-1] - x[0]))
    low, high = min(0.0, float(y.min())), max(0.0, float(y.max()))
    height = (high - low) or 1.0
    across = _LEFT + (x - first) / length * (_WIDTH - _LEFT - 8)
    down = 8 + (high - y) / height * (_HEIGHT - 16)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in np.column_stack([across, down]))
    marks = [
        _level(value, 8 + (high - value) / height * (_HEIGHT - 16), low, high) for value in sorted({low, 0.0, high})
    ]
    marks += [_time(first + length * n / _TICKS, n / _TICKS, length) for n in range(_TICKS + 1)]
    whole = _HEIGHT + _BOTTOM
    return (
        f'<svg viewBox="0 0 {_WIDTH} {whole}" width="{_WIDTH}" height="{whole}" role="img" aria-label="equity" '
        'style="max-width:100%;height:auto" font-size="11" font-family="sans-serif" fill="currentColor">'
        f"{''.join(marks)}"
        f'<polyline points="{points}" fill="none" stroke="#2f74c0" stroke-width="1.5"/></svg>'
    )


def _level(value: float, y: float, low: float, high: float) -> str:
    """Return a horizontal line with its value; the zero has no label where it would cover another."""
    digits = digits_for([Decimal(low), Decimal(high)])
    is_covered = value == 0.0 and 0 < min(abs(low), high) < (high - low) / 9
    text = "" if is_covered else number(value, digits)
    label = f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    line = f'<line x1="{_LEFT}" x2="{_WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="#999" stroke-opacity="0.5"/>'
    return line + label


def _time(ns: float, share: float, length_ns: float) -> str:
    """Return a label of the time axis, UTC."""
    date, _, time = format_instant(int(ns)).partition("T")
    text = f"{date[5:]} {time[:5]}" if length_ns > _DAY else time[:5] if length_ns > 10 * _MINUTE else time[:8]
    anchor = "start" if share == 0 else "end" if share == 1 else "middle"
    x = _LEFT + share * (_WIDTH - _LEFT - 8)
    unit = " UTC" if share == 1 else ""
    return f'<text x="{x:.1f}" y="{_HEIGHT + _BOTTOM - 5}" text-anchor="{anchor}">{text}{unit}</text>'
