"""The process's standard streams: closed ones, pipes that nobody reads, full disks."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final

from lob_backtest.cli.output import is_open, tell
from lob_backtest.errors import OutputError

BROKEN_PIPE: Final = 141
"""What a shell says of a program that SIGPIPE ends: 128 + 13. `| head` is no error."""


def open_descriptors() -> None:
    """See that descriptors 0 to 2 are taken: the next file that is opened must not become standard output."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def flushed(code: int) -> int:
    """Write out what standard output still holds, and return the exit code.

    Args:
        code: what the work ended with. That nobody reads its output, or that it cannot be written, replaces 0 and 1.
    """
    if not is_open(sys.stdout):
        return code
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        failed = BROKEN_PIPE
    except OSError as error:
        failed = OutputError.exit_code
        if code in (0, 1):
            tell(f"error: cannot write to standard output: {error.strerror}")
    else:
        return code
    with suppress(OSError, ValueError):  # else Python would try again at its end, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return failed if code in (0, 1) else code
