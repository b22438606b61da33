//! The contract with Python: the plan.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

use crate::contract::generated::{Feed, Issue, IssuePolicy, PostOnly, QueueModel, SelfTrade};

/// A fee per tick·lot of notional and per lot, in 10⁻¹² tick·lots.
pub type Rates = (i64, i128);

/// How own orders fill in one instrument.
#[derive(Clone, Copy)]
pub struct FillRules {
    /// For L2.
    pub queue_model: QueueModel,
    /// L3: an order that is older than one that executes fills even with lots left ahead.
    pub fill_on_younger_execution: bool,
    /// Let hidden prints of unknown side fill.
    pub hidden_any_side: bool,
    /// L2: a print explains a LEVEL row that follows it within this exchange time.
    pub late_level_ns: i64,
    /// L2: a print explains a fall that precedes it by at most this exchange time; 0: never.
    pub late_print_ns: i64,
}

/// What a venue does with a replacement.
#[derive(Clone, Copy)]
pub struct ReplaceRules {
    /// A smaller size at the same price keeps the place in the queue; else every change is a new arrival.
    pub keeps_place: bool,
    /// The size of a replacement counts what has filled; else it is what is to be open.
    pub size_is_total: bool,
    /// A post-only order whose replacement would take is cancelled; else it stays as it was.
    pub cancels_taker: bool,
    /// An order that has filled as much as its new total is cancelled; else it stays as it was.
    pub cancels_filled: bool,
}

/// What differs between venues in how orders are treated, for one instrument.
#[derive(Clone, Copy)]
pub struct OrderRules {
    /// Of replacements.
    pub replace: ReplaceRules,
    /// Of a post-only order that would take on arrival.
    pub post_only: PostOnly,
    /// Of an order that meets an own one, unless the order says it.
    pub self_trade: SelfTrade,
}

/// The weight of a part of a queue, as a function of its length, for `QueueModel.WEIGHTED`.
#[derive(Clone)]
pub struct QueueWeights {
    /// At the lengths of `contract.queue_grid.grid`, straight between them; ascending.
    pub values: Vec<i64>,
    /// The part counts relative to the other one: both lengths are doubled until the longer one has 60
    /// bits.
    pub is_scale_free: bool,
}

/// One instrument of a run.
#[derive(Clone)]
pub struct InstrumentPlan {
    /// For messages.
    pub name: String,
    /// What its rows show.
    pub feed: Feed,
    /// Levels per side that the feed shows, 0 for all.
    pub depth: usize,
    /// What one lot gains when the price rises by one tick, in currency; for `ctx.cash` and
    /// `ctx.equity` alone.
    pub tick_lot_value: f64,
    /// Where it trades: the place of the agents' channels to it.
    pub venue: usize,
    /// How own orders fill.
    pub fill_rules: FillRules,
    /// L2: of a queue model that weighs; without values elsewhere.
    pub queue_weights: QueueWeights,
    /// How the venue treats orders.
    pub order_rules: OrderRules,
}

/// What the fills of one agent in one instrument cost.
#[derive(Clone, Copy)]
pub struct FeePlan {
    /// Of an order that rested.
    pub maker_rates: Rates,
    /// Of an order that traded on arrival.
    pub taker_rates: Rates,
}

/// Market maker protection of one agent in one instrument, at the exchange; off without `lots` and `fills`.
#[derive(Clone, Copy)]
pub struct MmpPlan {
    /// The lots of the quotes' fills within the interval that trip it; `None`: no limit.
    pub lots: Option<i64>,
    /// The number of fills of quotes within the interval that trips it; `None`: no limit.
    pub fills: Option<i64>,
    /// A fill counts for this long.
    pub interval_ns: i64,
    /// Quotes are refused for this long after it has tripped; 0: until a reset.
    pub frozen_ns: i64,
}

/// One agent in one instrument.
#[derive(Clone, Copy)]
pub struct SessionPlan {
    /// What its fills cost.
    pub fees: FeePlan,
    /// Limit on the position in lots, either side, orders in flight counted; `None`: no limit.
    pub max_position: Option<i64>,
    /// Lots at the start.
    pub initial_position: i64,
    /// Market maker protection.
    pub mmp: MmpPlan,
}

/// How long the messages of one kind take on one channel: a constant and a part that varies, at least 1 ns in all.
#[derive(Clone)]
pub struct LatencyPlan {
    /// Of every message.
    pub constant_ns: i64,
    /// A distribution of the part that varies, at the ranks of `contract.rank_grid`, descending; empty
    /// where nothing is drawn.
    pub quantiles_ns: Vec<i64>,
    /// One rank holds for some stretches of this length, see `engine.models.latency`; 0: each message
    /// draws its own.
    pub stretch_ns: i64,
    /// Of the random numbers.
    pub stream: i64,
    /// Times of a measured series of the part that varies, ascending; empty without one.
    pub measured_ts_ns: Vec<i64>,
    /// Its values.
    pub measured_ns: Vec<i64>,
    /// Values of the series are straight between two times; otherwise the last one holds.
    pub is_interpolated: bool,
    /// How long a gateway is busy with a message; later ones wait until it is free; 0: it has no limit.
    pub service_ns: i64,
}

/// The connection of one agent to one venue. Nothing overtakes on it, unless requests are reordered.
#[derive(Clone)]
pub struct ChannelPlan {
    /// Latency of a request.
    pub entry_ns: i64,
    /// Latency of a response.
    pub response_ns: i64,
    /// Instead of these two: of new orders, of replacements, of cancels and of responses; empty: those hold.
    pub latencies: Vec<LatencyPlan>,
    /// Requests about different orders may overtake each other.
    pub is_reordered: bool,
}

/// One strategy of a run.
#[derive(Clone)]
pub struct AgentPlan {
    /// Its part in each instrument, in the plan's order.
    pub sessions: Vec<SessionPlan>,
    /// Its connection to each venue.
    pub channels: Vec<ChannelPlan>,
    /// Orders are refused for this long after the start.
    pub warm_up_ns: i64,
}

/// One run.
#[derive(Clone)]
pub struct Plan {
    /// In config order, which breaks ties in time.
    pub instruments: Vec<InstrumentPlan>,
    /// In config order, which breaks ties behind that of the instruments.
    pub agents: Vec<AgentPlan>,
    /// The strategies start here, but not before the first row; `None`: at the first row.
    pub start_ns: Option<i64>,
    /// The run ends here, but not after the arrival of the last packet; `None`: with that.
    pub end_ns: Option<i64>,
    /// Close the positions at the end by taking what is displayed.
    pub flatten: bool,
    /// Horizons after a fill at which the mid is recorded, ascending.
    pub markouts_ns: Vec<i64>,
    /// Interval of the `samples` table.
    pub sample_ns: i64,
    /// Fills up to this long after a suspect row are marked tainted.
    pub taint_ns: i64,
    /// What to do for each `book.book.Issue`, by its code.
    pub issue_policies: [IssuePolicy; Issue::ALL.len()],
    /// Check every invariant after every packet.
    pub paranoid: bool,
}
