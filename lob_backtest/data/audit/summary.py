"""Summarize a canonical file in one pass and constant memory; rows are not checked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.files import MarketFile

QUANTILES: Final = {"min": 0.0, "p1": 0.01, "p50": 0.5, "p99": 0.99, "max": 1.0}
"""The quantiles of the latency that are shown, by name."""

SAMPLED_ROWS: Final = 1 << 20
"""Beyond this many rows, latency quantiles are those of every second, third … row; the extremes stay exact."""

_PRICED: Final = [int(a) for a in (Action.ADD, Action.MODIFY, Action.EXECUTE, Action.TRADE, Action.LEVEL)]
_COLUMNS: Final = ["ts_exchange_ns", "ts_local_ns", "action", "price_ticks", "size_lots", "flags"]


@dataclass
class Range:
    """The least and the greatest of integers; `None` without any."""

    least: int | None = None
    greatest: int | None = None

    def take(self, values: NDArray[Any]) -> None:
        """Widen the range to include values."""
        if len(values):
            least, greatest = int(values.min()), int(values.max())
            self.least = least if self.least is None else min(self.least, least)
            self.greatest = greatest if self.greatest is None else max(self.greatest, greatest)


@dataclass
class FileSummary:
    """The summary of one file.

    Attributes:
        file: its metadata.
        exchange_ns: exchange times.
        price_ticks: prices of rows that have one.
        size_lots: sizes of the same rows.
        actions: rows by code of `Action`.
        flags: rows by bit of `Flag`.
        local_rows: rows with a local time.
        latency_ns: local minus exchange time at the `QUANTILES`; empty without local times.
        file_bytes: on disk.
        row_groups: number of row groups.
        encodings: of each column, with its compression and bytes.
    """

    file: MarketFile
    exchange_ns: Range = field(default_factory=Range)
    price_ticks: Range = field(default_factory=Range)
    size_lots: Range = field(default_factory=Range)
    actions: dict[int, int] = field(default_factory=dict)
    flags: dict[int, int] = field(default_factory=dict)
    local_rows: int = 0
    latency_ns: dict[str, int] = field(default_factory=dict)
    file_bytes: int = 0
    row_groups: int = 0
    encodings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        file = self.file
        return {
            "path": file.path,
            **file.keywords(),
            "created_by": file.created_by,
            "sha256": file.sha256,
            "rows": file.rows,
            "first_exchange_ns": self.exchange_ns.least,
            "last_exchange_ns": self.exchange_ns.greatest,
            "actions": {name_of(Action, code): count for code, count in sorted(self.actions.items())},
            "flags": {name_of(Flag, bit): count for bit, count in sorted(self.flags.items())},
            "price_ticks": [self.price_ticks.least, self.price_ticks.greatest],
            "size_lots": [self.size_lots.least, self.size_lots.greatest],
            "local_rows": self.local_rows,
            "latency_ns": self.latency_ns,
            "bytes": self.file_bytes,
            "row_groups": self.row_groups,
            "columns": self.encodings,
        }


def summarize(path: str | os.PathLike[str] | MarketFile) -> FileSummary:
    """Read one file from end to end and summarize it.

    Args:
        path: a local path, a URI that pyarrow knows, or an opened file.

    Raises:
        DataError: it is unreadable, corrupt or not canonical.
    """
    file = path if isinstance(path, MarketFile) else MarketFile.open(path)
    summary = FileSummary(file)
    _describe_storage(summary)
    actions, flags = np.zeros(256, np.int64), np.zeros(256, np.int64)
    latency, sampled = Range(), []
    step = -(-file.rows // SAMPLED_ROWS)
    for _, batch in file.raw_batches(_COLUMNS, batch_rows=1 << 16):
        columns = {name: batch.column(name) for name in _COLUMNS}
        times = columns["ts_exchange_ns"].drop_null().to_numpy()
        action = _numbers(columns["action"])
        actions += np.bincount(action, minlength=256)
        flags += np.bincount(_numbers(columns["flags"]), minlength=256)
        priced = np.isin(action, _PRICED)
        summary.exchange_ns.take(times)
        summary.price_ticks.take(_numbers(columns["price_ticks"])[priced])
        summary.size_lots.take(_numbers(columns["size_lots"])[priced])
        local = columns["ts_local_ns"]
        if local.null_count < len(local):
            present = local.is_valid().to_numpy(zero_copy_only=False)
            delays = _numbers(local) - _numbers(columns["ts_exchange_ns"])
            latency.take(delays[present])
            summary.local_rows += int(present.sum())
            sampled.append(delays[::step][present[::step]])
    summary.actions = {code: int(n) for code, n in enumerate(actions) if n}
    summary.flags = {1 << bit: n for bit in range(8) if (n := int(flags[np.arange(256) >> bit & 1 == 1].sum()))}
    if latency.least is not None and latency.greatest is not None:
        delays = np.concatenate([*sampled, [latency.least, latency.greatest]])
        # "lower" returns an observed latency, an integer.
        summary.latency_ns = {name: int(np.quantile(delays, q, method="lower")) for name, q in QUANTILES.items()}
    return summary


def first_rows(file: MarketFile, count: int) -> pa.Table:
    """Read the first rows of a file unchecked.

    Args:
        file: an opened file.
        count: number of rows, at most.
    """
    with file.parquet() as parquet:
        names = parquet.schema_arrow.names
    batches, missing = [], count
    for _, batch in file.raw_batches(names, batch_rows=min(count, 1 << 16)):
        batches.append(batch.slice(0, missing))
        missing -= batches[-1].num_rows
        if not missing:
            break
    return pa.Table.from_batches(batches)


def name_of(names: type[Action] | type[Flag], code: int) -> str:
    """Return the name of a code; its number if it has none."""
    return next((str(known.name) for known in names if known == code), str(code))


def _numbers(column: pa.Array) -> NDArray[Any]:
    numbers: NDArray[Any] = column.fill_null(0).to_numpy()
    return numbers


def _describe_storage(summary: FileSummary) -> None:
    file = summary.file
    summary.file_bytes = file.stamp.size
    groups = file.footer.groups
    summary.row_groups = len(groups)
    for index, column in enumerate(file.footer.columns):
        chunks = [group.chunks[index] for group in groups]
        summary.encodings[column.path] = {
            "compression": chunks[0].compression,
            "encodings": sorted({encoding for chunk in chunks for encoding in chunk.encodings}),
            "bytes": sum(chunk.length for chunk in chunks),
        }
