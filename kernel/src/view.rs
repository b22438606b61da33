//! One instrument as the strategies have received it: the same market, later, a packet at a time.
//!
//! The exchange says what each packet changes, and most packets change nothing that a strategy would notice: those are
//! not sent at all. Levels and orders behind the best prices are read from a book that follows, see `follower`.

use std::collections::VecDeque;

use crate::book::{Book, Row, Touch};
use crate::codes::{action, flag, phase, Ns, NEVER};
use crate::follower::{Follower, Received};
use crate::ids::Place;
use crate::seat::Seat;

/// How many packets may wait before those that have arrived are taken in without being asked for.
const CROWD: usize = 64;

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
    /// Whose order.
    pub agent: usize,
    /// Its id.
    pub order_id: i64,
    /// Which stay in a queue it belongs to.
    pub turn: i64,
    /// The position.
    pub ahead_lots: Option<i64>,
}

/// A packet on its way to the strategies; its prints and moves wait in queues of their own.
#[derive(Clone, Copy)]
pub struct Packet {
    /// The number of the row behind it.
    pub end: u64,
    /// When it arrives.
    pub ts_local_ns: Ns,
    /// Best prices and sizes after it.
    pub touch: Touch,
    /// Whether some level changed; noted only where a strategy wants to know.
    pub changed: bool,
    phase: u8,
    prints: u32,
    moves: u32,
}

/// What a packet brought.
#[derive(Default)]
pub struct Delivered {
    /// Its prints, if some strategy wants them.
    pub prints: Vec<Print>,
    /// Whether the best prices or sizes changed.
    pub best_changed: bool,
    /// Whether any level changed, if some strategy wants to know.
    pub any_changed: bool,
}

/// The delayed market of one instrument. Rows are numbered from 0 over all batches.
pub struct View {
    /// Best prices and sizes after the last packet received.
    pub touch: Touch,
    /// The trading phase after it.
    pub phase: u8,
    /// The last two-sided doubled mid.
    pub mid2: Option<i64>,
    /// Whether some strategy wants to be called for packets; else they are taken in when somebody looks.
    pub eager: bool,
    /// Whether some strategy wants prints.
    pub wants_prints: bool,
    /// Whether some strategy wants every change of a level.
    pub wants_levels: bool,
    /// When the next packet arrives that a strategy may notice, `NEVER` while none is on its way.
    pub next_ns: Ns,
    /// The levels and orders.
    pub follower: Follower,
    packets: VecDeque<Packet>,
    prints: VecDeque<Print>,
    moves: VecDeque<Move>,
    received: Received,
    /// The phase, and the numbers of prints and moves, of what has been sent up to the packet at hand.
    sent_phase: u8,
    new_prints: u32,
    new_moves: u32,
}

impl View {
    /// Make the view of an empty market.
    pub fn new(level: u8, depth: usize, repairs: bool) -> Self {
        View {
            touch: Touch::default(),
            phase: phase::CONTINUOUS,
            mid2: None,
            eager: false,
            wants_prints: false,
            wants_levels: false,
            next_ns: NEVER,
            follower: Follower::new(level, depth, repairs),
            packets: VecDeque::new(),
            prints: VecDeque::new(),
            moves: VecDeque::new(),
            received: Received::default(),
            sent_phase: phase::CONTINUOUS,
            new_prints: 0,
            new_moves: 0,
        }
    }

    /// Put the print of a row on its way, if it has one, with the packet at hand. The book has not applied the row.
    pub fn tell(&mut self, book: &Book, row: &Row, place: Place, ts_exchange_ns: Ns) {
        let (side, price_ticks) = match row.action {
            action::TRADE => (row.side, row.price_ticks),
            action::EXECUTE => book.stands_at(book.order(place.slot)),
            _ => return,
        };
        let hidden = row.action == action::TRADE && row.flags & flag::HIDDEN != 0;
        self.prints.push_back(Print { ts_exchange_ns, side: -side, price_ticks, size_lots: row.size_lots, hidden });
        self.new_prints += 1;
    }

    /// Put a queue position on its way, with the packet at hand.
    pub fn moved(&mut self, moved: Move) {
        self.moves.push_back(moved);
        self.new_moves += 1;
    }

    /// Say whether the packet at hand carries something besides best prices and changes of levels.
    #[inline]
    pub fn carries(&self, phase: u8) -> bool {
        self.new_prints != 0 || self.new_moves != 0 || self.sent_phase != phase
    }

    /// Put the packet at hand on its way: it ends before a row.
    pub fn send(&mut self, end: u64, ts_local_ns: Ns, touch: Touch, phase: u8, changed: bool) {
        if self.packets.is_empty() {
            self.next_ns = ts_local_ns;
        }
        let (prints, moves) = (std::mem::take(&mut self.new_prints), std::mem::take(&mut self.new_moves));
        self.sent_phase = phase;
        self.packets.push_back(Packet { end, ts_local_ns, touch, changed, phase, prints, moves });
    }

    /// Say whether so much waits that what has arrived should be taken in.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.packets.len() >= CROWD && !self.eager
    }

    /// Take in all packets that have arrived by now, telling nobody.
    #[inline]
    pub fn catch_up(&mut self, now_ns: Ns, seats: &mut [Seat]) {
        self.received.until_ns = self.received.until_ns.max(now_ns);
        while self.next_ns <= now_ns {
            let packet = self.take_in(seats);
            self.prints.drain(..packet.prints as usize);
        }
    }

    /// Take in the next packet and say what it brought.
    pub fn deliver(&mut self, delivered: &mut Delivered, seats: &mut [Seat]) {
        let before = self.touch;
        let packet = self.take_in(seats);
        delivered.prints.clear();
        delivered.prints.extend(self.prints.drain(..packet.prints as usize));
        delivered.best_changed = before != packet.touch;
        delivered.any_changed = packet.changed;
        self.received.until_row = packet.end;
    }

    /// Take in that no packet up to a time is still on its way.
    #[inline]
    pub fn pass(&mut self, until_ns: Ns) {
        self.received.until_ns = self.received.until_ns.max(until_ns);
    }

    #[inline]
    fn take_in(&mut self, seats: &mut [Seat]) -> Packet {
        let packet = self.packets.pop_front().expect("a packet that arrives is on its way");
        self.next_ns = self.packets.front().map_or(NEVER, |next| next.ts_local_ns);
        self.touch = packet.touch;
        self.phase = packet.phase;
        self.mid2 = packet.touch.mid2().or(self.mid2);
        for _ in 0..packet.moves {
            if let Some(each) = self.moves.pop_front() {
                seats[each.agent].desk.moved(each.order_id, each.turn, each.ahead_lots);
            }
        }
        packet
    }

    /// Return the book after the last packet received; the exchange has taken in the rows before `done`.
    pub fn book(&mut self, done: u64) -> &Book {
        self.follower.book(self.received, done)
    }

    /// From now on, note every change of a level, in the packets that are on their way already too.
    pub fn want_levels(&mut self, done: u64) {
        if self.wants_levels || !self.eager {
            return;
        }
        self.wants_levels = true;
        let mut known = std::mem::take(&mut self.packets).into_iter().peekable();
        let (mut touch, mut phase) = (self.touch, self.phase);
        for (end, ts_local_ns, changed) in self.follower.changes(self.received, done) {
            if let Some(packet) = known.next_if(|packet| packet.end == end) {
                (touch, phase) = (packet.touch, packet.phase);
                self.packets.push_back(Packet { changed, ..packet });
            } else if changed {
                self.packets.push_back(Packet { end, ts_local_ns, touch, changed, phase, prints: 0, moves: 0 });
            }
        }
        self.next_ns = self.packets.front().map_or(NEVER, |next| next.ts_local_ns);
    }
}
