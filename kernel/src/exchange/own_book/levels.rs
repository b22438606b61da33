//! L2: own orders, levels and prints.

use crate::book::slab::NONE;
use crate::contract::codes::{index, key, Cause, OrderState};
use crate::exchange::displayed::{Displayed, Match};
use crate::exchange::level_queue;
use crate::exchange::own_book::OwnBook;
use crate::exchange::own_order::OwnTrade;
use crate::exchange::print_match::{Fall, LevelKey};
use crate::models::queue::SHIFT;

/// New flow of a print at its price.
struct Flow {
    size_lots: i64,
    /// What own orders at the price have used of it.
    used_lots: i64,
    /// Icebergs whose next tip has joined behind what the flow so far has left of the level.
    next_tips: Vec<Turn>,
}

/// An order that flow comes to.
#[derive(Clone, Copy)]
struct Turn {
    at: u32,
    /// The part of the flow that had passed when it joined, 2⁻²⁰ lot.
    passed: i64,
    /// What own orders had used of the flow then.
    used_lots: i64,
}

impl OwnBook {
    /// L2: apply a fall of a level by a LEVEL row.
    pub fn fell(&mut self, displayed: Displayed, place: LevelKey, fall: &Fall) {
        let first = self.oldest(place);
        self.move_from(first, |own| own.queue.is_visible && level_queue::fell(displayed, own, fall));
        self.available.fell(displayed, place, fall);
    }

    /// L2: apply the part of a print that belongs to an earlier fall.
    pub fn late(&mut self, displayed: Displayed, place: LevelKey, fall: &Fall, size_lots: i64) {
        let (matching, ts_traded_ns) = (displayed.matching, Some(fall.ts_ns));
        let flow = OwnTrade { ts_traded_ns, ..OwnTrade::new(0, size_lots, Cause::Through) };
        let mut left = size_lots;
        if matching != Match::Nothing {
            left = self.late_through(displayed, place, fall, flow);
        }
        let mut at = self.oldest(place);
        // The oldest orders are those that had their present place when the level fell.
        while at != NONE && self.orders[at].queue.last_fall < fall.number {
            let (this, own) = (at, &mut self.orders[at]);
            at = own.younger;
            if own.state != OrderState::Live {
                continue; // cut by a fill of this print
            }
            let ahead = own.queue.ahead;
            let lots = level_queue::late(displayed, own, fall.number, left);
            if own.queue.ahead != ahead {
                if own.queue.ahead != 0 {
                    self.behind[index(place.0)].insert((key(place.0, place.1), this));
                }
                self.changed(this);
            }
            if lots > 0 && matching == Match::All {
                left -= lots;
                self.take(displayed, this, OwnTrade { ts_traded_ns, ..OwnTrade::new(place.1, lots, Cause::Queue) });
            }
        }
        self.available.late(displayed, place, fall.number);
    }

    /// Fill orders at better prices that rested when a level fell; return what is left of the late flow.
    fn late_through(&mut self, displayed: Displayed, place: LevelKey, fall: &Fall, flow: OwnTrade) -> i64 {
        let (side, limit, mut left) = (index(place.0), key(place.0, place.1), flow.size_lots);
        let mut rung = self.sides[side].first();
        while let Some((at_key, oldest)) = rung.filter(|(key, _)| left > 0 && *key < limit) {
            let mut at = oldest;
            while at != NONE && left > 0 && self.orders[at].queue.last_fall < fall.number {
                let this = at;
                at = self.orders[at].younger;
                if self.orders[this].state != OrderState::Live {
                    continue; // cut by a fill of this print
                }
                left -= self.take_first(displayed, this, OwnTrade { size_lots: left, ..flow }, displayed.matching);
            }
            rung = self.sides[side].behind(at_key);
        }
        left
    }

    /// L2: apply the new part of a print.
    pub fn printed(&mut self, displayed: Displayed, place: LevelKey, size_lots: i64) {
        let matching = displayed.matching;
        let left = self.through(displayed, place, OwnTrade::new(0, size_lots, Cause::Through), matching);
        let mut flow = Flow { size_lots: left, used_lots: 0, next_tips: Vec::new() };
        let (last, mut at) = (self.queue_stays, self.oldest(place));
        while at != NONE && flow.used_lots < flow.size_lots {
            let (this, own) = (at, &self.orders[at]);
            at = own.younger;
            if own.queue_stay <= last {
                self.pass(displayed, place, Turn { at: this, passed: 0, used_lots: 0 }, &mut flow);
            }
        }
        let mut tips = 0;
        while tips < flow.next_tips.len() {
            self.pass(displayed, place, flow.next_tips[tips], &mut flow);
            tips += 1;
        }
        self.empty_better(displayed, place);
        self.available.printed(displayed, place, size_lots);
    }

    /// L2: let new flow at a price come to an order.
    #[inline]
    fn pass(&mut self, displayed: Displayed, place: LevelKey, turn: Turn, flow: &mut Flow) {
        let (matching, own) = (displayed.matching, &mut self.orders[turn.at]);
        if !own.queue.is_visible || own.state != OrderState::Live {
            return; // not shown, or cut by a fill of this print
        }
        let left = (((flow.size_lots - flow.used_lots + turn.used_lots) << SHIFT) - turn.passed).max(0);
        let (ahead, queue_stay) = (own.queue.ahead, own.queue_stay);
        let lots = level_queue::printed(displayed.prints, own, left, matching == Match::All);
        self.changed(turn.at);
        if lots == 0 {
            return;
        }
        flow.used_lots += lots;
        self.take(displayed, turn.at, OwnTrade::new(place.1, lots, Cause::Queue));
        let own = &mut self.orders[turn.at];
        if own.queue_stay != queue_stay {
            let passed = turn.passed + ((flow.used_lots - turn.used_lots) << SHIFT) + ahead;
            own.queue.ahead = (own.queue.ahead - passed).max(0);
            flow.next_tips.push(Turn { at: turn.at, passed, used_lots: flow.used_lots });
        }
    }

    /// L2: empty the queues at better prices than a print's.
    fn empty_better(&mut self, displayed: Displayed, place: LevelKey) {
        let (side, limit) = (index(place.0), key(place.0, place.1));
        while self.behind[side].first().is_some_and(|(key, _)| *key < limit) {
            let Some((_, at)) = self.behind[side].pop_first() else { break };
            if self.orders[at].queue.ahead != 0 || !self.orders[at].queue.is_ahead_known {
                level_queue::emptied(displayed.prints, &mut self.orders[at]);
                self.changed(at);
            }
        }
    }
}
