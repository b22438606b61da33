from __future__ import annotations

import doctest

from lob_backtest.synthetic import exchange as matching


def test_examples_in_the_docstrings_are_true() -> None:
    result = doctest.testmod(matching)
    assert result.attempted >= 15
    assert result.failed == 0
