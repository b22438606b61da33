"""List the faults of market data files: those of rows, and those that only a book finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lob_backtest.book.book import Book
from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.data.audit.book_walk import ALL_KEPT, book_walk
from lob_backtest.data.faults import ALLOWED, FaultKind, FaultSample, Policy, Tally, resolve_policies
from lob_backtest.data.files import MarketFile, Path, find_files
from lob_backtest.data.reader import MarketSource, foreign_files, in_order_of_time
from lob_backtest.errors import DataError
from lob_backtest.progress import Progress

_STATUS, _LAST, _SUSPECT = int(Action.STATUS), int(Flag.LAST), int(Flag.SUSPECT)


@dataclass(frozen=True)
class Validation:
    """The result of `validate`.

    Attributes:
        files: the files read, in order of time.
        rows: number of their rows.
        tally: the faults by kind, with the first rows of each.
    """

    files: tuple[MarketFile, ...]
    rows: int
    tally: Tally

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.tally.counts

    def found(self) -> list[tuple[FaultKind, int, list[FaultSample]]]:
        """Return kind, number of rows and first rows of each fault, in the order of `FaultKind`."""
        return [
            (kind, sum(self.tally.counts[kind].values()), self.tally.samples[kind])
            for kind in FaultKind
            if kind in self.tally.counts
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "clean": self.is_clean,
            "rows": self.rows,
            "files": [{"path": file.path, "rows": file.rows, "symbol": file.symbol} for file in self.files],
            "kinds": {
                str(kind): {"count": count, "first": [sample._asdict() for sample in samples]}
                for kind, count, samples in self.found()
            },
        }


def validate(paths: Path | Iterable[Path], *, gaps: bool = False, progress: Progress | None = None) -> Validation:
    """Read files from end to end and list their faults.

    A row that breaks the contract is not applied to the book, so that one fault is not reported as ten. Missing local
    times are not a fault: a run can compute them.

    Args:
        paths: files of one instrument, as for `open_market`.
        gaps: whether sequence numbers must follow each other without gaps: true of some feeds only.
        progress: called with the rows read and in all.

    Returns:
        The faults.

    Raises:
        DataError: a file is unreadable, corrupt, or not canonical.
    """
    files = in_order_of_time(find_files(paths))
    foreign = foreign_files(files)
    source = MarketSource([file for file in files if file.path not in foreign], policies=_policies(gaps))
    source.progress = progress
    book_tally = Tally()
    try:
        _walk(source, book_tally)
    except DataError:
        if source.tally.total(Policy.SKIP) < source.rows:
            raise  # Unreadable. A file whose rows are all skipped is not an error here: its faults are the result.
    tally = source.tally
    for kind, by_policy in book_tally.counts.items():
        tally.counts.setdefault(kind, {}).update(by_policy)
        tally.samples[kind] = tally.samples.get(kind, []) + book_tally.samples[kind]
    for path in foreign:
        tally.add(FaultKind.FOREIGN_FILE, Policy.SKIP, FaultSample(path, 0, 0))
    return Validation(source.files, source.rows, tally)


def _policies(gaps: bool) -> dict[FaultKind, Policy]:
    """Return for each kind a policy with which reading continues."""
    given = {
        str(kind): "repair" for kind in FaultKind if Policy.REPAIR in ALLOWED[kind] and kind != FaultKind.SEQUENCE_GAP
    }
    given |= {str(kind): "skip" for kind in FaultKind if str(kind) not in given and Policy.SKIP in ALLOWED[kind]}
    given[FaultKind.DUPLICATE] = "keep"
    if gaps:
        given[FaultKind.SEQUENCE_GAP] = "keep"
    return resolve_policies(given)


def _walk(source: MarketSource, tally: Tally) -> None:
    """Rebuild the book, and count what it refuses and when it is crossed."""
    book = Book(source.level, source.depth)
    is_continuous = True
    for batch, i, ts_exchange_ns, action, _, _, flags in book_walk(source.batches(), book, tally, ALL_KEPT):
        if action == _STATUS:
            is_continuous = int(batch.phase[i]) == Phase.CONTINUOUS
        if flags & _LAST and is_continuous and not flags & _SUSPECT and not book.uncrossed():
            tally.add(FaultKind.CROSSED, Policy.KEEP, FaultSample(batch.path, batch.row + i, ts_exchange_ns))
