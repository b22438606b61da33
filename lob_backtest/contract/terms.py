"""The terms of an order: what it asks for, without its state."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, TypeVar

from lob_backtest.contract.tables import SelfTrade, TimeInForce, Trigger

Member = TypeVar("Member", bound=IntEnum)
CAPITALS: Final = (TimeInForce,)
"""Enumerations whose members are written in capitals, as the trade does; those of others in small letters."""


def written_names(enum: type[Member]) -> dict[str, Member]:
    """Return the members of an enumeration by the names that strategies write."""
    return {member.name if enum in CAPITALS else member.name.lower(): member for member in enum}


class Terms(NamedTuple):
    """The terms of an order: given with it, or by a replacement; passed by value, never changed in place.

    Attributes:
        side: +1 buy, -1 sell; 0 for an order of which nothing but its id is known.
        price_ticks: the limit, `None` for a market order.
        size_lots: the total, fills included.
        tif: how long it stands.
        post_only: whether it is refused where it would take.
        tag: the strategy's text.
        reduce_only: whether it may only bring the position nearer to 0.
        display_lots: of an iceberg order, the size of a tip, `None` for an order that is displayed whole.
        stop_ticks: the price that triggers it, or starts its trailing; `None`: it does not wait for one.
        trigger: which price of the market that is; `None`: the last print's.
        trail_ticks: how far the market has to come back from its best price, in ticks.
        trail_bps: the same in basis points of that price.
        expire_ns: GTD: when it ends at the exchange, nanoseconds since the epoch.
        self_trade: what happens where it meets an own order; `None`: what the venue does.
    """

    side: int
    price_ticks: int | None
    size_lots: int
    tif: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    tag: str = ""
    reduce_only: bool = False
    display_lots: int | None = None
    stop_ticks: int | None = None
    trigger: Trigger | None = None
    trail_ticks: int | None = None
    trail_bps: int | None = None
    expire_ns: int | None = None
    self_trade: SelfTrade | None = None

    @classmethod
    def kinds(cls) -> dict[str, str]:
        """Return the annotation of each field, as it is written."""
        return {name: hint.__forward_arg__ for name, hint in cls.__annotations__.items()}
