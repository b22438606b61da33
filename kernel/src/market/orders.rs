//! The own orders of an instrument: what they are asked about, and what they ask for.

use std::cmp::Ordering;

use crate::batch::Columns;
use crate::book::Row;
use crate::codes::{action, key, phase, Ask};
use crate::displayed::Displayed;
use crate::fault::Fault;
use crate::floor::Floor;
use crate::market::Market;
use crate::messages::Request;
use crate::own_order::OwnOrder;
use crate::tape::{kind, Trace};
use crate::view::Move;

impl Market {
    /// Ask own orders about a row that may matter to them, and book what it does to them.
    pub(super) fn tell_orders(&mut self, columns: &Columns, trace: Trace, floor: &mut Floor) -> Result<(), Fault> {
        let number = self.done() + 1;
        if trace.is(kind::OTHER) {
            self.partial |= columns.action[self.i] == action::CLEAR;
            if !self.watch.is_careful() {
                self.look_again();
            }
        }
        if self.watch.is_careful() {
            self.whole.come_to(number - 1);
            self.hear(&self.row_heard(columns, trace), trace);
            self.whole.take_in(columns.row(self.i));
        } else if self.heard || self.watch.minds(trace.kind(), trace.key()) {
            let row = self.row_heard(columns, trace);
            self.hear(&row, trace);
            self.excerpt.take_in(row, number, trace);
        }
        if self.heard {
            self.book_all(floor)?;
        }
        Ok(())
    }

    /// Return the row at hand for own orders. Where they need no more than its trace says, most columns are left alone:
    /// they are far away.
    #[inline]
    fn row_heard(&self, columns: &Columns, trace: Trace) -> Row {
        let executes = trace.is_either(kind::EXECUTE);
        if executes | trace.is_either(kind::LESS) {
            let action = if executes { action::EXECUTE } else { action::CANCEL };
            let remembers = self.watch.remembers() | self.watch.is_careful() | !self.excerpt.is_empty();
            let order_id = if remembers { columns.order_id[self.i] } else { 0 };
            let (size_lots, flags) = (trace.lost_lots, columns.flags[self.i]);
            Row { action, side: trace.side(), order_id, price_ticks: 0, size_lots, flags, phase: 0 }
        } else {
            columns.row(self.i)
        }
    }

    fn hear(&mut self, row: &Row, trace: Trace) {
        if trace.is(kind::NOTHING) {
            return;
        }
        self.heard = true;
        if trace.is_either(kind::ADD) {
            return;
        }
        let hit = trace.hit();
        let book = if self.watch.is_careful() { self.whole.here() } else { self.excerpt.book() };
        let matching = self.may_match() && !trace.stood_crossed();
        for seat in &mut self.seats {
            let displayed = Displayed { book, prints: &self.prints, phase: self.phase, matching };
            seat.gateway.overlay.before(displayed, row, &hit);
        }
        if book.level == 2 {
            self.prints.take_in(book, row);
        }
        self.news |= self.view.wants_prints && self.view.tell(row, &hit, self.now_ns);
    }

    /// Say whether own orders may trade, if the book is not crossed.
    fn may_match(&self) -> bool {
        self.phase == phase::CONTINUOUS && !self.suspect
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

    /// Say whether the place of some own order depends on more than the rows at its price.
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
        let (done, matching) = (self.done(), self.may_match() && self.latest.uncrossed());
        for agent in 0..self.seats.len() {
            let book = if careful { self.whole.come_to(done) } else { self.excerpt.book() };
            let displayed = Displayed { book, prints: &self.prints, phase: self.phase, matching };
            let overlay = &mut self.seats[agent].gateway.overlay;
            overlay.end_packet(displayed);
            if !overlay.events.is_empty() {
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
            let own = &overlay.owns[at];
            let (order_id, turn, ahead_lots) = (own.order_id, own.turn, own.ahead_lots(self.plan.level));
            self.view.moved(Move { agent, order_id, turn, ahead_lots });
        }
    }

    /// Let a request happen that arrives now.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn serve(&mut self, agent: usize, request: &Request, floor: &mut Floor) -> Result<(), Fault> {
        let (done, joins, may_match) = (self.done(), self.joins(agent, request), self.may_match());
        let Market { seats, excerpt, whole, prints, phase, latest, .. } = self;
        let (gateway, prints, phase) = (&mut seats[agent].gateway, &*prints, *phase);
        if let Some(joins) = joins {
            let matching = may_match && latest.uncrossed();
            excerpt.with(joins, done, |book| {
                gateway.serve(Displayed { book, prints, phase, matching }, request);
            });
        } else {
            let book = whole.come_to(done);
            self.partial |= book.is_partial();
            let matching = may_match && book.uncrossed();
            gateway.serve(Displayed { book, prints, phase, matching }, request);
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
            Ordering::Greater => self.tape.as_ref()?.size_at(side, own_key, self.i)?,
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
        let book = self.whole.come_to(done);
        let displayed = Displayed { book, prints: &self.prints, phase: self.phase, matching: false };
        let gateway = &mut self.seats[agent].gateway;
        let own = gateway.overlay.owns.insert(order);
        gateway.flatten(displayed, own);
        let (ask, ts_sent_ns, ts_exchange_ns, instrument) = (Ask::New, now_ns, now_ns, self.index);
        let request = Request { ask, ts_sent_ns, ts_exchange_ns, instrument, own, price_ticks: None, size_lots: None };
        self.book_events(agent, Some(&request), floor)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.whole.here().check()?;
        self.seats.iter().try_for_each(|seat| seat.gateway.overlay.check(self.whole.here()))
    }
}
