"""What happened to own orders at the exchange. Events wait in a list until `booking` takes them, in the same order."""

from __future__ import annotations

from typing import NamedTuple

from lob_backtest.contract.tables import RejectReason, UpdateKind
from lob_backtest.engine.exchange.own_order import OwnTrade
from lob_backtest.engine.wire.messages import OrderSnapshot


class Update(NamedTuple):
    """A request was answered, or an order expired; `order` is as it stood then."""

    agent: int
    order: OrderSnapshot
    kind: UpdateKind
    reason: RejectReason


class Fill(NamedTuple):
    """An order traded; `order` is as it stood before."""

    agent: int
    order: OrderSnapshot
    ts_arrival_ns: int
    trade: OwnTrade


OrderEvent = Update | Fill
