//! One instrument at the exchange: its rows in order of time, and the own orders beside them.
//!
//! Rows arrive pre-processed by the book builder. This module applies them in time order and shows own orders only the
//! rows that can affect them.

use std::thread::available_parallelism;

use crate::ahead::builder::BookBuilder;
use crate::ahead::trace_block::{PacketMark, TraceBlock};
use crate::book::row_effect::RowEffect;
use crate::book::touch::Touch;
use crate::book::Book;
use crate::contract::batch::Columns;
use crate::contract::codes::{flag, phase, Issue, IssuePolicy, Ns};
use crate::contract::error::{format_instant, RunError};
use crate::contract::plan::{InstrumentPlan, Plan};
use crate::contract::row::Row;
use crate::exchange::outbox::{Counts, Outbox};
use crate::record::recorder::Recorder;
use crate::wire::view::{View, ViewState};

mod blocks;
mod booking;
mod cursor;
mod input;
mod orders;
mod own_orders;
mod packet;
mod prices;
mod status;

pub use booking::narrow;
use cursor::Cursor;
use input::Input;
use own_orders::OwnOrders;
use packet::Packet;
use prices::Prices;
use status::Status;

/// The exchange of one instrument.
pub struct Market {
    // First, so that it is dropped first: it waits for its thread, which may hold batches, while others still hold them.
    /// Where rows come from.
    pub input: Input,
    /// The instrument's part of the plan.
    pub plan: InstrumentPlan,
    /// Which row is next.
    pub cursor: Cursor,
    /// Best prices.
    pub prices: Prices,
    /// The same market as the strategies have received it.
    pub view: View,
    /// The strategies' orders and accounts.
    pub orders: OwnOrders,
    index: usize,
    packet: Packet,
    status: Status,
    counts: Counts,
}

impl Market {
    /// Make the exchange of an instrument that waits for its first batch.
    pub fn new(index: usize, plan: &Plan) -> Self {
        let own = &plan.instruments[index];
        let repairs = plan.issue_policies[Issue::Oversize as usize - 1] == IssuePolicy::Repair;
        // The first instruments have the processors that the run itself leaves.
        let may_thread = available_parallelism().is_ok_and(|processors| index + 1 < processors.get());
        Market {
            input: Input::new(BookBuilder::new(own.feed, own.depth, repairs), may_thread),
            plan: own.clone(),
            cursor: Cursor::default(),
            prices: Prices::default(),
            view: View::new(own.feed, own.depth, repairs),
            orders: OwnOrders::new(plan, index),
            index,
            packet: Packet::default(),
            status: Status::new(plan.taint_ns, plan.issue_policies),
            counts: Counts::default(),
        }
    }

    /// Return since when the book has been suspect, `None` where it is not.
    pub fn suspect_since_ns(&self) -> Option<Ns> {
        self.status.suspect_since_ns()
    }

    /// Return the book as received, all levels and orders.
    pub fn received_book(&mut self) -> &Book {
        self.view.book(self.cursor.done())
    }

    /// From now on, send prints.
    pub fn subscribe_prints(&mut self) {
        if !self.view.has_print_subscribers {
            self.view.has_print_subscribers = true;
            self.update_filter();
        }
    }

    /// Note from now on which packets change a level.
    pub fn subscribe_levels(&mut self) {
        self.view.subscribe_levels(self.cursor.done());
        self.update_filter();
    }

    /// Record the best prices from now on, as they are first.
    pub fn start(&mut self, now_ns: Ns, recorder: &mut Recorder) {
        self.prices.is_recorded = true;
        if self.prices.touch != Touch::default() {
            recorder.bbo(self.index, now_ns, self.prices.touch);
        }
    }

    /// Apply rows up to a time, or to that of what they schedule, or to the end of the block.
    ///
    /// Where a strategy subscribes to packets, the exchange goes no further than the arrival of the first that is on its
    /// way: what the strategy then sends has to find the exchange as it is at that time.
    ///
    /// # Errors
    /// A row cannot be applied and its policy is to fail, or an invariant is broken.
    pub fn advance(&mut self, limit_ns: Ns, outbox: &mut Outbox) -> Result<(), RunError> {
        self.cursor.run_until(limit_ns);
        let Some(block) = self.cursor.block.take() else { return Ok(()) };
        let (columns, begin) = (block.columns(), self.cursor.i);
        let done = self.rows(&block, &columns, outbox);
        let i = self.cursor.i;
        if i > begin {
            self.cursor.now_ns = columns.ts_exchange_ns[i - 1];
            self.packet.at_end = columns.flags[i - 1] & flag::LAST != 0;
            if self.packet.at_end {
                self.packet.levels_changed = false;
            } else if self.view.has_packet_subscribers {
                self.packet.find_changed_levels(&block, columns.flags, i);
            }
        }
        match columns.ts_exchange_ns.get(i) {
            Some(next_ns) => self.cursor.next_ns = *next_ns,
            None => self.cursor.is_out_of_rows = true,
        }
        self.cursor.block = Some(block);
        done
    }

    /// Apply rows one by one where they matter; those between them only count.
    fn rows(&mut self, block: &TraceBlock, columns: &Columns, outbox: &mut Outbox) -> Result<(), RunError> {
        let effects = block.effects(columns.len());
        while self.cursor.i < columns.len() {
            let mark = block.marks().get(self.cursor.mark);
            let marked = mark.map_or(columns.len(), |mark| mark.row as usize);
            if !(self.packet.own_orders_touched | self.orders.filter.needs_full_book()) {
                // Where a strategy subscribes to packets, most marks bring the limit nearer: no need to look past them.
                let looks_ahead = !self.view.has_packet_subscribers;
                self.cursor.skip(&self.orders.filter, looks_ahead, (columns.ts_exchange_ns, effects), marked);
            }
            if !self.cursor.may_go_on(columns.ts_exchange_ns) {
                break;
            }
            let i = self.cursor.i;
            let mark = mark.filter(|_| i == marked);
            self.cursor.mark += usize::from(mark.is_some());
            match mark {
                Some(mark) if mark.is_end() && !self.concerns_orders(&effects[i]) => {
                    self.cursor.now_ns = columns.ts_exchange_ns[i];
                    self.cursor.i += 1;
                    self.end_packet(Some(mark), mark.ts_local_ns, block, outbox)?;
                }
                _ => self.row(block, columns, mark, outbox)?,
            }
        }
        Ok(())
    }

    /// Return whether own orders have to be shown the row at hand.
    #[inline(always)]
    fn concerns_orders(&self, effect: &RowEffect) -> bool {
        let filter = &self.orders.filter;
        self.packet.own_orders_touched | filter.needs_full_book() || self.cursor.is_relevant(filter, effect)
    }

    /// Apply the row at hand.
    fn row(
        &mut self,
        block: &TraceBlock,
        columns: &Columns,
        mark: Option<&PacketMark>,
        outbox: &mut Outbox,
    ) -> Result<(), RunError> {
        let i = self.cursor.i;
        let effect = block.effects(columns.len())[i];
        self.cursor.now_ns = columns.ts_exchange_ns[i];
        self.packet.at_end = false;
        if let Some(issue) = mark.and_then(|mark| mark.issue) {
            self.apply_policy(issue, &columns.row(i), block)?;
        }
        if self.orders.filter.any_matters() {
            self.show_row(columns, effect, outbox)?;
        }
        if mark.is_some_and(|mark| mark.notes_status) {
            let changes = self.status.note(&columns.row(i), self.cursor.now_ns);
            self.packet.has_updates |= changes;
            if changes && self.status.phase == phase::CLOSED {
                self.close_session();
            }
        }
        self.cursor.i = i + 1;
        if columns.flags[i] & flag::LAST != 0 {
            self.end_packet(mark.filter(|mark| mark.ends_packet), columns.ts_local_ns[i], block, outbox)?;
        }
        Ok(())
    }

    /// Do what can be done only after a whole packet, and put what it changes on its way. `left` is its mark, if best prices
    /// or sides awaiting a snapshot may have changed.
    #[inline(always)]
    fn end_packet(
        &mut self,
        left: Option<&PacketMark>,
        ts_local_ns: Ns,
        block: &TraceBlock,
        outbox: &mut Outbox,
    ) -> Result<(), RunError> {
        self.packet.at_end = true;
        if self.view.has_packet_subscribers {
            self.packet.find_changed_levels(block, block.columns().flags, self.cursor.i);
        }
        self.packet.latest = left.map_or(self.packet.latest, |left| left.touch);
        self.prices.may_match = !self.status.is_suspect() & self.packet.latest.uncrossed();
        let filter = &self.orders.filter;
        if self.packet.own_orders_touched
            || filter.needs_full_book()
            || left.is_some() && (filter.crosses(self.packet.latest) || self.orders.has_stops)
        {
            self.end_packet_of_orders(outbox)?;
        }
        self.orders.whole.end_packet(self.cursor.done());
        let touched = left.is_some_and(|left| self.apply_mark(left, outbox));
        if touched | self.packet.has_updates | (self.packet.levels_changed & self.view.has_level_subscribers) {
            self.send_packet(touched, ts_local_ns);
        }
        self.packet.levels_changed = false;
        if self.prices.is_crossed {
            self.counts.crossed += u64::from(self.status.phase == phase::CONTINUOUS);
        }
        if self.orders.is_paranoid {
            self.orders.check().map_err(|what| {
                let (name, at) = (&self.plan.name, format_instant(self.cursor.now_ns));
                RunError::Engine(format!("{name} at {at}: {what}"))
            })?;
        }
        Ok(())
    }

    /// Send the packet at hand to the strategies, if they can notice it.
    fn send_packet(&mut self, touched: bool, ts_local_ns: Ns) {
        self.packet.has_updates = false;
        let levels_changed = self.packet.levels_changed;
        let is_noticed = touched
            || levels_changed && self.view.has_level_subscribers
            || self.view.has_own_updates(self.status.phase);
        if is_noticed {
            let Prices { touch, mid2, .. } = self.prices;
            let state = ViewState { touch, mid2, phase: self.status.phase };
            self.view.send(self.cursor.done(), ts_local_ns, state, levels_changed);
            if self.view.is_crowded() {
                // No strategy will look at an earlier time: what had arrived before this row need not wait for a read.
                self.view.catch_up(self.cursor.now_ns - 1);
            }
            if self.view.has_packet_subscribers {
                self.cursor.stop_at(ts_local_ns);
            }
        }
    }

    /// Apply what a packet leaves behind; return whether best prices or sizes have changed.
    #[inline(always)]
    fn apply_mark(&mut self, left: &PacketMark, outbox: &mut Outbox) -> bool {
        if left.awaiting_snapshot != self.orders.awaiting_snapshot {
            self.orders.awaiting_snapshot = left.awaiting_snapshot;
            self.update_filter();
        }
        if left.touch == self.prices.touch {
            return false;
        }
        self.prices.change(left.touch, self.cursor.now_ns);
        outbox.set_mid(self.index, self.prices.mid2, self.cursor.now_ns);
        if self.prices.is_recorded {
            outbox.recorder.bbo(self.index, self.cursor.now_ns, left.touch);
        }
        true
    }

    /// Fail, skip or repair a row that the book cannot apply as it is.
    #[cold]
    fn apply_policy(&mut self, issue: Issue, row: &Row, block: &TraceBlock) -> Result<(), RunError> {
        let code = issue as usize - 1;
        let policy = self.status.policies[code];
        if policy == IssuePolicy::Fail {
            let (name, at) = (issue.name(), format_instant(self.cursor.now_ns));
            let (path, first) = block.source().map_or(("", 0), |(batch, begin)| (&batch.path, batch.first_row + begin));
            let choices = if issue == Issue::Oversize { "\"skip\" or \"repair\"" } else { "\"skip\"" };
            return Err(RunError::Data(format!(
                "{path}: row {} at {at}: {name}: order {}, size {}. See `lob-backtest validate`, or set \
                 data.policies.{name} to {choices}.",
                first + self.cursor.i as i64,
                row.order_id,
                row.size_lots
            )));
        }
        self.status.mark_suspect(self.cursor.now_ns);
        if policy == IssuePolicy::Repair && issue == Issue::Oversize {
            self.counts.repaired[code] += 1;
        } else {
            self.counts.skipped[code] += 1;
        }
        Ok(())
    }
}
