"""Random L3 rows for the naive simulator, see `naive_streams`: a small book of orders that keeps the feed valid."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from naive_matching import Row
from naive_streams import Rates, with_lasts

from lob_backtest.contract.rows import Action, Flag, Phase


@dataclass
class OrderMarket:
    """An L3 market. `queues` holds [order id, size] by side and price, oldest first; only `cross` crosses."""

    rng: random.Random
    rates: Rates
    now: int = 0
    mid: int = 100
    next_id: int = 1
    queues: dict[tuple[int, int], list[list[int]]] = field(default_factory=dict)
    crossing: list[int] = field(default_factory=list)
    messages: list[list[Row]] = field(default_factory=list)

    def row(self, action: Action, side: int, order: int, price: int, size: int, flags: int = 0) -> Row:
        suspect = Flag.SUSPECT if self.rng.random() < self.rates.bad / 4 else 0
        return (self.now, int(action), side, order, price, size, int(flags | suspect), 0)

    def price(self, side: int) -> int:
        return (self.mid if side > 0 else self.mid + 1) - side * self.rng.choice((0, 0, 0, 1, 1, 2))

    def add(self) -> None:
        side = self.rng.choice((1, -1))
        self.join(side, self.price(side), self.rng.randint(1, 5))

    def join(self, side: int, price: int, size: int) -> None:
        order, self.next_id = self.next_id, self.next_id + 1
        self.queues.setdefault((side, price), []).append([order, size])
        self.messages.append([self.row(Action.ADD, side, order, price, size)])

    def any_order(self) -> tuple[int, int, list[int]] | None:
        found = [(side, price, each) for (side, price), queue in sorted(self.queues.items()) for each in queue]
        return self.rng.choice(found) if found else None

    def reduce(self, side: int, price: int, each: list[int], size: int) -> None:
        each[1] -= size
        if each[1] == 0:
            self.queues[side, price].remove(each)

    def cancel(self) -> None:
        if found := self.any_order():
            side, price, each = found
            size = each[1] if self.rng.random() < 0.6 else self.rng.randint(1, each[1])
            self.messages.append([self.row(Action.CANCEL, side, each[0], price, size)])
            self.reduce(side, price, each, size)

    def modify(self) -> None:
        """Another size at the same price (equal, too), or another price."""
        if found := self.any_order():
            side, price, each = found
            new_price = self.price(side) if self.rng.random() < 0.4 else price
            size = self.rng.choice((each[1], self.rng.randint(1, each[1]), each[1] + 2))
            self.messages.append([self.row(Action.MODIFY, side, each[0], new_price, size)])
            if new_price == price and size <= each[1]:
                each[1] = size
                return
            self.queues[side, price].remove(each)
            self.queues.setdefault((side, new_price), []).append([each[0], size])

    def trade(self, flags: int = 0) -> None:
        """Execute the first orders of the best price and on, sometimes others; one message or one an order."""
        side, size = self.rng.choice((1, -1)), self.rng.randint(1, 8)
        prices = sorted((p for (s, p), queue in self.queues.items() if s == side and queue), reverse=side > 0)
        if len(prices) > 1 and self.rng.random() < 0.05:
            prices = prices[1:]
        for price in prices:
            queue = self.queues[side, price]
            while queue and size:
                each = self.rng.choice(queue) if self.rng.random() < 0.2 else queue[0]
                part = min(size, each[1])
                self.messages.append([self.row(Action.EXECUTE, side, each[0], price, part, flags)])
                self.reduce(side, price, each, part)
                size -= part

    def hidden(self) -> None:
        side, flags = self.rng.choice((0, 1, -1)), self.rng.choice((0, 0, Flag.AUCTION)) | Flag.HIDDEN
        price = self.mid + self.rng.randint(-2, 3)
        self.messages.append([self.row(Action.TRADE, side, 0, price, self.rng.randint(1, 6), flags)])

    def drift(self) -> None:
        """Move the middle, and take off what would stand on the wrong side of it."""
        self.mid = min(102, max(98, self.mid + self.rng.choice((-1, 1))))
        for (side, price), queue in sorted(self.queues.items()):
            while queue and (price > self.mid if side > 0 else price <= self.mid):
                self.messages.append([self.row(Action.CANCEL, side, queue[0][0], price, queue[0][1])])
                queue.pop(0)

    def cross(self) -> None:
        """Add an order on the wrong side, or take off whatever stands there."""
        side = self.rng.choice((1, -1))
        wrong = [key for key, queue in self.queues.items() if queue and (key[1] > self.mid) == (key[0] > 0)]
        if wrong:
            mid = self.mid
            self.drift()
            self.mid = mid
        else:
            self.join(side, (self.mid if side > 0 else self.mid + 1) + side, self.rng.randint(1, 5))

    def snapshot(self) -> None:
        """List a side or both again: most orders survive, some smaller, and some new ones stand behind them.

        What the page leaves open is left out: no order grows, none is new before one that survives, and the first of
        each price survives, so that ahead cannot rise and no order stands in part ahead of an own one.
        """
        sides = self.rng.choice(((1,), (-1,), (1, -1)))
        rows = [self.row(Action.CLEAR, sides[0] if len(sides) == 1 else 0, 0, 0, 0, Flag.SNAPSHOT)]
        if self.rng.random() < 0.3:
            self.messages.append(rows)
            self.now, rows = self.now + self.rng.randint(0, 6), []
        for (side, price), queue in sorted(self.queues.items()):
            if side not in sides:
                continue
            queue[:] = queue[:1] + [each for each in queue[1:] if self.rng.random() < 0.8]
            if (price <= self.mid) == (side > 0) and self.rng.random() < 0.3:
                queue.append([self.next_id, self.rng.randint(1, 4)])
                self.next_id += 1
            for each in queue:
                each[1] = self.rng.choice((each[1], each[1], max(1, each[1] - 1)))
                rows.append(self.row(Action.ADD, side, each[0], price, each[1], Flag.SNAPSHOT))
        if rows:
            self.messages.append(rows)

    def status(self) -> None:
        for phase in (self.rng.choice((Phase.HALTED, Phase.AUCTION, Phase.CLOSED)), Phase.CONTINUOUS):
            self.messages.append([(self.now, int(Action.STATUS), 0, 0, 0, 0, 0, int(phase))])
            for _ in range(self.rng.randint(0, 4)):
                self.now += self.rng.randint(0, 3)
                odd = self.cross if self.rates.bad else self.hidden
                event = self.rng.choice((self.trade, self.add, self.cancel, odd, self.hidden))
                if event == self.trade and phase != Phase.CONTINUOUS:
                    self.trade(Flag.AUCTION)
                else:
                    event()

    def rows(self, events: int) -> list[Row]:
        for _ in range(12):
            self.add()
        for _ in range(events):
            self.now += self.rng.choice((0, 1, 1, 2, 5))
            dice, rates = self.rng.random(), self.rates
            for event, rate in (
                (self.cross, rates.bad),
                (self.status, rates.halt),
                (self.snapshot, rates.clear),
                (self.hidden, rates.hidden),
                (self.drift, 0.04),
                (self.trade, 0.3),
                (self.modify, 0.15),
                (self.cancel, 0.15),
            ):
                dice -= rate
                if dice < 0:
                    event()
                    break
            else:
                self.add()
        return with_lasts(self.rng, self.messages, self.rates.join)
