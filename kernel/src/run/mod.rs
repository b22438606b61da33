//! The main loop: what happens next.

mod delivery;
mod lifecycle;
mod main_loop;
mod schedule;
pub mod state;
pub mod step;
