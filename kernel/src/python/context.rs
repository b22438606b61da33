//! `ctx`: one strategy in one instrument.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyIterator, PyList, PyString, PyTuple};

use super::arguments::{self, Argument, Options};
use super::book_view::ReceivedBook;
use super::types::Types;
use super::{Shared, StrategyError};
use crate::client::order_entry::NewOrder;
use crate::contract::error::RunError;
use crate::money::account::Account;
use crate::run::state::Run;

/// The contexts of a strategy, one per instrument. Emptied at the end of the run, which breaks their reference cycle.
pub type Siblings = Arc<Mutex<Vec<(String, Py<Context>)>>>;

/// `lob_backtest.strategy.api.Context`, where each name is documented.
#[pyclass(frozen, name = "KernelContext", module = "lob_backtest._kernel")]
pub struct Context {
    /// The run.
    pub run: Shared,
    /// The agent's number.
    pub agent: usize,
    /// The instrument's place in the plan.
    pub place: usize,
    /// The instrument.
    #[pyo3(get)]
    pub instrument: Py<PyAny>,
    /// The instrument's name.
    pub name: String,
    /// Configured start and end.
    pub span: (Option<i64>, Option<i64>),
    /// Currency per tick and lot.
    pub value: f64,
    /// The book.
    #[pyo3(get)]
    pub book: Py<ReceivedBook>,
    /// The strategy's random generator.
    pub generator: Py<PyAny>,
    /// Receives log lines.
    pub sink: Py<PyAny>,
    /// The contexts of all instruments, this one included.
    pub siblings: Siblings,
    /// The Python classes of orders, fills and prints.
    pub types: Arc<Types>,
}

impl Context {
    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut Run) -> Result<R, RunError>) -> PyResult<R> {
        self.run.with(work)
    }

    /// Make a request; the first one that is refused for its arguments is put into words, with the line of the author.
    fn request<R>(
        slf: &Bound<'_, Self>,
        call: &str,
        (given, options): (&[Option<&Bound<'_, PyAny>>], Option<&Bound<'_, PyDict>>),
        work: impl FnOnce(&mut Run) -> Result<R, RunError>,
    ) -> PyResult<R> {
        let (this, py) = (slf.get(), slf.py());
        let (done, mistake) = this.with(|run| {
            let done = work(run)?;
            Ok((done, run.agents[this.agent].untold_mistake()))
        })?;
        if let Some(reason) = mistake {
            let given = PyTuple::new(py, given)?;
            let told = conveniences(py)?.call_method1("mistake_text", (slf, call, given, reason as i8, options))?;
            let text = plain_text(&told)?;
            this.with(|run| {
                run.agents[this.agent].mistake_text = text;
                Ok(())
            })?;
        }
        Ok(done)
    }

    fn account(&self) -> PyResult<(Account, Option<i64>)> {
        self.with(|run| {
            let account = run.sessions[self.place][self.agent].local_state.account.clone();
            Ok((account, run.markets[self.place].view.state.mid2))
        })
    }

    fn send(
        slf: &Bound<'_, Self>,
        call: &str,
        price_ticks: &Bound<'_, PyAny>,
        size_lots: &Bound<'_, PyAny>,
        options: &Options<'_>,
    ) -> PyResult<i64> {
        let this = slf.get();
        this.run.check()?;
        let price = arguments::number_or_none((!price_ticks.is_none()).then_some(price_ticks))?;
        let size = arguments::number(size_lots)?;
        let tag = options.tag.as_ref().map_or(Ok(""), |tag| tag.to_str())?;
        let order = NewOrder { price, size, terms: options.terms, tag, has_bad_option: options.has_bad_option };
        let work = |run: &mut Run| run.order_entry(this.agent, this.place).send(&order);
        Self::request(slf, call, (&[Some(price_ticks), Some(size_lots)], options.raw.as_ref()), work)
    }

    /// Find the instrument of an order; this one, if no instrument has it.
    fn place_of(&self, run: &Run, id: i64) -> usize {
        let has = |place: &usize| run.sessions[*place][self.agent].local_state.orders.contains_key(&id);
        (0..run.markets.len()).find(has).unwrap_or(self.place)
    }
}

#[pymethods]
impl Context {
    /// Return the strategy's time.
    #[getter]
    fn now_ns(&self) -> PyResult<i64> {
        self.with(|run| Ok(run.agents[self.agent].now_ns))
    }

    /// Return the configured start.
    #[getter]
    fn start_ns(&self) -> Option<i64> {
        self.span.0
    }

    /// Return the configured end.
    #[getter]
    fn end_ns(&self) -> Option<i64> {
        self.span.1
    }

    /// Set a repeating timer.
    fn every(&self, interval_ns: &Bound<'_, PyAny>) -> PyResult<i64> {
        let interval = match arguments::nanoseconds(interval_ns)?.filter(|interval| *interval >= 1) {
            Some(interval) => interval,
            None => arguments::cut(&conveniences(interval_ns.py())?.call_method1("interval_ns", (interval_ns,))?)?,
        };
        self.with(|run| {
            run.outbox.mark(self.agent);
            let agent = &mut run.agents[self.agent];
            agent.count()?;
            agent.check_timer()?;
            Ok(agent.timers.add(agent.now_ns.saturating_add(interval), interval, self.place, 0))
        })
    }

    /// Set a timer that fires once.
    fn at(&self, ts_ns: &Bound<'_, PyAny>) -> PyResult<i64> {
        let due_ns = match arguments::nanoseconds(ts_ns)? {
            Some(due_ns) => due_ns,
            None => arguments::cut(&conveniences(ts_ns.py())?.call_method1("instant_ns", (ts_ns,))?)?,
        };
        self.with(|run| {
            run.outbox.mark(self.agent);
            let agent = &mut run.agents[self.agent];
            agent.count()?;
            let generation = if due_ns <= agent.now_ns { agent.next_generation("timers")? } else { 0 };
            agent.check_timer()?;
            Ok(agent.timers.add(due_ns.max(agent.now_ns), 0, self.place, generation))
        })
    }

    /// Stop a timer.
    fn cancel_timer(&self, timer_id: &Bound<'_, PyAny>) -> PyResult<()> {
        self.run.check()?;
        let timer_id = arguments::timer_number(timer_id)?;
        self.with(|run| {
            run.outbox.mark(self.agent);
            run.agents[self.agent].timers.cancel(timer_id);
            Ok(())
        })
    }

    /// Subscribe to more calls of `on_book`.
    fn subscribe(&self, what: &Bound<'_, PyAny>) -> PyResult<()> {
        self.run.check()?;
        if what.cast::<PyString>().map(|what| what.to_string_lossy()).as_deref().ok() != Some("depth") {
            let given = what.repr()?;
            return Err(StrategyError::new_err(format!("ctx.subscribe({given}): expected lob_backtest.DEPTH")));
        }
        self.with(|run| {
            run.agents[self.agent].depth[self.place] = true;
            run.markets[self.place].subscribe_levels();
            Ok(())
        })
    }

    /// Return the context of another instrument.
    fn market(&self, name: &Bound<'_, PyAny>) -> PyResult<Py<Context>> {
        self.run.check()?;
        let wanted = name.extract::<String>().ok();
        let siblings = self.siblings.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match siblings.iter().find(|(name, _)| Some(name) == wanted.as_ref()) {
            Some((_, context)) => Ok(context.clone_ref(name.py())),
            None => {
                let names: Vec<String> = siblings.iter().map(|(name, _)| name.clone()).collect();
                drop(siblings);
                let message = format!("ctx.market({}): the run has {}", name.repr()?, names.join(", "));
                Err(StrategyError::new_err(message))
            }
        }
    }

    /// Return the contexts of all instruments, by name.
    #[getter]
    fn markets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.run.check()?;
        let markets = PyDict::new(py);
        for (name, context) in self.siblings.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
            markets.set_item(name, context)?;
        }
        Ok(markets)
    }

    /// Return the last print received, of those since the first read of this.
    #[getter]
    fn last_trade<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.with(|run| {
            let agent = &mut run.agents[self.agent];
            let now_ns = agent.now_ns;
            let since_ns = *agent.prints_since_ns[self.place].get_or_insert(now_ns);
            let market = &mut run.markets[self.place];
            market.subscribe_prints();
            Ok(market.view.last_print.filter(|print| print.ts_exchange_ns > since_ns))
        })?;
        found.map(|print| self.types.print(py, &print)).transpose()
    }

    /// Return the average entry price of the position, ticks.
    #[getter]
    fn average_price_ticks(&self) -> PyResult<Option<f64>> {
        Ok(self.account()?.0.average_price_ticks())
    }

    /// Return the profit of what has been closed, by average entry price, without fees, in currency.
    #[getter]
    fn realized(&self) -> PyResult<f64> {
        Ok(self.account()?.0.realized_tick_lots() * self.value)
    }

    /// Return the profit of the position at the last mid received, without fees, in currency.
    #[getter]
    fn unrealized(&self) -> PyResult<f64> {
        let (account, mid2) = self.account()?;
        Ok(account.unrealized_tick_lots(mid2) * self.value)
    }

    /// Return the fees of the fills received, in currency.
    #[getter]
    fn fees(&self) -> PyResult<f64> {
        Ok(self.account()?.0.fees_micro as f64 / 1e6 * self.value)
    }

    /// Return the limit on the position.
    #[getter]
    fn max_position(&self) -> PyResult<Option<i64>> {
        self.with(|run| Ok(run.plan.agents[self.agent].sessions[self.place].max_position))
    }

    /// Return the sum of the equities of all instruments, in currency.
    #[getter]
    fn total_equity<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        conveniences(slf.py())?.call_method1("total_equity", (slf,))
    }

    /// Cancel the orders of this instrument, and close its position by a market order.
    fn flatten<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        conveniences(slf.py())?.call_method1("flatten", (slf,))
    }

    /// End the run after what is due now.
    #[pyo3(signature = (reason = None))]
    fn stop(&self, reason: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let reason = reason.map_or(Ok(String::new()), plain_text)?;
        self.with(|run| {
            run.stop.get_or_insert((self.agent, reason));
            Ok(())
        })
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        conveniences(slf.py())?.call_method1("shown_context", (slf,))
    }

    /// Return the position as known.
    #[getter]
    fn position(&self) -> PyResult<i64> {
        self.with(|run| Ok(run.sessions[self.place][self.agent].local_state.account.position_lots))
    }

    /// Return cash less fees in currency.
    #[getter]
    fn cash(&self) -> PyResult<f64> {
        let (account, _) = self.account()?;
        Ok((account.cash_tick_lots as f64 - account.fees_micro as f64 / 1e6) * self.value)
    }

    /// Return cash plus the position at the last mid received, in currency.
    #[getter]
    fn equity(&self) -> PyResult<f64> {
        let (account, mid2) = self.account()?;
        let half = account.equity_half_tick_lots(mid2);
        Ok((half as f64 / 2.0 - account.fees_micro as f64 / 1e6) * self.value)
    }

    /// Iterate own live orders and those in flight.
    #[getter]
    fn orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let known = self.with(|run| {
            let orders = run.sessions[self.place][self.agent].local_state.orders.values();
            let tags = &run.outbox.recorder.tags;
            let known = orders.filter(|known| !known.state.is_over());
            Ok(known.map(|known| (known.clone(), tags.text(known.terms.tag).clone())).collect::<Vec<_>>())
        })?;
        let orders = PyList::empty(py);
        for (each, tag) in &known {
            orders.append(self.types.order(py, each, (&self.name, tag), None)?)?;
        }
        orders.try_iter()
    }

    /// Send a buy order.
    #[pyo3(signature = (price_ticks, size_lots, **options))]
    fn buy(
        slf: &Bound<'_, Self>,
        price_ticks: &Bound<'_, PyAny>,
        size_lots: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<i64> {
        Self::send(slf, "buy", price_ticks, size_lots, &arguments::options(1, options)?)
    }

    /// Send a sell order.
    #[pyo3(signature = (price_ticks, size_lots, **options))]
    fn sell(
        slf: &Bound<'_, Self>,
        price_ticks: &Bound<'_, PyAny>,
        size_lots: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<i64> {
        Self::send(slf, "sell", price_ticks, size_lots, &arguments::options(-1, options)?)
    }

    /// Request another price or total size.
    #[pyo3(signature = (order_id, *, price_ticks = None, size_lots = None))]
    fn replace(
        slf: &Bound<'_, Self>,
        order_id: &Bound<'_, PyAny>,
        price_ticks: Option<&Bound<'_, PyAny>>,
        size_lots: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let this = slf.get();
        this.run.check()?;
        let id = arguments::order_number(order_id, this.types.order_class())?;
        let (price, size) = (arguments::number_or_none(price_ticks)?, arguments::number_or_none(size_lots)?);
        Self::request(slf, "replace", (&[Some(order_id), price_ticks, size_lots], None), |run| {
            let place = this.place_of(run, id);
            run.order_entry(this.agent, place).replace(id, price, size)
        })
    }

    /// Request the cancellation of an order.
    fn cancel(slf: &Bound<'_, Self>, order_id: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        this.run.check()?;
        let id = arguments::order_number(order_id, this.types.order_class())?;
        Self::request(slf, "cancel", (&[Some(order_id)], None), |run| {
            let place = this.place_of(run, id);
            run.order_entry(this.agent, place).cancel(id)
        })
    }

    /// Request the cancellation of the live orders of this instrument.
    #[pyo3(signature = (*, side = None, tag = None))]
    fn cancel_all(&self, side: Option<&Bound<'_, PyAny>>, tag: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.run.check()?;
        let side = side.map(arguments::side_to_cancel).transpose()?;
        let tag = tag.map(arguments::tag_to_cancel).transpose()?;
        let tag = tag.as_ref().map(|tag| tag.to_str()).transpose()?;
        self.with(|run| run.order_entry(self.agent, self.place).cancel_all(side, tag))
    }

    /// Request that market maker protection takes quotes again.
    fn mmp_reset(&self) -> PyResult<()> {
        self.with(|run| run.order_entry(self.agent, self.place).mmp_reset())
    }

    /// Set the wanted quotes.
    #[pyo3(signature = (*, bid = Argument::Missing, ask = Argument::Missing, top_up = None))]
    fn quote(
        slf: &Bound<'_, Self>,
        bid: Argument<'_>,
        ask: Argument<'_>,
        top_up: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let this = slf.get();
        this.run.check()?;
        let wanted = [arguments::quote(&bid, "bid")?, arguments::quote(&ask, "ask")?];
        let top_up = top_up.map_or(Ok(false), |value| value.is_truthy())?;
        let work = |run: &mut Run| run.order_entry(this.agent, this.place).quote(wanted, top_up);
        Self::request(slf, "quote", (&[bid.value(), ask.value()], None), work)
    }

    /// Add a point to a series of the result.
    fn record(&self, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.run.check()?;
        let py = name.py();
        let read = name.str().and_then(|text| {
            let number = match value.cast_exact::<PyFloat>() {
                Ok(float) => float.value(),
                Err(_) => py.get_type::<PyFloat>().call1((value,))?.extract::<f64>()?,
            };
            Ok((text.to_str()?.to_owned(), number))
        });
        let (text, number) = match read {
            Err(error) if is_about_value(&error, py) => {
                let (name, value) = (name.repr()?, value.repr()?);
                let message = format!("ctx.record({name}, {value}): expected a text and a number");
                return Err(StrategyError::new_err(message));
            }
            read => read?,
        };
        self.with(|run| {
            let agent = &mut run.agents[self.agent];
            agent.check_series(&text)?;
            let now_ns = agent.now_ns;
            run.outbox.recorder.point(&text, self.agent, now_ns, number);
            Ok(())
        })
    }

    /// Return the seeded generator.
    #[getter]
    fn rng(&self, py: Python<'_>) -> Py<PyAny> {
        self.generator.clone_ref(py)
    }

    /// Write a line to the run's log.
    fn log(&self, text: &Bound<'_, PyAny>) -> PyResult<()> {
        let (now_ns, line) = (self.now_ns()?, plain_text(text)?);
        self.sink.bind(text.py()).call_method1("log", (now_ns, self.agent, line))?;
        Ok(())
    }
}

fn conveniences(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("lob_backtest.engine.client.conveniences")
}

/// Return the text of an object; half a surrogate pair, which has no UTF-8, becomes an escape.
fn plain_text(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = object.str()?;
    match text.to_str() {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => text.call_method1("encode", ("utf-8", "backslashreplace"))?.call_method0("decode")?.extract(),
    }
}

fn is_about_value(error: &PyErr, py: Python<'_>) -> bool {
    error.is_instance_of::<PyTypeError>(py) || error.is_instance_of::<PyValueError>(py)
}
