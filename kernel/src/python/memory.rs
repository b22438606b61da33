//! Memory that the kernel has filled and Python reads without a copy.

use std::os::raw::c_int;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::record::table::Cells;

/// Read-only bytes, for `memoryview`, `pyarrow.py_buffer` and the like.
#[pyclass(frozen, name = "Memory", module = "lob_backtest._kernel")]
pub struct Memory {
    cells: Cells,
}

impl Memory {
    /// Wrap the cells of a column.
    pub fn new(cells: Cells) -> Self {
        Memory { cells }
    }

    fn bytes(&self) -> (*const u8, usize) {
        match &self.cells {
            Cells::Bytes(cells) => (cells.as_ptr(), cells.len()),
            Cells::Shorts(cells) => (cells.as_ptr().cast(), cells.len() * 2),
            Cells::Halves(cells) => (cells.as_ptr().cast(), cells.len() * 4),
            Cells::Words(cells) => (cells.as_ptr().cast(), cells.len() * 8),
            Cells::Block(block) => (block.bytes().as_ptr(), block.bytes().len()),
        }
    }
}

#[pymethods]
impl Memory {
    /// Return the number of bytes.
    fn __len__(&self) -> usize {
        self.bytes().1
    }

    /// Export the bytes as a buffer.
    ///
    /// # Safety
    /// Python calls this, with a view that it has made for the purpose.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill"));
        }
        let (bytes, len) = slf.get().bytes();
        // SAFETY: the view is Python's; the bytes stay where they are for as long as this object lives, to which the
        // view keeps a reference; it is read-only, as the last but one argument says.
        let done =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), bytes.cast_mut().cast(), len as isize, 1, flags) };
        if done == 0 {
            Ok(())
        } else {
            Err(PyErr::fetch(slf.py()))
        }
    }
}
