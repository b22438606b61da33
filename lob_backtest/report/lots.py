"""Realized gains and losses: fills matched into lots, first in, first out, in integers.

A lot is a stretch of position that one fill opened and one fill closed, or that is open at the end. Prices are
doubled (half-ticks), so that the opening position can be held at a mid. Fees are split over the lots of a fill pro
rata, rounded down, and the last slice takes the rest: nothing is lost.

Each lot carries its own attribution, at every horizon: captured when it opened and when it closed, adverse selection
while the horizon lasted (at most until it closed), inventory after that. For a closed lot they add up to what it
realized; for an open one, to what it stands at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from lob_backtest.report.ledger import Ledger
from lob_backtest.run_info import RunInfo


def lots_schema(markouts_ns: Sequence[int]) -> pa.Schema:
    """Schema of `lots`: one row a lot, closed ones in the order of their closing, then what is open at the end.

    `open_fill_id` is null for the position held at the start; `close_fill_id` is null for what is still open, whose
    `close_price2` is then the mark at the end. Prices are half-ticks, values half-tick·lots, fees 10⁻⁶ tick·lots.
    """
    return pa.schema(
        [
            pa.field("agent", pa.int16(), nullable=False),
            pa.field("instrument", pa.int16(), nullable=False),
            pa.field("side", pa.int8(), nullable=False),  # +1 long, -1 short
            pa.field("size_lots", pa.int64(), nullable=False),
            pa.field("open_fill_id", pa.int64()),
            pa.field("close_fill_id", pa.int64()),
            pa.field("open_ts_ns", pa.int64(), nullable=False),
            pa.field("close_ts_ns", pa.int64()),
            pa.field("open_price2", pa.int64(), nullable=False),
            pa.field("close_price2", pa.int64(), nullable=False),
            pa.field("open_fee_micro", pa.int64(), nullable=False),
            pa.field("close_fee_micro", pa.int64(), nullable=False),
            pa.field("gross_half_tick_lots", pa.int64(), nullable=False),
            pa.field("captured_half_tick_lots", pa.int64(), nullable=False),
            *(
                pa.field(f"{part}_{horizon}ns_half_tick_lots", pa.int64(), nullable=False)
                for horizon in markouts_ns
                for part in ("adverse_selection", "inventory")
            ),
        ]
    )


@dataclass(slots=True)
class _Stretch:
    """What is left of one fill (or of the opening position) that no later fill has closed yet."""

    side: int
    left_lots: int
    fee_left_micro: int
    size_lots: int
    fee_micro: int
    fill: int  # index into the ledger's fills; -1: the opening position


def _slice_fee(stretch: _Stretch, lots: int) -> int:
    """Take the fee of `lots` from a stretch: rounded down, but the last slice takes the rest."""
    last = lots == stretch.left_lots
    fee = stretch.fee_left_micro if last else stretch.fee_micro * lots // stretch.size_lots
    stretch.left_lots -= lots
    stretch.fee_left_micro -= fee
    return fee


@dataclass(slots=True)
class _Matched:
    """Columns of matched lots; `opened` and `closed` index the ledger's fills, -1 stands for none."""

    side: list[int] = field(default_factory=list)
    lots: list[int] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    open_fee: list[int] = field(default_factory=list)
    close_fee: list[int] = field(default_factory=list)

    def add(self, stretch: _Stretch, lots: int, closing: _Stretch | None) -> None:
        """Append one lot, taken from what was open and from what closes it."""
        self.side.append(stretch.side)
        self.lots.append(lots)
        self.opened.append(stretch.fill)
        self.closed.append(closing.fill if closing is not None else -1)
        self.open_fee.append(_slice_fee(stretch, lots))
        self.close_fee.append(_slice_fee(closing, lots) if closing is not None else 0)


def _match(ledger: Ledger) -> _Matched:
    """Match the fills of one ledger, first in, first out."""
    matched = _Matched()
    standing: deque[_Stretch] = deque()
    start = ledger.position_start_lots
    if start:
        standing.append(_Stretch(1 if start > 0 else -1, abs(start), 0, abs(start), 0, -1))
    columns = (ledger.fills[name].tolist() for name in ("side", "size_lots", "fee_micro"))
    for index, (side, size, fee) in enumerate(zip(*columns, strict=True)):
        incoming = _Stretch(side, size, fee, size, fee, index)
        while incoming.left_lots and standing and standing[0].side != side:
            oldest = standing[0]
            matched.add(oldest, min(oldest.left_lots, incoming.left_lots), incoming)
            if not oldest.left_lots:
                standing.popleft()
        if incoming.left_lots:
            standing.append(incoming)
    for stretch in standing:
        matched.add(stretch, stretch.left_lots, None)
    return matched


def match_lots(ledger: Ledger) -> dict[str, Any]:
    """Match one account's fills into lots, first in, first out.

    Args:
        ledger: the account.

    Returns:
        the columns of `lots_schema` but `agent` and `instrument`: arrays of Python integers, shape `(n,)`, nulls as
        `None`.
    """
    matched = _match(ledger)
    opened, closed = np.array(matched.opened, dtype=np.int64), np.array(matched.closed, dtype=np.int64)
    at_start, at_end = opened < 0, closed < 0
    start2, end2 = ledger.mid2_start, ledger.mid2_end
    fills = ledger.fills
    signed = np.array(matched.side, dtype=object) * np.array(matched.lots, dtype=object)
    open2 = _pick(2 * fills["price_ticks"], opened, at_start, start2)
    close2 = _pick(2 * fills["price_ticks"], closed, at_end, end2)
    open_mid2 = _pick(fills["mid2_before"], opened, at_start, start2)
    close_mid2 = _pick(fills["mid2_before"], closed, at_end, end2)
    open_ts = _pick(fills["ts_exchange_ns"], opened, at_start, ledger.start_ns)
    close_ts = _pick(fills["ts_exchange_ns"], closed, at_end, ledger.end_ns)
    columns: dict[str, Any] = {
        "side": matched.side,
        "size_lots": matched.lots,
        "open_fill_id": _pick(fills["fill_id"], opened, at_start, None),
        "close_fill_id": _pick(fills["fill_id"], closed, at_end, None),
        "open_ts_ns": open_ts,
        "close_ts_ns": _pick(fills["ts_exchange_ns"], closed, at_end, None),
        "open_price2": open2,
        "close_price2": close2,
        "open_fee_micro": matched.open_fee,
        "close_fee_micro": matched.close_fee,
        "gross_half_tick_lots": signed * (close2 - open2),
        "captured_half_tick_lots": signed * (open_mid2 - open2 + close2 - close_mid2),
    }
    for horizon in ledger.markouts_ns:
        after = _pick(fills[f"mid2_after_{horizon}ns"], opened, at_start, start2)
        capped = np.where(open_ts + horizon >= close_ts, close_mid2, after)
        capped = np.where(at_start, start2, capped)  # nobody traded the opening position: it has no adverse selection
        columns[f"adverse_selection_{horizon}ns_half_tick_lots"] = signed * (capped - open_mid2)
        columns[f"inventory_{horizon}ns_half_tick_lots"] = signed * (close_mid2 - capped)
    return columns


def _pick(values: Any, index: Any, absent: Any, otherwise: int | None) -> Any:
    """Return `values[index]` as Python objects, and `otherwise` where `absent`."""
    out = np.empty(len(index), dtype=object)
    out[:] = otherwise
    present = ~absent
    out[present] = values[index[present]].astype(object)
    return out


def lots_table(accounts: Sequence[Mapping[str, Any]], info: RunInfo) -> pa.Table:
    """Put the lots of every account into the table `lots`.

    Args:
        accounts: the columns of each, as `match_lots` returns them, one entry an agent and instrument, in that order.
        info: what the run was.
    """
    schema = lots_schema(info.markouts_ns)
    parts = []
    for position, lots in enumerate(accounts):
        agent, instrument = divmod(position, len(info.instruments))
        count = len(lots["side"])
        columns = {**lots, "agent": [agent] * count, "instrument": [instrument] * count}
        parts.append(pa.table([pa.array(columns[each.name], each.type) for each in schema], schema=schema))
    return pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()


@dataclass(frozen=True, slots=True)
class Realized:
    """What the closed lots of an account gained and lost, and what the open ones stand at.

    Attributes:
        gains_half_tick_lots: the sum over closed lots that gained, before fees.
        losses_half_tick_lots: the sum over those that lost; negative or 0.
        gains_net_micro: the sum over closed lots that gained after their fees, 10⁻⁶ tick·lots.
        losses_net_micro: the sum over those that lost after their fees.
        unrealized_half_tick_lots: open lots at the mid at the end, before fees.
        closed_lots: size closed.
        closed: how many lots closed.
        lost: how many of them lost, before fees.
    """

    gains_half_tick_lots: int
    losses_half_tick_lots: int
    gains_net_micro: int
    losses_net_micro: int
    unrealized_half_tick_lots: int
    closed_lots: int
    closed: int
    lost: int


def realized(columns: Mapping[str, Any], micro_per_half: int) -> Realized:
    """Add up one account's lots.

    Args:
        columns: as `match_lots` returns them.
        micro_per_half: 10⁻⁶ tick·lots in a half-tick·lot.
    """
    is_closed = [fill is not None for fill in columns["close_fill_id"]]
    fees = [a + b for a, b in zip(columns["open_fee_micro"], columns["close_fee_micro"], strict=True)]
    gross = [value for value, closed in zip(columns["gross_half_tick_lots"], is_closed, strict=True) if closed]
    net = [
        value * micro_per_half - fee
        for value, fee, closed in zip(columns["gross_half_tick_lots"], fees, is_closed, strict=True)
        if closed
    ]
    return Realized(
        gains_half_tick_lots=sum(value for value in gross if value > 0),
        losses_half_tick_lots=sum(value for value in gross if value < 0),
        gains_net_micro=sum(value for value in net if value > 0),
        losses_net_micro=sum(value for value in net if value < 0),
        unrealized_half_tick_lots=sum(columns["gross_half_tick_lots"]) - sum(gross),
        closed_lots=sum(size for size, closed in zip(columns["size_lots"], is_closed, strict=True) if closed),
        closed=len(gross),
        lost=sum(value < 0 for value in gross),
    )
