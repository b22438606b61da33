"""The entry point of `lob-backtest`. It imports next to nothing, so that Ctrl-C can end the imports that follow."""

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line and exit with the code of docs/errors.md."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signum = getattr(signal, name, None)
        if signum is not None and signal.getsignal(signum) not in (signal.SIG_IGN, None):
            signal.signal(signum, leave)
    from lob_backtest.cli import main

    main()


def leave(signum: int, _: FrameType | None) -> None:
    """End the process: outside of `lob_backtest.interrupts.guarded` there is nothing to clean up."""
    os.write(2, b"interrupted\n")
    os._exit(128 + signum)
