"""The entry point of `lob-backtest`: importing the command line takes a third of a second, which Ctrl-C may end."""

from lob_backtest import interrupts


def main() -> None:
    """Run the command line and exit with the code of docs/errors.md."""
    interrupts.exit_at_once()
    from lob_backtest.cli import main

    main()
