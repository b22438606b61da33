"""The entry point of `lob-backtest`. It imports next to nothing, so that Ctrl-C can end the imports that follow."""

import signal
from collections.abc import Callable
from types import FrameType

from lob_backtest.process.leave import leave


def main() -> None:
    """Run the command line and exit with the code of docs/errors.md."""
    _handle(leave)
    from lob_backtest.cli.group import main

    try:
        main()
    finally:
        _handle(signal.SIG_IGN)  # the exit code is decided: an interrupt must not change it


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signum = getattr(signal, name, None)
        if signum is not None and signal.getsignal(signum) not in (signal.SIG_IGN, None):
            signal.signal(signum, handler)
