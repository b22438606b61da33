//! One instrument at the exchange: its rows, its phase, its prints, and the own orders beside them.
//!
//! What the rows do to the book has been noted ahead of the run (`builder`); here they happen, and own orders are asked
//! about those that can matter to them.

use std::thread::available_parallelism;

use crate::ahead::builder::BookBuilder;
use crate::ahead::lazy_book::LazyBook;
use crate::ahead::trace_block::{PacketMark, TraceBlock};
use crate::ahead::worker::BuilderWorker;
use crate::book::row_effect::RowEffect;
use crate::book::touch::Touch;
use crate::book::Book;
use crate::contract::batch::Columns;
use crate::contract::codes::{action, flag, phase, Issue, IssuePolicy, Ns, BEFORE_ALL, ISSUES, NEVER};
use crate::contract::error::{format_instant, RunError};
use crate::contract::plan::{InstrumentPlan, Plan};
use crate::contract::row::Row;
use crate::exchange::matcher::Matcher;
use crate::exchange::near_book::NearBook;
use crate::exchange::outbox::{Counts, Outbox};
use crate::exchange::print_match::PrintMatch;
use crate::exchange::row_filter::RowFilter;
use crate::record::recorder::Recorder;
use crate::wire::view::{View, ViewState};

mod booking;
mod feed;
mod orders;

pub use booking::narrow;

/// The exchange of one instrument.
pub struct Market {
    // First, so that it is dropped first: it waits for its thread, which may hold batches, while others still hold them.
    worker: BuilderWorker,
    /// The instrument's part of the plan.
    pub plan: InstrumentPlan,
    /// The prints since each level's last update (L2).
    prints: PrintMatch,
    /// The trading phase.
    phase: u8,
    /// The same market as the strategies have received it.
    pub view: View,
    /// The exchange's side of each strategy, by agent.
    pub matchers: Vec<Matcher>,
    /// The last two-sided doubled mid at the end of a packet.
    pub mid2: Option<i64>,
    /// Whether something was scheduled while rows were applied.
    pub reschedule: bool,
    /// When the last row happened.
    pub now_ns: Ns,
    /// When the next row happens, `NEVER` behind the last.
    pub next_ns: Ns,
    /// When the last row of all was received.
    pub last_local_ns: Ns,
    /// Whether the next batch is wanted.
    pub wants_batch: bool,
    /// Whether there is nothing to go on with until `poll_block` has found it.
    pub out_of_rows: bool,
    index: usize,
    /// How far rows may be applied at the moment.
    limit_ns: Ns,
    suspect_ns: Ns,
    taint_ns: Ns,
    touch: Touch,
    /// What own orders may need of the book, kept while they rest.
    near_book: NearBook,
    /// The whole book, which follows when it is needed.
    whole: LazyBook,
    /// Whether a side has been cleared and not been shown again.
    awaiting_snapshot: bool,
    /// Whether the last row was a packet's last.
    at_packet_end: bool,
    counts: Counts,
    policies: [IssuePolicy; ISSUES],
    paranoid: bool,
    recording: bool,
    suspect: bool,
    /// When the stretch of suspect rows began that the last row belongs to, if it is suspect.
    suspect_since_ns: Ns,
    /// Whether the last complete packet left a crossed or locked book.
    crossed: bool,
    /// Whether it left a book that own orders may match with: not crossed, locked or SUSPECT.
    good: bool,
    /// Best prices and sizes after the packet that is being settled; else as `touch`.
    latest: Touch,
    /// Whether the packet at hand has changed a level; noted only where a strategy may want to know.
    changed: bool,
    /// Whether there is something to tell at the end of the packet at hand beside best prices.
    packet_has_updates: bool,
    row_filter: RowFilter,
    /// Whether a row of the packet at hand matters to own orders.
    own_orders_touched: bool,
    /// Best prices and mid before their first change at `changed_ns`.
    before: (Touch, Option<i64>),
    changed_ns: Ns,
    /// How many rows the batches given so far have.
    rows_loaded: u64,
    input_ended: bool,
    block: Option<Box<TraceBlock>>,
    /// How many rows there are before the block's.
    first: u64,
    /// The next row of the trace block, and its next mark.
    i: usize,
    mark: usize,
    /// Up to which row of the trace block own orders mind none and none lies beyond the limit; found again when it is not ahead.
    next_relevant: usize,
}

impl Market {
    /// Make the exchange of an instrument that waits for its first batch.
    pub fn new(index: usize, plan: &Plan, agents: usize) -> Self {
        let own = &plan.instruments[index];
        let matcher = |_| Matcher::new(own.rules(), own.feed(), own.initial_position);
        let repairs = plan.issue_policies[Issue::Oversize as usize - 1] == IssuePolicy::Repair;
        // The first instruments have the processors that the run itself leaves.
        let may_leave = available_parallelism().is_ok_and(|processors| index + 1 < processors.get());
        Market {
            worker: BuilderWorker::new(BookBuilder::new(own.feed(), own.depth, repairs), may_leave),
            plan: own.clone(),
            prints: PrintMatch::new(own.late_level_ns, own.late_print_ns),
            phase: phase::CONTINUOUS,
            view: View::new(own.feed(), own.depth, repairs),
            matchers: (0..agents).map(matcher).collect(),
            mid2: None,
            reschedule: false,
            now_ns: BEFORE_ALL,
            next_ns: NEVER,
            last_local_ns: BEFORE_ALL,
            wants_batch: true,
            out_of_rows: true,
            index,
            limit_ns: NEVER,
            suspect_ns: BEFORE_ALL,
            taint_ns: plan.taint_ns,
            touch: Touch::default(),
            near_book: NearBook::default(),
            whole: LazyBook::new(own.feed(), own.depth, repairs),
            awaiting_snapshot: false,
            at_packet_end: true,
            counts: Counts::default(),
            policies: plan.issue_policies,
            paranoid: plan.paranoid,
            recording: false,
            suspect: false,
            suspect_since_ns: BEFORE_ALL,
            crossed: false,
            good: true,
            latest: Touch::default(),
            changed: false,
            packet_has_updates: false,
            row_filter: RowFilter::default(),
            own_orders_touched: false,
            before: (Touch::default(), None),
            changed_ns: BEFORE_ALL,
            rows_loaded: 0,
            input_ended: false,
            block: None,
            first: 0,
            i: 0,
            mark: 0,
            next_relevant: 0,
        }
    }

    /// Return the market before the first row of this nanosecond: best prices, and the last two-sided doubled mid.
    pub fn before(&self, now_ns: Ns) -> [Option<i64>; 3] {
        let (touch, mid2) = if now_ns == self.changed_ns { self.before } else { (self.touch, self.mid2) };
        [touch.price(1), touch.price(-1), mid2]
    }

    /// Return since when the book has been suspect, `None` where it is not.
    pub fn suspect_since_ns(&self) -> Option<Ns> {
        self.suspect.then_some(self.suspect_since_ns)
    }

    /// Return the book as received, all levels and orders.
    pub fn received_book(&mut self) -> &Book {
        self.view.book(self.done())
    }

    /// Note from now on which packets change a level.
    pub fn subscribe_levels(&mut self) {
        self.view.subscribe_levels(self.done());
        self.update_filter();
    }

    /// Apply rows up to a time, or to that of what they schedule, or until nothing is left to go on with.
    ///
    /// Where a strategy waits for packets, the exchange goes no further than the arrival of the first that is on its
    /// way: what the strategy then sends has to find the exchange as it is at that time.
    ///
    /// # Errors
    /// A row cannot be applied and its policy is to fail, or an invariant is broken.
    pub fn advance(&mut self, limit_ns: Ns, outbox: &mut Outbox) -> Result<(), RunError> {
        (self.limit_ns, self.next_relevant) = (limit_ns, 0);
        let Some(block) = self.block.take() else { return Ok(()) };
        let (columns, begin) = (block.columns(), self.i);
        let done = self.rows(&block, &columns, outbox);
        if self.i > begin {
            self.now_ns = columns.ts_exchange_ns[self.i - 1];
            self.at_packet_end = columns.flags[self.i - 1] & flag::LAST != 0;
            if self.at_packet_end {
                self.changed = false;
            } else if self.view.has_packet_subscribers {
                self.note_changes(&block, columns.flags);
            }
        }
        match columns.ts_exchange_ns.get(self.i) {
            Some(next_ns) => self.next_ns = *next_ns,
            None => self.out_of_rows = true,
        }
        self.block = Some(block);
        done
    }

    /// Note whether the packet of the last row has changed a level.
    fn note_changes(&mut self, block: &TraceBlock, flags: &[u8]) {
        let begin = flags[..self.i - 1].iter().rposition(|flags| flags & flag::LAST != 0).map(|last| last + 1);
        self.changed &= begin.is_none();
        self.changed |= (begin.unwrap_or(0)..self.i).any(|i| block.effects(self.i)[i].changes());
    }

    /// Apply rows one by one where they matter; those between them have only happened.
    fn rows(&mut self, block: &TraceBlock, columns: &Columns, outbox: &mut Outbox) -> Result<(), RunError> {
        let effects = block.effects(columns.len());
        while self.i < columns.len() {
            let mark = block.marks().get(self.mark);
            let marked = mark.map_or(columns.len(), |mark| mark.row as usize);
            if !(self.own_orders_touched | self.row_filter.needs_full_book()) {
                self.i = self.next_row(columns.ts_exchange_ns, effects, marked);
            }
            if columns.ts_exchange_ns.get(self.i).is_none_or(|now_ns| *now_ns > self.limit_ns) {
                break;
            }
            let mark = mark.filter(|_| self.i == marked);
            self.mark += usize::from(mark.is_some());
            match mark {
                Some(mark) if mark.is_end() && !self.matters(&effects[self.i]) => {
                    self.now_ns = columns.ts_exchange_ns[self.i];
                    self.i += 1;
                    self.end_packet(Some(mark), mark.ts_local_ns, block, outbox)?;
                }
                _ => self.row(block, columns, mark, outbox)?,
            }
        }
        Ok(())
    }

    /// Apply no rows later than a time, for now.
    #[inline]
    fn stop_at(&mut self, limit_ns: Ns) {
        if limit_ns < self.limit_ns {
            (self.limit_ns, self.next_relevant) = (limit_ns, 0);
        }
    }

    /// Return whether own orders have to be asked about a row.
    #[inline(always)]
    fn matters(&self, effect: &RowEffect) -> bool {
        let may_mind = self.row_filter.any_matters() & (self.i >= self.next_relevant);
        self.own_orders_touched | self.row_filter.needs_full_book()
            || may_mind && self.row_filter.matters(effect.kind(), effect.key())
    }

    /// Return the next row that matters, the marked one at the latest, or the first beyond the limit.
    #[inline(always)]
    fn next_row(&mut self, ts_ns: &[Ns], effects: &[RowEffect], marked: usize) -> usize {
        let (i, limit_ns) = (self.i, self.limit_ns);
        if self.row_filter.any_matters() {
            if self.next_relevant <= i {
                // Where a strategy waits for packets, most marks bring the limit nearer: no need to look behind them.
                let end = if self.view.has_packet_subscribers { effects.len().min(marked + 1) } else { effects.len() };
                self.next_relevant = i + self.row_filter.count_ignorable(&effects[i..end], &ts_ns[i..end], limit_ns);
            }
            return self.next_relevant.min(marked);
        }
        if ts_ns.get(marked).is_some_and(|marked_ns| *marked_ns <= limit_ns) {
            return marked;
        }
        i + ts_ns[i..marked].partition_point(|now_ns| *now_ns <= limit_ns)
    }

    /// Apply the row at hand.
    fn row(
        &mut self,
        block: &TraceBlock,
        columns: &Columns,
        mark: Option<&PacketMark>,
        outbox: &mut Outbox,
    ) -> Result<(), RunError> {
        let (i, effect) = (self.i, block.effects(columns.len())[self.i]);
        self.now_ns = columns.ts_exchange_ns[i];
        self.at_packet_end = false;
        if let Some(issue) = mark.and_then(|mark| mark.issue) {
            self.apply_policy(issue, &columns.row(i), block)?;
        }
        if self.row_filter.any_matters() {
            self.show_row(columns, effect, outbox)?;
        }
        if mark.is_some_and(|mark| mark.notes_status) {
            self.note_status(&columns.row(i));
        }
        self.i = i + 1;
        if columns.flags[i] & flag::LAST != 0 {
            self.end_packet(mark.filter(|mark| mark.ends_packet), columns.ts_local_ns[i], block, outbox)?;
        }
        Ok(())
    }

    /// Record the best prices from now on, as they stand first.
    pub fn start(&mut self, now_ns: Ns, recorder: &mut Recorder) {
        self.recording = true;
        if self.touch != Touch::default() {
            recorder.bbo(self.index, now_ns, self.touch);
        }
    }

    /// Take in what a row says beside what it does to the book.
    #[cold]
    fn note_status(&mut self, row: &Row) {
        let suspect = row.flags & flag::SUSPECT != 0;
        if suspect {
            self.suspect_ns = self.now_ns;
            if !self.suspect {
                self.suspect_since_ns = self.now_ns;
            }
        }
        self.suspect = suspect;
        if row.action == action::STATUS {
            self.packet_has_updates |= self.phase != row.phase;
            self.phase = row.phase;
        }
    }

    /// Settle what is judged after a whole packet, and put what it changes on its way.
    #[inline(always)]
    fn end_packet(
        &mut self,
        left: Option<&PacketMark>,
        ts_local_ns: Ns,
        block: &TraceBlock,
        outbox: &mut Outbox,
    ) -> Result<(), RunError> {
        self.at_packet_end = true;
        if self.view.has_packet_subscribers {
            self.note_changes(block, block.columns().flags);
        }
        self.latest = left.map_or(self.latest, |left| left.touch);
        self.good = !self.suspect & self.latest.uncrossed();
        if self.own_orders_touched
            || self.row_filter.needs_full_book()
            || left.is_some() && self.row_filter.crosses(self.latest)
        {
            self.end_packet_of_orders(outbox)?;
        }
        self.whole.end_packet(self.done());
        let touched = left.is_some_and(|left| self.apply_mark(left, outbox));
        if touched | self.packet_has_updates | (self.changed & self.view.has_level_subscribers) {
            self.send_packet(touched, ts_local_ns);
        }
        self.changed = false;
        if self.crossed {
            self.counts.crossed += u64::from(self.phase == phase::CONTINUOUS);
        }
        if self.paranoid {
            self.check().map_err(|what| {
                let (name, at) = (&self.plan.name, format_instant(self.now_ns));
                RunError::Engine(format!("{name} at {at}: {what}"))
            })?;
        }
        Ok(())
    }

    /// Tell the strategies of a packet, if it brings anything.
    fn send_packet(&mut self, touched: bool, ts_local_ns: Ns) {
        self.packet_has_updates = false;
        if touched || self.changed && self.view.has_level_subscribers || self.view.has_own_updates(self.phase) {
            let state = ViewState { touch: self.touch, mid2: self.mid2, phase: self.phase };
            self.view.send(self.done(), ts_local_ns, state, self.changed);
            if self.view.is_crowded() {
                // Nobody looks at the past any more: what had arrived before this row need not wait for a look.
                self.view.catch_up(self.now_ns - 1);
            }
            if self.view.has_packet_subscribers {
                self.stop_at(ts_local_ns);
            }
        }
    }

    /// Take in what a packet leaves behind; return whether best prices or sizes are others.
    #[inline(always)]
    fn apply_mark(&mut self, left: &PacketMark, outbox: &mut Outbox) -> bool {
        if left.awaiting_snapshot != self.awaiting_snapshot {
            self.awaiting_snapshot = left.awaiting_snapshot;
            self.update_filter();
        }
        if left.touch == self.touch {
            return false;
        }
        if self.changed_ns != self.now_ns {
            self.before = (self.touch, self.mid2);
            self.changed_ns = self.now_ns;
        }
        self.touch = left.touch;
        self.crossed = !left.touch.uncrossed();
        self.mid2 = left.touch.mid2().or(self.mid2);
        outbox.set_mid(self.index, self.mid2, self.now_ns);
        if self.recording {
            outbox.recorder.bbo(self.index, self.now_ns, left.touch);
        }
        true
    }

    /// Deal with a row that the book cannot apply as it is, by policy.
    #[cold]
    fn apply_policy(&mut self, issue: Issue, row: &Row, block: &TraceBlock) -> Result<(), RunError> {
        let code = issue as usize - 1;
        let (name, at) = (issue.name(), format_instant(self.now_ns));
        let policy = self.policies[code];
        if policy == IssuePolicy::Fail {
            let (path, first) = block.source().map_or(("", 0), |(batch, begin)| (&batch.path, batch.first_row + begin));
            let choices = if issue == Issue::Oversize { "\"skip\" or \"repair\"" } else { "\"skip\"" };
            return Err(RunError::Data(format!(
                "{path}: row {} at {at}: {name}: order {}, size {}. See `lob-backtest validate`, or set \
                 data.policies.{name} to {choices}.",
                first + self.i as i64,
                row.order_id,
                row.size_lots
            )));
        }
        self.suspect_ns = self.now_ns;
        if policy == IssuePolicy::Repair && issue == Issue::Oversize {
            self.counts.repaired[code] += 1;
        } else {
            self.counts.skipped[code] += 1;
        }
        Ok(())
    }
}
