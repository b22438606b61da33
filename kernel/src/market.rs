//! One instrument at the exchange: its book, its phase, its prints, and the own orders beside them.

use std::sync::Arc;

use crate::account::fee_micro;
use crate::batch::Batch;
use crate::book::{Book, Nobody, Row};
use crate::codes::{action, flag, phase, Cause, Issue, IssuePolicy, Ns, UpdateKind, BEFORE_ALL, NEVER};
use crate::desk::Desk;
use crate::displayed::Displayed;
use crate::entry::answer;
use crate::fault::{format_instant, Fault};
use crate::floor::{Counts, Floor};
use crate::gateway::Gateway;
use crate::listeners::Listeners;
use crate::messages::{Filled, Message, Request};
use crate::overlay::Event;
use crate::plan::{InstrumentPlan, Plan};
use crate::prints::Prints;
use crate::quoter::Quoter;
use crate::recorder::{FillRow, Recorder, Times};
use crate::seat::Seat;
use crate::touch::Touch;
use crate::view::{Move, State, View};
use crate::watch::Watch;

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
    /// How far rows may be applied at the moment.
    limit_ns: Ns,
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
    touch: Touch,
    /// Whether the last complete packet left a crossed or locked book.
    crossed: bool,
    /// Whether the packet at hand has changed a level; noted only where a strategy may want to know.
    changed: bool,
    /// Whether there is something to do at the end of the packet at hand beside a look at the best prices.
    news: bool,
    watch: Watch,
    /// Whether own orders have been told of a row of the packet at hand.
    heard: bool,
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
            view: View::new(own.level, own.depth, plan.policies[Issue::Oversize as usize - 1] == IssuePolicy::Repair),
            seats: (0..agents).map(seat).collect(),
            counts: Counts::default(),
            mid2: None,
            stirred: false,
            limit_ns: NEVER,
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
            touch: Touch::default(),
            crossed: false,
            changed: false,
            news: false,
            watch: Watch::default(),
            heard: false,
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
        self.view.follower.load(self.first, batch.clone());
        self.news |= self.view.follower.is_behind(self.first);
        self.watch = self.watching();
        self.batch = Some(batch);
    }

    /// Return the market before the first row of this nanosecond: best prices, and the last two-sided doubled mid.
    pub fn before(&self, now_ns: Ns) -> [Option<i64>; 3] {
        if now_ns == self.changed_ns {
            self.before
        } else {
            self.present()
        }
    }

    fn present(&self) -> [Option<i64>; 3] {
        [self.touch.price(1), self.touch.price(-1), self.mid2]
    }

    /// Return the book as received, all levels and orders.
    pub fn received_book(&mut self) -> &Book {
        self.view.book(self.first + self.i as u64)
    }

    /// Note from now on which packets change a level.
    pub fn want_levels(&mut self) {
        self.view.want_levels(self.first + self.i as u64);
    }

    /// Apply rows up to a time, or to that of what they schedule, or until the batch is used up.
    ///
    /// Where a strategy waits for packets, the exchange goes no further than the arrival of the first that is on its
    /// way: what the strategy then sends has to find the exchange as it is at that time.
    ///
    /// # Errors
    /// A row cannot be applied and its policy is to fail, or an invariant is broken.
    pub fn advance(&mut self, limit_ns: Ns, floor: &mut Floor) -> Result<(), Fault> {
        let Some(batch) = self.batch.take() else { return Ok(()) };
        // What own orders have heard in the packet at hand is settled at its end, even if none rests any more.
        let told = self.paranoid || self.heard || self.watch.is_on();
        let begin = self.i;
        self.limit_ns = limit_ns;
        let done = if told { self.rows::<true>(&batch, floor) } else { self.rows::<false>(&batch, floor) };
        self.counts.rows += (self.i - begin) as u64;
        match batch.columns().ts_exchange_ns.get(self.i) {
            Some(next_ns) => self.next_ns = *next_ns,
            None => self.hungry = true,
        }
        self.batch = Some(batch);
        done
    }

    fn watching(&self) -> Watch {
        let everything = self.book.level == 2 || self.view.wants_prints;
        Watch::new(&self.seats, &self.book, everything)
    }

    /// Apply rows. `TOLD`: somebody has to be told of each before the book takes it in.
    fn rows<const TOLD: bool>(&mut self, batch: &Batch, floor: &mut Floor) -> Result<(), Fault> {
        let columns = batch.columns();
        let eventful = batch.is_eventful() || self.book.suspect;
        for i in self.i..batch.len() {
            let now_ns = columns.ts_exchange_ns[i];
            if now_ns > self.limit_ns {
                break;
            }
            self.now_ns = now_ns;
            let row = columns.row(i);
            self.apply::<TOLD>(row, batch, floor)?;
            if eventful && (self.book.suspect || row.flags & flag::SUSPECT != 0 || row.action == action::STATUS) {
                self.note(row.action, row.phase, row.flags);
            }
            self.i = i + 1;
            if row.flags & flag::LAST != 0 {
                self.end_packet::<TOLD>(columns.ts_local_ns[i], floor)?;
            }
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
    fn note(&mut self, act: u8, phase: u8, flags: u8) {
        self.book.suspect = flags & flag::SUSPECT != 0;
        if self.book.suspect {
            self.suspect_ns = self.now_ns;
        }
        if act == action::STATUS {
            self.news |= self.phase != phase;
            self.phase = phase;
        }
    }

    #[inline(always)]
    fn apply<const TOLD: bool>(&mut self, row: Row, batch: &Batch, floor: &mut Floor) -> Result<(), Fault> {
        if let Err(issue) = self.try_to_apply::<TOLD>(row) {
            self.settle_and_apply(issue, row, batch)?;
        } else if self.view.eager {
            self.changed |= row.action != action::TRADE && row.action != action::STATUS;
        }
        if TOLD && self.heard {
            self.book_all(floor)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn try_to_apply<const TOLD: bool>(&mut self, row: Row) -> Result<(), Issue> {
        if !TOLD {
            return self.book.apply(row, Nobody);
        }
        let Market { book, seats, prints, view, phase, now_ns, watch, heard, news, .. } = self;
        book.apply(row, Listeners { watch, seats, prints, view, phase: *phase, now_ns: *now_ns, heard, news })
    }

    #[cold]
    fn settle_and_apply(&mut self, issue: Issue, mut row: Row, batch: &Batch) -> Result<(), Fault> {
        if self.settle(issue, &mut row, batch)? && self.try_to_apply::<true>(row).is_ok() {
            self.changed = true;
        }
        Ok(())
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

    /// Settle what is judged after a whole packet, and put what it changes on its way.
    #[inline(always)]
    fn end_packet<const TOLD: bool>(&mut self, ts_local_ns: Ns, floor: &mut Floor) -> Result<(), Fault> {
        self.counts.packets += 1;
        if TOLD && self.heard | self.book.touched | self.watch.is_careful() {
            self.end_packet_of_orders(floor)?;
        }
        if self.book.touched | self.news | (self.changed & self.view.wants_levels) {
            self.tell(ts_local_ns, floor);
        }
        self.changed = false;
        if self.crossed {
            self.counts.crossed += u64::from(self.phase == phase::CONTINUOUS);
        }
        if TOLD && self.paranoid {
            self.check().map_err(|what| {
                let (name, at) = (&self.plan.name, format_instant(self.now_ns));
                Fault::Engine(format!("{name} at {at}: {what}"))
            })?;
        }
        Ok(())
    }

    /// Tell the strategies of a packet, if it brings anything.
    #[inline(never)]
    fn tell(&mut self, ts_local_ns: Ns, floor: &mut Floor) {
        let touched = self.book.touched && self.take_touch(floor);
        let changed = self.changed;
        let end = self.first + self.i as u64;
        if std::mem::take(&mut self.news) {
            self.view.follower.keep_up(end, ts_local_ns, self.now_ns, &self.book);
        }
        let sent = touched || changed && self.view.wants_levels || self.view.carries(self.phase);
        if sent {
            let state = State { touch: self.touch, mid2: self.mid2, phase: self.phase };
            self.view.send(end, ts_local_ns, state, changed);
            if self.view.is_crowded() {
                // Nobody looks at the past any more: what had arrived before this row need not wait for a look.
                self.view.catch_up(self.now_ns - 1, &mut self.seats);
            }
            if self.view.eager {
                self.limit_ns = self.limit_ns.min(ts_local_ns);
            }
        }
    }

    #[inline]
    fn end_packet_of_orders(&mut self, floor: &mut Floor) -> Result<(), Fault> {
        if !std::mem::take(&mut self.heard) && !self.watch.minds_end(&self.book) {
            return Ok(());
        }
        for agent in 0..self.seats.len() {
            let displayed = Displayed { book: &self.book, prints: &self.prints, phase: self.phase };
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
        self.watch = self.watching();
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

    /// Take in the best prices and sizes after a packet; say whether they are others.
    #[inline(always)]
    fn take_touch(&mut self, floor: &mut Floor) -> bool {
        self.book.complete();
        let touch = self.book.touch();
        if touch == self.touch {
            return false;
        }
        if self.changed_ns != self.now_ns {
            self.before = self.present();
            self.changed_ns = self.now_ns;
        }
        self.touch = touch;
        self.crossed = !self.book.uncrossed();
        self.mid2 = touch.mid2().or(self.mid2);
        floor.take_mid(self.index, self.mid2, self.now_ns);
        if self.recording {
            floor.recorder.bbo(self.index, self.now_ns, touch);
        }
        true
    }

    /// Deal with a row that the book cannot apply, by policy; say whether it can be applied now.
    #[cold]
    fn settle(&mut self, issue: Issue, row: &mut Row, batch: &Batch) -> Result<bool, Fault> {
        let code = issue as usize - 1;
        let (name, at) = (issue.name(), format_instant(self.now_ns));
        let policy = self.policies[code];
        if policy == IssuePolicy::Fail {
            let (path, first) = (&batch.path, batch.first_row);
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
            row.size_lots = self.book.order_by_id(row.order_id).map_or(0, |order| order.size_lots);
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
                    self.limit_ns = self.limit_ns.min(local_ns);
                }
                Event::Fill { own, price_ticks, size_lots, cause } => {
                    let filled = self.book_fill((agent, own), (price_ticks, size_lots, cause), now_ns, floor)?;
                    let local_ns = floor.agents[agent].response_ns(now_ns);
                    floor.agents[agent].tell(local_ns, self.index, Message::Filled(filled));
                    self.limit_ns = self.limit_ns.min(local_ns);
                }
            }
        }
        self.seats[agent].gateway.overlay.events = events;
        self.stirred = true;
        self.watch = self.watching();
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
        let fill_id = floor.recorder.fill(row, &floor.mids2);
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
