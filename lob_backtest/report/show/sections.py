"""The tables of the terminal and the page, which are the same, as plain text cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from math import ceil, log10

from lob_backtest.contract.output import PERCENTILES
from lob_backtest.report.metrics.attribution import Attribution
from lob_backtest.report.metrics.ledger import MICRO_PER_HALF
from lob_backtest.report.metrics.summary import AccountMetrics, currencies
from lob_backtest.results.run_info import InstrumentInfo, RunInfo
from lob_backtest.units import format_duration, format_instant, is_ambiguous

_DAY_NS = 86_400_000_000_000
_COLUMNS = 4  # horizons side by side: what fits in 80 columns
UNREALIZED = {
    "mid": "Unrealized, at mid",
    "stale mid": "Unrealized, at a stale mid",
    "last fill": "Unrealized, at the last fill",
    "none": "Unrealized, without a mark",
}
_TAINTED = "at a crossed, locked or suspect book, or soon after bad data"
_COUNTS = {"unplaced_lots": "market flow without a counterpart (lots)"}  # labels of counts with unclear names
_LATENCIES = {
    "new": "New order to exchange",
    "replace": "Replace to exchange",
    "cancel": "Cancel to exchange",
    "response": "Response to strategy",
    "feed": "Feed: local - exchange time",
}
_SHOWN_TICKS = (0, 5)  # distances from the touch


@dataclass(frozen=True, slots=True)
class Section:
    """One table.

    Attributes:
        title: with the unit.
        head: column titles.
        rows: cells as text.
        totals: number of last rows that are sums of those above.
        note: below the table; may be empty.
        losses: whether negative cells are losses; a negative position is not one.
        labels: the columns that are text.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: int = 0
    note: str = ""
    losses: bool = True
    labels: tuple[int, ...] = (0,)

    def is_bad(self, column: int, cell: str) -> bool:
        """Return whether a cell is a loss, shown in red; a range never is."""
        return self.losses and column not in self.labels and cell.startswith("-") and len(cell) > 1 and "…" not in cell


def sections(account: AccountMetrics, info: RunInfo, zone: tzinfo = UTC) -> list[Section]:
    """Return the tables of one account, attribution first.

    Args:
        account: of `lob_backtest.report.metrics.summary.measure`.
        info: description of the run.
        zone: time zone of the times.
    """
    return [
        money_section(account),
        realized_section(account),
        fills_section(account),
        markouts_section(account),
        inventory_section(account, info, zone),
        orders_section(account),
        quoting_section(account),
        *latency_sections(account),
    ]


def digits_for(values: Sequence[Decimal]) -> int:
    """Return the number of decimals for a column of values: two, or four significant digits of the largest if small."""
    largest = float(max((abs(value) for value in values), default=Decimal(0)))
    return 2 if largest == 0 or largest >= 10 else min(10, 3 - ceil(log10(largest) - 1))


def number(value: float | Decimal | None, digits: int = 2, *, signed: bool = False) -> str:
    """Format a number with thousands separators; `None` becomes "n/a", and a zero has no minus sign."""
    if value is None:
        return "n/a"
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    return text.lstrip("+-") if not any(digit in text for digit in "123456789") else text


def percent(value: float | None) -> str:
    """Format a fraction as a percentage."""
    return "n/a" if value is None else f"{value * 100:.1f}%"


def span(ns: float | None) -> str:
    """Format a duration with three significant digits and a unit."""
    if ns is None:
        return "n/a"
    for unit, size in (("h", 3.6e12), ("min", 6e10), ("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.0f} ns"


def instant(ns: int, zone: tzinfo = UTC) -> str:
    """Format a time by the clocks of a zone, without trailing zeros; with its offset if they show it twice."""
    text = format_instant(ns, zone)
    digits, offset = text[: len("2024-07-19T13:30:00.123456789")], text[len("2024-07-19T13:30:00.123456789") :]
    shown = digits.rstrip("0").rstrip(".").replace("T", " ")
    return f"{shown}{offset}" if is_ambiguous(ns, zone) else shown


def horizon(ns: int | None) -> str:
    """Format a horizon as in the config."""
    return "" if ns is None else format_duration(ns)


def matching(instrument: InstrumentInfo) -> str:
    """Return the settings of L2 matching as a short line; empty on L3 and for results of earlier versions."""
    if instrument.queue is None or instrument.late_level_ns is None or instrument.late_print_ns is None:
        return ""
    late_print = format_duration(instrument.late_print_ns) if instrument.late_print_ns else "never"
    late_level = format_duration(instrument.late_level_ns)
    return f"queue {instrument.queue}, late level {late_level}, late print {late_print}"


def in_currency(account: AccountMetrics) -> str:
    """Return the currency as a part of a title."""
    label = account.ledger.instrument.currency
    return f" ({label})" if label else ""


def shown(account: AccountMetrics) -> list[Attribution]:
    """Return the attributions that fit side by side: the headline, then its neighbours, shortest horizon first."""
    ordered = sorted(account.attributions, key=lambda each: each.horizon_ns or 0)
    first = max(0, min(ordered.index(account.headline) - 1, len(ordered) - _COLUMNS))
    return [account.headline, *(each for each in ordered[first : first + _COLUMNS] if each is not account.headline)]


def money_section(account: AccountMetrics) -> Section:
    """Return the attribution of the profit or loss at the headline horizon, and what other horizons make of it."""
    half = account.ledger.instrument.tick_lot_value / 2
    columns = shown(account)
    money = account.money()
    parts: dict[str, list[Decimal]] = {
        "Captured spread": [money["captured"]],
        "Adverse selection": [each.adverse_selection * half for each in columns],
        "Inventory": [each.inventory * half for each in columns],
        "Opening position": [money["opening"]],
        "Fees paid": [-money["fees_paid"]],
        "Rebates": [money["rebates"]],
        "Profit or loss": [money["pnl"]],
    }
    if not account.ledger.position_start_lots:
        del parts["Opening position"]
    digits = digits_for([value for values in parts.values() for value in values])
    head = tuple(horizon(each.horizon_ns) or "all" for each in columns)
    residual = account.headline.residual
    unit = " half-tick·lots" if residual else ""
    notes = [f"Check: parts sum to P&L {'exactly ' * (not residual)}(residual {residual:,}{unit})."]
    if account.ledger.mark != "mid":
        notes.insert(0, _mark_note(account))
    elif account.headline.horizon_ns is not None:
        notes.append("Inventory = price moves later than the horizon.")
    cells = ((name, [number(value, digits) for value in values]) for name, values in parts.items())
    return Section(
        "Where the money came from" + in_currency(account),
        ("adverse selection over" if account.headline.horizon_ns is not None else "", *head),
        tuple((name, *values, *[""] * (len(columns) - len(values))) for name, values in cells),
        totals=1,
        note=" ".join(notes),
    )


def _mark_note(account: AccountMetrics) -> str:
    """Return a note on the mark if the book has no mid at the end."""
    ledger = account.ledger
    if ledger.mark == "stale mid":
        bad = "a side of the book was empty, or it was crossed or suspect"
        return f"Stale mid: for the last {span(ledger.mark_age_ns)} {bad}; the last known mid is the mark."
    if ledger.mark == "last fill":
        return "The market was never two-sided: the last fill's price is used as the mid."
    return "No mark: the market was never two-sided, and nothing was filled; the position counts 0."


def realized_section(account: AccountMetrics) -> Section:
    """Return realized gains and losses, before and after fees, and the unrealized part."""
    half = account.ledger.instrument.tick_lot_value / 2
    micro = half / MICRO_PER_HALF
    sums = account.realized
    gross = [sums.gains_half_tick_lots * half, sums.losses_half_tick_lots * half]
    net = [sums.gains_net_micro * micro, sums.losses_net_micro * micro]
    open_fees = account.pnl_micro * micro - sum(net)
    rows = [
        ("Realized gains", gross[0], net[0]),
        ("Realized losses", gross[1], net[1]),
        (UNREALIZED[account.ledger.mark], sums.unrealized_half_tick_lots * half, open_fees),
        ("Profit or loss", sum(gross) + sums.unrealized_half_tick_lots * half, account.pnl_micro * micro),
    ]
    digits = digits_for([value for _, *values in rows for value in values])
    lost = f"{sums.lost:,} of {sums.closed:,} closed lots lost money before fees." if sums.closed else ""
    return Section(
        "Realized, first in first out" + in_currency(account),
        ("", "before fees", "after fees"),
        tuple((name, *(number(value, digits) for value in values)) for name, *values in rows),
        totals=1,
        note=lost,
    )


def fills_section(account: AccountMetrics) -> Section:
    """Return the fills by cause, with their markout at the headline horizon."""
    at = account.headline.horizon_ns
    means = {each.group: each.mean_ticks for each in account.markouts if each.horizon_ns == at}
    counts, lots = account.activity.fills_by_cause, account.activity.filled_lots_by_cause
    rows = [
        (cause, f"{counts[cause]:,}", f"{lots[cause]:,}", number(means.get(cause), 3, signed=True))
        for cause in counts
        if counts[cause]
    ]
    everything = account.activity
    rows.append(
        ("all", f"{everything.fills:,}", f"{everything.filled_lots:,}", number(means.get("all"), 3, signed=True))
    )
    tainted = everything.tainted_fills
    return Section(
        "Fills by cause",
        ("cause", "fills", "lots", f"markout {horizon(at)}, ticks".replace(" ,", ",")),
        tuple(rows),
        totals=1,
        note=f"{tainted:,} of them tainted: {_TAINTED}." if tainted else "",
    )


def markouts_section(account: AccountMetrics) -> Section:
    """Return the markouts of all fills, of buys and of sells."""
    rows = []
    for each in account.markouts:
        if each.group not in ("all", "buy", "sell"):
            continue
        interval = (
            f"{number(each.low_ticks, 3, signed=True)} … {number(each.high_ticks, 3, signed=True)}"
            if each.low_ticks is not None
            else ""
        )
        name = horizon(each.horizon_ns) + ("" if each.group == "all" else f" {each.group}")
        rows.append(
            (
                name,
                number(each.mean_ticks, 3, signed=True),
                interval,
                number(each.median_ticks, 1, signed=True),
                number(each.mean_per_fill_ticks, 3, signed=True),
                f"{each.count:,}",
                f"{each.left_out:,}",
            )
        )
    return Section(
        "Markouts: side · (mid later - price), ticks per lot",
        ("horizon", "mean", "95% interval", "median", "per fill", "fills", "left out"),
        tuple(rows),
        note="Left out: the horizon reaches beyond the end of the data." if any(r[-1] != "0" for r in rows) else "",
    )


def inventory_section(account: AccountMetrics, info: RunInfo, zone: tzinfo = UTC) -> Section:
    """Return the position's statistics and the risk of equity."""
    held = account.inventory
    rows = [
        ("Position, time-weighted mean", number(held.mean_lots)),
        ("Absolute position, time-weighted mean", number(held.mean_absolute_lots)),
        ("Lowest", f"{held.min_lots:,}"),
        ("Highest", f"{held.max_lots:,}"),
        ("At the end", f"{held.end_lots:,}"),
        ("Traded", f"{held.traded_lots:,}"),
    ]
    if account.ledger.instrument.max_position_lots is not None:
        rows[4:4] = [
            ("Time within one order of the limit", percent(held.near_limit_fraction)),
            ("Time at the limit", percent(held.at_limit_fraction)),
        ]
    drop = Decimal(account.risk.max_drawdown)
    sample = span(info.sample_ns)
    rows.append((f"Max drawdown{in_currency(account)}", number(drop, digits_for([drop]))))
    rows.append((f"Sharpe ratio per {sample} sample (not annualised)", number(account.risk.sharpe, 4)))
    fell = fell_from_to(account, zone)
    note = f"{f'Max drawdown: {fell}. ' if fell else ''}Equity is sampled every {sample}."
    return Section("Inventory (lots) and risk", ("", ""), tuple(rows), note=note, losses=False)


def fell_from_to(account: AccountMetrics, zone: tzinfo = UTC) -> str:
    """Return when the deepest drawdown began and reached its depth, and how long that took; empty without one."""
    risk, about = account.risk, account.ledger
    if risk.peak_ns is None or risk.trough_ns is None:
        return ""
    begin, end = instant(risk.peak_ns, zone), instant(risk.trough_ns, zone)
    if about.end_ns - about.start_ns < _DAY_NS:
        begin, end = begin.partition(" ")[2], end.partition(" ")[2]
    return f"{begin} to {end} {zone} ({span(risk.trough_ns - risk.peak_ns)})"


def orders_section(account: AccountMetrics) -> Section:
    """Return the counts of requests and their outcomes."""
    done = account.activity
    rows = [
        ("Orders accepted", f"{done.orders:,}"),
        ("Requests", f"{done.requests:,}"),
        ("Replaced", f"{done.updates['replaced']:,}"),
        ("Cancelled", f"{done.updates['cancelled']:,}"),
        *((f"Refused: {reason.replace('_', ' ')}", f"{count:,}") for reason, count in done.refused.items()),
        ("Requests per fill", number(done.order_to_trade, 1)),
        ("In flight at the end", "n/a" if done.requests_in_flight is None else f"{done.requests_in_flight:,}"),
        ("Quotes: orders and replaces", f"{done.quoted.quotes:,}"),
        ("Fill rate (lots filled / lots quoted)", percent(done.quoted.filled_lots_fraction)),
        ("Quotes with a fill", percent(done.quoted.filled_quotes_fraction)),
        ("Time in queue, median", span(done.queue_time_median_ns)),
        ("Time in queue, mean", span(done.queue_time_mean_ns)),
        ("Mean queue ahead on arrival (lots)", number(done.queue_ahead_mean_lots, 1)),
    ]
    return Section("Orders", ("", ""), tuple(rows))


def latency_sections(account: AccountMetrics) -> list[Section]:
    """Return the table of latencies, unless nothing was sent and the feed's are unknown."""
    rows = [
        (_LATENCIES[each.kind], *(span(each.percentiles_ns[name]) for name in PERCENTILES))
        for each in account.latencies
    ]
    return [Section("Latency", ("", *PERCENTILES), tuple(rows))] if rows else []


def quoting_section(account: AccountMetrics) -> Section:
    """Return the quoting time near the touch, and the mean size."""
    rows = []
    for near in account.presence:
        if near.distance_ticks in _SHOWN_TICKS:
            where = f"within {near.distance_ticks} ticks" if near.distance_ticks else "at the touch"
            shares = (near.bid_fraction, near.ask_fraction, near.both_fraction)
            rows.append((f"Time {where}", *(percent(each) for each in shares)))
            rows.append((f"Mean lots {where}", number(near.bid_mean_lots, 1), number(near.ask_mean_lots, 1), ""))
    return Section("Quoting near the touch", ("", "bid", "ask", "both"), tuple(rows))


def totals_section(accounts: Sequence[AccountMetrics]) -> Section:
    """Return several accounts side by side, in currency, and the sum of those of each currency."""
    names = ["captured", "adverse_selection", "inventory", "opening", "fees", "pnl"]
    rows = [(account.name, account.ledger.instrument.currency, _with_fees(account.money())) for account in accounts]
    labels = currencies(accounts)
    for label in labels:
        money = [each for _, currency, each in rows if currency == label]
        rows.append(("Total", label, {name: sum((each[name] for each in money), Decimal(0)) for name in names}))
    if not any(money["opening"] for *_, money in rows):
        names.remove("opening")
    digits = digits_for([money[name] for *_, money in rows for name in names])
    at = horizon(accounts[0].headline.horizon_ns)
    heads = {"adverse_selection": f"adverse {at}".rstrip(), "pnl": "profit"}
    return Section(
        "All accounts" + (f" ({labels[0]})" if len(labels) == 1 and labels[0] else ""),
        ("", *(heads.get(name, name) for name in names)),
        tuple(
            (f"{name} {label}" if len(labels) > 1 else name, *(number(money[each], digits) for each in names))
            for name, label, money in rows
        ),
        totals=len(labels),
        note=f"Adverse selection over {at} after each fill; inventory from then on." if at else "",
    )


def _with_fees(money: dict[str, Decimal]) -> dict[str, Decimal]:
    return {**money, "fees": money["rebates"] - money["fees_paid"]}


def counts_section(info: RunInfo) -> Section:
    """Return the counts of rows read, skipped, repaired and refused; zeros are left out."""
    rows = []
    for key, count in info.counts.items():
        instrument, dot, name = key.rpartition(".")
        if count:
            label = _COUNTS.get(name, name.replace("_", " "))
            rows.append((f"{instrument}: {label}" if dot else label, f"{count:,}"))
    return Section("Data and engine", ("", ""), tuple(rows))
