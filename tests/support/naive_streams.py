"""Random market rows and requests for the naive simulator: few prices, small sizes, so that things meet.

The feeds are valid: each generator keeps a small book of its own. Rates of what is awkward (late prints, bad books,
halts, snapshots) are drawn per stream, so that some streams have none of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from naive_matching import Request, Row

from lob_backtest.contract.rows import Action, Flag, Phase

LOW, HIGH = 96, 105  # prices of the market and of the requests


@dataclass
class Rates:
    """How often a stream does what is awkward, a probability per event (or row)."""

    late: float = 0.0  # a print or level that is sent later than its trade
    bad: float = 0.0  # crossed and locked books, SUSPECT rows
    halt: float = 0.0
    clear: float = 0.0
    hidden: float = 0.0
    join: float = 0.0  # rows that go into one packet with the next
    batch: float = 0.0  # a change that is not shown until the next one at its price

    @classmethod
    def drawn(cls, rng: random.Random) -> Rates:
        def some(*values: float) -> float:
            return rng.choice((0.0, *values))

        return cls(
            late=some(0.3, 0.7),
            bad=some(0.03, 0.1),
            halt=some(0.02),
            clear=some(0.02, 0.05),
            hidden=some(0.1),
            join=some(0.2, 0.6),
            batch=some(0.2, 0.5),
        )


def with_lasts(rng: random.Random, messages: list[list[Row]], join: float) -> list[Row]:
    """Number no packets but end them: each message whole, some together with the next."""
    rows: list[Row] = []
    for k, message in enumerate(messages):
        rows += message
        if k + 1 == len(messages) or rng.random() >= join:
            rows[-1] = (*rows[-1][:6], rows[-1][6] | Flag.LAST, rows[-1][7])
    return rows


@dataclass
class LevelMarket:
    """An L2 market: true sizes at once, prints and levels of them sent with delays of their own."""

    rng: random.Random
    rates: Rates
    late_ns: int
    now: int = 0
    mid: int = 100  # the highest price of a bid
    true: dict[tuple[int, int], int] = field(default_factory=dict)
    sent: list[tuple[int, int, list[Row]]] = field(default_factory=list)
    last_level: dict[tuple[int, int], int] = field(default_factory=dict)
    crossing: list[tuple[int, int]] = field(default_factory=list)

    def send(self, ts: int, *rows: tuple[int, int, int, int, int]) -> None:
        """Send action, side, price, size, flags: one message."""
        message = [(ts, int(a), s, 0, p, n, int(f), 0) for a, s, p, n, f in rows]
        self.sent.append((ts, len(self.sent), message))

    def delay(self) -> int:
        late = self.rng.random() < self.rates.late
        return self.rng.choice((1, self.late_ns - 1, self.late_ns, self.late_ns + 1, 3)) if late else 0

    def level(self, side: int, price: int) -> None:
        """Show a level as it is now, perhaps later, never before what was shown of it earlier."""
        if self.rng.random() < self.rates.batch:
            return
        ts = max(self.now + max(0, self.delay()), self.last_level.get((side, price), 0))
        self.last_level[side, price] = ts
        suspect = Flag.SUSPECT if self.rng.random() < self.rates.bad / 2 else 0
        self.send(ts, (Action.LEVEL, side, price, self.true.get((side, price), 0), suspect))

    def trade(self) -> None:
        """Trade at the best price and, sometimes, through it; a print without the levels that it went through."""
        rng, side = self.rng, self.rng.choice((1, -1))
        prices = sorted((p for (s, p), n in self.true.items() if s == side and n), reverse=side > 0)
        size = rng.randint(1, 8)
        if len(prices) > 1 and rng.random() < 0.1:
            prices = prices[1:]
        for price in prices if rng.random() < 0.4 else prices[:1]:
            part = min(size, self.true[side, price])
            if part:
                self.true[side, price] -= part
                size -= part
                flags = Flag.SUSPECT if rng.random() < self.rates.bad / 4 else 0
                self.send(self.now + max(0, self.delay()), (Action.TRADE, side, price, part, flags))
                self.level(side, price)

    def change(self) -> None:
        side = self.rng.choice((1, -1))
        price = (self.mid if side > 0 else self.mid + 1) - side * self.rng.choice((0, 0, 1, 1, 2, 3))
        old = self.true.get((side, price), 0)
        new = self.rng.randint(0, 16) if old == 0 or self.rng.random() < 0.3 else self.rng.randint(0, old)
        self.true[side, price] = new
        self.level(side, price)

    def drift(self) -> None:
        self.mid = min(102, max(98, self.mid + self.rng.choice((-1, 1))))
        for (side, price), size in list(self.true.items()):
            if size and (price > self.mid if side > 0 else price <= self.mid):
                self.true[side, price] = 0
                self.level(side, price)

    def cross(self) -> None:
        """Show a level on the wrong side, or take the last such one back."""
        if self.crossing:
            side, price = self.crossing.pop()
        else:
            side = self.rng.choice((1, -1))
            price = (self.mid if side > 0 else self.mid + 1) + side * self.rng.randint(1, 2)
            self.crossing.append((side, price))
        size = self.rng.randint(1, 5) if self.crossing else self.true.get((side, price), 0)
        self.send(self.now, (Action.LEVEL, side, price, size, 0))

    def snapshot(self) -> None:
        sides = self.rng.choice(((1,), (-1,), (1, -1)))
        rows = [(Action.CLEAR, sides[0] if len(sides) == 1 else 0, 0, 0, Flag.SNAPSHOT)]
        if self.rng.random() < 0.3:
            self.send(self.now, *rows)
            self.now, rows = self.now + self.rng.randint(0, 6), []
        for (side, price), size in sorted(self.true.items()):
            if side in sides and size:
                rows.append((Action.LEVEL, side, price, size, Flag.SNAPSHOT))
        if rows:
            self.send(self.now, *rows)

    def odd_print(self) -> None:
        side, price = self.rng.choice((0, 1, -1)), self.mid + self.rng.randint(-2, 3)
        flags = self.rng.choice((Flag.HIDDEN, Flag.HIDDEN, Flag.AUCTION, Flag.HIDDEN | Flag.AUCTION, 0))
        if flags or side == 0:
            self.send(self.now, (Action.TRADE, side, price, self.rng.randint(1, 6), flags))

    def status(self) -> None:
        for phase in (self.rng.choice((Phase.HALTED, Phase.AUCTION, Phase.CLOSED)), Phase.CONTINUOUS):
            row = (self.now, int(Action.STATUS), 0, 0, 0, 0, 0, int(phase))
            self.sent.append((self.now, len(self.sent), [row]))
            for _ in range(self.rng.randint(0, 4)):
                self.now += self.rng.randint(0, 3)
                odd = self.cross if self.rates.bad else self.change
                self.rng.choice((self.trade, self.change, odd, self.odd_print))()

    def rows(self, events: int) -> list[Row]:
        for _ in range(6):
            self.change()
        for _ in range(events):
            self.now += self.rng.choice((0, 1, 1, 2, 5))
            dice, rates = self.rng.random(), self.rates
            for event, rate in (
                (self.cross, rates.bad * (6 if self.crossing else 1)),
                (self.status, rates.halt),
                (self.snapshot, rates.clear),
                (self.odd_print, rates.hidden),
                (self.drift, 0.04),
                (self.trade, 0.4),
            ):
                dice -= rate
                if dice < 0:
                    event()
                    break
            else:
                self.change()
        messages = [message for _, _, message in sorted(self.sent, key=lambda each: each[:2])]
        return with_lasts(self.rng, messages, self.rates.join)


def windowed(rows: list[Row], depth: int) -> list[Row]:
    """Cut an L2 feed to its best levels: drop what is out of sight, add WINDOW rows for what enters and leaves."""
    full: dict[int, dict[int, int]] = {1: {}, -1: {}}
    seen: dict[int, dict[int, int]] = {1: {}, -1: {}}
    result: list[Row] = []
    packet: list[Row] = []
    for row in rows:
        packet.append(row)
        _, action, side, _, price, size, flags, _ = row
        if action == Action.LEVEL:
            full[side][price] = size
        elif action == Action.CLEAR:
            for each in (side,) if side else (1, -1):
                full[each].clear()
        if not flags & Flag.LAST:
            continue
        top = {
            s: dict(sorted(((p, n) for p, n in full[s].items() if n), key=lambda each: -s * each[0])[:depth])
            for s in (1, -1)
        }
        kept: list[Row] = []
        for each in packet:
            _, action, side, _, price, size, _, _ = each
            if action == Action.CLEAR:
                for s in (side,) if side else (1, -1):
                    seen[s].clear()
            if action == Action.LEVEL:
                if price not in top[side] and price not in seen[side]:
                    continue
                seen[side][price] = size
            kept.append((*each[:6], each[6] & ~Flag.LAST, each[7]))
        for s in (1, -1):
            for p in sorted({*top[s], *seen[s]}):
                if seen[s].get(p, 0) != top[s].get(p, 0):
                    kept.append((row[0], int(Action.LEVEL), s, 0, p, top[s].get(p, 0), int(Flag.WINDOW), 0))
            seen[s] = dict(top[s])
        if kept:
            result += [*kept[:-1], (*kept[-1][:6], kept[-1][6] | Flag.LAST, kept[-1][7])]
        packet = []
    return result


def requests(rng: random.Random, end: int, count: int) -> list[Request]:
    """Draw requests of every kind at random times, most at prices where the market is."""
    found: list[Request] = []
    names: list[str] = []
    for ts in sorted(rng.randint(1, max(1, end)) for _ in range(count)):
        side = rng.choice((1, -1))
        price = (100 if side > 0 else 101) - side * rng.choice((-2, -1, 0, 0, 0, 0, 1, 1, 1, 2))
        size = rng.choice((1, 2, 3, 5, 9))
        dice = rng.random()
        if dice < 0.15 and names:
            found.append(Request(ts, "cancel", rng.choice(names[-6:])))
        elif dice < 0.32 and names:
            name = rng.choice(names[-6:])
            sent = next(each for each in found if each.order == name)
            keep = rng.random() < 0.4 and sent.price_ticks is not None
            found.append(Request(ts, "replace", name, 0, sent.price_ticks if keep else price, size))
        else:
            names.append(f"o{len(names)}")
            crosses = side * price > side * 100.5
            tif = rng.choice(("GTC", "IOC", "FOK", "IOC") if crosses else ("GTC",) * 19 + ("FOK",))
            limit = None if rng.random() < 0.05 else price
            post_only = limit is not None and tif == "GTC" and rng.random() < 0.3
            found.append(Request(ts, "new", names[-1], side, limit, size, tif, post_only))
    return found
