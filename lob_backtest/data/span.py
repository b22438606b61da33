"""From when to when a file's rows are, by its footer."""

from __future__ import annotations

from lob_backtest.data.files import MarketFile

COLUMN = "ts_exchange_ns"


def span_ns(file: MarketFile) -> tuple[int, int]:
    """Return about when the rows of a file begin and end; what is wrong with the file is told when it is read.

    Args:
        file: of at least one row.

    Returns:
        The least and the greatest exchange time, in nanoseconds, by the footer's statistics; twice 0 without any.
    """
    place = [column.path for column in file.footer.columns].index(COLUMN)
    found = [group.chunks[place].bounds for group in file.footer.groups]
    known = [each for each in found if each is not None]
    return (min(least for least, _ in known), max(greatest for _, greatest in known)) if known else (0, 0)
