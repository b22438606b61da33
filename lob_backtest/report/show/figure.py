"""One figure of a result, for a notebook: equity and its parts, drawdown, position, below each other over time."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lob_backtest.report.metrics.summary import AccountMetrics, currencies
from lob_backtest.report.show.charts import equity_chart, equity_points, milliseconds, position_chart
from lob_backtest.report.show.header import facts
from lob_backtest.results.run_info import RunInfo

if TYPE_CHECKING:
    from lob_backtest.report.show.shown import Shown

_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
_TITLE: Final = 46
"""Characters of a line of the title: what a window of 390 pixels has room for."""
_TITLE_LINES: Final = 3
_COLORS: Final = ("#1f5fa8", "#c77f14", "#2b8a5a", "#7a56a6", "#c0392b", "#8a929b")
_RED: Final = "#c0392b"
_BUTTONS: Final = 40
"""Pixels for plotly's buttons, above the title."""
_LINE: Final = 18
_TOP: Final = _BUTTONS + _LINE + 14
_AXIS: Final = 58
"""Pixels for the time axis."""
_BOTTOM: Final = 150
"""Pixels for the time axis and, on a narrow window, three rows of the legend."""
_HEIGHTS: Final = (300, 130, 150)
"""Of equity, drawdown and position, in pixels."""


def figure(result: Shown) -> go.Figure:
    """Draw a result: for each currency equity with its parts, and its drawdown; the position of each account.

    Args:
        result: of a run.

    Returns:
        one figure with a common time axis, UTC.
    """
    accounts, info = result.accounts, result.info
    labels = currencies(accounts)
    equity_px, drawdown_px, position_px = _HEIGHTS
    heights = [*(equity_px, drawdown_px) * len(labels), position_px]
    made = make_subplots(len(heights), 1, shared_xaxes=True, vertical_spacing=24 / sum(heights), row_heights=heights)
    for place, label in enumerate(labels):
        _money(made, [each for each in accounts if each.ledger.instrument.currency == label], label, 2 * place + 1)
    _positions(made, accounts, len(heights))
    title = _title(info)
    top = _TOP + _LINE * title.count("<br>")
    made.update_layout(
        template="none",
        height=sum(heights) + 24 * len(heights) + top + _BOTTOM,
        margin={"l": 64, "r": 16, "t": top, "b": _BOTTOM},
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"family": _FONT, "size": 12, "color": "#333"},
        title={"text": title, "x": 0, "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": _BUTTONS, "l": 12}},
        title_font_size=14,
        legend={"orientation": "h", "x": 0, "y": -_AXIS / sum(heights), "yanchor": "top"},
        hovermode="x unified",
    )
    made.update_yaxes(gridcolor="#ececec", zerolinecolor="#bbb", automargin=True)
    made.update_xaxes(gridcolor="#f3f3f3", zeroline=False, type="date", range=[info.start_ns / 1e6, info.end_ns / 1e6])
    made.update_xaxes(title="time, UTC", row=len(heights), col=1)
    return made


def _money(made: go.Figure, accounts: Sequence[AccountMetrics], label: str, row: int) -> None:
    points = equity_points(accounts, with_drawdown=True)
    unit = f", {escape(label)}" if label else ""
    made.update_yaxes(title=f"P&L{unit}", row=row, col=1)
    made.update_yaxes(title=f"drawdown{unit}", row=row + 1, col=1)
    if not points:
        return
    for trace in equity_chart(points, label).data:
        trace.update(legendgroup=trace.name, showlegend=row == 1)
        made.add_trace(trace, row=row, col=1)
    made.add_trace(
        go.Scatter(
            x=milliseconds(points["ts_ns"]),
            y=points["drawdown"],
            name="Drawdown",
            mode="lines",
            line={"color": _RED, "width": 1},
            fill="tozeroy",
            fillcolor="rgba(192,57,43,0.12)",
            showlegend=False,
        ),
        row=row + 1,
        col=1,
    )


def _positions(made: go.Figure, accounts: Sequence[AccountMetrics], row: int) -> None:
    made.update_yaxes(title="position, lots", row=row, col=1)
    for place, account in enumerate(accounts):
        trace = position_chart(account.ledger).data[0]
        name = f"Position {escape(account.name)}" if len(accounts) > 1 else "Position"
        trace.update(name=name, line={"color": _COLORS[place % len(_COLORS)]}, showlegend=len(accounts) > 1)
        if len(accounts) > 1:
            trace.update(fill=None)
        made.add_trace(trace, row=row, col=1)


def _title(info: RunInfo) -> str:
    strategies = "; ".join(text for label, text in facts(info, is_short=True) if label == "Strategy")
    names = ", ".join(each.name for each in info.instruments)
    lines = textwrap.wrap(f"{strategies} on {names}", _TITLE, max_lines=_TITLE_LINES, placeholder=" …")
    return "<br>".join(map(escape, lines))
