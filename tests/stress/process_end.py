"""Start short runs and converts, several at a time, and count how they end: a process may crash as it exits.

``python tests/stress/process_end.py --runs 1500 --at-once 6`` prints a line per kind of run, and exits with 1 if any
aborted, hung, had another exit code than expected, or printed a traceback.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT_S = 600
STEM = "TEST_2012-06-21_34200000_57600000_{}_1.csv"
STRATEGY = "from lob_backtest.strategies.inventory_skew import InventorySkew\n"
READY = (
    "import sys; from lob_backtest.cli.group import main; "
    "print('ready', file=sys.stderr, flush=True); main(sys.argv[1:])"
)


@dataclass(frozen=True)
class Kind:
    """A command line, the exit codes that are right, and the longest wait before Ctrl-C, in seconds."""

    arguments: Callable[[Path], list[str]]
    codes: tuple[int, ...]
    interrupt_s: float | None = None


@dataclass
class Tally:
    """How the runs of one kind ended."""

    runs: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)


def lobster(folder: Path, rows: int, empty_cell: int | None) -> tuple[str, str]:
    """Write a LOBSTER message file and its order book file of one level; return their paths."""
    folder.mkdir()
    messages, books = folder / STEM.format("message"), folder / STEM.format("orderbook")
    messages.write_text("".join(f"{34200 + k / 1000:.3f},1,{k + 1},10,1000000,1\n" for k in range(rows)))
    lines = [f"9999999999,0,1000000,{10 * (k + 1)}" for k in range(rows)]
    if empty_cell is not None:
        lines[empty_cell] = "9999999999,,1000000,10"
    books.write_text("".join(line + "\n" for line in lines))
    return str(messages), str(books)


def prepared(folder: Path) -> dict[str, Kind]:
    """Write what the runs read, and return the kinds of runs."""
    market, strategy, saved = folder / "market.parquet", folder / "s.py", folder / "saved"
    strategy.write_text(STRATEGY)
    good, bad = lobster(folder / "good", 20_000, None), lobster(folder / "bad", 20_000, 15_000)
    run = ["run", "-d", str(market), "-s", f"{strategy}:InventorySkew", "-q"]
    for arguments in (["generate", "-o", str(market), "--events", "20000"], [*run, "-o", str(saved)]):
        subprocess.run([sys.executable, "-c", READY, *arguments], check=True, capture_output=True)

    def convert(files: tuple[str, str]) -> Callable[[Path], list[str]]:
        return lambda out: ["convert", "lobster", files[0], "--orderbook", files[1], "-o", str(out)]

    return {
        "convert that fails": Kind(convert(bad), (3,)),
        "convert": Kind(convert(good), (0,)),
        "run in memory": Kind(lambda _: run, (0,)),
        "run into a folder": Kind(lambda out: [*run, "-o", str(out)], (0,)),
        "report": Kind(lambda out: ["report", str(saved), "-o", str(out)], (0,)),
        "run, Ctrl-C": Kind(lambda _: run, (0, 130), interrupt_s=1.0),
        "run into a folder, Ctrl-C": Kind(lambda out: [*run, "-o", str(out)], (0, 130), interrupt_s=1.0),
        "convert, Ctrl-C": Kind(convert(good), (0, 130), interrupt_s=1.0),
    }


def ended(kind: Kind, out: Path, wait_s: float) -> tuple[int | None, str]:
    """Run one command; return its exit code, `None` if it hung, and what it wrote on stderr."""
    process = subprocess.Popen(
        [sys.executable, "-c", READY, *kind.arguments(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert process.stderr is not None
    try:
        process.stderr.readline()
        if kind.interrupt_s is not None:
            time.sleep(wait_s)
            process.send_signal(signal.SIGINT)
        _, text = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, ""
    return process.returncode, text


def faults(kind: Kind, code: int | None, text: str) -> list[str]:
    """Name what is wrong with the way a run ended."""
    if code is None:
        return ["hang"]
    found = ["abort"] if code in (-signal.SIGABRT, -signal.SIGSEGV, 134, 139) else []
    found += ["wrong exit code"] if code not in kind.codes and not found else []
    return found + (["traceback"] if "Traceback" in text else [])


def stress(runs: int, at_once: int, seed: int) -> dict[str, Tally]:
    """Start runs of all kinds in turn, and return how they ended."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="process-end-") as name, ThreadPoolExecutor(at_once) as pool:
        folder = Path(name)
        kinds = prepared(folder)
        tallies = {kind: Tally() for kind in kinds}

        def one(number: int, kind: str, wait_s: float) -> tuple[str, int | None, str]:
            return kind, *ended(kinds[kind], folder / f"out-{number}", wait_s)

        names = list(kinds)
        jobs = [(k, names[k % len(names)], rng.random()) for k in range(runs)]
        waits = [kinds[kind].interrupt_s or 0.0 for _, kind, _ in jobs]
        starts = [(k, kind, part * wait) for (k, kind, part), wait in zip(jobs, waits, strict=True)]
        for kind, code, text in pool.map(one, *zip(*starts, strict=True)):
            tally = tallies[kind]
            tally.runs += 1
            tally.codes[-999 if code is None else code] += 1
            found = faults(kinds[kind], code, text)
            tally.faults.update(found)
            if found and len(tally.samples) < 3:
                tally.samples.append(f"{', '.join(found)} (exit {code}): {text[-600:]}")
    return tallies


def main() -> int:
    """Parse the arguments, run, print the counts; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1500)
    parser.add_argument("--at-once", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job and its children ignore it
    tallies = stress(arguments.runs, arguments.at_once, arguments.seed)
    for kind, tally in tallies.items():
        print(f"{kind:28} {tally.runs:6} runs  exit codes {dict(tally.codes)}  faults {dict(tally.faults)}")
        for sample in tally.samples:
            print("    " + sample.replace("\n", "\n    "))
    return 1 if any(tally.faults for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
