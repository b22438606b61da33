"""Audit the fills of a saved L2 result against the vendor's own messages, without the engine.

From the result come the fills and nothing else; from Binance's recording the diffs, the snapshot and the trades, read
here by themselves. What has to hold (docs/fill-model.md):

* a print fills no more than its size, over all own orders together, at its price or better ones, as the cause says;
* what is taken, on arrival or by a cross, was displayed at that moment and neither taken nor printed away before;
* an order joined the queue behind what its level displayed.

Run it by hand: `python tests/l2_audit.py RESULT RECORDING...`
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq

QUEUE, THROUGH, CROSS, HIDDEN, TAKE = 1, 2, 3, 4, 5
PRINT, DIFF = 0, 1
MS = 10**6


def read_events(paths, price_decimals, size_decimals):
    """Return prints and diffs behind the snapshot as (ns, PRINT or DIFF, number, rows) in order of time.

    A row is (side, price, size); the first diff is the whole book.
    """
    events, held, last = [], [], None
    for path in paths:
        with gzip.open(path, "rt") as file:
            for text in file:
                message = json.loads(text.partition(" ")[2])
                message = message.get("data", message)
                kind = message.get("e")
                if kind == "trade":
                    row = (1 if message["m"] else -1, *units(message["p"], message["q"], price_decimals, size_decimals))
                    events.append((message["T"] * MS, PRINT, len(events), [row]))
                elif kind == "depthUpdate":
                    rows = levels(message["b"], message["a"], price_decimals, size_decimals)
                    ns = message["T" if "pu" in message else "E"] * MS
                    if last is None:
                        held.append((ns, message["u"], rows))
                    else:
                        events.append((ns, DIFF, len(events), rows))
                elif "lastUpdateId" in message:
                    last = message["lastUpdateId"]
                    rows = levels(message["bids"], message["asks"], price_decimals, size_decimals)
                    rows += [row for _, update, more in held if update > last for row in more]
                    events.append((held[-1][0], DIFF, len(events), rows))
    start = next(event[0] for event in events if event[1] == DIFF)
    return sorted(event for event in events if event[0] >= start)


def units(price, size, price_decimals, size_decimals):
    return round(float(price) * 10**price_decimals), round(float(size) * 10**size_decimals)


def levels(bids, asks, *decimals):
    return [(side, *units(*level, *decimals)) for side, rows in ((1, bids), (-1, asks)) for level in rows]


class Ground:
    """The displayed book, and how much of it is gone."""

    def __init__(self):
        self.book = {1: {}, -1: {}}
        self.taken = Counter()
        self.printed = Counter()
        self.unexplained = Counter()
        self.last_print = {}

    def level(self, side, price, size):
        key, before = (side, price), self.book[side].get(price, 0)
        fall = before - size
        self.taken[key] = max(0, self.taken[key] - max(0, fall)) if size else 0
        self.unexplained[key] = max(0, fall - self.printed.pop(key, 0))
        self.last_print.pop(side, None)
        if size:
            self.book[side][price] = size
        else:
            self.book[side].pop(price, None)

    def print(self, side, price, size):
        key = (side, price)
        known = min(size, self.unexplained[key])  # the level has shown it already
        self.unexplained[key] -= known
        self.printed[key] += size - known
        self.last_print[side] = price

    def best_available(self, side, limit):
        """Return price and size of the best of what can be taken of a side, no worse than a limit."""
        last = self.last_print.get(side)
        found = [
            (side * price, price, size - self.taken[side, price] - self.printed[side, price])
            for price, size in self.book[side].items()
            if side * price >= side * limit and (last is None or side * price <= side * last)
        ]
        offers = [offer for offer in found if offer[2] > 0]
        return max(offers)[1:] if offers else (None, 0)


class Audit:
    """Match fills to the market's events, one by one.

    Attributes:
        counts: fills by cause, and how often they used up all there was.
        full: which fills used up all of a print or of a level.
        faults: what broke a rule.
    """

    def __init__(self, fills):
        self.ground = Ground()
        self.fills = sorted(fills, key=lambda fill: fill["fill_id"])
        self.arrivals = sorted(
            {
                (f["ts_arrival_ns"], f["side"], f["price_ticks"], f["queue_ahead_at_arrival_lots"])
                for f in self.fills
                if f["cause"] != TAKE
            }
        )
        self.counts = Counter()
        self.full = []
        self.faults = []
        self._next = self._next_arrival = 0

    def run(self, events):
        while self._next_arrival < len(self.arrivals) and self.arrivals[self._next_arrival][0] < events[0][0]:
            self._next_arrival += 1
            self.counts["queues joined before the snapshot"] += 1
        for ns, packets in groupby(events, key=lambda event: event[0]):
            self._between(ns)
            for _, kind, _, rows in packets:
                left = self._apply(kind, rows)
                while (fill := self._due(ns)) is not None and self._explains(fill, kind, rows, left):
                    left -= fill["size_lots"] if fill["cause"] in (QUEUE, THROUGH) else 0
        self._between(None)
        return self

    def _apply(self, kind, rows):
        if kind == PRINT:
            self.ground.print(*rows[0])
            return rows[0][2]
        for row in rows:
            self.ground.level(*row)
        return 0

    def _due(self, ns):
        fill = self.fills[self._next] if self._next < len(self.fills) else None
        return fill if fill is not None and (ns is None or fill["ts_exchange_ns"] <= ns) else None

    def _explains(self, fill, kind, rows, left):
        """Say whether a fill can be of this packet, and note it if so."""
        cause, side, price, lots = (fill[name] for name in ("cause", "side", "price_ticks", "size_lots"))
        if cause in (QUEUE, THROUGH):
            if kind != PRINT or rows[0][0] != side or lots > left:
                return False
            distance = side * (price - rows[0][1])
            if distance < 0 or (distance == 0) != (cause == QUEUE):
                return False
            self._mark("filled a whole print", lots == left)
        elif cause == CROSS:
            if not self._take(side, price, lots):
                return False
        else:
            return False
        self._note(cause)
        return True

    def _between(self, ns):
        """Settle what happened before the next packets: fills on arrival, and what queues orders joined."""
        while (fill := self._due(None if ns is None else ns - 1)) is not None:
            if fill["cause"] != TAKE or not self._take(
                fill["side"], fill["price_ticks"], fill["size_lots"], exact=True
            ):
                self.faults.append(fill)
            self._note(fill["cause"])
        while self._next_arrival < len(self.arrivals):
            at, side, price, ahead = self.arrivals[self._next_arrival]
            if ns is not None and at >= ns:
                break
            self._next_arrival += 1
            self.counts["queues joined"] += 1
            if ahead != self.ground.book[side].get(price, 0):
                self.faults.append({"joined": at, "side": side, "price_ticks": price, "ahead": ahead})

    def _take(self, side, limit, lots, *, exact=False):
        """Take lots of the other side's best, if they are there; a fill on arrival has the level's price."""
        price, available = self.ground.best_available(-side, limit)
        if lots > available or (exact and price != limit):
            return False
        self.ground.taken[-side, price] += lots
        self._mark("took all of a level", lots == available)
        return True

    def _mark(self, what, is_all):
        if is_all:
            self.counts[what] += 1
            self.full.append(self._next)

    def _note(self, cause):
        self.counts[{QUEUE: "queue", THROUGH: "through", CROSS: "cross", HIDDEN: "hidden", TAKE: "take"}[cause]] += 1
        self._next += 1


def audit(result, recordings, price_decimals, size_decimals):
    """Audit a saved result; return counts and faults."""
    fills = pq.read_table(Path(result) / "fills.parquet").to_pylist()
    done = Audit(fills).run(read_events(recordings, price_decimals, size_decimals))
    return dict(done.counts), done.faults


if __name__ == "__main__":
    found, wrong = audit(sys.argv[1], sys.argv[2:], 1, 3)
    print(json.dumps({"counts": found, "faults": len(wrong), "first": wrong[:3]}, indent=1))
    sys.exit(1 if wrong else 0)
