"""Result tables, filled row by row and handed to the sink in chunks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from lob_backtest.contract.output import Sink
from lob_backtest.contract.plan import Plan
from lob_backtest.contract.tables import schemas

NEVER: Final = 1 << 62
"""A time after all others."""
CHUNK_ROWS: Final = 1 << 16


class Recorder:
    """The result tables of one run.

    A fill is complete when its longest markout horizon has passed; only the fills that wait for it are kept.

    Attributes:
        due_ns: when the next markout of a fill is to be recorded.
    """

    __slots__ = ("_columns", "_fills", "_horizons", "_rows", "_sink", "_waiting", "due_ns")

    def __init__(self, plan: Plan, sink: Sink) -> None:
        self._sink = sink
        self._horizons = plan.markouts_ns
        self._columns = {name: schema.names for name, schema in schemas(plan.markouts_ns).items()}
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in self._columns}
        self._waiting: list[deque[tuple[int, list[Any]]]] = [deque() for _ in plan.markouts_ns]
        self._fills = [0] * len(plan.agents)
        self.due_ns = NEVER

    def row(self, table: str, values: tuple[Any, ...]) -> None:
        """Add a complete row, in the column order of `lob_backtest.contract.tables`."""
        rows = self._rows[table]
        rows.append(values)
        if len(rows) >= CHUNK_ROWS:
            self._flush(table)

    def fill(self, values: list[Any], ts_exchange_ns: int) -> int:
        """Add a fill, without its id and its markouts; return the id, which is unique among those of its agent."""
        agent = values[1]
        fill_id: int = self._fills[agent]
        self._fills[agent] += 1
        row = [fill_id, *values]
        if not self._horizons:
            self.row("fills", tuple(row))
        for horizon, waiting in zip(self._horizons, self._waiting, strict=True):
            waiting.append((ts_exchange_ns + horizon, row))
            self.due_ns = min(self.due_ns, ts_exchange_ns + horizon)
        return fill_id

    def markouts(self, now_ns: int, mids2: Sequence[int | None]) -> None:
        """Record the mids of all fills whose horizon ends by now.

        Args:
            now_ns: the time; all rows of the market up to it are in.
            mids2: the doubled mid of each instrument.
        """
        last = len(self._waiting) - 1
        for i, waiting in enumerate(self._waiting):
            while waiting and waiting[0][0] <= now_ns:
                _, row = waiting.popleft()
                row.append(mids2[row[3]])
                if i == last:
                    self.row("fills", tuple(row))
        self.due_ns = min((waiting[0][0] for waiting in self._waiting if waiting), default=NEVER)

    def finish(self, mids2: Sequence[int | None]) -> None:
        """Complete the fills that still wait with the last mids, and hand everything over."""
        self.markouts(NEVER, mids2)
        for table in self._rows:
            self._flush(table)

    def log(self, ts_ns: int, agent: int, text: str) -> None:
        """Write a line of an agent to the log of the run."""
        self._sink.log(ts_ns, agent, text)

    def _flush(self, table: str) -> None:
        rows = self._rows[table]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            self._sink.write(table, dict(zip(self._columns[table], columns, strict=True)))
            rows.clear()
