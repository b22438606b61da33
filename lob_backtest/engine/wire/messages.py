"""What travels between a strategy and the exchange."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from lob_backtest.contract.tables import Cause, OrderState, RejectReason, UpdateKind
from lob_backtest.contract.terms import Terms


class RequestKind(IntEnum):
    """The operations that a strategy can request."""

    NEW = 1
    REPLACE = 2
    CANCEL = 3
    CANCEL_ALL = 4
    MMP_RESET = 5


class Request(NamedTuple):
    """A message to the exchange.

    Attributes:
        kind: the operation.
        ts_sent_ns: when it was sent.
        ts_exchange_ns: when it arrives, as `Channels.send` sets it.
        instrument: the instrument's place in the plan.
        order_id: the order that it is about; CANCEL_ALL: the first of them; MMP_RESET: 0.
        terms: of the order; NEW alone.
        price_ticks: REPLACE: the new limit, `None` where it stays.
        size_lots: REPLACE: the new total size, `None` where it stays.
        order_ids: CANCEL_ALL: the orders that it is about, oldest first.
    """

    kind: RequestKind
    ts_sent_ns: int
    ts_exchange_ns: int
    instrument: int
    order_id: int
    terms: Terms | None = None
    price_ticks: int | None = None
    size_lots: int | None = None
    order_ids: tuple[int, ...] = ()

    @property
    def orders(self) -> tuple[int, ...]:
        """Return the orders that it is about, of which no other request may overtake it."""
        return self.order_ids or (self.order_id,)

    def is_about(self, order_id: int) -> bool:
        """Return whether it is about an order that it changes; CANCEL_ALL changes only what it is about."""
        return order_id == self.order_id or self.kind == RequestKind.CANCEL_ALL


class OrderSnapshot(NamedTuple):
    """An order at one time, at the exchange or as a strategy knows it.

    Attributes:
        order_id: unique among the orders of its agent.
        terms: those in force.
        state: where it stands.
        filled_lots: how much has filled.
        queue_stay: its present stay in a queue.
        ahead_lots: the lots ahead of it when that began; `None` for a taker and outside what the feed shows.
        asked_ticks: the price that was asked for, where the venue has set another one; `None` elsewhere.
    """

    order_id: int
    terms: Terms
    state: OrderState
    filled_lots: int = 0
    queue_stay: int = 0
    ahead_lots: int | None = None
    asked_ticks: int | None = None


class Answer(NamedTuple):
    """A message to the strategy about an order.

    `requested` is the kind of the request that it answers, `None` where there was none.
    """

    order: OrderSnapshot
    requested: RequestKind | None
    kind: UpdateKind
    reason: RejectReason


class Filled(NamedTuple):
    """A message to the strategy about a fill."""

    fill_id: int
    order_id: int
    price_ticks: int
    size_lots: int
    fee_micro: int
    cause: Cause
    ts_exchange_ns: int


Message = Answer | Filled
