"""Weights of the parts of a queue: the lookup in a table of integers.

Assumption: a weight is straight between 64 lengths per octave.
Bias: a power above 1 weighs too much between them, one below 1 and the logarithm too little; less than 1 in 1,000 of
a share for powers up to 3.25.
"""

from __future__ import annotations

from collections.abc import Sequence

from lob_backtest.contract.plan import QueueWeights
from lob_backtest.contract.queue_grid import LENGTH_BITS, STEP_BITS, STEPS


def weights_of(weights: QueueWeights, ahead: int, behind: int) -> tuple[int, int]:
    """Return the weights of the two parts of a queue, whose lengths are at most 2⁶⁰."""
    shift = LENGTH_BITS - max(ahead, behind).bit_length() if weights.is_scale_free else 0
    return at_length(weights.values, ahead << shift), at_length(weights.values, behind << shift)


def at_length(values: Sequence[int], length: int) -> int:
    """Return the value at a length, straight between two of the grid; `values` are at its lengths from 0 on."""
    if length < STEPS:
        return values[length]
    shift = length.bit_length() - 1 - STEP_BITS
    place = (shift << STEP_BITS) + (length >> shift)
    if place == len(values) - 1:
        return values[place]
    rise = values[place + 1] - values[place]
    return values[place] + (rise * (length & ((1 << shift) - 1)) >> shift)
