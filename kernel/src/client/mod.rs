//! The strategy's side: what it knows, what it is allowed to send, and what it sends.

pub mod agent;
pub mod limits;
pub mod local_state;
pub mod number;
pub mod order_entry;
pub mod quoter;
pub mod session;
