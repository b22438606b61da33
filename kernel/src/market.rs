//! One instrument at the exchange: its book, its phase, its prints, and the own orders beside them.

use std::sync::Arc;

use crate::account::fee_micro;
use crate::agent::Agent;
use crate::batch::Batch;
use crate::book::{Bbo, Book, Row, Touch};
use crate::codes::{action, flag, phase, Cause, Issue, IssuePolicy, Ns, UpdateKind, BEFORE_ALL, NEVER};
use crate::desk::Desk;
use crate::entry::answer;
use crate::fault::{format_instant, Fault};
use crate::gateway::Gateway;
use crate::ids::Place;
use crate::messages::{Filled, Message, Request};
use crate::overlay::{Displayed, Event};
use crate::plan::{InstrumentPlan, Plan};
use crate::prints::Prints;
use crate::quoter::Quoter;
use crate::recorder::{FillRow, Recorder, Times};
use crate::seat::Seat;
use crate::view::{Move, View};

/// What the exchange tells everybody else: the strategies' channels and the result tables.
pub struct Floor {
    /// The strategies.
    pub agents: Vec<Agent>,
    /// The result tables.
    pub recorder: Recorder,
}

/// Rows, packets and what was skipped or repaired.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Rows applied.
    pub rows: u64,
    /// Packets completed.
    pub packets: u64,
    /// Packets that left a crossed or locked book.
    pub crossed: u64,
    /// Rows left out, an `Issue` each.
    pub skipped: [u64; 3],
    /// Rows set right, an `Issue` each.
    pub repaired: [u64; 3],
}

/// The exchange of one instrument.
pub struct Market {
    /// The instrument's part of the plan.
    pub plan: InstrumentPlan,
    /// The market's book.
    pub book: Book,
    /// The prints since each level's last update (L2).
    pub prints: Prints,
    /// The trading phase.
    pub phase: u8,
    /// The same market as the strategies have received it.
    pub view: View,
    /// The strategies' business here, one each.
    pub seats: Vec<Seat>,
    /// What has been done.
    pub counts: Counts,
    /// The last two-sided doubled mid at the end of a packet.
    pub mid2: Option<i64>,
    /// Whether something was scheduled while rows were applied.
    pub stirred: bool,
    /// When the last row happened.
    pub now_ns: Ns,
    /// When the next row happens, `NEVER` behind the last.
    pub next_ns: Ns,
    /// When the last row of all was received.
    pub last_local_ns: Ns,
    /// Whether the next batch is needed before anything else.
    pub hungry: bool,
    index: usize,
    policies: [IssuePolicy; 3],
    taint_ns: Ns,
    paranoid: bool,
    recording: bool,
    suspect_ns: Ns,
    bbo: Bbo,
    touch: Touch,
    /// Best prices and mid before their first change at `changed_ns`.
    before: [Option<i64>; 3],
    changed_ns: Ns,
    batch: Option<Arc<Batch>>,
    first: u64,
    i: usize,
}

impl Market {
    /// Make the exchange of an instrument that waits for its first batch.
    pub fn new(index: usize, plan: &Plan, agents: usize) -> Self {
        let own = &plan.instruments[index];
        let seat = |_| Seat {
            gateway: Gateway::new(own.rules, own.initial_position),
            desk: Desk::new(own.max_position, own.initial_position),
            quoter: Quoter::default(),
            maker: own.maker,
            taker: own.taker,
        };
        Market {
            plan: own.clone(),
            book: Book::new(own.level, own.depth),
            prints: Prints::default(),
            phase: phase::CONTINUOUS,
            view: View::new(own.level, own.depth),
            seats: (0..agents).map(seat).collect(),
            counts: Counts::default(),
            mid2: None,
            stirred: false,
            now_ns: BEFORE_ALL,
            next_ns: NEVER,
            last_local_ns: BEFORE_ALL,
            hungry: true,
            index,
            policies: plan.policies,
            taint_ns: plan.taint_ns,
            paranoid: plan.paranoid,
            recording: false,
            suspect_ns: BEFORE_ALL,
            bbo: [None; 4],
            touch: Touch::default(),
            before: [None; 3],
            changed_ns: BEFORE_ALL,
            batch: None,
            first: 0,
            i: 0,
        }
    }

    /// Take the next batch, which has rows; `None`: there is no more.
    pub fn load(&mut self, batch: Option<Batch>) {
        self.hungry = false;
        self.first += self.batch.take().map_or(0, |batch| batch.len() as u64);
        self.i = 0;
        let Some(batch) = batch.map(Arc::new) else {
            self.next_ns = NEVER;
            return;
        };
        let columns = batch.columns();
        self.next_ns = columns.ts_exchange_ns[0];
        self.last_local_ns = columns.ts_local_ns[batch.len() - 1];
        self.view.load(self.first, batch.clone());
        self.batch = Some(batch);
        if !self.view.eager {
            // Nobody looks at the past any more: what had arrived before the last row need not wait for a look.
            self.view.catch_up(self.now_ns - 1, &mut self.seats);
        }
    }

    /// Return the market as own orders see it.
    #[inline]
    pub fn displayed(&self) -> Displayed<'_> {
        Displayed { book: &self.book, prints: &self.prints, phase: self.phase }
    }

    /// Return the market before the first row of this nanosecond: best prices, and the last two-sided doubled mid.
    pub fn before(&self, now_ns: Ns) -> [Option<i64>; 3] {
        if now_ns == self.changed_ns {
            self.before
        } else {
            [self.bbo[0], self.bbo[2], self.mid2]
        }
    }

    /// Apply rows up to a time; stop early when one of them has scheduled something, or the batch is used up.
    ///
    /// Where a strategy waits for packets, the exchange goes no further than the arrival of the first that is on its
    /// way: what the strategy then sends has to find the exchange as it is at that time.
    ///
    /// # Errors
    /// A row cannot be applied and its policy is to fail, or an invariant is broken.
    pub fn advance(&mut self, mut limit_ns: Ns, floor: &mut Floor) -> Result<(), Fault> {
        let Some(batch) = self.batch.clone() else { return Ok(()) };
        let columns = batch.columns();
        while self.next_ns <= limit_ns && !self.stirred {
            let i = self.i;
            self.now_ns = self.next_ns;
            let mut row = batch.row(i);
            self.apply(&mut row, floor)?;
            if row.action == action::STATUS {
                self.phase = row.phase;
            }
            if row.flags & flag::SUSPECT != 0 {
                self.suspect_ns = self.now_ns;
            }
            self.i = i + 1;
            self.counts.rows += 1;
            if row.flags & flag::LAST != 0 {
                self.end_packet(columns.ts_local_ns[i], floor)?;
                if self.view.eager {
                    limit_ns = limit_ns.min(columns.ts_local_ns[i]);
                }
            }
            match columns.ts_exchange_ns.get(self.i) {
                Some(next_ns) => self.next_ns = *next_ns,
                None => {
                    self.hungry = true;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Record the best prices from now on, as they stand first.
    pub fn start(&mut self, now_ns: Ns, recorder: &mut Recorder) {
        self.recording = true;
        if self.bbo != [None; 4] {
            recorder.bbo(self.index, now_ns, &self.bbo);
        }
    }

    #[inline]
    fn watched(&self) -> bool {
        self.seats.iter().any(|seat| seat.gateway.overlay.watching())
    }

    #[inline]
    fn apply(&mut self, row: &mut Row, floor: &mut Floor) -> Result<(), Fault> {
        let place = self.book.place_of(row);
        self.view.note(place.slot);
        let watched = self.watched();
        if watched {
            if let Some(issue) = self.book.issue(row, place) {
                if !self.settle(issue, row, place)? {
                    self.book.suspect = row.flags & flag::SUSPECT != 0;
                    return Ok(());
                }
            }
            self.tell(row, place, floor)?;
        }
        if self.plan.level == 2 {
            self.tell_prints(row);
        }
        if let Err(issue) = self.book.apply_at(row, place) {
            if self.settle(issue, row, place)? {
                let _ = self.book.apply_at(row, place);
            }
        }
        Ok(())
    }

    /// Tell own orders of a row while the book still stands as it was.
    #[inline]
    fn tell(&mut self, row: &Row, place: Place, floor: &mut Floor) -> Result<(), Fault> {
        for agent in 0..self.seats.len() {
            let displayed = Displayed { book: &self.book, prints: &self.prints, phase: self.phase };
            let overlay = &mut self.seats[agent].gateway.overlay;
            if overlay.watching() {
                overlay.before(displayed, row, place);
                if !overlay.events.is_empty() {
                    self.book_events(agent, None, floor)?;
                }
            }
        }
        Ok(())
    }

    fn tell_prints(&mut self, row: &Row) {
        let place = (row.side, row.price_ticks);
        match row.action {
            action::LEVEL => {
                let before = self.book.size_at(row.side, row.price_ticks);
                self.prints.level(place, before, row.size_lots);
            }
            action::TRADE if row.side != 0 && row.flags & (flag::HIDDEN | flag::AUCTION) == 0 => {
                self.prints.trade(place, row.size_lots);
            }
            action::CLEAR => self.prints.clear(row.side),
            _ => {}
        }
    }

    #[inline]
    fn end_packet(&mut self, ts_local_ns: Ns, floor: &mut Floor) -> Result<(), Fault> {
        self.counts.packets += 1;
        let end = self.first + self.i as u64;
        for agent in 0..self.seats.len() {
            let displayed = Displayed { book: &self.book, prints: &self.prints, phase: self.phase };
            let overlay = &mut self.seats[agent].gateway.overlay;
            if overlay.watching() {
                overlay.end_packet(displayed);
                if !overlay.events.is_empty() {
                    self.book_events(agent, None, floor)?;
                }
            }
            if !self.seats[agent].gateway.overlay.moved.is_empty() {
                self.send_moves(agent, end - 1);
            }
        }
        if self.book.partial != [false; 2] {
            self.book.complete();
        }
        self.view.send(end, ts_local_ns);
        if !self.book.uncrossed() && self.phase == phase::CONTINUOUS {
            self.counts.crossed += 1;
        }
        let touch = self.book.touch();
        if touch.differs(&self.touch) {
            self.touch = touch;
            self.take_bbo(self.book.bbo(), floor);
        }
        if self.paranoid {
            self.check().map_err(|what| {
                let (name, at) = (&self.plan.name, format_instant(self.now_ns));
                Fault::Engine(format!("{name} at {at}: {what}"))
            })?;
        }
        Ok(())
    }

    fn send_moves(&mut self, agent: usize, row: u64) {
        let overlay = &mut self.seats[agent].gateway.overlay;
        for at in overlay.moved.drain(..) {
            let own = &overlay.owns[at];
            let (order_id, turn, ahead_lots) = (own.order_id, own.turn, own.ahead_lots(self.plan.level));
            self.view.moves.push_back(Move { row, agent, order_id, turn, ahead_lots });
        }
    }

    #[inline]
    fn take_bbo(&mut self, bbo: Bbo, floor: &mut Floor) {
        if self.changed_ns != self.now_ns {
            self.changed_ns = self.now_ns;
            self.before = [self.bbo[0], self.bbo[2], self.mid2];
        }
        self.bbo = bbo;
        if let [Some(bid), _, Some(ask), _] = bbo {
            self.mid2 = Some(bid + ask);
        }
        if self.recording {
            floor.recorder.bbo(self.index, self.now_ns, &bbo);
        }
    }

    /// Deal with a row that the book cannot apply, by policy; say whether it can be applied now.
    #[cold]
    fn settle(&mut self, issue: Issue, row: &mut Row, place: Place) -> Result<bool, Fault> {
        let code = issue as usize - 1;
        let (name, at) = (issue.name(), format_instant(self.now_ns));
        let policy = self.policies[code];
        if policy == IssuePolicy::Fail {
            let (path, first) = self.batch.as_ref().map_or(("", 0), |batch| (batch.path.as_str(), batch.first_row));
            let choices = if issue == Issue::Oversize { "\"skip\" or \"repair\"" } else { "\"skip\"" };
            return Err(Fault::Data(format!(
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
            row.size_lots = self.book.order(place.slot).size_lots;
            self.view.repaired.push_back((self.first + self.i as u64, row.size_lots));
            return Ok(true);
        }
        self.counts.skipped[code] += 1;
        Ok(false)
    }

    /// Book and tell what happened to a strategy's orders; `asked` is the request that is being dealt with, if one is.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn book_events(&mut self, agent: usize, asked: Option<&Request>, floor: &mut Floor) -> Result<(), Fault> {
        let mut events = std::mem::take(&mut self.seats[agent].gateway.overlay.events);
        let now_ns = asked.map_or(self.now_ns, |request| request.ts_exchange_ns);
        for event in events.drain(..) {
            match event {
                Event::Update { own, stand, kind, reason } => {
                    let asked = asked.filter(|_| kind != UpdateKind::Expired);
                    let local_ns = floor.agents[agent].response_ns(now_ns);
                    let sent_ns = asked.map(|request| request.ts_sent_ns);
                    let times = Times { sent_ns, exchange_ns: Some(now_ns), local_ns };
                    let tag = &self.seats[agent].gateway.overlay.owns[own].tag;
                    floor.recorder.order((agent, self.index), (&stand, tag), (kind, reason), times);
                    let answer = answer(&stand, asked.map(|request| request.ask), kind, reason);
                    floor.agents[agent].tell(local_ns, self.index, Message::Answer(answer));
                }
                Event::Fill { own, price_ticks, size_lots, cause } => {
                    let filled = self.book_fill((agent, own), (price_ticks, size_lots, cause), now_ns, floor)?;
                    let local_ns = floor.agents[agent].response_ns(now_ns);
                    floor.agents[agent].tell(local_ns, self.index, Message::Filled(filled));
                }
            }
        }
        self.seats[agent].gateway.overlay.events = events;
        self.stirred = true;
        Ok(())
    }

    fn book_fill(
        &mut self,
        (agent, own): (usize, u32),
        (price_ticks, size_lots, cause): (i64, i64, Cause),
        now_ns: Ns,
        floor: &mut Floor,
    ) -> Result<Filled, Fault> {
        let before = self.before(now_ns);
        let seat = &mut self.seats[agent];
        let taker = cause == Cause::Take;
        let own = &seat.gateway.overlay.owns[own];
        let fee_micro = fee_micro(price_ticks, size_lots, if taker { seat.taker } else { seat.maker });
        seat.gateway.account.fill(own.side, price_ticks, size_lots, fee_micro)?;
        let row = FillRow {
            order_id: own.order_id,
            agent,
            instrument: self.index,
            side: own.side,
            price_ticks,
            size_lots,
            fee_micro: narrow(fee_micro, "the fee of a fill")?,
            taker,
            cause: cause as u8,
            ts_exchange_ns: now_ns,
            ts_local_ns: floor.agents[agent].response_ns(now_ns),
            before,
            ahead_at_arrival: own.ahead_at_arrival.filter(|_| !taker),
            ts_arrival_ns: own.ts_arrival_ns,
            tag: own.tag.clone(),
            tainted: now_ns.saturating_sub(self.suspect_ns) <= self.taint_ns,
        };
        let order_id = own.order_id;
        let fill_id = floor.recorder.fill(row);
        Ok(Filled { fill_id, order_id, price_ticks, size_lots, fee_micro, cause, ts_exchange_ns: now_ns })
    }

    fn check(&self) -> Result<(), String> {
        self.book.check()?;
        self.seats.iter().try_for_each(|seat| seat.gateway.overlay.check(&self.book))
    }
}

/// Bring a sum of money into the 64 bits of its column.
///
/// # Errors
/// It does not fit.
pub fn narrow(value: i128, what: &str) -> Result<i64, Fault> {
    i64::try_from(value).map_err(|_| Fault::Engine(format!("{what} is {value}, more than 64 bits hold")))
}
