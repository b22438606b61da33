//! One strategy in one instrument: the exchange's side of it and its own.

use crate::client::local_state::LocalState;
use crate::client::quoter::Quoter;
use crate::contract::plan::Rates;
use crate::exchange::matcher::Matcher;

/// A strategy's business in an instrument.
pub struct Session {
    /// At the exchange.
    pub matcher: Matcher,
    /// As the strategy knows it.
    pub local_state: LocalState,
    /// Its quotes.
    pub quoter: Quoter,
    /// Fee of a maker fill.
    pub maker: Rates,
    /// Fee of a taker fill.
    pub taker: Rates,
}
