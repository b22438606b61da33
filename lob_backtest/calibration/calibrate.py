"""Estimate the parameters of quoting formulas: volatility, and the rate of market orders by distance from the mid.

The model is that of Avellaneda and Stoikov (2008): the mid is a Brownian motion, and market orders reach a quote at a
distance δ from it at a rate λ(δ) = A exp(-kδ) on each side. docs/calibrate.md has the estimators.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from lob_backtest.calibration.market_watch import Slice, Watched, watch
from lob_backtest.data.reader import MarketSource, open_market
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.progress import Progress
from lob_backtest.units import SECOND, format_duration

BLOCKS: Final = 20
"""Stretches of equal time from which the standard errors are computed."""

FURTHEST_ORDERS: Final = 30
"""The fit ends at the distance that fewer market orders than this reached."""

FURTHEST_EXPONENT: Final = 100.0
"""Largest exponent by which a fit is extrapolated from the touch to the mid; beyond it the rate is meaningless."""


class Estimate(NamedTuple):
    """A number with its standard error; `None` if the data are too short for one."""

    value: float
    standard_error: float | None


class Distance(NamedTuple):
    """The rate of market orders that reach a distance.

    Attributes:
        distance_ticks: from the mid.
        orders: market orders that reached it, both sides.
        rate: of one side, 1/s.
        fitted: rate of the fit for a quote at this distance, which rests at the next price out.
    """

    distance_ticks: float
    orders: int
    rate: float
    fitted: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The result of `calibrate`.

    Attributes:
        symbol: the instrument's name.
        seconds: time with a mid.
        interval_ns: time between two samples of the mid.
        volatility: σ, ticks/√s.
        fill_rate: A, 1/s, of one side.
        fill_decay: k, 1/tick.
        market_orders: all of them, both sides.
        fitted_orders: those that reached `from_ticks`.
        from_ticks: the nearest distance of the fit.
        to_ticks: the furthest.
        distances: observed and fitted rates, nearest first.
        unsigned_trades: prints of unknown side, left out.
        skipped: rows that the book could not apply, by kind.
    """

    symbol: str
    seconds: float
    interval_ns: int
    volatility: Estimate
    fill_rate: Estimate
    fill_decay: Estimate
    market_orders: int
    fitted_orders: int
    from_ticks: float
    to_ticks: float
    distances: tuple[Distance, ...]
    unsigned_trades: int
    skipped: dict[str, int]

    @property
    def worst_ratio(self) -> float:
        """Return the largest factor, 1 or more, between observed and fitted rates in the range of the fit."""
        worst = 1.0
        for each in self.distances:
            if each.orders and self.from_ticks <= each.distance_ticks <= self.to_ticks:
                ratio = each.rate / each.fitted if each.fitted else math.inf
                worst = max(worst, ratio, 1 / ratio)
        return worst

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        plain = asdict(self)
        for name in ("volatility", "fill_rate", "fill_decay"):
            plain[name] = getattr(self, name)._asdict()
        return plain | {"distances": [each._asdict() for each in self.distances]}


def calibrate(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    interval_ns: int = SECOND,
    from_ticks: float | None = None,
    to_ticks: float | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Estimate volatility and fill intensity of an instrument.

    σ² is the mean square of the mid's moves over `interval_ns`, a second. A and k are maximum likelihood estimates
    from the distance that each market order reached, between `from_ticks` and `to_ticks`, for orders that arrive as
    Poisson processes. Standard errors are those of a jackknife over 20 blocks of equal time, so that
    clustered orders do not make them too small.

    Args:
        paths: canonical files of one instrument, L3 or L2.
        interval_ns: time between two samples of the mid.
        from_ticks: nearest distance of the fit; default: half the median spread.
        to_ticks: furthest distance of the fit; default: the furthest that 30 market orders reached.
        progress: called with the rows read and in all.

    Raises:
        ConfigError: an argument is impossible.
        DataError: a file is unreadable or broken, or holds too little to estimate from.
    """
    if interval_ns < 1:
        raise ConfigError(f"interval: {interval_ns} ns; expected more than 0")
    source = open_market(paths, require_local=False)
    source.progress = progress
    watched = watch(source, interval_ns)
    total = _total(watched.slices)
    _check_time(source, total, interval_ns)
    near, far = _range(source, watched, total, from_ticks, to_ticks)
    blocks = _blocks(watched.slices)
    estimates: list[Callable[[Slice], float]] = [
        lambda part: math.sqrt(part.squares / 4 / (part.moves * interval_ns / SECOND)),
        lambda part: fit_intensity(part, near, far)[0],
        lambda part: fit_intensity(part, near, far)[1],
    ]
    volatility, fill_rate, fill_decay = (_estimate(total, blocks, estimate) for estimate in estimates)
    return Calibration(
        symbol=source.symbol,
        seconds=sum(total.open_ns) / SECOND,
        interval_ns=interval_ns,
        volatility=volatility,
        fill_rate=fill_rate,
        fill_decay=fill_decay,
        market_orders=total.reached.total(),
        fitted_orders=_reaching(total, near),
        from_ticks=near / 2,
        to_ticks=far / 2,
        distances=tuple(_distances(total, far, fill_rate.value, fill_decay.value)),
        unsigned_trades=watched.unsigned_trades,
        skipped=watched.skipped,
    )


def _check_time(source: MarketSource, total: Slice, interval_ns: int) -> None:
    """Refuse data in which the mid cannot be seen to move."""
    if not sum(total.open_ns):
        raise DataError(
            f"{_name(source)}: never a mid: the book is one-sided, crossed, SUSPECT or out of its continuous phase all "
            "the time; see `lob-backtest inspect`"
        )
    if not total.moves:
        raise DataError(
            f"{_name(source)}: {sum(total.open_ns) / SECOND:.3f} s with a mid, and no two samples of it "
            f"{format_duration(interval_ns)} apart; use a longer file or a smaller interval"
        )


def fit_intensity(part: Slice, near: int, far: int) -> tuple[float, float]:
    """Fit λ(δ) = A exp(-kδ) to market orders by maximum likelihood.

    An order that trades at a price and not at the next one reached a distance between the two. Each of the grids of
    distances, odd and even, therefore has a geometric count beyond its first price. Given k, A follows from equating
    the expected and the observed number of orders; the likelihood is then concave in k.

    Args:
        part: market orders by distance reached, and time by kind of mid.
        near: the least distance of an order that is counted, in half-ticks.
        far: the distance from which on orders count as equally far, in half-ticks.

    Returns:
        A in 1/s, of one side, and k in 1/tick; both are NaN where the orders do not determine them.
    """
    first = [near + (near + odd) % 2 for odd in (0, 1)]
    last = [far - (far + odd) % 2 for odd in (0, 1)]
    orders = stopped = 0
    beyond = 0.0
    for distance, count in part.reached.items():
        odd = distance & 1
        if distance >= first[odd]:
            orders += count
            stopped += count * (distance < last[odd])
            beyond += count * min(distance, last[odd]) / 2
    seconds = [2 * ns / SECOND for ns in part.open_ns]  # two sides
    firsts = [(seconds[odd], first[odd] / 2) for odd in (0, 1) if seconds[odd]]
    if not (stopped and firsts) or beyond <= orders * min(start for _, start in firsts):
        return math.nan, math.nan

    def expected(k: float) -> float:
        return sum(time * math.exp(-k * (start - firsts[0][1])) for time, start in firsts)

    def slope(k: float) -> float:
        near_mean = sum(time * start * math.exp(-k * (start - firsts[0][1])) for time, start in firsts) / expected(k)
        return orders * near_mean - beyond + stopped / math.expm1(k)

    k = _root_of_falling(slope)
    if k * firsts[0][1] > FURTHEST_EXPONENT:
        return math.nan, math.nan
    return orders / expected(k) * math.exp(k * firsts[0][1]), k


def _root_of_falling(function: Callable[[float], float]) -> float:
    """Return the root of a falling function of a positive number, by bisection."""
    low, high = 1e-9, 1.0
    while function(high) > 0 and high < 500:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _range(
    source: MarketSource, watched: Watched, total: Slice, from_ticks: float | None, to_ticks: float | None
) -> tuple[int, int]:
    """Return the range of the fit, in half-ticks."""
    for name, ticks in (("from", from_ticks), ("to", to_ticks)):
        if ticks is not None and not (ticks >= 0 and (ticks * 2).is_integer()):
            raise ConfigError(f"{name}: {ticks} ticks; expected a distance from the mid in half-ticks, such as 1.5")
    near = _median_spread(watched.spread_ns) if from_ticks is None else int(2 * from_ticks)
    well_reached = [d for d in total.reached if _reaching(total, d) >= FURTHEST_ORDERS]
    far = max(well_reached, default=0) if to_ticks is None else int(2 * to_ticks)
    if to_ticks is not None and far < near + 2:
        raise ConfigError(f"to: {to_ticks} ticks; expected at least a tick more than from, which is {near / 2} ticks")
    far = max(far, near + 2)
    if math.isnan(fit_intensity(total, near, far)[0]):
        raise DataError(
            f"{_name(source)}: {_reaching(total, near)} of {total.reached.total()} market orders reached {near / 2} "
            f"ticks from the mid, too few or too alike for a fit up to {far / 2} ticks; expected orders that stop at "
            "different distances. Use more data, or another range (--from, --to)"
        )
    return near, far


def _median_spread(spread_ns: Counter[int]) -> int:
    left = spread_ns.total() / 2
    for spread_ticks in sorted(spread_ns):
        left -= spread_ns[spread_ticks]
        if left <= 0:
            return spread_ticks
    return 1


def _reaching(part: Slice, distance: int) -> int:
    return sum(count for reached, count in part.reached.items() if reached >= distance)


def _total(slices: Sequence[Slice]) -> Slice:
    total = Slice()
    for each in slices:
        total.add(each)
    return total


def _blocks(slices: Sequence[Slice]) -> list[Slice]:
    """Join slices to blocks of about equal time, in order of time."""
    blocks = [Slice() for _ in range(BLOCKS)]
    whole, passed = sum(sum(each.open_ns) for each in slices), 0
    for each in slices:
        blocks[min(BLOCKS - 1, passed * BLOCKS // max(1, whole))].add(each)
        passed += sum(each.open_ns)
    return [block for block in blocks if block.moves]


def _estimate(total: Slice, blocks: Sequence[Slice], estimate: Callable[[Slice], float]) -> Estimate:
    """Estimate from all data, with a standard error from the estimates that leave out one block each (jackknife)."""
    value = estimate(total)
    if len(blocks) < BLOCKS // 2:
        return Estimate(value, None)
    parts = [estimate(_total([other for other in blocks if other is not block])) for block in blocks]
    mean = sum(parts) / len(parts)
    error = math.sqrt((len(parts) - 1) / len(parts) * sum((part - mean) ** 2 for part in parts))
    return Estimate(value, error if math.isfinite(error) else None)


def _distances(total: Slice, far: int, rate: float, decay: float) -> Iterable[Distance]:
    seconds = sum(total.open_ns) / SECOND
    for distance in range(1, far + 1):
        orders = _reaching(total, distance)
        fitted = sum(
            ns / SECOND * rate * math.exp(-decay * (distance + (distance + odd) % 2) / 2)
            for odd, ns in enumerate(total.open_ns)
        )
        yield Distance(distance / 2, orders, orders / seconds / 2, fitted / seconds)


def _name(source: MarketSource) -> str:
    return source.files[0].path
