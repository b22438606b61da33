"""The terms of an order that a strategy sees."""

from __future__ import annotations

from dataclasses import dataclass

from lob_backtest.contract.tables import SelfTrade, TimeInForce, Trigger


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """The terms of an order, as its strategy gave them or a replacement has changed them; see `Order`."""

    side: int
    price_ticks: int | None
    size_lots: int
    tif: TimeInForce
    post_only: bool
    tag: str
    reduce_only: bool
    display_lots: int | None
    stop_ticks: int | None
    trigger: Trigger | None
    trail_ticks: int | None
    trail_bps: int | None
    expire_ns: int | None
    self_trade: SelfTrade | None
