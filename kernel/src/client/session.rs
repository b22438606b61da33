//! One strategy in one instrument, at the strategy's end.

use crate::client::local_state::LocalState;
use crate::client::quoter::Quoter;

/// What a strategy knows and wants in an instrument.
pub struct Session {
    /// Its orders, position and limits as it knows them.
    pub local_state: LocalState,
    /// The quotes that it wants, see `ctx.quote`.
    pub quoter: Quoter,
}
