//! The own orders of an instrument: what they are asked about, and what they ask for.

use std::cmp::Ordering;

use rustc_hash::FxHashMap as HashMap;

use crate::book::row_effect::{kind, RowEffect};
use crate::contract::batch::Columns;
use crate::contract::codes::{action, flag, index, key, phase, Feed, RequestKind};
use crate::contract::error::RunError;
use crate::contract::row::Row;
use crate::exchange::displayed::{Displayed, Match};
use crate::exchange::market::Market;
use crate::exchange::outbox::Outbox;
use crate::exchange::own_book::OwnBook;
use crate::exchange::own_order::OwnOrder;
use crate::wire::messages::Request;
use crate::wire::view::QueueMove;

impl Market {
    /// Show own orders a row that may matter to them, and book what it does to them.
    pub(super) fn show_row(
        &mut self,
        columns: &Columns,
        effect: RowEffect,
        outbox: &mut Outbox,
    ) -> Result<(), RunError> {
        let number = self.done() + 1;
        if effect.is(kind::OTHER) {
            self.awaiting_snapshot |= columns.action[self.i] == action::CLEAR;
            if !self.row_filter.needs_full_book() {
                self.update_filter();
            }
        }
        if self.row_filter.needs_full_book() {
            self.whole.catch_up_to(number - 1);
            self.show(&self.row_to_show(columns, effect), effect, outbox)?;
            self.whole.apply_next(columns.row(self.i));
        } else if self.own_orders_touched || self.row_filter.matters(effect.kind(), effect.key()) {
            let row = self.row_to_show(columns, effect);
            self.show(&row, effect, outbox)?;
            self.near_book.apply(row, number, effect);
        }
        if self.own_orders_touched {
            self.book_all(outbox)?;
        }
        Ok(())
    }

    /// Return the row at hand for own orders. Where they need no more than its effect says, most columns are left alone:
    /// they are far away.
    #[inline]
    fn row_to_show(&self, columns: &Columns, effect: RowEffect) -> Row {
        let executes = effect.is_either(kind::EXECUTE);
        if executes | effect.is_either(kind::LESS) {
            let action = if executes { action::EXECUTE } else { action::CANCEL };
            let tracks_order_ids =
                self.row_filter.tracks_order_ids() | self.row_filter.needs_full_book() | !self.near_book.is_empty();
            let order_id = if tracks_order_ids { columns.order_id[self.i] } else { 0 };
            let (size_lots, flags) = (effect.lost_lots, columns.flags[self.i]);
            Row { action, side: effect.side(), order_id, price_ticks: 0, size_lots, flags, phase: 0 }
        } else {
            columns.row(self.i)
        }
    }

    fn show(&mut self, row: &Row, effect: RowEffect, outbox: &mut Outbox) -> Result<(), RunError> {
        if effect.is(kind::NOTHING) {
            return Ok(());
        }
        self.own_orders_touched = true;
        if effect.is_either(kind::ADD) {
            return Ok(());
        }
        let named = effect.named_order();
        if self.plan.feed() == Feed::L2 && row.action == action::LEVEL {
            self.show_level_row(row);
        } else if self.plan.feed() == Feed::L2 && is_print(row) {
            self.show_print(row, outbox)?;
        } else {
            self.show_order_row(row, effect);
        }
        self.packet_has_updates |= self.view.has_print_subscribers && self.view.push_print(row, &named, self.now_ns);
        Ok(())
    }

    /// Tell own orders of what happens to an order of the market, of a hidden print or of a CLEAR.
    fn show_order_row(&mut self, row: &Row, effect: RowEffect) {
        let (named, done, matching) = (effect.named_order(), self.done(), self.matching());
        let Market { matchers, near_book, whole, prints, phase, now_ns, row_filter, .. } = self;
        let (phase, now_ns) = (*phase, *now_ns);
        let place = (named.side, named.price_ticks);
        let traded = effect.is_either(kind::EXECUTE) && row.flags & flag::AUCTION == 0;
        let book = if row_filter.needs_full_book() {
            whole.current()
        } else if !traded && matchers.iter().any(|matcher| matcher.own_book.available.remembers(place)) {
            whole.catch_up_to(done) // where it stands among the taken lots
        } else {
            near_book.book()
        };
        for matcher in matchers {
            matcher.own_book.before(Displayed { book, prints, phase, matching, now_ns }, row, &named);
        }
        if book.feed == Feed::L2 && row.action == action::CLEAR {
            prints.clear(row.side, now_ns, book);
        }
    }

    /// L2: tell own orders of a LEVEL row.
    fn show_level_row(&mut self, row: &Row) {
        let (book, place, now_ns) = (self.whole.current(), (row.side, row.price_ticks), self.now_ns);
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
            self.each_own_book(row, |own_book, displayed| own_book.fell(displayed, place, &fall));
        } else if window && row.size_lots == 0 {
            self.each_own_book(row, |own_book, _| own_book.leave(place));
        }
    }

    /// L2: tell own orders of a print: what of it earlier falls have shown already, and what is new.
    fn show_print(&mut self, row: &Row, outbox: &mut Outbox) -> Result<(), RunError> {
        let (place, now_ns) = ((row.side, row.price_ticks), self.now_ns);
        // Its own packet shows what it takes off from the level behind it (`engine/packets.py`).
        let shown = i64::try_from(row.order_id).unwrap_or(0);
        let displayed_lots = self.whole.current().size_at(place.0, place.1);
        let fresh = if shown > 0 { (displayed_lots - (shown - 1)).max(0) } else { 0 };
        let mut left = row.size_lots - fresh.min(row.size_lots);
        let mut new = row.size_lots - left;
        while let Some((fall, lots)) = self.prints.explain(place, left, now_ns) {
            left -= lots;
            self.each_own_book(row, |own_book, displayed| own_book.late(displayed, place, &fall, lots));
            self.book_all(outbox)?;
        }
        new += left;
        if new > 0 {
            self.each_own_book(row, |own_book, displayed| own_book.printed(displayed, place, new));
            self.prints.trade(place, new, now_ns, self.whole.current());
        }
        Ok(())
    }

    /// Show the whole book before a row to the own orders of each strategy.
    fn each_own_book(&mut self, row: &Row, mut tell: impl FnMut(&mut OwnBook, Displayed)) {
        let matching = self.matching();
        let Market { matchers, whole, prints, phase, now_ns, .. } = self;
        for matcher in matchers {
            let mut displayed = Displayed { book: whole.current(), prints, phase: *phase, matching, now_ns: *now_ns };
            displayed.matching = displayed.matching_row(row);
            tell(&mut matcher.own_book, displayed);
        }
    }

    /// Return what may fill now.
    pub(super) fn matching(&self) -> Match {
        match (self.phase == phase::CONTINUOUS, self.good) {
            (false, _) => Match::Nothing,
            (true, false) => Match::Through,
            (true, true) => Match::All,
        }
    }

    /// Book and tell what a row did to own orders.
    #[inline]
    fn book_all(&mut self, outbox: &mut Outbox) -> Result<(), RunError> {
        for agent in 0..self.matchers.len() {
            if !self.matchers[agent].own_book.events.is_empty() {
                self.book_events(agent, None, outbox)?;
            }
        }
        Ok(())
    }

    /// Return whether the place of some own order depends on more than the rows at its price.
    fn any_needs_full_book(&self) -> bool {
        self.matchers.iter().any(|matcher| matcher.own_book.needs_full_book(self.plan.depth))
    }

    /// Find out which rows matter from now on.
    pub fn update_filter(&mut self) {
        self.next_relevant = 0;
        let everything =
            self.plan.feed() == Feed::L2 || self.view.has_level_subscribers || self.paranoid || self.awaiting_snapshot;
        let needs_full_book = everything || self.any_needs_full_book();
        self.row_filter.update(
            self.matchers.iter().map(|matcher| &matcher.own_book),
            self.view.has_print_subscribers,
            needs_full_book,
        );
        let touch = self.at_packet_end.then_some(self.latest);
        if !self.row_filter.needs_full_book() && !self.near_book.extend_to(&self.row_filter, touch) {
            self.row_filter.require_full_book();
        }
        if self.row_filter.needs_full_book() {
            self.near_book.clear();
        }
    }

    /// Settle what is judged after a whole packet.
    pub(super) fn end_packet_of_orders(&mut self, outbox: &mut Outbox) -> Result<(), RunError> {
        // An order that a row of this packet has taken out of the window needs the whole book now.
        let needs_full_book = self.row_filter.needs_full_book() || self.any_needs_full_book();
        self.own_orders_touched = false;
        let done = self.done();
        if needs_full_book {
            self.whole.catch_up_to(done);
        }
        let (matching, now_ns) = (self.matching(), self.now_ns);
        let Market { matchers, near_book, whole, prints, phase, .. } = self;
        let phase = *phase;
        if needs_full_book {
            let book = whole.current();
            let falls = if book.is_awaiting_snapshot() { prints.end_packet(now_ns, book) } else { HashMap::default() };
            for matcher in matchers.iter_mut() {
                matcher.own_book.update_visibility(Displayed { book, prints, phase, matching, now_ns }, &falls);
            }
            whole.end_packet(done);
        }
        for matcher in matchers.iter_mut() {
            let book = if needs_full_book { whole.current() } else { near_book.book() };
            matcher.own_book.end_packet(Displayed { book, prints, phase, matching, now_ns });
        }
        for agent in 0..self.matchers.len() {
            if !self.matchers[agent].own_book.events.is_empty() {
                self.book_events(agent, None, outbox)?;
            }
            if !self.matchers[agent].own_book.moved.is_empty() {
                self.send_moves(agent);
                self.packet_has_updates = true;
            }
        }
        let tracks_order_ids = self.matchers.iter().any(|matcher| !matcher.own_book.available.is_untouched());
        if needs_full_book || tracks_order_ids || !self.near_book.is_empty() {
            self.update_filter();
        }
        Ok(())
    }

    fn send_moves(&mut self, agent: usize) {
        let own_book = &mut self.matchers[agent].own_book;
        for at in own_book.moved.drain(..) {
            let own = &mut own_book.owns[at];
            if !std::mem::take(&mut own.moved) {
                continue; // forgotten, or counted before
            }
            let (order_id, queue_stay, ahead_lots) = (own.order_id, own.queue_stay, own.ahead_lots(self.plan.feed()));
            self.view.push_move(QueueMove { agent, order_id, queue_stay, ahead_lots });
        }
    }

    /// Let a request happen that arrives now.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn serve(&mut self, agent: usize, request: &Request, outbox: &mut Outbox) -> Result<(), RunError> {
        let (done, joined_level, matching) = (self.done(), self.joined_level(agent, request), self.matching());
        let Market { matchers, near_book, whole, prints, phase, .. } = self;
        let (matcher, prints, phase, now_ns) = (&mut matchers[agent], &*prints, *phase, request.ts_exchange_ns);
        if let Some(joined_level) = joined_level {
            near_book.with_joined_level(joined_level, done, |book| {
                matcher.serve(Displayed { book, prints, phase, matching, now_ns }, request);
            });
        } else {
            let book = whole.catch_up_to(done);
            self.awaiting_snapshot |= book.is_awaiting_snapshot();
            matcher.serve(Displayed { book, prints, phase, matching, now_ns }, request);
        }
        self.book_events(agent, Some(request), outbox)
    }

    /// Return side, price and displayed size of the level that a request wants to join, or `None` where the whole book
    /// has to be looked at.
    fn joined_level(&self, agent: usize, request: &Request) -> Option<(i8, i64, i64)> {
        let shown = self.plan.feed() == Feed::L3 && self.plan.depth == 0 && !self.awaiting_snapshot;
        if !shown || !self.at_packet_end || self.row_filter.needs_full_book() {
            return None;
        }
        if request.kind == RequestKind::Cancel {
            return Some((1, 0, 0));
        }
        let own = &self.matchers[agent].own_book.owns[request.own];
        let (side, price_ticks) = (own.side, request.price_ticks.or(own.price_ticks)?);
        let (own_key, best) = (key(side, price_ticks), self.latest.key(side));
        if own_key.saturating_add(self.latest.key(-side)) <= 0 {
            return None; // it may take
        }
        let size_lots = match own_key.cmp(&best) {
            Ordering::Less => 0,
            Ordering::Equal => self.latest.lots(side),
            Ordering::Greater => self.block.as_ref()?.size_at(side, own_key, self.i)?,
        };
        Some((side, price_ticks, size_lots))
    }

    /// Close a position at the end of a run, as far as what is displayed allows.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn flatten(&mut self, agent: usize, order: OwnOrder, outbox: &mut Outbox) -> Result<(), RunError> {
        let now_ns = order.ts_arrival_ns;
        let done = self.done();
        let book = self.whole.catch_up_to(done);
        let (prints, phase) = (&self.prints, self.phase);
        let displayed = Displayed { book, prints, phase, matching: Match::Nothing, now_ns };
        let matcher = &mut self.matchers[agent];
        let own = matcher.own_book.owns.insert(order);
        matcher.flatten(displayed, own);
        let (kind, ts_sent_ns, ts_exchange_ns, instrument) = (RequestKind::New, now_ns, now_ns, self.index);
        let request = Request { kind, ts_sent_ns, ts_exchange_ns, instrument, own, price_ticks: None, size_lots: None };
        self.book_events(agent, Some(&request), outbox)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.whole.current().check()?;
        self.matchers.iter().try_for_each(|matcher| matcher.own_book.check(self.whole.current()))
    }
}

/// Return whether a row is a print that can be told from a level's fall: of a known side, of displayed lots.
fn is_print(row: &Row) -> bool {
    row.action == action::TRADE && row.side != 0 && row.flags & (flag::HIDDEN | flag::AUCTION) == 0
}
