"""Read Binance recordings once, to learn what they hold before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.market.formats.binance_clock import Latencies
from lob_backtest.market.formats.binance_fields import unsupported
from lob_backtest.market.formats.binance_stream import (
    Diff,
    Message,
    Other,
    Snapshot,
    Trade,
    read_messages,
)
from lob_backtest.market.formats.binance_units import Span

NAMES_SHOWN: Final = 20


@dataclass(slots=True)
class Survey:
    """What recordings hold of one instrument.

    Attributes:
        files: the recordings, in order of time.
        symbol: of the instrument.
        futures: whether it is of a futures market.
        has_other_symbols: whether the files hold other instruments, too.
        prices: of levels and trades.
        sizes: of levels and trades.
        latencies: local - exchange times of messages.
    """

    files: list[Path]
    symbol: str
    futures: bool
    has_other_symbols: bool
    prices: Span
    sizes: Span
    latencies: Latencies


def survey(paths: Sequence[Path], symbol: str | None) -> Survey:
    """Read recordings from end to end.

    Args:
        paths: the recordings, in order of time.
        symbol: the instrument to look at; `None`: the only one.

    Raises:
        ConfigError: there are several instruments, and none was chosen, or not this one.
        DataError: a file is missing or corrupt, a line is not what it should be, files are not in order of time, there
            are no diffs, or the instrument is of an unsupported kind.
    """
    scouts: dict[str, _Scout] = {}
    others: set[str] = set()
    snapshots = _Scout()
    for path, message in _messages(paths):
        if isinstance(message, Other) and message.kind != "other_contracts":
            if message.symbol is not None:
                others.add(message.symbol)
        elif message.symbol is None:
            snapshots.see(message, path)
        else:
            scouts.setdefault(message.symbol, _Scout()).see(message, path)
    scout = scouts[name := _choose(scouts, symbol, paths[0])]
    if scout.futures is None:
        raise DataError(f"{paths[0]}: no diffs of {name} (depthUpdate); record its depth stream, too")
    has_other_symbols = len(others.union(scouts)) > 1
    if not has_other_symbols:
        scout.prices.join(snapshots.prices)
        scout.sizes.join(snapshots.sizes)
    return Survey(
        files=list(paths),
        symbol=name,
        futures=scout.futures,
        has_other_symbols=has_other_symbols,
        prices=scout.prices,
        sizes=scout.sizes,
        latencies=scout.latencies,
    )


def _choose(scouts: dict[str, _Scout], symbol: str | None, path: Path) -> str:
    names = ", ".join(sorted(scouts)[:NAMES_SHOWN]) + (", ..." if len(scouts) > NAMES_SHOWN else "")
    if not scouts:
        raise DataError(f"{path}: neither diffs nor trades of Binance (depthUpdate, trade, aggTrade) in there")
    if symbol is None and len(scouts) > 1:
        raise ConfigError(f"{path}: not one instrument; choose with --symbol one of {names}")
    name = next(iter(scouts)) if symbol is None else symbol.upper()
    if name not in scouts:
        raise ConfigError(f"--symbol {symbol}: not in the files, which hold {names}")
    why = unsupported(name)
    if why is not None:
        raise DataError(f"{path}: {name} {why}")
    return name


def _messages(paths: Sequence[Path]) -> Iterator[tuple[Path, Message]]:
    """Read file after file, and compare their times."""
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


class _Scout:
    """What has been seen of one instrument.

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

    def see(self, message: Message, path: Path) -> None:
        """Take a message in."""
        if isinstance(message, Other):
            return
        if isinstance(message, Trade):
            if message.on_book:
                self._see_levels([(message.price, message.size)])
        else:
            self._see_levels(message.bids)
            self._see_levels(message.asks)
        if isinstance(message, Diff):
            if self.futures not in (None, message.futures):
                raise DataError(
                    f"{path}, line {message.number}: a diff of another market: spot and futures of {message.symbol} "
                    "are two instruments; convert them one by one"
                )
            self.futures = message.futures
        if not isinstance(message, Snapshot):
            self.latencies.see(message.ts_ns, message.local_ns, str(path), message.number)

    def _see_levels(self, texts: list[tuple[str, str]]) -> None:
        for price, size in texts:
            self.prices.see(price)
            self.sizes.see(size)
