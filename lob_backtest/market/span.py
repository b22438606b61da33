"""From when to when a file's rows are, by its footer."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from lob_backtest.market.files import MarketFile

COLUMN = "ts_exchange_ns"


def span_ns(file: MarketFile) -> tuple[int, int]:
    """Return about when the rows of a file begin and end; what is wrong with the file is told when it is read.

    Args:
        file: of at least one row.

    Returns:
        The least and the greatest exchange time, in nanoseconds, by the footer's statistics; twice 0 without any.
    """
    try:
        with file.filesystem.open_input_file(file.inner) as stream:
            footer = pq.read_metadata(stream)
        place = footer.schema.names.index(COLUMN)
        groups = (footer.row_group(i).column(place).statistics for i in range(footer.num_row_groups))
        found = [each for each in groups if each is not None and each.has_min_max]
    except (OSError, ValueError, pa.ArrowException):
        return 0, 0
    if not found or not all(isinstance(each.min, int) for each in found):
        return 0, 0
    return min(each.min for each in found), max(each.max for each in found)
