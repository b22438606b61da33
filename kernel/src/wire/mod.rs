//! What is on its way between the exchange and the strategies, in either direction.

pub mod channels;
pub mod messages;
pub mod timers;
pub mod view;
