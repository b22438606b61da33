"""Exclude own orders from a recorded feed, so that a replay does not trade against its own past."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from lob_backtest.contract.rows import Action, Batch, Flag

LAST = np.uint8(Flag.LAST)


class WithoutOrders:
    """The rows of a feed without those of some orders. A packet whose last row is excluded ends with the row before it.

    An execution of such an order becomes a print: TRADE with HIDDEN, at the order's side and price. The aggressor
    is real, and its counterparty is not in the book. An execution of an order without an earlier row is left out:
    its price is unknown.

    Args:
        batches: the feed's rows.
        order_ids: of the orders to leave out.

    Attributes:
        rows: number of rows left out so far.
    """

    def __init__(self, batches: Iterable[Batch], order_ids: Iterable[int]) -> None:
        self.rows = 0
        self._batches = batches
        self._ids = np.array(sorted(set(order_ids)), dtype=np.uint64)
        self._resting: dict[int, tuple[int, int]] = {}  # side and price by id

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches of consecutive rows; a batch ends where a row was left out."""
        held: Batch | None = None
        for fresh in self._batches:
            batch = fresh if held is None else _joined(held, fresh)
            ends = np.flatnonzero(batch.flags & LAST)
            whole = int(ends[-1]) + 1 if len(ends) else 0
            if whole:
                yield from self._exclude(_part(batch, 0, whole))
            held = _part(batch, whole, len(batch.flags)) if whole < len(batch.flags) else None
        if held is not None:
            yield from self._exclude(held)

    def _exclude(self, batch: Batch) -> Iterator[Batch]:
        named = np.isin(batch.order_id, self._ids) & (batch.order_id != 0)
        prints = self._executions(batch, named)
        if not named.any():
            yield batch
            return
        excluded = named.copy()
        excluded[list(prints)] = False
        batch = _as_prints(batch, prints)
        self.rows += int(excluded.sum())
        batch = batch._replace(flags=_flags(batch.flags, excluded))
        edges = np.flatnonzero(np.diff(np.concatenate(([1], excluded.astype(np.int8), [1]))))
        for begin, end in edges.reshape(-1, 2).tolist():
            yield _part(batch, begin, end)

    def _executions(self, batch: Batch, named: NDArray[np.bool_]) -> dict[int, tuple[int, int]]:
        """Return the rows that execute an excluded order, each with the order's side and price."""
        found = {}
        for i in np.flatnonzero(named | (batch.action == Action.CLEAR)).tolist():
            action, order_id = batch.action[i], int(batch.order_id[i])
            if action == Action.CLEAR:
                side = batch.side[i]
                self._resting = {each: at for each, at in self._resting.items() if side not in (0, at[0])}
            elif action == Action.ADD:
                self._resting[order_id] = int(batch.side[i]), int(batch.price_ticks[i])
            elif order_id in self._resting:
                if action == Action.MODIFY:
                    self._resting[order_id] = self._resting[order_id][0], int(batch.price_ticks[i])
                elif action == Action.EXECUTE:
                    found[i] = self._resting[order_id]
        return found


def _as_prints(batch: Batch, prints: Mapping[int, tuple[int, int]]) -> Batch:
    """Return a copy in which some rows are hidden prints, each with a side and a price."""
    if not prints:
        return batch
    rows = list(prints)
    changed = {name: getattr(batch, name).copy() for name in ("action", "side", "order_id", "price_ticks", "flags")}
    changed["action"][rows] = Action.TRADE
    changed["side"][rows], changed["price_ticks"][rows] = zip(*prints.values(), strict=True)
    changed["order_id"][rows] = 0
    changed["flags"][rows] |= np.uint8(Flag.HIDDEN)
    return batch._replace(**changed)


def _flags(flags: NDArray[np.uint8], excluded: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the flags with LAST on the last remaining row of each packet."""
    packets = np.concatenate(([0], np.cumsum((flags & LAST) != 0)[:-1]))
    ended = np.zeros(int(packets[-1]) + 1, dtype=bool)
    ended[packets[(flags & LAST) != 0]] = True
    kept = np.flatnonzero(~excluded)
    if not len(kept):
        return flags
    last_kept = kept[np.append(np.diff(packets[kept]) != 0, True)]
    changed = flags.copy()
    changed[last_kept[ended[packets[last_kept]]]] |= LAST
    return changed


def _part(batch: Batch, begin: int, end: int) -> Batch:
    return Batch._make([*(column[begin:end] for column in batch[:9]), batch.row + begin, batch.path])


def _joined(held: Batch, fresh: Batch) -> Batch:
    # The row number is that of the fresh batch's first row less the rows held back.
    columns = [np.concatenate((held[i], fresh[i])) for i in range(9)]
    return Batch._make([*columns, fresh.row - len(held.flags), fresh.path])
