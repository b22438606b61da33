"""Attribution of the profit or loss: captured, adverse selection, inventory and opening, exact in half-tick·lots.

With M = bid + ask, a fill of signed size s at price p, m the M before the fill's nanosecond and m⁺ the M a horizon
later (at most at the end):

    captured             s (m - 2p)      distance of the fill from the mid
    adverse selection    s (m⁺ - m)      move of the mid within the horizon
    inventory            s (M_end - m⁺)  move of the mid after the horizon
    opening              q₀ (M_end - M₀) move of the mid for the position held at the start

The four add up to the change of equity at mid before fees, at any horizon, to the last integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lob_backtest.report.metrics.ledger import Ledger
from lob_backtest.report.metrics.stretches import total, widen


@dataclass(frozen=True, slots=True)
class Attribution:
    """The four parts of the gross profit, in half-tick·lots, and the residual.

    Attributes:
        horizon_ns: time after a fill at which adverse selection ends and inventory begins; `None` if the run has no
            horizon (then adverse selection is 0).
        captured: half-tick·lots.
        adverse_selection: half-tick·lots.
        inventory: half-tick·lots.
        opening: half-tick·lots.
        residual: the account's own change of equity minus the parts; always 0.
    """

    horizon_ns: int | None
    captured: int
    adverse_selection: int
    inventory: int
    opening: int
    residual: int

    @property
    def gross(self) -> int:
        """Return the sum of the four parts."""
        return self.captured + self.adverse_selection + self.inventory + self.opening


def headline_horizon_ns(markouts_ns: tuple[int, ...]) -> int | None:
    """Return the middle horizon, the lower of two, which a summary shows first; `None` without horizons."""
    return sorted(markouts_ns)[(len(markouts_ns) - 1) // 2] if markouts_ns else None


def mid2_after(horizon_ns: int | None) -> str:
    """Return the column of `fills` with the doubled mid a horizon after each fill.

    Args:
        horizon_ns: one of the run's horizons; `None` gives the mid before the fill.
    """
    return "mid2_before" if horizon_ns is None else f"mid2_after_{horizon_ns}ns"


def attribute(ledger: Ledger, horizons_ns: Sequence[int | None]) -> tuple[Attribution, ...]:
    """Split an account's gross profit at each of some horizons.

    Args:
        ledger: the account.
        horizons_ns: of the run, in nanoseconds; `None` stands for a run without any.
    """
    columns = [mid2_after(horizon) for horizon in horizons_ns]
    captured = held = 0
    adverse, held_after = [0] * len(columns), [0] * len(columns)
    for rows in ledger.fills.read("side", "size_lots", "price_ticks", "mid2_before", *columns):
        signed = rows["side"] * rows["size_lots"]
        lots, prices, before, *afters = widen(
            signed, rows["price_ticks"], rows["mid2_before"], *(rows[name] for name in columns)
        )
        captured += total(lots * (before - 2 * prices))
        held += total(lots)
        for at, after in enumerate(afters):
            adverse[at] += total(lots * (after - before))
            held_after[at] += total(lots * after)
    opening = ledger.position_start_lots * (ledger.mid2_end - ledger.mid2_start)
    out = []
    for at, horizon in enumerate(horizons_ns):
        inventory = held * ledger.mid2_end - held_after[at]
        explained = captured + adverse[at] + inventory + opening
        residual = ledger.gross_half_tick_lots - explained
        out.append(Attribution(horizon, captured, adverse[at], inventory, opening, residual))
    return tuple(out)
