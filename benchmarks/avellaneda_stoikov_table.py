"""The experiment of Avellaneda and Stoikov (2008), section 3.3, run with the project's own strategy classes.

The paper's market: the mid starts at 100 and steps by ±σ√dt, and in each of 200 steps a quote at a distance δ from the
mid fills one unit with probability A exp(-kδ) dt, cut off at 1, bids and asks independently, before the mid moves. (Not
1 - exp(-λ dt), which loses one profit in eight.) Nothing else is in the market, so that quotes may lie beyond the mid.
`AvellanedaStoikov` is the paper's inventory strategy; `FixedSpread` with the same mean spread its symmetric one.

The quotes are made in `on_timer`, with a context that has only the parts of this market. Each figure is computed
twice: by simulation path by path, and as exact moments. The latter are sums over positions, step by step, since quotes
depend only on the time and the position.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

import lob_backtest as lob
from lob_backtest.strategies.avellaneda_stoikov import AvellanedaStoikov
from lob_backtest.strategies.fixed_spread import FixedSpread

TICK: Final = 0.0001  # fine enough for the paper's continuous prices
INSTRUMENT: Final = lob.Instrument("PAPER", "paper", tick_size=Decimal("0.0001"), lot_size=Decimal(1))
MID_TICKS: Final = round(100 / TICK)
FAR_TICKS: Final = round(90 / TICK)  # distance of the best prices from the mid: beyond every quote
STEPS: Final = 200
STEP_NS: Final = lob.SECOND // STEPS  # the paper's unit of time is a second here
DT: Final = STEP_NS / lob.SECOND
SIGMA: Final = 2.0
MOVE_TICKS: Final = round(SIGMA * math.sqrt(DT) / TICK)
FILL_RATE: Final = 140.0
FILL_DECAY: Final = 1.5

MakeStrategy = Callable[[], lob.Strategy]


class Row(NamedTuple):
    """A row of the paper's tables, in units of price: a strategy's mean spread, profit and final inventory."""

    spread: float
    profit: float
    profit_std: float
    inventory_std: float


PUBLISHED: Final = {
    (0.1, "inventory"): Row(1.49, 64.9, 6.6, 2.9),
    (0.1, "symmetric"): Row(1.49, 68.2, 13.5, 8.4),
    (0.01, "inventory"): Row(1.35, 68.4, 9.0, 5.2),
    (0.01, "symmetric"): Row(1.35, 68.7, 13.6, 8.7),
    (0.5, "inventory"): Row(2.16, 48.6, 5.9, 2.0),
    (0.5, "symmetric"): Row(2.16, 59.9, 12.3, 6.9),
}
"""By γ and strategy: an independent simulation of 200,000 paths; the paper's, of 1,000, agrees within its error."""


class PaperBook:
    """A mid, and best prices beyond every quote."""

    bid_size_lots = ask_size_lots = 1
    imbalance = 0.0
    spread_ticks = 2 * FAR_TICKS

    def __init__(self) -> None:
        self.mid_ticks = MID_TICKS

    @property
    def bid_ticks(self) -> int:
        """Return the best bid."""
        return self.mid_ticks - FAR_TICKS

    @property
    def ask_ticks(self) -> int:
        """Return the best ask."""
        return self.mid_ticks + FAR_TICKS


class PaperContext:
    """The part of `lob.Context` that this market has; any other attribute raises."""

    instrument = INSTRUMENT
    start_ns = 0
    end_ns = STEPS * STEP_NS

    def __init__(self) -> None:
        self.now_ns = -STEP_NS  # a timer set at the start is due for the first time at 0
        self.book = PaperBook()
        self.position = 0
        self.cash_ticks = 0
        self.bid: int | None = None
        self.ask: int | None = None

    def __getattr__(self, name: str) -> Any:
        raise lob.StrategyError(f"ctx.{name}: the paper's market has quotes, a timer and a mid, nothing else")

    def every(self, interval_ns: int) -> int:
        """Accept the timer, which has to have the paper's interval."""
        assert interval_ns == STEP_NS
        return 1

    def quote(self, *, bid: tuple[int, int], ask: tuple[int, int]) -> None:
        """Accept the quotes, of one lot each."""
        self.bid, self.ask = (price if size else None for price, size in (bid, ask))


def chance(distance_ticks: int) -> float:
    """Return the probability that a quote at a distance from the mid fills within a step."""
    return min(1.0, FILL_RATE * math.exp(-FILL_DECAY * distance_ticks * TICK) * DT)


def start(make: MakeStrategy) -> tuple[lob.Strategy, PaperContext]:
    """Start a strategy in the paper's market."""
    strategy, ctx = make(), PaperContext()
    strategy.on_start(cast(lob.Context, ctx))
    return strategy, ctx


def quoted(strategy: lob.Strategy, ctx: PaperContext, step: int) -> tuple[int, int]:
    """Call the strategy for a step; return the distances of its bid and ask from the mid, in ticks."""
    ctx.now_ns = step * STEP_NS
    strategy.on_timer(cast(lob.Context, ctx), 1)
    assert ctx.bid is not None
    assert ctx.ask is not None
    return ctx.book.mid_ticks - ctx.bid, ctx.ask - ctx.book.mid_ticks


def simulate(make: MakeStrategy, paths: int, seed: int) -> tuple[Row, Row]:
    """Run the experiment path by path.

    Args:
        make: a new strategy for each path.
        paths: number of paths, 2 or more.
        seed: of the generator that all paths share.

    Returns:
        The figures and their standard errors.
    """
    rng = random.Random(seed)
    spreads, profits, inventories = [], [], []
    for _ in range(paths):
        strategy, ctx = start(make)
        spread_ticks = 0
        for step in range(STEPS):
            below, above = quoted(strategy, ctx, step)
            spread_ticks += below + above
            mid = ctx.book.mid_ticks
            if rng.random() < chance(above):
                ctx.position, ctx.cash_ticks = ctx.position - 1, ctx.cash_ticks + mid + above
            if rng.random() < chance(below):
                ctx.position, ctx.cash_ticks = ctx.position + 1, ctx.cash_ticks - mid + below
            ctx.book.mid_ticks += MOVE_TICKS if rng.random() < 0.5 else -MOVE_TICKS
        spreads.append(spread_ticks * TICK / STEPS)
        profits.append((ctx.cash_ticks + ctx.position * ctx.book.mid_ticks) * TICK)
        inventories.append(float(ctx.position))
    spread_error, profit_error = (statistics.stdev(values) / math.sqrt(paths) for values in (spreads, profits))
    return (
        Row(
            statistics.mean(spreads), statistics.mean(profits), statistics.stdev(profits), statistics.stdev(inventories)
        ),
        Row(spread_error, profit_error, error_of_deviation(profits), error_of_deviation(inventories)),
    )


def error_of_deviation(values: Sequence[float]) -> float:
    """Return the standard error of a sample's standard deviation, from its second and fourth moments."""
    mean = statistics.fmean(values)
    second = statistics.fmean((value - mean) ** 2 for value in values)
    fourth = statistics.fmean((value - mean) ** 4 for value in values)
    return math.sqrt((fourth - second**2) / len(values)) / (2 * math.sqrt(second))


def exact(make: MakeStrategy) -> Row:
    """Return the expectations that `simulate` estimates.

    Profit is Σ (distances of filled quotes) + Σ (position after the fills · move of the mid), two parts without
    correlation: distances depend only on the position, and moves are independent.

    Args:
        make: a new strategy, whose quotes depend on the time, the position and the mid alone.
    """
    strategy, ctx = start(make)
    states = {0: (1.0, 0.0, 0.0)}  # by position: its probability, and the first two moments of the distances there
    spread_ticks, carried = 0.0, 0.0
    for step in range(STEPS):
        reached: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        for position, (weight, first, second) in states.items():
            ctx.position = position
            below, above = quoted(strategy, ctx, step)
            spread_ticks += weight * (below + above)
            for bought, bid_chance in ((1, chance(below)), (0, 1 - chance(below))):
                for sold, ask_chance in ((1, chance(above)), (0, 1 - chance(above))):
                    gain, share = (bought * below + sold * above) * TICK, bid_chance * ask_chance
                    into = reached[position + bought - sold]
                    into[0] += share * weight
                    into[1] += share * (first + gain * weight)
                    into[2] += share * (second + 2 * gain * first + gain**2 * weight)
        states = {position: (a, b, c) for position, (a, b, c) in reached.items() if a > 1e-15}
        carried += (MOVE_TICKS * TICK) ** 2 * sum(weight * q**2 for q, (weight, _, _) in states.items())
    mean = sum(first for _, first, _ in states.values())
    variance = sum(second for _, _, second in states.values()) - mean**2 + carried
    inventory = sum(weight * position for position, (weight, _, _) in states.items())
    inventory_square = sum(weight * position**2 for position, (weight, _, _) in states.items())
    spread = spread_ticks * TICK / STEPS
    return Row(spread, mean, math.sqrt(variance), math.sqrt(inventory_square - inventory**2))


def inventory_strategy(gamma: float) -> lob.Strategy:
    """Return the strategy of the paper, at its γ per unit of currency."""
    strategy: lob.Strategy = AvellanedaStoikov(
        gamma=gamma,
        fill_decay=FILL_DECAY * TICK,
        volatility=SIGMA / TICK,
        size=1,
        limit=10 * STEPS,
        interval=STEP_NS,
    )
    return strategy


def symmetric_strategy(half_spread_ticks: int) -> lob.Strategy:
    """Return the paper's benchmark: quotes around the mid with a constant spread."""
    strategy: lob.Strategy = FixedSpread(half_spread=half_spread_ticks, size=1, interval=STEP_NS)
    return strategy


def makers(gamma: float) -> dict[str, MakeStrategy]:
    """Return the factories of the two strategies for a γ; the symmetric one has the mean spread of the other."""
    spread = exact(lambda: inventory_strategy(gamma)).spread
    return {
        "inventory": lambda: inventory_strategy(gamma),
        "symmetric": lambda: symmetric_strategy(round(spread / TICK / 2)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--paths", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(f"Avellaneda-Stoikov (2008): {given.paths} paths, seed {given.seed}; exact; independent, 200,000 paths")
    print(f"{'gamma':>5}  {'strategy':9}  {'':11}{'spread':>7}{'profit':>15}{'deviation':>15}{'inventory':>15}")
    for gamma in (0.1, 0.01, 0.5):
        for name, make in makers(gamma).items():
            found, errors = simulate(make, given.paths, given.seed)
            cells = [f"{v:8.2f} ± {e:4.2f}" for v, e in zip(found[1:], errors[1:], strict=True)]
            print(f"{gamma:5}  {name:9}  {'simulated':11}{found.spread:7.2f}{''.join(cells)}")
            for label, row in (("exact", exact(make)), ("independent", PUBLISHED[gamma, name])):
                digits = 2 if label == "exact" else 1
                numbers = "".join(f"{value:8.{digits}f}{'':7}" for value in row[1:])
                print(f"{'':5}  {'':9}  {label:11}{row.spread:7.2f}{numbers.rstrip()}")


if __name__ == "__main__":
    main()
