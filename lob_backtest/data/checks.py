"""Check a stretch of rows column by column, and apply the policies to the faults.

Columns are copied, and rows looped over, only if a fault is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lob_backtest.contract.plan import LatencyPlan
from lob_backtest.contract.rows import LIMIT, Action, Flag, Phase
from lob_backtest.data.faults import ALLOWED, SAMPLES, FaultKind, FaultSample, Policy, Tally
from lob_backtest.data.feed_latency import feed_latency_ns
from lob_backtest.errors import DataError
from lob_backtest.units import SECOND, format_instant

Columns = dict[str, NDArray[Any]]
Mask = NDArray[np.bool_]

TIME_LIMIT_NS: Final = 1 << 62
"""Exclusive bound of times (the year 2116), so that adding a latency cannot overflow."""

_DAY_NS: Final = 86_400 * SECOND

_BAD_ACTION, _BAD_SIDE, _HAS_SIZE, _NEEDS_ID, _IS_STATUS = 1, 2, 4, 8, 16

_SIDED = (Action.ADD, Action.CANCEL, Action.MODIFY, Action.EXECUTE, Action.LEVEL)
_SIZED = (Action.ADD, Action.CANCEL, Action.MODIFY, Action.EXECUTE, Action.TRADE)
_IDENTITY: Final = ("ts_exchange_ns", "action", "side", "order_id", "price_ticks", "size_lots")
_COMMON = (Action.TRADE, Action.CLEAR, Action.STATUS)
_ACTIONS: Final = {
    2: (*_COMMON, Action.LEVEL),
    3: (*_COMMON, Action.ADD, Action.CANCEL, Action.MODIFY, Action.EXECUTE),
}


def _rules(level: int) -> NDArray[np.uint8]:
    """Tabulate the rules of a row by action (high byte) and side (low byte): one look-up instead of ten."""
    rules = np.full((256, 256), _BAD_ACTION, np.uint8)
    for action in _ACTIONS[level]:
        rules[action] = _BAD_SIDE
        sides = (1, -1) if action in _SIDED else (1, 0, -1)
        rules[action, [side & 0xFF for side in sides]] = 0
        rules[action] |= _HAS_SIZE * (action in _SIZED)
        rules[action] |= _NEEDS_ID * (action == Action.ADD)
        rules[action] |= _IS_STATUS * (action == Action.STATUS)
    return rules.reshape(-1)


class Checked(NamedTuple):
    """The outcome of checking a stretch of rows."""

    columns: Columns
    keep: Mask | None  # which rows are handed over; None: all
    error: DataError | None  # to raise after handing these over
    ends_earlier_packet: bool  # a skipped row ended a packet that has no other row in this stretch


class Findings:
    """The faulty rows of one stretch; at the end, the rows to keep and an error."""

    def __init__(self, columns: Columns, policies: Mapping[FaultKind, Policy], path: str, row: int) -> None:
        self.columns = columns
        self.policies = policies
        self.path = path
        self.row = row
        self.rows = len(columns["action"])
        self.alive: Mask | None = None
        self.stop = self.rows
        self._found: list[tuple[FaultKind, Policy, Mask]] = []
        self._error: DataError | None = None

    def report(self, kind: FaultKind, bad: Mask, describe: Callable[[int], str]) -> Mask:
        """Apply a kind's policy to rows.

        Args:
            kind: what is wrong with them.
            bad: mask of the rows, shape `(n,)`; rows that an earlier kind has skipped do not count.
            describe: returns for the index of a row its value and the expected one.

        Returns:
            The rows to repair.
        """
        if self.alive is not None:
            bad = bad & self.alive
        policy = self.policies[kind]
        if not bad.any():
            return bad
        if policy == Policy.FAIL:
            self.stop = int(np.argmax(bad))
            bad = np.zeros_like(bad)
            bad[self.stop] = True
            self._error = DataError(self._message(kind, describe(self.stop)))
        self._found.append((kind, policy, bad))
        if policy in (Policy.FAIL, Policy.SKIP):
            self.alive = ~bad if self.alive is None else self.alive & ~bad
            self.alive[self.stop :] = False
        return bad if policy == Policy.REPAIR else np.zeros_like(bad)

    def _message(self, kind: FaultKind, text: str) -> str:
        row, time = self.row + self.stop, format_instant(int(self.columns["ts_exchange_ns"][self.stop]))
        others = sorted(ALLOWED[kind] - {Policy.FAIL})
        return (
            f"{self.path}, row {row} at {time}: {text}. Correct the file, or set data.policies.{kind!s} "
            f"to {' or '.join(others)} (`lob-backtest validate` lists all such rows)"
        )

    def count(self, tally: Tally) -> DataError | None:
        """Add the faults up to the first failure to a tally, and return that failure's error."""
        for kind, policy, bad in self._found:
            rows = np.flatnonzero(bad[: self.stop + 1])
            samples = [
                FaultSample(self.path, self.row + int(i), int(self.columns["ts_exchange_ns"][i]))
                for i in rows[:SAMPLES]
            ]
            for i, sample in enumerate(samples):
                if i == 0:
                    tally.add(kind, policy, sample, len(rows))
                else:
                    tally.remember(kind, sample)
        return self._error

    def writable(self, name: str) -> NDArray[Any]:
        """Return a column that may be changed; the first call copies it."""
        if not self.columns[name].flags.writeable:
            self.columns[name] = self.columns[name].copy()
        return self.columns[name]

    def suspect(self, rows: Mask) -> None:
        """Flag repaired rows SUSPECT."""
        if rows.any():
            self.writable("flags")[rows] |= np.uint8(Flag.SUSPECT)

    def kept(self, name: str) -> NDArray[Any]:
        """Return a column without the skipped rows."""
        return self.columns[name] if self.alive is None else self.columns[name][self.alive]


class RowChecker:
    """Check the rows of one instrument in order.

    Args:
        level: 2 or 3.
        policies: of every kind that is looked for.
        tally: counts the faults.
        feed: latency from which local times are computed; `None`: they are recorded in the file.
    """

    def __init__(
        self, level: int, policies: Mapping[FaultKind, Policy], tally: Tally, *, feed: LatencyPlan | None
    ) -> None:
        self.level = level
        self.policies = policies
        self.tally = tally
        self.feed = feed
        self.rules = _rules(level)
        # State carried from row to row. A row that one check skips counts for the earlier checks and not for the later
        # ones, so that the outcome does not depend on the size of batches.
        self.exchange_ns = -1
        self.floor_ns = -1  # the end of the file before
        self.sequence = 0  # the latest that is not 0; 0 after a row at which the feed may restart its count
        self.sequence_day = 0
        self.is_packet_open = False
        self.local_ns = -1
        self.latest: dict[str, int] = {}  # the latest row

    def check(
        self, columns: Columns, nulls: Mapping[str, Mask], path: str, row: int, *, has_local: bool = True
    ) -> Checked:
        """Check the next rows.

        Args:
            columns: by name, each of shape `(n,)`, nulls as 0.
            nulls: masks of the nulls, for the columns that have any.
            path: the file, for messages.
            row: the file row of the first element.
            has_local: whether the file records local times.

        Returns:
            The columns, repaired and with a complete `ts_local_ns`, and which rows to hand over.
        """
        found = Findings(columns, self.policies, path, row)
        self._check_values(found, nulls)
        self._check_exchange_time(found)
        self._check_local_time(found, nulls.get("ts_local_ns"), has_local)
        if "sequence" in columns:
            self._check_sequence(found)
        self._order_local_time(found)
        error = found.count(self.tally)
        ends_earlier_packet = _end_packets(found)
        return Checked(found.columns, found.alive, error, ends_earlier_packet)

    def next_file(self) -> None:
        """Begin the next file of the chain."""
        self.floor_ns = self.exchange_ns

    def _check_values(self, found: Findings, nulls: Mapping[str, Mask]) -> None:
        """Find the faults that one row alone shows."""
        columns = found.columns
        for name, missing in nulls.items():
            if name != "ts_local_ns":
                found.report(FaultKind.NULL, missing, _is_null(name))
        rule = self.rules[(columns["action"].astype(np.uint16) << 8) | columns["side"].view(np.uint8)]
        if (rule & (_BAD_ACTION | _BAD_SIDE)).any():
            found.report(FaultKind.UNKNOWN_ACTION, rule & _BAD_ACTION != 0, lambda i: self._bad_action(columns, i))
            found.report(FaultKind.BAD_SIDE, rule & _BAD_SIDE != 0, lambda i: _bad_side(columns, i))
        size, price = columns["size_lots"], columns["price_ticks"]
        zero = size == 0
        if zero.any():
            found.report(
                FaultKind.ZERO_SIZE, zero & (rule & _HAS_SIZE != 0), lambda i: f"{_action(columns, i)} of 0 lots"
            )
        if int(size.min()) < 0 or int(size.max()) >= LIMIT:
            found.report(
                FaultKind.OUT_OF_RANGE,
                (size < 0) | (size >= LIMIT),
                lambda i: f"size_lots is {size[i]}, expected 0 to 2^40 - 1",
            )
        if int(price.min()) <= -LIMIT or int(price.max()) >= LIMIT:
            found.report(
                FaultKind.OUT_OF_RANGE,
                (price <= -LIMIT) | (price >= LIMIT),
                lambda i: f"price_ticks is {price[i]}, expected less than 2^40 in magnitude",
            )
        if self.level == 3:
            ids = columns["order_id"]
            if not ids.all():
                found.report(
                    FaultKind.ZERO_ORDER_ID, (rule & _NEEDS_ID != 0) & (ids == 0), lambda _: "ADD of order_id 0"
                )
        if int(columns["phase"].max()) > max(Phase):
            phase = columns["phase"]
            found.report(
                FaultKind.UNKNOWN_PHASE,
                (phase > max(Phase)) & (rule & _IS_STATUS != 0),
                lambda i: f"phase is {phase[i]}, expected 0 to {max(Phase):d}",
            )

    def _bad_action(self, columns: Columns, i: int) -> str:
        known = ", ".join(f"{action.name} {action:d}" for action in sorted(_ACTIONS[self.level]))
        return f"action is {columns['action'][i]}, expected one of an L{self.level} file ({known})"

    def _check_exchange_time(self, found: Findings) -> None:
        times = found.columns["ts_exchange_ns"]
        if int(times.max()) >= TIME_LIMIT_NS:
            found.report(
                FaultKind.OUT_OF_RANGE,
                times >= TIME_LIMIT_NS,
                lambda i: f"ts_exchange_ns is {times[i]}, after the year 2116: expected nanoseconds since 1970",
            )
        floor = self.floor_ns
        if int(times.min()) < floor:
            found.report(
                FaultKind.OVERLAP,
                times < floor,
                lambda i: f"ts_exchange_ns is {times[i]}, but the file before this one ends at {floor}",
            )
        if _falls(times, self.exchange_ns):
            latest = _latest(times, found.alive, self.exchange_ns)
            repair = found.report(
                FaultKind.TIME_BACKWARDS,
                times < latest,
                lambda i: f"time runs backwards: ts_exchange_ns was {latest[i]} before",
            )
            if repair.any():
                found.writable("ts_exchange_ns")[repair] = latest[repair]
                found.suspect(repair)
        self.exchange_ns = _last(found.kept("ts_exchange_ns"), self.exchange_ns)

    def _check_local_time(self, found: Findings, missing: Mask | None, has_local: bool) -> None:
        """Make `ts_local_ns` complete."""
        exchange = found.columns["ts_exchange_ns"]
        if self.feed is not None:
            found.columns["ts_local_ns"] = exchange + feed_latency_ns(self.feed, exchange)
        elif not has_local:
            found.columns["ts_local_ns"] = exchange
        else:
            found.columns["ts_local_ns"] = self._recorded_local(found, exchange, missing)

    def _order_local_time(self, found: Findings) -> None:
        """Make `ts_local_ns` monotone."""
        local = found.columns["ts_local_ns"]
        if _falls(local, self.local_ns):
            found.columns["ts_local_ns"] = np.maximum(local, _latest(local, found.alive, self.local_ns))
        self.local_ns = _last(found.kept("ts_local_ns"), self.local_ns)

    def _recorded_local(self, found: Findings, exchange: NDArray[np.int64], missing: Mask | None) -> NDArray[np.int64]:
        local = found.columns["ts_local_ns"]
        if missing is not None:
            repair = found.report(
                FaultKind.MISSING_LOCAL, missing, lambda _: "ts_local_ns is null, though other rows have local times"
            )
            # Nulls are 0, which would count as early. When times are made monotone, they become the latest known time.
            local = np.where(missing, exchange, local)
            found.suspect(repair)
        if int(local.max()) >= TIME_LIMIT_NS:
            found.report(
                FaultKind.OUT_OF_RANGE,
                local >= TIME_LIMIT_NS,
                lambda i: f"ts_local_ns is {local[i]}, after the year 2116: expected nanoseconds since 1970",
            )
        early = local < exchange
        if early.any():
            repair = found.report(
                FaultKind.LOCAL_BEFORE_EXCHANGE,
                early,
                lambda i: f"ts_local_ns {local[i]} is before the exchange's {exchange[i]}",
            )
            local = np.maximum(local, exchange)
            found.suspect(repair)
        return local

    def _check_sequence(self, found: Findings) -> None:
        """Compare each packet's sequence number with the one before.

        A feed may restart its count with a new day (UTC) or when it empties the book (a CLEAR of both sides); numbers
        of a snapshot are not compared with those before it.
        """
        sequence = found.columns["sequence"]
        flags, action = found.columns["flags"], found.columns["action"]
        # Rows of a packet share a number or follow on, and several packets may share one (CME): only a packet that
        # begins with a lower number, or repeats the row before it, is a duplicate.
        repeats = self._repeats(found.columns)
        begins = np.concatenate(([not self.is_packet_open], flags[:-1] & Flag.LAST != 0))
        self.is_packet_open = not int(flags[-1]) & Flag.LAST
        at = np.flatnonzero(sequence if found.alive is None else np.where(found.alive, sequence, 0))
        if not len(at):
            self.sequence = 0 if _emptied(found).any() else self.sequence
            return
        before = self._numbers_before(found, at)
        fresh = (flags & (Flag.SNAPSHOT | Flag.WINDOW) != 0) | (action == Action.CLEAR)
        compared = (before != 0) & (sequence != 0) & ~fresh
        gap = compared & (sequence > before + 1)
        again = compared & begins & ((sequence < before) | ((sequence == before) & repeats))
        for kind, bad in ((FaultKind.SEQUENCE_GAP, gap), (FaultKind.DUPLICATE, again)):
            if kind in self.policies:
                repair = found.report(kind, bad, lambda i: f"sequence is {sequence[i]}, it was {before[i]} before")
                found.suspect(repair)

    def _numbers_before(self, found: Findings, at: NDArray[np.intp]) -> NDArray[np.uint64]:
        """Return for each numbered row the number before it, 0 if the feed may have restarted its count between.

        Args:
            found: the rows.
            at: indices of the numbered rows, at least one.
        """
        columns, emptied = found.columns, _emptied(found)
        until = np.cumsum(emptied)  # up to and including each row
        days = columns["ts_exchange_ns"][at] // _DAY_NS
        numbers = columns["sequence"][at]
        previous = np.concatenate((np.array([self.sequence], np.uint64), numbers[:-1]))
        since = np.concatenate(([0], (until - emptied)[at[:-1]]))
        anew = (until[at] != since) | (days != np.concatenate(([self.sequence_day], days[:-1])))
        before = np.zeros(found.rows, np.uint64)
        before[at] = np.where(anew, 0, previous)
        self.sequence = 0 if until[-1] != (until - emptied)[at[-1]] else int(numbers[-1])
        self.sequence_day = int(days[-1])
        return before

    def _repeats(self, columns: Columns) -> Mask:
        """Return for each row whether it equals the one before it."""
        same = np.ones(len(columns["action"]), bool)
        for name in _IDENTITY:
            if name in columns:
                column = columns[name]
                same[1:] &= column[1:] == column[:-1]
                same[0] &= int(column[0]) == self.latest.get(name)
                self.latest[name] = int(column[-1])
        return same


def _emptied(found: Findings) -> Mask:
    """Return a mask of the rows that empty the book."""
    emptied: Mask = (found.columns["action"] == Action.CLEAR) & (found.columns["side"] == 0)
    return emptied if found.alive is None else emptied & found.alive


def segments(keep: Mask | None, rows: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches (begin, end) of consecutive kept rows."""
    if keep is None:
        yield 0, rows
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([False], keep, [False])).astype(np.int8)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(begin), int(end)


def _end_packets(found: Findings) -> bool:
    """Flag the last kept row of each packet whose end was skipped; return whether a packet has no kept row."""
    if found.alive is None:
        return False
    ended = ~found.alive & (found.columns["flags"] & Flag.LAST != 0)
    ended[found.stop :] = False
    kept = np.flatnonzero(found.alive)
    before = np.searchsorted(kept, np.flatnonzero(ended)) - 1
    if (before >= 0).any():
        found.writable("flags")[kept[before[before >= 0]]] |= np.uint8(Flag.LAST)
    return bool((before < 0).any())


def _falls(times: NDArray[np.int64], before: int) -> bool:
    return int(times[0]) < before or bool((times[1:] < times[:-1]).any())


def _last(times: NDArray[np.int64], otherwise: int) -> int:
    return int(times[-1]) if len(times) else otherwise


def _latest(times: NDArray[np.int64], alive: Mask | None, before: int) -> NDArray[np.int64]:
    """Return the latest time up to each row, skipped rows not counted."""
    if alive is not None:
        times = np.where(alive, times, np.int64(before))
    return np.maximum.accumulate(np.maximum(times, np.int64(before)))


def _is_null(name: str) -> Callable[[int], str]:
    return lambda _: f"{name} is null, expected a value"


def _action(columns: Columns, i: int) -> str:
    return Action(int(columns["action"][i])).name


def _bad_side(columns: Columns, i: int) -> str:
    sides = "+1 (bid) or -1 (ask)" if columns["action"][i] in _SIDED else "+1, -1 or 0"
    return f"side of {_action(columns, i)} is {columns['side'][i]}, expected {sides}"
