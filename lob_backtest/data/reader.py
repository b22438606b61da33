"""Stream the files of one instrument as checked column batches, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from lob_backtest.contract.plan import LatencyPlan
from lob_backtest.contract.rows import Batch, Flag, columns_of
from lob_backtest.data.checks import Checked, Columns, Mask, RowChecker, segments
from lob_backtest.data.faults import FaultKind, FaultSample, Policy, Tally, resolve_policies
from lob_backtest.data.files import MarketFile, Path, find_files
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.progress import Progress
from lob_backtest.units import format_instant

EARLIEST_NS: Final = 10**17
"""A file whose first time is earlier (March 1973) is not in nanoseconds."""

_INSTRUMENT: Final = ("symbol", "venue", "level", "tick_size", "lot_size", "depth")
_LATE: Final = ("late_level_ns", "late_print_ns")
_ALIKE: Final = (*_INSTRUMENT, *_LATE)
"""Fields in which the files of one instrument agree."""

_LOOKS_LIKE: Final = ((10**8, "seconds"), (10**11, "milliseconds"), (10**14, "microseconds"))


class MarketSource:
    """The market data of one instrument: one file, or several that follow each other in time.

    Attributes:
        files: in order of time; each has `path`, `rows` and a lazy `sha256`.
        symbol: the instrument's name at its venue.
        venue: where it trades.
        tick_size: the price of one tick in quote currency.
        lot_size: the size of one lot in base units.
        level: 2 or 3.
        depth: levels shown per side; 0: all.
        late_level_ns: L2: how long after a print its LEVEL row may follow; `None`: unknown.
        late_print_ns: L2: how long after a fall of a level its print may follow; `None`: unknown.
        rows: of all files.
        tally: the faults in the rows read so far by the latest `batches`.
        rows_handed_over: rows in the batches yielded so far; with the skipped ones, all rows read.
        progress: called with `rows_handed_over` and `rows` before each batch and at the end; `None`: not called.
    """

    def __init__(
        self,
        files: Sequence[MarketFile],
        *,
        policies: Mapping[FaultKind, Policy],
        feed: LatencyPlan | None = None,
        max_bad_fraction: float | None = None,
        batch_rows: int = 65536,
    ) -> None:
        first = files[0]
        self.files = tuple(files)
        self.symbol: str = first.symbol
        self.venue: str = first.venue
        self.tick_size: Decimal = first.tick_size
        self.lot_size: Decimal = first.lot_size
        self.level: int = first.level
        self.depth: int = first.depth
        self.late_level_ns: int | None = first.late_level_ns
        self.late_print_ns: int | None = first.late_print_ns
        self.rows = sum(file.rows for file in files)
        self.tally = Tally()
        self.rows_handed_over = 0
        self.progress: Progress | None = None
        self._policies = policies
        self._feed = feed
        self._max_bad_fraction = max_bad_fraction
        self._batch_rows = batch_rows

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by kind of fault and by policy, such as ``{"zero_size": {"skip": 3}}``."""
        return self.tally.counts

    def batches(self) -> Iterator[Batch]:
        """Read the files from the start.

        Yields:
            Consecutive rows, checked, at most `batch_rows` at a time. The concatenated rows do not depend
            on `batch_rows`. Arrays are read-only, often views into the file's buffers.

        Raises:
            DataError: a file is corrupt, a row breaks the contract under the policy `fail` (all rows before it have
                been yielded), or more than `max_bad_fraction` of all rows were bad.
        """
        self.tally = Tally()
        self.rows_handed_over = 0
        held: Batch | None = None  # one batch is held back, since the last one needs its end checked
        for checked, path, row in self._checked():
            if checked.ends_earlier_packet and held is not None:
                held = _flag_last_row(held, Flag.LAST)
            for begin, end in segments(checked.keep, len(checked.columns["action"])):
                if held is not None:
                    yield self._hand_over(held)
                held = self._batch(checked.columns, begin, end, path, row)
            if checked.error is not None:
                if held is not None:
                    yield self._hand_over(held)
                raise checked.error
            self._check_fraction()
        if held is None:
            raise DataError(
                f"{self.files[-1].path}: no row is left after skipping the bad ones; see `lob-backtest validate`"
            )
        yield from self._end(held)
        self._report_progress()

    def _end(self, held: Batch) -> Iterator[Batch]:
        if int(held.flags[-1]) & Flag.LAST:
            yield self._hand_over(held)
            return
        policy = self._policies[FaultKind.NO_LAST]
        row, time = held.row + len(held.flags) - 1, int(held.ts_exchange_ns[-1])
        self.tally.add(FaultKind.NO_LAST, policy, FaultSample(held.path, row, time))
        if policy == Policy.REPAIR:
            held = _flag_last_row(held, Flag.LAST | Flag.SUSPECT)
        yield self._hand_over(held)
        if policy == Policy.FAIL:
            raise DataError(
                f"{held.path}, row {row} at {format_instant(time)}: the data end within a packet (no LAST flag). "
                f"Get the rest of the data, or set data.policies.{FaultKind.NO_LAST!s} to repair"
            )

    def _checked(self) -> Iterator[tuple[Checked, str, int]]:
        names = [name for name in columns_of(self.level).names if self._is_read(name)]
        checker = RowChecker(self.level, self._policies, self.tally, feed=self._feed)
        for file in self.files:
            row = 0
            for _, record in file.raw_batches(names, batch_rows=self._batch_rows):
                columns, nulls = arrays_of(record)
                if row == 0:
                    _check_unit(columns, nulls, file.path)
                yield checker.check(columns, nulls, file.path, row, has_local=file.has_local), file.path, row
                row += record.num_rows
            checker.next_file()

    def _is_read(self, name: str) -> bool:
        if name == "ts_local_ns":
            return self._feed is None
        return name != "sequence" or FaultKind.SEQUENCE_GAP in self._policies or FaultKind.DUPLICATE in self._policies

    def _batch(self, columns: Columns, begin: int, end: int, path: str, row: int) -> Batch:
        def part(name: str) -> Any:
            return columns[name][begin:end]

        return Batch(
            ts_exchange_ns=part("ts_exchange_ns"),
            ts_local_ns=part("ts_local_ns"),
            action=part("action"),
            side=part("side"),
            order_id=part("order_id") if self.level == 3 else np.zeros(end - begin, np.uint64),
            price_ticks=part("price_ticks"),
            size_lots=part("size_lots"),
            flags=part("flags"),
            phase=part("phase"),
            row=row + begin,
            path=path,
        )

    def _hand_over(self, batch: Batch) -> Batch:
        self._report_progress()  # of the batches before this one
        self.rows_handed_over += len(batch.action)
        return batch.read_only()

    def _report_progress(self) -> None:
        if self.progress is not None:
            self.progress(self.rows_handed_over, self.rows)

    def _check_fraction(self) -> None:
        """Raise as soon as the share of bad rows exceeds the limit even if all remaining rows are good."""
        bad = self.tally.total()
        if self._max_bad_fraction is not None and bad > self._max_bad_fraction * self.rows:
            kinds = ", ".join(f"{kind} {sum(by.values())}" for kind, by in self.counts.items())
            raise DataError(
                f"{self.files[0].path}: {bad} bad rows ({kinds}) are more than max_bad_fraction = "
                f"{self._max_bad_fraction} of {self.rows}; see `lob-backtest validate`"
            )


def open_market(
    paths: Path | Iterable[Path],
    *,
    feed_ns: int | LatencyPlan | None = None,
    policies: Mapping[str, str] | None = None,
    max_bad_fraction: float | None = None,
    batch_rows: int = 65536,
    require_local: bool = True,
) -> MarketSource:
    """Open the files of one instrument.

    Args:
        paths: local paths, URIs (s3://, gs://) or glob patterns. Several files are sorted by time.
        feed_ns: local times are exchange times plus this, in nanoseconds or drawn, instead of the recorded ones.
        policies: for bad rows, by kind; see `lob_backtest.data.faults`.
        max_bad_fraction: the share of bad rows, from 0 to 1, above which reading fails; `None`: any.
        batch_rows: rows per batch, at most.
        require_local: refuse files without local times if `feed_ns` is `None`; otherwise exchange times are used
            instead.

    Returns:
        The source. Footers have been read and checked, rows have not.

    Raises:
        ConfigError: an argument is out of range, or there are no local times.
        DataError: a file is missing, unreadable, not canonical, or of another instrument than the first.
    """
    if isinstance(feed_ns, int) and feed_ns < 0:
        raise ConfigError(f"latency.feed: {feed_ns} ns; expected 0 or more")
    if max_bad_fraction is not None and not 0 <= max_bad_fraction <= 1:
        raise ConfigError(f"max_bad_fraction: {max_bad_fraction}; expected 0 to 1")
    if batch_rows < 1:
        raise ConfigError(f"batch_rows: {batch_rows}; expected 1 or more")
    files = in_order_of_time(find_files(paths))
    foreign = foreign_files(files)
    if foreign:
        raise DataError(f"{'; '.join(foreign.values())}. {_remedy(files)}")
    if require_local and feed_ns is None:
        without = [file.path for file in files if not file.has_local]
        if without:
            raise ConfigError(
                f"{', '.join(without)}: no local times (ts_local_ns is null), and no feed latency to make them; set "
                'latency.feed, for example to "250us"'
            )
    return MarketSource(
        files,
        policies=resolve_policies(policies),
        feed=LatencyPlan(constant_ns=feed_ns) if isinstance(feed_ns, int) else feed_ns,
        max_bad_fraction=max_bad_fraction,
        batch_rows=batch_rows,
    )


def in_order_of_time(files: Sequence[MarketFile]) -> list[MarketFile]:
    """Sort files by their first exchange time; those that begin at the same time keep their order."""
    if len(files) == 1:
        return list(files)

    def begin_ns(file: MarketFile) -> int:
        with closing(file.raw_batches(["ts_exchange_ns"], batch_rows=1)) as batches:
            _, first = next(batches)
        return first.column(0)[0].as_py() or 0

    return sorted(files, key=begin_ns)


def foreign_files(files: Sequence[MarketFile]) -> dict[str, str]:
    """Compare files with the first one.

    Args:
        files: at least one.

    Returns:
        A description of the differences, by path, for each file of another instrument than the first.
    """
    first, foreign = files[0], {}
    for file in files[1:]:
        differences = [
            f"{name} {_shown(theirs)}, not {_shown(ours)}"
            for name in _ALIKE
            if (theirs := getattr(file, name)) != (ours := getattr(first, name))
        ]
        if differences:
            foreign[file.path] = f"{file.path} differs from {first.path}: {', '.join(differences)}"
    return foreign


def _remedy(files: Sequence[MarketFile]) -> str:
    if len({tuple(getattr(file, name) for name in _INSTRUMENT) for file in files}) > 1:
        return "Expected files of one instrument: name them apart"
    return (
        f"Expected files that agree on {' and '.join(_LATE)}: convert the files again with this version, or pass files "
        "that agree"
    )


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def arrays_of(record: pa.RecordBatch) -> tuple[Columns, dict[str, Mask]]:
    """Return the columns of a record batch as arrays (nulls as 0), and masks of the columns with nulls."""
    columns, nulls = {}, {}
    for name, column in zip(record.schema.names, record.columns, strict=True):
        if column.null_count:
            nulls[name] = column.is_null().to_numpy(zero_copy_only=False)
            column = column.fill_null(0)  # noqa: PLW2901 - the same column, complete
        columns[name] = column.to_numpy()
    return columns, nulls


def _check_unit(columns: Columns, nulls: Mapping[str, Mask], path: str) -> None:
    """Refuse times in another unit than nanoseconds, by the first time of a file."""
    for name in ("ts_exchange_ns", "ts_local_ns"):
        present = columns.get(name, np.zeros(0))
        if name in nulls:
            present = present[~nulls[name]]
        if len(present) and present[0] < EARLIEST_NS:
            time = int(present[0])
            unit = next((unit for least, unit in reversed(_LOOKS_LIKE) if time >= least), None)
            looks = f"looks like {unit}" if unit else "is before 1973"
            raise DataError(
                f"{path}, row 0: {name} begins at {time}, which {looks}; expected nanoseconds since 1970 (UTC), such "
                f"as {1_700_000_000 * 10**9}. Convert the column, and write the file again"
            )


def _flag_last_row(batch: Batch, flags: Flag) -> Batch:
    changed = batch.flags.copy()
    changed[-1] |= np.uint8(flags)
    return batch._replace(flags=changed)
