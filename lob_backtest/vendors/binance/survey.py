"""Read Binance recordings once, for what the conversion has to know before it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.units import MS, SECOND, format_instant
from lob_backtest.vendors.binance.clock import Latencies
from lob_backtest.vendors.binance.fields import shown, unsupported
from lob_backtest.vendors.binance.stream import (
    TIMELESS_BOOKS,
    Diff,
    Message,
    Other,
    Snapshot,
    Top,
    Trade,
    is_surely_a_change,
    looks_whole,
    read_messages,
)
from lob_backtest.vendors.binance.units import Span

NAMES_SHOWN: Final = 20
ALONE_NS: Final = 60 * SECOND
"""How far the partial books of a file may extend beyond the time of its changes."""
RECORD_DIFFS: Final = "record its changes (SYMBOL@depth@100ms), too"


@dataclass(slots=True)
class Survey:
    """The survey of one instrument in recordings.

    Attributes:
        files: the recordings, in order of time.
        symbol: of the instrument.
        futures: whether it is of a futures market.
        depth: number of levels per side in its messages; `None`: they are diffs, of all levels.
        interval_ns: interval between messages; 0 for diffs.
        has_other_symbols: whether the files also hold other instruments.
        prices: of levels and trades.
        sizes: of levels and trades.
        latencies: local - exchange times of messages.
    """

    files: list[Path]
    symbol: str
    futures: bool
    depth: int | None
    interval_ns: int
    has_other_symbols: bool
    prices: Span
    sizes: Span
    latencies: Latencies


def survey(paths: Sequence[Path], symbol: str | None) -> Survey:
    """Read recordings from end to end.

    Args:
        paths: the recordings, in order of time.
        symbol: the instrument; `None`: the only one.

    Raises:
        ConfigError: there are several instruments and none was chosen, or the chosen one is not among them.
        DataError: a file is missing or corrupt, a line is malformed, files are not in order of time, the book cannot be
            rebuilt, or the instrument is of an unsupported kind.
    """
    observed: dict[str, _Observed] = {}
    others: set[str] = set()
    snapshots = _Observed()
    for path, message in _messages(paths):
        if isinstance(message, Other) and message.kind not in ("other_contracts", TIMELESS_BOOKS):
            if message.symbol is not None:
                others.add(message.symbol)
        elif message.symbol is None:
            snapshots.add(message, path)
        else:
            observed.setdefault(message.symbol, _Observed()).add(message, path)
    chosen = observed[name := _choose(observed, symbol, paths[0])]
    has_other_symbols = len(others.union(observed)) > 1
    if not has_other_symbols:
        chosen.prices.join(snapshots.prices)
        chosen.sizes.join(snapshots.sizes)
    depth, interval_ms = chosen.check_book(name, paths[0])
    assert chosen.futures is not None
    return Survey(
        files=list(paths),
        symbol=name,
        futures=chosen.futures,
        depth=depth,
        interval_ns=interval_ms * MS,
        has_other_symbols=has_other_symbols,
        prices=chosen.prices,
        sizes=chosen.sizes,
        latencies=chosen.latencies,
    )


def _choose(observed: dict[str, _Observed], symbol: str | None, path: Path) -> str:
    names = ", ".join(sorted(observed)[:NAMES_SHOWN]) + (", ..." if len(observed) > NAMES_SHOWN else "")
    if not observed:
        raise DataError(f"{path}: neither diffs nor trades of Binance (depthUpdate, trade, aggTrade) in there")
    if symbol is None and len(observed) > 1:
        raise ConfigError(f"{path}: not one instrument; choose with --symbol one of {names}")
    name = next(iter(observed)) if symbol is None else symbol.upper()
    if name not in observed:
        raise ConfigError(f"--symbol {symbol}: not in the files, which hold {names}")
    why = unsupported(name)
    if why is not None:
        raise DataError(f"{path}: {name} {why}")
    return name


def _messages(paths: Sequence[Path]) -> Iterator[tuple[Path, Message]]:
    """Read the messages of all files, and check that the files are in order of time."""
    end_ns = 0
    for path in paths:
        latest_ns = end_ns
        for message in read_messages(path):
            if message.local_ns < end_ns:
                raise DataError(
                    f"{path}, line {message.number}: recorded before the end of the file before it; give files in "
                    "time order, none twice (if they are, the recorder's clock jumped back: convert them one by one)"
                )
            latest_ns = max(latest_ns, message.local_ns)
            yield path, message
        end_ns = latest_ns


class _Observed:
    """What the messages so far determine about one instrument.

    Attributes:
        futures: whether it is of a futures market; `None` before its first book.
        prices: of levels and trades.
        sizes: of levels and trades.
        latencies: of its messages.
    """

    def __init__(self) -> None:
        self.futures: bool | None = None
        self.prices, self.sizes = Span(), Span()
        self.latencies = Latencies()
        self._diff_times: dict[Path, tuple[int, int]] = {}
        self._top_times: dict[Path, tuple[int, int]] = {}
        self._streams: dict[str, tuple[int, int]] = {}
        self._timeless: str | None = None
        self._unnamed: str | None = None
        self._change: str | None = None
        self._whole: str | None = None

    def add(self, message: Message, path: Path) -> None:
        """Add a message."""
        if isinstance(message, Other):
            if message.kind == TIMELESS_BOOKS:
                self._timeless = self._timeless or f"{path}, line {message.number}"
            return
        if isinstance(message, Trade):
            if message.on_book:
                self._add_levels([(message.price, message.size)])
        else:
            self._add_levels(message.bids)
            self._add_levels(message.asks)
        if isinstance(message, Diff | Top):
            self._add_book(message, path)
        if not isinstance(message, Snapshot):
            self.latencies.add(message.ts_ns, message.local_ns, str(path), message.number)

    def _add_levels(self, texts: list[tuple[str, str]]) -> None:
        for price, size in texts:
            self.prices.add(price)
            self.sizes.add(size)

    def _add_book(self, message: Diff | Top, path: Path) -> None:
        if self.futures not in (None, message.futures):
            raise DataError(
                f"{path}, line {message.number}: a diff of another market: spot and futures of {message.symbol} "
                "are two instruments; convert them one by one"
            )
        self.futures = message.futures
        times = self._top_times if isinstance(message, Top) else self._diff_times
        first_ns, last_ns = times.get(path, (message.ts_ns, message.ts_ns))
        times[path] = min(first_ns, message.ts_ns), max(last_ns, message.ts_ns)
        if isinstance(message, Top):
            self._streams.setdefault(message.stream, (message.depth, message.interval_ms))
            return
        if message.futures and not message.named:
            place = f"{path}, line {message.number}"
            self._unnamed = self._unnamed or place
            if self._change is None and is_surely_a_change(message):
                self._change = place
            if self._whole is None and looks_whole(message):
                self._whole = place

    def check_book(self, name: str, path: Path) -> tuple[int | None, int]:
        """Choose between changes and the top of the book.

        Args:
            name: of the instrument.
            path: of the first file, for messages.

        Returns:
            The number of levels of the top and the milliseconds between its messages; `None` and 0 for changes.

        Raises:
            DataError: there is no book, or the kind of its messages is ambiguous.
        """
        if self.futures is None and self._timeless:
            raise DataError(
                f"{self._timeless}: a partial book of {name} without exchange time, as the spot market's @depth5, "
                f"@depth10 and @depth20 streams send it, cannot be placed among trades; {RECORD_DIFFS}"
            )
        if self.futures is None:
            raise DataError(f"{path}: no diffs of {name} (depthUpdate); {RECORD_DIFFS}")
        self._check_unnamed()
        if self._diff_times:
            self._check_beside_diffs()
            return None, 0
        if len(self._streams) > 1:
            names = ", ".join(shown(each) for each in sorted(self._streams))
            raise DataError(
                f"{path}: partial books of several streams ({names}); keep the lines of one of them, since they state "
                "different numbers of levels or at different times"
            )
        return next(iter(self._streams.values()))

    def _check_beside_diffs(self) -> None:
        """Refuse partial books in a stretch of time without changes, where they would be left out."""
        for file, (first_ns, last_ns) in self._top_times.items():
            since_ns, until_ns = self._diff_times.get(file, (last_ns + 2 * ALONE_NS, 0))
            if first_ns < since_ns - ALONE_NS or last_ns > until_ns + ALONE_NS:
                raise DataError(
                    f"{file}: partial books (such as @depth5) from {format_instant(first_ns)} to "
                    f"{format_instant(last_ns)}, and no changes (@depth) in all of this time; convert what was "
                    "recorded of each kind on its own"
                )

    def _check_unnamed(self) -> None:
        """Refuse messages without a stream's name that could be the top of the book."""
        doubtful = self._whole if self._change else self._unnamed
        if doubtful:
            raise DataError(
                f"{doubtful}: a depthUpdate without the name of its stream may be the whole top of the book (@depth5, "
                "@depth10, @depth20) or a change (@depth); record from a combined stream "
                '({"stream": ..., "data": ...}), or put the name of its stream around each message'
            )
