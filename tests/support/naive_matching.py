"""The exchange's side of a run, written from docs/fill-model.md in the plainest way, to compare the engines with.

It shares no code with them and keeps nothing that it can compute: a position on L2 is found by replaying everything
that ever moved it, queues are lists scanned from the start. Docstrings name the paragraph of the page. This module has
what L2 and L3 share: requests, the state of the book, and who fills; `naive_simulator` has the queues.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from lob_backtest.config.queue_models import log
from lob_backtest.contract.queue_grid import grid
from lob_backtest.contract.rows import Action, Flag, Phase

GRID, LOG = grid(), log().values
UNIT = 1 << 20  # positions on L2 are counted in 2^-20 lot
Row = tuple[int, ...]  # ts_exchange_ns, action, side, order_id, price_ticks, size_lots, flags, phase
Key = tuple[int, int]  # side of the resting orders, price


class Request(NamedTuple):
    """What the strategy sends: kind is new, replace or cancel."""

    ts_sent_ns: int
    kind: str
    order: str
    side: int = 0
    price_ticks: int | None = None
    size_lots: int = 0
    tif: str = "GTC"
    post_only: bool = False


class Fill(NamedTuple):
    ts_ns: int
    order: str
    price_ticks: int
    size_lots: int
    cause: str
    ts_traded_ns: int | None
    tainted: bool


class Answer(NamedTuple):
    ts_ns: int
    order: str
    kind: str
    reason: str
    state: str
    queue_ahead_lots: int | None


class Simulated(NamedTuple):
    fills: list[Fill]
    answers: list[Answer]
    ahead: dict[str, int | None]  # of the orders that rest at the end


@dataclass(eq=False)
class Own:
    """An own order. `start` is its position when it got its place, None while unknown; L3 keeps `ahead` instead."""

    name: str
    side: int
    price: int
    size: int
    tif: str
    post_only: bool
    filled: int = 0
    place: int = 0
    waiting: bool = False
    frozen: bool = False
    start: int | None = None
    swept: bool = False  # a print went through its price
    moves: list[Any] = field(default_factory=list)
    passed: dict[Fall, int] = field(default_factory=dict)
    ahead_at_arrival: int | None = None
    ahead: dict[int, int] | None = None

    @property
    def open(self) -> int:
        return self.size - self.filled

    def betters(self, price: int) -> bool:
        """Return whether the order's price is strictly better than another one on its side."""
        return self.side * self.price > self.side * price


def log_weight(length: int) -> int:
    """Return the weight of a part of a queue, straight between the lengths of the grid."""
    at = bisect_right(GRID, length) - 1
    if at == len(GRID) - 1:
        return LOG[at]
    part = Fraction(length - GRID[at], GRID[at + 1] - GRID[at])
    return LOG[at] + math.floor((LOG[at + 1] - LOG[at]) * part)


@dataclass(eq=False)
class Fall:
    """A LEVEL row to a smaller size; without `model` it moves nobody but for the cap (after a CLEAR)."""

    ts: int
    place: int
    old: int
    new: int
    explained: int
    queue: str
    model: bool = True
    late: int = 0

    @property
    def unexplained(self) -> int:
        return self.old - self.new - self.explained - self.late

    def after(self, ahead: int) -> int:
        """A LEVEL row: `ahead = min(new, model(ahead, old, new, e))`."""
        left = self.old - self.explained - self.late
        if self.model and self.unexplained > 0 and self.queue == "proportional":
            ahead = ahead * self.new // left
        elif self.model and self.unexplained > 0 and self.queue == "weighted":
            front, back = (log_weight(length) for length in (ahead, max(0, left * UNIT - ahead)))
            share = Fraction((left - self.new) * UNIT * front, front + back) if ahead else 0
            ahead = max(0, ahead - math.floor(share + Fraction(1, 2)))
        return min(ahead, self.new * UNIT)


class Exchange:
    """What L2 and L3 have in common: requests, who fills in what state, packets."""

    def __init__(self, latencies: tuple[int, int], taint_ns: int, evidence: bool, hidden_any_side: bool) -> None:
        self.entry_ns, self.response_ns = latencies
        self.taint_ns = taint_ns
        self.evidence, self.hidden_any_side = evidence, hidden_any_side
        self.own: list[Own] = []  # resting, in price-time order at each price: the youngest place last
        self.fills: list[Fill] = []
        self.answers: list[Answer] = []
        self.phase: int = Phase.CONTINUOUS
        self.bad = False
        self.suspect_until: int | None = None
        self.cleared: dict[int, Any] = {}  # side: what is remembered of it from before the CLEAR
        self.gone: dict[str, tuple[int, str]] = {}  # when an order was over, and how
        self.told_ns: dict[str, int] = {}  # when the answer to an order's last replace is known
        self.places = 0
        self.now = 0
        self.behind: list[Row] = []  # rows of the packet behind the current one

    # What a level of detail has to say; sides are those of the resting orders.
    def displayed(self, side: int) -> dict[int, int]:
        raise NotImplementedError

    def chunks(self, side: int, price: int) -> list[int]:
        raise NotImplementedError

    def take(self, side: int, price: int, size: int) -> None:
        raise NotImplementedError

    def join(self, own: Own) -> None:
        raise NotImplementedError

    def ahead(self, own: Own) -> int | None:
        raise NotImplementedError

    def untaken_ahead(self, own: Own) -> int:
        raise NotImplementedError

    def apply(self, row: Row) -> None:
        raise NotImplementedError

    def settle(self) -> None:
        raise NotImplementedError

    def packet_order(self, packet: list[Row]) -> list[Row]:
        return packet

    def run(self, rows: Sequence[Row], requests: Sequence[Request]) -> Simulated:
        """Time: market rows before own requests at one nanosecond, requests in the order in which they were sent."""
        waiting = sorted(requests, key=lambda request: request.ts_sent_ns)
        for packet in map(self.packet_order, packets(rows)):
            for k, row in enumerate(packet):
                while waiting and waiting[0].ts_sent_ns + self.entry_ns < row[0]:
                    self.request(waiting.pop(0))
                self.now, self.behind = row[0], packet[k + 1 :]
                if row[6] & Flag.SUSPECT:
                    self.suspect_until = self.now + self.taint_ns
                if row[1] == Action.STATUS:
                    self.phase = row[7]
                self.apply(row)
            self.end_packet(packet[-1][6])
        for request in waiting:
            self.request(request)
        return Simulated(self.fills, self.answers, {own.name: self.ahead(own) for own in self.own})

    def mode(self, row: Row | None = None) -> str:
        """A bad book: closed (nothing matches), bad (prints at worse prices fill) or good."""
        if self.phase != Phase.CONTINUOUS:
            return "closed"
        return "bad" if self.bad or (row is not None and row[6] & Flag.SUSPECT) else "good"

    def end_packet(self, last_flags: int) -> None:
        """A bad book: judged at the end of each packet; then the waiting orders take, then rule 5."""
        bids, asks = self.displayed(1), self.displayed(-1)
        self.bad = bool(last_flags & Flag.SUSPECT) or bool(bids and asks and max(bids) >= min(asks))
        self.settle()
        if self.mode() != "good":
            return
        for own in list(self.own):
            if own.waiting and -own.side not in self.cleared:
                own.waiting = False
                self.trade(own)
        for own in sorted(self.own, key=lambda own: (-own.side, -own.side * own.price, own.place)):
            if not own.waiting:
                self.cross(own)

    def cross(self, own: Own) -> None:
        """Rule 5: the opposite side stands at or through an own order: it fills, at its own price."""
        for price, size in list(self.within(own.side, own.price)):
            part = min(size, own.open)
            if part > 0:
                self.take(-own.side, price, part)
                self.fill(own, own.price, part, "cross")

    def fill(self, own: Own, price: int, size: int, cause: str, ts_traded: int | None = None) -> int:
        """Every fill records its cause; return what was filled."""
        size = min(size, own.open)
        if size <= 0:
            return 0
        tainted = self.bad_now or (self.suspect_until is not None and self.now <= self.suspect_until)
        self.fills.append(Fill(self.now, own.name, price, size, cause, ts_traded, tainted))
        own.filled += size
        if own.open == 0:
            self.leave(own, "filled")
        return size

    def leave(self, own: Own, state: str) -> None:
        """Take an order off: it is filled, cancelled, refused or has expired."""
        self.own = [each for each in self.own if each is not own]
        self.gone[own.name] = (self.now, state)

    bad_now = False

    def standing(self, side: int, price: int) -> list[Own]:
        """Return own orders at a price, oldest place first."""
        return sorted((o for o in self.own if (o.side, o.price) == (side, price)), key=lambda o: o.place)

    def better(self, side: int, price: int) -> list[Own]:
        """Return own orders at strictly better prices, best price first, then the oldest place."""
        found = [o for o in self.own if o.side == side and o.betters(price)]
        return sorted(found, key=lambda o: (-side * o.price, o.place))

    def fill_through(self, row: Row, size: int, cause: str, fall: Fall | None = None) -> int:
        """Rule 1: own orders at better prices fill first; in a bad book only they do. Return what is left."""
        mode = self.mode(row)
        if mode == "closed":
            return size
        self.bad_now = mode == "bad"
        for own in self.better(row[2], row[4]):
            if fall is None or own.place <= fall.place:
                size -= self.fill(own, own.price, size, cause, fall.ts if fall else None)
        self.bad_now = False
        return size

    def hidden(self, row: Row) -> None:
        """Rule 4: a hidden print fills better prices, and at its price those with nothing ahead."""
        if row[6] & Flag.AUCTION or (row[2] == 0 and not self.hidden_any_side):
            return
        left = row[5]
        for side in (row[2],) if row[2] else (1, -1):
            left = self.fill_through((*row[:2], side, *row[3:]), left, "hidden")
            if self.mode(row) == "good":
                for own in self.standing(side, row[4]):
                    if self.ahead(own) == 0:
                        left -= self.fill(own, own.price, left, "hidden")

    def within(self, side: int, limit: int | None) -> Iterator[tuple[int, int]]:
        """Orders that take: what is available to an order of a side within its limit, best price first."""
        for price in sorted(self.displayed(-side), reverse=side < 0):
            if limit is None or side * price <= side * limit:
                for size in self.chunks(-side, price):
                    yield price, size

    def trade(self, own: Own, market: bool = False) -> None:
        """An order walks what is available within its limit, a fill per level (L2) or per market order (L3)."""
        limit = None if market else own.price
        before = self.before_own(own.side, limit)
        for price, size in list(self.within(own.side, limit)):
            part = min(size, own.open, before)
            before -= part
            if part > 0:
                self.take(-own.side, price, part)
                self.fill(own, price, part, "take")

    def refusal(self, own: Own, price: int | None, size: int) -> str:
        """Why a new or replaced order is refused as a whole."""
        if self.phase != Phase.CONTINUOUS:
            return "halted"
        takes = self.mode() == "good" and -own.side not in self.cleared
        if own.post_only:
            best = [p for p in self.displayed(-own.side) if price is None or own.side * p <= own.side * price]
            if self.before_own(own.side, price) > 0 if takes else best:
                return "post_only"
            if self.met(own.side, price) is not None:
                return "self_trade"
        return ""

    def met(self, side: int, limit: int | None) -> Own | None:
        """The own order of the other side that an order within a limit would meet first."""
        others = [o for o in self.own if o.side == -side and (limit is None or side * o.price <= side * limit)]
        return min(others, key=lambda o: (side * o.price, o.place), default=None)

    def before_own(self, side: int, limit: int | None) -> int:
        """The lots available within a limit that stand before the first own order there."""
        first = self.met(side, limit)
        lots = 0
        for price in dict.fromkeys(price for price, _ in self.within(side, limit)):
            here = sum(self.chunks(-side, price))
            if first is None or side * price < side * first.price:
                lots += here
            elif price == first.price:
                lots += min(here, self.untaken_ahead(first))
        return lots

    def request(self, request: Request) -> None:
        """Own requests at the exchange."""
        self.now = request.ts_sent_ns + self.entry_ns
        if request.kind == "new":
            self.new(request)
            return
        own = next((o for o in self.own if o.name == request.order), None)
        if own is None:
            gone_ns, how = self.gone[request.order]
            known_ns = gone_ns + self.response_ns
            if how == "filled":  # a replace on its way may have made it larger, until the answer
                known_ns = max(known_ns, self.told_ns.get(request.order, 0))
            if request.ts_sent_ns < known_ns:  # else nothing is sent
                self.answer(request.order, f"{request.kind}_rejected", "too_late")
        elif request.kind == "cancel":
            self.leave(own, "cancelled")
            self.answer(own.name, "cancelled")
        else:
            self.replace(own, request)

    def answer(self, name: str, kind: str, reason: str = "none", ahead: int | None = None) -> None:
        over = self.gone.get(name)
        if kind.startswith("replace"):
            self.told_ns[name] = self.now + self.response_ns
        self.answers.append(Answer(self.now, name, kind, reason, over[1] if over else "live", ahead))

    def new(self, request: Request) -> None:
        """Orders that take: limit GTC rests, IOC and market die, FOK is all or nothing, post-only is refused."""
        market = request.price_ticks is None
        own = Own(
            request.order, request.side, request.price_ticks or 0, request.size_lots, request.tif, request.post_only
        )
        reason = self.refusal(own, request.price_ticks, own.size)
        if reason:
            self.leave(own, "rejected")
            self.answer(own.name, "rejected", reason)
            return
        self.arrive(own, "accepted", market)

    def replace(self, own: Own, request: Request) -> None:
        """Replace: the size is the total; same price and no larger keeps the place, anything else arrives anew."""
        assert request.price_ticks is not None
        if request.size_lots <= own.filled:
            self.leave(own, "cancelled")
            self.answer(own.name, "cancelled")
            return
        if request.price_ticks == own.price and request.size_lots <= own.size:
            own.size = request.size_lots
            self.answer(own.name, "replaced", "none", own.ahead_at_arrival)
            return
        reason = self.refusal(own, request.price_ticks, request.size_lots - own.filled)
        if reason:
            self.answer(own.name, "replace_rejected", reason)
            return
        self.own.remove(own)
        own.price, own.size = request.price_ticks, request.size_lots
        self.arrive(own, "replaced", False)

    def arrive(self, own: Own, kind: str, market: bool) -> None:
        """An arriving order takes what it can; what is left of a GTC order rests, behind what is displayed."""
        rests = own.tif == "GTC" and not market
        takes = self.mode() == "good" and -own.side not in self.cleared
        limit = None if market else own.price
        available = self.before_own(own.side, limit) if takes else 0
        ends = (takes or rests) and available < own.open and self.met(own.side, limit) is not None
        rests = rests and not ends
        self.places += 1
        own.place, own.moves, own.passed, own.frozen = self.places, [], {}, False
        own.waiting, own.swept = not takes and not own.post_only, False
        self.join(own)
        own.ahead_at_arrival = self.ahead(own) if rests and available < own.open else None
        self.answer(own.name, kind, "none", own.ahead_at_arrival)
        if takes and not (own.tif == "FOK" and available < own.open):
            self.trade(own, market=market)
        if own.open and rests:
            self.own.append(own)
        elif own.open:
            self.leave(own, "expired")
            self.answer(own.name, "expired", "self_trade" if ends else "none")


def packets(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the rows up to each LAST."""
    packet: list[Row] = []
    for row in rows:
        packet.append(row)
        if row[6] & Flag.LAST:
            yield packet
            packet = []
