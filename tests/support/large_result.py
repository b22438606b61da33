"""Results of any length, made with numpy: a walk of best prices, orders that are replaced and cancelled, IOC fills."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from result_factory import START, instrument

from lob_backtest.contract.tables import Cause, OrderState, UpdateKind, schemas
from lob_backtest.result import Result, RunInfo

MS = 1_000_000
MARKOUTS = (100 * MS, 1000 * MS)
LIFE = 10
"""Updates of an order: accepted, replaced again and again, cancelled."""


def large_result(rows: int, fills: int) -> Result:
    """Make a result with so many best prices, updates of orders and samples, and so many fills.

    Args:
        rows: one a millisecond.
        fills: spread over the same time, one lot each, bought or sold at the touch.
    """
    random = np.random.default_rng(1)
    times = START + np.arange(rows) * MS
    bid = 10_000 + np.cumsum(random.integers(-1, 2, rows))
    at = np.sort(random.integers(1, rows, fills))
    side = random.choice((1, -1), fills)
    trades = {"ts_ns": times[at] + 1, "side": side, "price": bid[at] + (side > 0), "id": rows + 1 + np.arange(fills)}
    mid2 = 2 * bid + 1
    fees, after = np.full(fills, 7), {h: mid2[np.minimum(at + h // MS, rows - 1)] for h in MARKOUTS}
    done = np.searchsorted(trades["ts_ns"], times, side="right")
    tables: dict[str, dict[str, Any]] = {
        "bbo": {"ts_exchange_ns": times, "bid_ticks": bid, "bid_lots": 5, "ask_ticks": bid + 1, "ask_lots": 5},
        "orders": _orders(times, bid, trades),
        "fills": {
            "fill_id": np.arange(fills),
            "order_id": trades["id"],
            "side": side,
            "price_ticks": trades["price"],
            "size_lots": 1,
            "fee_micro": fees,
            "liquidity": np.arange(fills) % 2,
            "cause": np.where(np.arange(fills) % 2, Cause.TAKE, Cause.QUEUE),
            "ts_exchange_ns": trades["ts_ns"],
            "ts_local_ns": trades["ts_ns"] + MS,
            "ts_arrival_ns": trades["ts_ns"] - random.integers(0, 1000 * MS, fills),
            "mid2_before": mid2[at - 1],
            **{f"mid2_after_{h}ns": values for h, values in after.items()},
        },
        "samples": {
            "ts_ns": times,
            "position_lots": np.append(0, np.cumsum(side))[done],
            "cash_tick_lots": -np.append(0, np.cumsum(side * trades["price"]))[done],
            "fees_micro": np.append(0, np.cumsum(fees))[done],
            "mid2": mid2,
            "bid_quote_ticks": bid,
        },
        "series": {"ts_ns": times[:0]},
    }
    info = RunInfo(
        instruments=(instrument(max_position_lots=100),),
        agents=("agent",),
        markouts_ns=MARKOUTS,
        sample_ns=MS,
        start_ns=START,
        end_ns=START + rows * MS,
        engine="reference",
        seed=0,
        config={},
        inputs=(),
        versions={},
        counts={"events": rows},
    )
    return Result({name: _table(tables[name], schema) for name, schema in schemas(MARKOUTS).items()}, info)


def _orders(times: Any, bid: Any, trades: dict[str, Any]) -> dict[str, Any]:
    rows = np.arange(len(times))
    kind = np.full(len(times), UpdateKind.REPLACED)
    kind[::LIFE], kind[LIFE - 1 :: LIFE] = UpdateKind.ACCEPTED, UpdateKind.CANCELLED
    columns = {
        "order_id": (1 + rows // LIFE, trades["id"]),
        "kind": (kind, np.full(len(trades["id"]), UpdateKind.ACCEPTED)),
        "side": (np.where(rows // LIFE % 2, 1, -1), trades["side"]),
        "price_ticks": (bid, trades["price"]),
        "ts_exchange_ns": (times, trades["ts_ns"]),
    }
    order = np.argsort(np.concatenate(columns["ts_exchange_ns"]), kind="stable")
    out = {name: np.concatenate(parts)[order] for name, parts in columns.items()}
    more = {"ts_sent_ns": out["ts_exchange_ns"] - MS, "ts_local_ns": out["ts_exchange_ns"] + MS, "size_lots": 1}
    return {**out, **more, "state": OrderState.LIVE, "post_only": 1}


def _table(columns: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """Complete columns: a number stands for all rows; what is missing is null, 0 or empty."""
    count = max(len(each) for each in columns.values() if isinstance(each, np.ndarray))
    arrays = []
    for field in schema:
        value = columns.get(field.name)
        if isinstance(value, np.ndarray):
            arrays.append(pa.array(value, field.type))
        elif value is None and field.nullable:
            arrays.append(pa.nulls(count, field.type))
        else:
            plain = "" if pa.types.is_string(field.type) else int(value or 0)
            arrays.append(pa.repeat(pa.scalar(plain, field.type), count))
    return pa.Table.from_arrays(arrays, schema=schema)
