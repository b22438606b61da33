//! The main loop: what happens next.

mod delivery;
mod lifecycle;
pub mod replay;
mod schedule;
mod state;
pub mod step;
