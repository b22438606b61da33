"""The kernel and the reference engine give the same answer to the last integer, over random markets and strategies.

`LOB_DIFFERENTIAL_EVENTS=100000000` runs more; `LOB_DIFFERENTIAL_SEED` begins elsewhere.
"""

from __future__ import annotations

import os

import pytest
from random_market import Actor
from random_runs import Case, Looker, difference, market, shrunken

from lob_backtest.engine import ENGINES

pytestmark = pytest.mark.skipif("kernel" not in ENGINES, reason="the kernel is not built")

SEED = int(os.environ.get("LOB_DIFFERENTIAL_SEED", "1"))
EVENTS = int(os.environ.get("LOB_DIFFERENTIAL_EVENTS", "10000000"))


def compare(first_seed: int, events: int, rows: int, *, calm: bool) -> int:
    """Compare runs from a seed on until they have had so many events; return how many."""
    done, seed = 0, first_seed
    while done < events:
        case = Case.of(seed, rows, calm=calm)
        what = difference(case)
        if what is not None:
            cut, shown = shrunken(case)
            rows_needed = max(len(stream) for stream in cut.streams)
            stream = "\n".join(str(row) for row in cut.streams[0][-20:])
            pytest.fail(
                f"seed {seed} (Case.of({seed}, {rows}, calm={calm}).cut({rows_needed})), level {cut.level}, "
                f"{cut.agents} {cut.strategy.__name__}, depth in {cut.depth_in or 'nothing'}, {cut.options}\n{shown}\n"
                f"last rows of the first instrument:\n{stream}"
            )
        done += case.events()
        seed += 1
    print(f"seeds {first_seed} to {seed - 1}: {done:,} events, no difference")
    return done


def test_random_runs_agree() -> None:
    assert compare(SEED, 60_000, 400, calm=False) >= 60_000


@pytest.mark.parametrize("pace", [4_000, 80_000])
@pytest.mark.parametrize("strategy", [Actor, Looker])
def test_a_long_run_agrees_however_rarely_somebody_looks(strategy: type[Actor], pace: int) -> None:
    """Long enough for the kernel to start its books again from copies, with packets that arrive late."""
    options = {"options": {"max_position": 60}, "local_ns": 2_000, "batch_rows": 9_000, "paranoid": False}
    case = Case(1, 3, strategy, [market(3, 5, 80_000, 1000)], {**options, "sample_ns": 100_000}, pace=pace)
    assert difference(case) is None


@pytest.mark.slow
def test_ten_million_events_agree() -> None:
    assert compare(SEED + 10**6, EVENTS, 20_000, calm=True) >= EVENTS
