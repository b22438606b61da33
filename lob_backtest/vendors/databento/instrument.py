"""Select the records of one book in Databento's files: one instrument of one publisher."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.databento.publishers import described
from lob_backtest.vendors.databento.records import Record, RecordFile
from lob_backtest.vendors.databento.symbols import DAY_NS

NAMES_SHOWN: Final = 20
_CONTINUOUS: Final = re.compile(r".+\.[cnv]\.\d+")
"""A symbol such as ES.c.0, which is another contract after each roll."""


class Instrument:
    """The instrument and the publisher to take.

    Args:
        files: one or more, in time order.
        wanted: its symbol or id; `None`: the only one.
        publisher: the id of the publisher; `None`: the only one.

    Attributes:
        symbol: the wanted symbol, or the first one of its id.
        first: its first record.

    Raises:
        ConfigError: the files lack the instrument or publisher.
        DataError: a file holds no MBO records.
    """

    def __init__(self, files: Sequence[RecordFile], wanted: str | None, publisher: int | None) -> None:
        self._files = files
        self._wanted = wanted
        self._publisher = publisher
        self._judged: dict[tuple[int, int, tuple[str, ...]], bool] = {}
        self._ids: set[int] = set()
        self._unnamed: dict[int, str] = {}
        self._last: Record | None = None
        self.first = self._find()
        names = self.first.names
        self._by_id = wanted is not None and (wanted not in names or _is_unnamed(self.first))
        self.symbol = names[0] if wanted is None or self._by_id else wanted

    @property
    def notes(self) -> list[str]:
        """Sentences for the user; complete when all records are read."""
        return [
            f"{place}: instrument id {number} has no symbol at this time; its records are left out"
            for number, place in self._unnamed.items()
            if number in self._ids
        ]

    def records(self, file: RecordFile, counts: Counter[str]) -> Iterator[Record]:
        """Read the instrument's records of a file.

        Args:
            file: one of the files, read one after the other.
            counts: counts the records left out, by kind.

        Raises:
            ConfigError: more than one instrument or publisher matches.
            DataError: the file has no records of it.
        """
        found = False
        for record in file.records(counts):
            key = (record.instrument_id, record.publisher_id, record.names)
            chosen = self._judged.get(key)
            if chosen is None:
                chosen = self._judged[key] = self._is_of_symbol(record) and self._is_of_publisher(record)
            if not chosen:
                continue
            last = self._last
            if last is not None and last.instrument_id != record.instrument_id:
                self._check_change(last, record)
            self._ids.add(record.instrument_id)
            self._last = record
            found = True
            yield record
        if not found:
            raise DataError(f"{file.path}: no records of {self.symbol}{_of(self._publisher)}")

    def _find(self) -> Record:
        names: dict[str, None] = {}
        publishers: set[int] = set()
        for file in self._files:
            left_out: Counter[str] = Counter()
            last = None
            for record in file.records(left_out):
                last = record
                if self._wanted in (None, *record.names, str(record.instrument_id)):
                    if self._publisher in (None, record.publisher_id):
                        return record
                    publishers.add(record.publisher_id)
                names.update(dict.fromkeys(record.names))
            if last is None:
                held = ", ".join(f"{kind.removeprefix('left_out_')} {n}" for kind, n in left_out.items())
                raise DataError(f"{file.path}: no MBO records" + (f"; it holds others: {held}" if held else ""))
        if publishers:
            raise ConfigError(f"--publisher {self._publisher}: not in the files, which hold {_several(publishers)}")
        raise ConfigError(f"--symbol {self._wanted}: not in the files, which hold {_listed(names)}")

    def _is_of_symbol(self, record: Record) -> bool:
        """Return whether a record is of the instrument; the answer is cached by id, publisher and names."""
        names, wanted = record.names, self._wanted
        if wanted is None:
            if names[0] != self.symbol:
                raise ConfigError(
                    f"{record.origin.path}: not one instrument; choose with --symbol one of {self._all_names()}"
                )
        elif self._by_id:
            if wanted != str(record.instrument_id):
                if wanted in names:
                    raise ConfigError(f"{record.place}: {wanted} is a symbol here, an instrument id before")
                return False
            if names[0] != self.symbol:
                raise ConfigError(
                    f"{record.place}: instrument id {wanted} is {names[0]} here, {self.symbol} before; choose with "
                    f"--symbol one of {self._all_names(record.instrument_id)}"
                )
        elif wanted not in names:
            if _is_unnamed(record):
                self._unnamed.setdefault(record.instrument_id, record.place)
            return False
        return True

    def _is_of_publisher(self, record: Record) -> bool:
        """Return whether a record of the instrument is of the publisher; each has its own book and order ids."""
        if self._publisher is None and record.publisher_id != self.first.publisher_id:
            found = {
                each.publisher_id
                for file in self._files
                for each in file.records(Counter())
                if each.instrument_id == record.instrument_id or each.names == record.names
            }
            raise ConfigError(
                f"{record.place}: several publishers, each with a book of its own: {_several(found)}; choose with "
                "--publisher"
            )
        return self._publisher in (None, record.publisher_id)

    def _check_change(self, last: Record, record: Record) -> None:
        """Refuse a change of the instrument id that is a change of the instrument."""
        ids = f"instrument id {record.instrument_id} here, {last.instrument_id} before"
        choose = f"choose with --symbol {last.instrument_id} or --symbol {record.instrument_id}"
        if _CONTINUOUS.fullmatch(self.symbol):
            raise ConfigError(f"{record.place}: {self.symbol} is {ids}: another contract; {choose}")
        if last.ts_recv // DAY_NS == record.ts_recv // DAY_NS:
            raise ConfigError(f"{record.place}: {self.symbol} is {ids}, on the same day; {choose}")

    def _all_names(self, instrument_id: int | None = None) -> str:
        return _listed(
            dict.fromkeys(
                record.names[0]
                for file in self._files
                for record in file.records(Counter())
                if instrument_id in (None, record.instrument_id)
            )
        )


def _is_unnamed(record: Record) -> bool:
    return record.names == (str(record.instrument_id),)


def _of(publisher: int | None) -> str:
    return "" if publisher is None else f" by publisher {described(publisher)}"


def _several(publishers: Iterable[int]) -> str:
    return ", ".join(described(each) for each in sorted(publishers))


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = f" and {len(shown) - NAMES_SHOWN} more" if len(shown) > NAMES_SHOWN else ""
    return ", ".join(shown[:NAMES_SHOWN]) + more
