"""The queues of the naive simulator, L2 and L3, and `simulate`, which runs rows and requests through it.

See `naive_matching` for what it is. Feeds of limited depth are simulated on L2 only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from naive_matching import UNIT, Exchange, Fall, Own, Request, Row, Simulated

from lob_backtest.contract.rows import Action, Flag

Key = tuple[int, int]  # side of the resting orders, price


@dataclass
class Level:
    """One price of an L2 book. `moves` is all that ever moved the taken lots."""

    displayed: int = 0
    prints: list[tuple[int, int]] = field(default_factory=list)  # time, size: printed since the last LEVEL row
    falls: list[Fall] = field(default_factory=list)
    moves: list[Any] = field(default_factory=list)
    packet_prints: int = 0  # printed in this packet since its last LEVEL row
    packet_ts: int | None = None
    frozen: bool = False


class Levels(Exchange):
    """Resting orders on L2."""

    def __init__(self, depth: int, queue: str, late_level_ns: int, late_print_ns: int, **options: Any) -> None:
        super().__init__(**options)
        self.depth, self.queue = depth, queue
        self.late_level_ns, self.late_print_ns = late_level_ns, late_print_ns
        self.levels: dict[Key, Level] = {}

    def level(self, side: int, price: int) -> Level:
        return self.levels.setdefault((side, price), Level())

    def displayed(self, side: int) -> dict[int, int]:
        return {p: level.displayed for (s, p), level in self.levels.items() if s == side and level.displayed > 0}

    def printed(self, level: Level) -> int:
        """Printed: the lots printed since the last LEVEL row; each print counts for at most `late_level`."""
        return sum(size for ts, size in level.prints if self.now - ts <= self.late_level_ns)

    def taken(self, level: Level) -> int:
        """T is the position of an order behind the taken lots, judged again from the start."""
        taken = 0
        for move, value in level.moves:
            if move == "take":
                taken += value * UNIT
            elif move == "cap":
                taken = min(taken, value * UNIT)
            else:
                taken = value.after(taken)
        return taken

    def chunks(self, side: int, price: int) -> list[int]:
        """Available is ⌊displayed - T - printed⌋, nothing on a side that a CLEAR has emptied."""
        level = self.level(side, price)
        available = ((level.displayed - self.printed(level)) * UNIT - self.taken(level)) // UNIT
        return [available] if available > 0 and side not in self.cleared else []

    def take(self, side: int, price: int, size: int) -> None:
        self.level(side, price).moves += [("take", size), ("cap", self.level(side, price).displayed)]

    def shown(self, side: int, price: int) -> bool:
        """Windows: whether a price is within the depth that the feed shows."""
        prices = self.displayed(side)
        return self.depth == 0 or len(prices) < self.depth or any(side * p <= side * price for p in prices)

    def join(self, own: Own) -> None:
        """An own order joins behind `max(0, displayed - printed)`."""
        level = self.level(own.side, own.price)
        own.frozen = not self.shown(own.side, own.price)
        unknown = own.frozen or own.side in self.cleared
        own.start = None if unknown else max(0, level.displayed - self.printed(level)) * UNIT

    def replay(self, own: Own) -> tuple[int, dict[int, int], dict[Fall, int]]:
        """Find a position again: where it is, how far each flow passed beyond it, where it was before each fall."""
        assert own.start is not None
        at, beyond, before = own.start, {}, {}
        for k, (move, value) in enumerate(own.moves):
            if move == "flow":
                lots, could_match = value
                beyond[k] = max(0, lots * UNIT - at) if could_match else 0
                at = max(0, at - lots * UNIT)
            elif move == "fall":
                at = before[value] = max(0, at - own.passed.get(value, 0) * UNIT)
                at = value.after(at)
            else:
                at = min(at, value * UNIT)
        return at, beyond, before

    def ahead(self, own: Own) -> int | None:
        """What a strategy reads is rounded up to whole lots."""
        if own.start is None or own.frozen:
            return None
        return -(-self.replay(own)[0] // UNIT)

    def untaken_ahead(self, own: Own) -> int:
        """Own orders that meet: the lots ahead of one that own orders have not taken."""
        if own.start is None:
            return 0
        return -(-max(0, self.replay(own)[0] - self.taken(self.level(own.side, own.price))) // UNIT)

    def queue_at(self, side: int, price: int) -> list[Own]:
        """Own orders at a price whose place in the queue is known and shown, oldest first."""
        return [own for own in self.standing(side, price) if own.start is not None and not own.frozen]

    def packet_order(self, packet: list[Row]) -> list[Row]:
        """Prints before levels, within one exchange time; a STATUS row is not passed."""
        groups: list[list[Row]] = [[]]
        for row in packet:
            if row[1] == Action.STATUS or (groups[-1] and groups[-1][-1][0] != row[0]):
                groups.append([])
            groups[-1].append(row)
            if row[1] == Action.STATUS:
                groups.append([])
        return [row for group in groups for row in sorted(group, key=lambda row: row[1] != Action.TRADE)]

    def apply(self, row: Row) -> None:
        _, action, side, _, price, _, flags, _ = row
        if action == Action.TRADE and flags & Flag.HIDDEN:
            self.hidden(row)
        elif action == Action.TRADE and side != 0 and not flags & Flag.AUCTION:
            self.print(row)
        elif action == Action.LEVEL:
            self.show(self.level(side, price), row)
        elif action == Action.CLEAR:
            for each in (side,) if side else (1, -1):
                self.clear(each)

    def show(self, level: Level, row: Row) -> None:
        """A LEVEL row from `old` to `new` lots."""
        _, _, side, _, price, new, flags, _ = row
        old, printed = level.displayed, self.printed(level)
        level.displayed, level.prints, level.packet_prints = new, [], 0
        if flags & Flag.WINDOW:
            level.falls = []
        elif new < old and side not in self.cleared:
            self.fall(side, price, (old, new, min(printed, old - new)), model=True)

    def fall(self, side: int, price: int, sizes: tuple[int, int, int], model: bool) -> None:
        """Keep a fall for late prints, and move own orders and the taken lots by it."""
        fall = Fall(self.now, self.places, *sizes, self.queue, model)
        level = self.level(side, price)
        if fall.unexplained > 0 and self.late_print_ns > 0:
            level.falls.append(fall)
        level.moves.append(("fall", fall))
        for own in self.queue_at(side, price):
            own.moves.append(("fall", fall))

    def print(self, row: Row) -> None:
        """A print of `q` lots at a price is split once: new (its own packet shows it), late, new."""
        _, _, side, _, price, size, _, _ = row
        level = self.level(side, price)
        late: list[tuple[Fall, int]] = []
        earlier = level.packet_prints if level.packet_ts == self.now else 0
        if side not in self.cleared:
            behind = [r for r in self.behind if r[0] == row[0]]
            levels = [r for r in behind if r[1] == Action.LEVEL and not r[6] & Flag.WINDOW]
            low = [r[5] for r in levels if (r[2], r[4]) == (side, price)]
            low += [0 for r in behind if r[1] == Action.CLEAR and r[2] in (0, side)]
            left = size - min(size, max(0, level.displayed - min(low) - earlier) if low else 0)
            for fall in level.falls:
                part = min(left, fall.unexplained) if self.now - fall.ts <= self.late_print_ns else 0
                late += [(fall, part)] if part > 0 else []
                left -= part
        level.packet_prints, level.packet_ts = earlier + size, self.now
        for fall, part in late:
            self.late_flow(row, fall, part)
        self.new_flow(row, size - sum(part for _, part in late))

    def new_flow(self, row: Row, size: int) -> None:
        """New flow fills better prices, passes along the queue at its price, and empties better levels."""
        ts, _, side, _, price, _, _, _ = row
        if size <= 0:
            return
        left = self.fill_through(row, size, "through")
        good = self.mode(row) == "good"
        for own in self.queue_at(side, price):
            reach = left * UNIT - self.replay(own)[0]
            own.moves.append(("flow", (left, good)))
            if good:
                left -= self.fill(own, own.price, max(0, reach) // UNIT, "queue")
        self.level(side, price).prints.append((ts, size))
        for better in self.displayed(side):
            if side * better > side * price:
                self.level(side, better).prints = [(ts, self.level(side, better).displayed)]
        for own in self.better(side, price):
            own.swept = True
            own.moves.append(("cap", 0))

    def late_flow(self, row: Row, fall: Fall, size: int) -> None:
        """Late flow meets the orders that stood when the level fell, in the queue as it was before the fall."""
        left = self.fill_through(row, size, "through", fall)
        stood = [own for own in self.queue_at(row[2], row[4]) if ("fall", fall) in own.moves]
        found = {own.name: self.replay(own) for own in stood}
        fall.late += size
        for own in stood:
            _, beyond_then, before = found[own.name]
            reach = max(0, left * UNIT - before[fall])
            own.passed[fall] = own.passed.get(fall, 0) + left
            _, beyond_now, _ = self.replay(own)
            reach += sum(max(0, beyond_now[k] - beyond_then[k]) for k in beyond_now)
            if self.mode(row) == "good":
                left -= self.fill(own, own.price, min(reach, left * UNIT) // UNIT, "queue", fall.ts)

    def clear(self, side: int) -> None:
        """A CLEAR drops `printed` and all falls of its side."""
        if side not in self.cleared:
            self.cleared[side] = {p: (n, self.printed(self.level(side, p))) for p, n in self.displayed(side).items()}
        for (each, _), level in self.levels.items():
            if each == side:
                level.displayed, level.prints, level.falls, level.packet_prints = 0, [], [], 0

    def settle(self) -> None:
        """Snapshots: positions are set once the side is shown again. Windows: prices are shown again or no more."""
        for level in self.levels.values():
            level.packet_prints = 0
        for side in [side for side in self.cleared if self.displayed(side)]:
            self.shown_again(side, self.cleared.pop(side))
        for own in (own for own in self.own if own.side not in self.cleared):
            shown, displayed = self.shown(own.side, own.price), self.level(own.side, own.price).displayed
            if own.frozen and shown:
                at = self.first_known(own, displayed) if own.start is None else self.replay(own)[0]
                own.start, own.moves, own.passed = min(at, displayed * UNIT), [], {}
            own.frozen = not shown
        for (side, price), level in ((key, level) for key, level in self.levels.items() if key[0] not in self.cleared):
            shown = self.shown(side, price)
            if level.frozen and shown:
                level.moves.append(("cap", level.displayed))
            level.frozen = not shown

    def first_known(self, own: Own, displayed: int) -> int:
        """An order of unknown place joins behind all that is displayed, unless a print went through its price."""
        return own.start if own.start is not None else 0 if own.swept else displayed * UNIT

    def shown_again(self, side: int, before: dict[int, tuple[int, int]]) -> None:
        """A level that shows less than before the CLEAR counts as a fall, for which no model is applied."""
        for price in {price for each, price in self.levels if each == side}:
            level = self.level(side, price)
            old, printed = before.get(price, (0, 0))
            if not self.shown(side, price):
                continue
            if level.displayed < old:
                self.fall(side, price, (old, level.displayed, min(printed, old - level.displayed)), model=False)
            else:
                level.moves.append(("cap", level.displayed))
            for own in self.standing(side, price):
                own.start = self.first_known(own, level.displayed)
                own.moves.append(("cap", level.displayed))


class Orders(Exchange):
    """Resting orders on L3."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.queues: dict[Key, list[list[int]]] = {}  # order id and size, oldest first
        self.taken: dict[Key, int] = {}

    def displayed(self, side: int) -> dict[int, int]:
        return {p: sum(n for _, n in queue) for (s, p), queue in self.queues.items() if s == side and queue}

    def covered(self, key: Key) -> dict[int, int]:
        """T is one number: what of it falls on each order, the first lots in time order."""
        left, found = self.taken.get(key, 0), {}
        for order, size in self.queues.get(key, []):
            found[order] = min(size, left)
            left -= found[order]
        return found

    def chunks(self, side: int, price: int) -> list[int]:
        """Available is displayed - T, order by order."""
        if side in self.cleared:
            return []
        covered = self.covered((side, price))
        return [size - covered[order] for order, size in self.queues[side, price] if size > covered[order]]

    def take(self, side: int, price: int, size: int) -> None:
        self.taken[side, price] = self.taken.get((side, price), 0) + size

    def join(self, own: Own) -> None:
        """Ahead are all orders of the market at the price that arrived before."""
        unknown = own.side in self.cleared
        own.ahead = None if unknown else dict(map(tuple, self.queues.get((own.side, own.price), [])))

    def ahead(self, own: Own) -> int | None:
        return None if own.ahead is None else sum(own.ahead.values())

    def untaken_ahead(self, own: Own) -> int:
        """Own orders that meet: the lots ahead of one that own orders have not taken."""
        return max(0, (self.ahead(own) or 0) - self.taken.get((own.side, own.price), 0))

    def find(self, order: int) -> tuple[Key, int] | None:
        return next(((key, n) for key, queue in self.queues.items() for each, n in queue if each == order), None)

    def apply(self, row: Row) -> None:
        _, action, side, order, price, size, flags, _ = row
        if action == Action.ADD:
            self.queues.setdefault((side, price), []).append([order, size])
        elif action == Action.TRADE and flags & Flag.HIDDEN:
            self.hidden(row)
        elif action == Action.CLEAR:
            for each in (side,) if side else (1, -1):
                self.clear(each)
        elif action in (Action.CANCEL, Action.MODIFY, Action.EXECUTE):
            found = self.find(order)
            assert found is not None, f"order {order} is not there"
            key, old = found
            if action == Action.EXECUTE:
                self.execute((*row[:2], key[0], order, key[1], *row[5:]))
                self.reduce(key, order, old - size, leaves_taken=not flags & Flag.AUCTION)
            elif action == Action.CANCEL or (price == key[1] and size <= old):
                self.reduce(key, order, old - size if action == Action.CANCEL else size, leaves_taken=False)
            else:
                self.reduce(key, order, 0, leaves_taken=False)
                self.queues.setdefault((key[0], price), []).append([order, size])

    def reduce(self, key: Key, order: int, new: int, leaves_taken: bool) -> None:
        """L3: an execution leaves T; a cancel takes off it only what it covered of the order beyond its new size."""
        if not leaves_taken:
            self.taken[key] = self.taken.get(key, 0) - max(0, self.covered(key)[order] - new)
        self.queues[key] = [[each, new if each == order else n] for each, n in self.queues[key] if each != order or new]
        self.taken[key] = min(self.taken.get(key, 0), sum(n for _, n in self.queues[key]))
        for own in self.standing(*key):
            if own.ahead and order in own.ahead and key[0] not in self.cleared:
                own.ahead[order] = min(own.ahead[order], new)
                if new == 0:
                    del own.ahead[order]

    def execute(self, row: Row) -> None:
        """An order of the market executes: own orders older than it with nothing left ahead fill."""
        if row[6] & Flag.AUCTION:
            return
        left = self.fill_through(row, row[5], "through")
        evidence = self.evidence and row[2] not in self.cleared  # in the midst of a snapshot nobody knows who is older
        if self.mode(row) == "good":
            for own in self.standing(row[2], row[4]):
                if own.ahead is not None and row[3] not in own.ahead and (not own.ahead or evidence):
                    left -= self.fill(own, own.price, left, "queue")

    def clear(self, side: int) -> None:
        """Snapshots: T is remembered as what it covered of each order."""
        keys = [key for key in self.queues if key[0] == side]
        self.cleared.setdefault(side, {key: self.covered(key) for key in keys})
        for key in keys:
            self.queues[key], self.taken[key] = [], 0

    def settle(self) -> None:
        """Snapshots: orders that were ahead and are listed again still are, and what is listed before the last."""
        for side in [side for side in self.cleared if self.displayed(side)]:
            covered = self.cleared.pop(side)
            for key, queue in self.queues.items():
                if key[0] != side:
                    continue
                self.taken[key] = sum(min(n, covered.get(key, {}).get(order, 0)) for order, n in queue)
            for own in self.own:
                if own.side == side:
                    self.place_again(own, self.queues.get((side, own.price), []))

    def place_again(self, own: Own, queue: list[list[int]]) -> None:
        """Where none survives, ahead is at most what is displayed: here of the first lots listed."""
        if own.ahead is None:
            own.ahead = dict(map(tuple, queue))
            return
        last = max((k for k, (order, _) in enumerate(queue) if order in own.ahead), default=None)
        if last is not None:
            own.ahead = dict(map(tuple, queue[: last + 1]))
            return
        left, own.ahead = sum(own.ahead.values()), {}
        for order, size in queue:
            if left > 0:
                own.ahead[order] = min(size, left)
                left -= own.ahead[order]


def simulate(
    rows: Sequence[Row],
    requests: Sequence[Request],
    *,
    level: int,
    depth: int = 0,
    queue: str = "back",
    late_level_ns: int = 0,
    late_print_ns: int = 0,
    entry_ns: int = 1,
    response_ns: int = 1,
    taint_ns: int = 0,
    evidence: bool = False,
    hidden_any_side: bool = False,
) -> Simulated:
    """Run market rows and requests; times are nanoseconds, prices ticks, sizes lots."""
    common: dict[str, Any] = {"latencies": (entry_ns, response_ns), "taint_ns": taint_ns}
    common |= {"evidence": evidence, "hidden_any_side": hidden_any_side}
    if level == 3:
        assert depth == 0, "L3 feeds of limited depth are not simulated"
        return Orders(**common).run(rows, requests)
    return Levels(depth, queue, late_level_ns, late_print_ns, **common).run(rows, requests)
