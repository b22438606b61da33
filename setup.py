"""Builds the compiled engine beside the package, where Rust is there; everything else is in pyproject.toml."""

from __future__ import annotations

import os

from setuptools import setup
from setuptools_rust import Binding, RustExtension

setup(
    rust_extensions=[
        RustExtension(
            "lob_backtest._kernel",
            path="kernel/Cargo.toml",
            binding=Binding.PyO3,
            py_limited_api="auto",
            debug=False,
            # An install never fails for want of Rust, but where the kernel has to be there, it has.
            optional=os.environ.get("LOB_REQUIRE_KERNEL") != "1",
        )
    ]
)
