"""L2: how much of a fall that no print explains was ahead of an own order.

Positions are fixed-point numbers of 2⁻²⁰ lot. A model is `ahead(before, displayed_before, displayed_after, printed)
-> after`; the level lost `displayed_before - printed - displayed_after` to cancels that the feed does not locate. It
never sees a rise, and the caller caps its answer at the displayed size.

Assumption: `back`: every cancel was behind the order. `proportional`: cancels fall evenly on the queue, as in Rigtorp's
and hftbacktest's linear model. `weighted`: they fall on what is ahead and on what is behind by the weights of the two,
as in hftbacktest's power and log models.
Bias: `back` is the pessimist's bound, later than the truth on average. `proportional` is early for orders near the
front, since cancels are in truth denser at the back. A power above 1 spares the shorter part, one below 1 and the
logarithm the longer one, by as much as was chosen; the feed of levels cannot tell which is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lob_backtest.contract.plan import InstrumentPlan, QueueModel, QueueWeights
from lob_backtest.engine.models.queue_weights import weights_of

SHIFT: Final = 20
"""Fractional bits of a queue position."""

Model = Callable[[int, int, int, int], int]


def back(before: int, displayed_before: int, displayed_after: int, printed: int) -> int:
    """Return the position as it was."""
    return before


def proportional(before: int, displayed_before: int, displayed_after: int, printed: int) -> int:
    """Return the position after its share of the cancels."""
    return before * displayed_after // (displayed_before - printed)


def weighted(weights: QueueWeights) -> Model:
    """Return the model of these weights."""

    def after(before: int, displayed_before: int, displayed_after: int, printed: int) -> int:
        """Return the position after its weight's share of the cancels, rounded half up."""
        behind = max(0, ((displayed_before - printed) << SHIFT) - before)
        ahead_weight, behind_weight = weights_of(weights, before, behind)
        whole = ahead_weight + behind_weight
        cancels = (displayed_before - printed - displayed_after) << SHIFT
        return max(0, before - (2 * cancels * ahead_weight + whole) // (2 * whole)) if whole else before

    return after


def model_of(plan: InstrumentPlan) -> Model:
    """Return the queue model of an instrument."""
    models = {QueueModel.BACK: back, QueueModel.PROPORTIONAL: proportional}
    return models.get(plan.fill_rules.queue_model) or weighted(plan.queue_weights)


def to_lots(ahead: int) -> int:
    """Round a position up to whole lots: what is partly there has to trade first."""
    return -(-ahead >> SHIFT)
