//! The main loop: what happens next.

pub mod replay;
pub mod session;
pub mod step;
