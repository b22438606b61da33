"""Where the money came from: captured, adverse selection, inventory and opening, exact in half-tick·lots.

With M = bid + ask, a fill of signed size s at price p, m the M before the fill's nanosecond and m⁺ the M a horizon
later (at most at the end):

    captured             s (m - 2p)      what the fill was better than the mid
    adverse selection    s (m⁺ - m)      how the mid moved while the horizon lasted
    inventory            s (M_end - m⁺)  how it moved from then on
    opening              q₀ (M_end - M₀) how it moved for the position held at the start

The four add up to the change of equity at mid before fees, at any horizon, to the last integer.
"""

from __future__ import annotations

from dataclasses import dataclass

from lob_backtest.report.ledger import Ints, Ledger, total, widen


@dataclass(frozen=True, slots=True)
class Attribution:
    """The four parts of the gross profit, in half-tick·lots, and what they fail to explain.

    Attributes:
        horizon_ns: where adverse selection ends and inventory begins; `None` where the run has no horizon (then
            adverse selection is 0).
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
    """Return the middle horizon, the lower of two: the one that a summary shows first; `None` where there is none."""
    return sorted(markouts_ns)[(len(markouts_ns) - 1) // 2] if markouts_ns else None


def mid2_after(ledger: Ledger, horizon_ns: int | None) -> Ints:
    """Return the doubled mid a horizon after each fill, half-ticks, shape `(n,)`.

    Args:
        ledger: the account.
        horizon_ns: one of its horizons; `None` gives the mid before the fill.
    """
    return ledger.fills["mid2_before" if horizon_ns is None else f"mid2_after_{horizon_ns}ns"]


def attribute(ledger: Ledger, horizon_ns: int | None) -> Attribution:
    """Split an account's gross profit at one horizon.

    Args:
        ledger: the account.
        horizon_ns: one of its horizons, in nanoseconds; `None` without any.
    """
    lots, prices, before, after = widen(
        ledger.signed_lots, ledger.fills["price_ticks"], ledger.fills["mid2_before"], mid2_after(ledger, horizon_ns)
    )
    captured = total(lots * (before - 2 * prices))
    adverse = total(lots * (after - before))
    inventory = total(lots) * ledger.mid2_end - total(lots * after)
    opening = ledger.position_start_lots * (ledger.mid2_end - ledger.mid2_start)
    explained = captured + adverse + inventory + opening
    return Attribution(horizon_ns, captured, adverse, inventory, opening, ledger.gross_half_tick_lots - explained)
