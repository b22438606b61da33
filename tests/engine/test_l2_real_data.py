"""On real L2 data, fills stay within what the market did: checked from the result and the vendor's messages alone."""

from __future__ import annotations

import random
import shutil
from collections import Counter

import pyarrow.parquet as pq
import pytest
from l2_audit import CROSS, QUEUE, TAKE, THROUGH, audit, read_events
from market.vendor_files import SHARED, needs_shared_data

import lob_backtest as lob
from lob_backtest.market.convert import convert
from lob_backtest.strategies.imbalance import Imbalance
from lob_backtest.strategies.inventory_skew import InventorySkew

pytestmark = needs_shared_data


class Sweeper(lob.Strategy):
    """Takes and makes at random, often more than there is: every way to a fill, in a small place."""

    seed: int = 1

    def on_start(self, ctx: lob.Context) -> None:
        self._rng = random.Random(self.seed)
        ctx.every(37 * lob.MS)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        rng = self._rng
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None or bid >= ask:
            return
        for order in list(ctx.orders):
            if rng.random() < 0.2:
                ctx.cancel(order.order_id)
        side = rng.choice((1, -1)) if abs(ctx.position) < 50_000 else -1 if ctx.position > 0 else 1
        send = ctx.buy if side > 0 else ctx.sell
        touch = ask if side > 0 else bid
        price = touch + side * rng.choice((-30, -3, -1, -1, 0, 0, 1, 5, 40))
        size = rng.choice((1, 20, 300, 4_000, 15_000))
        tif = rng.choice(("GTC", "GTC", "IOC", "FOK"))
        for _ in range(rng.choice((1, 1, 2))):
            send(None if rng.random() < 0.1 else price, size, tif=tif if price is not None else "IOC")
