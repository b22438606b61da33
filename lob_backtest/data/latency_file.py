"""Files of measured latencies: Parquet with a time and the latency of each kind of message."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lob_backtest.errors import ConfigError

KINDS: Final = ("new", "cancel", "replace", "response", "feed")
"""Kinds of messages. A file has the columns `ts_ns` and any of these with `_ns`."""
COLUMNS: Final = tuple(f"{kind}_ns" for kind in KINDS)
MAX_ROWS: Final = 5_000_000
MAX_LATENCY_NS: Final = 1 << 60


class LatencyFile:
    """Measured latencies.

    Args:
        path: of the file, for messages.
        times: nanoseconds since the epoch, ascending.
        columns: latencies in nanoseconds by the name of their column, -1 where a row has none.
        key: of the config that names the file, for messages.
    """

    def __init__(
        self, path: str, times: NDArray[np.int64], columns: dict[str, NDArray[np.int64]], key: str = ""
    ) -> None:
        self.path, self.times, self.columns = path, times, columns
        self._where = f"{key}: {path}" if key else path

    @classmethod
    def read(cls, path: str, key: str = "") -> Self:
        """Read a file.

        Args:
            path: of a Parquet file.
            key: of the config that names it, for messages.

        Raises:
            ConfigError: it is missing or no Parquet, a column is missing or of another type, or a value is out of
                range.
        """
        where = f"{key}: {path}" if key else path
        if not Path(path).is_file():
            raise ConfigError(f"{where}: no such file; expected Parquet with ts_ns and any of {', '.join(COLUMNS)}")
        try:
            names = pq.read_schema(path).names
            table = pq.read_table(path, columns=[name for name in ("ts_ns", *COLUMNS) if name in names])
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"{where}: cannot be read as Parquet: {str(error).splitlines()[0]}") from None
        if "ts_ns" not in names or table.num_columns < 2:
            raise ConfigError(
                f"{where}: has the columns {', '.join(names) or 'none'}; expected ts_ns and any of {', '.join(COLUMNS)}"
            )
        if not 0 < table.num_rows <= MAX_ROWS:
            raise ConfigError(f"{where}: {table.num_rows:,} rows; expected 1 to {MAX_ROWS:,}")
        times, *values = (_integers(table, name, where) for name in table.column_names)
        if (falls := np.flatnonzero(np.diff(times) < 0)).size:
            row = int(falls[0]) + 1
            raise ConfigError(f"{where}, row {row}: ts_ns {times[row]} is before the row above; sort the file by time")
        if int(times[0]) < 0:
            raise ConfigError(f"{where}, row 0: ts_ns is {times[0]}; expected nanoseconds since 1970 (UTC)")
        return cls(path, times, dict(zip(table.column_names[1:], values, strict=True)), key)

    def series(self, kind: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return times and latencies of one kind of message; replacements take those of new orders if they have none.

        Raises:
            ConfigError: the file has none of the kind.
        """
        name = f"{kind}_ns"
        if name not in self.columns and kind == "replace":
            name = "new_ns"
        if name not in self.columns:
            raise ConfigError(f"{self._where}: has no column {name}; it has {', '.join(self.columns)}")
        values = self.columns[name]
        present = values >= 0
        if not present.any():
            raise ConfigError(f"{self._where}: {name} has no value")
        return tuple(self.times[present].tolist()), tuple(values[present].tolist())


def _integers(table: pa.Table, name: str, where: str) -> NDArray[np.int64]:
    """Return a column, nulls as -1."""
    column: Any = table.column(name)
    if not pa.types.is_integer(column.type):
        raise ConfigError(f"{where}: {name} is {column.type}; expected integers, in nanoseconds")
    try:
        values = column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise ConfigError(f"{where}: {name} has values beyond 64 bits; expected nanoseconds") from None
    if name == "ts_ns" and values.null_count:
        raise ConfigError(f"{where}: ts_ns has nulls; each row needs its time")
    found = np.asarray(values.fill_null(-1))
    wrong = (found < 0) & ~np.asarray(values.is_null()) | (found >= MAX_LATENCY_NS)
    if name != "ts_ns" and wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ConfigError(f"{where}, row {row}: {name} is {found[row]}; expected 0 to 2^60 - 1")
    return found
