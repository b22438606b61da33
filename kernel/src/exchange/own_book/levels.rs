//! L2: own orders, levels and prints.

use crate::book::slab::NONE;
use crate::contract::codes::{index, key, Cause, OrderState};
use crate::exchange::displayed::{Displayed, Match};
use crate::exchange::level_queue;
use crate::exchange::own_book::OwnBook;
use crate::exchange::own_order::OwnTrade;
use crate::exchange::print_match::{Fall, LevelKey};

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
            left = self.late_through(place, fall, flow, matching);
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
                self.take(this, OwnTrade { ts_traded_ns, ..OwnTrade::new(place.1, lots, Cause::Queue) });
            }
        }
        self.available.late(displayed, place, fall.number);
    }

    /// Fill orders at better prices that rested when a level fell; return what is left of the late flow.
    fn late_through(&mut self, place: LevelKey, fall: &Fall, flow: OwnTrade, matching: Match) -> i64 {
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
                left -= self.take_first(this, OwnTrade { size_lots: left, ..flow }, matching);
            }
            rung = self.sides[side].behind(at_key);
        }
        left
    }

    /// L2: apply the new part of a print.
    pub fn printed(&mut self, displayed: Displayed, place: LevelKey, size_lots: i64) {
        let matching = displayed.matching;
        let mut left = self.through(place, OwnTrade::new(0, size_lots, Cause::Through), matching);
        let mut at = self.oldest(place);
        while at != NONE && left > 0 {
            let (this, own) = (at, &mut self.orders[at]);
            at = own.younger;
            if own.queue.is_visible && own.state == OrderState::Live {
                let lots = level_queue::printed(displayed.prints, own, left, matching == Match::All);
                self.changed(this);
                left -= lots;
                if lots > 0 {
                    self.take(this, OwnTrade::new(place.1, lots, Cause::Queue));
                }
            }
        }
        self.empty_better(displayed, place);
        self.available.printed(displayed, place, size_lots);
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
