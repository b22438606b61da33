"""One instrument at the exchange: its book, its phase, its prints, and the own orders beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from lob_backtest.book.book import CLEAR, LEVEL, Book, Issue
from lob_backtest.contract.plan import IssuePolicy, Plan
from lob_backtest.contract.rows import Batch, Flag, Phase
from lob_backtest.engine.exchange.own_book import AUCTION, HIDDEN, TRADE, WINDOW, Match, OwnBook
from lob_backtest.engine.exchange.print_match import PrintMatch
from lob_backtest.engine.record.recorder import NEVER, Recorder
from lob_backtest.engine.wire.view import STATUS, Packet, QueueMove, Row, View
from lob_backtest.errors import DataError, EngineError
from lob_backtest.units import format_instant

LAST, SUSPECT = int(Flag.LAST), int(Flag.SUSPECT)
BEFORE_ALL: Final = -NEVER


class Before(NamedTuple):
    """The market before the first row of a nanosecond: best prices, and the last two-sided doubled mid."""

    bid_ticks: int | None
    ask_ticks: int | None
    mid2: int | None


class Market:
    """The exchange of one instrument.

    Args:
        index: the instrument's place in the plan.
        plan: the run's plan.
        batches: its rows.
        recorder: takes the best prices.

    Attributes:
        now_ns: when the last row happened.
        next_ns: when the next row happens, `NEVER` behind the last.
        last_local_ns: when the last row of all was received.
        mid2: the last two-sided doubled mid at the end of a packet, `None` until there was one.
        suspect_ns: when the last suspect or repaired row happened.
        suspect_since_ns: when the present stretch of suspect rows began, `None` outside of one.
        reschedule: set by whoever schedules something while rows are applied: the loop looks up before the next row.
        counts: rows, packets, crossed packets, and what was skipped or repaired.
        own_books: own orders beside the book, one a strategy.
        view: the same market as the strategies have received it.
    """

    def __init__(self, index: int, plan: Plan, batches: Iterator[Batch], recorder: Recorder) -> None:
        self.plan = plan.instruments[index]
        self.book = Book(self.plan.level, self.plan.depth)
        self.print_match = PrintMatch(self.plan.late_level_ns, self.plan.late_print_ns)
        self.phase = int(Phase.CONTINUOUS)
        self._good = True
        self.view = View(self.plan)
        self.own_books: list[OwnBook] = []
        self.counts = dict.fromkeys(("rows", "packets", "crossed"), 0)
        self.mid2: int | None = None
        self.suspect_ns = BEFORE_ALL
        self.suspect_since_ns: int | None = None
        self.last_local_ns = BEFORE_ALL
        self._recording = False
        self.reschedule = False
        self._index = index
        self._policies = plan.issue_policies
        self._paranoid = plan.paranoid
        self._batches = batches
        self._recorder = recorder
        self.now_ns = BEFORE_ALL
        self._bbo: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
        self._before = Before(None, None, None)
        self._rows: list[Row] = []
        self._i = self._start = self._tail = 0
        self._origin = ("", 0)
        self.next_ns = NEVER
        self._load()

    @property
    def match(self) -> Match:
        """Return what may fill: it is judged by the book that the last complete packet left."""
        if self.phase != Phase.CONTINUOUS:
            return Match.NOTHING
        return Match.ALL if self._good else Match.THROUGH

    def before(self, now_ns: int) -> Before:
        """Return the market before the first row of this nanosecond."""
        if now_ns == self.now_ns:
            return self._before
        return Before(self._bbo[0], self._bbo[2], self.mid2)

    def advance(self, limit_ns: int) -> None:
        """Apply rows up to a time; stop early when one of them has scheduled something.

        At least one row is applied. Where a strategy waits for packets, the exchange goes no further than the arrival
        of the first that is on its way: what the strategy then sends has to find the exchange as it is at that time.
        """
        rows, i = self._rows, self._i
        while self.next_ns <= limit_ns and not self.reschedule:
            row = rows[i]
            now_ns, local_ns, action, flags = row[0], row[1], row[2], row[7]
            if now_ns != self.now_ns:
                self._before = Before(self._bbo[0], self._bbo[2], self.mid2)
                self.now_ns = now_ns
            if not self._beside or self._tell(i):
                issue = self.book.apply(*rows[i][2:8])
                if issue and self._apply_policy(Issue(issue), i):
                    self.book.apply(*rows[i][2:8])
            if action == STATUS:
                self.phase = row[8]
            if flags & SUSPECT:
                self.suspect_ns = now_ns
                if self.suspect_since_ns is None:
                    self.suspect_since_ns = now_ns
            elif self.suspect_since_ns is not None:
                self.suspect_since_ns = None
            i += 1
            self._i = i
            if flags & LAST:
                self._end_packet(local_ns)
                if self.view.has_packet_subscribers:
                    limit_ns = min(limit_ns, local_ns)
            if i == len(rows):
                self._load()
                rows, i = self._rows, self._i
            else:
                self.next_ns = rows[i][0]

    def start(self, now_ns: int) -> None:
        """Record the best prices from now on, as they stand first."""
        self._recording = True
        if self._bbo != (None, None, None, None):
            self._record_bbo(now_ns)

    def _record_bbo(self, now_ns: int) -> None:
        self._recorder.row("bbo", (self._index, now_ns, *self._bbo))

    @property
    def _beside(self) -> bool:
        """Return whether anything but the book needs to hear of a row."""
        if self.plan.level == 2:
            return True
        for own_book in self.own_books:  # noqa: SIM110 - a third of the time of any()
            if own_book.needs_rows:
                return True
        return False

    def _tell(self, i: int) -> bool:
        """Apply a row to own orders and prints, before the book; return whether the book takes it."""
        _, _, action, side, order_id, _, size_lots, flags, _ = self._rows[i]
        watching = [own_book for own_book in self.own_books if own_book.needs_rows]
        if watching:
            issue = self.book.issue(action, side, order_id, size_lots)
            if issue and not self._apply_policy(issue, i):
                self.book.suspect = flags & SUSPECT != 0
                return False
            match = min(self.match, Match.THROUGH) if flags & SUSPECT else self.match
        else:
            match = Match.NOTHING
        if self.plan.level == 2 and action == LEVEL:
            self._level(watching, i)
        elif self.plan.level == 2 and action == TRADE and side and not flags & (HIDDEN | AUCTION):
            self._print(watching, i, match)
        else:
            for own_book in watching:
                own_book.before(self._rows[i][2:8], match)
            if self.plan.level == 2 and action == CLEAR:
                self.print_match.clear(side, self.now_ns, self.book)
        return True

    def _level(self, watching: list[OwnBook], i: int) -> None:
        """L2: tell of a LEVEL row."""
        _, _, _, side, _, price_ticks, size_lots, flags, _ = self._rows[i]
        level_key = (side, price_ticks)
        is_known = side not in self.book.awaiting_snapshot
        compare = self.print_match.level if is_known and not flags & WINDOW else self.print_match.window
        fall = compare(level_key, self.book.size_at(*level_key), size_lots, self.now_ns)
        leaves = flags & WINDOW != 0 and size_lots == 0
        if is_known and (fall is not None or leaves):
            for own_book in watching:
                own_book.level(level_key, fall)

    def _print(self, watching: list[OwnBook], i: int, match: Match) -> None:
        """L2: tell of a print: what of it earlier falls have shown already, and what is new."""
        _, _, _, side, shown, price_ticks, size_lots, _, _ = self._rows[i]
        level_key = (side, price_ticks)
        # Its own packet shows what it takes off from the level behind it (see `packets`).
        fresh_lots = max(0, self.book.size_at(*level_key) - (shown - 1)) if shown else 0
        split = self.print_match.split(level_key, size_lots, fresh_lots, self.now_ns)
        for fall, lots in split.late:
            fall.late += lots
            for own_book in watching:
                own_book.late(level_key, fall, lots, match)
        if split.new:
            for own_book in watching:
                own_book.printed(level_key, split.new, match, self.now_ns)
            self.print_match.trade(level_key, split.new, self.now_ns, self.book)

    def _end_packet(self, local_ns: int) -> None:
        self.counts["packets"] += 1
        falls = self.print_match.end_packet(self.now_ns, self.book) if self.book.awaiting_snapshot else {}
        for own_book in self.own_books:
            if own_book.needs_rows:
                own_book.update_visibility(falls)
        if self.book.awaiting_snapshot:
            self.book.complete()
        self._good = self.book.uncrossed() and not self.book.suspect
        moves: list[QueueMove] = []
        for agent, own_book in enumerate(self.own_books):
            if own_book.needs_rows and self.match == Match.ALL:
                own_book.end_packet(self.now_ns)
            if own_book.moved:
                for own in own_book.moved.values():
                    moves.append(QueueMove(agent, own.order_id, own.queue_stay, own.ahead_lots(self.plan.level)))
                own_book.moved.clear()
        self.view.packets.append(Packet(local_ns, self._rows, self._start, self._i, moves))
        self._start = self._i
        bbo = self.book.bbo()
        bid, _, ask, _ = bbo
        if bid is not None and ask is not None:
            self.mid2 = bid + ask
            if bid >= ask and self.phase == Phase.CONTINUOUS:
                self.counts["crossed"] += 1
        if bbo != self._bbo:
            self._bbo = bbo
            if self._recording:
                self._record_bbo(self.now_ns)
        if self._paranoid:
            self._check()

    def _apply_policy(self, issue: Issue, i: int) -> bool:
        """Deal with a row that the book cannot apply, by policy; return whether it can be applied now."""
        policy = self._policies.get(issue, IssuePolicy.FAIL)
        ts_ns, _, action, side, order_id, price_ticks, size_lots, flags, phase = self._rows[i]
        if policy == IssuePolicy.FAIL:
            path, first = self._origin
            name = issue.name.lower()
            choices = '"skip" or "repair"' if issue == Issue.OVERSIZE else '"skip"'
            raise DataError(
                f"{path}: row {first + i - self._tail} at {format_instant(ts_ns)}: {name}: order {order_id}, size "
                f"{size_lots}. See `lob-backtest validate`, or set data.policies.{name} to {choices}."
            )
        self.suspect_ns = ts_ns
        if policy == IssuePolicy.REPAIR and issue == Issue.OVERSIZE:
            self._count(f"{issue.name.lower()}_repaired")
            size_lots = self.book.orders[order_id].size_lots
            self._rows[i] = (ts_ns, self._rows[i][1], action, side, order_id, price_ticks, size_lots, flags, phase)
            return True
        self._count(f"{issue.name.lower()}_skipped")
        return False

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def _load(self) -> None:
        """Fetch the next batch; the rows of a packet that is not complete stay in front of it."""
        self.counts["rows"] += self._i - self._tail
        for batch in self._batches:
            if not len(batch.ts_exchange_ns):
                continue
            tail = self._rows[self._start : self._i]
            columns = [column.tolist() for column in batch[:9]]
            self._rows = tail + list(zip(*columns, strict=True))
            self._i = self._tail = len(tail)
            self._start = 0
            self._origin = (batch.path, batch.row)
            self.last_local_ns = int(batch.ts_local_ns[-1])
            self.next_ns = self._rows[self._i][0]
            if not self.view.has_packet_subscribers:
                # Nobody looks at the past any more: what had arrived before the last row need not wait for a look.
                self.view.catch_up(self.now_ns - 1)
            return
        self._tail = self._i
        self.next_ns = NEVER

    def close(self) -> None:
        """Complete the counts, in one order: what was left out or set right, and flow that found nothing to meet."""
        self.counts["rows"] += self._i - self._tail
        self._tail = self._i
        done = [f"{issue.name.lower()}_{done}" for issue in Issue if issue for done in ("repaired", "skipped")]
        self.counts = {name: self.counts[name] for name in ("rows", "packets", "crossed", *done) if name in self.counts}
        unplaced = sum(own_book.available.unplaced_lots for own_book in self.own_books)
        if unplaced:
            self.counts["unplaced_lots"] = unplaced

    def _check(self) -> None:
        try:
            self.book.check()
            for own_book in self.own_books:
                own_book.check()
        except AssertionError as error:
            raise EngineError(f"{self.plan.instrument.name} at {format_instant(self.now_ns)}: {error!r}") from error
