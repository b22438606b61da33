"""The page: one self-contained HTML file that opens offline.

All text is escaped by the template's autoescape; figures are JSON in which `<`, `>` and `&` are escaped, so that no
name can end the script that contains them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lob_backtest.report.metrics.ledger import best_prices
from lob_backtest.report.metrics.summary import AccountMetrics, currencies
from lob_backtest.report.show.header import facts, incomplete, notes
from lob_backtest.report.show.sections import (
    Section,
    counts_section,
    digits_for,
    horizon,
    instant,
    matching,
    number,
    sections,
    span,
    totals_section,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from lob_backtest.report.show.shown import Shown


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its title and a note.

    Attributes:
        key: id of the element.
        title: heading.
        note: below the chart; may be empty.
        json: the figure, safe within a script.
    """

    key: str
    title: str
    note: str
    json: str


@dataclass(slots=True)
class _Charts:
    """Collects figures, and gives each an id."""

    made: list[Chart] = field(default_factory=list)

    def add(self, figure: go.Figure, title: str, note: str = "") -> Chart:
        chart = Chart(f"chart-{len(self.made)}", title, note, _safe(figure.to_json()))
        self.made.append(chart)
        return chart


def _safe(text: str) -> str:
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def page(result: Shown) -> str:
    """Return the whole page.

    Args:
        result: of a run.
    """
    from jinja2 import Environment, PackageLoader
    from plotly.offline import get_plotlyjs

    charts = _Charts()
    environment = Environment(
        loader=PackageLoader("lob_backtest.report", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    info = result.info
    return environment.get_template("page.html.j2").render(
        result=result,
        info=info,
        title=", ".join(each.name for each in info.instruments),
        strategies=", ".join(info.agents),
        facts=facts(info) + notes(info),
        incomplete=incomplete(result),
        tiles=_tiles(result),
        totals=totals_section(result.accounts) if len(result.accounts) > 1 else None,
        overview=_overview(result, charts),
        accounts=[_account(result, account, charts) for account in result.accounts],
        counts=counts_section(info),
        inputs=Section(
            "Files read", ("file", "rows", "sha256"), tuple((i.path, f"{i.rows:,}", i.sha256) for i in info.inputs)
        ),
        versions=Section("Versions", ("", ""), tuple(info.versions.items())),
        config=json.dumps(info.config, indent=2, ensure_ascii=False, default=str),
        charts=charts.made,
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
    )


def _tiles(result: Shown) -> list[tuple[str, str, str]]:
    """Return the tiles at the top: label, value, and "good" or "bad" for a gain or a loss."""
    accounts = result.accounts
    tiles: list[tuple[str, str, str]] = []
    for label in currencies(accounts):
        money = [each.money() for each in accounts if each.ledger.instrument.currency == label]
        sums = {name: sum((each[name] for each in money), Decimal(0)) for name in money[0]}
        sums["fees"] = sums["rebates"] - sums["fees_paid"]
        names = ("pnl", "captured", "adverse_selection", "inventory", "fees", "realized_losses")
        titles = ("Profit or loss", "Captured", "Adverse selection", "Inventory", "Fees and rebates", "Realized losses")
        digits = digits_for([sums[name] for name in names])
        for name, title in zip(names, titles, strict=True):
            tone = "good" if sums[name] > 0 else "bad" if sums[name] < 0 else ""
            named = label and (name == "pnl" or len(currencies(accounts)) > 1)
            tiles.append((f"{title}, {label}" if named else title, number(sums[name], digits), tone))
    tiles.append(("Fills", f"{sum(each.activity.fills for each in accounts):,}", ""))
    return tiles


def _overview(result: Shown, charts: _Charts) -> list[Chart]:
    """Draw equity, one chart per currency that several accounts share."""
    from lob_backtest.report.show.charts import equity_chart, equity_points, markout_chart

    accounts = result.accounts
    if len(accounts) == 1:
        return []
    out = []
    for label in currencies(accounts):
        points = equity_points([each for each in accounts if each.ledger.instrument.currency == label])
        if points:
            out.append(charts.add(equity_chart(points, label), "Equity, all accounts"))
    out.append(charts.add(markout_chart(accounts), "Markouts, all accounts"))
    return out


def _account(result: Shown, account: AccountMetrics, charts: _Charts) -> dict[str, Any]:
    from lob_backtest.report.show import charts as draw

    ledger = account.ledger
    code = [each.name for each in result.info.instruments].index(ledger.instrument.name)
    tables = sections(account, result.info)
    label = ledger.instrument.currency
    money = account.money()
    parts = {
        "Captured": money["captured"],
        "Adverse<br>selection": money["adverse_selection"],
        "Inventory": money["inventory"],
        "Opening": money["opening"],
        "Fees": -money["fees_paid"],
        "Rebates": money["rebates"],
    }
    parts = {name: value for name, value in parts.items() if value or name not in ("Opening", "Fees", "Rebates")}
    at = horizon(account.headline.horizon_ns)
    every = draw.drawn_fills(ledger)
    made = {"waterfall": charts.add(draw.waterfall_chart(parts, label), "From spread to profit", _until(at))}
    points = draw.equity_points([account])
    if points:
        equity = draw.over(draw.equity_chart(points, label), ledger.start_ns, ledger.end_ns)
        made["equity"] = charts.add(equity, "Equity and its parts", _until(at))
    made["position"] = charts.add(draw.position_chart(ledger), "Position")
    made["price"] = charts.add(
        draw.price_chart(ledger, best_prices({"bbo": result.rows("bbo")}, result.info, code)),
        "Fills on the price",
        "Shapes: ● queue, ◆ through, ■ cross, ★ hidden, ✕ take."
        + (f" One fill in {every} is drawn." if every > 1 else ""),
    )
    if any(each.count for each in account.markouts):
        made["markouts"] = charts.add(
            draw.markout_chart([account]), "Markouts", "The band is the 95% interval of the mean, by block bootstrap."
        )
    return {
        "account": account,
        "sections": tables,
        "charts": made,
        "worst": worst_section(account),
        "matching": matching(ledger.instrument),
    }


def _until(at: str) -> str:
    return f"Adverse selection over {at} after each fill; inventory from then on." if at else ""


def worst_section(account: AccountMetrics) -> Section:
    """List the closed lots that lost most, each loss split into its parts.

    Args:
        account: of `lob_backtest.report.metrics.summary.measure`.
    """
    worst, at = account.worst, account.headline.horizon_ns
    half = account.ledger.instrument.tick_lot_value / 2
    digits = digits_for([lot["gross_half_tick_lots"] * half for lot in worst])
    names = ["captured_half_tick_lots"]
    if at is not None:
        names += [f"adverse_selection_{at}ns_half_tick_lots", f"inventory_{at}ns_half_tick_lots"]
    rows = tuple(
        (
            instant(lot["open_ts_ns"]),
            "long" if lot["side"] > 0 else "short",
            f"{lot['size_lots']:,}",
            span(lot["close_ts_ns"] - lot["open_ts_ns"]),
            f"{lot['open_fill_id'] if lot['has_open_fill_id'] else 'start'}",
            f"{lot['close_fill_id']}",
            *(number(lot[name] * half, digits) for name in (*names, "gross_half_tick_lots")),
        )
        for lot in worst
    )
    parts = ("captured", "adverse selection", "inventory")[: len(names)]
    head = ("opened (UTC)", "side", "lots", "held for", "opening fill", "closing fill", *parts, "result")
    label = account.ledger.instrument.currency
    return Section(f"The lots that lost most{f' ({label})' if label else ''}, before fees", head, rows)
