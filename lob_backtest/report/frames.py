"""Result tables as pandas DataFrames for people: prices in currency, times as timestamps, codes as names."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from lob_backtest.contract.tables import Cause, Liquidity, OrderState, RejectReason, TimeInForce, UpdateKind
from lob_backtest.contract.terms import Terms
from lob_backtest.results.run_info import RunInfo

if TYPE_CHECKING:
    import pandas as pd

CODES: Final[dict[str, type[IntEnum]]] = {
    "liquidity": Liquidity,
    "cause": Cause,
    "kind": UpdateKind,
    "state": OrderState,
    "reason": RejectReason,
    "tif": TimeInForce,
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


def frame(name: str, table: pa.Table, info: RunInfo) -> pd.DataFrame:
    """Convert a result table to a DataFrame.

    Integer columns that can be null become `Int64`, so that no integer turns into a float.

    Args:
        name: of the table.
        table: its rows.
        info: instruments and agents, for names and tick sizes.
    """
    import pandas as pd

    columns: dict[str, Any] = {"time": pd.to_datetime(table[_TIMES[name]].to_numpy(), unit="ns", utc=True)}
    if name == "lots":
        columns["close_time"] = pd.to_datetime(_values(table, "close_ts_ns"), unit="ns", utc=True)
    if name == "bbo":
        columns["price"] = (_price(table, "bid_ticks", 1, info) + _price(table, "ask_ticks", 1, info)) / 2
    for column, (source, divisor) in _PRICES[name].items():
        columns[column] = _price(table, source, divisor, info)
    if name == "samples":
        columns["price"] = columns["mid"]
    if name == "lots":
        columns["price"] = columns["open_price"]
    for field in table.schema:
        columns[field.name] = _column(table, field, info)
    return pd.DataFrame(columns)


def _column(table: pa.Table, field: pa.Field, info: RunInfo) -> Any:
    name = field.name
    if name in CODES:
        names = {code.value: code.name.lower() for code in CODES[name]}
        return [names[code] for code in table[name].to_pylist()]
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
