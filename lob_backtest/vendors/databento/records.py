"""Databento's market-by-order (MBO) records, common to its two file formats.

Source: Databento's documentation of the MBO schema, https://databento.com/docs/schemas-and-data-formats/mbo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from lob_backtest.data.checks import TIME_LIMIT_NS

MBO_RTYPE: Final = 160
NO_PRICE: Final = (1 << 63) - 1
NO_SIZE: Final = (1 << 32) - 1
NO_TIME: Final = (1 << 64) - 1
PRICE_SCALE: Final = 10**9

F_LAST: Final = 128
F_TOB: Final = 64
F_SNAPSHOT: Final = 32
F_MBP: Final = 16
F_BAD_TS_RECV: Final = 8
F_MAYBE_BAD_BOOK: Final = 4

EARLIEST_NS: Final = 10**17
"""Earlier times (before March 1973) are not in nanoseconds."""
_LOOKS_LIKE: Final = ((10**14, "microseconds"), (10**11, "milliseconds"), (10**8, "seconds"))


class Origin(NamedTuple):
    """The origin of records: a file, and the unit in which it counts them, "line" or "record"."""

    path: Path
    unit: str


class Record(NamedTuple):
    """One MBO record. Prices are in 10⁻⁹, times in nanoseconds since the epoch; `number` is the line or record.

    `names` are the symbols of the instrument at that time, in the order of the request; its id if it has none.
    """

    ts_recv: int
    ts_event: int
    action: str
    side: str
    price: int
    size: int
    order_id: int
    flags: int
    sequence: int
    instrument_id: int
    publisher_id: int
    names: tuple[str, ...]
    number: int
    origin: Origin

    @property
    def place(self) -> str:
        """The place of the record, for messages."""
        return f"{self.origin.path}, {self.origin.unit} {self.number}"

    @property
    def exchange_ns(self) -> int:
        """The exchange time: that of receipt for a record of a snapshot."""
        return self.ts_recv if self.flags & F_SNAPSHOT else self.ts_event


class RecordFile(NamedTuple):
    """An opened file.

    Attributes:
        path: of the file.
        dataset: Databento's name of it, such as XNAS.ITCH; empty if unknown.
        records: reads the MBO records from the start, and counts those of other kinds as `left_out_KIND`.
        start_ns: start of the requested period; `None` if unknown.
        end_ns: end of the requested period, exclusive; `None` if unknown.
    """

    path: Path
    dataset: str
    records: Callable[[Counter[str]], Iterator[Record]]
    start_ns: int | None = None
    end_ns: int | None = None


def time_fault(column: str, ns: int) -> str | None:
    """Return the fault of a time, for a message; `None` if it is valid.

    Args:
        column: its name, for messages.
        ns: the time, supposedly in nanoseconds since the epoch.
    """
    if EARLIEST_NS <= ns < TIME_LIMIT_NS:
        return None
    if ns >= TIME_LIMIT_NS or ns <= 0:
        return f"no time ({column} {'is undefined' if ns == NO_TIME else ns})"
    unit = next((unit for least, unit in _LOOKS_LIKE if ns >= least), None)
    looks = f"looks like {unit}" if unit else "is before 1973"
    return f"{column} {ns} {looks}; expected nanoseconds since 1970 (UTC)"
