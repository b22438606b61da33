"""Time between the print and the LEVEL row of one trade in a feed. Usage: late_prints.py FILE...

Reads canonical L2 files, each by itself, all times being exchange times:

* prints: the delay from each print to the next LEVEL row of its price, and where the row is: in the print's packet, in
  a later packet of the same time, in the next packet of LEVEL rows, in one after that. Where the row falls by exactly
  what was printed since the row before, the two belong together for certain ("exact").
* falls: how often a print of the level's price and of at most the fall's size follows a fall at the touch that no print
  precedes. By chance one follows any change of a level: the same is counted for rises, which no print explains.
  Late prints are what falls have more of than rises.

Snapshots are left out, and so are changes where the book is SUSPECT: the touch is not known.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.reader import open_market
from lob_backtest.units import MS, format_instant

QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
WINDOWS_MS = (1, 10, 50, 100, 250, 1000, 30_000)
PLACES = ("same packet", "same time", "next packet", "later packet", "never")
NO_PRICE = -(1 << 62)

Row = tuple[int, int, int, int, int]
"""Action, side, price in ticks, size in lots, flags."""
LevelKey = tuple[int, int]
"""Side and price of a level."""


@dataclass(slots=True)
class Waiting:
    """Prints of one level since its last LEVEL row: when each came, after how many packets of LEVEL rows, their sum."""

    printed: list[tuple[int, int, int]] = field(default_factory=list)
    size_lots: int = 0


class Feed:
    """Follow one file's packets and note what follows what.

    Attributes:
        prints: time and size of each print of a level, in order.
        delays_ns: from each print to the next LEVEL row of its price, by whether that is an exact fall.
        places: how many prints have this row where, in the order of `PLACES`.
        falls: time, level and size of each fall at the touch without a print before it.
        rises: the same of rises.
    """

    def __init__(self) -> None:
        self.prints: dict[LevelKey, list[tuple[int, int]]] = defaultdict(list)
        self.delays_ns: dict[bool, list[int]] = {False: [], True: []}
        self.places = dict.fromkeys(PLACES, 0)
        self.falls: list[tuple[int, LevelKey, int]] = []
        self.rises: list[tuple[int, LevelKey, int]] = []
        self._book: dict[LevelKey, int] = {}
        self._waiting: dict[LevelKey, Waiting] = {}
        self._packets = 0
        self._level_packets = 0

    def packet(self, ts_ns: int, rows: list[Row]) -> None:
        """Add one packet."""
        self._packets += 1
        is_whole = any(flags & Flag.SNAPSHOT for *_, flags in rows)
        self._level_packets += any(row[0] == Action.LEVEL for row in rows)
        changes: list[tuple[LevelKey, int]] = []
        for action, side, price_ticks, size_lots, flags in rows:
            place = (side, price_ticks)
            if action == Action.TRADE:
                self.prints[place].append((ts_ns, size_lots))
                waiting = self._waiting.setdefault(place, Waiting())
                waiting.printed.append((ts_ns, self._packets, self._level_packets))
                waiting.size_lots += size_lots
            elif action == Action.CLEAR:
                self._book.clear()
                self._waiting.clear()
            elif action == Action.LEVEL:
                fall = self._book.pop(place, 0) - size_lots
                if size_lots:
                    self._book[place] = size_lots
                printed = 0 if is_whole else self._show(ts_ns, place, fall)
                if not printed and not is_whole and not flags & Flag.SUSPECT:
                    changes.append((place, fall))
        self._note_changes(ts_ns, changes)

    def _show(self, ts_ns: int, place: LevelKey, fall: int) -> int:
        """Give the waiting prints of a level their row, and return their size."""
        waiting = self._waiting.pop(place, None)
        if waiting is None:
            return 0
        for printed_ns, packet, level_packet in waiting.printed:
            self.delays_ns[fall == waiting.size_lots].append(ts_ns - printed_ns)
            if packet == self._packets:
                self.places["same packet"] += 1
            elif printed_ns == ts_ns:
                self.places["same time"] += 1
            else:
                self.places["next packet" if self._level_packets == level_packet + 1 else "later packet"] += 1
        return waiting.size_lots

    def _note_changes(self, ts_ns: int, changes: list[tuple[LevelKey, int]]) -> None:
        if not changes:
            return
        best = {each: max((s * p for s, p in self._book if s == each), default=NO_PRICE) for each in (1, -1)}
        for (side, price_ticks), fall in changes:
            if side * price_ticks < best[side]:
                continue
            if fall > 0:
                self.falls.append((ts_ns, (side, price_ticks), fall))
            elif fall < 0:
                self.rises.append((ts_ns, (side, price_ticks), -fall))

    def end(self) -> None:
        """Count the prints that got no row."""
        self.places["never"] = sum(len(each.printed) for each in self._waiting.values())

    def followed(self, changes: list[tuple[int, LevelKey, int]], window_ns: int, *, exact: bool) -> float:
        """Return the share of changes that a print follows, of at most or exactly their size."""
        n = 0
        for ts_ns, place, size_lots in changes:
            prints = self.prints.get(place, [])
            for printed_ns, printed_lots in prints[bisect_right(prints, (ts_ns, 1 << 62)) :]:
                if printed_ns > ts_ns + window_ns:
                    break
                if printed_lots == size_lots or (not exact and printed_lots < size_lots):
                    n += 1
                    break
        return n / max(1, len(changes))


def packets(path: str) -> Iterator[tuple[int, list[Row]]]:
    """Yield time and rows of each packet of a file."""
    rows: list[Row] = []
    for batch in open_market(path, require_local=False).batches():
        for ts_ns, (action, side, _, price_ticks, size_lots, flags) in zip(
            batch.ts_exchange_ns.tolist(), batch.book_rows(), strict=True
        ):
            rows.append((action, side, price_ticks, size_lots, flags))
            if flags & Flag.LAST:
                yield ts_ns, rows
                rows = []


def main() -> None:
    """Print the tables of each file."""
    for path in sys.argv[1:]:
        feed, rows, first_ns, ts_ns = Feed(), 0, 0, 0
        for ts_ns, packet in packets(path):
            first_ns = first_ns or ts_ns
            rows += len(packet)
            feed.packet(ts_ns, packet)
        feed.end()
        n = sum(feed.places.values())
        print(f"{path}: {rows} rows, {format_instant(first_ns)} to {format_instant(ts_ns)}, {n} prints")
        print("  row of a print: " + ", ".join(f"{name} {k / max(1, n):.2%}" for name, k in feed.places.items()))
        exact = feed.delays_ns[True]
        print("  delay, ms    prints  " + "".join(f"{q:>9.1%}" for q in QUANTILES))
        for name, delays_ns in (("all", exact + feed.delays_ns[False]), ("exact", exact)):
            cuts = np.quantile(delays_ns or [0], QUANTILES) / MS
            print(f"  {name:9}{len(delays_ns):>10}  " + "".join(f"{ms:>9.1f}" for ms in cuts))
        print("  followed within ms           n" + "".join(f"{ms:>9}" for ms in WINDOWS_MS))
        for size, is_exact in (("at most", False), ("exactly", True)):
            for name, changes in (("fall", feed.falls), ("rise", feed.rises)):
                shares = (feed.followed(changes, ms * MS, exact=is_exact) for ms in WINDOWS_MS)
                print(f"  {name}, {size} its size {len(changes):>8}" + "".join(f"{share:>9.2%}" for share in shares))


if __name__ == "__main__":
    main()
