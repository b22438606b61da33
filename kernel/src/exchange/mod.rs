//! The exchange: each instrument's rows in order of time, and the own orders beside them.

pub mod available_lots;
pub mod displayed;
pub mod level_queue;
pub mod market;
pub mod matcher;
pub mod near_book;
pub mod order_kinds;
pub mod order_queue;
pub mod outbox;
pub mod own_book;
pub mod own_order;
pub mod print_match;
pub mod resting;
pub mod row_filter;
