"""Renames that never replace a file by accident, and exchanges of two names; atomic where the system supports it.

`renameat2` is in Linux since 3.15 and glibc since 2.28; not every file system has its flags.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

_AT_FDCWD: Final = -100
_NOREPLACE: Final = 1
_EXCHANGE: Final = 2
_UNSUPPORTED: Final = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
"""Error codes of systems without the call or the flag; EPERM is that of sandboxes."""


def rename_new(source: Path, target: Path) -> None:
    """Rename a file or folder to a free name.

    Raises:
        FileExistsError: `target` exists.
        OSError: it cannot be renamed.
    """
    if _renameat2(source, target, _NOREPLACE):
        return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


def exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two files or folders.

    Returns:
        False if the system has no atomic exchange; nothing was renamed.

    Raises:
        OSError: one of them is missing, or the like.
    """
    return _renameat2(first, second, _EXCHANGE)


def _renameat2(source: Path, target: Path, flag: int) -> bool:
    call = _system_call()
    if call is None:
        return False
    ctypes.set_errno(0)
    if call(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))


@cache
def _system_call() -> Any:
    """Return `renameat2` of the C library; `None` if it has none."""
    if not sys.platform.startswith("linux"):
        return None
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return call
