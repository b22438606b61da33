//! Drives a run: loads batches, calls strategies, writes result rows to the sink.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::ffi;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyString, PyTuple};

use super::book_view::ReceivedBook;
use super::context::{Context, Siblings};
use super::memory::Memory;
use super::types::Types;
use super::{input, plan_reader, raised, EngineError, Shared, StrategyError};
use crate::client::local_state::KnownOrder;
use crate::contract::batch::Batch;
use crate::contract::error::RunError;
use crate::contract::generated::TABLES;
use crate::contract::plan::Plan;
use crate::exchange::market::Market;
use crate::exchange::outbox::Counts;
use crate::record::table::{Cells, Chunk};
use crate::run::state::Run;
use crate::run::step::{Call, Callback, Step};

/// Rows without a call from which on releasing Python's lock pays.
const SPARSE_ROWS: u64 = 256;

/// The fields of `engine.Outcome`: start, end, counts, failure, suspect since, requests not arrived, timers, mistakes, stop.
type Outcome<'py> = (
    i64,
    i64,
    Vec<Bound<'py, PyDict>>,
    Option<Py<PyAny>>,
    Vec<Option<i64>>,
    Vec<u64>,
    Vec<i64>,
    Vec<String>,
    Option<(usize, String)>,
);

/// The next step, the chunks that are full, and the number of rows applied.
type Advanced = (Step, Vec<(usize, Chunk)>, u64);

/// Run the kernel; see `lob_backtest.engine.Engine`.
///
/// # Errors
/// As there.
#[pyfunction]
pub fn replay<'py>(
    py: Python<'py>,
    plan: &Bound<'py, PyAny>,
    sources: Vec<Bound<'py, PyAny>>,
    agents: Vec<Bound<'py, PyAny>>,
    sink: Bound<'py, PyAny>,
) -> PyResult<Outcome<'py>> {
    Driver::new(py, plan, &sources, &agents, sink)?.whole(py)
}

struct Driver<'py> {
    shared: Shared,
    sources: Vec<Bound<'py, PyIterator>>,
    failed: Vec<Option<PyErr>>,
    agents: Vec<Bound<'py, PyAny>>,
    contexts: Vec<Vec<Bound<'py, Context>>>,
    siblings: Vec<Siblings>,
    names: Vec<Vec<String>>,
    /// Names of several agents in messages; empty texts where there is one.
    labels: Vec<String>,
    sink: Bound<'py, PyAny>,
    columns: Vec<Vec<String>>,
    types: Arc<Types>,
    values: Vec<f64>,
    sparse: bool,
}

impl<'py> Driver<'py> {
    fn new(
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        sources: &[Bound<'py, PyAny>],
        agents: &[Bound<'py, PyAny>],
        sink: Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        let plan = plan_reader::plan(given)?;
        if plan.instruments.is_empty() || sources.len() != plan.instruments.len() {
            return Err(EngineError::new_err("a run needs instruments, and a source for each"));
        }
        if agents.len() != plan.agents.len() {
            return Err(EngineError::new_err("a run needs a strategy for each agent of its plan"));
        }
        let channels = agents.iter().enumerate().map(|(i, each)| input::agent(each, i, &plan, given));
        let shared = Shared::new(Run::new(plan.clone(), channels.collect::<PyResult<_>>()?));
        let mut driver = Driver {
            shared,
            sources: sources.iter().map(|each| each.try_iter()).collect::<PyResult<_>>()?,
            failed: sources.iter().map(|_| None).collect(),
            agents: agents.to_vec(),
            contexts: Vec::new(),
            siblings: Vec::new(),
            names: Vec::new(),
            labels: (0..agents.len()).map(|i| input::label(given, i)).collect::<PyResult<_>>()?,
            sink,
            columns: column_names(given)?,
            types: Arc::new(Types::new(py)?),
            values: plan.instruments.iter().map(|each| each.tick_lot_value).collect(),
            sparse: true,
        };
        for agent in 0..agents.len() {
            driver.open_contexts(py, agent, &plan, given)?;
        }
        Ok(driver)
    }

    /// Make the contexts of a strategy.
    fn open_contexts(&mut self, py: Python<'py>, agent: usize, plan: &Plan, given: &Bound<'py, PyAny>) -> PyResult<()> {
        let siblings: Siblings = Arc::new(Mutex::new(Vec::new()));
        self.siblings.push(siblings.clone());
        let seed = given.getattr("agents")?.get_item(agent)?.getattr("seed")?;
        let generator = py.import("random")?.getattr("Random")?.call1((seed,))?;
        let mut contexts = Vec::new();
        for (place, each) in plan.instruments.iter().enumerate() {
            let context = Context {
                run: self.shared.of(agent),
                agent,
                place,
                instrument: shown_instrument(given, agent, place)?.unbind(),
                name: each.name.clone(),
                span: (plan.start_ns, plan.end_ns),
                value: each.tick_lot_value,
                book: Py::new(py, ReceivedBook { run: self.shared.of(agent), instrument: place })?,
                generator: generator.clone().unbind(),
                sink: self.sink.clone().unbind(),
                siblings: siblings.clone(),
                types: self.types.clone(),
            };
            let context = Bound::new(py, context)?;
            lock(&siblings).push((each.name.clone(), context.clone().unbind()));
            contexts.push(context);
        }
        self.names.push(plan.instruments.iter().map(|each| each.name.clone()).collect());
        self.contexts.push(contexts);
        Ok(())
    }

    /// Replay from start to end. The tables are completed whatever stops the run.
    fn whole(mut self, py: Python<'py>) -> PyResult<Outcome<'py>> {
        self.load_first(py)?;
        let stopped = self.go(py);
        let interrupted = matches!(&stopped, Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py));
        if interrupted {
            py.import("lob_backtest.process.interrupts")?.call_method0("take")?;
        }
        let shared = self.shared.clone();
        let finished = catch_unwind(AssertUnwindSafe(|| shared.finish()));
        let mut run = match (finished, &stopped) {
            (Ok(Ok(run)), _) => run,
            // The error that stopped the run is reported, not one of completing its tables.
            (_, Err(_)) => return Err(stopped.err().unwrap_or_else(|| panicked(&"no error"))),
            (Ok(Err(error)), Ok(())) => return Err(error),
            (Err(panic), Ok(())) => return Err(panicked(&*panic)),
        };
        let full = std::mem::take(&mut run.outbox.recorder.full);
        self.hand_over(py, full)?;
        let failure = match stopped {
            Err(error) if interrupted || error.is_instance_of::<StrategyError>(py) => Some(error),
            Err(error) => return Err(error),
            Ok(()) => None,
        };
        let counts = run.markets.iter().map(|market| counts(py, &market.counts())).collect::<PyResult<_>>()?;
        let failure = failure.map(|error| error.into_value(py).into_any());
        let suspect = run.markets.iter().map(Market::suspect_since_ns).collect();
        let markets = run.markets.len();
        let mut not_arrived = vec![0; run.agents.len() * markets];
        for (i, channels) in run.outbox.channels.iter().enumerate() {
            channels.count_not_arrived(&mut not_arrived[run.outbox.agent_of(i) * markets..][..markets]);
        }
        let timers = run.agents.iter().map(|agent| agent.timers.made()).collect();
        let mistakes = run.agents.iter_mut().map(|agent| std::mem::take(&mut agent.mistake_text)).collect();
        Ok((run.start_ns, run.now_ns, counts, failure, suspect, not_arrived, timers, mistakes, run.stop.take()))
    }

    /// Load the first batch of each instrument, before anything else can fail.
    fn load_first(&mut self, py: Python<'py>) -> PyResult<()> {
        for instrument in 0..self.sources.len() {
            self.load(py, instrument)?;
        }
        Ok(())
    }

    fn go(&mut self, py: Python<'py>) -> PyResult<()> {
        loop {
            let (step, full) = self.step(py)?;
            if !full.is_empty() {
                self.hand_over(py, full)?;
            }
            match step {
                Step::Load(instrument) => self.load(py, instrument)?,
                Step::Wait(instrument) => self.wait(py, instrument)?,
                Step::Call(call) => self.call(py, call)?,
                Step::Done => return Ok(()),
            }
        }
    }

    /// Run until Python is needed. Python's lock is released where that pays.
    fn step(&mut self, py: Python<'py>) -> PyResult<(Step, Vec<(usize, Chunk)>)> {
        let shared = &self.shared;
        let (step, full, rows) =
            caught(|| if self.sparse { shared.with_detached(py, advance) } else { shared.with(advance) })?;
        self.sparse = rows >= SPARSE_ROWS || matches!(step, Step::Load(_));
        Ok((step, full))
    }

    /// Load the next batch. It is loaded ahead, so that a failure is raised only when the batch is needed.
    fn load(&mut self, py: Python<'py>, instrument: usize) -> PyResult<()> {
        py.check_signals()?;
        let failed = self.failed[instrument].take();
        match failed.map_or_else(|| self.fetch(instrument), Err) {
            Ok(batch) => self.shared.with(|run| {
                run.markets[instrument].load(batch);
                Ok(())
            }),
            Err(error) if !error.is_instance_of::<PyException>(py) => Err(error),
            Err(error) => {
                if self.shared.with(|run| Ok(run.markets[instrument].postpone_load()))? {
                    return Err(error);
                }
                self.failed[instrument] = Some(error);
                Ok(())
            }
        }
    }

    /// Return the next batch that has rows.
    fn fetch(&self, instrument: usize) -> PyResult<Option<Batch>> {
        let mut source = self.sources[instrument].clone();
        while let Some(given) = source.next().transpose()? {
            if let Some(batch) = input::batch(&given)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Wait, with Python's lock released, until there are rows to go on with.
    fn wait(&self, py: Python<'py>, instrument: usize) -> PyResult<()> {
        caught(|| self.shared.with_detached(py, |run| run.markets[instrument].wait()))
    }

    fn call(&self, py: Python<'py>, call: Call) -> PyResult<()> {
        let (agent, context) = (&self.agents[call.agent], &self.contexts[call.agent][call.instrument]);
        let name = self.names[call.agent][call.instrument].as_str();
        let (callback, told) = match &call.what {
            Callback::Book => (pyo3::intern!(py, "on_book"), None),
            Callback::Timer(id) => (pyo3::intern!(py, "on_timer"), Some(id.into_pyobject(py)?.into_any())),
            Callback::Trade(print) => (pyo3::intern!(py, "on_trade"), Some(self.types.print(py, print)?)),
            Callback::Order(known, kind, reason) => {
                let (tag, told) = (self.tag(known)?, Some((*kind, *reason)));
                (pyo3::intern!(py, "on_order"), Some(self.types.order(py, known, (name, &tag), told)?))
            }
            Callback::Fill(known, filled) => {
                let tag = self.tag(known)?;
                let fill = self.types.fill(py, known, filled, (name, &tag, self.values[call.instrument]))?;
                (pyo3::intern!(py, "on_fill"), Some(fill))
            }
            Callback::Start => (pyo3::intern!(py, "on_start"), None),
            Callback::Stop => (pyo3::intern!(py, "on_stop"), None),
        };
        self.shared.during(call.agent, || match call_method(agent, callback, context, told.as_ref()) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure(py, error, call.agent, (callback.as_any(), call.now_ns, told))),
        })
    }

    fn tag(&self, known: &KnownOrder) -> PyResult<Arc<str>> {
        self.shared.with(|run| Ok(run.outbox.recorder.tags.text(known.terms.tag).clone()))
    }

    /// Make the error for a callback that raised.
    #[cold]
    fn failure(
        &self,
        py: Python<'py>,
        error: PyErr,
        agent: usize,
        (callback, now_ns, told): (&Bound<'py, PyAny>, i64, Option<Bound<'py, PyAny>>),
    ) -> PyErr {
        if error.is_instance_of::<PanicException>(py) {
            return panicked(&error.to_string());
        }
        // Everything else ends in a partial result: `sys.exit` would end the process with the author's exit code.
        if error.is_instance_of::<PyKeyboardInterrupt>(py) {
            return error;
        }
        let explain = || {
            let told = PyTuple::new(py, told)?;
            let value = error.clone_ref(py).into_value(py); // with its traceback
            let explained = py.import("lob_backtest.engine.client.failure")?.getattr("explain")?;
            let named = PyDict::new(py);
            named.set_item("agent", &self.labels[agent])?;
            explained.call((&self.agents[agent], callback, now_ns, told, value), Some(&named))
        };
        match explain() {
            Ok(explained) => PyErr::from_value(explained),
            Err(error) => error,
        }
    }

    /// Write full chunks to the sink. An interrupt in between is raised when all are written.
    fn hand_over(&self, py: Python<'py>, full: Vec<(usize, Chunk)>) -> PyResult<()> {
        let mut interrupt = None;
        for (table, chunk) in full {
            let columns = PyDict::new(py);
            for (name, column) in self.columns[table].iter().zip(chunk.columns) {
                let validity = (!column.validity.is_empty()).then(|| Memory::new(Cells::Bytes(column.validity)));
                let offsets = (!column.offsets.is_empty()).then(|| Memory::new(Cells::Halves(column.offsets)));
                columns.set_item(name, (chunk.rows, validity, offsets, Memory::new(column.cells)))?;
            }
            match self.sink.call_method1("write", (TABLES[table], columns)) {
                Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => interrupt = Some(error),
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        interrupt.map_or(Ok(()), Err)
    }
}

impl Drop for Driver<'_> {
    /// Break the reference cycle of the contexts, however the run has ended.
    fn drop(&mut self) {
        for siblings in &self.siblings {
            let held = std::mem::take(&mut *lock(siblings));
            drop(held);
        }
    }
}

/// Call a method with one or two arguments. What PyO3 does under the stable ABI makes a method object and a tuple per
/// call, which costs more than the call itself.
fn call_method<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    first: &Bound<'py, Context>,
    second: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let none = std::ptr::null_mut::<ffi::PyObject>();
    let second = second.map_or(none, |second| second.as_ptr());
    // SAFETY: all objects are alive, the list of arguments ends with a null, and the result is a reference of ours or
    // null with an exception set.
    unsafe {
        let done = ffi::PyObject_CallMethodObjArgs(object.as_ptr(), name.as_ptr(), first.as_ptr(), second, none);
        Bound::from_owned_ptr_or_err(object.py(), done)
    }
}

fn lock(siblings: &Siblings) -> std::sync::MutexGuard<'_, Vec<(String, Py<Context>)>> {
    siblings.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Run something whose panics must not leave the kernel.
fn caught<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// Run until the driver has to do something.
fn advance(run: &mut Run) -> Result<Advanced, RunError> {
    let rows = |run: &Run| run.markets.iter().map(|market| market.done()).sum::<u64>();
    let before = rows(run);
    let step = run.step()?;
    Ok((step, std::mem::take(&mut run.outbox.recorder.full), rows(run) - before))
}

/// Return what `ctx.instrument` shows: that of the agent's session, else that of the plan.
fn shown_instrument<'py>(given: &Bound<'py, PyAny>, agent: usize, place: usize) -> PyResult<Bound<'py, PyAny>> {
    let session = given.getattr("agents")?.get_item(agent)?.getattr("sessions")?.get_item(place)?;
    let own = session.getattr("instrument")?;
    if own.is_none() {
        return given.getattr("instruments")?.get_item(place)?.getattr("instrument");
    }
    Ok(own)
}

fn column_names(plan: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<String>>> {
    let schemas = plan.py().import("lob_backtest.contract.tables")?.getattr("schemas")?;
    let schemas = schemas.call1((plan.getattr("markouts_ns")?,))?;
    TABLES.iter().map(|table| schemas.get_item(table)?.getattr("names")?.extract()).collect()
}

fn counts<'py>(py: Python<'py>, counts: &Counts) -> PyResult<Bound<'py, PyDict>> {
    use crate::contract::codes::Issue;
    let named = PyDict::new(py);
    named.set_item("rows", counts.rows)?;
    named.set_item("packets", counts.packets)?;
    named.set_item("crossed", counts.crossed)?;
    for issue in Issue::ALL {
        let (place, name) = (issue as usize - 1, issue.name());
        for (done, n) in [("repaired", counts.repaired[place]), ("skipped", counts.skipped[place])] {
            if n > 0 {
                named.set_item(format!("{name}_{done}"), n)?;
            }
        }
    }
    if counts.unplaced_lots > 0 {
        named.set_item("unplaced_lots", counts.unplaced_lots)?;
    }
    Ok(named)
}

#[cold]
fn panicked(what: &dyn std::any::Any) -> PyErr {
    let text = what.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| what.downcast_ref::<&str>().copied()).unwrap_or("no message");
    raised(RunError::Engine(format!("the kernel failed: {text}. This is a bug in lob_backtest: please report it")))
}
