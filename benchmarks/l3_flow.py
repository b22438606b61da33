"""A seeded L3 flow for benchmarks: adds, executions at the touch, partial and full cancels, a few thousand orders."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sortedcontainers import SortedDict

START_NS = 1_721_395_800_000_000_000
MEAN_GAP_NS = 2_000_000
LIVE = (1_000, 3_000)
ADD, CANCEL, EXECUTE = 1, 2, 4
COLUMNS = ("ts_exchange_ns", "action", "side", "order_id", "price_ticks", "size_lots", "left_lots")

Columns = dict[str, NDArray[np.int64]]


class Flow:
    """The generator's own book: orders by id, levels by price, each level's orders oldest first."""

    def __init__(self, seed: int, distance: int) -> None:
        self.rng = random.Random(seed)
        self.distance = distance
        self.sides: dict[int, SortedDict[int, dict[int, None]]] = {1: SortedDict(), -1: SortedDict()}
        self.orders: dict[int, list[int]] = {}
        self.live: list[int] = []
        self.place: dict[int, int] = {}
        self.ids = 0

    def next(self) -> tuple[int, int, int, int, int, int]:
        """Make one event: action, side, order_id, price_ticks, size_lots, the order's remaining lots."""
        dice = self.rng.random()
        side = 1 if self.rng.random() < 0.5 else -1
        if len(self.live) < LIVE[0] or (dice < 0.47 and len(self.live) < LIVE[1]):
            return self._add(side)
        if dice < 0.57 and self.sides[side]:
            order_id = next(iter(self.sides[side].peekitem(0)[1]))
            return self._take(EXECUTE, order_id, self.rng.randint(1, self.orders[order_id][2]))
        order_id = self.live[int(self.rng.random() * len(self.live))]
        size = self.orders[order_id][2]
        return self._take(CANCEL, order_id, self.rng.randint(1, size - 1) if dice < 0.6 and size > 1 else size)

    def _add(self, side: int) -> tuple[int, int, int, int, int, int]:
        opposite = self.sides[-side]
        reference = side * opposite.peekitem(0)[0] if opposite else 10_000
        price = reference - side * (1 + int(-math.log(1 - self.rng.random()) * self.distance))
        size = self.rng.randint(1, 20)
        self.ids += 1
        self.sides[side].setdefault(-side * price, {})[self.ids] = None
        self.orders[self.ids] = [side, price, size]
        self.place[self.ids] = len(self.live)
        self.live.append(self.ids)
        return ADD, side, self.ids, price, size, size

    def _take(self, action: int, order_id: int, size: int) -> tuple[int, int, int, int, int, int]:
        order = self.orders[order_id]
        side, price, _ = order
        order[2] -= size
        if order[2] == 0:
            level = self.sides[side][-side * price]
            del level[order_id], self.orders[order_id]
            if not level:
                del self.sides[side][-side * price]
            last, place = self.live.pop(), self.place.pop(order_id)
            if last != order_id:
                self.live[place] = last
                self.place[last] = place
        return action, side, order_id, price, size, order[2]


def flow_path(events: int, cache: Path, seed: int = 3, distance: int = 20) -> Path:
    """Return the path of a cached flow."""
    return cache / f"l3-flow-{seed}-{distance}-{events}.npz"


def l3_flow(events: int, cache: Path, seed: int = 3, distance: int = 20) -> Columns:
    """Make a flow, or load it from the cache.

    Args:
        events: number of rows.
        cache: the folder of cached flows.
        seed: of the generator.
        distance: mean distance of a new order from the opposite best price, in ticks. With 20 there are some ten orders
            at a best price and 1.7% of the rows move one; with 4 there are two hundred, and best prices do not move.
    """
    path = flow_path(events, cache, seed, distance)
    if path.exists():
        with np.load(path) as saved:
            return {name: saved[name] for name in COLUMNS}
    flow, rng = Flow(seed, distance), random.Random(seed + 1)
    rows = np.empty((events, len(COLUMNS)), np.int64)
    ts_ns = START_NS
    for i in range(events):
        ts_ns += int(-math.log(1 - rng.random()) * MEAN_GAP_NS)
        rows[i] = (ts_ns, *flow.next())
    columns = {name: np.ascontiguousarray(rows[:, i]) for i, name in enumerate(COLUMNS)}
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(path, **columns)  # type: ignore[arg-type]
    return columns
