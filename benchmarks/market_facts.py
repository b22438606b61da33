"""The stylised facts of one canonical L3 file: one replay, then arrays."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lob_backtest.book.book import Book
from lob_backtest.contract.rows import Action, Flag

Array = NDArray[Any]

ADD, CANCEL, MODIFY, EXECUTE, TRADE = (
    int(each) for each in (Action.ADD, Action.CANCEL, Action.MODIFY, Action.EXECUTE, Action.TRADE)
)
LAST: Final = int(Flag.LAST)
NOT_EVENTS: Final = int(Flag.WINDOW) | int(Flag.SNAPSHOT)
COLUMNS: Final = ("ts_exchange_ns", "action", "side", "order_id", "price_ticks", "size_lots", "flags")
LEVELS: Final = 5
SECOND: Final = 1_000_000_000
DEPTH_EVERY: Final = 50  # packets between two samples of the depth


class Replay(NamedTuple):
    """The measurements of one pass over a file.

    Attributes:
        packets: one row per packet: its time, the best bid and ask after it, shape `(n, 3)`.
        trades: one row per order that took displayed ones: its first and last packet, sign and lots, `(n, 4)`.
        adds: one row per new order: ticks behind the best price before it (negative: inside the spread), lots, `(n,
            2)`.
        lives: nanoseconds from the add of each order to its end, `(n,)`; those still alive are left out.
        ends: number of orders that ended by a cancel and by an execution.
        actions: events by kind.
        hidden_lots: traded without having been displayed.
        places: the place of each whole cancel in its queue: 0 the front, 1 the back; queues of one order left out.
        emptied: events that emptied a best level, by action: execution, cancel or modification.
        depth: the mean lots at each of the first levels, `(LEVELS,)`.
    """

    packets: Array
    trades: Array
    adds: Array
    lives: Array
    ends: Counter[int]
    actions: Counter[int]
    hidden_lots: int
    places: Array
    emptied: Counter[int]
    depth: Array


class _Pass:
    """The book and the measurements so far."""

    def __init__(self) -> None:
        self.book = Book(3)
        self.now_ns = 0
        self.packets: list[tuple[int, int, int]] = []
        self.trades: list[list[int]] = []
        self.traded_ns = -1
        self.adds: list[tuple[int, int]] = []
        self.born: dict[int, int] = {}
        self.lives: list[int] = []
        self.ends: Counter[int] = Counter()
        self.actions: Counter[int] = Counter()
        self.emptied: Counter[int] = Counter()
        self.hidden_lots = 0
        self.places: list[float] = []
        self.depth = np.zeros(LEVELS)

    def play(self, columns: dict[str, list[int]]) -> None:
        """Apply the rows of a batch."""
        book = self.book
        for now_ns, action, side, order_id, price_ticks, size_lots, flags in zip(
            *(columns[name] for name in COLUMNS), strict=True
        ):
            self.now_ns = now_ns
            if not flags & NOT_EVENTS and ADD <= action <= TRADE:
                self._note(action, side, order_id, price_ticks, size_lots)
            book.apply(action, side, order_id, price_ticks, size_lots, flags)
            if flags & LAST:
                bid, ask = book.best(1), book.best(-1)
                if bid is not None and ask is not None:
                    self.packets.append((now_ns, bid, ask))
                    if len(self.packets) % DEPTH_EVERY == 0:
                        self._note_depth()

    def _note(self, action: int, side: int, order_id: int, price_ticks: int, size_lots: int) -> None:
        """Record an event before it is applied to the book."""
        self.actions[action] += 1
        if action == ADD:
            best = self.book.best(side)
            if best is not None:
                self.adds.append((side * (best - price_ticks), size_lots))
            self.born[order_id] = self.now_ns
        elif action == TRADE:
            self.hidden_lots += size_lots
        elif (order := self.book.orders.get(order_id)) is not None:
            whole = action != MODIFY and size_lots >= order.size_lots
            if whole or price_ticks != order.price_ticks:
                self._note_leaving(action, order.side, order.price_ticks, order.size_lots)
            if whole:
                self._note_end(action, order_id, order.side, order.price_ticks)
            if action == EXECUTE:
                self._note_trade(-order.side, size_lots)

    def _note_leaving(self, action: int, side: int, price_ticks: int, size_lots: int) -> None:
        if price_ticks == self.book.best(side) and self.book.size_at(side, price_ticks) == size_lots:
            self.emptied[action] += 1

    def _note_end(self, action: int, order_id: int, side: int, price_ticks: int) -> None:
        self.ends[action] += 1
        if order_id in self.born:
            self.lives.append(self.now_ns - self.born.pop(order_id))
        queue = list(self.book.ladders[side][-side * price_ticks].orders)
        if action == CANCEL and len(queue) > 1:
            self.places.append(queue.index(order_id) / (len(queue) - 1))

    def _note_trade(self, sign: int, size_lots: int) -> None:
        # Executions of one nanosecond against one side are one taking order.
        now = len(self.packets)
        if self.trades and self.traded_ns == self.now_ns and self.trades[-1][2] == sign:
            self.trades[-1][1] = now
            self.trades[-1][3] += size_lots
        else:
            self.trades.append([now, now, sign, size_lots])
        self.traded_ns = self.now_ns

    def _note_depth(self) -> None:
        for side in (1, -1):
            for k, (_, size_lots, _) in enumerate(self.book.top(side, LEVELS)):
                self.depth[k] += size_lots / 2


def replay(path: Path) -> Replay:
    """Replay a file once and record the measurements for the facts.

    Args:
        path: a canonical L3 file.

    Returns:
        The measurements.
    """
    notes = _Pass()
    for batch in pq.ParquetFile(path).iter_batches(columns=list(COLUMNS)):
        notes.play({name: batch[name].to_pylist() for name in COLUMNS})
    return Replay(
        np.array(notes.packets),
        np.array([trade for trade in notes.trades if trade[1] < len(notes.packets)]),
        np.array(notes.adds),
        np.array(notes.lives),
        notes.ends,
        notes.actions,
        notes.hidden_lots,
        np.array(notes.places),
        notes.emptied,
        notes.depth / max(len(notes.packets) // DEPTH_EVERY, 1),
    )


def gaps_s(seen: Replay) -> Array:
    """Return the seconds between packets, shape `(n,)`."""
    return np.asarray(np.diff(seen.packets[:, 0]) / SECOND)


def spreads(seen: Replay) -> tuple[Array, Array]:
    """Return the spread after each packet in ticks, and the seconds it lasted, shape `(n,)` each."""
    return seen.packets[:-1, 2] - seen.packets[:-1, 1], gaps_s(seen)


def mean_spread(seen: Replay) -> float:
    """Return the mean spread over time in ticks."""
    ticks, lasted = spreads(seen)
    return float(np.average(ticks, weights=lasted))


def mids_on_grid(seen: Replay, step_ns: int) -> Array:
    """Return the mid at the end of each interval of `step_ns` in ticks, shape `(n,)`."""
    at = seen.packets[:, 0]
    times = np.arange(at[0] + step_ns, at[-1], step_ns)
    rows = np.searchsorted(at, times, side="right") - 1
    return np.asarray((seen.packets[rows, 1] + seen.packets[rows, 2]) / 2)


def returns(seen: Replay, step_ns: int) -> Array:
    """Return the changes of the mid over intervals of `step_ns` in ticks, shape `(n,)`."""
    return np.asarray(np.diff(mids_on_grid(seen, step_ns)))


def autocorrelation(values: Array, lags: Array) -> Array:
    """Return the autocorrelation of `values` at `lags`, shape `(len(lags),)`."""
    centred = np.asarray(values, dtype=float) - np.mean(values)
    variance = float(np.mean(centred**2))
    return np.array([float(np.mean(centred[lag:] * centred[:-lag])) / variance for lag in lags])


def excess_kurtosis(values: Array) -> float:
    """Return the fourth moment over the squared second one, less 3: 0 for a normal distribution."""
    centred = values - np.mean(values)
    return float(np.mean(centred**4) / np.mean(centred**2) ** 2 - 3)


def fano(at_ns: Array, step_ns: int) -> float:
    """Return the variance of the number of events in an interval over its mean: 1 for a Poisson process."""
    counts = np.bincount((at_ns - at_ns[0]) // step_ns)[:-1]
    return float(np.var(counts) / np.mean(counts))


def impact(seen: Replay, horizon_ns: int) -> float:
    """Return the mean move of the mid in the direction of a taking order a horizon after it, in ticks."""
    packets, trades = seen.packets, seen.trades
    trades = trades[trades[:, 0] > 0]
    doubled = packets[:, 1] + packets[:, 2]
    after = np.searchsorted(packets[:, 0], packets[trades[:, 1], 0] + horizon_ns, side="right") - 1
    return float(np.mean((doubled[after] - doubled[trades[:, 0] - 1]) * trades[:, 2]) / 2)
