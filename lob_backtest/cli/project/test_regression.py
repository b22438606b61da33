"""The strategy's result equals the one saved in tests/baselines."""

from lob_backtest.pytest_plugin import Regression


def test_my_strategy_does_what_it_did(lob_regression: Regression) -> None:
    """Fails with the metric that moved and the first fill that differs; `pytest --lob-update` saves the new result."""
    # Every fill, order and sample must be the same. With tolerances={"pnl": "5%", "fills": "10%"} only these two count.
    result = lob_regression("run.toml", "my_strategy")
    assert result.summary["residual_half_tick_lots"] == 0
