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
        cost_tick_lots: what the position cost by its average entry price, signed as the position; a position at the
            start cost nothing, as `cash_tick_lots` is 0 then.
    """

    __slots__ = ("cash_tick_lots", "cost_tick_lots", "fees_micro", "instrument", "last_price_ticks", "position_lots")

    def __init__(self, instrument: str, position_lots: int = 0) -> None:
        self.instrument = instrument
        self.position_lots = position_lots
        self.cash_tick_lots = 0
        self.fees_micro = 0
        self.last_price_ticks: int | None = None
        self.cost_tick_lots = 0.0

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
        self._enter(side * size_lots, price_ticks)
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

    @property
    def average_price_ticks(self) -> float | None:
        """Return the average entry price of the position, `None` without one."""
        return self.cost_tick_lots / self.position_lots if self.position_lots else None

    @property
    def realized_tick_lots(self) -> float:
        """Return the profit of what has been closed, by average entry price, fees apart."""
        return self.cash_tick_lots + self.cost_tick_lots

    def unrealized_tick_lots(self, mid2: int | None) -> float:
        """Return the profit of the position at a doubled mid, fees apart; see `equity_half_tick_lots`."""
        return self.equity_half_tick_lots(mid2) / 2 - self.realized_tick_lots

    def _enter(self, signed_lots: int, price_ticks: int) -> None:
        """Update the cost of the position before a fill changes it."""
        position_lots = self.position_lots
        after_lots = position_lots + signed_lots
        if position_lots * signed_lots >= 0:
            self.cost_tick_lots += signed_lots * price_ticks
        elif position_lots * after_lots > 0:
            self.cost_tick_lots = self.cost_tick_lots * after_lots / position_lots
        else:
            self.cost_tick_lots = float(after_lots * price_ticks)
