"""Position, cash and fees of one strategy in one instrument, in integers."""

from __future__ import annotations

from typing import Final

from lob_backtest.errors import EngineError

INT64: Final = 1 << 63


class Account:
    """The money of one strategy in one instrument.

    Attributes:
        instrument: its name, for messages.
        position_lots: signed.
        cash_tick_lots: start at 0; a buy costs price times size.
        fees_micro: 10⁻⁶ tick·lots, signed: rebates are negative.
        last_price_ticks: the price of the last fill, `None` before the first.
    """

    __slots__ = ("cash_tick_lots", "fees_micro", "instrument", "last_price_ticks", "position_lots")

    def __init__(self, instrument: str, position_lots: int = 0) -> None:
        self.instrument = instrument
        self.position_lots = position_lots
        self.cash_tick_lots = 0
        self.fees_micro = 0
        self.last_price_ticks: int | None = None

    def fill(self, side: int, price_ticks: int, size_lots: int, fee_micro: int) -> None:
        """Book one fill.

        Raises:
            EngineError: the sums leave 64 bits.
        """
        cash_tick_lots = self.cash_tick_lots - side * size_lots * price_ticks
        fees_micro = self.fees_micro + fee_micro
        if max(abs(cash_tick_lots), abs(fees_micro), abs(fee_micro)) >= INT64:
            raise EngineError(
                f"{self.instrument}: cash of {cash_tick_lots} tick·lots or fees of {fees_micro} · 10⁻⁶ do not fit "
                "64 bits; use a coarser tick or lot, or trade less"
            )
        self.position_lots += side * size_lots
        self.cash_tick_lots = cash_tick_lots
        self.fees_micro = fees_micro
        self.last_price_ticks = price_ticks

    def equity_half_tick_lots(self, mid2: int | None) -> int:
        """Return cash plus the position at a doubled mid, fees apart.

        Without a mid the price of the last fill is used; without a fill, too, the position counts as 0.
        """
        if mid2 is None:
            mid2 = 2 * (self.last_price_ticks or 0)
        return 2 * self.cash_tick_lots + self.position_lots * mid2
