//! The own orders of one instrument, and the parts of the market's book that they need.
//!
//! Where own orders need no more than the rows at their prices, they are shown the near book. Where a place in a queue
//! depends on more than that (L2, windows, snapshots), they are shown the whole book, row by row.

use rustc_hash::FxHashMap as HashMap;

use crate::ahead::lazy_book::LazyBook;
use crate::book::row_effect::{kind, RowEffect};
use crate::book::touch::Touch;
use crate::book::Book;
use crate::contract::batch::Columns;
use crate::contract::codes::{action, flag, index, Feed, Issue, IssuePolicy, Ns, NEVER};
use crate::contract::generated_terms::Terms;
use crate::contract::plan::{AgentPlan, Plan};
use crate::contract::row::Row;
use crate::exchange::displayed::{Displayed, Match};
use crate::exchange::matcher::Matcher;
use crate::exchange::near_book::NearBook;
use crate::exchange::own_book::OwnBook;
use crate::exchange::print_match::PrintMatch;
use crate::exchange::row_filter::RowFilter;
use crate::wire::messages::Request;

/// When own orders are shown something, and what may fill then.
#[derive(Clone, Copy)]
pub struct Moment {
    /// The time at the exchange.
    pub now_ns: Ns,
    /// The trading phase.
    pub phase: u8,
    /// True if a STATUS row has come.
    pub has_phases: bool,
    /// What may fill.
    pub matching: Match,
}

impl Moment {
    fn displayed<'a>(self, book: &'a Book, prints: &'a PrintMatch) -> Displayed<'a> {
        let Moment { now_ns, phase, has_phases, matching } = self;
        Displayed { book, prints, phase, has_phases, matching, now_ns }
    }
}

/// The exchange's side of all strategies in one instrument.
pub struct OwnOrders {
    /// Orders and accounts, by agent.
    pub matchers: Vec<Matcher>,
    /// Which rows matter.
    pub filter: RowFilter,
    /// When something happens here without a row or a request, `NEVER` where nothing does.
    pub due_ns: Ns,
    /// True if an order waits for a price.
    pub has_stops: bool,
    near_book: NearBook,
    /// The whole book, rebuilt when it is needed.
    pub(super) whole: LazyBook,
    /// L2: the prints since the last update of each level.
    prints: PrintMatch,
    /// True if a side has been cleared and not been shown again.
    pub(super) awaiting_snapshot: bool,
    /// True if every invariant is checked after every packet, for which the whole book is needed.
    pub(super) is_paranoid: bool,
}

impl OwnOrders {
    /// Start without orders.
    pub fn new(plan: &Plan, index: usize) -> Self {
        let own = &plan.instruments[index];
        let repairs = plan.issue_policies[Issue::Oversize as usize - 1] == IssuePolicy::Repair;
        let matcher = |agent: &AgentPlan| Matcher::new(own, agent.sessions[index]);
        OwnOrders {
            matchers: plan.agents.iter().map(matcher).collect(),
            filter: RowFilter::default(),
            due_ns: NEVER,
            has_stops: false,
            near_book: NearBook::default(),
            whole: LazyBook::new(own.feed, own.depth, repairs),
            prints: PrintMatch::new(own),
            awaiting_snapshot: false,
            is_paranoid: plan.paranoid,
        }
    }

    /// Return whether some order's place depends on more than the rows at its price.
    pub fn any_needs_full_book(&self, depth: usize) -> bool {
        self.matchers.iter().any(|matcher| matcher.own_book.needs_full_book(depth))
    }

    /// Find out which rows matter from now on. `touch` is the market's after a packet, `None` within one.
    pub fn update_filter(&mut self, needs_full_book: bool, all_executions: bool, touch: Option<Touch>) {
        let own_books = self.matchers.iter().map(|matcher| &matcher.own_book);
        self.filter.update(own_books, all_executions, needs_full_book);
        if !self.filter.needs_full_book() && !self.near_book.extend_to(&self.filter, touch) {
            self.filter.require_full_book();
        }
        if self.filter.needs_full_book() {
            self.near_book.clear();
        }
    }

    /// Find out when something happens next without a row or a request, and whether an order waits for a price.
    pub fn update_due(&mut self) {
        let next_ns = |matcher: &Matcher| matcher.own_book.expiries.next_ns().min(matcher.own_book.stops.due_ns());
        self.has_stops = self.matchers.iter().any(|matcher| !matcher.own_book.stops.is_empty());
        self.due_ns = self.matchers.iter().map(next_ns).min().unwrap_or(NEVER);
    }

    /// Compare the price of a print with the stops.
    pub fn show_to_stops(&mut self, price_ticks: i64) {
        for OwnBook { stops, orders, .. } in self.matchers.iter_mut().map(|matcher| &mut matcher.own_book) {
            stops.printed(orders, price_ticks);
        }
    }

    /// Compare the best prices that a packet left with the stops, and release what its prints have triggered.
    pub fn end_packet_of_stops(&mut self, touch: Touch, moment: Moment) {
        let touch = (moment.matching == Match::All).then_some(touch);
        for OwnBook { stops, orders, .. } in self.matchers.iter_mut().map(|matcher| &mut matcher.own_book) {
            if !stops.is_empty() {
                stops.end_packet(orders, touch, moment.now_ns);
            }
        }
        self.update_due();
    }

    /// Let the triggered orders arrive in the book.
    pub fn trigger(&mut self, agent: usize, done: u64, moment: Moment) {
        let OwnOrders { matchers, whole, prints, awaiting_snapshot, .. } = self;
        let book = whole.catch_up_to(done);
        *awaiting_snapshot |= book.is_awaiting_snapshot();
        matchers[agent].trigger(moment.displayed(book, prints));
    }

    /// Return row `i` for own orders. Where its effect has all that they need, most columns are not read: that memory is cold.
    #[inline]
    pub fn row_to_show(&self, columns: &Columns, i: usize, effect: RowEffect) -> Row {
        let executes = effect.is_either(kind::EXECUTE);
        if executes | effect.is_either(kind::LESS) {
            let action = if executes { action::EXECUTE } else { action::CANCEL };
            let needs_id = self.filter.tracks_order_ids() | self.filter.needs_full_book() | !self.near_book.is_empty();
            let order_id = if needs_id { columns.order_id[i] } else { 0 };
            let (size_lots, flags) = (effect.lost_lots, columns.flags[i]);
            Row { action, side: effect.side(), order_id, price_ticks: 0, size_lots, flags, phase: 0 }
        } else {
            columns.row(i)
        }
    }

    /// Bring the whole book to the row before `number`.
    pub fn catch_up_to(&mut self, number: u64) -> &Book {
        self.whole.catch_up_to(number)
    }

    /// Apply a row to the near book.
    pub fn apply_near(&mut self, row: Row, number: u64, effect: RowEffect) {
        self.near_book.apply(row, number, effect);
    }

    /// Show own orders what happens to an order of the market, a hidden print or a CLEAR, before it happens; `done` rows
    /// precede it.
    pub fn show_order_row(&mut self, row: &Row, effect: RowEffect, done: u64, moment: Moment) {
        let named = effect.named_order();
        let OwnOrders { matchers, filter, near_book, whole, prints, .. } = self;
        let place = (named.side, named.price_ticks);
        let traded = effect.is_either(kind::EXECUTE) && row.flags & flag::AUCTION == 0;
        let book = if filter.needs_full_book() {
            whole.current()
        } else if !traded && matchers.iter().any(|matcher| matcher.own_book.available.remembers(place)) {
            whole.catch_up_to(done) // for the order's place among the taken lots
        } else {
            near_book.book()
        };
        for matcher in matchers {
            matcher.own_book.before(moment.displayed(book, prints), row, &named);
        }
        if book.feed == Feed::L2 && row.action == action::CLEAR {
            prints.clear(row.side, moment.now_ns, book);
        }
    }

    /// L2: show own orders a LEVEL row.
    pub fn show_level_row(&mut self, row: &Row, moment: Moment) {
        let (book, place, now_ns) = (self.whole.current(), (row.side, row.price_ticks), moment.now_ns);
        let (awaiting_snapshot, window) = (book.awaiting_snapshot[index(row.side)], row.flags & flag::WINDOW != 0);
        let sizes = (book.size_at(place.0, place.1), row.size_lots);
        let fall = if awaiting_snapshot || window {
            self.prints.window(place, sizes, now_ns)
        } else {
            self.prints.level(place, sizes, now_ns)
        };
        if awaiting_snapshot {
            return;
        }
        if let Some(fall) = fall {
            self.each_own_book(row, moment, |own_book, displayed| own_book.fell(displayed, place, &fall));
        } else if window && row.size_lots == 0 {
            self.each_own_book(row, moment, |own_book, _| own_book.leave(place));
        }
    }

    /// L2: return the lots of a print that earlier falls of its level may have shown, and the lots that are new.
    pub fn split_print(&self, row: &Row) -> (i64, i64) {
        // Its own packet shows what it takes off in a level row after it (`engine/packets.py`).
        let shown = i64::try_from(row.order_id).unwrap_or(0);
        let displayed_lots = self.whole.current().size_at(row.side, row.price_ticks);
        let fresh = if shown > 0 { (displayed_lots - (shown - 1)).max(0) } else { 0 };
        let new = fresh.min(row.size_lots);
        (row.size_lots - new, new)
    }

    /// L2: give lots of a print to the oldest fall that they may explain; return how many, `None` where there is no such fall.
    pub fn show_late_print(&mut self, row: &Row, left: i64, moment: Moment) -> Option<i64> {
        let place = (row.side, row.price_ticks);
        let (fall, lots) = self.prints.explain(place, left, moment.now_ns)?;
        self.each_own_book(row, moment, |own_book, displayed| own_book.late(displayed, place, &fall, lots));
        Some(lots)
    }

    /// L2: show own orders the new lots of a print.
    pub fn show_new_print(&mut self, row: &Row, new: i64, moment: Moment) {
        let place = (row.side, row.price_ticks);
        self.each_own_book(row, moment, |own_book, displayed| own_book.printed(displayed, place, new));
        self.prints.trade(place, new, moment.now_ns, self.whole.current());
    }

    /// Show the whole book before a row to the own orders of each strategy.
    fn each_own_book(&mut self, row: &Row, moment: Moment, mut show: impl FnMut(&mut OwnBook, Displayed)) {
        let OwnOrders { matchers, whole, prints, .. } = self;
        for matcher in matchers {
            let mut displayed = moment.displayed(whole.current(), prints);
            displayed.matching = displayed.matching_row(row);
            show(&mut matcher.own_book, displayed);
        }
    }

    /// Cancel the quotes of each strategy whose market maker protection has tripped; return whether there is one.
    #[inline]
    pub fn protect(&mut self, now_ns: Ns) -> bool {
        self.matchers.iter_mut().fold(false, |any, matcher| matcher.own_book.protect(now_ns) | any)
    }

    /// Let own orders trade with what a packet leaves behind. With `needs_full_book` their places are found first.
    pub fn end_packet(&mut self, needs_full_book: bool, done: u64, moment: Moment) {
        let OwnOrders { matchers, near_book, whole, prints, .. } = self;
        if needs_full_book {
            let book = whole.current();
            let falls =
                if book.is_awaiting_snapshot() { prints.end_packet(moment.now_ns, book) } else { HashMap::default() };
            for matcher in matchers.iter_mut() {
                matcher.own_book.update_visibility(moment.displayed(book, prints), &falls);
            }
            whole.end_packet(done);
        }
        for matcher in matchers.iter_mut() {
            let book = if needs_full_book { whole.current() } else { near_book.book() };
            matcher.own_book.end_packet(moment.displayed(book, prints));
        }
    }

    /// Return whether the filter may change at the end of a packet because of what rests near own orders or has been taken.
    pub fn is_filter_stale(&self) -> bool {
        !self.near_book.is_empty() || self.matchers.iter().any(|matcher| !matcher.own_book.available.is_untouched())
    }

    /// Serve a request at the exchange. `joined` is the one level that it needs, `None`: it needs the whole book.
    pub fn serve(
        &mut self,
        agent: usize,
        request: &Request,
        joined: Option<(i8, i64, i64)>,
        done: u64,
        moment: Moment,
    ) {
        let OwnOrders { matchers, near_book, whole, prints, awaiting_snapshot, .. } = self;
        let matcher = &mut matchers[agent];
        if let Some(joined) = joined {
            near_book.with_joined_level(joined, done, |book| matcher.serve(moment.displayed(book, prints), request));
        } else {
            let book = whole.catch_up_to(done);
            *awaiting_snapshot |= book.is_awaiting_snapshot();
            matcher.serve(moment.displayed(book, prints), request);
        }
    }

    /// Let an order close a position with what is displayed, whatever the phase.
    pub fn flatten(&mut self, agent: usize, order_id: i64, terms: Terms, (done, moment): (u64, Moment)) {
        let OwnOrders { matchers, whole, prints, .. } = self;
        let book = whole.catch_up_to(done);
        matchers[agent].flatten(moment.displayed(book, prints), order_id, terms);
    }

    /// Check the invariants of the whole book and of all own orders.
    ///
    /// # Errors
    /// The message names the broken one.
    pub fn check(&self) -> Result<(), String> {
        self.whole.current().check()?;
        self.matchers.iter().try_for_each(|matcher| matcher.own_book.check(self.whole.current()))
    }
}
