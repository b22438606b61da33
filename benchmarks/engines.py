"""Rows per second of every engine on the bundled sample, in the loop and from Parquet to tables, and their ratio."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import lob_backtest as lob
from lob_backtest.engine import ENGINES
from lob_backtest.strategies.inventory_skew import InventorySkew

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample-l3.parquet"
CONFIG = {"instrument": [{"data": [str(SAMPLE)]}], "risk": {"max_position": 200}}
REPEATS = 3


class Idle(lob.Strategy):
    """Overrides no callback and sends no orders."""


class Rates(NamedTuple):
    """The best rates of some runs in rows per second, and their digest."""

    loop: float
    whole: float
    digest: str


def measure(engine: str, strategy: type[lob.Strategy]) -> Rates:
    """Run an engine `REPEATS` times."""
    loops, runs, digest = [], [], ""
    for _ in range(REPEATS):
        begin = time.perf_counter()
        result = lob.run(CONFIG, strategy, engine=engine)
        elapsed = time.perf_counter() - begin
        rows = result.timing["events"]
        loops.append(rows / result.timing["engine_s"])
        runs.append(rows / elapsed)
        digest = result.digest
    return Rates(max(loops), max(runs), digest)


def main() -> None:
    for strategy in (Idle, InventorySkew):
        found = {engine: measure(engine, strategy) for engine in ENGINES}
        for engine, (loop, whole, digest) in found.items():
            print(f"{strategy.__name__:14} {engine:10} loop {loop:12,.0f} rows/s, whole {whole:11,.0f}, {digest[:12]}")
        if "kernel" in found:
            fast, slow = found["kernel"], found["reference"]
            ratios = f"{fast.loop / slow.loop:.1f} in the loop, {fast.whole / slow.whole:.1f} as a whole"
            print(f"{'':14} kernel / reference: {ratios}")


if __name__ == "__main__":
    main()
