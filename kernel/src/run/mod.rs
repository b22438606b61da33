//! The main loop: what happens next.

pub mod replay;
pub mod seat;
pub mod step;
