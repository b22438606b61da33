"""Builds the compiled engine beside the package, if Rust is installed; everything else is in pyproject.toml."""

from __future__ import annotations

import os
import shutil

from setuptools import setup
from setuptools_rust import Binding, RustExtension

# An install never fails for want of Rust, but where the kernel has to be there, it has.
required = os.environ.get("LOB_REQUIRE_KERNEL") == "1"

kernel = RustExtension(
    "lob_backtest._kernel",
    path="kernel/Cargo.toml",
    binding=Binding.PyO3,
    py_limited_api="auto",
    debug=False,
    cargo_manifest_args=["--locked"],  # exactly what Cargo.lock names
    optional=not required,
)

# Without Rust the package is Python alone, and a wheel of it is tagged so.
setup(rust_extensions=[kernel] if required or shutil.which("cargo") else [])
