"""Audit the fills of a saved L2 result against the vendor's own messages, without the engine.

From the result come the fills and nothing else; from Binance's recording the diffs, the snapshot and the trades, read
here by themselves. What has to hold (docs/fill-model.md):

* a print fills no more than its size, over all own orders together, at its price or better ones, as the cause says;
* what is taken, on arrival or by a cross, was displayed at that moment and neither taken nor printed away before;
* an order joined the queue behind what its level displayed, less what was printed there since its last row.

Run it by hand: `python tests/support/l2_audit.py RESULT CANONICAL RECORDING...`, with the file that was run.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter, defaultdict
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
    """The displayed book, and how much of it is gone; lots that own orders have taken are in 2⁻²⁰ lot.

    Attributes:
        limits: for how long a print explains a later fall, and a fall can be explained by a later print.
    """

    def __init__(self, limits):
        self.limits = limits
        self.book = {1: {}, -1: {}}
        self.prints = defaultdict(list)  # (time, lots) since the level's last row
        self.falls = defaultdict(list)  # of each level, as `level` makes them
        self.story = defaultdict(list)  # what has changed the taken lots of a level: falls and takes
        self.taken = Counter()

    def printed(self, key, ns):
        return sum(lots for at, lots in self.prints[key] if ns - at <= self.limits[0])

    def level(self, ns, side, price, size):
        key, old = (side, price), self.book[side].get(price, 0)
        explained = min(self.printed(key, ns), old - size)
        self.prints[key] = []
        if size < old:
            fall = {"ns": ns, "old": old, "new": size, "explained": explained, "before": self.taken[key]}
            self.falls[key].append(fall)
            self.story[key].append(fall)
            self.taken[key] = self.fallen(fall, self.taken[key])
        if size:
            self.book[side][price] = size
        else:
            self.book[side].pop(price, None)

    def fallen(self, fall, taken):
        """Return what is left of taken lots behind a fall: cancels fall evenly on what prints have not explained."""
        left = fall["old"] - fall["explained"]
        if left > fall["new"]:
            taken = taken * fall["new"] // left
        return min(taken, fall["new"] << 20)

    def print(self, ns, side, price, size):
        key = (side, price)
        for fall in self.falls[key]:
            lots = min(size, fall["old"] - fall["explained"] - fall["new"])
            if lots > 0 and ns - fall["ns"] <= self.limits[1]:
                size -= lots
                fall["explained"] += lots
                self.judge_again(key, fall)
        if size:
            self.prints[key].append((ns, size))
            for other, displayed in self.book[side].items():
                if side * other > side * price:
                    self.prints[side, other] = [(ns, displayed)]

    def judge_again(self, key, fall):
        story = self.story[key][[each is fall for each in self.story[key]].index(True) :]
        taken = fall["before"]
        for each in story:
            if isinstance(each, dict):
                each["before"] = taken
                taken = self.fallen(each, taken)
            else:
                taken += each
        self.taken[key] = min(taken, self.book[key[0]].get(key[1], 0) << 20)

    def take(self, key, lots):
        self.taken[key] += lots << 20
        self.story[key].append(lots << 20)

    def best_available(self, ns, side, limit):
        """Return price and size of the best of what can be taken of a side, no worse than a limit."""
        for price in sorted(self.book[side], key=lambda price: -side * price):
            if side * price < side * limit:
                break
            key = (side, price)
            left = ((self.book[side][price] - self.printed(key, ns) << 20) - self.taken[key]) >> 20
            if left > 0:
                return price, left
        return None, 0


class Audit:
    """Match fills to the market's events, one by one.

    Attributes:
        counts: fills by cause, and how often they used up all there was.
        full: which fills used up all of a print or of a level.
        faults: what broke a rule.
    """

    def __init__(self, fills, limits):
        self.ground = Ground(limits)
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
                left = self._apply(ns, kind, rows)
                while (fill := self._due(ns)) is not None and self._explains(fill, kind, rows, left):
                    left -= fill["size_lots"] if fill["cause"] in (QUEUE, THROUGH) else 0
        self._between(None)
        return self

    def _apply(self, ns, kind, rows):
        if kind == PRINT:
            self.ground.print(ns, *rows[0])
            return rows[0][2]
        for row in rows:
            self.ground.level(ns, *row)
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
            if not self._take(fill, price):
                return False
        else:
            return False
        self._note(cause)
        return True

    def _between(self, ns):
        """Settle what happened before the next packets: fills on arrival, and what queues orders joined."""
        while (fill := self._due(None if ns is None else ns - 1)) is not None:
            if fill["cause"] != TAKE or not self._take(fill, fill["price_ticks"], exact=True):
                self.faults.append(fill)
            self._note(fill["cause"])
        while self._next_arrival < len(self.arrivals):
            at, side, price, ahead = self.arrivals[self._next_arrival]
            if ns is not None and at >= ns:
                break
            self._next_arrival += 1
            self.counts["queues joined"] += 1
            displayed = self.ground.book[side].get(price, 0)
            if ahead != max(0, displayed - self.ground.printed((side, price), at)):
                self.faults.append({"joined": at, "side": side, "price_ticks": price, "ahead": ahead})

    def _take(self, fill, limit, *, exact=False):
        """Take lots of the other side's best, if they are there; a fill on arrival has the level's price."""
        side, lots = fill["side"], fill["size_lots"]
        price, available = self.ground.best_available(fill["ts_exchange_ns"], -side, limit)
        if lots > available or (exact and price != limit):
            return False
        self.ground.take((-side, price), lots)
        self._mark("took all of a level", lots == available)
        return True

    def _mark(self, what, is_all):
        if is_all:
            self.counts[what] += 1
            self.full.append(self._next)

    def _note(self, cause):
        self.counts[{QUEUE: "queue", THROUGH: "through", CROSS: "cross", HIDDEN: "hidden", TAKE: "take"}[cause]] += 1
        self._next += 1


def limits_of(path):
    """Return a canonical file's `late_level` and `late_print` in nanoseconds."""
    known = pq.read_schema(path).metadata
    return tuple(int(known[f"lob.{name}_ns".encode()]) for name in ("late_level", "late_print"))


def audit(result, recordings, price_decimals, size_decimals, limits):
    """Audit a saved result; return counts and faults."""
    fills = pq.read_table(Path(result) / "fills.parquet").to_pylist()
    done = Audit(fills, limits).run(read_events(recordings, price_decimals, size_decimals))
    return dict(done.counts), done.faults


if __name__ == "__main__":
    found, wrong = audit(sys.argv[1], sys.argv[3:], 1, 3, limits_of(sys.argv[2]))
    print(json.dumps({"counts": found, "faults": len(wrong), "first": wrong[:3]}, indent=1))
    sys.exit(1 if wrong else 0)
