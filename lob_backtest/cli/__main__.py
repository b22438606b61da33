"""`python -m lob_backtest.cli`."""

from lob_backtest.cli.start import main

main()
