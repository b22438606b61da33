"""The symbols of instrument ids in a DBN file: by date from its metadata, from a record on in a live recording.

An id identifies an instrument only within the dates of a mapping, in UTC and by `ts_recv`: equity venues assign ids
anew each day.

Source: Databento's documentation of symbology, https://databento.com/docs/standards-and-conventions/symbology.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

DAY_NS: Final = 86_400 * 10**9
_EPOCH: Final = date(1970, 1, 1)


class Symbols:
    """Find the names of an instrument at a time.

    Args:
        metadata: of a DBN file.
    """

    def __init__(self, metadata: Any) -> None:
        self._intervals: dict[int, list[tuple[int, int, str]]] = {}
        self._live: dict[int, tuple[str, ...]] = {}
        self._found: dict[tuple[int, int], tuple[str, ...]] = {}
        asked = {symbol: i for i, symbol in reversed(list(enumerate(metadata.symbols)))}
        by_id = str(metadata.stype_in) == "instrument_id"
        # The mappings are in the order of a hash map; they are sorted by the request, then by name.
        for symbol in sorted(metadata.mappings, key=lambda each: (asked.get(each, len(asked)), each)):
            for interval in metadata.mappings[symbol]:
                name, number = (interval["symbol"], symbol) if by_id else (symbol, interval["symbol"])
                if name and number.isascii() and number.isdigit():
                    start, end = _day(interval["start_date"]), _day(interval["end_date"])
                    self._intervals.setdefault(int(number), []).append((start, end, name))

    def names(self, instrument_id: int, ts_recv: int) -> tuple[str, ...]:
        """Return all names that an id has at a time; the id itself if it has none.

        Args:
            instrument_id: the id.
            ts_recv: the time of a record, in nanoseconds since the epoch.
        """
        key = (instrument_id, ts_recv // DAY_NS)
        names = self._found.get(key)
        if names is None:
            mapped = [name for start, end, name in self._intervals.get(instrument_id, ()) if start <= key[1] < end]
            names = tuple(dict.fromkeys([*mapped, *self._live.get(instrument_id, ())])) or (str(instrument_id),)
            self._found[key] = names
        return names

    def update(self, record: Any) -> None:
        """Apply a SymbolMapping record of a live session, valid from here on.

        The requested symbol is a second name of the id, unless it is a parent or all symbols, which have many ids.
        """
        asked, name = record.stype_in_symbol, record.stype_out_symbol
        names = [name if not name.isdigit() else asked]
        if str(record.stype_in) != "parent" and asked != "ALL_SYMBOLS":
            names.append(asked)
        self._live[record.instrument_id] = tuple(dict.fromkeys(each for each in names if each))
        self._found.clear()


def _day(day: date) -> int:
    return (day - _EPOCH) // timedelta(days=1)
