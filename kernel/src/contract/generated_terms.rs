//! The contract with Python: the terms of an order.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

use crate::contract::generated::{SelfTrade, TimeInForce, Trigger};
use crate::contract::tag::Tag;

/// The terms of an order: given with it, or by a replacement; passed by value, never changed in place.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// +1 buy, -1 sell; 0 for an order of which nothing but its id is known.
    pub side: i8,
    /// The limit, `None` for a market order.
    pub price_ticks: Option<i64>,
    /// The total, fills included.
    pub size_lots: i64,
    /// How long it stands.
    pub tif: TimeInForce,
    /// Whether it is refused where it would take.
    pub post_only: bool,
    /// The strategy's text.
    pub tag: Tag,
    /// Whether it may only bring the position nearer to 0.
    pub reduce_only: bool,
    /// Of an iceberg order, the size of a tip, `None` for an order that is displayed whole.
    pub display_lots: Option<i64>,
    /// The price that triggers it, or starts its trailing; `None`: it does not wait for one.
    pub stop_ticks: Option<i64>,
    /// Which price of the market that is; `None`: the last print's.
    pub trigger: Option<Trigger>,
    /// How far the market has to come back from its best price, in ticks.
    pub trail_ticks: Option<i64>,
    /// The same in basis points of that price.
    pub trail_bps: Option<i64>,
    /// GTD: when it ends at the exchange, nanoseconds since the epoch.
    pub expire_ns: Option<i64>,
    /// What happens where it meets an own order; `None`: what the venue does.
    pub self_trade: Option<SelfTrade>,
}

impl Terms {
    /// Make the terms of an order without options.
    pub const fn new(side: i8, price_ticks: Option<i64>, size_lots: i64) -> Self {
        Terms {
            side,
            price_ticks,
            size_lots,
            tif: TimeInForce::Gtc,
            post_only: false,
            tag: Tag::EMPTY,
            reduce_only: false,
            display_lots: None,
            stop_ticks: None,
            trigger: None,
            trail_ticks: None,
            trail_bps: None,
            expire_ns: None,
            self_trade: None,
        }
    }
}
