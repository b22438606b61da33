"""How long the messages of one account took: percentiles by kind, and those of the feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lob_backtest.contract.output import PERCENTILES
from lob_backtest.contract.tables import UpdateKind
from lob_backtest.report.metrics.histogram import Histogram
from lob_backtest.report.metrics.stretches import Ints, Stretches

ANSWERS: Final = {
    "new": (UpdateKind.ACCEPTED, UpdateKind.REJECTED),
    "replace": (UpdateKind.REPLACED, UpdateKind.REPLACE_REJECTED),
    "cancel": (UpdateKind.CANCELLED, UpdateKind.CANCEL_REJECTED),
}
"""The updates that answer each kind of request."""


@dataclass(frozen=True, slots=True)
class LatencyMetrics:
    """The latencies of one kind of message.

    Attributes:
        kind: "new", "replace", "cancel", "response" or "feed".
        percentiles_ns: by the names of `PERCENTILES`, of messages that arrived: the smallest latency that so many do
            not exceed.
    """

    kind: str
    percentiles_ns: dict[str, int]


def measure_latencies(orders: Stretches, feed_ns: Mapping[str, int]) -> tuple[LatencyMetrics, ...]:
    """Measure the latencies of an account, waiting for earlier messages included; kinds without messages are left out.

    Args:
        orders: its updates.
        feed_ns: percentiles of local minus exchange time of the feed; empty if unknown.
    """
    found = {kind: Histogram() for kind in (*ANSWERS, "response")}
    for part in orders.read("kind", "ts_sent_ns", "ts_exchange_ns", "ts_local_ns"):
        arrived = part["has_ts_exchange_ns"]
        for kind, answers in ANSWERS.items():
            rows = arrived & part["has_ts_sent_ns"] & np.isin(part["kind"], answers)
            found[kind].add((part["ts_exchange_ns"] - part["ts_sent_ns"])[rows])
        found["response"].add((part["ts_local_ns"] - part["ts_exchange_ns"])[arrived])
    counted = {kind: each.read()[:2] for kind, each in found.items()}
    measured = [LatencyMetrics(kind, _percentiles(*each)) for kind, each in counted.items() if len(each[0])]
    return (*measured, LatencyMetrics("feed", dict(feed_ns))) if feed_ns else tuple(measured)


def _percentiles(values: Ints, counts: Ints) -> dict[str, int]:
    """Return percentiles of different values, rising, and the count of each."""
    total = np.cumsum(counts)
    ranks = {name: -(-int(total[-1]) * share // 100) for name, share in PERCENTILES.items()}
    return {name: int(values[np.searchsorted(total, rank)]) for name, rank in ranks.items()}
