"""Sort packets of several streams by exchange time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, NamedTuple

HOLD_NS: Final = 10_000_000_000
"""How long a packet is held for earlier ones that were received later, in nanoseconds of exchange time."""

Row = tuple[int, int, int, int, int]
"""Action, side, price in ticks, size in lots, flags beside those of its packet."""


class FeedPacket(NamedTuple):
    """Rows of one message; packets compare in the order in which they are written.

    Attributes:
        ts_ns: exchange time.
        rank: order within one time: prints (0) before levels (1).
        number: of the packet, as received.
        local_ns: time of receipt.
        sequence: its number in the feed.
        flags: of every row.
        rows: its rows.
    """

    ts_ns: int
    rank: int
    number: int
    local_ns: int
    sequence: int
    flags: int
    rows: tuple[Row, ...]


class TimeOrder:
    """Sort a stream of packets by time, holding each for `HOLD_NS`.

    Attributes:
        late: number of packets later than `HOLD_NS`, which get the time of the one before; expected to be 0.
    """

    def __init__(self) -> None:
        self.late = 0
        self._heap: list[FeedPacket] = []
        self._newest_ns = 0
        self._released_ns = 0

    def add(self, packet: FeedPacket) -> Iterator[FeedPacket]:
        """Add a packet, and yield the packets whose holding time has ended."""
        if packet.ts_ns < self._released_ns:
            self.late += 1
            packet = packet._replace(ts_ns=self._released_ns)
        heapq.heappush(self._heap, packet)
        self._newest_ns = max(self._newest_ns, packet.ts_ns)
        while self._heap and self._heap[0].ts_ns < self._newest_ns - HOLD_NS:
            yield self._release()

    def rest(self) -> Iterator[FeedPacket]:
        """Yield the remaining packets."""
        while self._heap:
            yield self._release()

    def _release(self) -> FeedPacket:
        packet = heapq.heappop(self._heap)
        self._released_ns = packet.ts_ns
        return packet
