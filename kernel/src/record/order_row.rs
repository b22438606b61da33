//! A row of the table `orders`.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

use crate::contract::generated_terms::Terms;
use crate::contract::tag::Tags;
use crate::record::table::Table;

/// What a row of `orders` has beside the terms of the order.
#[allow(missing_docs)] // as in `lob_backtest.contract.tables`
pub struct OrderRow {
    pub order_id: i64,
    pub agent: i64,
    pub instrument: i64,
    pub kind: i64,
    pub state: i64,
    pub reason: i64,
    pub asked_price_ticks: Option<i64>,
    pub filled_lots: i64,
    pub queue_ahead_lots: Option<i64>,
    pub ts_sent_ns: Option<i64>,
    pub ts_exchange_ns: Option<i64>,
    pub ts_local_ns: i64,
}

impl OrderRow {
    /// Put the row into the table.
    #[inline]
    pub fn put(&self, terms: &Terms, tags: &Tags, table: &mut Table) {
        table.put([self.order_id, self.agent, self.instrument, self.kind, self.state, self.reason]);
        table.put([i64::from(terms.side), terms.tif as i64, i64::from(terms.post_only)]);
        table.put_or_null([terms.price_ticks, self.asked_price_ticks]);
        table.put([terms.size_lots, self.filled_lots]);
        table.put_or_null([self.queue_ahead_lots, self.ts_sent_ns, self.ts_exchange_ns]);
        table.put([self.ts_local_ns]);
        table.put_text(tags.text(terms.tag));
        table.put([i64::from(terms.reduce_only)]);
        table.put_or_null([terms.display_lots, terms.stop_ticks, terms.trigger.map(|each| each as i64)]);
        table.put_or_null([terms.trail_ticks, terms.trail_bps, terms.expire_ns]);
        table.put_or_null([terms.self_trade.map(|each| each as i64)]);
    }
}
