"""Ready-made strategies, one per file; installed as `lob_backtest.strategies`."""
