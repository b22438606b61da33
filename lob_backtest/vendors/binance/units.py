"""Convert prices and sizes from text to ticks and lots."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from lob_backtest.contract.rows import LIMIT
from lob_backtest.errors import ConfigError, DataError

ROUNDED_UP: Final = "levels_rounded_up_to_lots"
ROUNDED_DOWN: Final = "prints_rounded_down_to_lots"


@dataclass(slots=True)
class Span:
    """The range of decimals: the most digits after the point, and the largest value.

    Attributes:
        decimals: digits after the point of the finest.
        largest: the largest, as text.
    """

    decimals: int = 0
    largest: str = "0"
    _whole_digits: int = 1

    def add(self, text: str) -> None:
        """Add a decimal."""
        whole, _, fraction = text.partition(".")
        if len(fraction) > self.decimals:
            self.decimals = max(self.decimals, len(fraction.rstrip("0")))
        if len(whole) >= self._whole_digits and (len(whole) > self._whole_digits or text > self.largest):
            self.largest, self._whole_digits = text, len(whole)

    def join(self, other: Span) -> None:
        """Extend the range by another."""
        self.decimals = max(self.decimals, other.decimals)
        self.add(other.largest)

    @property
    def finest(self) -> Decimal:
        """The largest power of ten that divides all decimals."""
        return Decimal(1).scaleb(-self.decimals)

    def fits(self, unit: Decimal) -> bool:
        """Return whether the largest is below 2^40 units."""
        return Decimal(self.largest) < LIMIT * unit


def lot_of(sizes: Span, lot_size: Decimal | None, place: str) -> tuple[Decimal, bool]:
    """Choose the size of a lot.

    Sizes of which all are multiples of the finest decimal stay exact. If the largest is 2^40 of these or more, no
    lot is exact, and the user has to choose one.

    Args:
        sizes: of levels and prints.
        lot_size: given by the user, or `None`.
        place: the files, for messages.

    Returns:
        The size of a lot, and whether sizes are rounded to it.

    Raises:
        ConfigError: no lot is exact, and the user gave none or one that is too small.
    """
    if sizes.fits(sizes.finest):
        return lot_size or sizes.finest, False
    least = (Decimal(sizes.largest) / LIMIT).log10().to_integral_value(ROUND_CEILING)
    smallest = Decimal(1).scaleb(int(least))
    if not sizes.fits(smallest):
        smallest *= 10
    problem = (
        f"{place}: sizes up to {sizes.largest} and as fine as {sizes.finest:f}; a size has to be below 2^40 lots, so "
        "that no lot size holds all of them exactly"
    )
    if lot_size is None:
        raise ConfigError(
            f"{problem}; with a larger lot, such as --lot-size {smallest:f}, levels are rounded up to whole lots and "
            "prints down"
        )
    if not sizes.fits(lot_size):
        raise ConfigError(f"{problem}; --lot-size {lot_size:f} is too small, {smallest:f} is not")
    return lot_size, True


class Units:
    """Convert decimals as text to ticks or lots.

    Args:
        name: "price" or "size", for messages.
        option: the option that sets `unit`, for messages.
        unit: the tick or lot size.
        finest: the largest unit known to divide all, for messages.
        counts: counts rounded sizes; `None`: all have to be multiples of the unit.
    """

    def __init__(
        self, name: str, option: str, unit: Decimal, finest: Decimal, counts: Counter[str] | None = None
    ) -> None:
        self._name = name
        self._option = option
        self._unit = unit
        self._finest = finest
        self._counts = counts
        _, digits, exponent = unit.as_tuple()
        assert isinstance(exponent, int)
        self._decimals = max(0, -exponent)
        self._step = int("".join(map(str, digits)) + "0" * max(0, exponent))

    def of(self, text: str, place: str, rounding: str = "") -> int:
        """Return a decimal as a number of units.

        Args:
            text: the decimal.
            place: file and line, for messages.
            rounding: `ROUNDED_UP` or `ROUNDED_DOWN` if sizes are rounded.

        Raises:
            DataError: it is neither a multiple of the unit nor to be rounded, or it is 2^40 units or more.
        """
        whole, _, fraction = text.partition(".")
        fine, rest = divmod(int(whole + fraction[: self._decimals].ljust(self._decimals, "0")), self._step)
        if rest or fraction[self._decimals :].strip("0"):
            if self._counts is None:
                raise DataError(
                    f"{place}: {self._name} {text} is no multiple of {self._unit:f}; pass a {self._option} that "
                    f"divides it, such as {self._finest:f} (levels can be finer than the exchange's rule for orders)"
                )
            self._counts[rounding] += 1
            fine += rounding == ROUNDED_UP
        if fine >= LIMIT:
            raise DataError(
                f"{place}: {self._name} {text} is 2^40 units of {self._unit:f} or more, which is beyond the limit; a "
                f"larger {self._option} is possible if it divides every {self._name}"
            )
        return fine
