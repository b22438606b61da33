//! One instrument as the strategies have received it: the same book, later, a packet at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::batch::Batch;
use crate::book::{Book, Row};
use crate::codes::{action, flag, phase, Ns, NEVER};
use crate::ids::Place;
use crate::seat::Seat;

/// A trade of the market; `side` is the aggressor's.
#[derive(Clone, Copy, Debug)]
pub struct Print {
    /// When it happened.
    pub ts_exchange_ns: Ns,
    /// +1 bought, -1 sold, 0 unknown.
    pub side: i8,
    /// At what price.
    pub price_ticks: i64,
    /// How much.
    pub size_lots: i64,
    /// Whether the resting side was not displayed.
    pub hidden: bool,
}

/// A new queue position of an own order.
pub struct Move {
    /// The number of the last row of the packet that brings it.
    pub row: u64,
    /// Whose order.
    pub agent: usize,
    /// Its id.
    pub order_id: i64,
    /// Which stay in a queue it belongs to.
    pub turn: i64,
    /// The position.
    pub ahead_lots: Option<i64>,
}

/// What a packet brought.
#[derive(Default)]
pub struct Delivered {
    /// Its prints, if some strategy wants them.
    pub prints: Vec<Print>,
    /// Whether the best prices or sizes changed.
    pub best_changed: bool,
    /// Whether any level changed.
    pub any_changed: bool,
}

/// A batch, and what the exchange's book found out about its rows.
struct Loaded {
    first: u64,
    batch: Arc<Batch>,
    /// The number of the order that a row names, as it was before the row.
    slots: Vec<u32>,
}

/// The delayed market of one instrument. Rows are numbered from 0 over all batches.
pub struct View {
    /// The book after the last packet received.
    pub book: Book,
    /// The trading phase after it.
    pub phase: u8,
    /// The last two-sided doubled mid.
    pub mid2: Option<i64>,
    /// Whether some strategy wants to be called for packets; else they are taken in when somebody looks.
    pub eager: bool,
    /// Whether some strategy wants prints.
    pub wants_prints: bool,
    /// When the next packet arrives, `NEVER` while none is on its way.
    pub next_ns: Ns,
    /// Queue positions on their way.
    pub moves: VecDeque<Move>,
    /// Rows that the exchange has set right, with their sizes.
    pub repaired: VecDeque<(u64, i64)>,
    batches: VecDeque<Loaded>,
    spare: Vec<u32>,
    at: u64,
    ready: u64,
}

impl View {
    /// Make the view of an empty market.
    pub fn new(level: u8, depth: usize) -> Self {
        View {
            book: Book::follower(level, depth),
            phase: phase::CONTINUOUS,
            mid2: None,
            eager: false,
            wants_prints: false,
            next_ns: NEVER,
            moves: VecDeque::new(),
            repaired: VecDeque::new(),
            batches: VecDeque::new(),
            spare: Vec::new(),
            at: 0,
            ready: 0,
        }
    }

    /// Take in that rows from a number on are in a batch.
    pub fn load(&mut self, first: u64, batch: Arc<Batch>) {
        let mut slots = std::mem::take(&mut self.spare);
        slots.clear();
        slots.reserve(batch.len());
        self.batches.push_back(Loaded { first, batch, slots });
    }

    /// Take in which order the next row names: its number in the exchange's book, which is its number here.
    #[inline]
    pub fn note(&mut self, slot: u32) {
        if let Some(loaded) = self.batches.back_mut() {
            loaded.slots.push(slot);
        }
    }

    /// Put a packet that ends before a row on its way.
    #[inline]
    pub fn send(&mut self, end: u64, ts_local_ns: Ns) {
        if self.at == self.ready {
            self.next_ns = ts_local_ns;
        }
        self.ready = end;
    }

    /// Take in all packets that have arrived by now, telling nobody.
    #[inline]
    pub fn catch_up(&mut self, now_ns: Ns, seats: &mut [Seat]) {
        while self.next_ns <= now_ns {
            self.take_single_rows(now_ns);
            if self.next_ns <= now_ns {
                self.take_in(None, seats);
            }
        }
    }

    /// Take in packets of one row for as long as they have arrived and nothing but their row is to be done.
    fn take_single_rows(&mut self, now_ns: Ns) {
        let Some(Loaded { first, batch, slots }) = self.batches.front() else { return };
        let mut end = self.ready.min(first + batch.len() as u64);
        end = self.moves.front().map_or(end, |each| end.min(each.row));
        end = self.repaired.front().map_or(end, |each| end.min(each.0));
        let (columns, end, mut i) = (batch.columns(), end.saturating_sub(*first) as usize, (self.at - first) as usize);
        while i < end && columns.flags[i] & flag::LAST != 0 && columns.ts_local_ns[i] <= now_ns {
            let row = batch.row(i);
            if row.action == action::STATUS {
                self.phase = row.phase;
            }
            let _ = self.book.apply_at(&row, Place::known(slots[i]));
            self.mid2 = self.book.mid2().or(self.mid2);
            i += 1;
        }
        self.at = first + i as u64;
        self.next_ns = self.find_next();
    }

    /// Take in the next packet and say what it brought.
    pub fn deliver(&mut self, delivered: &mut Delivered, seats: &mut [Seat]) {
        let before = self.book.touch();
        delivered.prints.clear();
        delivered.any_changed = false;
        self.take_in(Some(delivered), seats);
        delivered.best_changed = before.differs(&self.book.touch());
    }

    /// Apply the rows of the next packet.
    fn take_in(&mut self, mut delivered: Option<&mut Delivered>, seats: &mut [Seat]) {
        loop {
            let loaded = self.batches.front().expect("rows that are on their way are in a batch");
            let Loaded { first, batch, slots } = loaded;
            let i = (self.at - first) as usize;
            if i == batch.len() {
                self.spare = self.batches.pop_front().map_or(Vec::new(), |loaded| loaded.slots);
                continue;
            }
            let (mut row, place) = (batch.row(i), Place::known(slots[i]));
            if let Some((at, size_lots)) = self.repaired.front() {
                if *at == self.at {
                    row.size_lots = *size_lots;
                    self.repaired.pop_front();
                }
            }
            if row.action == action::STATUS {
                self.phase = row.phase;
            } else if let Some(delivered) = &mut delivered {
                let ts_exchange_ns = self.wants_prints.then(|| batch.columns().ts_exchange_ns[i]);
                apply(&mut self.book, (&row, place), ts_exchange_ns, delivered);
            } else {
                // The exchange has dealt with a row that cannot be applied.
                let _ = self.book.apply_at(&row, place);
            }
            self.at += 1;
            if row.flags & flag::LAST != 0 {
                break;
            }
        }
        while self.moves.front().is_some_and(|each| each.row + 1 == self.at) {
            if let Some(each) = self.moves.pop_front() {
                seats[each.agent].desk.moved(each.order_id, each.turn, each.ahead_lots);
            }
        }
        self.mid2 = self.book.mid2().or(self.mid2);
        self.next_ns = self.find_next();
    }

    /// Return when the packet at hand arrives: with its last row.
    fn find_next(&self) -> Ns {
        let mut at = self.at;
        if at == self.ready {
            return NEVER;
        }
        for Loaded { first, batch, .. } in &self.batches {
            let columns = batch.columns();
            while at < first + batch.len() as u64 {
                let i = (at - first) as usize;
                if columns.flags[i] & flag::LAST != 0 {
                    return columns.ts_local_ns[i];
                }
                at += 1;
            }
        }
        NEVER
    }
}

/// Apply a row and note what it brought: a print, where its time is given, and whether a level changed.
#[inline]
fn apply(book: &mut Book, (row, place): (&Row, Place), ts_exchange_ns: Option<Ns>, delivered: &mut Delivered) {
    let mut print = |side, price_ticks, hidden| {
        if let Some(ts_exchange_ns) = ts_exchange_ns {
            let size_lots = row.size_lots;
            delivered.prints.push(Print { ts_exchange_ns, side, price_ticks, size_lots, hidden });
        }
    };
    if row.action == action::TRADE {
        print(-row.side, row.price_ticks, row.flags & flag::HIDDEN != 0);
        return;
    }
    if row.action == action::EXECUTE && place.found() {
        let (side, price_ticks) = book.stands_at(book.order(place.slot));
        if book.apply_at(row, place).is_ok() {
            print(-side, price_ticks, false);
            delivered.any_changed = true;
        }
    } else {
        delivered.any_changed |= book.apply_at(row, place).is_ok();
    }
}
