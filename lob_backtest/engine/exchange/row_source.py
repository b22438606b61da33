"""The rows of one instrument, batch by batch, with those of the packet at hand."""

from __future__ import annotations

from collections.abc import Iterator

from lob_backtest.contract.rows import Batch
from lob_backtest.engine.record.recorder import NEVER
from lob_backtest.engine.wire.view import Packet, QueueMove, Row
from lob_backtest.process.interrupts import interruptible


class RowSource:
    """Rows in the order of application.

    Args:
        batches: as an engine is given them.

    Attributes:
        rows: those of the batch at hand, behind those of the packet that the batch before left incomplete.
        i: the index in `rows` of the next row.
        next_ns: when that row happens, `NEVER` behind the last.
        last_local_ns: when the last row of the batch at hand is received.
    """

    __slots__ = (
        "_batches",
        "_first_row",
        "_kept",
        "_packet_start",
        "_path",
        "_rows_before",
        "i",
        "last_local_ns",
        "next_ns",
        "rows",
    )

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self.rows: list[Row] = []
        self.i = self._packet_start = self._kept = 0
        self._rows_before = 0
        self._path, self._first_row = "", 0
        self.last_local_ns = -NEVER
        self.next_ns = NEVER
        self.load()

    @property
    def applied(self) -> int:
        """Return how many rows are behind the run."""
        return self._rows_before + self.i - self._kept

    def place(self, i: int) -> str:
        """Return the file and the row number of a row of `rows`, for messages."""
        return f"{self._path}: row {self._first_row + i - self._kept}"

    @interruptible
    def load(self) -> None:
        """Fetch the next batch that has rows."""
        self._rows_before = self.applied
        for batch in self._batches:
            if not len(batch.ts_exchange_ns):
                continue
            incomplete = self.rows[self._packet_start : self.i]
            columns = [column.tolist() for column in batch[:9]]
            self.rows = incomplete + list(zip(*columns, strict=True))
            self.i = self._kept = len(incomplete)
            self._packet_start = 0
            self._path, self._first_row = batch.path, batch.row
            self.last_local_ns = int(batch.ts_local_ns[-1])
            self.next_ns = self.rows[self.i][0]
            return
        self._kept = self.i
        self.next_ns = NEVER

    def end_packet(self, local_ns: int, moves: list[QueueMove]) -> Packet:
        """Return the rows since the last packet as one that is received at `local_ns`."""
        packet = Packet(local_ns, self.rows, self._packet_start, self.i, moves)
        self._packet_start = self.i
        return packet
