//! The compiled engine of lob_backtest. The reference engine, `lob_backtest/engine`, is its specification: results are
//! equal to the last integer.
//!
//! Modules are grouped in rooms, which depend on each other one way: contract, book, ahead, models, wire, money, record, exchange,
//! client, run, python.

pub mod ahead;
pub mod book;
pub mod client;
pub mod contract;
pub mod exchange;
pub mod models;
pub mod money;
pub mod python;
pub mod record;
pub mod run;
pub mod wire;

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
