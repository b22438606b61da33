//! One strategy in one instrument, at the strategy's end.

use crate::client::local_state::LocalState;
use crate::client::quoter::Quoter;

/// The local state and the quotes of one strategy in one instrument.
pub struct Session {
    /// Its orders, position and limits, from the messages received.
    pub local_state: LocalState,
    /// The quotes that it wants, see `ctx.quote`.
    pub quoter: Quoter,
}
