"""The ranks at which a distribution of latencies is tabulated, and the random numbers that choose one.

A rank is the share of messages that take longer, in 2⁻²⁴: 0 is the slowest. The grid has every rank up to 64, and 64
ranks in each octave above, so that the slow end, which decides what a maker loses, is the finest.
"""

from __future__ import annotations

from typing import Final

from lob_backtest.contract.queue_grid import grid

RANK_BITS: Final = 24
RANKS: Final = len(grid(RANK_BITS))
"""How many ranks a table has."""
STRETCHES_PER_HALF_LIFE: Final = 16
REDRAW_BELOW: Final = 182_092_523
"""A stretch begins with a new rank if the upper half of its random number is below this: (1 - 2^(-1/16)) * 2^32."""
MAX_STRETCHES: Final = 1024
"""A rank holds for at most so many stretches, which it would survive in one case in 2⁶⁴."""
GOLDEN: Final = 0x9E3779B97F4A7C15
_WORD: Final = (1 << 64) - 1


def random_word(stream: int, number: int) -> int:
    """Return a random number of a stream by its place, 64 bits: SplitMix64, seeded with the stream."""
    word = (stream + (number + 1) * GOLDEN) & _WORD
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & _WORD
    return word ^ (word >> 31)


def stream_of(seed: int, *channel: int) -> int:
    """Return the stream of random numbers of a channel, as an integer of 64 bits with a sign."""
    word = random_word(seed & _WORD, 0)
    for each in channel:
        word = random_word(word, each)
    return word - (1 << 64) if word >> 63 else word
