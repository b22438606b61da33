"""Ready-made strategies, one a file; installed as `lob_backtest.strategies`."""
