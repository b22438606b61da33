"""Position, cash and fees of one strategy in one instrument, in integers."""

from __future__ import annotations


class Account:
    """The money of one strategy in one instrument.

    Attributes:
        position_lots: signed.
        cash_tick_lots: start at 0; a buy costs price times size.
        fees_micro: 10⁻⁶ tick·lots, signed: rebates are negative.
    """

    __slots__ = ("cash_tick_lots", "fees_micro", "position_lots")

    def __init__(self, position_lots: int = 0) -> None:
        self.position_lots = position_lots
        self.cash_tick_lots = 0
        self.fees_micro = 0

    def fill(self, side: int, price_ticks: int, size_lots: int, fee_micro: int) -> None:
        """Book one fill."""
        self.position_lots += side * size_lots
        self.cash_tick_lots -= side * size_lots * price_ticks
        self.fees_micro += fee_micro

    def equity_half_tick_lots(self, mid2: int | None) -> int:
        """Return cash plus the position at a doubled mid, fees apart; the position counts nothing without a mid."""
        return 2 * self.cash_tick_lots + self.position_lots * (mid2 or 0)
