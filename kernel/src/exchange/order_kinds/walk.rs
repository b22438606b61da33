//! What an arriving order meets: offers of the market and own orders, in one price-time order.

use std::collections::VecDeque;

use crate::book::slab::NONE;
use crate::contract::codes::{index, key, Feed, SelfTrade};
use crate::exchange::available_lots::Offer;
use crate::exchange::own_book::OwnBook;
use crate::models::queue::to_lots;

/// What an order meets.
#[derive(Clone, Copy)]
pub enum Met {
    /// Lots of the market.
    Offer(Offer),
    /// An own order, by its number in the own book.
    Own(u32),
}

/// The way of an arriving order.
#[derive(Default)]
pub struct Walk {
    /// What it meets, in turn, and how many of its lots that uses up; 0 where an own order is just cancelled.
    pub steps: Vec<(Met, i64)>,
    /// How much of it trades.
    pub traded_lots: i64,
    /// How much of it is left.
    pub left_lots: i64,
    /// True if an own order ends it.
    pub ends: bool,
}

impl Walk {
    /// Find the way of an order through what it meets.
    pub fn new(own_book: &OwnBook, met: impl Iterator<Item = Met>, open_lots: i64, mode: SelfTrade) -> Self {
        let (mut walk, mut left) = (Walk::default(), open_lots);
        for each in met {
            if left == 0 || walk.ends {
                break;
            }
            let mut lots = 0;
            match each {
                Met::Offer(offer) => {
                    lots = left.min(offer.size_lots);
                    walk.traded_lots += lots;
                }
                Met::Own(at) if mode == SelfTrade::Decrement => lots = left.min(own_book.orders[at].open_lots()),
                Met::Own(_) => walk.ends = mode != SelfTrade::CancelOldest,
            }
            if !walk.ends || mode == SelfTrade::CancelBoth {
                walk.steps.push((each, lots));
            }
            left -= lots;
        }
        walk.left_lots = left;
        walk.ends |= left == 0 && matches!(walk.steps.last(), Some((Met::Own(_), _)));
        walk
    }
}

impl OwnBook {
    /// List what an order of a side meets: at each price the offers ahead of an own order, the own order, the others.
    /// `offers` are those of the market within the limit, best first.
    pub fn meetings(&self, feed: Feed, side: i8, limit_ticks: Option<i64>, offers: Vec<Offer>) -> Vec<Met> {
        let mut owns = self.within(-side, limit_ticks);
        let mut met = Vec::with_capacity(offers.len() + owns.len());
        let (mut passed, mut at_ticks) = (0, None);
        for offer in offers {
            let price_ticks = offer.place.1;
            if at_ticks != Some(price_ticks) {
                (passed, at_ticks) = (0, Some(price_ticks));
            }
            let mut left = offer.size_lots;
            while let Some(at) = owns.front().copied() {
                let own_ticks = self.orders[at].limit_ticks();
                if i64::from(side) * own_ticks > i64::from(side) * price_ticks {
                    break;
                }
                let ahead = if own_ticks == price_ticks { self.available_ahead(feed, at) } else { 0 };
                let before = left.min((ahead - passed).max(0));
                if before == left {
                    break;
                }
                if before > 0 {
                    met.push(Met::Offer(Offer { size_lots: before, ..offer }));
                    (passed, left) = (passed + before, left - before);
                }
                met.push(Met::Own(at));
                owns.pop_front();
            }
            met.push(Met::Offer(Offer { size_lots: left, ..offer }));
            passed += left;
        }
        met.extend(owns.into_iter().map(Met::Own));
        met
    }

    /// Return the orders of one side at a limit of the other side or better, in price-time order.
    fn within(&self, side: i8, limit_ticks: Option<i64>) -> VecDeque<u32> {
        let worst = limit_ticks.map(|limit| key(side, limit));
        let mut found = VecDeque::new();
        for (at_key, oldest) in self.sides[index(side)].rungs() {
            if worst.is_some_and(|worst| at_key > worst) {
                break;
            }
            let mut at = oldest;
            while at != NONE {
                found.push_back(at);
                at = self.orders[at].younger;
            }
        }
        found
    }

    /// Return the lots ahead of an order that own orders have not taken.
    fn available_ahead(&self, feed: Feed, at: u32) -> i64 {
        let own = &self.orders[at];
        let ahead = (own.queue.ahead - self.available.taken_at((own.terms.side, own.limit_ticks()))).max(0);
        if feed == Feed::L3 {
            ahead
        } else {
            to_lots(ahead)
        }
    }
}
