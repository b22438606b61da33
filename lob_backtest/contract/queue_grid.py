"""The lengths of a part of a queue at which a weight is tabulated, in 2⁻²⁰ lot.

Every length up to 64, and 64 lengths in each octave above, up to 2⁶⁰.
"""

from __future__ import annotations

from typing import Final

LENGTH_BITS: Final = 60
"""The longest length is 2⁶⁰."""
STEP_BITS: Final = 6
STEPS: Final = 1 << STEP_BITS
LENGTHS: Final = ((LENGTH_BITS - STEP_BITS + 1) << STEP_BITS) + 1
"""How many there are."""
MAX_WEIGHT: Final = 1 << 62
"""The sum of two fits 64 bits."""


def grid(bits: int = LENGTH_BITS) -> list[int]:
    """Return the lengths up to 2 to the power of `bits`, ascending."""
    count = ((bits - STEP_BITS + 1) << STEP_BITS) + 1
    return [i if i < STEPS else (STEPS + i % STEPS) << (i // STEPS - 1) for i in range(count)]
