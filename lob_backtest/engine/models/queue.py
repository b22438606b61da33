"""L2: how much of a fall that no print explains was ahead of an own order.

Positions are fixed-point numbers of 2⁻²⁰ lot. A model is `ahead(before, displayed_before, displayed_after, printed)
-> after`; the level lost `displayed_before - printed - displayed_after` to cancels that the feed does not locate. It
never sees a rise, and the caller caps its answer at the displayed size.

Assumption: `back`: every cancel was behind the order. `proportional`: cancels fall evenly on the queue, as in Rigtorp's
and hftbacktest's linear model.
Bias: `back` is the pessimist's bound, later than the truth on average. `proportional` is early for orders near the
front, since cancels are in truth denser at the back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lob_backtest.contract.plan import QueueModel

SHIFT: Final = 20
"""Fractional bits of a queue position."""

Model = Callable[[int, int, int, int], int]


def back(before: int, displayed_before: int, displayed_after: int, printed: int) -> int:
    """Return the position as it was."""
    return before


def proportional(before: int, displayed_before: int, displayed_after: int, printed: int) -> int:
    """Return the position after its share of the cancels."""
    return before * displayed_after // (displayed_before - printed)


MODELS: Final[dict[QueueModel, Model]] = {QueueModel.BACK: back, QueueModel.PROPORTIONAL: proportional}


def to_lots(ahead: int) -> int:
    """Round a position up to whole lots: what is partly there has to trade first."""
    return -(-ahead >> SHIFT)
