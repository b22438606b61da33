"""The tables of the short summary, which fits one screen; those of the full one are in `sections`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from decimal import Decimal

from lob_backtest.report.metrics.summary import AccountMetrics
from lob_backtest.report.show.sections import (
    UNREALIZED,
    Section,
    digits_for,
    fell_from_to,
    horizon,
    in_currency,
    number,
    percent,
    span,
)
from lob_backtest.results.run_info import RunInfo


def markouts_brief(account: AccountMetrics) -> Section:
    """Return the markouts of all fills by horizon."""
    rows = []
    for each in account.markouts:
        if each.group != "all":
            continue
        ends = [number(end, 3, signed=True) for end in (each.low_ticks, each.high_ticks)]
        interval = " … ".join(ends) if each.low_ticks is not None else ""
        mean, median = number(each.mean_ticks, 3, signed=True), number(each.median_ticks, 1, signed=True)
        rows.append((horizon(each.horizon_ns), mean, interval, median, f"{each.count:,}"))
    head = ("after", "mean", "95% interval", "median", "fills")
    return Section("Markouts: side · (mid later - price), ticks per lot", head, tuple(rows))


def figures_brief(account: AccountMetrics) -> Section:
    """Return realized money, position and activity, in two columns."""
    half = account.ledger.instrument.tick_lot_value / 2
    sums, held, done = account.realized, account.inventory, account.activity
    money = [sums.gains_half_tick_lots, sums.losses_half_tick_lots, sums.unrealized_half_tick_lots]
    digits = digits_for([each * half for each in money])
    gains, losses, unrealized = (number(each * half, digits) for each in money)
    left = [
        ("Realized gains", gains),
        ("Realized losses", losses),
        (UNREALIZED[account.ledger.mark], unrealized),
        ("Position, mean", number(held.mean_lots)),
        ("Position, lowest", f"{held.min_lots:,}"),
        ("Position, highest", f"{held.max_lots:,}"),
        ("Position at the end", f"{held.end_lots:,}"),
    ]
    tainted = f", {done.tainted_fills:,} tainted" if done.tainted_fills else ""
    right = [
        (f"Fills{tainted}", f"{done.fills:,}"),
        ("Lots traded", f"{held.traded_lots:,}"),
        ("Fill rate (lots filled / quoted)", percent(done.quoted.filled_lots_fraction)),
        ("Requests per fill", number(done.order_to_trade, 1)),
        ("Requests refused", f"{sum(done.refused.values()):,}"),
        ("Time in queue, median", span(done.queue_time_median_ns)),
        ("Mean queue ahead on arrival (lots)", number(done.queue_ahead_mean_lots, 1)),
    ]
    rows = tuple((*one, *other) for one, other in zip(left, right, strict=True))
    title = f"Realized before fees{in_currency(account)}, position (lots), orders"
    return Section(title, ("",) * 4, rows, losses=False, labels=(0, 2))


def risk_brief(account: AccountMetrics, info: RunInfo, zone: tzinfo = UTC) -> Section:
    """Return drawdown and Sharpe ratio of sampled equity."""
    drop, fell = Decimal(account.risk.max_drawdown), fell_from_to(account, zone)
    rows = (
        (f"Max drawdown{in_currency(account)}{f', {fell}' if fell else ''}", number(drop, digits_for([drop]))),
        (f"Sharpe ratio per {span(info.sample_ns)} sample (not annualised)", number(account.risk.sharpe, 4)),
    )
    return Section("", ("", ""), rows, losses=False)


def accounts_brief(accounts: Sequence[AccountMetrics]) -> Section:
    """Return what is not money of several accounts, one row each."""
    drops = [Decimal(account.risk.max_drawdown) for account in accounts]
    digits, rows = digits_for(drops), []
    for account, drop in zip(accounts, drops, strict=True):
        at, done = account.headline.horizon_ns, account.activity
        means = [each.mean_ticks for each in account.markouts if (each.group, each.horizon_ns) == ("all", at)]
        rows.append(
            (
                account.name,
                f"{done.fills:,}",
                percent(done.quoted.filled_lots_fraction),
                number(means[0] if means else None, 3, signed=True),
                number(drop, digits),
                f"{account.inventory.end_lots:,}",
            )
        )
    after = horizon(accounts[0].headline.horizon_ns)
    head = ("", "fills", "fill rate", f"markout {after}, ticks", "max drawdown", "end position")
    titles = tuple(each.replace(" ,", ",") for each in head)
    return Section("Fills and risk", titles, tuple(rows), losses=False, note="--full prints every table of each.")
