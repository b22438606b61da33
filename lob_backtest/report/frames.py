"""Result tables as pandas DataFrames for people: prices and money in currency, times as timestamps, codes as names."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from lob_backtest.contract.tables import (
    Cause,
    Liquidity,
    OrderState,
    RejectReason,
    SelfTrade,
    TimeInForce,
    Trigger,
    UpdateKind,
)
from lob_backtest.contract.terms import Terms
from lob_backtest.report import money_columns
from lob_backtest.results.run_info import RunInfo
from lob_backtest.units import format_duration

if TYPE_CHECKING:
    import pandas as pd

CODES: Final[dict[str, type[IntEnum]]] = {
    "liquidity": Liquidity,
    "cause": Cause,
    "kind": UpdateKind,
    "state": OrderState,
    "reason": RejectReason,
    "tif": TimeInForce,
    "trigger": Trigger,
    "self_trade": SelfTrade,
}
"""The enumeration of each column that holds codes."""
_FLAGS: Final = ("tainted", *(name for name, kind in Terms.kinds().items() if kind == "bool"))
_TIMES: Final = {
    "fills": "ts_exchange_ns",
    "orders": "ts_local_ns",
    "bbo": "ts_exchange_ns",
    "samples": "ts_ns",
    "series": "ts_ns",
    "lots": "open_ts_ns",
}
_PRICES: Final = {  # new column: the column it comes from, and how many of its units make a tick
    "fills": {"price": ("price_ticks", 1), "mid": ("mid2_before", 2)},
    "orders": {"price": ("price_ticks", 1)},
    "bbo": {"bid": ("bid_ticks", 1), "ask": ("ask_ticks", 1)},
    "samples": {"mid": ("mid2", 2), "bid_quote": ("bid_quote_ticks", 1), "ask_quote": ("ask_quote_ticks", 1)},
    "series": {},
    "lots": {"open_price": ("open_price2", 2), "close_price": ("close_price2", 2)},
}
ADDED: Final = {
    "fills": {
        "time": "exchange time, UTC",
        "price": "currency",
        "mid": "currency; the last two-sided mid before the fill, NaN if there was none",
        "notional": "currency, positive: price * size * lot size * multiplier",
        "fee": "currency; negative is a rebate",
        "captured": "currency: side * size * (mid - price); before the first mid, that one counts",
    },
    "orders": {"time": "when the strategy learned of it, UTC", "price": "currency; NaN for a market order"},
    "bbo": {
        "time": "exchange time, UTC",
        "price": "currency; the mid, NaN while a side is empty",
        "bid": "currency",
        "ask": "currency",
    },
    "samples": {
        "time": "UTC",
        "mid": "currency",
        "bid_quote": "currency; own best bid in the book, NaN without one",
        "ask_quote": "currency; own best ask in the book, NaN without one",
        "price": "currency; the mid",
    },
    "series": {"time": "UTC"},
    "lots": {
        "time": "of the opening, UTC",
        "close_time": "UTC; NaT for an open lot",
        "held": "from opening to closing; NaT for an open lot",
        "open_price": "currency",
        "close_price": "currency; of an open lot, the mark at the end",
        "price": "currency; of the opening",
        "result": "currency, before fees; NaN for an open lot",
        "fees": "currency; the lot's share of the fees of both fills, negative is a rebate",
    },
}
"""The columns that each DataFrame has beside those of its table, with their meaning; `fills` has markouts, too."""


def added_columns(name: str, markouts_ns: Sequence[int]) -> dict[str, str]:
    """Return the columns that a DataFrame has beside those of its table, each with its meaning.

    Args:
        name: of the table.
        markouts_ns: horizons of the run.
    """
    if name != "fills":
        return ADDED[name]
    meaning = "currency: side * size * (mid {} after the fill - price); NaN if that is beyond the end"
    horizons = {money_columns.markout_column(each): format_duration(each) for each in markouts_ns}
    return ADDED[name] | {column: meaning.format(horizon) for column, horizon in horizons.items()}


def frame(name: str, table: pa.Table, info: RunInfo, first_mids: Sequence[int] = ()) -> pd.DataFrame:
    """Convert a result table to a DataFrame.

    Integer columns that can be null become `Int64`, so that no integer turns into a float.

    Args:
        name: of the table.
        table: its rows.
        info: instruments and agents, for names and tick sizes.
        first_mids: for `fills`: the doubled mid that each account starts with, half-ticks, agents first.
    """
    import pandas as pd

    columns: dict[str, Any] = {"time": pd.to_datetime(table[_TIMES[name]].to_numpy(), unit="ns", utc=True)}
    if name == "lots":
        columns["close_time"] = pd.to_datetime(_values(table, "close_ts_ns"), unit="ns", utc=True)
        columns["held"] = columns["close_time"] - columns["time"]
    if name == "bbo":
        columns["price"] = (_price(table, "bid_ticks", 1, info) + _price(table, "ask_ticks", 1, info)) / 2
    for column, (source, divisor) in _PRICES[name].items():
        columns[column] = _price(table, source, divisor, info)
    if name == "samples":
        columns["price"] = columns["mid"]
    if name == "lots":
        columns["price"] = columns["open_price"]
        columns |= money_columns.of_lots(table, info)
    if name == "fills":
        columns |= money_columns.of_fills(table, info, first_mids)
    for field in table.schema:
        columns[field.name] = _column(table, field, info)
    return pd.DataFrame(columns)


def _column(table: pa.Table, field: pa.Field, info: RunInfo) -> Any:
    name = field.name
    if name in CODES:
        names = {code.value: code.name.lower() for code in CODES[name]}
        return [None if code is None else names[code] for code in table[name].to_pylist()]
    if name == "agent":
        return [info.agents[code] for code in table[name].to_pylist()]
    if name == "instrument":
        return [info.instruments[code].name for code in table[name].to_pylist()]
    if name in _FLAGS:
        return table[name].to_numpy() != 0
    if pa.types.is_string(field.type):
        return table[name].to_pylist()
    return _values(table, name) if field.nullable else table[name].to_numpy()


def _values(table: pa.Table, name: str) -> Any:
    """Return a nullable integer column as a pandas `Int64` array."""
    import numpy as np
    import pandas as pd

    column = table[name].combine_chunks()
    missing = ~np.asarray(column.is_valid())
    return pd.arrays.IntegerArray(column.fill_null(0).to_numpy(zero_copy_only=False).astype("int64"), missing)


def _price(table: pa.Table, source: str, divisor: int, info: RunInfo) -> Any:
    """Return ticks as currency; a null becomes NaN."""
    import numpy as np

    tick_sizes = [Decimal(each.tick_size) / divisor for each in info.instruments]
    digits = max((-int(each.as_tuple().exponent) for each in tick_sizes), default=0)
    units = table[source].to_numpy().astype(float)
    prices = units * np.array([float(each) for each in tick_sizes])[table["instrument"].to_numpy()]
    return np.round(prices, max(0, digits))  # removes the binary error, as of 0.1 + 0.2
