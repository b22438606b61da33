//! Rows and requests that concern own orders: shown to them, and what follows is booked.

use std::cmp::Ordering;

use crate::book::row_effect::{kind, RowEffect};
use crate::contract::batch::Columns;
use crate::contract::codes::{action, flag, key, phase, Feed, Ns, RequestKind};
use crate::contract::error::RunError;
use crate::contract::row::Row;
use crate::exchange::displayed::Match;
use crate::exchange::market::own_orders::Moment;
use crate::exchange::market::Market;
use crate::exchange::outbox::Outbox;
use crate::exchange::own_book::OwnBook;
use crate::wire::messages::Request;
use crate::wire::view::QueueMove;

impl Market {
    /// Show own orders a row that may matter to them, and book what follows.
    pub(super) fn show_row(
        &mut self,
        columns: &Columns,
        effect: RowEffect,
        outbox: &mut Outbox,
    ) -> Result<(), RunError> {
        let (i, number) = (self.cursor.i, self.done() + 1);
        if effect.is(kind::OTHER) {
            self.orders.awaiting_snapshot |= columns.action[i] == action::CLEAR;
            if !self.orders.filter.needs_full_book() {
                self.update_filter();
            }
        }
        if self.orders.filter.needs_full_book() {
            self.orders.catch_up_to(number - 1);
            self.show(&self.orders.row_to_show(columns, i, effect), effect, outbox)?;
            self.orders.whole.apply_next(columns.row(i));
        } else if self.packet.own_orders_touched || self.orders.filter.matters(effect.kind(), effect.key()) {
            let row = self.orders.row_to_show(columns, i, effect);
            self.show(&row, effect, outbox)?;
            self.orders.apply_near(row, number, effect);
        }
        if self.packet.own_orders_touched {
            self.book_all(outbox)?;
            if self.orders.protect(self.cursor.now_ns) {
                self.book_all(outbox)?;
            }
        }
        Ok(())
    }

    fn show(&mut self, row: &Row, effect: RowEffect, outbox: &mut Outbox) -> Result<(), RunError> {
        if effect.is(kind::NOTHING) {
            return Ok(());
        }
        self.packet.own_orders_touched = true;
        if effect.is_either(kind::ADD) {
            return Ok(());
        }
        let (named, done, moment) = (effect.named_order(), self.done(), self.moment());
        if self.orders.has_stops && self.status.phase == phase::CONTINUOUS && is_unauctioned(row) {
            let price_ticks = if row.action == action::EXECUTE { named.price_ticks } else { row.price_ticks };
            self.orders.show_to_stops(price_ticks);
        }
        if self.plan.feed == Feed::L2 && row.action == action::LEVEL {
            self.orders.show_level_row(row, moment);
        } else if self.plan.feed == Feed::L2 && is_print(row) {
            self.show_print(row, moment, outbox)?;
        } else {
            self.orders.show_order_row(row, effect, done, moment);
        }
        self.packet.has_updates |= self.view.has_print_subscribers && self.view.push_print(row, &named, moment.now_ns);
        Ok(())
    }

    /// L2: show own orders a print: first its lots that earlier falls have shown already, then the new ones.
    fn show_print(&mut self, row: &Row, moment: Moment, outbox: &mut Outbox) -> Result<(), RunError> {
        let (mut left, new) = self.orders.split_print(row);
        while let Some(lots) = self.orders.show_late_print(row, left, moment) {
            left -= lots;
            self.book_all(outbox)?;
        }
        if new + left > 0 {
            self.orders.show_new_print(row, new + left, moment);
        }
        Ok(())
    }

    /// Return when own orders are shown the row at hand, and what may fill then.
    pub(super) fn moment(&self) -> Moment {
        let matching = match (self.status.phase == phase::CONTINUOUS, self.prices.may_match) {
            (false, _) => Match::Nothing,
            (true, false) => Match::Through,
            (true, true) => Match::All,
        };
        let (now_ns, phase, has_phases) = (self.cursor.now_ns, self.status.phase, self.status.has_phases);
        Moment { now_ns, phase, has_phases, matching }
    }

    /// Book what a row did to own orders.
    #[inline]
    fn book_all(&mut self, outbox: &mut Outbox) -> Result<(), RunError> {
        for agent in 0..self.orders.matchers.len() {
            if !self.orders.matchers[agent].own_book.events.is_empty() {
                self.book_events(agent, self.cursor.now_ns, None, outbox)?;
            }
        }
        Ok(())
    }

    /// Find out which rows matter from now on.
    pub fn update_filter(&mut self) {
        self.cursor.forget_relevant();
        let orders = &self.orders;
        let needs_full_book = self.plan.feed == Feed::L2
            || self.view.has_level_subscribers
            || orders.is_paranoid
            || orders.awaiting_snapshot
            || orders.any_needs_full_book(self.plan.depth);
        let touch = self.packet.at_end.then_some(self.packet.latest);
        self.orders.update_due();
        let all_executions = self.view.has_print_subscribers || self.orders.has_stops;
        self.orders.update_filter(needs_full_book, all_executions, touch);
    }

    /// Let own orders trade with what a packet leaves behind, and book what follows.
    pub(super) fn end_packet_of_orders(&mut self, outbox: &mut Outbox) -> Result<(), RunError> {
        // An order that a row of this packet has taken out of the window needs the whole book now.
        let needs_full_book = self.orders.filter.needs_full_book() || self.orders.any_needs_full_book(self.plan.depth);
        self.packet.own_orders_touched = false;
        let (done, moment) = (self.done(), self.moment());
        if needs_full_book {
            self.orders.catch_up_to(done);
        }
        self.orders.end_packet(needs_full_book, done, moment);
        for agent in 0..self.orders.matchers.len() {
            if !self.orders.matchers[agent].own_book.events.is_empty() {
                self.book_events(agent, self.cursor.now_ns, None, outbox)?;
            }
            if !self.orders.matchers[agent].own_book.moved.is_empty() {
                self.send_moves(agent);
                self.packet.has_updates = true;
            }
        }
        if needs_full_book || self.orders.is_filter_stale() {
            self.update_filter();
        }
        if self.orders.has_stops {
            self.orders.end_packet_of_stops(self.packet.latest, moment);
            self.look_again();
        }
        Ok(())
    }

    fn send_moves(&mut self, agent: usize) {
        let own_book = &mut self.orders.matchers[agent].own_book;
        for at in own_book.moved.drain(..) {
            let own = &mut own_book.orders[at];
            if !std::mem::take(&mut own.has_moved) {
                continue; // forgotten, or sent before
            }
            let (order_id, queue_stay, ahead_lots) = (own.order_id, own.queue_stay, own.ahead_lots(self.plan.feed));
            self.view.push_move(QueueMove { agent, order_id, queue_stay, ahead_lots });
        }
    }

    /// Serve a request that arrives now.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn serve(&mut self, agent: usize, request: &Request, outbox: &mut Outbox) -> Result<(), RunError> {
        let moment = Moment { now_ns: request.ts_exchange_ns, ..self.moment() };
        let (done, joined) = (self.done(), self.joined_level(agent, request));
        self.orders.serve(agent, request, joined, done, moment);
        let OwnBook { stops, orders, .. } = &mut self.orders.matchers[agent].own_book;
        if request.terms.is_some() && !stops.is_empty() && moment.matching == Match::All {
            stops.arrived(orders, self.packet.latest, moment.now_ns);
        }
        self.book_events(agent, request.ts_exchange_ns, Some(request), outbox)
    }

    /// Do what is due without a row or a request: orders expire, then triggered ones arrive.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn act(&mut self, now_ns: Ns, outbox: &mut Outbox) -> Result<(), RunError> {
        for agent in 0..self.orders.matchers.len() {
            self.orders.matchers[agent].expire(now_ns);
            if !self.orders.matchers[agent].own_book.events.is_empty() {
                self.book_events(agent, now_ns, None, outbox)?;
            }
        }
        for agent in 0..self.orders.matchers.len() {
            if self.orders.matchers[agent].own_book.stops.due_ns() <= now_ns {
                let moment = Moment { now_ns, ..self.moment() };
                self.orders.trigger(agent, self.done(), moment);
                self.book_events(agent, now_ns, None, outbox)?;
            }
        }
        Ok(())
    }

    /// Let DAY orders end with the session.
    pub(super) fn close_session(&mut self) {
        let now_ns = self.cursor.now_ns;
        for matcher in &mut self.orders.matchers {
            let OwnBook { expiries, orders, .. } = &mut matcher.own_book;
            expiries.close(now_ns, orders);
        }
        self.orders.update_due();
        self.look_again();
    }

    /// Apply no later rows before what is due now.
    fn look_again(&mut self) {
        if self.orders.due_ns <= self.cursor.now_ns {
            self.cursor.stop_at(self.cursor.now_ns);
            self.cursor.reschedule = true;
        }
    }

    /// Return side, price and displayed size of the level that a request wants to join, or `None` where it needs the whole
    /// book.
    fn joined_level(&self, agent: usize, request: &Request) -> Option<(i8, i64, i64)> {
        let shown = self.plan.feed == Feed::L3 && self.plan.depth == 0 && !self.orders.awaiting_snapshot;
        if !shown || !self.packet.at_end || self.orders.filter.needs_full_book() {
            return None;
        }
        if matches!(request.kind, RequestKind::Cancel | RequestKind::CancelAll | RequestKind::MmpReset) {
            return Some((1, 0, 0));
        }
        let terms = request.terms.unwrap_or_else(|| self.orders.matchers[agent].order(request.order_id).terms);
        let (side, price_ticks) = (terms.side, request.price_ticks.or(terms.price_ticks)?);
        let (own_key, touch) = (key(side, price_ticks), self.packet.latest);
        if own_key.saturating_add(touch.key(-side)) <= 0 {
            return None; // it may take
        }
        if self.orders.matchers[agent].slides_off_own(side, price_ticks) {
            return None; // it may join another level
        }
        let size_lots = match own_key.cmp(&touch.key(side)) {
            Ordering::Less => 0,
            Ordering::Equal => touch.lots(side),
            Ordering::Greater => self.cursor.block.as_ref()?.size_at(side, own_key, self.cursor.i)?,
        };
        Some((side, price_ticks, size_lots))
    }

    /// Close a position at the end of a run, as far as what is displayed allows.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn flatten(&mut self, agent: usize, request: &Request, outbox: &mut Outbox) -> Result<(), RunError> {
        let Some(terms) = request.terms else { return Ok(()) };
        let moment = Moment { now_ns: request.ts_exchange_ns, matching: Match::Nothing, ..self.moment() };
        self.orders.flatten(agent, request.order_id, terms, (self.done(), moment));
        self.book_events(agent, request.ts_exchange_ns, Some(request), outbox)
    }
}

/// Return whether a row is a trade of the market outside of auctions.
fn is_unauctioned(row: &Row) -> bool {
    matches!(row.action, action::EXECUTE | action::TRADE) && row.flags & flag::AUCTION == 0
}

/// Return whether a row is a print that can be told from a level's fall: of a known side, of displayed lots.
fn is_print(row: &Row) -> bool {
    row.action == action::TRADE && row.side != 0 && row.flags & (flag::HIDDEN | flag::AUCTION) == 0
}
