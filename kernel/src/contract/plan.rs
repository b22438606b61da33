//! What to run: the integers of `lob_backtest.contract.plan`.

use crate::contract::codes::{IssuePolicy, Ns, ISSUES};

/// A fee as two integers, both in 10⁻¹² tick·lots: a tick·lot of notional, and a lot.
pub type Rates = (i64, i128);

/// The models of docs/fill-model.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueModel {
    /// Every cancel was behind.
    Back,
    /// Cancels fall evenly on the queue.
    Proportional,
}

/// How own orders fill in one instrument.
#[derive(Clone, Copy)]
pub struct Rules {
    /// For L2.
    pub queue_model: QueueModel,
    /// L3: an order that is older than one that executes fills even with lots left ahead.
    pub evidence: bool,
    /// Let hidden prints of unknown side fill.
    pub hidden_any_side: bool,
}

/// One instrument of a run.
#[derive(Clone)]
pub struct InstrumentPlan {
    /// For messages.
    pub name: String,
    /// 3 or 2.
    pub level: u8,
    /// Levels a side that the feed shows, 0 for all.
    pub depth: usize,
    /// Fee of a maker fill.
    pub maker: Rates,
    /// Fee of a taker fill.
    pub taker: Rates,
    /// What one lot gains when the price rises by one tick, in currency.
    pub tick_lot_value: f64,
    /// Limit on the position in lots.
    pub max_position: Option<i64>,
    /// Lots at the start.
    pub initial_position: i64,
    /// L2: a print explains a LEVEL row that follows it within this exchange time.
    pub late_level_ns: Ns,
    /// L2: a print explains a fall that precedes it by at most this exchange time; 0: never.
    pub late_print_ns: Ns,
    /// How own orders fill.
    pub rules: Rules,
}

/// One run.
#[derive(Clone)]
pub struct Plan {
    /// In config order, which breaks ties in time.
    pub instruments: Vec<InstrumentPlan>,
    /// The strategies start here; `None`: at the first row.
    pub start_ns: Option<Ns>,
    /// The run ends here; `None`: with the last packet.
    pub end_ns: Option<Ns>,
    /// Orders are refused for this long after the start.
    pub warm_up_ns: Ns,
    /// Latency of a request.
    pub entry_ns: Ns,
    /// Latency of a response.
    pub response_ns: Ns,
    /// Close the positions at the end.
    pub flatten: bool,
    /// Horizons after a fill at which the mid is recorded, ascending.
    pub markouts_ns: Vec<Ns>,
    /// Interval of the samples.
    pub sample_ns: Ns,
    /// Fills up to this long after a suspect row are marked tainted.
    pub taint_ns: Ns,
    /// What to do for each issue: unknown order, duplicate order, oversize.
    pub policies: [IssuePolicy; ISSUES],
    /// Check every invariant after every packet.
    pub paranoid: bool,
}
