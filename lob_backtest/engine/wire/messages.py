"""What travels between a strategy and the exchange."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from lob_backtest.contract.tables import Cause, OrderState, RejectReason, UpdateKind
from lob_backtest.engine.exchange.own_order import OwnOrder


class RequestKind(IntEnum):
    """The operations that a strategy can request."""

    NEW = 1
    REPLACE = 2
    CANCEL = 3


class Request(NamedTuple):
    """A message to the exchange; it arrives at `ts_exchange_ns`. Price and size belong to REPLACE."""

    kind: RequestKind
    ts_sent_ns: int
    ts_exchange_ns: int
    instrument: int
    own: OwnOrder
    price_ticks: int | None = None
    size_lots: int | None = None


class Answer(NamedTuple):
    """A message to the strategy about an order as it stood at the exchange.

    `requested` is the kind of the request that it answers, `None` where there was none.
    """

    order_id: int
    requested: RequestKind | None
    kind: UpdateKind
    reason: RejectReason
    state: OrderState
    price_ticks: int | None
    size_lots: int
    queue_stay: int
    ahead_lots: int | None


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
