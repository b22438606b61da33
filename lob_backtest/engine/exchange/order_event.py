"""What happened to own orders at the exchange. Events wait in a list until `booking` takes them, in the same order."""

from __future__ import annotations

from typing import Final, NamedTuple

from lob_backtest.contract.tables import RejectReason, UpdateKind
from lob_backtest.engine.exchange.own_order import OwnTrade
from lob_backtest.engine.wire.messages import OrderSnapshot, Request

UNASKED: Final = (UpdateKind.EXPIRED, UpdateKind.REDUCED, UpdateKind.TRIGGERED)


class Update(NamedTuple):
    """A request was answered, or the exchange has changed or ended an order; `order` is as it stood then."""

    agent: int
    order: OrderSnapshot
    kind: UpdateKind
    reason: RejectReason

    def answers(self, request: Request) -> bool:
        """Return whether this is the answer to a request; what protection cancels was accepted before."""
        if self.kind in UNASKED or (self.kind == UpdateKind.CANCELLED and self.reason == RejectReason.MMP):
            return False
        return request.is_about(self.order.order_id)


class Fill(NamedTuple):
    """An order traded; `order` is as it stood before."""

    agent: int
    order: OrderSnapshot
    ts_arrival_ns: int
    trade: OwnTrade


OrderEvent = Update | Fill
