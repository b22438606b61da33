"""The times of events in a synthetic market: a self-exciting process, drawn as a family tree, in integers.

Fresh events have a pace of their own. Every event, fresh or not, may trigger others, each after a delay drawn from a
heavy-tailed kernel: a Hawkes process in its cluster form (Hawkes and Oakes, "A cluster process representation of a
self-exciting process", Journal of Applied Probability 11, 1974). Delays from 20 µs to seconds with a power law between
are those of real order flow (Hardiman, Bercot and Bouchaud, "Critical reflexivity in financial markets", European
Physical Journal B 86, 2013). Three of four events of the tree are reactions, so that events occur in bursts on all
scales.

The pace of fresh events is a product of switches that flip on time scales from a hundred events to a hundred thousand
(Calvet and Fisher, "How to forecast long-run volatility", Journal of Financial Econometrics 2, 2004), times the pattern
of the day: busy after the open, slow at noon, busy before the close.

All numbers are integers, and the one logarithm is computed in `decimal`, which rounds correctly.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final

UNIT: Final = 1024
"""Paces are in units of 1/1024 of their mean."""

FRESH_GAP_NS: Final = 145_000_000  # at mean pace, between fresh events
DELAY_NS: Final = 700  # times 32 to 63, times a power of two: the delay of a reaction
SWITCHES: Final = 6
SWITCH_UP: Final = 1_280  # each switch multiplies the pace by 1.3 or 0.7, of mean 1
SWITCH_DOWN: Final = 768

SESSION_NS: Final = 23_400_000_000_000
"""Six and a half hours, after which the pattern of the day repeats, without a night."""
# The pace in each of 26 quarters of an hour, in 1/1024 of the mean.
DAY: Final = (
    *(2200, 1700, 1450, 1300, 1200, 1100, 1000, 930, 870, 820, 780, 750, 730),
    *(720, 720, 730, 740, 760, 790, 830, 880, 940, 1000, 1100, 1250, 1500),
)


class Origin(IntEnum):
    """The cause of an event: none (fresh), an event that did not trade, one that did, or a step of the value."""

    FRESH = 0
    AFTER_QUOTE = 1
    AFTER_TRADE = 2
    AFTER_NEWS = 3


def spread_out(shares: dict[int, int]) -> tuple[int, ...]:
    """Repeat each key by its share, so that a random index draws from the distribution."""
    return tuple(value for value, share in shares.items() for _ in range(share))


def _exponential_quantiles() -> tuple[int, ...]:
    """Return the quantiles 0/1024 … 1023/1024 and 2047/2048 of an exponential of mean 2²⁰, rounded."""
    with localcontext(Context(prec=20, rounding=ROUND_HALF_EVEN)):
        steps = [Decimal(2 * UNIT - 2 * i) / (2 * UNIT) for i in range(UNIT)] + [Decimal(1) / (2 * UNIT)]
        return tuple(int((-step.ln() * (1 << 20)).to_integral_value()) for step in steps)


QUANTILES: Final = _exponential_quantiles()

# 256 entries each: number of reactions to an event (0.62, 1.5 and 3.75 in the mean), and powers of two of delays.
AFTER_QUOTE: Final = spread_out({0: 140, 1: 80, 2: 30, 3: 6})
AFTER_TRADE: Final = spread_out({0: 60, 1: 84, 2: 60, 3: 32, 4: 14, 5: 6})
AFTER_NEWS: Final = spread_out({2: 64, 3: 64, 4: 64, 6: 64})
REACTIONS: Final = ((), AFTER_QUOTE, AFTER_TRADE, AFTER_NEWS)
DELAY_BITS: Final = spread_out(
    {
        0: 44,
        1: 36,
        2: 30,
        3: 24,
        4: 20,
        5: 17,
        6: 14,
        7: 12,
        8: 10,
        9: 9,
        10: 8,
        11: 7,
        12: 6,
        13: 5,
        14: 5,
        15: 4,
        16: 3,
        17: 2,
    }
)


class Arrivals:
    """The clock of a synthetic market.

    Args:
        bits: returns the given number of random bits.
        start_ns: the time of the opening.

    Attributes:
        now_ns: the time of the last event.
        pace: of fresh events in 1/1024 of the mean, without the pattern of the day.
    """

    def __init__(self, bits: Callable[[int], int], start_ns: int) -> None:
        self.now_ns = start_ns
        self._bits = bits
        self._start_ns = start_ns
        self._switches = bits(SWITCHES)
        self.pace = switched(self._switches)
        # Pending reactions: their times, shifted by two bits for their origin.
        self._pending: list[int] = []
        self._fresh_ns = start_ns + self._fresh_gap_ns()

    def advance(self) -> Origin:
        """Advance to the next event, and return its origin."""
        draw = self._bits(24)
        if draw & 63 == 0:
            # Switch k is drawn afresh with probability 2^-(6 + 2k).
            for k in range(SWITCHES):
                if (draw >> 6) & ((1 << 2 * k) - 1) == 0:
                    self._switches = self._switches & ~(1 << k) | self._bits(1) << k
            self.pace = switched(self._switches)
        if self._pending and self._pending[0] >> 2 < self._fresh_ns:
            entry = heappop(self._pending)
            self.now_ns = entry >> 2
            return ORIGINS[entry & 3]
        self.now_ns = self._fresh_ns
        self._fresh_ns += self._fresh_gap_ns()
        return Origin.FRESH

    def excite(self, origin: Origin) -> None:
        """Schedule the reactions to the current event; `origin` is their origin."""
        for _ in range(REACTIONS[origin][self._bits(8)]):
            draw = self._bits(32)
            delay_ns = (DELAY_NS << DELAY_BITS[draw & 255]) * (32 + (draw >> 8 & 31)) + (draw >> 13)
            heappush(self._pending, (self.now_ns + delay_ns) << 2 | origin)

    def _fresh_gap_ns(self) -> int:
        draw = self._bits(20)
        low = QUANTILES[draw >> 10]
        wait = low + ((QUANTILES[(draw >> 10) + 1] - low) * (draw & 1023) >> 10)
        pace = self.pace * DAY[(self.now_ns - self._start_ns) % SESSION_NS * len(DAY) // SESSION_NS]
        return 1_000 + (FRESH_GAP_NS * wait >> 20) * UNIT * UNIT // pace


ORIGINS: Final = tuple(Origin)


def switched(switches: int) -> int:
    """Return a product of mean 1 in 1/1024, one factor per switch."""
    product = UNIT
    for k in range(SWITCHES):
        product = product * (SWITCH_UP if switches >> k & 1 else SWITCH_DOWN) // UNIT
    return product
