"""Peak memory of a run against the length of its file, results written to disk. Usage: memory.py [EVENTS EVENTS]."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "out" / "benchmark"
LIMIT = 1.2
DISTANCE = 4
"""Best prices stand still at this distance (l3_flow): it is the market that grows, not what the strategy did."""


def measured(events: int) -> None:
    """Run the market maker over a file, and print what the process took. Nothing else happens in its process."""
    from tiled_market import tiled_market
    from vs_hftbacktest import LIMIT as POSITION
    from vs_hftbacktest import SIZE, MarketMaker

    import lob_backtest as lob

    config = {
        "instrument": [{"data": [str(tiled_market(events, FOLDER, DISTANCE))]}],
        "latency": {"entry": "1ms", "response": "1ms"},
        "risk": {"max_position": POSITION + SIZE},
    }
    begin = time.perf_counter()
    result = lob.run(config, MarketMaker, out=FOLDER / f"memory-{events}", force=True)
    seconds = time.perf_counter() - begin
    rows = {name: result.rows(name).num_rows for name in ("bbo", "fills", "orders", "samples")}
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "timing": result.timing, "rows": rows}))


def in_process(what: str, events: int) -> dict[str, Any]:
    """Do something in a process of its own, whose peak is nobody else's: a child starts with that of its parent."""
    done = subprocess.run([sys.executable, __file__, what, str(events)], stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout or "{}")
    return found


def main() -> None:
    short, long = map(int, sys.argv[1:3] or ("5000000", "50000000"))
    peaks = []
    for events in (short, long):
        in_process("--write", events)
        run = in_process("--run", events)
        peaks.append(run["peak_mb"])
        rows = ", ".join(f"{n:,} {name}" for name, n in run["rows"].items())
        rate = events / run["seconds"] / 1e6
        print(f"{events:12,} events: peak {run['peak_mb']:.0f} MB, {rate:.1f} million rows/s to the page; {rows}")
    print(f"ratio {peaks[1] / peaks[0]:.2f} (limit {LIMIT})")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        from tiled_market import tiled_market

        tiled_market(int(sys.argv[2]), FOLDER, DISTANCE)
    elif sys.argv[1:2] == ["--run"]:
        measured(int(sys.argv[2]))
    else:
        main()
