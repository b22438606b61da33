"""Events per second of the reference engine on the bundled sample, with a strategy that does nothing."""

from __future__ import annotations

import statistics
from pathlib import Path

import lob_backtest as lob

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample-l3.parquet"
REPEATS = 5
LIMIT_PER_S = 150_000


class Idle(lob.Strategy):
    """Overrides no callback and sends no orders."""


def main() -> None:
    config = {"instrument": [{"data": [str(SAMPLE)]}]}
    rates = []
    for _ in range(REPEATS):
        timing = lob.run(config, Idle, engine="reference").timing
        rates.append(timing["events"] / timing["engine_s"])
    best = max(rates)  # the run least disturbed by other processes
    print(f"reference engine, no orders, {SAMPLE.name}: {best:,.0f} events/s, best of {REPEATS}")
    print(f"  median {statistics.median(rates):,.0f}, limit {LIMIT_PER_S:,} events/s, ratio {best / LIMIT_PER_S:.2f}")


if __name__ == "__main__":
    main()
