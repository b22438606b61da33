"""A result in a notebook: attribution and equity, without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from lob_backtest.report.metrics.equity import Floats, add_curves, equity
from lob_backtest.report.metrics.summary import AccountMetrics, currencies
from lob_backtest.report.show.downsample import Span, keep_extremes
from lob_backtest.report.show.sections import money_section

if TYPE_CHECKING:
    from lob_backtest.report.show.shown import Shown

_WIDTH: Final = 640


def notebook(result: Shown) -> str:
    """Return HTML with one table and one equity line per account.

    Args:
        result: of a run.
    """
    parts = [f"<p><b>lob_backtest</b>, {escape(result.status)}, digest <code>{result.digest[:12]}</code></p>"]
    for account in result.accounts:
        section = money_section(account)
        head = "".join(f"<th>{escape(cell)}</th>" for cell in section.head)
        rows = "".join(
            "<tr>" + "".join(f"<td style='text-align:right'>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in section.rows
        )
        parts.append(f"<p>{escape(account.name)}: {escape(section.title)}</p><table><tr>{head}</tr>{rows}</table>")
    if len(currencies(result.accounts)) == 1:
        parts.append(_line(*_points(result.accounts, _WIDTH)))
    return "".join(parts)


def _points(accounts: Sequence[AccountMetrics], count: int) -> tuple[Floats, Floats]:
    """Return times and equity, about `count` points."""
    span = Span.of(times for times, _ in _equity(accounts))
    kept = keep_extremes(_equity(accounts), span, points=count)
    return (kept[0], kept[1]) if kept else (np.zeros(0), np.zeros(0))


def _equity(accounts: Sequence[AccountMetrics]) -> Iterator[tuple[Floats, Floats]]:
    for stretch in add_curves([equity(account.ledger) for account in accounts], ("equity",)):
        yield stretch["ts_ns"].astype(float), stretch["equity"]


def _line(x: Floats, y: Floats, width: int = _WIDTH, height: int = 120) -> str:
    """Return a line as SVG; empty for fewer than two points."""
    if len(y) < 2:
        return ""
    x = (x - x[0]) / max(1.0, float(x[-1] - x[0])) * width
    low, high = min(0.0, float(y.min())), max(0.0, float(y.max()))
    y = height - (y - low) / ((high - low) or 1.0) * height
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in np.column_stack([x, y]))
    zero = height - (0 - low) / ((high - low) or 1.0) * height
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="equity">'
        f'<line x1="0" x2="{width}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="#bbb"/>'
        f'<polyline points="{points}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/></svg>'
    )
