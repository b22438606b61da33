"""Time of `lob-backtest --help` beyond Python's own start, against its limit of 100 ms."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

REPEATS = 20
LIMIT_MS = 100.0


def median_ms(arguments: list[str]) -> float:
    """Return the median time of a Python process in milliseconds, after one run that warms the caches."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter_ns()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter_ns() - start) / 1e6)
    return statistics.median(times[1:])


def main() -> None:
    bare = median_ms(["-c", "pass"])
    shown = median_ms(["-m", "lob_backtest.cli", "--help"])
    extra = shown - bare
    print(f"lob-backtest --help: {shown:.0f} ms, python -c pass: {bare:.0f} ms, medians of {REPEATS}")
    print(f"  beyond Python's start: {extra:.0f} ms, limit {LIMIT_MS:.0f} ms, ratio {extra / LIMIT_MS:.2f}")


if __name__ == "__main__":
    main()
