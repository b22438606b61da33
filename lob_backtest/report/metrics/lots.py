"""Realized gains and losses: fills matched into lots, first in, first out, in integers.

A lot is a stretch of position that one fill opened and one fill closed, or that is open at the end. Prices are
doubled (half-ticks), so that the opening position can be held at a mid. Fees are split over the lots of a fill pro
rata, rounded down, and the last lot gets the rest, so that they add up to the fill's fee.

Each lot has its own attribution, at every horizon: captured when it opened and when it closed, adverse selection
within the horizon (at most until it closed), inventory after that. For a closed lot they add up to its realized gain;
for an open one, to its unrealized gain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from lob_backtest.report.metrics.ledger import Ledger
from lob_backtest.report.metrics.stretches import Columns, Ints, total, widen
from lob_backtest.results.run_info import RunInfo

WORST: Final = 15
"""Number of worst lots that are listed."""


def lots_schema(markouts_ns: Sequence[int]) -> pa.Schema:
    """Schema of `lots`: one row per lot, closed ones in the order of their closing, then the open ones.

    `open_fill_id` is null for the position held at the start; `close_fill_id` is null for an open lot, whose
    `close_price2` is the mark at the end. Prices are half-ticks, values half-tick·lots, fees 10⁻⁶ tick·lots.
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
class _Open:
    """Fills (and the opening position) that are not fully closed, oldest first, arrays of shape `(n,)`.

    Attributes:
        columns: `side`, `size_lots`, `fee_micro`, `left_lots` and `fee_left_micro` (not assigned to a lot yet),
            `fill_id`, `has_fill` (false for the opening position), `ts_ns`, `price2`, `mid2` (before the fill) and
            `after_<ns>` (the doubled mid a horizon later).
    """

    columns: Columns

    @classmethod
    def at_start(cls, ledger: Ledger) -> _Open:
        start = ledger.position_start_lots
        plain = {"side": 1 if start > 0 else -1, "size_lots": abs(start), "left_lots": abs(start)}
        plain |= {"fee_micro": 0, "fee_left_micro": 0, "fill_id": 0, "has_fill": 0, "ts_ns": ledger.start_ns}
        plain |= dict.fromkeys(("price2", "mid2", *(f"after_{h}" for h in ledger.markouts_ns)), ledger.mid2_start)
        return cls({name: np.array([value] if start else [], dtype=np.int64) for name, value in plain.items()})

    def with_fills(self, rows: Columns, horizons: Sequence[int]) -> _Open:
        """Return the open fills followed by more fills."""
        fills = {
            **{name: rows[name] for name in ("side", "size_lots", "fee_micro", "fill_id")},
            "left_lots": rows["size_lots"],
            "fee_left_micro": rows["fee_micro"],
            "has_fill": np.ones_like(rows["side"]),
            "ts_ns": rows["ts_exchange_ns"],
            "price2": 2 * rows["price_ticks"],
            "mid2": rows["mid2_before"],
            **{f"after_{h}": rows[f"mid2_after_{h}ns"] for h in horizons},
        }
        return _Open({name: np.concatenate([self.columns[name], fills[name]]) for name in self.columns})

    def at(self, index: Ints) -> Columns:
        """Return the columns at some indices."""
        return {name: column[index] for name, column in self.columns.items()}


@dataclass(frozen=True, slots=True)
class _Taken:
    """The assignment of lots to the fills of one side.

    Attributes:
        index: the fill of each lot, in the order of the fills.
        fees: share of each lot in its fill's fee.
        left_lots: unassigned lots of each fill of the side.
        fee_left_micro: unassigned part of its fee.
    """

    index: Ints
    fees: Ints
    left_lots: Ints
    fee_left_micro: Ints

    @classmethod
    def of(cls, pool: _Open, members: Ints, edges: Ints, lots: Ints) -> _Taken:
        """Assign lots to the fills `members`; lot k ends with unit `edges[k]` of the side."""
        fills = pool.at(members)
        reached = np.cumsum(widen(fills["left_lots"])[0])
        index = np.searchsorted(reached, edges)
        done = int(edges[-1]) if len(edges) else 0
        left = np.clip(reached - done, 0, fills["left_lots"])
        part, fee = widen(lots, fills["fee_micro"][index])
        fees = fee * part // fills["size_lots"][index]  # rounded down …
        fee_left = fills["fee_left_micro"].astype(fees.dtype)
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        if len(starts):
            last, used = np.append(starts[1:], len(index)) - 1, index[starts]
            whole = left[used] == 0  # … but the last lot of a fill gets the rest
            sums = np.add.reduceat(fees, starts)
            fees[last[whole]] += (fee_left[used] - sums)[whole]
            fee_left[used] -= np.where(whole, fee_left[used], sums)
        return cls(members[index], fees, left, fee_left)


def match_lots(ledger: Ledger) -> Iterator[Columns]:
    """Match one account's fills into lots, first in, first out.

    The n-th lot bought and the n-th lot sold, the opening position first, are always matched: so lots are the
    intervals between the cumulative sums of bought and of sold lots. Memory holds the open fills.

    Args:
        ledger: the account.

    Yields:
        the columns of `lots_schema` except `agent` and `instrument`, one stretch of lots at a time; `has_<name>` is the
        validity of `open_fill_id`, `close_fill_id` and `close_ts_ns`.
    """
    horizons = ledger.markouts_ns
    names = ("side", "size_lots", "fee_micro", "fill_id", "ts_exchange_ns", "price_ticks", "mid2_before")
    standing = _Open.at_start(ledger)
    for rows in ledger.fills.read(*names, *(f"mid2_after_{h}ns" for h in horizons)):
        lots, standing = _match(standing.with_fills(rows, horizons), horizons)
        if len(lots["side"]):
            yield lots
    if len(standing.columns["side"]):
        yield _still_open(standing, ledger)


def _match(pool: _Open, horizons: Sequence[int]) -> tuple[Columns, _Open]:
    """Match a pool of fills; return the closed lots, and the fills that stay open."""
    sides = [np.flatnonzero(pool.columns["side"] == side) for side in (1, -1)]
    reached = [np.cumsum(widen(pool.columns["left_lots"][members])[0]) for members in sides]
    both = min(int(each[-1]) if len(each) else 0 for each in reached)
    edges = np.unique(np.concatenate([each[each <= both] for each in reached]))
    edges = edges[edges > 0]
    lots = np.diff(edges, prepend=0)
    bought, sold = (_Taken.of(pool, members, edges, lots) for members in sides)
    left, fee_left = pool.columns["left_lots"].copy(), pool.columns["fee_left_micro"].astype(bought.fees.dtype)
    for members, taken in zip(sides, (bought, sold), strict=True):
        left[members], fee_left[members] = taken.left_lots, taken.fee_left_micro
    long = bought.index < sold.index
    opened, closed = np.where(long, bought.index, sold.index), np.where(long, sold.index, bought.index)
    fees = (np.where(long, bought.fees, sold.fees), np.where(long, sold.fees, bought.fees))
    rest = _Open({**pool.columns, "left_lots": left, "fee_left_micro": fee_left})
    return _columns(pool.at(opened), pool.at(closed), lots, fees, horizons), _Open(rest.at(np.flatnonzero(left)))


def _still_open(standing: _Open, ledger: Ledger) -> Columns:
    """Return the open fills as lots, at the mark."""
    opened = standing.columns
    count = len(opened["side"])
    mark = {"price2": ledger.mid2_end, "mid2": ledger.mid2_end, "ts_ns": ledger.end_ns, "has_fill": 0, "fill_id": 0}
    closed = {name: np.full(count, value) for name, value in mark.items()}
    fees = (opened["fee_left_micro"], np.zeros(count, dtype=np.int64))
    return _columns(opened, closed, opened["left_lots"], fees, ledger.markouts_ns)


def _columns(opened: Columns, closed: Columns, lots: Ints, fees: tuple[Ints, Ints], horizons: Sequence[int]) -> Columns:
    """Value lots, each between its opening and its closing fill."""
    prices = (opened["price2"], closed["price2"], opened["mid2"], closed["mid2"])
    signed, open2, close2, open_mid2, close_mid2 = widen(opened["side"] * lots, *prices)
    columns: Columns = {
        "side": opened["side"],
        "size_lots": lots,
        "open_fill_id": opened["fill_id"],
        "has_open_fill_id": opened["has_fill"] > 0,
        "close_fill_id": closed["fill_id"],
        "has_close_fill_id": closed["has_fill"] > 0,
        "open_ts_ns": opened["ts_ns"],
        "close_ts_ns": closed["ts_ns"],
        "has_close_ts_ns": closed["has_fill"] > 0,
        "open_price2": open2,
        "close_price2": close2,
        "open_fee_micro": fees[0],
        "close_fee_micro": fees[1],
        "gross_half_tick_lots": signed * (close2 - open2),
        "captured_half_tick_lots": signed * (open_mid2 - open2 + close2 - close_mid2),
    }
    for horizon in horizons:
        after = np.where(opened["ts_ns"] + horizon >= closed["ts_ns"], close_mid2, opened[f"after_{horizon}"])
        # The opening position has no fill, and so no adverse selection.
        after = np.where(opened["has_fill"] > 0, after, open_mid2)
        columns[f"adverse_selection_{horizon}ns_half_tick_lots"] = signed * (after - open_mid2)
        columns[f"inventory_{horizon}ns_half_tick_lots"] = signed * (close_mid2 - after)
    return columns


class LotsTable:
    """The table `lots` of a run, computed again on each read and never kept in memory.

    Args:
        ledgers: one per agent and instrument, in that order.
        info: what the run was.
    """

    def __init__(self, ledgers: Sequence[Ledger], info: RunInfo) -> None:
        self._schema = lots_schema(info.markouts_ns)
        self._ledgers = ledgers
        self._info = info

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._schema

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the lots of every account, one stretch at a time."""
        for position, ledger in enumerate(self._ledgers):
            agent, instrument = divmod(position, len(self._info.instruments))
            for lots in match_lots(ledger):
                ones = np.ones(len(lots["side"]), dtype=np.int64)
                columns = {**lots, "agent": agent * ones, "instrument": instrument * ones}
                yield pa.RecordBatch.from_arrays([_array(columns, each) for each in self.schema], schema=self.schema)


def _array(columns: Columns, field: pa.Field) -> pa.Array:
    present = columns.get("has_" + field.name)
    return pa.array(columns[field.name], field.type, mask=None if present is None else ~present)


@dataclass(frozen=True, slots=True)
class Realized:
    """Sums over the lots of an account: gains and losses of closed ones, unrealized value of open ones.

    Attributes:
        gains_half_tick_lots: the sum over closed lots that gained, before fees.
        losses_half_tick_lots: the sum over those that lost; negative or 0.
        gains_net_micro: the sum over closed lots that gained after their fees, 10⁻⁶ tick·lots.
        losses_net_micro: the sum over those that lost after their fees.
        unrealized_half_tick_lots: open lots at the mid at the end, before fees.
        closed_lots: size closed.
        closed: number of closed lots.
        lost: number of closed lots that lost before fees.
    """

    gains_half_tick_lots: int = 0
    losses_half_tick_lots: int = 0
    gains_net_micro: int = 0
    losses_net_micro: int = 0
    unrealized_half_tick_lots: int = 0
    closed_lots: int = 0
    closed: int = 0
    lost: int = 0

    def plus(self, lots: Columns, micro_per_half: int) -> Realized:
        """Return the sums with more lots added.

        Args:
            lots: a stretch of `match_lots`.
            micro_per_half: 10⁻⁶ tick·lots in a half-tick·lot.
        """
        closed = lots["has_close_fill_id"]
        gross, micro = widen(lots["gross_half_tick_lots"], np.full(len(closed), micro_per_half))
        fees, _ = widen(lots["open_fee_micro"] + lots["close_fee_micro"], np.ones(len(closed), dtype=np.int64))
        net = (gross * micro - fees)[closed]
        open_gross, gross = gross[~closed], gross[closed]
        return Realized(
            self.gains_half_tick_lots + total(gross[gross > 0]),
            self.losses_half_tick_lots + total(gross[gross < 0]),
            self.gains_net_micro + total(net[net > 0]),
            self.losses_net_micro + total(net[net < 0]),
            self.unrealized_half_tick_lots + total(open_gross),
            self.closed_lots + total(widen(lots["size_lots"])[0][closed]),
            self.closed + len(gross),
            self.lost + int((gross < 0).sum()),
        )


def add_up(lots: Iterable[Columns], micro_per_half: int) -> tuple[Realized, tuple[dict[str, int], ...]]:
    """Add up one account's lots, and pick the closed ones that lost most.

    Args:
        lots: of `match_lots`.
        micro_per_half: 10⁻⁶ tick·lots in a half-tick·lot.

    Returns:
        the sums, and the columns of `WORST` lots or fewer, the worst first, equal ones in the order of closing.
    """
    sums, worst = Realized(), list[dict[str, int]]()
    for columns in lots:
        sums = sums.plus(columns, micro_per_half)
        gross = columns["gross_half_tick_lots"]
        lost = np.flatnonzero(columns["has_close_fill_id"] & (gross < 0))
        lost = lost[np.argsort(gross[lost], kind="stable")][:WORST]
        worst += [{name: int(column[at]) for name, column in columns.items()} for at in lost]
        worst = sorted(worst, key=lambda each: each["gross_half_tick_lots"])[:WORST]
    return sums, tuple(worst)
