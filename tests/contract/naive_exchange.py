"""An exchange written the slowest way there is: one list of orders, scanned from the start for everything.

It shares no code and no idea with `MatchingEngine` but the rules, so that where the two agree the rules are met.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Resting:
    order_id: int
    side: int
    price_ticks: int
    open_lots: int
    filled_lots: int
    post_only: bool


class NaiveExchange:
    def __init__(self) -> None:
        self.queue: list[Resting] = []  # in order of arrival

    def find(self, order_id: int) -> Resting:
        return next(o for o in self.queue if o.order_id == order_id)

    def next_maker(self, side: int, limit: int | None) -> Resting | None:
        """The order that an arrival of `side` trades with next: best price, then first come."""
        makers = [o for o in self.queue if o.side == -side and (limit is None or side * o.price_ticks <= side * limit)]
        return min(makers, key=lambda o: side * o.price_ticks, default=None)  # `min` keeps the first of equals

    def available(self, side: int, limit: int | None) -> int:
        return sum(
            o.open_lots
            for o in self.queue
            if o.side == -side and (limit is None or side * o.price_ticks <= side * limit)
        )

    def submit(self, order_id, side, price_ticks, size_lots, tif="GTC", post_only=False):
        """Return the trades and whether the order was refused."""
        if post_only and self.next_maker(side, price_ticks):
            return [], True
        if tif == "FOK" and self.available(side, price_ticks) < size_lots:
            return [], False
        return self.arrive(Resting(order_id, side, price_ticks, size_lots, 0, post_only), tif), False

    def arrive(self, order: Resting, tif: str = "GTC") -> list[tuple[int, int, int, int]]:
        trades = []
        while order.open_lots and (maker := self.next_maker(order.side, order.price_ticks)):
            size = min(order.open_lots, maker.open_lots)
            trades.append((maker.order_id, order.order_id, maker.price_ticks, size))
            for each in (order, maker):
                each.open_lots -= size
                each.filled_lots += size
            self.queue = [o for o in self.queue if o.open_lots]
        if order.open_lots and order.price_ticks is not None and tif == "GTC":
            self.queue.append(order)
        return trades

    def cancel(self, order_id: int) -> int:
        order = self.find(order_id)
        self.queue.remove(order)
        return order.open_lots

    def replace(self, order_id, price_ticks=None, size_lots=None):
        old = self.find(order_id)
        price = old.price_ticks if price_ticks is None else price_ticks
        open_lots = (old.open_lots + old.filled_lots if size_lots is None else size_lots) - old.filled_lots
        if open_lots <= 0:
            self.cancel(order_id)
            return [], False
        if price == old.price_ticks and open_lots <= old.open_lots:
            old.open_lots = open_lots
            return [], False
        if old.post_only and self.next_maker(old.side, price):
            return [], True
        self.queue.remove(old)
        return self.arrive(Resting(order_id, old.side, price, open_lots, old.filled_lots, old.post_only)), False

    def depth(self, n: int):
        sides = []
        for side in (1, -1):
            prices = sorted({o.price_ticks for o in self.queue if o.side == side}, key=lambda p: -side * p)[:n]
            levels = [(p, [o.open_lots for o in self.queue if o.side == side and o.price_ticks == p]) for p in prices]
            sides.append([(p, sum(sizes), len(sizes)) for p, sizes in levels])
        return sides[0], sides[1]

    def queue_ahead(self, order_id: int) -> int:
        order = self.find(order_id)
        older = self.queue[: self.queue.index(order)]
        return sum(o.open_lots for o in older if (o.side, o.price_ticks) == (order.side, order.price_ticks))
