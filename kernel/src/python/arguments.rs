//! Reads what a strategy passes to `ctx`: numbers, ids, quotes.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use rustc_hash::FxHashSet as HashSet;

use super::{order_terms, StrategyError};
use crate::client::number::{Number, HUGE, NO_ID};
use crate::client::quoter::Wanted;
use crate::contract::codes::LIMIT;
use crate::contract::generated_terms::Terms;

/// An optional argument for which `None` is a value.
pub enum Argument<'py> {
    /// Left out.
    Missing,
    /// Passed.
    Value(Bound<'py, PyAny>),
}

impl<'py> Argument<'py> {
    /// Return the value, if it was passed.
    pub fn value(&self) -> Option<&Bound<'py, PyAny>> {
        match self {
            Argument::Missing => None,
            Argument::Value(value) => Some(value),
        }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Argument<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Argument::Value(object.to_owned()))
    }
}

fn integer(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    match value.extract::<i64>() {
        Ok(value) => Ok(value.clamp(-HUGE, HUGE)),
        Err(_) => Ok(if value.lt(0)? { -HUGE } else { HUGE }),
    }
}

/// Return what `operator.index` makes of a value.
///
/// # Errors
/// It is no integer, or what `__index__` of the author's own type raises.
pub fn index<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    value.py().import(intern!(value.py(), "operator"))?.call_method1(intern!(value.py(), "index"), (value,))
}

/// Read an integer, clipped to ±2⁶².
///
/// # Errors
/// As `index`.
pub fn cut(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    integer(&index(value)?)
}

/// Read a price or a size. Anything but a whole number leads to a refusal later, not to an error here.
///
/// # Errors
/// What `__index__` of the author's own type raises.
pub fn number(value: &Bound<'_, PyAny>) -> PyResult<Number> {
    if value.is_exact_instance_of::<PyInt>() {
        return integer(value).map(Number::Whole);
    }
    if value.is_instance_of::<PyBool>() {
        return Ok(Number::Nonsense);
    }
    match index(value) {
        Ok(index) => integer(&index).map(Number::Whole),
        Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => match value.cast::<PyFloat>() {
            Ok(float) => Ok(whole_or_fraction(float.value())),
            Err(_) => Ok(Number::Nonsense),
        },
        Err(error) => Err(error),
    }
}

fn whole_or_fraction(value: f64) -> Number {
    if value.fract() == 0.0 && value.abs() < HUGE as f64 {
        return Number::Whole(value as i64);
    }
    Number::Float(value)
}

/// Read a price or a size that may be `None`.
///
/// # Errors
/// As `number`.
pub fn number_or_none(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Number>> {
    value.map(number).transpose()
}

/// Read nanoseconds: an integer other than a boolean, clipped to ±2⁶².
pub fn nanoseconds(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    integer(value).map(Some)
}

/// Read an order's id, which may be given as a snapshot of the class `order`; -1 for a number that cannot be one, `NO_ID`
/// for what is no number.
///
/// # Errors
/// As `number`.
pub fn order_number(value: &Bound<'_, PyAny>, order: &Py<PyAny>) -> PyResult<i64> {
    let id = value.get_type().is(order).then(|| value.getattr(intern!(value.py(), "order_id"))).transpose()?;
    Ok(match number(id.as_ref().unwrap_or(value))? {
        Number::Whole(number) if number.abs() < LIMIT => number,
        Number::Float(number) if number.is_finite() => -1,
        Number::Whole(_) => -1,
        Number::Float(_) | Number::Nonsense => NO_ID,
    })
}

/// Read a timer's id; 0, which no timer has, for what equals no id.
///
/// # Errors
/// As `number`.
pub fn timer_number(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    Ok(match number(value)? {
        Number::Whole(number) => number,
        Number::Float(number) if number.fract() == 0.0 => number as i64,
        _ => 0,
    })
}

/// The options of a new order as a strategy passes them.
pub struct Options<'py> {
    /// Those but the tag; one that is not of its type has its default.
    pub terms: Terms,
    /// The tag, if it is text that a table can hold.
    pub tag: Option<Bound<'py, PyString>>,
    /// True if one is not of its type.
    pub has_bad_option: bool,
    /// All of them, as they were passed.
    pub raw: Option<Bound<'py, PyDict>>,
}

/// Read the options of a new order of a side, given by name to `ctx.buy` or `ctx.sell`.
///
/// # Errors
/// `TypeError`: there is no option of that name; or as `number`.
pub fn options<'py>(side: i8, given: Option<&Bound<'py, PyDict>>) -> PyResult<Options<'py>> {
    let mut options =
        Options { terms: Terms::new(side, None, 0), tag: None, has_bad_option: false, raw: given.cloned() };
    for (name, value) in given.into_iter().flatten() {
        let name = name.cast_into::<PyString>()?;
        if !order_terms::read(&name.to_string_lossy(), &value, &mut options)? {
            let (call, names) = (if side > 0 { "buy" } else { "sell" }, order_terms::OPTIONS.join(", "));
            return Err(PyTypeError::new_err(format!("ctx.{call}() has no option {}: expected {names}", name.repr()?)));
        }
    }
    Ok(options)
}

/// Read a truth value.
pub fn flag(given: &Bound<'_, PyAny>) -> Option<bool> {
    given.cast::<PyBool>().ok().map(|given| given.is_true())
}

/// Read text that a table can hold; half a surrogate pair has no UTF-8.
pub fn text<'py>(given: &Bound<'py, PyAny>) -> Option<Bound<'py, PyString>> {
    given.cast::<PyString>().ok().filter(|text| text.to_str().is_ok()).cloned()
}

/// Read one side of `ctx.quote`.
///
/// # Errors
/// `StrategyError`: it is not a pair of numbers, a list of pairs or `None`, or a price occurs twice.
pub fn quote(given: &Argument<'_>, side: &str) -> PyResult<Option<Wanted>> {
    let Argument::Value(quote) = given else { return Ok(None) };
    let mut wanted = Wanted::new();
    if let Ok(levels) = quote.cast::<PyList>() {
        // Copied first: the author's own `__index__` may change the list.
        for level in levels.iter().collect::<Vec<_>>() {
            wanted.push(pair(&level, quote, side)?);
        }
    } else if !quote.is_none() {
        wanted.push(pair(quote, quote, side)?);
    }
    let mut seen = HashSet::default();
    if wanted.len() > 1 && !wanted.iter().all(|(price, _)| seen.insert(price.identity())) {
        let quote = quote.repr()?;
        let message = format!("ctx.quote({side}={quote}): a price occurs twice; give each price one size");
        return Err(StrategyError::new_err(message));
    }
    wanted.retain(|(_, size)| !size.is(0));
    Ok(Some(wanted))
}

fn pair(level: &Bound<'_, PyAny>, quote: &Bound<'_, PyAny>, side: &str) -> PyResult<(Number, Number)> {
    if let Ok(level) = level.cast::<PyTuple>() {
        if level.len() == 2 {
            let (price, size) = (number(&level.get_item(0)?)?, number(&level.get_item(1)?)?);
            if !matches!(price, Number::Nonsense) && !matches!(size, Number::Nonsense) {
                return Ok((price, size));
            }
        }
    }
    let quote = quote.repr()?;
    let expected = "(price_ticks, size_lots), a list of such pairs, or None";
    Err(StrategyError::new_err(format!("ctx.quote({side}={quote}): expected {expected}")))
}

/// Read a number of levels.
///
/// # Errors
/// `StrategyError`: it is no whole number.
pub fn levels(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(i64::from(value.is_true()));
    }
    match number(value)? {
        Number::Whole(n) => Ok(n),
        _ => {
            let message = format!("ctx.book.depth({}): expected a number of levels, an integer", value.repr()?);
            Err(StrategyError::new_err(message))
        }
    }
}

/// Read a side of the book.
///
/// # Errors
/// `StrategyError`: it is neither 1 nor -1.
pub fn side_of_book(value: &Bound<'_, PyAny>) -> PyResult<i8> {
    let side = number(value)?;
    if side.is(1) {
        return Ok(1);
    }
    if side.is(-1) {
        return Ok(-1);
    }
    let message = format!("ctx.book: {} is no side: expected 1 (bids) or -1 (asks)", value.repr()?);
    Err(StrategyError::new_err(message))
}

/// Read the side of `ctx.cancel_all`.
///
/// # Errors
/// `StrategyError`: it is neither 1 nor -1.
pub fn side_to_cancel(value: &Bound<'_, PyAny>) -> PyResult<i8> {
    let side = number(value)?;
    if side.is(1) || side.is(-1) {
        return Ok(if side.is(1) { 1 } else { -1 });
    }
    let given = value.repr()?;
    Err(StrategyError::new_err(format!("ctx.cancel_all(side={given}): expected 1 (bids), -1 (asks) or None")))
}

/// Read the tag of `ctx.cancel_all`.
///
/// # Errors
/// `StrategyError`: it is no text that an order can have.
pub fn tag_to_cancel<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    match text(value) {
        Some(tag) => Ok(tag),
        None => {
            let given = value.repr()?;
            Err(StrategyError::new_err(format!("ctx.cancel_all(tag={given}): expected the text of a tag, or None")))
        }
    }
}

/// Read a price at which to read the book; `None` for a fraction, which no level has.
///
/// # Errors
/// `TypeError`: it is no number.
pub fn price_of_book(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    match number(value)? {
        Number::Whole(price_ticks) => Ok(Some(price_ticks)),
        Number::Float(price) if price.fract() == 0.0 && price.abs() < 1e15 => Ok(Some(price as i64)),
        Number::Float(_) => Ok(None),
        Number::Nonsense => {
            let hint = if value.is_none() { ": is that side of the book empty?" } else { "" };
            Err(PyTypeError::new_err(format!("a price in ticks is expected, not {}{hint}", value.repr()?)))
        }
    }
}
