//! L2: own orders beside levels and prints.

use crate::codes::{index, key, Cause};
use crate::displayed::{Displayed, Match};
use crate::level_queue;
use crate::overlay::Overlay;
use crate::own_order::OwnTrade;
use crate::prints::{Fall, Place};

impl Overlay {
    /// L2: take in that a LEVEL row takes something off.
    pub fn fell(&mut self, displayed: Displayed, place: Place, fall: &Fall) {
        let model = self.rules.queue_model;
        self.move_at(place.0, place.1, |own| own.visible && level_queue::fell(displayed.prints, own, fall, model));
        self.liquidity.fell(displayed, place, fall);
    }

    /// L2: take in the part of a print that belongs to an earlier fall.
    pub fn late(&mut self, displayed: Displayed, place: Place, fall: &Fall, size_lots: i64) {
        let (matching, ts_traded_ns) = (displayed.matching, Some(fall.ts_ns));
        let flow = OwnTrade { ts_traded_ns, ..OwnTrade::new(0, size_lots, Cause::Through) };
        let mut standing = std::mem::take(&mut self.scratch);
        self.sides[index(place.0)].all(&mut standing);
        standing.retain(|at| self.owns[*at].since < fall.number);
        let (mut left, limit) = (size_lots, key(place.0, place.1));
        for at in standing.iter().copied().filter(|_| matching != Match::Nothing) {
            if left == 0 || key(place.0, self.owns[at].limit_ticks()) >= limit {
                break;
            }
            left -= self.take_first(at, OwnTrade { size_lots: left, ..flow }, matching);
        }
        standing.retain(|at| self.owns[*at].limit_ticks() == place.1);
        for at in standing.iter().copied() {
            let own = &mut self.owns[at];
            let ahead = own.ahead;
            let lots = level_queue::late(displayed.prints, own, fall.number, left, self.rules.queue_model);
            if own.ahead != ahead {
                self.changed(at);
            }
            if lots > 0 && matching == Match::All {
                left -= lots;
                self.take(at, OwnTrade { ts_traded_ns, ..OwnTrade::new(place.1, lots, Cause::Queue) });
            }
        }
        self.scratch = standing;
        self.liquidity.late(displayed, place, fall.number);
    }

    /// L2: take in the new part of a print.
    pub fn printed(&mut self, displayed: Displayed, place: Place, size_lots: i64) {
        let matching = displayed.matching;
        let mut left = self.through(place, OwnTrade::new(0, size_lots, Cause::Through), matching);
        let owns = self.at(place.0, place.1).to_vec();
        for at in &owns {
            if self.owns[*at].visible {
                let all = matching == Match::All;
                let lots = level_queue::printed(displayed.prints, &mut self.owns[*at], left, all);
                left -= lots;
                if lots > 0 {
                    self.take(*at, OwnTrade::new(place.1, lots, Cause::Queue));
                }
            }
        }
        for at in owns {
            self.changed(at);
        }
        self.empty_better(displayed, place);
        self.liquidity.printed(displayed, place, size_lots);
    }

    /// L2: take in that a print went through all better prices.
    fn empty_better(&mut self, displayed: Displayed, place: Place) {
        let rungs = self.sides[index(place.0)].rungs();
        let better = rungs.iter().take_while(|rung| rung.key < key(place.0, place.1));
        let behind: Vec<u32> = better
            .flat_map(|rung| &rung.owns)
            .copied()
            .filter(|at| self.owns[*at].ahead != 0 || !self.owns[*at].shown)
            .collect();
        for at in behind {
            level_queue::emptied(displayed.prints, &mut self.owns[at]);
            self.changed(at);
        }
    }
}
