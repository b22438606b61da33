//! The Python classes of what strategies receive.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::IntoPyObjectExt;

use super::order_terms;
use crate::client::local_state::KnownOrder;
use crate::contract::generated::{Cause, Liquidity, OrderState, RejectReason, UpdateKind};
use crate::wire::messages::Filled;
use crate::wire::view::Print;

/// The fields of `Order` that are no terms, in the order in which `Types::order` makes them.
const ORDER_STATE: [&str; 8] =
    ["order_id", "instrument", "filled_lots", "state", "queue_ahead_lots", "in_flight", "kind", "reason"];

/// `Order`, `Fill`, `Print` and the members of the enumerations in them, by code.
pub struct Types {
    order: Record,
    fill: Record,
    print: Record,
    states: Vec<Py<PyAny>>,
    terms: Vec<Vec<Py<PyAny>>>,
    kinds: Vec<Py<PyAny>>,
    reasons: Vec<Py<PyAny>>,
    causes: Vec<Py<PyAny>>,
    liquidity: Vec<Py<PyAny>>,
}

/// A frozen dataclass with slots, and the names of its fields.
struct Record {
    class: Py<PyAny>,
    new: Py<PyAny>,
    fields: Vec<Py<PyString>>,
}

impl Record {
    fn of(class: Bound<'_, PyAny>) -> PyResult<Self> {
        let names: Vec<String> = class.getattr("__match_args__")?.extract()?;
        Self::in_order(class, names.iter().map(String::as_str))
    }

    /// Take the values of the fields in another order than that of the class.
    fn in_order<'a>(class: Bound<'_, PyAny>, names: impl Iterator<Item = &'a str>) -> PyResult<Self> {
        let py = class.py();
        let fields = names.map(|name| PyString::intern(py, name).unbind()).collect();
        let new = py.get_type::<PyAny>().getattr("__new__")?.unbind();
        Ok(Record { class: class.unbind(), new, fields })
    }

    /// Make an instance from the values of its fields, in one or several parts. Its own `__init__` does the same in Python,
    /// at three times the cost.
    fn make<'py>(&self, py: Python<'py>, parts: &[&[Bound<'py, PyAny>]]) -> PyResult<Bound<'py, PyAny>> {
        let record = self.new.bind(py).call1((&self.class,))?;
        let mut fields = self.fields.as_slice();
        for values in parts {
            let (names, rest) = fields.split_at(values.len());
            for (name, value) in names.iter().zip(values.iter()) {
                // SAFETY: all three objects are alive; the class refuses new values only in its own `__setattr__`.
                let done = unsafe { ffi::PyObject_GenericSetAttr(record.as_ptr(), name.as_ptr(), value.as_ptr()) };
                if done != 0 {
                    return Err(PyErr::fetch(py));
                }
            }
            fields = rest;
        }
        Ok(record)
    }
}

impl Types {
    /// Return the class of orders.
    pub fn order_class(&self) -> &Py<PyAny> {
        &self.order.class
    }

    /// Import the classes.
    ///
    /// # Errors
    /// The package is of another version than this kernel.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let strategy = py.import("lob_backtest.strategy.api")?;
        let tables = py.import("lob_backtest.contract.tables")?;
        // Members by code; codes without a member have `None`.
        let members = |name: &str, (_, last): (i64, i64)| -> PyResult<Vec<Py<PyAny>>> {
            let mut found: Vec<_> = (0..=last).map(|_| py.None()).collect();
            for member in tables.getattr(name)?.try_iter()? {
                let member = member?;
                if let Some(place) = found.get_mut(member.extract::<usize>()?) {
                    *place = member.unbind();
                }
            }
            Ok(found)
        };
        Ok(Types {
            order: Record::in_order(strategy.getattr("Order")?, ORDER_STATE.into_iter().chain(order_terms::TERMS))?,
            fill: Record::of(strategy.getattr("Fill")?)?,
            print: Record::of(strategy.getattr("Print")?)?,
            states: members("OrderState", OrderState::CODES)?,
            terms: order_terms::ENUMS.into_iter().map(|(name, codes)| members(name, codes)).collect::<PyResult<_>>()?,
            kinds: members("UpdateKind", UpdateKind::CODES)?,
            reasons: members("RejectReason", RejectReason::CODES)?,
            causes: members("Cause", Cause::CODES)?,
            liquidity: members("Liquidity", Liquidity::CODES)?,
        })
    }

    /// Return a member of an enumeration of `order_terms::ENUMS`.
    #[inline]
    pub fn member<'py>(&self, py: Python<'py>, enumeration: usize, code: usize) -> Bound<'py, PyAny> {
        self.terms[enumeration][code].bind(py).clone()
    }

    /// Make an `Order`; `told` is the update of an `on_order` call.
    ///
    /// # Errors
    /// Python is out of memory.
    pub fn order<'py>(
        &self,
        py: Python<'py>,
        known: &KnownOrder,
        (instrument, tag): (&str, &str),
        told: Option<(UpdateKind, RejectReason)>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (kind, reason) = match told {
            Some((kind, reason)) => (kind as usize, reason),
            None => (0, RejectReason::None),
        };
        let state = [
            known.order_id.into_bound_py_any(py)?,
            instrument.into_bound_py_any(py)?,
            known.filled_lots.into_bound_py_any(py)?,
            self.states[known.state as usize].bind(py).clone(),
            known.queue_ahead_lots().into_bound_py_any(py)?,
            (known.in_flight > 0).into_bound_py_any(py)?,
            self.kinds[kind].bind(py).clone(),
            self.reasons[reason as usize].bind(py).clone(),
        ];
        let terms = order_terms::values(py, &known.terms, tag, self)?;
        self.order.make(py, &[&state, &terms])
    }

    /// Make a `Fill`.
    ///
    /// # Errors
    /// Python is out of memory.
    pub fn fill<'py>(
        &self,
        py: Python<'py>,
        known: &KnownOrder,
        filled: &Filled,
        (instrument, tag, value): (&str, &str, f64),
    ) -> PyResult<Bound<'py, PyAny>> {
        let taker = usize::from(filled.cause == Cause::Take);
        let values = [
            filled.fill_id.into_bound_py_any(py)?,
            filled.order_id.into_bound_py_any(py)?,
            instrument.into_bound_py_any(py)?,
            known.terms.side.into_bound_py_any(py)?,
            filled.price_ticks.into_bound_py_any(py)?,
            filled.size_lots.into_bound_py_any(py)?,
            (filled.fee_micro as f64 / 1e6 * value).into_bound_py_any(py)?,
            self.liquidity[taker].bind(py).clone(),
            self.causes[filled.cause as usize].bind(py).clone(),
            filled.ts_exchange_ns.into_bound_py_any(py)?,
            tag.into_bound_py_any(py)?,
        ];
        self.fill.make(py, &[&values])
    }

    /// Make a `Print`.
    ///
    /// # Errors
    /// Python is out of memory.
    pub fn print<'py>(&self, py: Python<'py>, print: &Print) -> PyResult<Bound<'py, PyAny>> {
        let Print { ts_exchange_ns, side, price_ticks, size_lots, hidden } = *print;
        let values = [
            ts_exchange_ns.into_bound_py_any(py)?,
            side.into_bound_py_any(py)?,
            price_ticks.into_bound_py_any(py)?,
            size_lots.into_bound_py_any(py)?,
            hidden.into_bound_py_any(py)?,
        ];
        self.print.make(py, &[&values])
    }
}
