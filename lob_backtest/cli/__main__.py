"""`python -m lob_backtest.cli`."""

from lob_backtest.start import main

main()
