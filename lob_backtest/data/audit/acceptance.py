"""Check the rows of a converter by the rules of `run` and `validate`, before they are written.

The kinds of fault are those of `lob_backtest.data.faults`. Refused are all kinds that a run refuses by default, and two
that it skips or repairs but that no correct converter writes: a row of an unknown order, and an end within a packet.
Crossed books, gaps and repeated numbers occur in the feeds themselves, and are left to `validate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from lob_backtest.contract.rows import Action, Flag, columns_of
from lob_backtest.data.checks import Columns, Mask, RowChecker
from lob_backtest.data.coerce import as_table
from lob_backtest.data.faults import FaultKind, Policy, Tally
from lob_backtest.data.reader import EARLIEST_NS, arrays_of
from lob_backtest.errors import DataError
from lob_backtest.units import format_instant

LEFT_TO_VALIDATE: Final = frozenset({FaultKind.CROSSED, FaultKind.SEQUENCE_GAP, FaultKind.DUPLICATE})
"""Found in good feeds as well, and accepted by a run."""

FILES_SHOWN: Final = 5

ADD, CANCEL, MODIFY, EXECUTE = int(Action.ADD), int(Action.CANCEL), int(Action.MODIFY), int(Action.EXECUTE)
CLEAR: Final = int(Action.CLEAR)

Fault = tuple[FaultKind, int]
"""The kind of a fault, and the index of its row in the stretch."""


class Acceptance:
    """Check the rows of one conversion in order.

    Args:
        level: 2 or 3.
        files: the vendor files, for messages.

    Attributes:
        rows: number of checked rows.
        packets: number of packets that they end.
        first_ns: exchange time of the first row.
        last_ns: exchange time of the latest row.
    """

    def __init__(self, level: int, files: Sequence[Path]) -> None:
        self.rows = 0
        self.packets = 0
        self.first_ns = 0
        self.last_ns = 0
        self._schema = columns_of(level)
        self._files = files_shown(files)
        self._tally = Tally()
        policies = dict.fromkeys(set(FaultKind) - LEFT_TO_VALIDATE, Policy.FAIL)
        self._checker = RowChecker(level, policies, self._tally, feed=None)
        self._orders: dict[int, int] | None = {} if level == 3 else None
        """Size in lots times side of each order in the book, by id."""
        self._has_local: bool | None = None
        self._latest: Columns = {}

    def check(self, events: Any) -> pa.Table:
        """Check the next rows.

        Args:
            events: columns, as for `EventWriter.write`.

        Returns:
            The same as a table with all columns of the level.

        Raises:
            DataError: a run would refuse a row; the message has the kind, the row and the vendor files.
        """
        try:
            table = as_table(events, self._schema, first_row=self.rows)
        except DataError as error:
            raise DataError(f"{self._files}: {error}") from error
        if not table.num_rows:
            return table
        columns, nulls = arrays_of(table.to_batches()[0])
        fault = self._first_time(columns) or self._row_fault(columns, nulls) or self._order_fault(columns)
        if fault:
            raise self._error(fault[0], columns, fault[1])
        self.rows += table.num_rows
        self.packets += int(np.count_nonzero(columns["flags"] & np.uint8(Flag.LAST)))
        self.last_ns = int(columns["ts_exchange_ns"][-1])
        self._latest = {name: column[-1:] for name, column in columns.items()}
        return table

    def finish(self) -> None:
        """Check that the last row ends its packet.

        Raises:
            DataError: it does not.
        """
        if not int(self._latest["flags"][0]) & Flag.LAST:
            raise self._error(FaultKind.NO_LAST, self._latest, 0)

    def _first_time(self, columns: Columns) -> Fault | None:
        """Refuse times in another unit, as the reader does; since times never fall, the first one is enough."""
        if self.rows:
            return None
        self.first_ns = int(columns["ts_exchange_ns"][0])
        return (FaultKind.OUT_OF_RANGE, 0) if self.first_ns < EARLIEST_NS else None

    def _row_fault(self, columns: Columns, nulls: dict[str, Mask]) -> Fault | None:
        missing = nulls.get("ts_local_ns")
        has_local = missing is None or not missing.all()
        if self._has_local not in (None, has_local):
            return FaultKind.MISSING_LOCAL, 0
        self._has_local = has_local
        checked = self._checker.check(dict(columns), nulls, self._files, self.rows, has_local=has_local)
        if checked.error is None:
            return None
        kind, samples = next(iter(self._tally.samples.items()))
        return FaultKind(kind), samples[0].row - self.rows

    def _order_fault(self, columns: Columns) -> Fault | None:
        """Track the size of each order, and find the first row that the book would refuse."""
        orders = self._orders
        if orders is None:
            return None
        rows = zip(*(columns[name].tolist() for name in ("action", "side", "order_id", "size_lots")), strict=True)
        for i, (action, side, order_id, size_lots) in enumerate(rows):
            if action == ADD:
                if order_id in orders:
                    return FaultKind.DUPLICATE_ORDER, i
                orders[order_id] = side * size_lots
            elif action in (CANCEL, EXECUTE, MODIFY):
                held = orders.get(order_id)
                if held is None:
                    return FaultKind.UNKNOWN_ORDER, i
                left = size_lots if action == MODIFY else held * side - size_lots
                if held * side < 0:
                    return FaultKind.BAD_SIDE, i
                if left < 0:
                    return FaultKind.OVERSIZE, i
                if left:
                    orders[order_id] = left * side
                else:
                    del orders[order_id]
            elif action == CLEAR:
                orders = {order_id: held for order_id, held in orders.items() if held * side < 0}
                self._orders = orders
        return None

    def _error(self, kind: FaultKind, columns: Columns, i: int) -> DataError:
        row = {name: int(column[i]) for name, column in columns.items()}
        order = f", order id {row['order_id']}" if "order_id" in row else ""
        action = row["action"]
        shown = Action(action).name if action in set(Action) else f"action {action}"
        local = f"local time {row['ts_local_ns']} ns" if row["ts_local_ns"] else "no local time"
        return DataError(
            f"{self._files}: {kind} in the converted event at {format_instant(row['ts_exchange_ns'])}, sequence "
            f"{row['sequence']}{order}: {shown} of side {row['side']}, {row['size_lots']} lots at {row['price_ticks']} "
            f"ticks, flags {row['flags']}, {local}. A run would refuse it, so nothing was "
            "written. Correct the vendor file; if it is right, report this as a fault of the converter"
        )


def files_shown(files: Sequence[Path]) -> str:
    """Name the first vendor files for a message, and count the others."""
    more = f" and {len(files) - FILES_SHOWN} more" if len(files) > FILES_SHOWN else ""
    return ", ".join(map(str, files[:FILES_SHOWN])) + more
