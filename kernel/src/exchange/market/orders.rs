//! The own orders of an instrument: what they are asked about, and what they ask for.

use std::cmp::Ordering;

use rustc_hash::FxHashMap as HashMap;

use crate::book::row_effect::{kind, RowEffect};
use crate::contract::batch::Columns;
use crate::contract::codes::{action, flag, index, key, phase, Ask};
use crate::contract::fault::Fault;
use crate::contract::row::Row;
use crate::exchange::displayed::{Displayed, Match};
use crate::exchange::floor::Floor;
use crate::exchange::market::Market;
use crate::exchange::overlay::Overlay;
use crate::exchange::own_order::OwnOrder;
use crate::wire::messages::Request;
use crate::wire::view::Move;

impl Market {
    /// Ask own orders about a row that may matter to them, and book what it does to them.
    pub(super) fn tell_orders(&mut self, columns: &Columns, effect: RowEffect, floor: &mut Floor) -> Result<(), Fault> {
        let number = self.done() + 1;
        if effect.is(kind::OTHER) {
            self.partial |= columns.action[self.i] == action::CLEAR;
            if !self.watch.is_careful() {
                self.look_again();
            }
        }
        if self.watch.is_careful() {
            self.whole.catch_up_to(number - 1);
            self.hear(&self.row_heard(columns, effect), effect, floor)?;
            self.whole.apply_next(columns.row(self.i));
        } else if self.heard || self.watch.minds(effect.kind(), effect.key()) {
            let row = self.row_heard(columns, effect);
            self.hear(&row, effect, floor)?;
            self.excerpt.take_in(row, number, effect);
        }
        if self.heard {
            self.book_all(floor)?;
        }
        Ok(())
    }

    /// Return the row at hand for own orders. Where they need no more than its effect says, most columns are left alone:
    /// they are far away.
    #[inline]
    fn row_heard(&self, columns: &Columns, effect: RowEffect) -> Row {
        let executes = effect.is_either(kind::EXECUTE);
        if executes | effect.is_either(kind::LESS) {
            let action = if executes { action::EXECUTE } else { action::CANCEL };
            let remembers = self.watch.remembers() | self.watch.is_careful() | !self.excerpt.is_empty();
            let order_id = if remembers { columns.order_id[self.i] } else { 0 };
            let (size_lots, flags) = (effect.lost_lots, columns.flags[self.i]);
            Row { action, side: effect.side(), order_id, price_ticks: 0, size_lots, flags, phase: 0 }
        } else {
            columns.row(self.i)
        }
    }

    fn hear(&mut self, row: &Row, effect: RowEffect, floor: &mut Floor) -> Result<(), Fault> {
        if effect.is(kind::NOTHING) {
            return Ok(());
        }
        self.heard = true;
        if effect.is_either(kind::ADD) {
            return Ok(());
        }
        let named = effect.named_order();
        if self.plan.level == 2 && row.action == action::LEVEL {
            self.hear_level(row);
        } else if self.plan.level == 2 && is_print(row) {
            self.hear_print(row, floor)?;
        } else {
            self.hear_order(row, effect);
        }
        self.news |= self.view.wants_prints && self.view.tell(row, &named, self.now_ns);
        Ok(())
    }

    /// Tell own orders of what happens to an order of the market, of a hidden print or of a CLEAR.
    fn hear_order(&mut self, row: &Row, effect: RowEffect) {
        let (named, done, matching) = (effect.named_order(), self.done(), self.matching());
        let Market { seats, excerpt, whole, prints, phase, now_ns, watch, .. } = self;
        let (phase, now_ns) = (*phase, *now_ns);
        let place = (named.side, named.price_ticks);
        let traded = effect.is_either(kind::EXECUTE) && row.flags & flag::AUCTION == 0;
        let book = if watch.is_careful() {
            whole.current()
        } else if !traded && seats.iter().any(|seat| seat.gateway.overlay.liquidity.remembers(place)) {
            whole.catch_up_to(done) // where it stands among the taken lots
        } else {
            excerpt.book()
        };
        for seat in seats {
            seat.gateway.overlay.before(Displayed { book, prints, phase, matching, now_ns }, row, &named);
        }
        if book.level == 2 && row.action == action::CLEAR {
            prints.clear(row.side, now_ns, book);
        }
    }

    /// L2: tell own orders of a LEVEL row.
    fn hear_level(&mut self, row: &Row) {
        let (book, place, now_ns) = (self.whole.current(), (row.side, row.price_ticks), self.now_ns);
        let (partial, window) = (book.partial[index(row.side)], row.flags & flag::WINDOW != 0);
        let sizes = (book.size_at(place.0, place.1), row.size_lots);
        let fall = if partial || window {
            self.prints.window(place, sizes, now_ns)
        } else {
            self.prints.level(place, sizes, now_ns)
        };
        if partial {
            return;
        }
        if let Some(fall) = fall {
            self.each_overlay(row, |overlay, displayed| overlay.fell(displayed, place, &fall));
        } else if window && row.size_lots == 0 {
            self.each_overlay(row, |overlay, _| overlay.leave(place));
        }
    }

    /// L2: tell own orders of a print: what of it earlier falls have shown already, and what is new.
    fn hear_print(&mut self, row: &Row, floor: &mut Floor) -> Result<(), Fault> {
        let (place, now_ns) = ((row.side, row.price_ticks), self.now_ns);
        // Its own packet shows what it takes off from the level behind it (`engine/packets.py`).
        let shown = i64::try_from(row.order_id).unwrap_or(0);
        let displayed_lots = self.whole.current().size_at(place.0, place.1);
        let fresh = if shown > 0 { (displayed_lots - (shown - 1)).max(0) } else { 0 };
        let mut left = row.size_lots - fresh.min(row.size_lots);
        let mut new = row.size_lots - left;
        while let Some((fall, lots)) = self.prints.explain(place, left, now_ns) {
            left -= lots;
            self.each_overlay(row, |overlay, displayed| overlay.late(displayed, place, &fall, lots));
            self.book_all(floor)?;
        }
        new += left;
        if new > 0 {
            self.each_overlay(row, |overlay, displayed| overlay.printed(displayed, place, new));
            self.prints.trade(place, new, now_ns, self.whole.current());
        }
        Ok(())
    }

    /// Show the whole book before a row to the own orders of each strategy.
    fn each_overlay(&mut self, row: &Row, mut tell: impl FnMut(&mut Overlay, Displayed)) {
        let matching = self.matching();
        let Market { seats, whole, prints, phase, now_ns, .. } = self;
        for seat in seats {
            let mut displayed = Displayed { book: whole.current(), prints, phase: *phase, matching, now_ns: *now_ns };
            displayed.matching = displayed.matching_row(row);
            tell(&mut seat.gateway.overlay, displayed);
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
    fn book_all(&mut self, floor: &mut Floor) -> Result<(), Fault> {
        for agent in 0..self.seats.len() {
            if !self.seats[agent].gateway.overlay.events.is_empty() {
                self.book_events(agent, None, floor)?;
            }
        }
        Ok(())
    }

    /// Return whether the place of some own order depends on more than the rows at its price.
    fn is_unsure(&self) -> bool {
        self.seats.iter().any(|seat| seat.gateway.overlay.is_careful(self.plan.depth))
    }

    /// Find out which rows matter from now on.
    pub fn look_again(&mut self) {
        self.quiet = 0;
        let everything = self.plan.level == 2 || self.view.wants_levels || self.paranoid || self.partial;
        let careful = everything || self.is_unsure();
        self.watch.look(&self.seats, self.view.wants_prints, careful);
        let touch = self.between.then_some(self.latest);
        if !self.watch.is_careful() && !self.excerpt.follow(&self.watch, touch) {
            self.watch.take_care();
        }
        if self.watch.is_careful() {
            self.excerpt.forget();
        }
    }

    /// Settle what is judged after a whole packet.
    pub(super) fn end_packet_of_orders(&mut self, floor: &mut Floor) -> Result<(), Fault> {
        // An order that a row of this packet has taken out of the window needs the whole book now.
        let careful = self.watch.is_careful() || self.is_unsure();
        self.heard = false;
        let done = self.done();
        if careful {
            self.whole.catch_up_to(done);
        }
        let (matching, now_ns) = (self.matching(), self.now_ns);
        let Market { seats, excerpt, whole, prints, phase, .. } = self;
        let phase = *phase;
        if careful {
            let book = whole.current();
            let falls = if book.is_partial() { prints.end_packet(now_ns, book) } else { HashMap::default() };
            for seat in seats.iter_mut() {
                seat.gateway.overlay.settle(Displayed { book, prints, phase, matching, now_ns }, &falls);
            }
            whole.end_packet(done);
        }
        for seat in seats.iter_mut() {
            let book = if careful { whole.current() } else { excerpt.book() };
            seat.gateway.overlay.end_packet(Displayed { book, prints, phase, matching, now_ns });
        }
        for agent in 0..self.seats.len() {
            if !self.seats[agent].gateway.overlay.events.is_empty() {
                self.book_events(agent, None, floor)?;
            }
            if !self.seats[agent].gateway.overlay.moved.is_empty() {
                self.send_moves(agent);
                self.news = true;
            }
        }
        let remembers = self.seats.iter().any(|seat| !seat.gateway.overlay.liquidity.is_untouched());
        if careful || remembers || !self.excerpt.is_empty() {
            self.look_again();
        }
        Ok(())
    }

    fn send_moves(&mut self, agent: usize) {
        let overlay = &mut self.seats[agent].gateway.overlay;
        for at in overlay.moved.drain(..) {
            let own = &mut overlay.owns[at];
            if !std::mem::take(&mut own.moved) {
                continue; // forgotten, or counted before
            }
            let (order_id, turn, ahead_lots) = (own.order_id, own.turn, own.ahead_lots(self.plan.level));
            self.view.moved(Move { agent, order_id, turn, ahead_lots });
        }
    }

    /// Let a request happen that arrives now.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn serve(&mut self, agent: usize, request: &Request, floor: &mut Floor) -> Result<(), Fault> {
        let (done, joins, matching) = (self.done(), self.joins(agent, request), self.matching());
        let Market { seats, excerpt, whole, prints, phase, .. } = self;
        let (gateway, prints, phase, now_ns) = (&mut seats[agent].gateway, &*prints, *phase, request.ts_exchange_ns);
        if let Some(joins) = joins {
            excerpt.with(joins, done, |book| {
                gateway.serve(Displayed { book, prints, phase, matching, now_ns }, request);
            });
        } else {
            let book = whole.catch_up_to(done);
            self.partial |= book.is_partial();
            gateway.serve(Displayed { book, prints, phase, matching, now_ns }, request);
        }
        self.book_events(agent, Some(request), floor)
    }

    /// Return side, price and displayed size of the level that a request wants to join, or `None` where the whole book
    /// has to be looked at.
    fn joins(&self, agent: usize, request: &Request) -> Option<(i8, i64, i64)> {
        let shown = self.plan.level == 3 && self.plan.depth == 0 && !self.partial;
        if !shown || !self.between || self.watch.is_careful() {
            return None;
        }
        if request.ask == Ask::Cancel {
            return Some((1, 0, 0));
        }
        let own = &self.seats[agent].gateway.overlay.owns[request.own];
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
    pub fn flatten(&mut self, agent: usize, order: OwnOrder, floor: &mut Floor) -> Result<(), Fault> {
        let now_ns = order.ts_arrival_ns;
        let done = self.done();
        let book = self.whole.catch_up_to(done);
        let (prints, phase) = (&self.prints, self.phase);
        let displayed = Displayed { book, prints, phase, matching: Match::Nothing, now_ns };
        let gateway = &mut self.seats[agent].gateway;
        let own = gateway.overlay.owns.insert(order);
        gateway.flatten(displayed, own);
        let (ask, ts_sent_ns, ts_exchange_ns, instrument) = (Ask::New, now_ns, now_ns, self.index);
        let request = Request { ask, ts_sent_ns, ts_exchange_ns, instrument, own, price_ticks: None, size_lots: None };
        self.book_events(agent, Some(&request), floor)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.whole.current().check()?;
        self.seats.iter().try_for_each(|seat| seat.gateway.overlay.check(self.whole.current()))
    }
}

/// Return whether a row is a print that can be told from a level's fall: of a known side, of displayed lots.
fn is_print(row: &Row) -> bool {
    row.action == action::TRADE && row.side != 0 && row.flags & (flag::HIDDEN | flag::AUCTION) == 0
}
