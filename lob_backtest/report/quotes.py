"""Own quotes, rebuilt from the tables: what each showed, for how long, how near the touch, and whether it filled.

A quote is an accepted order or an accepted replace, until the next replace of the order or its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lob_backtest.report.ledger import Ints, Ledger
from lob_backtest.tables import Rows, UpdateKind

DISTANCES_TICKS: Final = (0, 1, 5)
"""How near the touch quoting time is measured."""

_FAR: Final = 1 << 60  # a price beyond all others: the touch of an empty side
_CELLS: Final = 1 << 22  # how much of the grid is laid out at once


@dataclass(frozen=True, slots=True)
class Quotes:
    """The quotes of one account, arrays of shape `(n,)`.

    Attributes:
        lots: what was open when the quote began.
        filled: whether it had a fill before it was replaced or ended.
    """

    lots: Ints
    filled: Ints


@dataclass(frozen=True, slots=True)
class Displays:
    """Stretches of time in which an order showed one size at one price at the exchange, arrays of shape `(n,)`.

    Attributes:
        side: +1 bid, -1 ask.
        price_ticks: where.
        lots: how much.
        from_ns: the beginning.
        to_ns: the end, later than the beginning.
    """

    side: Ints
    price_ticks: Ints
    lots: Ints
    from_ns: Ints
    to_ns: Ints


@dataclass(frozen=True, slots=True)
class Presence:
    """How much of the run's time an account quoted near the touch.

    The touch is the market's best price of the same side; where that side is empty the own quote is the touch. An own
    price that is better than the touch is near it.

    Attributes:
        distance_ticks: how many ticks from the touch still count.
        bid_fraction: the share of time with an own bid that near; `None` where no time passed.
        ask_fraction: the same for an ask.
        both_fraction: the same for both at once.
        bid_mean_lots: own size bid that near, the mean by time while there was any; `None` where there was none.
        ask_mean_lots: the same for asks.
    """

    distance_ticks: int
    bid_fraction: float | None
    ask_fraction: float | None
    both_fraction: float | None
    bid_mean_lots: float | None
    ask_mean_lots: float | None


def quotes(orders: Mapping[str, Ints], fills: Mapping[str, Ints]) -> Quotes:
    """List the quotes of one account.

    Args:
        orders: its rows of the table `orders`, as `lob_backtest.report.activity.order_columns` returns them.
        fills: its fills, as in a ledger.
    """
    events = _Events.of(orders, fills)
    filled = np.zeros(len(events.open_lots), dtype=bool)
    filled[events.quote[events.is_fill]] = True
    return Quotes(events.open_lots[events.begins], filled[events.begins])


def displays(orders: Mapping[str, Ints], ledger: Ledger) -> Displays:
    """List what one account showed, within the time of the run.

    Args:
        orders: its rows of the table `orders`.
        ledger: the account.
    """
    events = _Events.of(orders, ledger.fills)
    same = np.append(events.order_id[1:] == events.order_id[:-1], False)[: len(events.order_id)]
    until = np.where(same, np.roll(events.ts_ns, -1), ledger.end_ns)
    begin, end = np.maximum(events.ts_ns, ledger.start_ns), np.minimum(until, ledger.end_ns)
    shown = (events.open_lots > 0) & events.has_price[events.quote] & (end > begin)
    at = events.quote[shown]
    return Displays(events.side[at], events.price_ticks[at], events.open_lots[shown], begin[shown], end[shown])


@dataclass(frozen=True, slots=True)
class _Events:
    """What changed the size of orders, by order and then in the order in which it happened, each of shape `(n,)`."""

    order_id: Ints
    ts_ns: Ints
    side: Ints
    price_ticks: Ints
    has_price: Ints
    open_lots: Ints
    begins: Ints
    is_fill: Ints
    quote: Ints
    """The event that began the quote."""

    @classmethod
    def of(cls, orders: Mapping[str, Ints], fills: Mapping[str, Ints]) -> _Events:
        kinds = (UpdateKind.ACCEPTED, UpdateKind.REPLACED, UpdateKind.CANCELLED, UpdateKind.EXPIRED)
        rows = np.isin(orders["kind"], kinds)
        count, made = int(rows.sum()), len(fills["order_id"])

        def joined(name: str, of_fills: Ints) -> Ints:
            return np.concatenate([orders[name][rows], of_fills])

        nothing = np.zeros(made, dtype=np.int64)
        order_id, filled = joined("order_id", fills["order_id"]), joined("filled_lots", _filled_before(fills))
        # What had filled before it tells where a fill belongs, whatever else happened in its nanosecond.
        order = np.lexsort((np.arange(count + made), filled, order_id))
        is_fill = (np.arange(count + made) >= count)[order]
        size, kind = joined("size_lots", fills["size_lots"])[order], joined("kind", nothing)[order]
        order_id, filled = order_id[order], filled[order]
        begins = ~is_fill & np.isin(kind, kinds[:2])
        quote = np.maximum.accumulate(np.where(begins, np.arange(count + made), 0)) if count + made else order
        known = begins[quote] & (order_id[quote] == order_id)
        total = np.where(begins | is_fill, size[quote], 0)
        open_lots = total - np.where(is_fill, filled + size, np.where(begins, filled, 0))
        # Events of an order of which nothing else is known are left out, so the places of the others move.
        place = np.cumsum(known) - 1
        return cls(
            order_id=order_id[known],
            ts_ns=joined("ts_exchange_ns", fills["ts_exchange_ns"])[order][known],
            side=joined("side", nothing)[order][known],
            price_ticks=joined("price_ticks", nothing)[order][known],
            has_price=joined("has_price_ticks", nothing.astype(bool))[order][known],
            open_lots=open_lots[known],
            begins=begins[known],
            is_fill=is_fill[known],
            quote=place[quote[known]],
        )


def _filled_before(fills: Mapping[str, Ints]) -> Ints:
    """Return what had filled of its order before each fill, lots."""
    order = np.argsort(fills["order_id"], kind="stable")
    ids, sizes = fills["order_id"][order], fills["size_lots"][order]
    before = np.cumsum(sizes) - sizes
    first = np.append(True, ids[1:] != ids[:-1])[: len(ids)]
    out = np.empty_like(before)
    out[order] = before - np.maximum.accumulate(np.where(first, before, 0)) if len(ids) else before
    return out


def presence(
    shown: Displays, bbo: Rows, instrument: int, span_ns: tuple[int, int], distances: tuple[int, ...] = DISTANCES_TICKS
) -> tuple[Presence, ...]:
    """Measure quoting time and displayed size near the touch.

    Args:
        shown: what the account showed.
        bbo: the table of best prices, which is taken batch by batch.
        instrument: the account's, as the table numbers it.
        span_ns: start and end of the run.
        distances: ticks from the touch, one result each.
    """
    covered = np.zeros((len(distances), 3))
    lot_ns = np.zeros((len(distances), 2))
    for times, bids, asks, end_ns in _touches(bbo, instrument, span_ns):
        here = (shown.from_ns < end_ns) & (shown.to_ns > times[0])
        inner = np.concatenate([shown.from_ns[here], shown.to_ns[here]])
        grid = np.unique(np.concatenate([times, inner[(inner > times[0]) & (inner < end_ns)]]))
        lasting = np.diff(np.append(grid, end_ns))
        at = np.searchsorted(times, grid, side="right") - 1
        for i, distance in enumerate(distances):
            lots = [
                _near(shown, here & (shown.side == side), grid, side * touch[at] - distance)
                for side, touch in ((1, bids), (-1, asks))
            ]
            bid, ask = lots[0] > 0, lots[1] > 0
            covered[i] += [lasting[bid].sum(), lasting[ask].sum(), lasting[bid & ask].sum()]
            lot_ns[i] += [(lasting * each).sum() for each in lots]
    span = span_ns[1] - span_ns[0]
    return tuple(
        Presence(
            distance,
            *(float(each) / span if span > 0 else None for each in covered[i]),
            *(float(lot_ns[i, k] / covered[i, k]) if covered[i, k] else None for k in (0, 1)),
        )
        for i, distance in enumerate(distances)
    )


def _near(shown: Displays, chosen: Ints, grid: Ints, worst: Ints) -> Ints:
    """Return the size at prices of `worst` or better, from each time of a grid to the next; `worst` times the side."""
    lots = np.zeros(len(grid))
    begin = np.searchsorted(grid, shown.from_ns[chosen])
    lengths = np.searchsorted(grid, shown.to_ns[chosen]) - begin
    prices, sizes = shown.side[chosen] * shown.price_ticks[chosen], shown.lots[chosen]
    laid = np.cumsum(lengths) // _CELLS
    for part in np.unique(laid):
        mine = np.flatnonzero(laid == part)
        which = np.repeat(mine, lengths[mine])
        first = np.cumsum(lengths[mine]) - lengths[mine]
        cell = np.arange(len(which)) - np.repeat(first - begin[mine], lengths[mine])
        near = prices[which] >= worst[cell]
        lots += np.bincount(cell[near], weights=sizes[which][near], minlength=len(grid))
    return lots


def _touches(bbo: Rows, instrument: int, span_ns: tuple[int, int]) -> Iterator[tuple[Ints, Ints, Ints, int]]:
    """Give the best prices as steps, a stretch of time after the other: times, bids, asks, and the stretch's end."""
    time, bid, ask = span_ns[0], -_FAR, _FAR
    for batch in bbo.select(["instrument", "ts_exchange_ns", "bid_ticks", "ask_ticks"]).to_batches():
        rows = pa.Table.from_batches([batch]).filter(pc.field("instrument") == instrument)
        if not rows.num_rows:
            continue
        times, bids, asks = (
            rows[name].combine_chunks().fill_null(empty).to_numpy(zero_copy_only=False)
            for name, empty in (("ts_exchange_ns", 0), ("bid_ticks", -_FAR), ("ask_ticks", _FAR))
        )
        end_ns = min(int(times[-1]), span_ns[1])
        if end_ns > time:
            begins = np.append(time, np.clip(times, time, end_ns))
            yield begins, np.append(bid, bids), np.append(ask, asks), end_ns
        time, bid, ask = max(time, end_ns), int(bids[-1]), int(asks[-1])
    if span_ns[1] > time:
        yield np.array([time]), np.array([bid]), np.array([ask]), span_ns[1]
