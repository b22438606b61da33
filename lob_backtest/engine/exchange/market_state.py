"""What the exchange's parts share of one instrument: the book and what may fill against it."""

from __future__ import annotations

from enum import IntEnum

from lob_backtest.book.book import Book
from lob_backtest.contract.plan import InstrumentPlan
from lob_backtest.contract.rows import Phase
from lob_backtest.engine.exchange.print_match import PrintMatch
from lob_backtest.engine.record.recorder import NEVER


class Match(IntEnum):
    """What may fill at a time."""

    NOTHING = 0  # the market is not in its continuous phase
    THROUGH = 1  # the book is crossed, locked or SUSPECT: flow at a worse price alone
    ALL = 2


class MarketState:
    """The state of one instrument at the exchange.

    Args:
        plan: the instrument's part of the plan.

    Attributes:
        book: the market's book.
        print_match: L2: which print explains which fall.
        phase: the trading phase.
        has_phases: whether a STATUS row has come, so that the end of the session will be seen.
        is_book_good: whether the last complete packet left the book uncrossed and not suspect.
        now_ns: when the last row or request happened.
        suspect_ns: when the last suspect or repaired row happened.
        suspect_since_ns: when the present stretch of suspect rows began, `None` outside of one.
    """

    __slots__ = (
        "book",
        "has_phases",
        "is_book_good",
        "now_ns",
        "phase",
        "plan",
        "print_match",
        "suspect_ns",
        "suspect_since_ns",
    )

    def __init__(self, plan: InstrumentPlan) -> None:
        self.plan = plan
        self.book = Book(plan.feed, plan.depth)
        self.print_match = PrintMatch(plan.fill_rules.late_level_ns, plan.fill_rules.late_print_ns)
        self.phase = int(Phase.CONTINUOUS)
        self.has_phases = False
        self.is_book_good = True
        self.now_ns = -NEVER
        self.suspect_ns = -NEVER
        self.suspect_since_ns: int | None = None

    @property
    def match(self) -> Match:
        """Return what may fill, as judged by the book that the last complete packet left."""
        if self.phase != Phase.CONTINUOUS:
            return Match.NOTHING
        return Match.ALL if self.is_book_good else Match.THROUGH

    def mark_suspect(self, now_ns: int, *, is_suspect: bool) -> None:
        """Update the stretch of suspect rows by a row that is flagged SUSPECT, or is not."""
        if is_suspect:
            self.suspect_ns = now_ns
            if self.suspect_since_ns is None:
                self.suspect_since_ns = now_ns
        else:
            self.suspect_since_ns = None
