"""Latencies of own orders: read from a log or from Parquet, described, and written as a model of `[latency]`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from lob_backtest.contract.output import PERCENTILES
from lob_backtest.data.latency_file import LatencyFile
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.units import MS, format_duration

HOUR_NS: Final = 3_600_000_000_000
SHARES: Final = ("0", "0.01", "0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.99", "0.999", "1")
"""Shares of messages at which the model `quantiles` gets points."""
LOG_COLUMNS: Final = ("Timestamp", "Order_ID", "Status")
SENT: Final = {"PENDING_CREATE": "new", "PENDING_CANCEL": "cancel"}
DONE: Final = {"CREATED": "new", "CANCELED": "cancel"}
"""By status of a log: which message was sent, and which one was answered."""


@dataclass(frozen=True, slots=True)
class Described:
    """The latencies of one kind of message, in a span of time.

    Attributes:
        kind: such as "new".
        count: of messages.
        percentiles_ns: by the names of `contract.output.PERCENTILES`.
    """

    kind: str
    count: int
    percentiles_ns: dict[str, int]


@dataclass(frozen=True, slots=True)
class OwnLatencies:
    """Measured latencies of own orders.

    Attributes:
        times: per kind, when each message was sent: nanoseconds since the epoch, ascending.
        latencies: per kind, how long each took, ns.
        is_round_trip: whether they are from sending to the answer, and not of one way.
        unanswered: messages of a log without an answer.
    """

    times: dict[str, NDArray[np.int64]]
    latencies: dict[str, NDArray[np.int64]]
    is_round_trip: bool
    unanswered: int = 0
    _where: str = field(default="", repr=False)

    def whole(self) -> list[Described]:
        """Return each kind over all of its time."""
        return [_described(kind, values) for kind, values in self.latencies.items()]

    def by_hour(self) -> Iterator[tuple[int, Described]]:
        """Yield each hour of the day (UTC) that has messages, with each kind."""
        hours = {kind: times // HOUR_NS % 24 for kind, times in self.times.items()}
        for hour in range(24):
            for kind, values in self.latencies.items():
                if (chosen := hours[kind] == hour).any():
                    yield hour, _described(kind, values[chosen])

    def one_way(self, entry_share: float) -> dict[str, NDArray[np.int64]]:
        """Return latencies of one way by kind; of a round trip, the part of the request, and `response` for the rest.

        Args:
            entry_share: the part of a round trip that the request takes, above 0 and below 1.
        """
        if not self.is_round_trip:
            return self.latencies
        found = {kind: _shared(values, entry_share) for kind, values in self.latencies.items()}
        back = [values - found[kind] for kind, values in self.latencies.items()]
        return found | {"response": np.concatenate(back)}

    def model(self, entry_share: float) -> str:
        """Return the table `[latency]` of a config, with the model `quantiles` for each kind.

        Args:
            entry_share: as in `one_way`.
        """
        lines = ["[latency]"]
        for kind, values in self.one_way(entry_share).items():
            points = np.quantile(values, [float(each) for each in SHARES], method="inverted_cdf")
            texts = ", ".join(f'"{format_duration(max(1, int(each)))}"' for each in points)
            lines.append(f'{kind} = {{ model = "quantiles", shares = [{", ".join(SHARES)}], values = [{texts}] }}')
        return "\n".join(lines)

    def table(self, entry_share: float) -> pa.Table:
        """Return the rows of a file for the model `empirical`: one a message, sorted by time.

        Args:
            entry_share: as in `one_way`.
        """
        found = self.one_way(entry_share)
        parts = []
        for kind, times in self.times.items():
            columns = {"ts_ns": times, f"{kind}_ns": np.maximum(1, found[kind])}
            if self.is_round_trip:
                columns["response_ns"] = np.maximum(1, self.latencies[kind] - found[kind])
            parts.append(pa.table(columns))
        return pa.concat_tables(parts, promote_options="default").sort_by("ts_ns")


def read_own_latencies(path: str) -> OwnLatencies:
    """Read a log of own orders (CSV, also gzipped) or a Parquet file of the model `empirical`.

    A log has the columns `Timestamp` (milliseconds since 1970, UTC), `Order_ID` and `Status`: PENDING_CREATE and
    PENDING_CANCEL when a request is sent, CREATED and CANCELED when its answer arrives, by one clock.

    Args:
        path: of the file.

    Raises:
        ConfigError: there is no such file, or it is neither.
        DataError: a row of a log cannot be read, or no request has an answer.
    """
    if not Path(path).is_file():
        raise ConfigError(f"{path}: no such file; expected a log of own orders (CSV) or Parquet of latencies")
    if ".csv" in Path(path).suffixes:
        return _of_log(path)
    file = LatencyFile.read(path)
    kinds = [name.removesuffix("_ns") for name in file.columns]
    series = {kind: file.columns[f"{kind}_ns"] for kind in kinds if (file.columns[f"{kind}_ns"] >= 0).any()}
    times = {kind: file.times[values >= 0] for kind, values in series.items()}
    return OwnLatencies(times, {kind: values[values >= 0] for kind, values in series.items()}, is_round_trip=False)


def _of_log(path: str) -> OwnLatencies:
    types = {"Timestamp": pa.int64(), "Order_ID": pa.string(), "Status": pa.string()}
    options = pa.csv.ConvertOptions(column_types=types, include_columns=list(LOG_COLUMNS))
    try:
        rows = pa.csv.read_csv(path, convert_options=options).to_pylist()
    except (pa.ArrowException, OSError, EOFError) as error:
        expected = f"expected CSV with {', '.join(LOG_COLUMNS)}, times in milliseconds"
        raise DataError(f"{path}: {str(error).splitlines()[0]}; {expected}") from None
    waiting: dict[tuple[str, str], int] = {}
    found: dict[str, list[tuple[int, int]]] = {}
    unanswered = 0
    for number, row in enumerate(rows, 2):
        sent, done, time = SENT.get(row["Status"]), DONE.get(row["Status"]), row["Timestamp"]
        if sent is not None:
            unanswered += (row["Order_ID"], sent) in waiting
            waiting[row["Order_ID"], sent] = time
        elif done is not None and (begin := waiting.pop((row["Order_ID"], done), None)) is not None:
            if time < begin:
                raise DataError(f"{path}, line {number}: {row['Status']} at {time}, before its request at {begin}")
            found.setdefault(done, []).append((begin * MS, (time - begin) * MS))
    if not found:
        raise DataError(f"{path}: no request has an answer; expected the statuses {', '.join((*SENT, *DONE))}")
    pairs: dict[str, NDArray[np.int64]] = {kind: np.array(sorted(each)) for kind, each in sorted(found.items())}
    times = {kind: each[:, 0] for kind, each in pairs.items()}
    latencies = {kind: each[:, 1] for kind, each in pairs.items()}
    return OwnLatencies(times, latencies, is_round_trip=True, unanswered=unanswered + len(waiting))


def _shared(values: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    found: NDArray[Any] = np.rint(values * share).astype(np.int64)
    return found


def _described(kind: str, values: NDArray[np.int64]) -> Described:
    points = {name: int(np.percentile(values, share, method="inverted_cdf")) for name, share in PERCENTILES.items()}
    return Described(kind, len(values), points)
