"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lob_backtest.engine import ENGINES

pytest.register_assert_rewrite("scenario")  # so that a scenario that fails shows what happened

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Name an engine: a test that takes this runs on each of them."""
    return str(request.param)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Find the real market data, or skip."""
    folder = Path(os.environ.get("LOB_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real market data at {folder} (set LOB_SHARED_DATA)")
    return folder
