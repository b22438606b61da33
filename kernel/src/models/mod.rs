//! Models of what a feed does not show: where cancels were, what a fill costs, how long a message takes.
//!
//! Each module states the assumption of its models and their known bias. A model is a pure function of integers and of
//! its part of the plan.

pub mod fees;
pub mod latency;
pub mod queue;
pub mod queue_weights;
