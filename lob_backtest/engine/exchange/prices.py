"""The best prices and the mid of one instrument at the exchange."""

from __future__ import annotations

from typing import Final

from lob_backtest.contract.rows import Phase
from lob_backtest.engine.record.recorder import NEVER, Recorder

Bbo = tuple[int | None, int | None, int | None, int | None]
"""Best bid, its size, best ask, its size; `None` for a side that is empty."""

NO_PRICES: Final[Bbo] = (None, None, None, None)

Before = tuple[int | None, int | None, int | None]
"""Best bid, best ask and the last two-sided doubled mid."""


class Prices:
    """Prices at the end of the last packet, and before the first row of the nanosecond at hand.

    Args:
        instrument: its place in the plan.
        recorder: takes the best prices.

    Attributes:
        now_ns: when the last row happened.
        mid2: the last two-sided doubled mid, `None` until there was one.
        crossed: how many packets of the continuous phase left a crossed or locked book.
    """

    __slots__ = ("_bbo", "_before", "_instrument", "_is_recording", "_recorder", "crossed", "mid2", "now_ns")

    def __init__(self, instrument: int, recorder: Recorder) -> None:
        self._instrument = instrument
        self._recorder = recorder
        self._is_recording = False
        self._bbo = NO_PRICES
        self._before: Before = (None, None, None)
        self.now_ns = -NEVER
        self.mid2: int | None = None
        self.crossed = 0

    @property
    def best(self) -> tuple[int | None, int | None]:
        """Return the best bid and ask that the last packet left."""
        return self._bbo[0], self._bbo[2]

    def before(self, now_ns: int) -> Before:
        """Return the prices before the first row of a nanosecond, that of the last row or a later one."""
        return self._before if now_ns == self.now_ns else (self._bbo[0], self._bbo[2], self.mid2)

    def begin(self, now_ns: int) -> None:
        """Keep the prices before the first row of a nanosecond."""
        self._before = (self._bbo[0], self._bbo[2], self.mid2)
        self.now_ns = now_ns

    def end_packet(self, bbo: Bbo, phase: int) -> None:
        """Apply the best prices that a packet left."""
        bid, _, ask, _ = bbo
        if bid is not None and ask is not None:
            self.mid2 = bid + ask
            if bid >= ask and phase == Phase.CONTINUOUS:
                self.crossed += 1
        if bbo != self._bbo:
            self._bbo = bbo
            if self._is_recording:
                self._record(self.now_ns)

    def start(self, now_ns: int) -> None:
        """Record the best prices from now on, beginning with those of now."""
        self._is_recording = True
        if self._bbo != NO_PRICES:
            self._record(now_ns)

    def _record(self, now_ns: int) -> None:
        self._recorder.row("bbo", (self._instrument, now_ns, *self._bbo))
