//! Where the kernel meets Python: what a strategy holds, and the loop that calls it.

pub mod book_view;
pub mod context;
pub mod driver;
pub mod given;
pub mod input;
pub mod memory;
pub mod types;

use std::sync::{Arc, Mutex, TryLockError};

use pyo3::prelude::*;

use crate::fault::Fault;
use crate::replay::Replay;

mod errors {
    pyo3::import_exception!(lob_backtest.errors, DataError);
    pyo3::import_exception!(lob_backtest.errors, EngineError);
    pyo3::import_exception!(lob_backtest.errors, StrategyError);
}
pub use errors::{DataError, EngineError, StrategyError};

/// One run, shared by the loop and what the strategies hold; `None` when it is over.
///
/// The lock is never held while Python code can run, so that whatever a strategy does in the midst of a call finds it
/// free.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Option<Replay>>>);

impl Shared {
    /// Share a run.
    pub fn new(replay: Replay) -> Self {
        Shared(Arc::new(Mutex::new(Some(replay))))
    }

    /// Do something with the run. `work` must not touch Python.
    ///
    /// # Errors
    /// The run is over or in use by another thread, or what `work` answers.
    #[inline]
    pub fn with<R>(&self, work: impl FnOnce(&mut Replay) -> Result<R, Fault>) -> PyResult<R> {
        let mut held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::WouldBlock) => return Err(StrategyError::new_err("ctx was used from another thread")),
            Err(TryLockError::Poisoned(_)) => return Err(EngineError::new_err("the kernel has failed before")),
        };
        match held.as_mut() {
            Some(replay) if !replay.over => work(replay).map_err(raised),
            _ => Err(StrategyError::new_err("ctx was used after the run; keep what you need in on_stop")),
        }
    }

    /// Complete the tables and let go of everything but them.
    ///
    /// # Errors
    /// The tables cannot be completed.
    pub fn finish(&self) -> PyResult<Replay> {
        // A poisoned lock means a bug that has been reported; what there is can still be written.
        let mut held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut replay = held.take().ok_or_else(|| EngineError::new_err("the run has been finished before"))?;
        replay.finish().map_err(raised)?;
        Ok(replay)
    }
}

/// Make the exception of a fault.
#[cold]
pub fn raised(fault: Fault) -> PyErr {
    match fault {
        Fault::Data(message) => DataError::new_err(message),
        Fault::Engine(message) => EngineError::new_err(message),
        Fault::Strategy(message) => StrategyError::new_err(message),
    }
}
