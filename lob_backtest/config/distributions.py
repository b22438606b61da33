"""Quantiles of distributions of latencies at the ranks of the plan's grid, in decimal arithmetic.

Decimal numbers have the same digits on every machine, so that a seed gives one result everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from functools import cache
from statistics import NormalDist
from typing import Final

from lob_backtest.contract.queue_grid import grid
from lob_backtest.contract.rank_grid import RANK_BITS

_DIGITS: Final = 40
_PI: Final = Decimal("3.1415926535897932384626433832795028841971693993751")
_SHIFT: Final = 40
"""Stirling's series is evaluated so far above the shape."""
_STIRLING: Final = ((1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360360), (1, 156))
"""Coefficients of 1/x, 1/x³, … in the logarithm of the gamma function."""


def uniform(low_ns: int, high_ns: int) -> tuple[int, ...]:
    """Return the quantiles of a uniform distribution, ns."""
    return _of(lambda slower: high_ns - slower * (high_ns - low_ns), high_ns)


def lognormal(median_ns: int, sigma: Decimal, max_ns: int) -> tuple[int, ...]:
    """Return the quantiles of a lognormal distribution, ns, cut at `max_ns`."""
    with localcontext(prec=_DIGITS):
        found = [median_ns * (sigma * score).exp() for score in _normal_scores()]
    return (max_ns, *(min(max_ns, _whole(value)) for value in found))


def gamma(mean_ns: int, shape: Decimal, max_ns: int) -> tuple[int, ...]:
    """Return the quantiles of a gamma distribution, ns, cut at `max_ns`."""
    with localcontext(prec=_DIGITS):
        found = [value * mean_ns / shape for value in _gamma_scores(shape)]
    return (max_ns, *(min(max_ns, _whole(value)) for value in found))


def of_points(shares: Sequence[Decimal], values_ns: Sequence[int]) -> tuple[int, ...]:
    """Return the quantiles of a distribution that is straight between points, ns.

    Args:
        shares: of messages, ascending from 0 to 1.
        values_ns: the latency that so many messages do not exceed.
    """

    def value(slower: Decimal) -> Decimal:
        share = 1 - slower
        at = next(i for i in range(1, len(shares)) if share <= shares[i])
        part = (share - shares[at - 1]) / (shares[at] - shares[at - 1])
        return values_ns[at - 1] + part * (values_ns[at] - values_ns[at - 1])

    return _of(value, values_ns[-1])


def _of(value: Callable[[Decimal], Decimal], slowest_ns: int) -> tuple[int, ...]:
    with localcontext(prec=_DIGITS):
        return (slowest_ns, *(_whole(value(slower)) for slower in _shares()))


def _shares() -> list[Decimal]:
    """Return the share of slower messages at each rank but the slowest."""
    return [Decimal(rank) / (1 << RANK_BITS) for rank in grid(RANK_BITS)[1:]]


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value())


@cache
def _normal_scores() -> tuple[Decimal, ...]:
    """Return the quantiles of the standard normal distribution; the last one, of the fastest message, as at 2⁻²⁵."""
    with localcontext(prec=_DIGITS):
        return tuple(_normal_score(min(share, 1 - Decimal(2) ** -(RANK_BITS + 1))) for share in _shares())


def _normal_score(slower: Decimal) -> Decimal:
    """Return the score that a share of values exceeds: Newton's step from the value in double precision."""
    score = Decimal(-NormalDist().inv_cdf(float(slower)))
    term = total = score
    n = 0
    while abs(term) > Decimal(10) ** -(_DIGITS - 4):
        n += 1
        term *= -score * score / (2 * n)
        total += term / (2 * n + 1)
    above = Decimal("0.5") - total / (2 * _PI).sqrt()
    density = (-score * score / 2).exp() / (2 * _PI).sqrt()
    return score + (above - slower) / density


@cache
def _gamma_scores(shape: Decimal) -> tuple[Decimal, ...]:
    """Return the quantiles of the gamma distribution of scale 1; the last one, of the fastest message, is 0."""
    with localcontext(prec=_DIGITS):
        log_gamma = _log_gamma(shape)
        found, guess = [], 0.0
        for share in reversed(_shares()[:-1]):
            guess = _gamma_guess(float(shape), float(1 - share), guess)
            below, density = _gamma_below(shape, log_gamma, Decimal(guess))
            found.append(Decimal(guess) + (1 - share - below) / density)
        return (*reversed(found), Decimal(0))


def _gamma_guess(shape: float, below: float, least: float) -> float:
    """Return the value that a share of values does not exceed, above `least`, in double precision."""

    def share_below(value: float) -> float:
        term = total = 1 / shape
        n = 0
        while term > total * 1e-17:
            n += 1
            term *= value / (shape + n)
            total += term
        return math.exp(shape * math.log(value) - value - math.lgamma(shape)) * total

    high = max(2 * least, 1.0)
    while share_below(high) < below:
        high *= 2
    low = least
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if share_below(middle) < below else (low, middle)
    return high


def _gamma_below(shape: Decimal, log_gamma: Decimal, value: Decimal) -> tuple[Decimal, Decimal]:
    """Return the share of values below one, and the density there."""
    front = (shape * value.ln() - value - log_gamma).exp()
    term = total = 1 / shape
    n = 0
    while term > total * Decimal(10) ** -(_DIGITS - 4):
        n += 1
        term *= value / (shape + n)
        total += term
    return front * total, front / value


def _log_gamma(shape: Decimal) -> Decimal:
    """Return the logarithm of the gamma function, by Stirling's series."""
    far = shape + _SHIFT
    found = (far - Decimal("0.5")) * far.ln() - far + (2 * _PI).ln() / 2
    found += sum(Decimal(a) / b / far ** (2 * i + 1) for i, (a, b) in enumerate(_STIRLING))
    return found - sum(((shape + i).ln() for i in range(_SHIFT)), Decimal(0))
