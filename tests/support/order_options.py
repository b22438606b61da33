"""The options of `ctx.buy` and `ctx.sell`, as their signature has them."""

from __future__ import annotations

import inspect
import random
from typing import Any

import lob_backtest as lob

OPTIONS = {
    each.name: each.annotation
    for each in inspect.signature(lob.Context.buy).parameters.values()
    if each.kind == inspect.Parameter.KEYWORD_ONLY
}
"""The annotation of each, as it is written."""
TRUE_OR_FALSE = [name for name, annotation in OPTIONS.items() if annotation == "bool"]


def draw(rng: random.Random, *, apart_from: tuple[str, ...]) -> dict[str, Any]:
    """Draw the options that a random strategy does not choose by itself: those of true or false, one in ten true."""
    return {name: True for name in TRUE_OR_FALSE if name not in apart_from and rng.random() < 0.1}
