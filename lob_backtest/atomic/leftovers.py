"""Temporary names beside a target, and the files that killed processes left under such names.

A temporary file or folder is locked (`flock`) by the process that writes it. The lock ends with the process, however it
ends: an unlocked file has no owner, and the next process that writes to the same folder removes it. Locks are not
always visible to other computers that share a file system; names therefore carry a hash of the computer's name, and
only those of this computer are removed. Without `flock` (Windows), nothing is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lob_backtest.atomic.rename import rename_new
from lob_backtest.printable import printable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME_BYTES: Final = 200
"""Bytes of the target's name in a temporary one: file systems allow 255 in all."""
_ENDINGS: Final = (".parquet", ".json", ".html", ".part")
_PATTERN: Final = re.compile(r"\.(?P<name>.+)\.(?P<host>[0-9a-f]{8})-[0-9a-f]{8}\.lob\.(?P<kind>tmp|old)", re.DOTALL)


def temporary(target: Path) -> Path:
    """Return a new temporary name beside a target: hidden, with the ending `.lob.tmp`."""
    return target.with_name(f".{shortened(target.name)}.{_host()}-{secrets.token_hex(4)}.lob.tmp")


def shortened(name: str) -> str:
    """Cut a name to `_NAME_BYTES`, which leaves room for an ending."""
    while len(os.fsencode(name)) > _NAME_BYTES:
        name = name[:-1]
    return name


def old_name(draft: Path) -> Path:
    """Return the name of the old target while the draft replaces it in two renames."""
    return draft.with_suffix(".old")


def lock(path: Path) -> int | None:
    """Lock a file or folder until the handle is closed, or this process ends.

    Returns:
        A file handle; `None` where the file system has no locks.

    Raises:
        BlockingIOError: another process has it.
        OSError: it is missing.
    """
    if fcntl is None:
        return None
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException as error:
        os.close(handle)
        if isinstance(error, OSError) and not isinstance(error, BlockingIOError):
            return None
        raise
    return handle


def clean(folder: Path) -> None:
    """Remove the leftovers of killed processes in a folder, complete interrupted replacements, and log both.

    Args:
        folder: of the next target.
    """
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith((".lob.old", ".lob.tmp")))
        for name in names:  # .old comes before .tmp of the same token
            found = _PATTERN.fullmatch(name)
            if found is None or found["host"] != _host():
                continue
            with contextlib.suppress(OSError):
                (_clean_old if found["kind"] == "old" else _clean_draft)(folder / name, folder / found["name"])


def spare(draft: Path) -> None:
    """Make a draft read-only, the mark by which `clean` keeps it."""
    with contextlib.suppress(OSError):
        draft.chmod(0o500 if draft.is_dir() else 0o400)


def _clean_draft(draft: Path, _: Path) -> None:
    with _owned(draft) as is_owned:
        if is_owned and draft.lstat().st_mode & stat.S_IWUSR:
            _remove_ours(draft)
            if os.path.lexists(draft):
                spare(draft)
                log(f"kept {draft}, which a run that was killed had left: it holds files that are not part of a result")
            else:
                log(f"removed {draft}, which a run that was killed had left")


def _clean_old(old: Path, target: Path) -> None:
    draft = old.with_suffix(".tmp")
    if not os.path.lexists(draft):  # the new one has the target's name, or was removed
        if os.path.lexists(target):
            _remove_ours(old)
        else:
            rename_new(old, target)
            log(f"restored {target}, which a run that was killed was replacing")
        return
    with _owned(draft) as is_owned:
        if not is_owned:
            return
        if os.path.lexists(target):
            return  # a newer target exists: the draft is removed as any other, and the old one after it
        rename_new(draft, target)
        log(f"completed {target}, which a run that was killed was replacing")
        _remove_ours(old)


@contextmanager
def _owned(path: Path) -> Iterator[bool]:
    """Lock a file or folder, and yield whether that succeeded: no living process owns it."""
    try:
        handle = lock(path)
    except OSError:
        yield False
        return
    try:
        yield handle is not None
    finally:
        if handle is not None:
            os.close(handle)


def _remove_ours(path: Path) -> None:
    """Remove a file, or the files of a folder whose endings are those of a result's, and then the folder."""
    if path.is_dir() and not path.is_symlink():
        for entry in os.scandir(path):
            if entry.is_file(follow_symlinks=False) and entry.name.endswith(_ENDINGS):
                os.unlink(entry)
        with contextlib.suppress(OSError):
            path.rmdir()
    else:
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or folder of this package, as far as permissions allow."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _host() -> str:
    return hashlib.sha256(platform.node().encode("utf-8", "surrogateescape")).hexdigest()[:8]


def log(text: str) -> None:
    """Log what was done with files beside the target, by default on stderr."""
    logging.getLogger("lob_backtest").warning("%s", printable(text))


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove those folders that are empty, in the given order."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
