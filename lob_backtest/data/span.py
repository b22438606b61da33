"""The span of time of a file's rows, by its footer."""

from __future__ import annotations

from lob_backtest.data.files import MarketFile

COLUMN = "ts_exchange_ns"


def span_ns(file: MarketFile) -> tuple[int, int]:
    """Return the approximate span of time of a file's rows; its faults are found only on reading.

    Args:
        file: of at least one row.

    Returns:
        The least and the greatest exchange time, in nanoseconds, by the footer's statistics; (0, 0) without any.
    """
    place = [column.path for column in file.footer.columns].index(COLUMN)
    found = [group.chunks[place].bounds for group in file.footer.groups]
    known = [each for each in found if each is not None]
    return (min(least for least, _ in known), max(greatest for _, greatest in known)) if known else (0, 0)
