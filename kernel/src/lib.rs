//! The compiled engine of lob_backtest. The reference engine, `lob_backtest/engine`, is its specification: modules have
//! the names of its files, and results are equal to the last integer.

pub mod account;
pub mod agent;
pub mod batch;
pub mod book;
pub mod codes;
pub mod desk;
pub mod displayed;
pub mod entry;
pub mod errand;
pub mod excerpt;
pub mod fault;
pub mod floor;
pub mod follower;
pub mod gateway;
pub mod ids;
pub mod ladder;
pub mod level_queue;
pub mod limits;
pub mod liquidity;
pub mod market;
pub mod messages;
pub mod number;
pub mod order_queue;
pub mod overlay;
pub mod own_order;
pub mod plan;
pub mod prints;
pub mod python;
pub mod queue_model;
pub mod quoter;
pub mod quotes;
pub mod ratio;
pub mod recorder;
pub mod replay;
pub mod resting;
pub mod scout;
pub mod seat;
pub mod slab;
pub mod step;
pub mod table;
pub mod tag;
pub mod tape;
pub mod timers;
pub mod touch;
pub mod view;
pub mod watch;

/// `lob_backtest._kernel`.
#[pyo3::pymodule(gil_used = true)]
mod _kernel {
    #[pymodule_export]
    use crate::python::book_view::ReceivedBook;
    #[pymodule_export]
    use crate::python::context::Context;
    #[pymodule_export]
    use crate::python::driver::replay;
    #[pymodule_export]
    use crate::python::memory::Memory;
}
