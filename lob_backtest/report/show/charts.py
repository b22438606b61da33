"""The charts of the page, as plotly figures. Names are escaped: plotly reads tags in text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from html import escape
from itertools import accumulate
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from lob_backtest.contract.tables import Cause
from lob_backtest.report.metrics.equity import LINES, add_curves, curve, equity
from lob_backtest.report.metrics.inventory import position_steps
from lob_backtest.report.metrics.ledger import Ledger
from lob_backtest.report.metrics.stretches import Columns, Stretches
from lob_backtest.report.metrics.summary import AccountMetrics
from lob_backtest.report.show.downsample import Points, Span, keep_extremes
from lob_backtest.report.show.sections import digits_for, horizon, number

POINTS: Final = 5_000
MARKERS: Final = 3_000  # fills drawn; beyond, every second, third, …

_BLUE, _GREEN, _RED, _GREY, _AMBER, _VIOLET = "#1f5fa8", "#2b8a5a", "#c0392b", "#8a929b", "#c77f14", "#7a56a6"
_SYMBOLS: Final = {"queue": "circle", "through": "diamond", "cross": "square", "hidden": "star", "take": "x"}


def _layout(figure: go.Figure, *, height: int, y: str, time: bool = True) -> go.Figure:
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 70, "r": 20, "t": 10, "b": 40},
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 12, "color": "#333"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified" if time else "closest",
    )
    figure.update_yaxes(title=y, gridcolor="#ececec", zerolinecolor="#bbb", automargin=True)
    figure.update_xaxes(gridcolor="#f3f3f3", zeroline=False, type="date" if time else None)
    return figure


def milliseconds(ts_ns: NDArray[Any]) -> NDArray[np.float64]:
    """Return times in plotly's unit of dates: milliseconds since the epoch, UTC."""
    return ts_ns.astype(np.float64) / 1e6


def over(figure: go.Figure, start_ns: int, end_ns: int) -> go.Figure:
    """Set the time axis to the whole replay, so that charts below each other align.

    Args:
        figure: with time as its horizontal axis.
        start_ns: of the replay.
        end_ns: of the replay.
    """
    return figure.update_xaxes(range=[start_ns / 1e6, end_ns / 1e6])


def equity_points(accounts: Sequence[AccountMetrics], *, with_drawdown: bool = False) -> Columns:
    """Choose the points of equity and its parts to draw.

    Args:
        accounts: of one currency, whose curves add up.
        with_drawdown: also return `drawdown`, equity less its highest value until then (0 at the start).

    Returns:
        columns `ts_ns` and those of `lob_backtest.report.metrics.equity.LINES`; empty without equity.
    """
    sampled = add_curves([equity(each.ledger) for each in accounts], ("equity",))
    span = Span.of(stretch["ts_ns"] for stretch in sampled)
    curves = add_curves([curve(each.ledger, each.headline.horizon_ns) for each in accounts])
    names: tuple[str, ...] = ("ts_ns", *LINES)
    if with_drawdown:
        names, curves = (*names, "drawdown"), _with_drawdown(curves)
    kept = keep_extremes((tuple(each[name] for name in names) for each in curves), span, points=POINTS)
    return dict(zip(names, kept, strict=True)) if kept else {}


def _with_drawdown(curves: Iterator[Columns]) -> Iterator[Columns]:
    peak = 0.0
    for each in curves:
        peaks = np.maximum.accumulate(np.append(peak, each["equity"]))
        peak = float(peaks[-1])
        yield {**each, "drawdown": each["equity"] - peaks[1:]}


def equity_chart(points: Columns, currency: str) -> go.Figure:
    """Draw equity and its parts.

    Args:
        points: of `equity_points`, for one account or for all of one currency.
        currency: label of the axis.
    """
    lines = {
        "Captured spread": ("captured", _GREEN, 1.2),
        "Adverse selection": ("adverse_selection", _RED, 1.2),
        "Inventory": ("inventory", _AMBER, 1.2),
        "Fees and rebates": ("fees", _VIOLET, 1.2),
        "Equity": ("equity", _BLUE, 2.4),
    }
    x = milliseconds(points["ts_ns"])
    figure = go.Figure(
        [
            go.Scatter(x=x, y=points[column], name=name, mode="lines", line={"color": color, "width": width})
            for name, (column, color, width) in lines.items()
        ]
    )
    return _layout(figure, height=360, y=f"since the start, {escape(currency)}".rstrip(", "))


def waterfall_chart(parts: Mapping[str, Decimal], currency: str) -> go.Figure:
    """Draw the parts that add up to the profit or loss.

    Args:
        parts: in currency, by name.
        currency: label of the axis.
    """
    values = [*parts.values(), sum(parts.values(), Decimal(0))]
    digits = digits_for(values)
    reached = [0.0, *(float(value) for value in accumulate(parts.values()))]
    room = 0.12 * (max(reached) - min(reached))
    figure = go.Figure(
        go.Waterfall(
            x=[*parts, "Profit<br>or loss"],
            y=[*(float(value) for value in parts.values()), 0],
            measure=["relative"] * len(parts) + ["total"],
            increasing={"marker": {"color": _GREEN}},
            decreasing={"marker": {"color": _RED}},
            totals={"marker": {"color": _BLUE}},
            connector={"line": {"color": "#ccc", "width": 1}},
            text=[number(value, digits) for value in values],
            textposition="outside",
            cliponaxis=False,
        )
    )
    figure.update_layout(showlegend=False)
    figure = _layout(figure, height=320, y=escape(currency), time=False)
    figure.update_xaxes(tickangle=0, automargin=True)
    if room:
        figure.update_yaxes(range=[min(reached) - room, max(reached) + room])
    return figure.update_layout(margin={"t": 30})


def position_chart(ledger: Ledger) -> go.Figure:
    """Draw the position as steps, and its limit if any.

    Args:
        ledger: the account.
    """
    span = Span.of(times for times, _ in _positions(ledger))
    times, position = keep_extremes(_positions(ledger), span, points=POINTS)
    figure = go.Figure(
        go.Scatter(
            x=milliseconds(times),
            y=position,
            name="Position",
            mode="lines",
            line={"color": _BLUE, "width": 1.2, "shape": "hv"},
            fill="tozeroy",
            fillcolor="rgba(31,95,168,0.12)",
        )
    )
    limit = ledger.instrument.max_position_lots
    if limit is not None:
        for level in (limit, -limit):
            figure.add_hline(y=level, line={"color": _RED, "width": 1, "dash": "dot"})
        edge = 1.15 * max(limit, float(np.abs(position).max()))
        figure.update_yaxes(range=[-edge, edge])
    return over(_layout(figure, height=240, y="lots"), ledger.start_ns, ledger.end_ns)


def _positions(ledger: Ledger) -> Iterator[Points]:
    """Yield the position as steps, the last one until the end."""
    for times, position in position_steps(ledger):
        yield times, position.astype(np.float64)
    yield np.array([max(ledger.end_ns, int(times[-1]))]), position[-1:].astype(np.float64)


def price_chart(ledger: Ledger, best: Stretches) -> go.Figure:
    """Draw the fills on the best bid and ask.

    Args:
        ledger: the account.
        best: the best prices of its instrument.
    """
    tick = float(ledger.instrument.tick_size)
    span = Span.of(part["ts_exchange_ns"] for part in best.read("ts_exchange_ns"))
    kept = keep_extremes(_touch(best), span, points=POINTS)
    times, bid, ask = kept or (np.zeros(0),) * 3
    x = milliseconds(times)
    figure = go.Figure()
    for name, ticks, color in (("Best ask", ask, "#d08a82"), ("Best bid", bid, "#7fb398")):
        line = {"color": color, "width": 1, "shape": "hv"}
        figure.add_trace(go.Scatter(x=x, y=ticks * tick, name=name, mode="lines", line=line, hoverinfo="skip"))
    for side, name, color in ((1, "Bought", _GREEN), (-1, "Sold", _RED)):
        figure.add_trace(_markers(ledger, side, name, color, tick))
    figure = _layout(figure, height=400, y=f"price, {escape(ledger.instrument.currency)}".rstrip(", "))
    figure.update_layout(hovermode="closest")
    return over(figure, ledger.start_ns, ledger.end_ns)


def _touch(best: Stretches) -> Iterator[Points]:
    """Yield times, best bids and best asks; the price of an empty side is NaN."""
    sides = ("bid_ticks", "ask_ticks")
    for part in best.read("ts_exchange_ns", *sides):
        bid, ask = (np.where(part["has_" + name], part[name], np.nan) for name in sides)
        yield part["ts_exchange_ns"], bid, ask


def _drawn(ledger: Ledger, side: int) -> Columns:
    """Return the fills of one side that are drawn: every n-th (`drawn_fills`)."""
    names, step, seen = ("ts_exchange_ns", "price_ticks", "size_lots", "fill_id", "cause"), drawn_fills(ledger), 0
    parts = []
    for rows in ledger.fills.read("side", *names):
        mine = np.flatnonzero(rows["side"] == side)
        chosen = mine[-seen % step :: step]
        parts.append({name: rows[name][chosen] for name in names})
        seen += len(mine)
    nothing = ledger.fills.nothing(*names)
    return {name: np.concatenate([nothing[name], *(each[name] for each in parts)]) for name in names}


def _markers(ledger: Ledger, side: int, name: str, color: str, tick: float) -> go.Scatter:
    fills = _drawn(ledger, side)
    count = len(fills["cause"])
    causes = [Cause(code).name.lower() for code in fills["cause"]]
    return go.Scatter(
        x=milliseconds(fills["ts_exchange_ns"]),
        y=fills["price_ticks"] * tick,
        name=name,
        mode="markers",
        marker={
            "color": color,
            "size": 6 if count < 300 else 4,
            "opacity": 1.0 if count < 300 else 0.75,
            "symbol": [_SYMBOLS[cause] for cause in causes],
            "line": {"color": "white", "width": 0.5},
        },
        customdata=np.column_stack([fills["size_lots"], fills["fill_id"], np.array(causes, dtype=object)]),
        hovertemplate="fill %{customdata[1]}: " + name.lower() + " %{customdata[0]} at %{y} (%{customdata[2]})"
        "<br>%{x|%Y-%m-%d %H:%M:%S.%L}<extra></extra>",
    )


def drawn_fills(ledger: Ledger) -> int:
    """Return n such that the price chart draws every n-th fill."""
    return max(1, -(-ledger.fill_count // MARKERS))


def markout_chart(accounts: Sequence[AccountMetrics]) -> go.Figure:
    """Draw the mean markout over the horizons with its 95% interval, and that of buys and of sells.

    Args:
        accounts: each with one line for all fills; a single one also by side.
    """
    figure = go.Figure()
    colors = (_BLUE, _AMBER, _VIOLET, _GREEN, _RED, _GREY)
    for index, account in enumerate(accounts):
        color = colors[index % len(colors)]
        rows = sorted((m for m in account.markouts if m.group == "all" and m.count), key=lambda m: m.horizon_ns)
        x = [horizon(each.horizon_ns) for each in rows]
        if not rows:
            continue
        band = [each for each in rows if each.low_ticks is not None]
        labels = [horizon(each.horizon_ns) for each in band]
        edge = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(x=labels, y=[each.high_ticks for each in band], **edge))
        fill = {"fill": "tonexty", "fillcolor": _faint(color)}
        figure.add_trace(go.Scatter(x=labels, y=[each.low_ticks for each in band], **edge, **fill))
        line = {"color": color, "width": 2.2}
        name = "All fills" if len(accounts) == 1 else escape(account.name)
        means = [each.mean_ticks for each in rows]
        figure.add_trace(go.Scatter(x=x, y=means, name=name, mode="lines+markers", line=line))
        for group, shade in (("buy", _GREEN), ("sell", _RED)) if len(accounts) == 1 else ():
            some = sorted((m for m in account.markouts if m.group == group and m.count), key=lambda m: m.horizon_ns)
            figure.add_trace(
                go.Scatter(
                    x=[horizon(each.horizon_ns) for each in some],
                    y=[each.mean_ticks for each in some],
                    name=f"{group.capitalize()}s",
                    mode="lines+markers",
                    line={"color": shade, "width": 1.2, "dash": "dot"},
                )
            )
    figure = _layout(figure, height=320, y="ticks per lot", time=False)
    figure.update_xaxes(title="time after the fill", type="category")
    return figure


def _faint(color: str) -> str:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"
