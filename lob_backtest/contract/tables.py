"""The result tables that an engine fills: names, columns, units and the codes of their small-integer columns.

Everything is an integer but `tag`. Times are nanoseconds since the epoch (UTC), prices ticks, sizes lots, cash
tick·lots, fees 10⁻⁶ tick·lots (signed: a rebate is negative). Mids are doubled (`bid + ask`, half-ticks).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final, Protocol

import pyarrow as pa


class Side(IntEnum):
    """The side of an order. A plain +1 or -1 is accepted wherever a side is."""

    BUY = 1
    SELL = -1


class Liquidity(IntEnum):
    """Column `liquidity` of `fills`."""

    MAKER = 0
    TAKER = 1


class Cause(IntEnum):
    """Column `cause` of `fills`: why the order filled (docs/fill-model.md)."""

    QUEUE = 1  # market flow at the order's price, with nothing left ahead
    THROUGH = 2  # market flow at a worse price: the order had price priority
    CROSS = 3  # the opposite side came to stand at or through the order, without a print
    HIDDEN = 4  # market flow that traded with an order that was not displayed
    TAKE = 5  # the order traded on arrival


class UpdateKind(IntEnum):
    """Column `kind` of `orders`."""

    ACCEPTED = 1
    REJECTED = 2
    REPLACED = 3
    REPLACE_REJECTED = 4
    CANCELLED = 5
    CANCEL_REJECTED = 6
    EXPIRED = 7  # the unfilled rest of an IOC, FOK or market order, or of a GTD or DAY order whose time is over
    TRIGGERED = 8  # a stop order has entered the book
    REDUCED = 9  # the exchange has cut the size; the order keeps its place


class OrderState(IntEnum):
    """Column `state` of `orders`: the order after the update."""

    PENDING = 0  # sent, not yet answered
    LIVE = 1
    FILLED = 2
    CANCELLED = 3
    REJECTED = 4
    EXPIRED = 5
    UNTRIGGERED = 6  # a stop order that waits for its price


class Trigger(IntEnum):
    """Which price of the market triggers a stop order."""

    LAST = 0  # that of a print
    MID = 2  # the mean of the best prices
    TOUCH = 3  # the best ask for a buy, the best bid for a sell


class TimeInForce(IntEnum):
    """How long an order stays in the book."""

    GTC = 0  # until cancelled
    IOC = 1  # trades what it can on arrival, the rest expires
    FOK = 2  # trades in full on arrival, or not at all
    GTD = 3  # until `expire_ns`
    DAY = 4  # until the market closes


class SelfTrade(IntEnum):
    """What happens when an arriving order meets an own resting one: self-trade prevention."""

    CANCEL_NEWEST = 0  # what is left of the arriving one is cancelled
    CANCEL_OLDEST = 1  # the resting one is cancelled, and the arriving one goes on
    CANCEL_BOTH = 2
    DECREMENT = 3  # both become smaller by the size of the smaller one, without a trade
    REJECT = 4  # the arriving one is refused as a whole, before it trades


class RejectReason(IntEnum):
    """Why a request was refused. Refusals are data, never exceptions."""

    NONE = 0
    POST_ONLY = 1  # it would trade on arrival
    UNKNOWN_ORDER = 2  # no such order of this strategy
    TOO_LATE = 3  # the order was filled, cancelled or expired when the request arrived, or a GTD order's time was over
    OFF_TICK = 4  # the price is not a whole number of ticks
    OFF_LOT = 5  # the size is not a whole number of lots
    SIZE = 6  # the size is zero, negative or 2⁴⁰ lots and more
    PRICE = 7  # the price is 2⁴⁰ ticks and more, or missing where one is needed
    POSITION_LIMIT = 8
    WARM_UP = 9
    HALTED = 10  # the market is not in its continuous phase
    SELF_TRADE = 11  # it would have traded with an own order of the other side
    STOPPED = 12  # the run is ending
    BAD_VALUE = 13  # an argument of the wrong kind (a string, NaN, an unknown time in force), or options at odds
    REDUCE_ONLY = 15  # a reduce-only order had no position to reduce, or its position has become smaller
    MMP = 16  # market maker protection has cancelled the quotes, and refuses new ones


MISTAKES: Final = frozenset(
    {
        RejectReason.UNKNOWN_ORDER,
        RejectReason.OFF_TICK,
        RejectReason.OFF_LOT,
        RejectReason.SIZE,
        RejectReason.PRICE,
        RejectReason.BAD_VALUE,
    }
)
"""Reasons that lie in the arguments of a request alone, whatever the market does."""


def fills_schema(markouts_ns: Sequence[int]) -> pa.Schema:
    """Schema of `fills`, in exchange order: one row per fill, one `mid2_after_<ns>ns` column per markout horizon.

    `mid2_before` is the last two-sided doubled mid before the first row of the fill's exchange nanosecond, null if
    there was none yet. `mid2_after_…` is the doubled mid after all rows up to min(fill time + horizon, end).
    `ts_local_ns` is the arrival of the fill at the strategy. `ts_traded_ns` is set where a late print filled the order:
    the time when its level fell. `queue_ahead_at_arrival_lots` is null for takers and outside the displayed depth.
    """
    return pa.schema(
        [
            pa.field("fill_id", pa.int64(), nullable=False),
            pa.field("order_id", pa.int64(), nullable=False),
            pa.field("agent", pa.int16(), nullable=False),
            pa.field("instrument", pa.int16(), nullable=False),
            pa.field("side", pa.int8(), nullable=False),  # +1 bought, -1 sold
            pa.field("price_ticks", pa.int64(), nullable=False),
            pa.field("size_lots", pa.int64(), nullable=False),  # positive
            pa.field("fee_micro", pa.int64(), nullable=False),
            pa.field("liquidity", pa.int8(), nullable=False),
            pa.field("cause", pa.int8(), nullable=False),
            pa.field("ts_exchange_ns", pa.int64(), nullable=False),
            pa.field("ts_local_ns", pa.int64(), nullable=False),
            pa.field("ts_traded_ns", pa.int64()),  # L2: when the level fell that a late print explains, else null
            pa.field("bid_ticks_before", pa.int64()),
            pa.field("ask_ticks_before", pa.int64()),
            pa.field("mid2_before", pa.int64()),
            pa.field("queue_ahead_at_arrival_lots", pa.int64()),
            pa.field("ts_arrival_ns", pa.int64(), nullable=False),  # when the order took its place at the exchange
            pa.field("tag", pa.string(), nullable=False),
            pa.field("tainted", pa.int8(), nullable=False),  # 1: book or data bad then or shortly before
            *(pa.field(f"mid2_after_{h}ns", pa.int64()) for h in markouts_ns),
        ]
    )


ORDERS: Final = pa.schema(
    [
        pa.field("order_id", pa.int64(), nullable=False),
        pa.field("agent", pa.int16(), nullable=False),
        pa.field("instrument", pa.int16(), nullable=False),
        pa.field("kind", pa.int8(), nullable=False),
        pa.field("state", pa.int8(), nullable=False),
        pa.field("reason", pa.int8(), nullable=False),
        pa.field("side", pa.int8(), nullable=False),
        pa.field("tif", pa.int8(), nullable=False),
        pa.field("post_only", pa.int8(), nullable=False),
        pa.field("price_ticks", pa.int64()),  # null: a market order
        pa.field("asked_price_ticks", pa.int64()),  # what was asked for, where the venue has set another price
        pa.field("size_lots", pa.int64(), nullable=False),  # total, fills included
        pa.field("filled_lots", pa.int64(), nullable=False),
        pa.field("queue_ahead_lots", pa.int64()),  # ACCEPTED, REPLACED: at arrival
        pa.field("ts_sent_ns", pa.int64()),  # null: not an answer to a request (EXPIRED, REDUCED)
        pa.field("ts_exchange_ns", pa.int64()),  # null: refused before it was sent
        pa.field("ts_local_ns", pa.int64(), nullable=False),  # arrival at the strategy
        pa.field("tag", pa.string(), nullable=False),
        pa.field("reduce_only", pa.int8(), nullable=False),
        pa.field("display_lots", pa.int64()),  # an iceberg's tip; null: displayed whole
        pa.field("stop_ticks", pa.int64()),  # null: no stop
        pa.field("trigger", pa.int64()),  # null: the last print's price
        pa.field("trail_ticks", pa.int64()),  # null: does not trail by ticks
        pa.field("trail_bps", pa.int64()),  # null: does not trail by basis points
        pa.field("expire_ns", pa.int64()),  # GTD: when it ends, else null
        pa.field("self_trade", pa.int64()),  # null: as the venue does
    ]
)
"""One row per answer to a request (or expiry), in the order of the events."""

BBO: Final = pa.schema(
    [
        pa.field("instrument", pa.int16(), nullable=False),
        pa.field("ts_exchange_ns", pa.int64(), nullable=False),
        pa.field("bid_ticks", pa.int64()),
        pa.field("bid_lots", pa.int64()),
        pa.field("ask_ticks", pa.int64()),
        pa.field("ask_lots", pa.int64()),
    ]
)
"""The best prices and sizes at the exchange, one row per packet that changed them; null where a side is empty."""

SAMPLES: Final = pa.schema(
    [
        pa.field("ts_ns", pa.int64(), nullable=False),
        pa.field("agent", pa.int16(), nullable=False),
        pa.field("instrument", pa.int16(), nullable=False),
        pa.field("position_lots", pa.int64(), nullable=False),
        pa.field("cash_tick_lots", pa.int64(), nullable=False),
        pa.field("fees_micro", pa.int64(), nullable=False),
        pa.field("mid2", pa.int64()),  # null until the market was two-sided
        pa.field("bid_quote_ticks", pa.int64()),  # own best resting prices at the exchange
        pa.field("ask_quote_ticks", pa.int64()),
    ]
)
"""The account at the exchange at the end of each sampling instant, and once at the end of the run."""

SERIES: Final = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("agent", pa.int16(), nullable=False),
        pa.field("ts_ns", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
"""The points of `ctx.record`; outside the digest."""


class Batches(Protocol):
    """Rows that are read batch by batch."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    def to_batches(self) -> Iterable[pa.RecordBatch]:
        """Iterate the rows from the start in record batches."""


class Rows(Batches, Protocol):
    """A table with a choice of columns: in memory a `pyarrow.Table`, on disk a `TableFile`."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    def select(self, columns: Sequence[str]) -> Rows:
        """Return the same rows with some of the columns."""


DIGEST_VERSION: Final = "digest/2"

MARKOUTS: Final = "mid2_after_*ns"
"""In `DIGEST_COLUMNS`: the columns of all markout horizons, ascending."""

DIGEST_COLUMNS: Final = {
    "fills": (
        "fill_id",
        "order_id",
        "agent",
        "instrument",
        "side",
        "price_ticks",
        "size_lots",
        "fee_micro",
        "liquidity",
        "cause",
        "ts_exchange_ns",
        "ts_local_ns",
        "ts_traded_ns",
        "bid_ticks_before",
        "ask_ticks_before",
        "mid2_before",
        "queue_ahead_at_arrival_lots",
        "ts_arrival_ns",
        "tag",
        "tainted",
        MARKOUTS,
    ),
    "orders": (
        "order_id",
        "agent",
        "instrument",
        "kind",
        "state",
        "reason",
        "side",
        "tif",
        "post_only",
        "price_ticks",
        "asked_price_ticks",
        "size_lots",
        "filled_lots",
        "queue_ahead_lots",
        "ts_sent_ns",
        "ts_exchange_ns",
        "ts_local_ns",
        "tag",
        "reduce_only",
        "display_lots",
        "expire_ns",
        "self_trade",
        "stop_ticks",
        "trigger",
        "trail_ticks",
        "trail_bps",
    ),
    "bbo": ("instrument", "ts_exchange_ns", "bid_ticks", "bid_lots", "ask_ticks", "ask_lots"),
    "samples": (
        "ts_ns",
        "agent",
        "instrument",
        "position_lots",
        "cash_tick_lots",
        "fees_micro",
        "mid2",
        "bid_quote_ticks",
        "ask_quote_ticks",
    ),
}
"""What `Result.digest` covers: tables and their columns, in this order, whatever the order of the schemas.

A column that is added later is added here and in `UNUSED`; one that is renamed keeps its old name here, and gets an
entry in `RENAMED`. Anything else changes the digests of existing results and needs another `DIGEST_VERSION`.
"""

UNUSED: Final[dict[str, dict[str, int | str | None]]] = {
    "fills": {"ts_traded_ns": None},
    "orders": {
        "reduce_only": 0,
        "display_lots": None,
        "asked_price_ticks": None,
        "expire_ns": None,
        "self_trade": None,
        "stop_ticks": None,
        "trigger": None,
        "trail_ticks": None,
        "trail_bps": None,
    },
}
"""Columns that are newer than the first version, with the value that they have where a run does not use the feature.

The digest leaves out a column that has this value in all rows. Files of an earlier version may lack it.
"""

RENAMED: Final[dict[str, dict[str, str]]] = {}
"""By table: the name in `DIGEST_COLUMNS` of each column that has been renamed, and its name in the schema."""

OUTSIDE_DIGEST: Final[dict[str, tuple[str, ...]]] = {}
"""By table: columns that the digest never covers."""


def schemas(markouts_ns: Sequence[int]) -> dict[str, pa.Schema]:
    """Return the schema of every table that an engine fills, by name."""
    return {"fills": fills_schema(markouts_ns), "orders": ORDERS, "bbo": BBO, "samples": SAMPLES, "series": SERIES}
