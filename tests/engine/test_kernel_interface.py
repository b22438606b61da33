"""The compiled kernel shows strategies the names that `lob_backtest.strategy` promises, and its stub is true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lob_backtest.engine import ENGINES, is_built
from lob_backtest.engine.context import ReceivedBook, ReferenceContext
from lob_backtest.strategy import Book, Context

ROOT = Path(__file__).resolve().parents[2]
needs_kernel = pytest.mark.skipif(not is_built(), reason="the kernel is not built")


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def test_the_kernel_is_there_where_it_has_to_be() -> None:
    if os.environ.get("LOB_REQUIRE_KERNEL") == "1":
        assert ENGINES[0] == "kernel"
    assert ENGINES[-1] == "reference"


@needs_kernel
def test_both_contexts_have_the_names_of_the_protocol_and_no_others() -> None:
    from lob_backtest import _kernel

    internal = {"entry", "quoter", "link"}  # what the reference engine's own parts use
    assert public(_kernel.KernelContext) == public(Context)
    assert public(ReferenceContext) - internal == public(Context)


@needs_kernel
def test_both_books_have_the_names_of_the_protocol_and_no_others() -> None:
    from lob_backtest import _kernel

    assert public(_kernel.ReceivedBook) == public(ReceivedBook) == public(Book)


@needs_kernel
@pytest.mark.slow
def test_the_stub_says_what_the_kernel_is(tmp_path: Path) -> None:
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nignore_missing_imports = true\ndisable_error_code = import-untyped\n")
    command = [sys.executable, "-m", "mypy.stubtest", "lob_backtest._kernel", "--mypy-config-file", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
