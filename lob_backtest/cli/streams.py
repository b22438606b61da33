"""The process's standard streams: closed streams, closed pipes, full disks."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final

from lob_backtest.cli.output import is_open, print_error
from lob_backtest.errors import OutputError

BROKEN_PIPE: Final = 141
"""Exit code of a program that SIGPIPE ends, 128 + 13: output cut by `| head` is not an error."""


def open_descriptors() -> None:
    """Occupy descriptors 0 to 2, so that the next file that is opened does not become standard output."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def flushed(code: int) -> int:
    """Flush standard output, and return the exit code.

    Args:
        code: of the work. A closed pipe or a failed write replaces 0 and 1 by its own code.
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
            print_error(f"error: cannot write to standard output: {error.strerror}")
    else:
        return code
    with suppress(OSError, ValueError):  # else Python flushes again at exit, and prints a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return failed if code in (0, 1) else code
