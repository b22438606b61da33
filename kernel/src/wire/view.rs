//! One instrument as the strategies have received it: the same market, later, a packet at a time.
//!
//! The exchange says what each packet changes, and most packets change nothing that a strategy would notice: those are
//! not sent at all. Levels and orders behind the best prices are read from a book that follows, see `lazy_book`.

use std::collections::VecDeque;

use crate::ahead::lazy_book::{LazyBook, Received};
use crate::book::row_effect::NamedOrder;
use crate::book::touch::Touch;
use crate::book::Book;
use crate::contract::codes::{action, flag, phase, Feed, Ns, NEVER};
use crate::contract::row::Row;

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
pub struct QueueMove {
    /// Whose order.
    pub agent: usize,
    /// Its id.
    pub order_id: i64,
    /// Which stay in a queue it belongs to.
    pub queue_stay: i64,
    /// The position.
    pub ahead_lots: Option<i64>,
}

/// What a packet leaves behind, as far as a strategy can notice.
#[derive(Clone, Copy, Default)]
pub struct ViewState {
    /// Best prices and sizes.
    pub touch: Touch,
    /// The last two-sided doubled mid.
    pub mid2: Option<i64>,
    /// The trading phase.
    pub phase: u8,
}

/// A packet on its way to the strategies; its prints and moves wait in queues of their own.
#[derive(Clone, Copy)]
struct SentPacket {
    /// The number of the row behind it.
    end: u64,
    ts_local_ns: Ns,
    state: ViewState,
    /// Whether some level changed; noted only where a strategy may want to know.
    changed: bool,
    /// How many prints and moves there have been up to its end.
    prints: u64,
    moves: u64,
}

/// What a packet brought.
#[derive(Default)]
pub struct Delivered {
    /// Its prints, if some strategy wants them.
    pub prints: Vec<Print>,
    /// Whether the best prices or sizes changed.
    pub best_changed: bool,
    /// Whether any level changed, if some strategy may want to know.
    pub any_changed: bool,
}

/// The delayed market of one instrument. Rows are numbered from 0 over all batches.
pub struct View {
    /// What the last packet received has left behind.
    pub state: ViewState,
    /// Whether some strategy wants to be called for packets; else they are taken in when somebody looks.
    pub has_packet_subscribers: bool,
    /// Whether some strategy wants prints.
    pub has_print_subscribers: bool,
    /// Whether some strategy wants every change of a level.
    pub has_level_subscribers: bool,
    /// When the next packet arrives that a strategy may notice, `NEVER` while none is on its way.
    pub next_ns: Ns,
    /// The levels and orders.
    pub lazy_book: LazyBook,
    packets: VecDeque<SentPacket>,
    prints: VecDeque<Print>,
    moves: VecDeque<QueueMove>,
    /// Queue positions that have arrived and that the strategies' local states do not have yet.
    pub received_moves: Vec<QueueMove>,
    received: Received,
    /// How many prints and moves there have been, and how many of them have been sent and received.
    made: (u64, u64),
    sent: (u64, u64),
    taken: (u64, u64),
    sent_phase: u8,
}

impl View {
    /// Make the view of an empty market.
    pub fn new(feed: Feed, depth: usize, repairs: bool) -> Self {
        View {
            state: ViewState { phase: phase::CONTINUOUS, ..ViewState::default() },
            has_packet_subscribers: false,
            has_print_subscribers: false,
            has_level_subscribers: false,
            next_ns: NEVER,
            lazy_book: LazyBook::new(feed, depth, repairs),
            packets: VecDeque::new(),
            prints: VecDeque::new(),
            moves: VecDeque::new(),
            received_moves: Vec::new(),
            received: Received::default(),
            made: (0, 0),
            sent: (0, 0),
            taken: (0, 0),
            sent_phase: phase::CONTINUOUS,
        }
    }

    /// Put the print of a row on its way, if it has one, with the packet at hand; return whether it has.
    pub fn push_print(&mut self, row: &Row, named: &NamedOrder, ts_exchange_ns: Ns) -> bool {
        let (side, price_ticks) = match row.action {
            action::TRADE => (row.side, row.price_ticks),
            action::EXECUTE => (named.side, named.price_ticks),
            _ => return false,
        };
        let hidden = row.action == action::TRADE && row.flags & flag::HIDDEN != 0;
        self.prints.push_back(Print { ts_exchange_ns, side: -side, price_ticks, size_lots: row.size_lots, hidden });
        self.made.0 += 1;
        true
    }

    /// Put a queue position on its way, with the packet at hand.
    pub fn push_move(&mut self, queue_move: QueueMove) {
        self.moves.push_back(queue_move);
        self.made.1 += 1;
    }

    /// Return whether the packet at hand carries something besides best prices and changes of levels.
    #[inline]
    pub fn has_own_updates(&self, phase: u8) -> bool {
        (self.made != self.sent) | (self.sent_phase != phase)
    }

    /// Put the packet at hand on its way: it ends before a row.
    #[inline]
    pub fn send(&mut self, end: u64, ts_local_ns: Ns, state: ViewState, changed: bool) {
        self.next_ns = self.next_ns.min(ts_local_ns);
        self.sent_phase = state.phase;
        self.sent = self.made;
        let (prints, moves) = self.made;
        self.packets.push_back(SentPacket { end, ts_local_ns, state, changed, prints, moves });
    }

    /// Return whether so much waits that what has arrived should be taken in.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.packets.len() >= CROWD && !self.has_packet_subscribers
    }

    /// Take in all packets that have arrived by now, telling nobody.
    #[inline]
    pub fn catch_up(&mut self, now_ns: Ns) {
        self.receive_until(now_ns);
        if self.next_ns <= now_ns && !self.packets.is_empty() {
            let all = self.packets.back().is_some_and(|last| last.ts_local_ns <= now_ns);
            let arrived =
                if all { self.packets.len() } else { self.packets.partition_point(|each| each.ts_local_ns <= now_ns) };
            let packet = self.receive(arrived);
            self.prints.drain(..(packet.prints - self.taken.0) as usize);
            self.taken.0 = packet.prints;
        }
    }

    /// Take in the next packet and say what it brought.
    pub fn deliver(&mut self, delivered: &mut Delivered) {
        let before = self.state.touch;
        let packet = self.receive(1);
        delivered.prints.clear();
        delivered.prints.extend(self.prints.drain(..(packet.prints - self.taken.0) as usize));
        self.taken.0 = packet.prints;
        delivered.best_changed = before != packet.state.touch;
        delivered.any_changed = packet.changed;
        self.received.until_row = packet.end;
    }

    /// Take in that no packet up to a time is still on its way.
    #[inline]
    pub fn receive_until(&mut self, until_ns: Ns) {
        self.received.until_ns = self.received.until_ns.max(until_ns);
    }

    /// Take in so many packets, at least one, and return the last.
    #[inline]
    fn receive(&mut self, packets: usize) -> SentPacket {
        let packet = self.packets[packets - 1];
        self.packets.drain(..packets);
        self.next_ns = self.packets.front().map_or(NEVER, |next| next.ts_local_ns);
        self.state = packet.state;
        self.received_moves.extend(self.moves.drain(..(packet.moves - self.taken.1) as usize));
        self.taken.1 = packet.moves;
        packet
    }

    /// Return the book after the last packet received; the exchange has taken in the rows before `done`.
    pub fn book(&mut self, done: u64) -> &Book {
        self.lazy_book.book(self.received, done)
    }

    /// From now on, note every change of a level, in the packets that are on their way already too.
    pub fn subscribe_levels(&mut self, done: u64) {
        if self.has_level_subscribers || !self.has_packet_subscribers {
            return;
        }
        self.has_level_subscribers = true;
        let mut known = std::mem::take(&mut self.packets).into_iter().peekable();
        let (mut state, (mut prints, mut moves)) = (self.state, self.taken);
        for (end, ts_local_ns, changed) in self.lazy_book.changes(self.received, done) {
            if let Some(packet) = known.next_if(|packet| packet.end == end) {
                (state, prints, moves) = (packet.state, packet.prints, packet.moves);
                self.packets.push_back(SentPacket { changed, ..packet });
            } else if changed {
                self.packets.push_back(SentPacket { end, ts_local_ns, state, changed, prints, moves });
            }
        }
        self.next_ns = self.packets.front().map_or(NEVER, |next| next.ts_local_ns);
    }
}
