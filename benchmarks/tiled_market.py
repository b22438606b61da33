"""A long L3 file for benchmarks: the seeded flow of `l3_flow`, repeated, each time from an empty book."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from l3_flow import MEAN_GAP_NS, Columns, l3_flow

from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.writer import EventWriter

TILE = 1_000_000
FEED_NS = 250_000


def tiled_market(events: int, folder: Path, distance: int = 20) -> Path:
    """Write a file of `events` million events, with a CLEAR before each million, or use the existing one."""
    path = folder / f"l3-tiled-{distance}-{events}.parquet"
    if path.exists():
        return path
    tile = _with_clear(l3_flow(TILE, folder, distance=distance))
    times, ids = tile["ts_exchange_ns"], tile["order_id"]
    span_ns, span_ids = int(times[-1] - times[0]) + MEAN_GAP_NS, int(ids.max())
    with EventWriter(path, level=3, symbol="TILED", tick_size="0.01", lot_size=1, venue="TEST") as writer:
        for k in range(events // TILE):
            ts = times + k * span_ns
            columns = {**tile, "ts_exchange_ns": ts, "ts_local_ns": ts + FEED_NS}
            writer.write({**columns, "order_id": np.where(ids > 0, ids + k * span_ids, 0)})
    return path


def _with_clear(flow: Columns) -> Columns:
    """Return a flow with a first row that empties the book, and with flags."""
    first = {"ts_exchange_ns": flow["ts_exchange_ns"][0], "action": Action.CLEAR}
    names = ("ts_exchange_ns", "action", "side", "order_id", "price_ticks", "size_lots")
    columns = {name: np.concatenate(([first.get(name, 0)], flow[name])) for name in names}
    return {**columns, "flags": np.full(len(flow["action"]) + 1, Flag.LAST)}
