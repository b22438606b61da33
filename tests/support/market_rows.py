"""A small, clean L3 market for tests of files: orders come, change, trade and go; nothing is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.writer import write_events

T0 = 1_700_000_000 * 10**9
META: dict[str, Any] = {"level": 3, "symbol": "TEST", "tick_size": "0.01", "lot_size": "1"}
L2 = META | {"level": 2}


def clean(orders: int = 25, *, seed: int = 1, start_ns: int = T0) -> dict[str, np.ndarray]:
    """Four rows an order: ADD, MODIFY down, EXECUTE, CANCEL of the rest. Bids stay below 100 ticks, asks above."""
    random = np.random.default_rng(seed)
    rows = 4 * orders
    side = np.repeat(random.choice([-1, 1], orders), 4)
    distance = np.repeat(random.integers(1, 20, orders), 4)
    times = start_ns + np.cumsum(random.integers(0, 1000, rows))
    return {
        "ts_exchange_ns": times,
        "ts_local_ns": times + random.integers(100, 5000, rows),
        "action": np.tile([Action.ADD, Action.MODIFY, Action.EXECUTE, Action.CANCEL], orders),
        "side": side,
        "order_id": np.repeat(np.arange(1, orders + 1), 4),
        "price_ticks": 100 - side * distance,
        "size_lots": np.tile([10, 8, 3, 5], orders),
        "flags": np.full(rows, int(Flag.LAST)),
        "phase": np.zeros(rows, np.int64),
        "sequence": np.arange(1, rows + 1),
    }


def with_row(row: int, **changes: int) -> dict[str, np.ndarray]:
    """The clean market with something changed in one row."""
    columns = clean()
    for name, value in changes.items():
        columns[name][row] = value
    return columns


def write(path: Path, columns: Any, **meta: Any) -> Path:
    write_events(path, columns, **(META | meta))
    return path


def column(batches: Any, name: str) -> list[int]:
    """One column of all batches, end to end."""
    return [int(value) for batch in batches for value in getattr(batch, name)]
