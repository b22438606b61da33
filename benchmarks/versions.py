"""Compare the processor time of runs in two versions, each in its own checkout with its own `.venv`.

    python benchmarks/versions.py ../other-checkout [PAIRS]

Prints, for each market and strategy, the median of the ratios of processor time (all threads of the process, from
Parquet to result tables) over alternating pairs, with its 95% interval by bootstrap. The markets are made once, by this
version.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lob_backtest as lob
from lob_backtest.strategies.inventory_skew import InventorySkew

HERE = Path(__file__).resolve().parents[1]
MARKETS = {"L3": (3, 3_000_000), "L2": (2, 1_000_000)}


class Idle(lob.Strategy):
    """Does nothing."""


STRATEGIES = {"nobody trades": Idle, "InventorySkew": InventorySkew}


def run_once(path: str, strategy: str) -> None:
    """Run and print the processor time in seconds."""
    config = {"instrument": [{"data": [path]}], "latency": {"entry": "1ms", "response": "1ms"}}
    begin = time.process_time()
    lob.run(config, STRATEGIES[strategy]())
    print(time.process_time() - begin)


def seconds(checkout: Path, path: Path, strategy: str) -> float:
    """Run once in a checkout, in a separate process; return the processor time in seconds."""
    command = [str(checkout / ".venv/bin/python"), __file__, "--once", str(path), strategy]
    return float(subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout)


def compare(other: Path, path: Path, strategy: str, pairs: int) -> str:
    """Return the median of the ratios with its interval, and the medians of both."""
    seconds(other, path, strategy), seconds(HERE, path, strategy)
    before: list[float] = []
    after: list[float] = []
    for k in range(pairs):
        for checkout, times in ((other, before), (HERE, after)) if k % 2 else ((HERE, after), (other, before)):
            times.append(seconds(checkout, path, strategy))
    ratios = [new / old for new, old in zip(after, before, strict=True)]
    medians = sorted(statistics.median(random.choices(ratios, k=pairs)) for _ in range(2_000))
    low, high = medians[50], medians[1_949]
    old, new = statistics.median(before), statistics.median(after)
    return f"{statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})  {old:.2f} s, {new:.2f} s"


def main() -> None:
    if sys.argv[1] == "--once":
        run_once(*sys.argv[2:4])
        return
    other, pairs = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 15
    with tempfile.TemporaryDirectory() as folder:
        for name, (level, events) in MARKETS.items():
            path = Path(folder) / f"{name}.parquet"
            lob.generate(path, events=events, seed=3, level=level)
            for strategy in STRATEGIES:
                print(f"{name}, {strategy}: {compare(other, path, strategy, pairs)}", flush=True)


if __name__ == "__main__":
    main()
