"""What an arriving order meets: offers of the market and own orders, in one price-time order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from lob_backtest.contract.tables import SelfTrade
from lob_backtest.engine.exchange.available_lots import Offer
from lob_backtest.engine.exchange.own_book import OwnBook
from lob_backtest.engine.exchange.own_order import OwnOrder

ENDS: Final = (SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH, SelfTrade.REJECT)
"""Modes that end an arriving order where it meets an own one."""


class Step(NamedTuple):
    """What an order meets, and how many lots of the order that uses up; 0 where an own order is just cancelled."""

    met: Offer | OwnOrder
    lots: int


class Walk(NamedTuple):
    """The way of an arriving order.

    Attributes:
        steps: what it meets, in turn.
        traded_lots: how much of it trades.
        left_lots: how much of it is left.
        ends: whether an own order ends it.
    """

    steps: list[Step]
    traded_lots: int
    left_lots: int
    ends: bool


def meetings(
    own_book: OwnBook, side: int, limit_ticks: int | None, offers: Iterable[Offer]
) -> Iterator[Offer | OwnOrder]:
    """Yield what an order of a side meets: at each price the offers ahead of an own order, the own order, the others.

    Args:
        own_book: the resting own orders.
        side: of the arriving order.
        limit_ticks: its limit, `None` without one.
        offers: of the market within the limit, best first.
    """
    owns = deque(_within(own_book, -side, limit_ticks))
    passed_lots, at_ticks = 0, None
    for offer in offers:
        if offer.price_ticks != at_ticks:
            passed_lots, at_ticks = 0, offer.price_ticks
        left = offer.size_lots
        while owns and side * owns[0].limit_ticks <= side * offer.price_ticks:
            ahead = own_book.available_ahead(owns[0]) if owns[0].price_ticks == offer.price_ticks else 0
            before = min(left, max(0, ahead - passed_lots))
            if before == left:
                break
            if before:
                yield offer._replace(size_lots=before)
                passed_lots, left = passed_lots + before, left - before
            yield owns.popleft()
        yield offer._replace(size_lots=left)
        passed_lots += left
    yield from owns


def _within(own_book: OwnBook, side: int, limit_ticks: int | None) -> Iterator[OwnOrder]:
    """Yield the orders of one side at a limit of the other side or better, in price-time order."""
    worst = None if limit_ticks is None else -side * limit_ticks
    for key in own_book.sides[side].irange(maximum=worst):
        yield from own_book.sides[side][key].values()


def walk(met: Iterable[Offer | OwnOrder], open_lots: int, mode: SelfTrade) -> Walk:
    """Return the way of an order of this size through what it meets."""
    steps: list[Step] = []
    left, traded, ends = open_lots, 0, False
    for each in met:
        if not left or ends:
            break
        lots = 0
        if isinstance(each, Offer):
            lots = min(left, each.size_lots)
            traded += lots
        elif mode == SelfTrade.DECREMENT:
            lots = min(left, each.open_lots)
        else:
            ends = mode in ENDS
        if not ends or mode == SelfTrade.CANCEL_BOTH:
            steps.append(Step(each, lots))
        left -= lots
    return Walk(steps, traded, left, ends or (not left and isinstance(steps[-1].met, OwnOrder)))
