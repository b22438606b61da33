"""Requests to the exchange and their outcome: orders, refusals, fills, queues, quotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lob_backtest.contract.tables import Cause, Liquidity, RejectReason, UpdateKind
from lob_backtest.report.metrics.ledger import Ledger
from lob_backtest.report.metrics.quotes import Quotes
from lob_backtest.report.metrics.stretches import Ints, Stretches, total, widen

_UNASKED: Final = (UpdateKind.EXPIRED, UpdateKind.REDUCED, UpdateKind.TRIGGERED)
_REFUSALS: Final = (UpdateKind.REJECTED, UpdateKind.REPLACE_REJECTED, UpdateKind.CANCEL_REJECTED)


@dataclass(frozen=True, slots=True)
class Quoted:
    """The quotes of one account: accepted orders and accepted replaces.

    Attributes:
        quotes: how many.
        lots: open lots when each quote began, their sum.
        median_lots: the lower median of these; `None` without quotes.
        filled_lots_fraction: lots filled over lots quoted; `None` without quotes.
        filled_quotes_fraction: share of quotes with a fill before they were replaced or ended; `None` without quotes.
    """

    quotes: int
    lots: int
    median_lots: int | None
    filled_lots_fraction: float | None
    filled_quotes_fraction: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Shares of samples with an own quote standing at any distance; `None` without samples."""

    bid_fraction: float | None
    ask_fraction: float | None
    both_fraction: float | None


@dataclass(frozen=True, slots=True)
class Activity:
    """Counts of one account.

    Attributes:
        orders: number of new orders that the exchange accepted.
        ordered_lots: their size, as last replaced.
        requests: number of new orders, replaces and cancels, refused ones included.
        updates: answers by kind, such as "accepted"; all kinds, in the order of their codes.
        refused: refusals by reason, such as "post_only"; only those that occurred.
        fills: number of fills.
        filled_lots: their size.
        filled_lots_by_cause: size by cause, such as "queue"; all causes.
        fills_by_cause: count by cause; all causes.
        maker_lots: size filled by resting.
        tainted_fills: fills while the book was crossed, locked or suspect, and soon after a row that was suspect
            or repaired, or that the book could not apply.
        filled_orders: orders filled in full.
        order_to_trade: requests per fill; `None` without fills.
        fill_rate: size filled over size ordered, as last replaced; `None` without orders.
        requests_in_flight: requests whose answer had not reached the strategy by the end; `None` if unknown (a
            result of an earlier version).
        queue_time_mean_ns: mean over fills of resting orders of the time since the order took its place in the queue
            (accepted, or replaced with loss of priority); `None` without such fills.
        queue_time_median_ns: the same, the median.
        queue_ahead_mean_lots: mean over fills of resting orders of the market size ahead at arrival, where known.
        quoted: counts, sizes and fill rates of quotes.
        standing: the shares of samples with own quotes in the book.
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
    requests_in_flight: int | None
    queue_time_mean_ns: float | None
    queue_time_median_ns: float | None
    queue_ahead_mean_lots: float | None
    quoted: Quoted
    standing: Standing


def activity(ledger: Ledger, orders: Stretches, quoted: Quotes) -> Activity:
    """Count the orders, requests and fills of one account.

    Args:
        ledger: the account.
        orders: its rows of the table `orders`.
        quoted: the sums over its quotes.
    """
    asked, filled = _Requested.of(orders, ledger.end_ns), _Filled.of(ledger)
    queue_ns = _queue_times(ledger, filled.maker_fills)
    kinds, arrived = asked.kinds, ledger.requests_not_arrived
    return Activity(
        orders=int(kinds[UpdateKind.ACCEPTED]),
        ordered_lots=quoted.ordered_lots,
        requests=asked.requests,
        updates={each.name.lower(): int(kinds[each]) for each in UpdateKind},
        refused={each.name.lower(): count for each in RejectReason if (count := int(asked.reasons[each]))},
        fills=ledger.fill_count,
        filled_lots=sum(filled.lots),
        filled_lots_by_cause={each.name.lower(): filled.lots[each] for each in Cause},
        fills_by_cause={each.name.lower(): filled.fills[each] for each in Cause},
        maker_lots=filled.maker_lots,
        tainted_fills=filled.tainted,
        filled_orders=quoted.filled_orders,
        order_to_trade=asked.requests / ledger.fill_count if ledger.fill_count else None,
        fill_rate=sum(filled.lots) / quoted.ordered_lots if quoted.orders else None,
        requests_in_flight=None if arrived is None else arrived + asked.answers_in_flight,
        queue_time_mean_ns=filled.queue_ns / filled.maker_fills if filled.maker_fills else None,
        queue_time_median_ns=float(np.median(queue_ns, overwrite_input=True)) if filled.maker_fills else None,
        queue_ahead_mean_lots=filled.ahead_lots / filled.ahead_fills if filled.ahead_fills else None,
        quoted=Quoted(
            quotes=quoted.quotes,
            lots=quoted.lots,
            median_lots=quoted.median_lots,
            filled_lots_fraction=sum(filled.lots) / quoted.lots if quoted.lots else None,
            filled_quotes_fraction=quoted.filled / quoted.quotes if quoted.quotes else None,
        ),
        standing=_standing(ledger),
    )


@dataclass(slots=True)
class _Requested:
    """Sums over the updates of orders; `kinds` and `reasons` (of refusals) count by code."""

    requests: int
    answers_in_flight: int
    kinds: Ints
    reasons: Ints

    @classmethod
    def of(cls, orders: Stretches, end_ns: int) -> _Requested:
        out = cls(0, 0, np.zeros(max(UpdateKind) + 1, dtype=np.int64), np.zeros(max(RejectReason) + 1, dtype=np.int64))
        for rows in orders.read("kind", "reason", "ts_sent_ns", "ts_exchange_ns", "ts_local_ns"):
            kind, sent = rows["kind"], rows["has_ts_sent_ns"]
            out.kinds += np.bincount(kind, minlength=len(out.kinds))
            out.reasons += np.bincount(rows["reason"][np.isin(kind, _REFUSALS)], minlength=len(out.reasons))
            out.requests += int((~np.isin(kind, _UNASKED) & ((kind != UpdateKind.CANCELLED) | sent)).sum())
            # The order that flattens a position at the end arrives when it is sent: it is not a request.
            travelled = sent & rows["has_ts_exchange_ns"] & (rows["ts_exchange_ns"] > rows["ts_sent_ns"])
            out.answers_in_flight += int((travelled & (rows["ts_local_ns"] > end_ns)).sum())
        return out


@dataclass(slots=True)
class _Filled:
    """Sums over the fills of an account; `fills` and `lots` are by code of the cause."""

    fills: list[int]
    lots: list[int]
    maker_fills: int = 0
    maker_lots: int = 0
    tainted: int = 0
    queue_ns: int = 0
    ahead_fills: int = 0
    ahead_lots: int = 0

    @classmethod
    def of(cls, ledger: Ledger) -> _Filled:
        count, ahead = max(Cause) + 1, "queue_ahead_at_arrival_lots"
        out = cls([0] * count, [0] * count)
        names = ("cause", "size_lots", "liquidity", "tainted", "ts_exchange_ns", "ts_arrival_ns", ahead)
        for rows in ledger.fills.read(*names):
            (sizes,) = widen(rows["size_lots"])
            for cause in Cause:
                mine = rows["cause"] == cause
                out.fills[cause] += int(mine.sum())
                out.lots[cause] += total(sizes[mine])
            maker = rows["liquidity"] == Liquidity.MAKER
            known = maker & rows["has_" + ahead]
            out.maker_fills += int(maker.sum())
            out.maker_lots += total(sizes[maker])
            out.tainted += int((rows["tainted"] != 0).sum())
            out.queue_ns += total(widen((rows["ts_exchange_ns"] - rows["ts_arrival_ns"])[maker])[0])
            out.ahead_fills += int(known.sum())
            out.ahead_lots += total(widen(rows[ahead][known])[0])
        return out


def _queue_times(ledger: Ledger, count: int) -> Ints:
    """Return the time in queue of each fill of a resting order, ns, shape `(count,)`: the median needs all of them."""
    out, done = np.empty(count, dtype=np.int64), 0
    for rows in ledger.fills.read("liquidity", "ts_exchange_ns", "ts_arrival_ns"):
        waited = (rows["ts_exchange_ns"] - rows["ts_arrival_ns"])[rows["liquidity"] == Liquidity.MAKER]
        out[done : done + len(waited)] = waited
        done += len(waited)
    return out


def _standing(ledger: Ledger) -> Standing:
    """Return the shares of samples with an own bid, with an own ask, and with both; `None` without samples."""
    samples, counts = 0, [0, 0, 0]
    for rows in ledger.samples.read("bid_quote_ticks", "ask_quote_ticks"):
        bid, ask = rows["has_bid_quote_ticks"], rows["has_ask_quote_ticks"]
        samples += len(bid)
        for at, mine in enumerate((bid, ask, bid & ask)):
            counts[at] += int(mine.sum())
    return Standing(*(count / samples if samples else None for count in counts))
