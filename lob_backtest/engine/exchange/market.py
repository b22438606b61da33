"""One instrument at the exchange: rows are applied in time order, to own orders first and then to the book."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lob_backtest.book.book import CLEAR, EXECUTE, LEVEL, Issue
from lob_backtest.contract.plan import IssuePolicy, Plan
from lob_backtest.contract.rows import Batch, Flag, Phase
from lob_backtest.engine.exchange.market_state import MarketState, Match
from lob_backtest.engine.exchange.matcher import Matcher
from lob_backtest.engine.exchange.order_event import OrderEvent
from lob_backtest.engine.exchange.own_book import AUCTION, HIDDEN, TRADE, WINDOW, OwnBook
from lob_backtest.engine.exchange.prices import NO_PRICES, Bbo, Prices
from lob_backtest.engine.exchange.row_source import RowSource
from lob_backtest.engine.record.recorder import NEVER, Recorder
from lob_backtest.engine.wire.view import STATUS, QueueMove, View
from lob_backtest.errors import DataError, EngineError
from lob_backtest.units import format_instant

PRINTS: Final = (EXECUTE, TRADE)
LAST, SUSPECT = int(Flag.LAST), int(Flag.SUSPECT)


class Market:
    """The exchange of one instrument.

    Args:
        index: the instrument's place in the plan.
        plan: the run's plan.
        batches: its rows.
        recorder: takes the best prices.

    Attributes:
        plan: the instrument's part of the plan.
        state: its book, and what may fill.
        prices: its best prices and mid.
        source: its rows.
        view: the same market as the strategies have received it.
        matchers: the exchange's side of each strategy.
        events: what happened to own orders and is not booked yet.
    """

    def __init__(self, index: int, plan: Plan, batches: Iterator[Batch], recorder: Recorder) -> None:
        self.plan = plan.instruments[index]
        self.state = MarketState(self.plan)
        self.prices = Prices(index, recorder)
        self.source = RowSource(batches)
        self.view = View(self.plan)
        self.events: list[OrderEvent] = []
        self.matchers = [
            Matcher(i, self.state, self.events, agent.sessions[index]) for i, agent in enumerate(plan.agents)
        ]
        self._own_books = [matcher.own_book for matcher in self.matchers]
        self._protected = [own_book for own_book in self._own_books if own_book.protection.is_on]
        self._index = index
        self._policies = plan.issue_policies
        self._is_paranoid = plan.paranoid
        self._packets = 0
        self._issues: Counter[str] = Counter()

    @property
    def next_ns(self) -> int:
        """Return when the next row happens, `NEVER` behind the last."""
        return self.source.next_ns

    @property
    def due_ns(self) -> int:
        """Return when something happens here without a row or a request: an order expires or is triggered."""
        return min(min(own_book.expiries.next_ns, own_book.stops.due_ns) for own_book in self._own_books)

    @property
    def now_ns(self) -> int:
        """Return when the last row happened."""
        return self.prices.now_ns

    def advance(self, limit_ns: int) -> None:
        """Apply rows up to a time; stop early where one of them has caused an event.

        At least one row is applied. Where a strategy waits for packets, the exchange goes no further than the arrival
        of the first that is on its way: a request that it then sends has to meet the exchange as it is at that time.
        """
        source, prices, state, events = self.source, self.prices, self.state, self.events
        rows, i = source.rows, source.i
        while source.next_ns <= limit_ns and not events:
            row = rows[i]
            now_ns, local_ns, action, flags = row[0], row[1], row[2], row[7]
            if now_ns != prices.now_ns:
                prices.begin(now_ns)
                state.now_ns = now_ns
            if not self._is_followed or self._show(i):
                issue = state.book.apply(*rows[i][2:8])
                if issue and self._apply_policy(Issue(issue), i):
                    state.book.apply(*rows[i][2:8])
            if action == STATUS:
                state.phase, state.has_phases = row[8], True
                if state.phase == Phase.CLOSED:
                    limit_ns = min(limit_ns, self._close(now_ns))
            if flags & SUSPECT or state.suspect_since_ns is not None:
                state.mark_suspect(now_ns, is_suspect=flags & SUSPECT != 0)
            i += 1
            source.i = i
            if flags & LAST:
                if self._end_packet(local_ns):
                    limit_ns = min(limit_ns, now_ns)
                if self.view.has_packet_subscribers:
                    limit_ns = min(limit_ns, local_ns)
            if i == len(rows):
                self._load()
                rows, i = source.rows, source.i
            else:
                source.next_ns = rows[i][0]

    @property
    def _is_followed(self) -> bool:
        """Return whether anything but the book needs rows."""
        if self.plan.feed == 2:
            return True
        for own_book in self._own_books:  # noqa: SIM110 - a third of the time of any()
            if own_book.needs_rows:
                return True
        return False

    def _show(self, i: int) -> bool:
        """Apply a row to own orders and prints, before the book; return whether the book can apply it."""
        state, rows = self.state, self.source.rows
        _, _, action, side, order_id, _, size_lots, flags, _ = rows[i]
        followers = [own_book for own_book in self._own_books if own_book.needs_rows]
        if followers:
            issue = state.book.issue(action, side, order_id, size_lots)
            if issue and not self._apply_policy(issue, i):
                state.book.suspect = flags & SUSPECT != 0
                return False
            match = min(state.match, Match.THROUGH) if flags & SUSPECT else state.match
        else:
            match = Match.NOTHING
        if followers and action in PRINTS and not flags & AUCTION and state.phase == Phase.CONTINUOUS:
            price_ticks = state.book.orders[order_id].price_ticks if action == EXECUTE else rows[i][5]
            for own_book in followers:
                own_book.stops.printed(price_ticks)
        if self.plan.feed == 2 and action == LEVEL:
            self._show_level(followers, i)
        elif self.plan.feed == 2 and action == TRADE and side and not flags & (HIDDEN | AUCTION):
            self._show_print(followers, i, match)
        else:
            for own_book in followers:
                own_book.before(rows[i][2:8], match)
            if self.plan.feed == 2 and action == CLEAR:
                state.print_match.clear(side, self.now_ns, state.book)
        for own_book in self._protected:
            own_book.protect()
        return True

    def _show_level(self, followers: list[OwnBook], i: int) -> None:
        """L2: apply a LEVEL row."""
        _, _, _, side, _, price_ticks, size_lots, flags, _ = self.source.rows[i]
        book, print_match = self.state.book, self.state.print_match
        level_key = (side, price_ticks)
        is_known = side not in book.awaiting_snapshot
        compare = print_match.level if is_known and not flags & WINDOW else print_match.window
        fall = compare(level_key, book.size_at(*level_key), size_lots, self.now_ns)
        leaves = flags & WINDOW != 0 and size_lots == 0
        if is_known and (fall is not None or leaves):
            for own_book in followers:
                own_book.level(level_key, fall)

    def _show_print(self, followers: list[OwnBook], i: int, match: Match) -> None:
        """L2: apply a print: what of it earlier falls have shown already, and what is new."""
        _, _, _, side, shown, price_ticks, size_lots, _, _ = self.source.rows[i]
        book, print_match, now_ns = self.state.book, self.state.print_match, self.now_ns
        level_key = (side, price_ticks)
        # The level row behind it in its own packet shows what the print takes (see `packets`).
        fresh_lots = max(0, book.size_at(*level_key) - (shown - 1)) if shown else 0
        split = print_match.split(level_key, size_lots, fresh_lots, now_ns)
        for fall, lots in split.late:
            fall.late += lots
            for own_book in followers:
                own_book.late(level_key, fall, lots, match)
        if split.new:
            for own_book in followers:
                own_book.printed(level_key, split.new, match, now_ns)
            print_match.trade(level_key, split.new, now_ns, book)

    def _end_packet(self, local_ns: int) -> bool:
        """Do what follows a whole packet; return whether it has triggered an order."""
        self._packets += 1
        state, book, now_ns = self.state, self.state.book, self.now_ns
        falls = state.print_match.end_packet(now_ns, book) if book.awaiting_snapshot else {}
        for own_book in self._own_books:
            if own_book.needs_rows:
                own_book.update_visibility(falls)
        if book.awaiting_snapshot:
            book.complete()
        state.is_book_good = book.uncrossed() and not book.suspect
        moves: list[QueueMove] = []
        for agent, own_book in enumerate(self._own_books):
            if own_book.needs_rows and state.match == Match.ALL:
                own_book.end_packet(now_ns)
            if own_book.moved:
                for own in own_book.moved.values():
                    moves.append(QueueMove(agent, own.order_id, own.queue_stay, own.ahead_lots(self.plan.feed)))
                own_book.moved.clear()
        self.view.packets.append(self.source.end_packet(local_ns, moves))
        bbo = book.bbo()
        self.prices.end_packet(bbo, state.phase)
        is_triggered = self._test_stops(bbo)
        if self._is_paranoid:
            self._check()
        return is_triggered

    def _apply_policy(self, issue: Issue, i: int) -> bool:
        """Skip or repair a row that the book cannot apply, by policy; return whether it can be applied now."""
        policy = self._policies.get(issue, IssuePolicy.FAIL)
        ts_ns, local_ns, action, side, order_id, price_ticks, size_lots, flags, phase = self.source.rows[i]
        name = issue.name.lower()
        if policy == IssuePolicy.FAIL:
            choices = '"skip" or "repair"' if issue == Issue.OVERSIZE else '"skip"'
            raise DataError(
                f"{self.source.place(i)} at {format_instant(ts_ns)}: {name}: order {order_id}, size "
                f"{size_lots}. See `lob-backtest validate`, or set data.policies.{name} to {choices}."
            )
        self.state.suspect_ns = ts_ns
        if policy == IssuePolicy.REPAIR and issue == Issue.OVERSIZE:
            self._issues[f"{name}_repaired"] += 1
            size_lots = self.state.book.orders[order_id].size_lots
            self.source.rows[i] = (ts_ns, local_ns, action, side, order_id, price_ticks, size_lots, flags, phase)
            return True
        self._issues[f"{name}_skipped"] += 1
        return False

    def _close(self, now_ns: int) -> int:
        """Let DAY orders end with the session; return when orders end next."""
        return min(own_book.expiries.close(now_ns) for own_book in self._own_books)

    def act(self, now_ns: int) -> None:
        """Do what is due without a row or a request: orders expire, then triggered ones arrive."""
        for matcher in self.matchers:
            matcher.expire(now_ns)
        for matcher in self.matchers:
            matcher.trigger(now_ns)

    def _test_stops(self, bbo: Bbo) -> bool:
        """Compare the best prices of a packet with stops; return whether an order is triggered."""
        bid, _, ask, _ = bbo if self.state.match == Match.ALL else NO_PRICES
        is_triggered = False
        for own_book in self._own_books:
            if own_book.stops.orders:
                own_book.stops.end_packet(bid, ask, self.now_ns)
                is_triggered |= own_book.stops.due_ns < NEVER
        return is_triggered

    def test_arrival(self, agent: int, now_ns: int) -> None:
        """Compare the best prices of the last packet with the stops of a strategy that has sent an order."""
        stops = self.matchers[agent].own_book.stops
        if stops.orders and self.state.match == Match.ALL:
            stops.arrived(*self.prices.best, now_ns)

    def _load(self) -> None:
        self.source.load()
        if self.source.next_ns < NEVER and not self.view.has_packet_subscribers:
            # No read can be earlier than the last row: packets received before it need not wait for one.
            self.view.catch_up(self.now_ns - 1)

    def sample(self, agent: int, now_ns: int) -> tuple[int | None, ...]:
        """Return a row of `samples`: a strategy's account and own best prices at the exchange."""
        account, own_book = self.matchers[agent].account, self.matchers[agent].own_book
        money = (account.position_lots, account.cash_tick_lots, account.fees_micro)
        return (now_ns, agent, self._index, *money, self.prices.mid2, own_book.best(1), own_book.best(-1))

    def counts(self) -> dict[str, int]:
        """Count in one order rows, packets, crossed packets, what was skipped or repaired, and unplaced flow."""
        done = [f"{issue.name.lower()}_{done}" for issue in Issue if issue for done in ("repaired", "skipped")]
        counts = {"rows": self.source.applied, "packets": self._packets, "crossed": self.prices.crossed}
        counts |= {name: self._issues[name] for name in done if name in self._issues}
        unplaced = sum(own_book.available.unplaced_lots for own_book in self._own_books)
        return counts | ({"unplaced_lots": unplaced} if unplaced else {})

    def _check(self) -> None:
        try:
            self.state.book.check()
            for own_book in self._own_books:
                own_book.check()
        except AssertionError as error:
            raise EngineError(f"{self.plan.instrument.name} at {format_instant(self.now_ns)}: {error!r}") from error
