"""Market maker protection: it cancels all quotes where they fill too much within an interval, and refuses new ones.

Quotes are limit orders that can rest; orders that cannot are for hedging, and do not count.
"""

from __future__ import annotations

from collections import deque

from lob_backtest.contract.plan import MmpPlan
from lob_backtest.contract.tables import TimeInForce
from lob_backtest.contract.terms import Terms
from lob_backtest.engine.record.recorder import NEVER


def is_quote(terms: Terms) -> bool:
    """Return whether an order can rest."""
    return terms.price_ticks is not None and terms.tif not in (TimeInForce.IOC, TimeInForce.FOK)


class Protection:
    """The protection of one strategy in one instrument.

    Args:
        plan: its limits.

    Attributes:
        is_on: whether it has a limit.
    """

    __slots__ = ("_fills", "_frozen_until_ns", "_is_hit", "_lots", "_plan", "is_on")

    def __init__(self, plan: MmpPlan) -> None:
        self._plan = plan
        self._fills: deque[tuple[int, int]] = deque()  # times and sizes of those that still count
        self._lots = 0
        self._is_hit = False
        self._frozen_until_ns = -NEVER
        self.is_on = plan.lots is not None or plan.fills is not None

    def traded(self, size_lots: int, now_ns: int) -> None:
        """Count a fill of a quote."""
        while self._fills and now_ns - self._fills[0][0] > self._plan.interval_ns:
            self._lots -= self._fills.popleft()[1]
        self._fills.append((now_ns, size_lots))
        self._lots += size_lots
        lots, fills = self._plan.lots, self._plan.fills
        self._is_hit |= (lots is not None and self._lots >= lots) or (fills is not None and len(self._fills) >= fills)

    def trips(self, now_ns: int) -> bool:
        """Return whether a limit has been reached since the last call; then quotes are refused from now on."""
        if not self._is_hit:
            return False
        self.reset()
        self._frozen_until_ns = min(now_ns + self._plan.frozen_ns, NEVER) if self._plan.frozen_ns else NEVER
        return True

    def refuses(self, terms: Terms, now_ns: int) -> bool:
        """Return whether an order is refused."""
        return self.is_on and now_ns < self._frozen_until_ns and is_quote(terms)

    def reset(self) -> None:
        """Count from zero again, and take quotes."""
        self._fills.clear()
        self._lots = 0
        self._is_hit = False
        self._frozen_until_ns = -NEVER
