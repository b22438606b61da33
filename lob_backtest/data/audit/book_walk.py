"""Walk market data through a book, row by row, for whoever wants to look at it in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from lob_backtest.book.book import Book, Issue
from lob_backtest.contract.rows import Action, Batch
from lob_backtest.data.faults import DEFAULT_POLICIES, FaultKind, FaultSample, Policy, Tally
from lob_backtest.errors import DataError
from lob_backtest.units import format_instant

KIND_BY_ISSUE: Final = {
    int(Issue.UNKNOWN_ORDER): FaultKind.UNKNOWN_ORDER,
    int(Issue.DUPLICATE_ORDER): FaultKind.DUPLICATE_ORDER,
    int(Issue.OVERSIZE): FaultKind.OVERSIZE,
    int(Issue.BAD_SIDE): FaultKind.BAD_SIDE,
}
ALL_KEPT: Final = dict.fromkeys(KIND_BY_ISSUE.values(), Policy.KEEP)
_EXECUTE: Final = int(Action.EXECUTE)


Step: TypeAlias = tuple[Batch, int, int, int, int, int, int]
"""A row that the book has applied: batch, place in it, `ts_exchange_ns`, action, side, price in ticks, flags.

Side and price of an EXECUTE are those of the order that it names, 0 and 0 where the book does not have it. No named
tuple: making one takes a quarter of the time of a row.
"""


def book_walk(
    batches: Iterable[Batch], book: Book, tally: Tally, policies: Mapping[FaultKind, Policy] = DEFAULT_POLICIES
) -> Iterator[Step]:
    """Apply row after row to a book, and stop after each.

    Args:
        batches: the rows.
        book: changed in place; look at it between two steps.
        tally: counts the rows that the book cannot apply.
        policies: what to do with those, by kind: with FAIL to raise, else only to count.

    Raises:
        DataError: a row does what the book cannot do; the message has file, row and time.
    """
    orders, apply = book.orders, book.apply
    for batch in batches:
        times = batch.ts_exchange_ns.tolist()
        for i, row in enumerate(batch.book_rows()):
            action, side, order_id, price_ticks, _, flags = row
            if action == _EXECUTE:
                order = orders.get(order_id)
                side, price_ticks = (order.side, order.price_ticks) if order is not None else (0, 0)
            issue = apply(*row)
            if issue:
                _count(issue, order_id, FaultSample(batch.path, batch.row + i, times[i]), tally, policies)
            yield batch, i, times[i], action, side, price_ticks, flags


def _count(issue: int, order_id: int, sample: FaultSample, tally: Tally, policies: Mapping[FaultKind, Policy]) -> None:
    """Count a row that the book could not apply, or raise."""
    kind = KIND_BY_ISSUE[issue]
    policy = policies[kind]
    if policy == Policy.FAIL:
        raise DataError(
            f"{sample.path}, row {sample.row} at {format_instant(sample.ts_exchange_ns)}: {kind} (order {order_id}); "
            "the book cannot do this; see `lob-backtest validate`"
        )
    tally.add(kind, policy, sample)
