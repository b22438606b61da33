"""Take own orders out of a recorded feed, so that a replay does not trade against its own past."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from lob_backtest.market.schema import Batch, Flag

LAST = np.uint8(Flag.LAST)


class Stripped:
    """The rows of a feed without those of some orders. A packet whose last row goes ends with the row before it.

    Args:
        batches: the feed's rows.
        order_ids: of the orders to leave out.

    Attributes:
        rows: how many rows were left out so far.
    """

    def __init__(self, batches: Iterable[Batch], order_ids: Iterable[int]) -> None:
        self.rows = 0
        self._batches = batches
        self._ids = np.array(sorted(set(order_ids)), dtype=np.uint64)

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches of consecutive rows; a batch ends where a row was left out."""
        held: Batch | None = None
        for fresh in self._batches:
            batch = fresh if held is None else _joined(held, fresh)
            ends = np.flatnonzero(batch.flags & LAST)
            whole = int(ends[-1]) + 1 if len(ends) else 0
            if whole:
                yield from self._strip(_part(batch, 0, whole))
            held = _part(batch, whole, len(batch.flags)) if whole < len(batch.flags) else None
        if held is not None:
            yield from self._strip(held)

    def _strip(self, batch: Batch) -> Iterator[Batch]:
        gone = np.isin(batch.order_id, self._ids) & (batch.order_id != 0)
        if not gone.any():
            yield batch
            return
        self.rows += int(gone.sum())
        batch = batch._replace(flags=_flags(batch.flags, gone))
        edges = np.flatnonzero(np.diff(np.concatenate(([1], gone.astype(np.int8), [1]))))
        for begin, end in edges.reshape(-1, 2).tolist():
            yield _part(batch, begin, end)


def _flags(flags: NDArray[np.uint8], gone: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Let the last row that stays end each packet."""
    packets = np.concatenate(([0], np.cumsum((flags & LAST) != 0)[:-1]))
    ended = np.zeros(int(packets[-1]) + 1, dtype=bool)
    ended[packets[(flags & LAST) != 0]] = True
    kept = np.flatnonzero(~gone)
    if not len(kept):
        return flags
    last_kept = kept[np.append(np.diff(packets[kept]) != 0, True)]
    changed = flags.copy()
    changed[last_kept[ended[packets[last_kept]]]] |= LAST
    return changed


def _part(batch: Batch, begin: int, end: int) -> Batch:
    return Batch._make([*(column[begin:end] for column in batch[:9]), batch.row + begin, batch.path])


def _joined(held: Batch, fresh: Batch) -> Batch:
    # Rows are numbered from the fresh batch's first: those held back are counted down from it.
    columns = [np.concatenate((held[i], fresh[i])) for i in range(9)]
    return Batch._make([*columns, fresh.row - len(held.flags), fresh.path])
