"""A continuous exchange for one instrument: price-time priority, one queue per price.

`MatchingEngine` is usable on its own, is the exchange of the synthetic market, and is a readable specification of the
rules of matching. It has orders only: no clock, no fees, no latency.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, NamedTuple

from sortedcontainers import SortedDict

from lob_backtest.contract.rows import LIMIT
from lob_backtest.contract.tables import RejectReason
from lob_backtest.errors import ConfigError, OrderError

TIFS: Final = ("GTC", "IOC", "FOK")


class Trade(NamedTuple):
    """A trade of an arriving order with one resting order, at the resting order's price."""

    maker_id: int
    taker_id: int
    price_ticks: int
    size_lots: int


class RestingOrder(NamedTuple):
    """A snapshot of an order in the book.

    `size_lots` is the total, fills included; `open_lots` is the open size.
    """

    order_id: int
    side: int
    price_ticks: int
    size_lots: int
    open_lots: int
    post_only: bool
    owner: int


class _Order:
    """A live order. `arrival` numbers the places in all queues: lower is older."""

    __slots__ = ("arrival", "filled_lots", "level", "open_lots", "order_id", "owner", "post_only", "side")

    level: _Level
    arrival: int

    def __init__(self, order_id: int, side: int, open_lots: int, post_only: bool, owner: int) -> None:
        self.order_id = order_id
        self.side = side
        self.open_lots = open_lots
        self.filled_lots = 0
        self.post_only = post_only
        self.owner = owner


class _Level:
    """A price and its queue: live orders by id, oldest first.

    The queue is an `OrderedDict`, not a `dict`: a plain dict keeps the holes of removed entries, and finding its first
    item scans all of them.
    """

    __slots__ = ("key", "orders", "price_ticks", "size_lots")

    def __init__(self, key: int, price_ticks: int) -> None:
        self.key = key
        self.price_ticks = price_ticks
        self.size_lots = 0
        self.orders: OrderedDict[int, _Order] = OrderedDict()


class MatchingEngine:
    """An exchange that matches in continuous price-time priority.

    An arriving order trades with the best opposite price first, at one price with the oldest order first, always at the
    resting order's price. The rest of a GTC order is added to the book; the rest of an IOC or market order expires; a
    FOK order that cannot trade in full expires. Owners are not compared: there is no self-trade prevention.

    A request that the rules refuse does not raise: `submit` or `replace` returns no trade, the book is unchanged and
    `refused` has the reason. (A FOK order that expires is not refused: `refused` stays ``NONE``.) Invalid arguments,
    such as the id of a live order, raise.

    Args:
        engine: deprecated; there is one implementation, "reference".

    Attributes:
        refused: the reason why the last `submit` or `replace` was refused, ``RejectReason.NONE`` if it was not.

    Raises:
        ConfigError: `engine` is another.

    >>> exchange = MatchingEngine()
    >>> exchange.submit(1, -1, 101, 5)
    []
    >>> exchange.submit(2, +1, 101, 3)
    [Trade(maker_id=1, taker_id=2, price_ticks=101, size_lots=3)]
    >>> exchange.best
    (None, 101)
    """

    __slots__ = (
        "_arrivals",
        "_best",
        "_dropped_lots",
        "_entered_lots",
        "_ladders",
        "_orders",
        "_traded_lots",
        "refused",
    )

    def __init__(self, engine: str | None = None) -> None:
        if engine is not None:
            warnings.warn(
                "MatchingEngine has one implementation: leave out `engine`, which goes in 0.6",
                DeprecationWarning,
                stacklevel=2,
            )
            if engine != "reference":
                raise ConfigError(f"engine {engine!r} is unknown: leave it out, there is one implementation")
        self.refused = RejectReason.NONE
        # A side is keyed by -side * price_ticks, so that the best level is the first on both sides. The opposite
        # side's keys are then side * price_ticks: an order can take every level whose key is not above its own limit.
        self._ladders: dict[int, SortedDict[int, _Level]] = {1: SortedDict(), -1: SortedDict()}
        self._best: dict[int, _Level | None] = {1: None, -1: None}
        self._orders: dict[int, _Order] = {}
        self._arrivals = 0
        # Lots entered, traded (counted once per trade) and removed without a trade: see `check`.
        self._entered_lots = self._traded_lots = self._dropped_lots = 0

    def submit(
        self,
        order_id: int,
        side: int,
        price_ticks: int | None,
        size_lots: int,
        *,
        tif: str = "GTC",
        post_only: bool = False,
        owner: int = 0,
    ) -> list[Trade]:
        """Enter an order; O(log levels + trades).

        Args:
            order_id: not the id of a live order.
            side: +1 buys, -1 sells.
            price_ticks: the limit in ticks; `None` for a market order, which never rests.
            size_lots: the size in lots, positive.
            tif: "GTC" rests until it is cancelled, "IOC" never rests, "FOK" trades in full at once or not at all.
            post_only: refuse the order (`RejectReason.POST_ONLY`) if it would trade on arrival.
            owner: a tag of the caller, returned by `order`.

        Returns:
            The trades, one per resting order, in the order of matching.

        Raises:
            OrderError: an argument of the wrong kind or out of range, or the id of a live order.

        >>> exchange = MatchingEngine()
        >>> exchange.submit(1, -1, 101, 5)
        []
        >>> exchange.submit(2, +1, 102, 1, post_only=True), exchange.refused.name, 2 in exchange
        ([], 'POST_ONLY', False)
        >>> exchange.submit(3, +1, 101, 6, tif="FOK"), exchange.refused.name, 3 in exchange
        ([], 'NONE', False)
        """
        _check_numbers(order_id, price_ticks, size_lots)
        if side not in (1, -1) or tif not in TIFS or order_id in self._orders:
            self._raise_bad_order(order_id, side, tif)
        if post_only and (price_ticks is None or tif != "GTC"):
            kind = "a market order" if price_ticks is None else tif
            raise OrderError(f"order {order_id}: post-only and {kind} exclude each other: drop one of them")
        limit_key = LIMIT if price_ticks is None else side * price_ticks
        if self._refuse_taking(post_only, side, limit_key):
            return []
        self._entered_lots += size_lots
        order = _Order(order_id, side, size_lots, post_only, owner)
        if tif == "FOK" and not self._can_fill(side, limit_key, size_lots):
            self._dropped_lots += size_lots
            return []
        trades = self._match(order, limit_key)
        if order.open_lots:
            if price_ticks is None or tif != "GTC":
                self._dropped_lots += order.open_lots
            else:
                self._rest(order, price_ticks)
        return trades

    def cancel(self, order_id: int) -> int:
        """Cancel a live order; O(1), or O(log levels) if it was alone at its price.

        Args:
            order_id: the order.

        Returns:
            The cancelled size in lots.

        Raises:
            KeyError: no live order has this id.

        >>> exchange = MatchingEngine()
        >>> exchange.submit(1, +1, 99, 5)
        []
        >>> exchange.cancel(1)
        5
        """
        order = self._orders[order_id]
        size_lots = order.open_lots
        self._dropped_lots += size_lots
        self._remove(order)
        return size_lots

    def replace(self, order_id: int, *, price_ticks: int | None = None, size_lots: int | None = None) -> list[Trade]:
        """Change a live order's price, total size, or both; O(log levels + trades).

        At the same price and no larger, the order keeps its place. Otherwise it arrives anew: it may trade, and its
        rest is the last of its queue; if it is post-only and would trade, the request is refused and the order is
        unchanged. If the total is already filled, the order ends.

        Args:
            order_id: the order.
            price_ticks: the new limit in ticks; `None` keeps it.
            size_lots: the new total size in lots, fills included; `None` keeps it.

        Returns:
            The trades, as in `submit`.

        Raises:
            KeyError: no live order has this id.
            OrderError: an argument of the wrong kind or out of range.

        >>> exchange = MatchingEngine()
        >>> exchange.submit(1, +1, 99, 5), exchange.submit(2, +1, 99, 5)
        ([], [])
        >>> exchange.replace(1, size_lots=2), exchange.queue_ahead(2)
        ([], 2)
        >>> exchange.replace(1, size_lots=2), exchange.queue_ahead(2)
        ([], 2)
        >>> exchange.replace(1, size_lots=3), exchange.queue_ahead(2)
        ([], 0)
        """
        order = self._orders[order_id]
        price_ticks = order.level.price_ticks if price_ticks is None else price_ticks
        total_lots = order.filled_lots + order.open_lots if size_lots is None else size_lots
        _check_numbers(order_id, price_ticks, total_lots)
        open_lots = total_lots - order.filled_lots
        self.refused = RejectReason.NONE
        if open_lots <= 0:
            self.cancel(order_id)
            return []
        growth_lots = open_lots - order.open_lots
        if price_ticks == order.level.price_ticks and growth_lots <= 0:
            self._reduce(order, -growth_lots)
            return []
        limit_key = order.side * price_ticks
        if self._refuse_taking(order.post_only, order.side, limit_key):
            return []
        self._remove(order)
        self._entered_lots += max(growth_lots, 0)
        self._dropped_lots += max(-growth_lots, 0)
        order.open_lots = open_lots
        trades = self._match(order, limit_key)
        if order.open_lots:
            self._rest(order, price_ticks)
        return trades

    @property
    def best(self) -> tuple[int | None, int | None]:
        """The best bid and ask in ticks, `None` for a side that is empty; O(1)."""
        bid, ask = self._best[1], self._best[-1]
        return bid.price_ticks if bid else None, ask.price_ticks if ask else None

    def depth(self, n: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """Return the best `n` bid and ask levels as `(price_ticks, size_lots, orders)`, best first; O(n).

        >>> exchange = MatchingEngine()
        >>> exchange.submit(1, +1, 99, 5), exchange.submit(2, +1, 99, 2), exchange.submit(3, +1, 98, 1)
        ([], [], [])
        >>> exchange.depth(5)
        ([(99, 7, 2), (98, 1, 1)], [])
        """
        bids, asks = (
            [(level.price_ticks, level.size_lots, len(level.orders)) for level in self._ladders[side].values()[:n]]
            for side in (1, -1)
        )
        return bids, asks

    def size_at(self, side: int, price_ticks: int) -> int:
        """Return the size at a price in lots; O(1)."""
        level = self._ladders[side].get(-side * price_ticks)
        return level.size_lots if level is not None else 0

    def queue_ahead(self, order_id: int) -> int:
        """Return the size in lots that trades before a live order at its price.

        The queue is searched from both ends at once, since most calls are for orders near the front or the back:
        O(min(orders ahead, orders behind)).

        Raises:
            KeyError: no live order has this id.

        >>> exchange = MatchingEngine()
        >>> exchange.submit(1, +1, 99, 5), exchange.submit(2, +1, 99, 2)
        ([], [])
        >>> exchange.queue_ahead(2)
        5
        """
        order = self._orders[order_id]
        level = order.level
        ahead_lots, behind_lots = 0, 0
        for older, younger in zip(level.orders.values(), reversed(level.orders.values()), strict=True):
            if older is order:
                break
            if younger is order:
                return level.size_lots - behind_lots - order.open_lots
            ahead_lots += older.open_lots
            behind_lots += younger.open_lots
        return ahead_lots

    def order(self, order_id: int) -> RestingOrder:
        """Return a snapshot of a live order.

        Raises:
            KeyError: no live order has this id.
        """
        return _view(self._orders[order_id])

    def resting(self, side: int) -> Iterator[RestingOrder]:
        """Iterate the live orders of one side in the order in which they would trade."""
        for level in self._ladders[side].values():
            for order in level.orders.values():
                yield _view(order)

    def __contains__(self, order_id: object) -> bool:
        return order_id in self._orders

    def __len__(self) -> int:
        return len(self._orders)

    def check(self) -> None:
        """Assert the invariants; O(orders)."""
        open_lots = 0
        for side, ladder in self._ladders.items():
            for key, level in ladder.items():
                # Keys and prices agree, and no empty level is kept.
                assert key == level.key == -side * level.price_ticks
                assert level.orders
                # A level's size is the sum of its orders, each with a positive open size.
                assert level.size_lots == sum(order.open_lots for order in level.orders.values())
                assert all(order.open_lots > 0 for order in level.orders.values())
                # First in, first out: a queue is in order of arrival.
                arrivals = [order.arrival for order in level.orders.values()]
                assert arrivals == sorted(set(arrivals))
                for order_id, order in level.orders.items():
                    # The index and the queues have the same orders.
                    assert order_id in self._orders
                    assert self._orders[order_id] is order
                    assert (order.order_id, order.side, order.level) == (order_id, side, level)
                open_lots += level.size_lots
            # The remembered best level is the ladder's.
            assert self._best[side] is (ladder.peekitem(0)[1] if ladder else None)
        # Every indexed order is in a level.
        assert len(self._orders) == sum(len(v.orders) for ladder in self._ladders.values() for v in ladder.values())
        # Entered lots have traded (a trade has two sides), been removed, or are in the book.
        assert self._entered_lots == 2 * self._traded_lots + self._dropped_lots + open_lots
        # After matching the book is not crossed.
        bid, ask = self.best
        assert bid is None or ask is None or bid < ask

    def _match(self, taker: _Order, limit_key: int) -> list[Trade]:
        """Trade an arriving order with the other side, best price first and oldest order first."""
        trades: list[Trade] = []
        while taker.open_lots and (level := self._best[-taker.side]) is not None and level.key <= limit_key:
            maker = next(iter(level.orders.values()))
            size_lots = min(maker.open_lots, taker.open_lots)
            trades.append(Trade(maker.order_id, taker.order_id, level.price_ticks, size_lots))
            taker.open_lots -= size_lots
            taker.filled_lots += size_lots
            maker.filled_lots += size_lots
            self._traded_lots += size_lots
            if size_lots == maker.open_lots:
                self._remove(maker)
            else:
                maker.open_lots -= size_lots
                level.size_lots -= size_lots
        return trades

    def _can_fill(self, side: int, limit_key: int, size_lots: int) -> bool:
        for level in self._ladders[-side].values():
            if level.key > limit_key:
                return False
            size_lots -= level.size_lots
            if size_lots <= 0:
                return True
        return False

    def _refuse_taking(self, post_only: bool, side: int, limit_key: int) -> bool:
        """Return whether a post-only order would trade on arrival, and set `refused`."""
        opposite = self._best[-side]
        taking = post_only and opposite is not None and opposite.key <= limit_key
        self.refused = RejectReason.POST_ONLY if taking else RejectReason.NONE
        return taking

    def _rest(self, order: _Order, price_ticks: int) -> None:
        key = -order.side * price_ticks
        ladder = self._ladders[order.side]
        level = ladder.get(key)
        if level is None:
            level = ladder[key] = _Level(key, price_ticks)
            best = self._best[order.side]
            if best is None or key < best.key:
                self._best[order.side] = level
        self._arrivals += 1
        order.arrival = self._arrivals
        order.level = level
        level.orders[order.order_id] = order
        level.size_lots += order.open_lots
        self._orders[order.order_id] = order

    def _reduce(self, order: _Order, size_lots: int) -> None:
        order.open_lots -= size_lots
        order.level.size_lots -= size_lots
        self._dropped_lots += size_lots

    def _remove(self, order: _Order) -> None:
        level = order.level
        level.size_lots -= order.open_lots
        del level.orders[order.order_id], self._orders[order.order_id]
        if not level.orders:
            ladder = self._ladders[order.side]
            del ladder[level.key]
            if self._best[order.side] is level:
                self._best[order.side] = ladder.peekitem(0)[1] if ladder else None

    def _raise_bad_order(self, order_id: int, side: int, tif: str) -> None:
        if side not in (1, -1):
            raise OrderError(f"order {order_id}: side {side!r} is neither +1 (buy) nor -1 (sell)")
        if tif not in TIFS:
            raise OrderError(f"order {order_id}: tif {tif!r} is unknown: expected one of {', '.join(TIFS)}")
        raise OrderError(f"order {order_id}: an order with this id is live; submit under an id that is not in use")


def _check_numbers(order_id: int, price_ticks: int | None, size_lots: int) -> None:
    if type(order_id) is not int:
        raise OrderError(f"order id {order_id!r} is not an int: ids are whole numbers")
    if type(size_lots) is not int or not 0 < size_lots < LIMIT:
        raise OrderError(f"order {order_id}: size {size_lots!r} is not a whole number of lots from 1 to 2^40 - 1")
    if price_ticks is not None and (type(price_ticks) is not int or not -LIMIT < price_ticks < LIMIT):
        raise OrderError(f"order {order_id}: price {price_ticks!r} is not a whole number of ticks within +-(2^40 - 1)")


def _view(order: _Order) -> RestingOrder:
    return RestingOrder(
        order.order_id,
        order.side,
        order.level.price_ticks,
        order.filled_lots + order.open_lots,
        order.open_lots,
        order.post_only,
        order.owner,
    )
