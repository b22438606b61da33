//! The exchange: each instrument's rows in order of time, and the own orders beside them.

pub mod displayed;
pub mod excerpt;
pub mod floor;
pub mod gateway;
pub mod level_queue;
pub mod liquidity;
pub mod market;
pub mod order_queue;
pub mod overlay;
pub mod own_order;
pub mod prints;
pub mod queue_model;
pub mod resting;
pub mod watch;
