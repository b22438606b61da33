//! Where the kernel meets Python: what a strategy holds, and the loop that calls it.

pub mod arguments;
pub mod book_view;
pub mod context;
pub mod driver;
pub mod input;
pub mod memory;
pub mod order_terms;
pub mod plan_reader;
pub mod ratio;
pub mod types;

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use pyo3::prelude::*;

use crate::contract::error::RunError;
use crate::run::state::Run;

mod errors {
    pyo3::import_exception!(lob_backtest.errors, DataError);
    pyo3::import_exception!(lob_backtest.errors, EngineError);
    pyo3::import_exception!(lob_backtest.errors, StrategyError);
}
pub use errors::{DataError, EngineError, StrategyError};

/// One run, shared by the loop and what the strategies hold; `None` when it is over.
///
/// The run is never in use while Python code can run, so that it is free whenever a strategy calls. Only the loop may
/// release Python's lock while it works; another thread that calls meanwhile gets an error.
#[derive(Clone)]
pub struct Shared {
    guarded: Arc<Guarded>,
    /// The agent whose callback has to be running for the use of this, or `NOBODY` for the loop's.
    user: usize,
}

/// No agent: the loop, and the time between two callbacks.
const NOBODY: usize = usize::MAX;

struct Guarded {
    busy: AtomicBool,
    /// The agent whose callback is running.
    called: AtomicUsize,
    run: UnsafeCell<Option<Run>>,
}

// SAFETY: `run` is reached through a `Claim` alone, and there is one at a time: see `Shared::claim`.
unsafe impl Sync for Guarded {}
// SAFETY: a run has no tie to a thread.
unsafe impl Send for Guarded {}

const AFTER_THE_RUN: &str = "ctx was used after the run; keep what you need in on_stop";
const OUTSIDE: &str = "ctx was used outside of a callback of its own agent; use the ctx that the callback is given";

/// Exclusive use of the run until this is dropped.
struct Claim<'a> {
    guarded: &'a Guarded,
    user: usize,
}

impl Claim<'_> {
    #[inline]
    fn held(&mut self) -> &mut Option<Run> {
        // SAFETY: nobody else has the run until this claim is dropped.
        unsafe { &mut *self.guarded.run.get() }
    }

    #[inline]
    fn running(&mut self) -> PyResult<&mut Run> {
        if self.guarded.called.load(Ordering::Relaxed) != self.user {
            return Err(self.refusal());
        }
        match self.held() {
            Some(run) if !run.is_over => Ok(run),
            _ => Err(StrategyError::new_err(AFTER_THE_RUN)),
        }
    }

    /// Make the error for a use outside of a callback.
    #[cold]
    fn refusal(&mut self) -> PyErr {
        let is_over = self.held().as_ref().is_none_or(|run| run.is_over);
        StrategyError::new_err(if is_over { AFTER_THE_RUN } else { OUTSIDE })
    }
}

impl Drop for Claim<'_> {
    #[inline]
    fn drop(&mut self) {
        self.guarded.busy.store(false, Ordering::Release);
    }
}

impl Shared {
    /// Share a run.
    pub fn new(run: Run) -> Self {
        let guarded =
            Guarded { busy: AtomicBool::new(false), called: AtomicUsize::new(NOBODY), run: UnsafeCell::new(Some(run)) };
        Shared { guarded: Arc::new(guarded), user: NOBODY }
    }

    /// Return what the contexts of an agent use: the run, while a callback of that agent is running.
    pub fn of(&self, agent: usize) -> Self {
        Shared { guarded: self.guarded.clone(), user: agent }
    }

    /// Run a callback of an agent.
    pub fn during<R>(&self, agent: usize, callback: impl FnOnce() -> R) -> R {
        self.guarded.called.store(agent, Ordering::Relaxed);
        let done = callback();
        self.guarded.called.store(NOBODY, Ordering::Relaxed);
        done
    }

    /// Call `work` with the run. `work` must not call Python.
    ///
    /// # Errors
    /// The run is over or in use by another thread, or the error of `work`.
    #[inline]
    pub fn with<R>(&self, work: impl FnOnce(&mut Run) -> Result<R, RunError>) -> PyResult<R> {
        work(self.claim()?.running()?).map_err(raised)
    }

    /// Check that the run is not over, before the arguments of a call are read.
    ///
    /// # Errors
    /// As `with`.
    #[inline]
    pub fn check(&self) -> PyResult<()> {
        self.with(|_| Ok(()))
    }

    #[inline]
    fn claim(&self) -> PyResult<Claim<'_>> {
        // Every caller holds Python's lock, so that no two of them can read `false`: load and store need not be one
        // atomic step, which would cost more than most calls.
        if self.guarded.busy.load(Ordering::Acquire) {
            return Err(StrategyError::new_err("ctx was used from another thread"));
        }
        self.guarded.busy.store(true, Ordering::Relaxed);
        Ok(Claim { guarded: &self.guarded, user: self.user })
    }

    /// Call `work` with the run while other Python threads may run.
    ///
    /// # Errors
    /// As `with`.
    pub fn with_detached<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Run) -> Result<R, RunError> + Send,
    ) -> PyResult<R> {
        let mut claim = self.claim()?; // dropped once Python's lock is held again
        let run = claim.running()?;
        py.detach(|| work(run)).map_err(raised)
    }

    /// Complete the tables and return the run; all later calls fail.
    ///
    /// # Errors
    /// The tables cannot be completed.
    pub fn finish(&self) -> PyResult<Run> {
        let mut run =
            self.claim()?.held().take().ok_or_else(|| EngineError::new_err("the run has been finished before"))?;
        run.finish().map_err(raised)?;
        Ok(run)
    }
}

/// Make the Python exception of an error.
#[cold]
pub fn raised(error: RunError) -> PyErr {
    match error {
        RunError::Data(message) => DataError::new_err(message),
        RunError::Engine(message) => EngineError::new_err(message),
        RunError::Strategy(message) => StrategyError::new_err(message),
    }
}
