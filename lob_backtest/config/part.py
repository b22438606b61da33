"""What the tables of a config are made of: their base, and kinds of values that many of them have.

Annotations are no strings here (no `from __future__ import annotations`): pydantic would compile each of them again
at every start.
"""

import operator
from decimal import Decimal
from os import PathLike, fspath
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from lob_backtest.units import DURATION_LIMIT_NS, Duration, shown

MAX_DECIMALS = 30


class Part(BaseModel):
    """A table of a config: it has no other keys, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _with_unit(value: Any, info: ValidationInfo) -> Any:
    """Refuse a number without a unit in a file or an option, where nothing says that it counts nanoseconds."""
    if info.context and isinstance(value, int) and not isinstance(value, bool) and value:
        raise ValueError(f"{value} has no unit; write one of ns, us, ms, s, m, h, d, as in '{value}us'")
    return value


Written = Annotated[Duration, BeforeValidator(_with_unit)]
Positive = Annotated[Written, Field(ge=1, lt=DURATION_LIMIT_NS)]
NotNegative = Annotated[Written, Field(ge=0, lt=DURATION_LIMIT_NS)]


def _exact(value: Any) -> Any:
    """Read a float by its text: -0.2 is the decimal number -0.2, not its nearest double; an integer as Python's."""
    if isinstance(value, float):
        return Decimal(str(value))
    try:
        return value if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return value


def _countable(number: Decimal) -> Decimal:
    """Refuse a number whose exact fraction would take memory and time without end."""
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_DECIMALS:
        raise ValueError(f"expected at most {MAX_DECIMALS} digits after the point")
    return number


def _file_name(value: Any) -> str:
    """Read a path or pattern; names that are not UTF-8 hold surrogates, which pydantic's own text does not."""
    if isinstance(value, PathLike):
        value = fspath(value)
    if not isinstance(value, str):
        raise ValueError(f"expected a path, got {shown(value)}")
    if not value:
        raise ValueError("an empty path; expected that of a file")
    if "\0" in value:
        raise ValueError("a NUL character, which no path has")
    return value


FileName = Annotated[str, PlainValidator(_file_name), WithJsonSchema({"type": "string"})]
Number = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False), AfterValidator(_countable)]
