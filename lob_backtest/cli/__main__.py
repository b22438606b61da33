"""`python -m lob_backtest.cli`."""

from lob_backtest.cli import main

main()
