"""What was asked of the exchange and what came of it: orders, refusals, fills, queues, quotes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from lob_backtest.report.ledger import Ledger, total, widen
from lob_backtest.report.quotes import quotes
from lob_backtest.tables import Cause, Liquidity, RejectReason, Rows, UpdateKind


@dataclass(frozen=True, slots=True)
class Activity:
    """Counts of one account.

    Attributes:
        orders: new orders that the exchange accepted.
        ordered_lots: their size, as last replaced.
        requests: everything asked: new orders, replaces, cancels, the refused ones included.
        updates: answers by kind, such as "accepted"; all kinds, in the order of their codes.
        refused: refusals by reason, such as "post_only"; only those that occurred.
        fills: how many.
        filled_lots: their size.
        filled_lots_by_cause: size by cause, such as "queue"; all causes.
        fills_by_cause: count by cause; all causes.
        maker_lots: size filled by resting.
        tainted_fills: fills while the book was crossed, locked or suspect, and soon after a row that was suspect
            or repaired, or that the book could not apply.
        filled_orders: orders filled in full.
        order_to_trade: requests a fill; `None` without fills.
        fill_rate: size filled over size ordered, as last replaced; `None` without orders.
        quotes: accepted orders and accepted replaces.
        quoted_lots: what was open when each quote began, added up.
        quote_median_lots: the lower median of that; `None` without quotes.
        fill_rate_lots: size filled over size quoted; `None` without quotes.
        fill_rate_orders: quotes with a fill before they were replaced or ended, over quotes; `None` without quotes.
        requests_in_flight: requests whose answer had not reached the strategy by the end; `None` where that is not
            known (a result of an earlier version).
        queue_time_mean_ns: from when an order took its place in the queue (accepted, or replaced with loss of priority)
            to its fill, for resting orders, a fill; `None` without such fills.
        queue_time_median_ns: the same, the median.
        queue_ahead_mean_lots: market size ahead at arrival, where known, for resting orders, a fill.
        quoting_bid_fraction: the share of samples with an own bid standing, however far; `None` without samples.
        quoting_ask_fraction: the same for an ask.
        quoting_both_fraction: the same for both.
    """

    orders: int
    ordered_lots: int
    requests: int
    updates: dict[str, int]
    refused: dict[str, int]
    fills: int
    filled_lots: int
    filled_lots_by_cause: dict[str, int]
    fills_by_cause: dict[str, int]
    maker_lots: int
    tainted_fills: int
    filled_orders: int
    order_to_trade: float | None
    fill_rate: float | None
    quotes: int
    quoted_lots: int
    quote_median_lots: int | None
    fill_rate_lots: float | None
    fill_rate_orders: float | None
    requests_in_flight: int | None
    queue_time_mean_ns: float | None
    queue_time_median_ns: float | None
    queue_ahead_mean_lots: float | None
    quoting_bid_fraction: float | None
    quoting_ask_fraction: float | None
    quoting_both_fraction: float | None


def activity(ledger: Ledger, orders: Mapping[str, np.ndarray]) -> Activity:
    """Count what one account did.

    Args:
        ledger: the account.
        orders: its rows of the table `orders`, as `order_columns` returns them.
    """
    fills = ledger.fills
    kind = orders["kind"]
    asked = (kind != UpdateKind.EXPIRED) & ~((kind == UpdateKind.CANCELLED) & ~orders["has_ts_sent_ns"])
    requests = int(asked.sum())
    sizes = _ordered(orders, fills)
    filled = total(widen(fills["size_lots"])[0])
    maker = fills["liquidity"] == Liquidity.MAKER
    waited = (fills["ts_exchange_ns"] - fills["ts_arrival_ns"])[maker]
    ahead = fills["queue_ahead_at_arrival_lots"][maker & fills["has_queue_ahead_at_arrival_lots"]]
    bid, ask = ledger.samples["has_bid_quote_ticks"], ledger.samples["has_ask_quote_ticks"]
    quoted = quotes(orders, fills)
    quoted_lots = total(widen(quoted.lots)[0])
    refused = np.isin(kind, [UpdateKind.REJECTED, UpdateKind.REPLACE_REJECTED, UpdateKind.CANCEL_REJECTED])
    return Activity(
        orders=int((kind == UpdateKind.ACCEPTED).sum()),
        ordered_lots=sum(sizes.values()),
        requests=requests,
        updates={each.name.lower(): int((kind == each).sum()) for each in UpdateKind},
        refused={
            each.name.lower(): count
            for each in RejectReason
            if (count := int((refused & (orders["reason"] == each)).sum()))
        },
        fills=len(fills["side"]),
        filled_lots=filled,
        filled_lots_by_cause={c.name.lower(): total(fills["size_lots"][fills["cause"] == c]) for c in Cause},
        fills_by_cause={c.name.lower(): int((fills["cause"] == c).sum()) for c in Cause},
        maker_lots=total(fills["size_lots"][maker]),
        tainted_fills=int((fills["tainted"] != 0).sum()),
        filled_orders=_filled_in_full(sizes, fills),
        order_to_trade=requests / len(fills["side"]) if len(fills["side"]) else None,
        fill_rate=filled / sum(sizes.values()) if sizes else None,
        quotes=len(quoted.lots),
        quoted_lots=quoted_lots,
        quote_median_lots=int(np.sort(quoted.lots)[(len(quoted.lots) - 1) // 2]) if len(quoted.lots) else None,
        fill_rate_lots=filled / quoted_lots if quoted_lots else None,
        fill_rate_orders=_mean(quoted.filled),
        requests_in_flight=_in_flight(ledger, orders),
        queue_time_mean_ns=_mean(waited),
        queue_time_median_ns=float(np.median(waited)) if len(waited) else None,
        queue_ahead_mean_lots=_mean(ahead),
        quoting_bid_fraction=_mean(bid),
        quoting_ask_fraction=_mean(ask),
        quoting_both_fraction=_mean(bid & ask),
    )


def order_columns(orders: Rows, agent: int, instrument: int) -> dict[str, np.ndarray]:
    """Return the columns of one account's order updates as arrays, each of shape `(n,)`.

    A null is 0; `has_<name>` says where a nullable column has a value.

    Args:
        orders: the table `orders`.
        agent: code of the agent.
        instrument: code of the instrument.
    """
    whole = ("order_id", "kind", "reason", "side", "size_lots", "filled_lots", "ts_local_ns")
    nullable = ("price_ticks", "ts_sent_ns", "ts_exchange_ns")
    chosen = orders.select(["agent", "instrument", *whole, *nullable])
    mine = chosen.filter((pc.field("agent") == agent) & (pc.field("instrument") == instrument))
    out = {name: mine[name].combine_chunks().to_numpy(zero_copy_only=False) for name in whole}
    for name in nullable:
        column = mine[name].combine_chunks()
        out[name] = column.fill_null(0).to_numpy(zero_copy_only=False)
        out["has_" + name] = np.asarray(column.is_valid())
    return out


def _in_flight(ledger: Ledger, orders: Mapping[str, np.ndarray]) -> int | None:
    """Count the requests on their way to the exchange at the end, and those whose answer was on its way back.

    The order that flattens a position at the end reaches the exchange when it is sent: nobody asked for it.
    """
    if ledger.requests_not_arrived is None:
        return None
    travelled = orders["has_ts_sent_ns"] & orders["has_ts_exchange_ns"]
    travelled &= orders["ts_exchange_ns"] > orders["ts_sent_ns"]
    return ledger.requests_not_arrived + int((travelled & (orders["ts_local_ns"] > ledger.end_ns)).sum())


def _ordered(orders: Mapping[str, np.ndarray], fills: Mapping[str, np.ndarray]) -> dict[int, int]:
    """Return the size of every order that was accepted or filled, as last replaced, by id."""
    entered = np.isin(orders["kind"], [UpdateKind.ACCEPTED, UpdateKind.REPLACED])
    sizes = dict(zip(orders["order_id"][entered].tolist(), orders["size_lots"][entered].tolist(), strict=True))
    for order_id, size in _filled(fills).items():
        sizes.setdefault(order_id, size)
    return sizes


def _filled(fills: Mapping[str, np.ndarray]) -> dict[int, int]:
    filled: dict[int, int] = {}
    for order_id, size in zip(fills["order_id"].tolist(), fills["size_lots"].tolist(), strict=True):
        filled[order_id] = filled.get(order_id, 0) + size
    return filled


def _filled_in_full(sizes: Mapping[int, int], fills: Mapping[str, np.ndarray]) -> int:
    return sum(size >= sizes[order_id] for order_id, size in _filled(fills).items())


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
