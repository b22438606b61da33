//! `ctx.book`: the book as the strategy has received it.

use pyo3::prelude::*;

use super::{arguments, Shared};
use crate::book::touch::Touch;
use crate::book::Book;
use crate::python::ratio::ratio;

type Levels = Vec<(i64, i64)>;

/// `lob_backtest.strategy.api.Book`, where each name is documented.
#[pyclass(frozen, name = "ReceivedBook", module = "lob_backtest._kernel")]
pub struct ReceivedBook {
    /// The run.
    pub run: Shared,
    /// The instrument's place in the plan.
    pub instrument: usize,
}

impl ReceivedBook {
    #[inline]
    fn with<R>(&self, read: impl FnOnce(&Book) -> R) -> PyResult<R> {
        self.run.with(|run| Ok(read(run.markets[self.instrument].received_book())))
    }

    #[inline]
    fn touch(&self) -> PyResult<Touch> {
        self.run.with(|run| Ok(run.markets[self.instrument].view.state.touch))
    }
}

#[pymethods]
impl ReceivedBook {
    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lob_backtest.engine.client.conveniences")?.call_method1("shown_book", (slf,))
    }

    /// Return the best bid.
    #[getter]
    fn bid_ticks(&self) -> PyResult<Option<i64>> {
        Ok(self.touch()?.price(1))
    }

    /// Return the best ask.
    #[getter]
    fn ask_ticks(&self) -> PyResult<Option<i64>> {
        Ok(self.touch()?.price(-1))
    }

    /// Return the size at the best bid.
    #[getter]
    fn bid_size_lots(&self) -> PyResult<i64> {
        Ok(self.touch()?.lots(1))
    }

    /// Return the size at the best ask.
    #[getter]
    fn ask_size_lots(&self) -> PyResult<i64> {
        Ok(self.touch()?.lots(-1))
    }

    /// Return the mid.
    #[getter]
    fn mid_ticks(&self) -> PyResult<Option<f64>> {
        Ok(self.touch()?.mid2().map(|mid2| mid2 as f64 / 2.0))
    }

    /// Return the mid weighted by the opposite sizes.
    #[getter]
    fn microprice_ticks(&self) -> PyResult<Option<f64>> {
        let [Some(bid), Some(bid_lots), Some(ask), Some(ask_lots)] = self.touch()?.columns() else { return Ok(None) };
        let weighted = i128::from(bid) * i128::from(ask_lots) + i128::from(ask) * i128::from(bid_lots);
        Ok(Some(ratio(weighted, bid_lots + ask_lots)))
    }

    /// Return ask - bid.
    #[getter]
    fn spread_ticks(&self) -> PyResult<Option<i64>> {
        Ok(self.touch()?.spread())
    }

    /// Return the imbalance of the best sizes.
    #[getter]
    fn imbalance(&self) -> PyResult<Option<f64>> {
        let [_, Some(bid_lots), _, Some(ask_lots)] = self.touch()?.columns() else { return Ok(None) };
        Ok(Some(ratio(i128::from(bid_lots - ask_lots), bid_lots + ask_lots)))
    }

    /// Return the best levels.
    fn depth(&self, n: &Bound<'_, PyAny>) -> PyResult<(Levels, Levels)> {
        self.run.check()?;
        let n = arguments::levels(n)?;
        self.with(|book| {
            let top = |side| {
                let all = if n < 0 { book.levels(side).count() } else { 0 };
                let n = if n < 0 { all.saturating_sub(n.unsigned_abs() as usize) } else { n as usize };
                book.levels(side).take(n).map(|level| (level.price_ticks(), level.size_lots)).collect()
            };
            (top(1), top(-1))
        })
    }

    /// Return the displayed size at a price.
    fn size_at(&self, side: &Bound<'_, PyAny>, price_ticks: &Bound<'_, PyAny>) -> PyResult<i64> {
        self.run.check()?;
        let side = arguments::side_of_book(side)?;
        let Some(price_ticks) = arguments::price_of_book(price_ticks)? else { return Ok(0) };
        self.with(|book| book.size_at(side, price_ticks))
    }

    /// Return the market's orders at a price.
    fn orders_at(&self, side: &Bound<'_, PyAny>, price_ticks: &Bound<'_, PyAny>) -> PyResult<Vec<(u64, i64)>> {
        self.run.check()?;
        let side = arguments::side_of_book(side)?;
        let Some(price_ticks) = arguments::price_of_book(price_ticks)? else { return Ok(Vec::new()) };
        self.with(|book| {
            let level = book.level_at(side, price_ticks);
            let orders = level.into_iter().flat_map(|level| book.orders_of(level));
            orders.map(|order| (order.order_id, order.size_lots)).collect()
        })
    }
}
