"""`[fills] queue`: from the name of a queue model to the integers that an engine runs on.

A model is built in, or a function of another package: of a number of lots, returning their weight. Cancels that the
feed does not locate fall on the lots ahead of an order and on those behind it by the weights of the two.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import cache
from importlib.metadata import entry_points
from typing import Final

from lob_backtest.contract.plan import QueueModel, QueueWeights
from lob_backtest.contract.queue_grid import LENGTH_BITS, MAX_WEIGHT, grid
from lob_backtest.errors import ConfigError, text_of

GROUP: Final = "lob_backtest.queue_models"
"""The group of entry points of other packages' models."""
BUILT_IN: Final = ("proportional", "back", "log", "power(N)")
MOST_POWER: Final = 20
_DIGITS: Final = 50
"""Of the functions, which are computed in decimal arithmetic: it has the same digits on every machine."""
_POWER: Final = re.compile(r"power\((\d+(?:\.\d+)?)\)")


def queue_model(name: str) -> tuple[QueueModel, QueueWeights]:
    """Return what an engine needs for a queue model.

    Args:
        name: "back", "proportional", "log", "power(N)", "module:function", or the name of an entry point.

    Raises:
        ConfigError: there is no such model, or its function cannot be used; the message says how.
    """
    if name in ("back", "proportional"):
        return QueueModel[name.upper()], QueueWeights()
    if name == "log":
        return QueueModel.WEIGHTED, log()
    if found := _POWER.fullmatch(name):
        exponent = Decimal(found[1])
        if not 0 < exponent <= MOST_POWER:
            raise ConfigError(f"fills.queue: {name!r}; expected a power above 0 and up to {MOST_POWER}")
        return QueueModel.WEIGHTED, power(exponent)
    return QueueModel.WEIGHTED, _of_package(name)


@cache
def power(exponent: Decimal) -> QueueWeights:
    """Return the weights lotsⁿ, of which only the ratio counts."""
    with localcontext(prec=_DIGITS):
        parts = [Decimal(length) / (1 << LENGTH_BITS) for length in grid()]
        values = [_scaled(part**exponent if part else part) for part in parts]
    return QueueWeights(tuple(values), is_scale_free=True, name=f"power({exponent})")


@cache
def log() -> QueueWeights:
    """Return the weights ln(1 + lots)."""
    with localcontext(prec=_DIGITS):
        found = [(1 + _lots(length)).ln() for length in grid()]
        return QueueWeights(tuple(_scaled(value / found[-1]) for value in found), name="log")


def of_function(function: Callable[[float], float], name: str) -> QueueWeights:
    """Return the weights of a function of lots.

    Args:
        function: of a number of lots from 0 to 2⁴⁰; its values are finite, 0 or more, and ascend.
        name: the model's.

    Raises:
        ConfigError: the function raises, or a value is none of these.
    """
    found: list[Decimal] = []
    for length in grid():
        lots = float(_lots(length))
        try:
            value = Decimal(float(function(lots)))
        except Exception as error:
            raise ConfigError(f"fills.queue: {name}({lots}) raised {type(error).__name__}: {text_of(error)}") from error
        if not value.is_finite() or value < max(found, default=0):
            raise ConfigError(
                f"fills.queue: {name}({lots}) is {value}; expected a finite number, 0 or more, and no less than for "
                "fewer lots"
            )
        found.append(value)
    if not found[-1]:
        raise ConfigError(f"fills.queue: {name} is 0 for every number of lots; expected a weight that ascends")
    return QueueWeights(tuple(_scaled(value / found[-1]) for value in found), name=name)


def _of_package(name: str) -> QueueWeights:
    entries = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    module, _, function = entries.get(name, name).partition(":")
    if not function or not all(part.isidentifier() for part in (*module.split("."), function)):
        known = ", ".join([*BUILT_IN, *sorted(entries)])
        raise ConfigError(f"fills.queue: unknown model {name!r}; expected one of {known}, or 'module:function'")
    try:
        return of_function(getattr(importlib.import_module(module), function), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"fills.queue: {name!r} cannot be loaded: {error}") from error


def _lots(length: int) -> Decimal:
    return Decimal(length) / (1 << 20)


def _scaled(part: Decimal) -> int:
    return int((part * MAX_WEIGHT).to_integral_value())
