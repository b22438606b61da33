"""Files that commands write: never over another by accident, whole or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lob_backtest.errors import OutputError


def check_output(output: Path, inputs: Sequence[Path], *, force: bool) -> None:
    """Refuse a place for an output before any work is done.

    Args:
        output: the file to write.
        inputs: the files that are read.
        force: whether `output` may be replaced.

    Raises:
        OutputError: it exists, is an input, or its folder is not there.
    """
    if output.exists():
        if any(path.exists() and output.samefile(path) for path in inputs):
            raise OutputError(f"{output}: is an input; choose another place")
        if not output.is_file():
            raise OutputError(f"{output}: is not a file; choose another place")
        if not force:
            raise OutputError(f"{output}: exists; pass --force to replace it, or choose another place")
    if not output.parent.is_dir():
        raise OutputError(f"{output.parent}: no such folder; make it first, or choose another place")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name when the block ends without an exception, complete and on disk.

    Args:
        path: replaced if it exists.

    Raises:
        OutputError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        file = temporary.open("wb")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)
