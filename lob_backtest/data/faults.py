"""The kinds of faults in market data, and the policies for them.

The reader finds the kinds that show in a row and those before it; the book finds the four that need its state, and
sides that differ from their orders'; `validate` looks for all of them. Each kind has a policy, and each fault is
counted in a `Tally`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from lob_backtest.errors import ConfigError


class Policy(StrEnum):
    """The treatment of faulty rows. Every one of them is counted."""

    FAIL = "fail"  # a DataError that names the row
    SKIP = "skip"  # the row is left out
    REPAIR = "repair"  # the row is corrected as described at its kind, and flagged SUSPECT
    KEEP = "keep"  # the row is handed over unchanged


class FaultKind(StrEnum):
    """The kinds of faults, and how `repair` corrects them."""

    # Found by the reader, in this order: a row that one kind skips is not checked for the later ones.
    FOREIGN_FILE = "foreign_file"  # a file of another instrument in the chain
    NULL = "null"  # no value in a column that must have one
    UNKNOWN_ACTION = "unknown_action"  # no such action, or not one of this level's
    BAD_SIDE = "bad_side"  # not +1, -1 or (TRADE, CLEAR, STATUS only) 0; found by the book: not the order's side
    ZERO_SIZE = "zero_size"  # of a row other than LEVEL, CLEAR and STATUS
    OUT_OF_RANGE = "out_of_range"  # a negative size; a price, size or time too large
    ZERO_ORDER_ID = "zero_order_id"  # an ADD without an id
    UNKNOWN_PHASE = "unknown_phase"  # a STATUS of no known phase
    OVERLAP = "overlap"  # a row of a file lies before the end of the file before it
    TIME_BACKWARDS = "time_backwards"  # exchange time falls; repair: the time of the row before
    MISSING_LOCAL = "missing_local"  # in a file that has local times; repair: the latest known time
    LOCAL_BEFORE_EXCHANGE = "local_before_exchange"  # repair: local = exchange
    SEQUENCE_GAP = "sequence_gap"  # numbers of the feed are missing; repair: only the flag
    DUPLICATE = "duplicate"  # a repeated packet, or one with a lower number than the one before it
    NO_LAST = "no_last"  # the data end within a packet; repair: the last row ends it
    # Found by the book.
    UNKNOWN_ORDER = "unknown_order"  # CANCEL, MODIFY or EXECUTE of an order that is not in the book
    DUPLICATE_ORDER = "duplicate_order"  # ADD of an order that is in the book
    OVERSIZE = "oversize"  # CANCEL or EXECUTE of more than the order has; repair: of all it has
    CROSSED = "crossed"  # best bid >= best ask at the end of a packet of the continuous phase


DEFAULT_POLICIES: Final[Mapping[FaultKind, Policy]] = MappingProxyType(
    {
        **dict.fromkeys(FaultKind, Policy.FAIL),
        FaultKind.NO_LAST: Policy.REPAIR,
        FaultKind.UNKNOWN_ORDER: Policy.SKIP,  # frequent in files of limited depth, and harmless to the book
        FaultKind.CROSSED: Policy.KEEP,  # own orders do not match while it lasts
        FaultKind.SEQUENCE_GAP: Policy.KEEP,
        FaultKind.DUPLICATE: Policy.KEEP,
    }
)
"""The policies of a run that sets none; kinds of `ON_REQUEST` are then not looked for."""

ON_REQUEST: Final = frozenset({FaultKind.SEQUENCE_GAP, FaultKind.DUPLICATE})
"""Kinds that are looked for only if a policy is given: most feeds number a channel, not an instrument."""

_SKIPPABLE = {Policy.FAIL, Policy.SKIP}
_ANY = set(Policy)
ALLOWED: Final[Mapping[FaultKind, frozenset[Policy]]] = MappingProxyType(
    {
        kind: frozenset(policies)
        for kind, policies in {
            **dict.fromkeys(FaultKind, _SKIPPABLE),
            FaultKind.FOREIGN_FILE: {Policy.FAIL},
            FaultKind.TIME_BACKWARDS: _SKIPPABLE | {Policy.REPAIR},
            FaultKind.MISSING_LOCAL: _SKIPPABLE | {Policy.REPAIR},
            FaultKind.LOCAL_BEFORE_EXCHANGE: _SKIPPABLE | {Policy.REPAIR},
            FaultKind.SEQUENCE_GAP: _ANY - {Policy.SKIP},
            FaultKind.DUPLICATE: _ANY - {Policy.REPAIR},
            FaultKind.NO_LAST: _ANY - {Policy.SKIP},
            FaultKind.OVERSIZE: _SKIPPABLE | {Policy.REPAIR},
            FaultKind.CROSSED: {Policy.KEEP},
        }.items()
    }
)
"""The possible policies of each kind."""

SAMPLES: Final = 5
"""Number of rows per kind that a tally keeps."""


class FaultSample(NamedTuple):
    """The place and exchange time of one of the first faulty rows of a kind."""

    path: str
    row: int
    ts_exchange_ns: int


class Tally:
    """The faults found, by kind.

    Attributes:
        counts: rows by kind and by policy, such as ``{"zero_size": {"skip": 3}}``.
        samples: the first rows of each kind, at most `SAMPLES`.
    """

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}
        self.samples: dict[str, list[FaultSample]] = {}

    def add(self, kind: FaultKind, policy: Policy, sample: FaultSample, count: int = 1) -> None:
        """Count rows of one kind.

        Args:
            kind: of the fault.
            policy: the one applied.
            sample: the first of the rows; kept if it is among the first of its kind.
            count: number of rows.
        """
        by_policy = self.counts.setdefault(str(kind), {})
        by_policy[str(policy)] = by_policy.get(str(policy), 0) + count
        samples = self.samples.setdefault(str(kind), [])
        if len(samples) < SAMPLES:
            samples.append(sample)

    def remember(self, kind: FaultKind, sample: FaultSample) -> None:
        """Keep one more sample of a kind that `add` has counted."""
        samples = self.samples[str(kind)]
        if len(samples) < SAMPLES:
            samples.append(sample)

    def total(self, policy: Policy | None = None) -> int:
        """Return the number of faults of all kinds, or of those under one policy."""
        return sum(n for by in self.counts.values() for done, n in by.items() if policy is None or done == policy)


def resolve_policies(given: Mapping[str, str] | None) -> dict[FaultKind, Policy]:
    """Complete a run's policies with the defaults.

    Args:
        given: policy by kind, as in the ``[data.policies]`` table of a config; names of `FaultKind` and `Policy`.

    Returns:
        The policy of every kind that is looked for.

    Raises:
        ConfigError: a kind or policy is unknown, or the policy is not possible for the kind.
    """
    policies = {kind: policy for kind, policy in DEFAULT_POLICIES.items() if kind not in ON_REQUEST}
    for name, value in (given or {}).items():
        if name not in set(FaultKind):
            raise ConfigError(f"data.policies: no kind {name!r}; {_suggest(name, FaultKind)}")
        kind = FaultKind(name)
        if value not in ALLOWED[kind]:
            allowed = ", ".join(sorted(ALLOWED[kind]))
            raise ConfigError(f"data.policies.{name}: {value!r} is not possible; expected one of: {allowed}")
        policies[kind] = Policy(value)
    return policies


def _suggest(name: str, names: type[StrEnum]) -> str:
    close = difflib.get_close_matches(name, [str(known) for known in names], n=1)
    return f"did you mean {close[0]!r}?" if close else "expected one of: " + ", ".join(names)
