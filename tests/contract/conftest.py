from __future__ import annotations

import pytest

ENGINES = ["reference"]


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Each engine that has to keep the contract."""
    return str(request.param)
