//! One instrument as the strategies have received it: the same market, later, packet by packet.
//!
//! The exchange sends a packet only if it changes something that a strategy can notice; most change nothing of the
//! kind. Levels and orders behind the best prices are read from a `LazyBook`.

use std::collections::VecDeque;

use crate::ahead::lazy_book::{LazyBook, Received};
use crate::book::row_effect::NamedOrder;
use crate::book::touch::Touch;
use crate::book::Book;
use crate::contract::codes::{action, flag, phase, Feed, Ns, NEVER};
use crate::contract::row::Row;

/// Backlog at which arrived packets are delivered without a read.
const BACKLOG: usize = 64;

/// A trade of the market; `side` is the aggressor's.
#[derive(Clone, Copy, Debug)]
pub struct Print {
    /// When it happened.
    pub ts_exchange_ns: Ns,
    /// +1 bought, -1 sold, 0 unknown.
    pub side: i8,
    /// Ticks.
    pub price_ticks: i64,
    /// Lots.
    pub size_lots: i64,
    /// True if the resting side was not displayed.
    pub hidden: bool,
}

/// A new queue position of an own order.
pub struct QueueMove {
    /// The agent's number.
    pub agent: usize,
    /// Id of the order.
    pub order_id: i64,
    /// Its stay in a queue, see `OwnOrder::queue_stay`.
    pub queue_stay: i64,
    /// The market's lots ahead; `None`: not displayed.
    pub ahead_lots: Option<i64>,
}

/// What a packet leaves behind, as far as a strategy can notice it.
#[derive(Clone, Copy, Default)]
pub struct ViewState {
    /// Best prices and sizes.
    pub touch: Touch,
    /// The last doubled mid of a two-sided book.
    pub mid2: Option<i64>,
    /// The trading phase.
    pub phase: u8,
}

/// A packet on its way to the strategies; its prints and moves are in queues of their own.
#[derive(Clone, Copy)]
struct SentPacket {
    /// The number of the row after its last.
    end: u64,
    ts_local_ns: Ns,
    state: ViewState,
    /// True if a level changed; kept up to date only while a strategy subscribes to levels.
    changed: bool,
    /// Number of prints and moves up to its end.
    prints: u64,
    moves: u64,
}

/// What a packet brings.
#[derive(Default)]
pub struct DeliveredPacket {
    /// Its prints, if a strategy subscribes to them.
    pub prints: Vec<Print>,
    /// True if the best prices or sizes changed.
    pub best_changed: bool,
    /// True if a level changed; kept up to date only while a strategy subscribes to levels.
    pub any_changed: bool,
}

/// The delayed market of one instrument. Rows are numbered from 0 over all batches.
pub struct View {
    /// What the last packet received left behind.
    pub state: ViewState,
    /// True if a strategy is called for packets; otherwise they are delivered on the first read.
    pub has_packet_subscribers: bool,
    /// True if a strategy is called for prints, or has asked for the last one.
    pub has_print_subscribers: bool,
    /// True if a strategy is called for every change of a level.
    pub has_level_subscribers: bool,
    /// When the next packet arrives that a strategy can notice, `NEVER` if none is on its way.
    pub next_ns: Ns,
    /// The last print received since there are subscribers.
    pub last_print: Option<Print>,
    /// The levels and orders.
    pub lazy_book: LazyBook,
    packets: VecDeque<SentPacket>,
    prints: VecDeque<Print>,
    moves: VecDeque<QueueMove>,
    /// Queue positions that have arrived and that the strategies' local states do not have yet.
    pub received_moves: Vec<QueueMove>,
    received: Received,
    /// Number of prints and moves made, sent and received.
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
            last_print: None,
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

    /// Add the print of a row, if it is one, to the packet at hand; return whether it is.
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

    /// Add a queue position to the packet at hand.
    pub fn push_move(&mut self, queue_move: QueueMove) {
        self.moves.push_back(queue_move);
        self.made.1 += 1;
    }

    /// Return whether the packet at hand has something besides best prices and changes of levels.
    #[inline]
    pub fn has_own_updates(&self, phase: u8) -> bool {
        (self.made != self.sent) | (self.sent_phase != phase)
    }

    /// Send the packet at hand, which ends before row `end`.
    #[inline]
    pub fn send(&mut self, end: u64, ts_local_ns: Ns, state: ViewState, changed: bool) {
        self.next_ns = self.next_ns.min(ts_local_ns);
        self.sent_phase = state.phase;
        self.sent = self.made;
        let (prints, moves) = self.made;
        self.packets.push_back(SentPacket { end, ts_local_ns, state, changed, prints, moves });
    }

    /// Return whether the backlog is so large that arrived packets should be delivered.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.packets.len() >= BACKLOG && !self.has_packet_subscribers
    }

    /// Receive all packets that have arrived by now, without a callback.
    #[inline]
    pub fn catch_up(&mut self, now_ns: Ns) {
        self.receive_until(now_ns);
        if self.next_ns <= now_ns && !self.packets.is_empty() {
            let all = self.packets.back().is_some_and(|last| last.ts_local_ns <= now_ns);
            let arrived =
                if all { self.packets.len() } else { self.packets.partition_point(|each| each.ts_local_ns <= now_ns) };
            let packet = self.receive(arrived);
            self.last_print =
                self.prints.drain(..(packet.prints - self.taken.0) as usize).next_back().or(self.last_print);
            self.taken.0 = packet.prints;
        }
    }

    /// Receive the next packet; `delivered` is what it brings.
    pub fn deliver(&mut self, delivered: &mut DeliveredPacket) {
        let before = self.state.touch;
        let packet = self.receive(1);
        delivered.prints.clear();
        delivered.prints.extend(self.prints.drain(..(packet.prints - self.taken.0) as usize));
        self.last_print = delivered.prints.last().copied().or(self.last_print);
        self.taken.0 = packet.prints;
        delivered.best_changed = before != packet.state.touch;
        delivered.any_changed = packet.changed;
        self.received.until_row = packet.end;
    }

    /// Note that no packet that arrives up to a time is still on its way.
    #[inline]
    pub fn receive_until(&mut self, until_ns: Ns) {
        self.received.until_ns = self.received.until_ns.max(until_ns);
    }

    /// Receive so many packets, at least one; return the last.
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

    /// Return the book after the last packet received; `done` rows have happened at the exchange.
    pub fn book(&mut self, done: u64) -> &Book {
        self.lazy_book.book(self.received, done)
    }

    /// From now on, keep track of every change of a level, also in the packets that are on their way.
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
