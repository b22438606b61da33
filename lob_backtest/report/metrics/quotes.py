"""Own quotes, rebuilt from the tables: size, duration, distance from the touch, and whether they filled.

A quote is an accepted order or an accepted replace, until the next replace of the order or its end. A cut by the
exchange changes its size.

Rows are read one stretch of time after another (`lob_backtest.report.metrics.timeline`). The state
carried from stretch to stretch is, per live order, the event that began its quote, that of its last size, and its last
event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lob_backtest.contract.tables import OrderState, UpdateKind
from lob_backtest.report.metrics.histogram import Histogram, at_rank
from lob_backtest.report.metrics.ledger import Ledger
from lob_backtest.report.metrics.stretches import Columns, Ints, Stretches, total, widen
from lob_backtest.report.metrics.timeline import Track, together

DISTANCES_TICKS: Final = (0, 1, 5)
"""Distances from the touch within which quoting time is measured."""

_FAR: Final = 1 << 60  # a price beyond all others: the touch of an empty side
_CELLS: Final = 1 << 20  # cells of the grid that are laid out at once
_BEGINS: Final = (UpdateKind.ACCEPTED, UpdateKind.REPLACED, UpdateKind.TRIGGERED)
_ENDS: Final = (UpdateKind.CANCELLED, UpdateKind.EXPIRED)
_SIZES: Final = (*_BEGINS, UpdateKind.REDUCED)
_UPDATE: Final = ("order_id", "kind", "side", "price_ticks", "size_lots", "filled_lots", "ts_exchange_ns")
_FILL: Final = ("order_id", "size_lots", "ts_exchange_ns")
_BEST: Final = ("ts_exchange_ns", "bid_ticks", "ask_ticks")
_EVENT: Final = {
    **dict.fromkeys(("order_id", "ts_ns", "side", "price_ticks", "kind", "size_lots", "filled_lots"), np.int64),
    **dict.fromkeys(("has_price", "is_fill", "is_new"), np.bool_),
}


@dataclass(slots=True)
class Quotes:
    """Sums over the quotes and orders of one account.

    Attributes:
        quotes: number of quotes.
        filled: number of quotes with a fill before they were replaced or ended.
        lots: sum of the open sizes at the beginning of each quote.
        orders: number of orders that were accepted or filled.
        ordered_lots: their size, as last replaced or cut.
        filled_orders: number of orders filled in full.
        presence: quoting time near the touch, one entry per distance.
    """

    quotes: int = 0
    filled: int = 0
    lots: int = 0
    orders: int = 0
    ordered_lots: int = 0
    filled_orders: int = 0
    presence: tuple[Presence, ...] = ()
    _open_lots: Histogram = field(default_factory=Histogram)

    @property
    def median_lots(self) -> int | None:
        """Return the lower median of the open sizes at the beginning of quotes; `None` without quotes."""
        values, counts, _ = self._open_lots.read()
        return at_rank(values, counts, (self.quotes + 1) // 2) if self.quotes else None

    def begun(self, open_lots: Ints) -> None:
        """Count new quotes.

        Args:
            open_lots: open size at the beginning of each, shape `(n,)`.
        """
        self.quotes += len(open_lots)
        self.lots += total(widen(open_lots)[0])
        self._open_lots.add(open_lots)


@dataclass(frozen=True, slots=True)
class Displays:
    """Stretches of time in which an order showed one size at one price at the exchange, arrays of shape `(n,)`.

    Attributes:
        side: +1 bid, -1 ask.
        price_ticks: the price.
        lots: the size.
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
    """The share of the run's time in which an account quoted near the touch.

    The touch is the market's best price of the same side; where that side is empty the own quote is the touch. An own
    price that is better than the touch is near it.

    Attributes:
        distance_ticks: greatest distance from the touch that counts.
        bid_fraction: the share of time with an own bid that near; `None` if the run has no duration.
        ask_fraction: the same for an ask.
        both_fraction: the same for both at once.
        bid_mean_lots: time-weighted mean of the own size bid that near, while there was any; `None` if there was none.
        ask_mean_lots: the same for asks.
    """

    distance_ticks: int
    bid_fraction: float | None
    ask_fraction: float | None
    both_fraction: float | None
    bid_mean_lots: float | None
    ask_mean_lots: float | None


def measure_quotes(
    ledger: Ledger, orders: Stretches, bbo: Stretches, distances: tuple[int, ...] = DISTANCES_TICKS
) -> Quotes:
    """Measure the quotes of one account.

    Args:
        ledger: the account.
        orders: its rows of the table `orders`.
        bbo: the best prices of its instrument.
        distances: ticks from the touch at which quoting time is measured.
    """
    time, out, live = "ts_exchange_ns", Quotes(), LiveOrders()
    near = NearTouch((ledger.start_ns, ledger.end_ns), distances)
    tracks = (
        Track(_changes(orders), orders.nothing(*_UPDATE), time),
        Track(ledger.fills.read(*_FILL), ledger.fills.nothing(*_FILL), time),
        Track(bbo.read(*_BEST), bbo.nothing(*_BEST), time),
    )
    for (updates, fills, best), until_ns in together(tracks, at_once=not _in_order(orders)):
        events = live.take(updates, fills)
        near.take(displays(events, *near.stretch(until_ns)), best, until_ns)
        live.keep(events, out, is_last=until_ns is None)
    out.presence = near.found()
    return out


def _changes(orders: Stretches, names: tuple[str, ...] = _UPDATE) -> Iterator[Columns]:
    """Yield the updates that change the displayed price or size of an order."""
    for rows in orders.read(*names, "state"):
        is_displayed = rows.pop("state") != OrderState.UNTRIGGERED
        changing = np.isin(rows["kind"], (*_SIZES, *_ENDS)) & is_displayed
        if changing.any():
            yield {name: column[changing] for name, column in rows.items()}


def _in_order(orders: Stretches) -> bool:
    """Return whether the times of updates never fall, as in the tables of an engine."""
    last_ns = 0
    for rows in _changes(orders, ("kind", "ts_exchange_ns")):
        times = rows["ts_exchange_ns"]
        if times[0] < last_ns or (np.diff(times) < 0).any():
            return False
        last_ns = int(times[-1])
    return True


@dataclass(frozen=True, slots=True)
class Events:
    """Changes of the size of orders, sorted by order and then by time, each of shape `(n,)`.

    Attributes:
        rows: `order_id`, `ts_ns`, `side`, `price_ticks`, `has_price`, `kind` (0 for a fill), `size_lots`,
            `filled_lots` (before it), `is_fill` and `is_new` (not kept from an earlier stretch).
        begins: whether it began a quote.
        sizes: whether it told the size of the order.
        quote: the event that began the quote.
        known: whether `quote` is known; it is not for an order that was never accepted.
        open_lots: open size after the event.
    """

    rows: Columns
    begins: Ints
    sizes: Ints
    quote: Ints
    known: Ints
    open_lots: Ints

    @classmethod
    def of(cls, rows: Columns) -> Events:
        """Sort rows, and find the quote of each."""
        # The lots filled before it give the place of a fill among other events of the same nanosecond.
        count = len(rows["order_id"])
        order = np.lexsort((np.arange(count), rows["filled_lots"], rows["order_id"]))
        rows = {name: column[order] for name, column in rows.items()}
        order_id, is_fill, size, filled = (rows[each] for each in ("order_id", "is_fill", "size_lots", "filled_lots"))
        begins = ~is_fill & np.isin(rows["kind"], _BEGINS)
        sizes = ~is_fill & np.isin(rows["kind"], _SIZES)
        quote, sized = (
            np.maximum.accumulate(np.where(each, np.arange(count), 0)) if count else order for each in (begins, sizes)
        )
        whole = np.where(sizes | is_fill, size[sized], 0)
        open_lots = whole - np.where(is_fill, filled + size, np.where(sizes, filled, 0))
        return cls(rows, begins, sizes, quote, begins[quote] & (order_id[quote] == order_id), open_lots)


class LiveOrders:
    """The orders of one account that may still change: of each, the events that the module keeps."""

    def __init__(self) -> None:
        self._kept: Columns = {name: np.zeros(0, dtype=kind) for name, kind in _EVENT.items()}
        self._ids = self._filled_lots = np.zeros(0, dtype=np.int64)

    def take(self, updates: Columns, fills: Columns) -> Events:
        """Return the kept events followed by those of a stretch of time.

        Args:
            updates: rows of `orders` that changed an order.
            fills: rows of `fills`.
        """
        made, zeros = len(fills["order_id"]), np.zeros(len(fills["order_id"]), dtype=np.int64)
        columns = {
            "order_id": (updates["order_id"], fills["order_id"]),
            "ts_ns": (updates["ts_exchange_ns"], fills["ts_exchange_ns"]),
            "side": (updates["side"], zeros),
            "price_ticks": (updates["price_ticks"], zeros),
            "has_price": (updates["has_price_ticks"], zeros > 0),
            "kind": (updates["kind"], zeros),
            "size_lots": (updates["size_lots"], fills["size_lots"]),
            "filled_lots": (updates["filled_lots"], self._filled_before(fills)),
            "is_fill": (np.zeros(len(updates["kind"]), dtype=bool), np.ones(made, dtype=bool)),
            "is_new": (np.ones(len(updates["kind"]), dtype=bool), np.ones(made, dtype=bool)),
        }
        return Events.of({name: np.concatenate([self._kept[name], *parts]) for name, parts in columns.items()})

    def _filled_before(self, fills: Columns) -> Ints:
        """Return the lots of its order that had filled before each fill."""
        order = np.argsort(fills["order_id"], kind="stable")
        ids, sizes = fills["order_id"][order], fills["size_lots"][order]
        before = np.cumsum(sizes) - sizes
        first = np.append(True, ids[1:] != ids[:-1])[: len(ids)]
        out = np.empty_like(before)
        if len(ids):
            out[order] = before - np.maximum.accumulate(np.where(first, before, 0)) + self._filled(ids)
        return out

    def _filled(self, ids: Ints) -> Ints:
        """Return the lots of orders that had filled before this stretch."""
        if not len(self._ids):
            return np.zeros(len(ids), dtype=np.int64)
        at = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[at] == ids, self._filled_lots[at], 0)

    def keep(self, events: Events, out: Quotes, *, is_last: bool) -> None:
        """Count the quotes and orders that have ended, and keep the others.

        Args:
            events: of the stretch.
            out: the sums to add to.
            is_last: whether this is the last stretch.
        """
        rows, count = events.rows, len(events.begins)
        out.begun(events.open_lots[events.begins & rows["is_new"]])
        if not count:
            return
        order_id, is_fill = rows["order_id"], rows["is_fill"]
        starts = np.flatnonzero(np.append(True, order_id[1:] != order_id[:-1]))
        last = np.append(starts[1:], count) - 1
        began, sized = (
            np.maximum.reduceat(np.where(each, np.arange(count), -1), starts) for each in (events.begins, events.sizes)
        )
        ended = np.logical_or.reduceat(np.isin(rows["kind"], _ENDS), starts)
        reached = np.where(is_fill, rows["filled_lots"] + rows["size_lots"], 0)
        filled = np.maximum(np.maximum.reduceat(reached, starts), self._filled(order_id[starts]))
        size = np.where(began >= 0, rows["size_lots"][sized], filled)
        over = ended | ((began >= 0) & (filled >= size)) | is_last
        out.orders += int((over & ((began >= 0) | (filled > 0))).sum())
        out.ordered_lots += total(widen(size[over])[0])
        out.filled_orders += int((over & (filled > 0) & (filled >= size)).sum())
        has_fill = np.zeros(count, dtype=bool)
        has_fill[events.quote[is_fill & events.known]] = True
        has_fill[began[~over & (began >= 0)]] = False  # a quote that continues is counted when it ends
        out.filled += int((has_fill & events.begins).sum())
        kept = np.unique(np.concatenate([began[~over & (began >= 0)], sized[~over & (began >= 0)], last[~over]]))
        self._kept = {name: column[kept] for name, column in rows.items()}
        self._kept["is_new"] = np.zeros(len(kept), dtype=bool)
        self._ids, self._filled_lots = order_id[starts][~over], filled[~over]


def displays(events: Events, from_ns: int, to_ns: int) -> Displays:
    """List the displayed orders of one account in a stretch of time.

    Args:
        events: of the stretch.
        from_ns: its beginning.
        to_ns: its end.
    """
    rows, known = events.rows, events.known
    order_id, ts_ns, open_lots = rows["order_id"][known], rows["ts_ns"][known], events.open_lots[known]
    at = events.quote[known]
    same = np.append(order_id[1:] == order_id[:-1], False)[: len(order_id)]
    until = np.where(same, np.roll(ts_ns, -1), to_ns)
    begin, end = np.maximum(ts_ns, from_ns), np.minimum(until, to_ns)
    shown = (open_lots > 0) & rows["has_price"][at] & (end > begin)
    at = at[shown]
    return Displays(rows["side"][at], rows["price_ticks"][at], open_lots[shown], begin[shown], end[shown])


class NearTouch:
    """Time and lots that an account quoted near the touch, summed over stretches of time.

    Args:
        span_ns: start and end of the run.
        distances: ticks from the touch; one result per distance.
    """

    def __init__(self, span_ns: tuple[int, int], distances: tuple[int, ...] = DISTANCES_TICKS) -> None:
        self._start_ns, self._end_ns = span_ns
        self._distances = distances
        self._time_ns, self._bid, self._ask = span_ns[0], -_FAR, _FAR
        self._covered_ns = [[0, 0, 0] for _ in distances]
        self._lot_ns = [[0, 0] for _ in distances]

    def stretch(self, until_ns: int | None) -> tuple[int, int]:
        """Return the stretch of the run between the last measured time and another, or the end of the run."""
        end_ns = self._end_ns if until_ns is None else min(until_ns, self._end_ns)
        return self._time_ns, max(self._time_ns, end_ns)

    def take(self, shown: Displays, best: Columns, until_ns: int | None) -> None:
        """Measure a stretch of time.

        Args:
            shown: the account's displayed orders in it.
            best: the best prices that changed in it.
            until_ns: its end; `None` is that of the run.
        """
        begin_ns, end_ns = self.stretch(until_ns)
        times = np.append(begin_ns, np.clip(best["ts_exchange_ns"], begin_ns, end_ns))
        bids = np.append(self._bid, np.where(best["has_bid_ticks"], best["bid_ticks"], -_FAR))
        asks = np.append(self._ask, np.where(best["has_ask_ticks"], best["ask_ticks"], _FAR))
        self._time_ns, self._bid, self._ask = end_ns, int(bids[-1]), int(asks[-1])
        if end_ns == begin_ns or not len(shown.side):
            return
        grid = np.unique(np.concatenate([times, shown.from_ns, shown.to_ns]))
        grid = grid[grid < end_ns]
        lasting = np.diff(np.append(grid, end_ns))
        at = np.searchsorted(times, grid, side="right") - 1
        for i, distance in enumerate(self._distances):
            lots = [
                _near(shown, shown.side == side, grid, side * touch[at] - distance)
                for side, touch in ((1, bids), (-1, asks))
            ]
            bid, ask = lots[0] > 0, lots[1] > 0
            for k, mine in enumerate((bid, ask, bid & ask)):
                self._covered_ns[i][k] += total(lasting[mine])
            for k, each in enumerate(lots):
                sizes, time = widen(each, lasting)
                self._lot_ns[i][k] += total(sizes * time)

    def found(self) -> tuple[Presence, ...]:
        """Return the results, one entry per distance."""
        span = self._end_ns - self._start_ns
        return tuple(
            Presence(
                distance,
                *(each / span if span > 0 else None for each in self._covered_ns[i]),
                *(self._lot_ns[i][k] / self._covered_ns[i][k] if self._covered_ns[i][k] else None for k in (0, 1)),
            )
            for i, distance in enumerate(self._distances)
        )


def _near(shown: Displays, chosen: Ints, grid: Ints, worst: Ints) -> Ints:
    """Return the size at prices of `worst` or better, from each time of a grid to the next; `worst` times the side."""
    lots = np.zeros(len(grid), dtype=np.int64)
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
        lots += np.bincount(cell[near], weights=sizes[which][near], minlength=len(grid)).astype(np.int64)
    return lots
