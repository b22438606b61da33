"""Books what happened to own orders: the account, the result tables, and the message to the strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lob_backtest.contract.plan import Plan
from lob_backtest.contract.tables import ORDERS, Cause, Liquidity, RejectReason, UpdateKind
from lob_backtest.engine.exchange.market import Market
from lob_backtest.engine.exchange.order_event import Fill, Update
from lob_backtest.engine.models.fees import fill_fee_micro
from lob_backtest.engine.record.recorder import Recorder
from lob_backtest.engine.wire.channels import Wire
from lob_backtest.engine.wire.messages import Answer, Filled, OrderSnapshot, Request

PLACED: Final = (UpdateKind.ACCEPTED, UpdateKind.REPLACED, UpdateKind.TRIGGERED)
Times = tuple[int | None, int | None, int]
"""When a request was sent and arrived, `None` where it was not, and when the strategy receives the answer."""


class Booking:
    """Turns events of the exchange into rows and messages.

    Args:
        plan: the run's plan.
        markets: the exchange, per instrument.
        wire: the channels to the strategies.
        recorder: takes updates and fills.
    """

    __slots__ = ("_fees", "_markets", "_recorder", "_taint_ns", "_wire")

    def __init__(self, plan: Plan, markets: Sequence[Market], wire: Wire, recorder: Recorder) -> None:
        self._markets = markets
        self._wire = wire
        self._fees = [[session.fees for session in agent.sessions] for agent in plan.agents]
        self._recorder = recorder
        self._taint_ns = plan.taint_ns

    def book(self, instrument: int, now_ns: int, request: Request | None = None) -> None:
        """Book the events of an instrument: those of a request that has arrived, of rows, or of a time."""
        market = self._markets[instrument]
        for event in market.events:
            if isinstance(event, Fill):
                self._fill(instrument, event, now_ns)
            else:
                self._update(instrument, event, request, now_ns)
        market.events.clear()

    def refused(
        self, agent: int, instrument: int, order: OrderSnapshot, kind: UpdateKind, reason: RejectReason, *, now_ns: int
    ) -> None:
        """Record that a request was refused before it was sent; `order` is as the strategy knows it."""
        self._record(instrument, Update(agent, order, kind, reason), (now_ns, None, now_ns))

    def _update(self, instrument: int, event: Update, request: Request | None, now_ns: int) -> None:
        answered = request if request is not None and event.answers(request) else None
        channels = self._wire.of(event.agent, instrument)
        local_ns = channels.response_ns(now_ns)
        self._record(instrument, event, (None if answered is None else answered.ts_sent_ns, now_ns, local_ns))
        requested = None if answered is None else answered.kind
        channels.post(local_ns, instrument, Answer(event.order, requested, event.kind, event.reason))

    def _record(self, instrument: int, event: Update, times: Times) -> None:
        order, (sent_ns, exchange_ns, local_ns) = event.order, times
        values: dict[str, Any] = {
            **order.terms._asdict(),
            "order_id": order.order_id,
            "agent": event.agent,
            "instrument": instrument,
            "kind": event.kind,
            "state": order.state,
            "reason": event.reason,
            "filled_lots": order.filled_lots,
            "asked_price_ticks": order.asked_ticks if event.kind in PLACED else None,
            "queue_ahead_lots": order.ahead_lots if event.kind in PLACED else None,
            "ts_sent_ns": sent_ns,
            "ts_exchange_ns": exchange_ns,
            "ts_local_ns": local_ns,
        }
        row = (values[name] for name in ORDERS.names)
        # Columns hold neither truth values nor members of an enumeration.
        self._recorder.row("orders", tuple(int(value) if isinstance(value, int) else value for value in row))

    def _fill(self, instrument: int, event: Fill, now_ns: int) -> None:
        market, order = self._markets[instrument], event.order
        price_ticks, size_lots, cause, tainted, ts_traded_ns = event.trade
        is_taker = cause == Cause.TAKE
        fee = fill_fee_micro(self._fees[event.agent][instrument], price_ticks, size_lots, is_taker=is_taker)
        market.matchers[event.agent].account.fill(order.terms.side, price_ticks, size_lots, fee)
        channels = self._wire.of(event.agent, instrument)
        local_ns = channels.response_ns(now_ns)
        tainted = tainted or now_ns - market.state.suspect_ns <= self._taint_ns
        ahead = None if is_taker else order.ahead_lots
        whose = [order.order_id, event.agent, instrument, order.terms.side, price_ticks, size_lots, fee]
        how = [int(Liquidity.TAKER if is_taker else Liquidity.MAKER), int(cause), now_ns, local_ns, ts_traded_ns]
        when = [*market.prices.before(now_ns), ahead, event.ts_arrival_ns, order.terms.tag, int(tainted)]
        fill_id = self._recorder.fill([*whose, *how, *when], now_ns)
        message = Filled(fill_id, order.order_id, price_ticks, size_lots, fee, cause, now_ns)
        channels.post(local_ns, instrument, message)
