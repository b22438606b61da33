"""Peak memory of runs with results on disk, against the length of the market. Usage: memory.py [EVENTS ...].

Makes out/benchmark/generated-EVENTS.parquet if it is missing: 30 million rows take some ten minutes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lob_backtest as lob

FOLDER = Path(__file__).resolve().parents[1] / "out" / "benchmark"
STRATEGIES = ("nothing", "maker", "taker")


class Taker(lob.Strategy):
    """Buys and sells one lot in turn at the market, ten times a second: many fills, one per order."""

    def on_start(self, ctx: lob.Context) -> None:
        """Set the timer."""
        self.calls = 0
        ctx.every(100 * lob.MS)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        """Take one lot."""
        self.calls += 1
        (ctx.buy if self.calls % 2 else ctx.sell)(None, 1)


def strategy(name: str) -> type[lob.Strategy]:
    """Return a strategy by name: one that does nothing, the InventorySkew of strategies/, or a taker."""
    if name == "maker":
        sys.path.insert(0, str(FOLDER.parents[1]))
        from strategies.inventory_skew import InventorySkew

        return InventorySkew
    return Taker if name == "taker" else lob.Strategy


def market(events: int) -> Path:
    """Make a market of `events` rows, or use the existing one."""
    path = FOLDER / f"generated-{events}.parquet"
    if not path.exists():
        lob.generate(path, events=events)
    return path


def measured(name: str, events: int) -> None:
    """Run a strategy over a market, and print the memory of the process, which does nothing else."""
    begin = time.process_time()
    config = {"instrument": [{"data": [str(market(events))]}]}
    result = lob.run(config, strategy(name), out=FOLDER / f"memory-{name}-{events}", force=True)
    seconds = time.process_time() - begin
    rows = {table: result.rows(table).num_rows for table in ("bbo", "fills", "orders", "samples")}
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "rows": rows}))


def in_process(*what: str) -> dict[str, Any]:
    """Run a command in a fresh process, since the peak memory of a forked child starts with that of its parent."""
    done = subprocess.run([sys.executable, __file__, *what], stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout or "{}")
    return found


def main() -> None:
    sizes = [int(each) for each in sys.argv[1:]] or [1_000_000, 10_000_000, 30_000_000]
    for name in STRATEGIES:
        for events in sizes:
            in_process("--make", str(events))
            run = in_process("--run", name, str(events))
            rows = ", ".join(f"{n:,} {table}" for table, n in run["rows"].items())
            print(f"{name:8} {events:12,} rows: peak {run['peak_mb']:.0f} MB, {run['seconds']:.1f} CPU s; {rows}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        market(int(sys.argv[2]))
    elif sys.argv[1:2] == ["--run"]:
        measured(sys.argv[2], int(sys.argv[3]))
    else:
        main()
