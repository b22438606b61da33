"""Fixtures for tests of interrupts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import lob_backtest as lob


@pytest.fixture
def default_handler() -> Iterator[None]:
    """Start from the handler that a script, a notebook and the command line have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate a small market."""
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=2_000)
    return path
