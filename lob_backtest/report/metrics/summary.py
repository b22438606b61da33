"""Every metric of a run in one flat dict of plain values, by names with units.

Names without a dot are totals; those of one instrument have its name as prefix (`SYN.fills`), and the agent's too
if there are several (`maker/SYN.fills`). Names that end in `_currency` are money in the instrument's quote currency,
rounded to a float from an exact number; the exact integers have metrics of their own. Totals in money are one metric
if all instruments share one currency, otherwise one per currency (`pnl_currency.EUR`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import Final

from lob_backtest.contract.tables import Rows
from lob_backtest.report.metrics.activity import Activity, activity
from lob_backtest.report.metrics.attribution import Attribution, attribute, headline_horizon_ns
from lob_backtest.report.metrics.equity import Risk, add_curves, equity, risk
from lob_backtest.report.metrics.inventory import Inventory, inventory
from lob_backtest.report.metrics.latencies import LatencyMetrics, measure_latencies
from lob_backtest.report.metrics.ledger import MICRO_PER_HALF, Ledger, account_codes, account_name, best_prices
from lob_backtest.report.metrics.lots import Realized, add_up, match_lots
from lob_backtest.report.metrics.markouts import Markout, markouts
from lob_backtest.report.metrics.quotes import Presence, measure_quotes
from lob_backtest.report.metrics.stretches import Columns, Stretches
from lob_backtest.results.run_info import RunInfo

Metric = int | float | str | None

_MONEY: Final = ("pnl", "captured", "adverse_selection", "inventory", "opening", "fees_paid", "rebates")
_MONEY_REALIZED: Final = (
    "realized_gains",
    "realized_losses",
    "realized_gains_net",
    "realized_losses_net",
    "unrealized",
)
_ADDED: Final = ("fills", "filled_lots", "orders", "requests", "refused", "tainted_fills")


@dataclass(frozen=True, slots=True)
class AccountMetrics:
    """Everything measured about one agent in one instrument.

    Attributes:
        name: prefix of its metrics.
        ledger: its fills, samples and marks; rows are read from the tables on use.
        attributions: one per horizon, in the run's order; a single one without horizon if the run has none.
        headline: the attribution at the middle horizon.
        realized: the sums of its lots.
        worst: the closed lots that lost most, as rows of the table `lots`, the worst first.
        markouts: by horizon and group.
        inventory: statistics of its position.
        activity: its orders and fills.
        presence: its quoting time near the touch, one entry per distance.
        risk: drawdown and Sharpe ratio of its equity.
        latencies: of its messages and its feed, by kind.
    """

    name: str
    ledger: Ledger
    attributions: tuple[Attribution, ...]
    headline: Attribution
    realized: Realized
    worst: tuple[dict[str, int], ...]
    markouts: tuple[Markout, ...]
    inventory: Inventory
    activity: Activity
    presence: tuple[Presence, ...]
    risk: Risk
    latencies: tuple[LatencyMetrics, ...] = ()

    @property
    def fees_paid_micro(self) -> int:
        """Return the fees charged, without rebates, in 10⁻⁶ tick·lots."""
        return self.ledger.fees_paid_micro

    @property
    def rebates_micro(self) -> int:
        """Return the rebates received, positive, in 10⁻⁶ tick·lots."""
        return self.ledger.rebates_micro

    @property
    def pnl_micro(self) -> int:
        """Return profit or loss at mid, net of fees, in 10⁻⁶ tick·lots."""
        return self.headline.gross * MICRO_PER_HALF - self.fees_paid_micro + self.rebates_micro

    def money(self) -> dict[str, Decimal]:
        """Return the exact sums of money, in currency, by name."""
        half = self.ledger.instrument.tick_lot_value / 2
        micro = half / MICRO_PER_HALF
        head, sums = self.headline, self.realized
        return {
            "pnl": self.pnl_micro * micro,
            "captured": head.captured * half,
            "adverse_selection": head.adverse_selection * half,
            "inventory": head.inventory * half,
            "opening": head.opening * half,
            "fees_paid": self.fees_paid_micro * micro,
            "rebates": self.rebates_micro * micro,
            "realized_gains": sums.gains_half_tick_lots * half,
            "realized_losses": sums.losses_half_tick_lots * half,
            "realized_gains_net": sums.gains_net_micro * micro,
            "realized_losses_net": sums.losses_net_micro * micro,
            "unrealized": sums.unrealized_half_tick_lots * half,
            "traded": self.inventory.traded_tick_lots * half * 2,
        }


def measure(ledgers: Sequence[Ledger], tables: Mapping[str, Rows], info: RunInfo) -> list[AccountMetrics]:
    """Measure every account of a run.

    Args:
        ledgers: of `lob_backtest.report.metrics.ledger.build_ledgers`.
        tables: of the run, by name.
        info: description of the run.

    Returns:
        one entry per agent and instrument, in that order.
    """
    accounts = []
    for position, ledger in enumerate(ledgers):
        agent, instrument = divmod(position, len(info.instruments))
        headline_ns = headline_horizon_ns(info.markouts_ns)
        attributions = attribute(ledger, info.markouts_ns or (None,))
        sums, worst = add_up(match_lots(ledger), MICRO_PER_HALF)
        orders = Stretches(tables, "orders", account_codes(info, agent, instrument))
        quoted = measure_quotes(ledger, orders, best_prices(tables, info, instrument))
        accounts.append(
            AccountMetrics(
                name=account_name(ledger, info),
                ledger=ledger,
                attributions=attributions,
                headline=next(each for each in attributions if each.horizon_ns == headline_ns),
                realized=sums,
                worst=worst,
                markouts=tuple(markouts(ledger)),
                inventory=inventory(ledger, quoted.median_lots or 0),
                activity=activity(ledger, orders, quoted),
                presence=quoted.presence,
                risk=risk(partial(equity, ledger), info.sample_ns),
                latencies=measure_latencies(orders, info.feed_latency_ns[instrument] if info.feed_latency_ns else {}),
            )
        )
    return accounts


class Metrics(dict[str, Metric]):
    """Metrics by name; a name that is none of them is answered with one that is."""

    def __missing__(self, name: object) -> Metric:
        """Say which metric may have been meant.

        Raises:
            KeyError: always.
        """
        near = get_close_matches(str(name), self, n=3, cutoff=0.3)
        raise KeyError(f"no metric {name!r}; did you mean {' or '.join(map(repr, near))}?" if near else name)


def summarize(accounts: list[AccountMetrics], info: RunInfo) -> Metrics:
    """Flatten the measurements to metrics.

    Args:
        accounts: of `measure`.
        info: description of the run.

    Returns:
        metrics by name; the totals first.
    """
    out = Metrics(_totals(accounts, info))
    for account in accounts:
        for name, value in _of_account(account).items():
            out[f"{account.name}.{name}"] = value
    for name, count in info.counts.items():
        out[f"counts.{name}"] = count
    return out


def currencies(accounts: Sequence[AccountMetrics]) -> list[str]:
    """Return the currencies of the accounts, each once, in order."""
    return list(dict.fromkeys(account.ledger.instrument.currency for account in accounts))


def _totals(accounts: list[AccountMetrics], info: RunInfo) -> dict[str, Metric]:
    labels = currencies(accounts)
    out: dict[str, Metric] = {
        "currency": " ".join(labels),
        "duration_s": (info.end_ns - info.start_ns) / 1e9,
        "headline_horizon_ns": headline_horizon_ns(info.markouts_ns),
        "sample_ns": info.sample_ns,
    }
    for label in labels:
        members = [account for account in accounts if account.ledger.instrument.currency == label]
        suffix = "" if len(labels) == 1 else f".{label}"
        money = [account.money() for account in members]
        for name in (*_MONEY, *_MONEY_REALIZED, "traded"):
            out[f"{name}_currency{suffix}"] = float(sum((each[name] for each in money), Decimal(0)))
        measured = members[0].risk if len(members) == 1 else risk(partial(_joined, members), info.sample_ns)
        out[f"max_drawdown_currency{suffix}"] = measured.max_drawdown
        out[f"sharpe_per_sample{suffix}"] = measured.sharpe
    out["residual_half_tick_lots"] = sum(abs(account.headline.residual) for account in accounts)
    out["residual_fees_micro"] = sum(abs(_fees_residual(account)) for account in accounts)
    for name in _ADDED:
        out[name] = sum(_added(account, name) for account in accounts)
    in_flight = [account.activity.requests_in_flight for account in accounts]
    out["requests_in_flight"] = None if None in in_flight else sum(each or 0 for each in in_flight)
    return out


def _joined(accounts: Sequence[AccountMetrics]) -> Iterator[Columns]:
    return add_curves([equity(account.ledger) for account in accounts], ("equity",))


def _added(account: AccountMetrics, name: str) -> int:
    if name == "refused":
        return sum(account.activity.refused.values())
    value = getattr(account.activity, name)
    assert isinstance(value, int)
    return value


def _fees_residual(account: AccountMetrics) -> int:
    """Return the account's fees minus those of its fills; always 0."""
    return account.ledger.fees_end_micro - account.fees_paid_micro + account.rebates_micro


def _of_account(account: AccountMetrics) -> dict[str, Metric]:
    return {
        "currency": account.ledger.instrument.currency,
        **{f"{name}_currency": float(value) for name, value in account.money().items()},
        "max_drawdown_currency": account.risk.max_drawdown,
        "sharpe_per_sample": account.risk.sharpe,
        "sharpe_samples": account.risk.samples,
        **_exact(account),
        **_inventory(account.inventory),
        **_activity(account.activity),
        **_presence(account.presence),
        **_markouts(account.markouts),
        **_latencies(account.latencies),
    }


def _latencies(measured: tuple[LatencyMetrics, ...]) -> dict[str, Metric]:
    return {f"latency_{each.kind}_{name}_ns": value for each in measured for name, value in each.percentiles_ns.items()}


def _exact(account: AccountMetrics) -> dict[str, Metric]:
    head, sums = account.headline, account.realized
    out: dict[str, Metric] = {
        "mark": account.ledger.mark,
        "mark_age_ns": account.ledger.mark_age_ns,
        "equity_end_micro_tick_lots": account.ledger.equity_end_micro,
        "mid2_start_half_ticks": account.ledger.mid2_start,
        "mid2_end_half_ticks": account.ledger.mid2_end,
        "pnl_micro_tick_lots": account.pnl_micro,
        "gross_half_tick_lots": account.ledger.gross_half_tick_lots,
        "captured_half_tick_lots": head.captured,
        "opening_half_tick_lots": head.opening,
        "residual_half_tick_lots": head.residual,
        "fees_paid_micro_tick_lots": account.fees_paid_micro,
        "rebates_micro_tick_lots": account.rebates_micro,
        "realized_gains_half_tick_lots": sums.gains_half_tick_lots,
        "realized_losses_half_tick_lots": sums.losses_half_tick_lots,
        "unrealized_half_tick_lots": sums.unrealized_half_tick_lots,
        "closed_lots": sums.closed_lots,
        "closed": sums.closed,
        "closed_at_a_loss": sums.lost,
    }
    for each in account.attributions:
        if each.horizon_ns is not None:
            out[f"adverse_selection_{each.horizon_ns}ns_half_tick_lots"] = each.adverse_selection
            out[f"inventory_{each.horizon_ns}ns_half_tick_lots"] = each.inventory
    return out


def _inventory(measured: Inventory) -> dict[str, Metric]:
    return {
        "position_mean_lots": measured.mean_lots,
        "position_mean_absolute_lots": measured.mean_absolute_lots,
        "position_min_lots": measured.min_lots,
        "position_max_lots": measured.max_lots,
        "position_end_lots": measured.end_lots,
        "position_at_limit_fraction": measured.at_limit_fraction,
        "position_near_limit_fraction": measured.near_limit_fraction,
        "traded_lots": measured.traded_lots,
    }


def _activity(measured: Activity) -> dict[str, Metric]:
    return {
        "orders": measured.orders,
        "ordered_lots": measured.ordered_lots,
        "requests": measured.requests,
        **{f"updates_{name}": count for name, count in measured.updates.items()},
        **{f"refused_{name}": count for name, count in measured.refused.items()},
        "fills": measured.fills,
        "filled_lots": measured.filled_lots,
        **{f"fills_{name}": count for name, count in measured.fills_by_cause.items()},
        **{f"filled_{name}_lots": size for name, size in measured.filled_lots_by_cause.items()},
        "maker_lots": measured.maker_lots,
        "filled_orders": measured.filled_orders,
        "tainted_fills": measured.tainted_fills,
        "order_to_trade": measured.order_to_trade,
        "fill_rate": measured.fill_rate,
        "quotes": measured.quoted.quotes,
        "quoted_lots": measured.quoted.lots,
        "quote_median_lots": measured.quoted.median_lots,
        "fill_rate_lots": measured.quoted.filled_lots_fraction,
        "fill_rate_orders": measured.quoted.filled_quotes_fraction,
        "requests_in_flight": measured.requests_in_flight,
        "queue_time_mean_ns": measured.queue_time_mean_ns,
        "queue_time_median_ns": measured.queue_time_median_ns,
        "queue_ahead_mean_lots": measured.queue_ahead_mean_lots,
        "quoting_bid_fraction": measured.standing.bid_fraction,
        "quoting_ask_fraction": measured.standing.ask_fraction,
        "quoting_both_fraction": measured.standing.both_fraction,
    }


def _presence(measured: tuple[Presence, ...]) -> dict[str, Metric]:
    out: dict[str, Metric] = {}
    for each in measured:
        near = f"within_{each.distance_ticks}_ticks"
        out[f"quoting_bid_{near}_fraction"] = each.bid_fraction
        out[f"quoting_ask_{near}_fraction"] = each.ask_fraction
        out[f"quoting_both_{near}_fraction"] = each.both_fraction
        out[f"quoting_bid_{near}_mean_lots"] = each.bid_mean_lots
        out[f"quoting_ask_{near}_mean_lots"] = each.ask_mean_lots
    return out


def _markouts(measured: tuple[Markout, ...]) -> dict[str, Metric]:
    out: dict[str, Metric] = {}
    for each in measured:
        stem = f"markout_{each.horizon_ns}ns" + ("" if each.group == "all" else f"_{each.group}")
        out[f"{stem}_mean_ticks"] = each.mean_ticks
        out[f"{stem}_median_ticks"] = each.median_ticks
        out[f"{stem}_mean_per_fill_ticks"] = each.mean_per_fill_ticks
        out[f"{stem}_median_per_fill_ticks"] = each.median_per_fill_ticks
        out[f"{stem}_fills"] = each.count
        out[f"{stem}_left_out_fills"] = each.left_out
        if each.group == "all":
            out[f"{stem}_low_ticks"] = each.low_ticks
            out[f"{stem}_high_ticks"] = each.high_ticks
    return out
