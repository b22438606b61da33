"""Saved results on disk: folders that are written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from lob_backtest.atomic.drafts import FolderDraft, write_entry
from lob_backtest.contract.tables import DIGEST_VERSION, Batches, schemas
from lob_backtest.errors import DataError, OutputError
from lob_backtest.results.table_file import TableWriter

MANIFEST: Final = "summary.json"
PAGE: Final = "report.html"
FORMAT: Final = "lob_backtest.result/1"
DIGEST_VERSIONS: Final = ("digest/1", DIGEST_VERSION)
"""Of results that can be loaded. `digest/1` was never written: it has the values of `digest/2`."""
FILES: Final = frozenset({MANIFEST, PAGE, *(f"{name}.parquet" for name in (*schemas(()), "lots"))})
"""Files of a result of this version or an earlier one."""


def check_target(target: Path, force: bool) -> None:
    """Refuse a folder that must not be written, before any work is done.

    Args:
        target: the folder to write.
        force: replace an existing result, or an empty folder.

    Raises:
        OutputError: it exists and `force` is not given, it is in use, or it holds anything but a result.
    """
    if not os.path.lexists(target):
        return
    if target.is_symlink():
        raise OutputError(f"{target} is a symbolic link, which is not replaced; choose another folder")
    if not target.is_dir():
        raise OutputError(f"{target} is not a folder; choose another one")
    if _holds_current_folder(target):
        raise OutputError(f"{target} is the current folder, or holds it, and is not replaced; choose another folder")
    if target.is_mount():
        raise OutputError(f"{target} is where a disk is mounted, and is not replaced; choose a folder in it")
    try:
        _check_entries(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be read ({error.strerror}), and is not replaced") from error
    if not force:
        raise OutputError(f"{target} exists; choose another folder, or replace it with --force (force=True)")


def _holds_current_folder(target: Path) -> bool:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the current folder was removed
        return False
    return any(target.samefile(each) for each in (here, *here.parents) if each.exists())


def _check_entries(target: Path) -> None:
    """Refuse to replace a folder that holds anything but the files of a result."""
    entries = sorted(os.scandir(target), key=lambda entry: entry.name)
    foreign = [each.name for each in entries if each.name not in FILES or not each.is_file(follow_symlinks=False)]
    if foreign:
        shown = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
        raise OutputError(
            f"{target} holds {shown}, which is not part of a result: it is not replaced; choose another folder"
        )
    if not entries:
        return
    try:
        read_manifest(target)
    except DataError as error:
        raise OutputError(f"{target} is not a result, and is not replaced ({error}); choose another folder") from None


class Draft(FolderDraft):
    """A result that is being written.

    Args:
        target: the folder to write.
        force: replace an existing result.
    """

    def __init__(self, target: Path, *, force: bool) -> None:
        super().__init__(target, force=force, check=check_target, names=FILES)

    def write(self, name: str, content: str | Batches) -> None:
        """Write text, or a table (Parquet), and flush it to disk; a text replaces an earlier one.

        Raises:
            OutputError: it cannot be written.
        """
        with self.writing():
            _write(self.path / name, content)


def _write(path: Path, content: str | Batches) -> None:
    if isinstance(content, str):
        write_entry(path, content)
        return
    with TableWriter(path, content.schema) as writer:
        for batch in content.to_batches():
            writer.write(batch)
        writer.finish()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read `summary.json` of a saved result.

    Raises:
        DataError: the folder is missing, or not a result of this format.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one that `lob-backtest run -o` wrote")
    if not path.is_file():
        raise DataError(f"{folder}: holds no {MANIFEST}; expected a folder that `lob-backtest run -o` wrote")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}); run the backtest again") from None
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise DataError(f"{path}: its format is {found!r}, expected {FORMAT!r}; run the backtest again")
    assert isinstance(manifest, dict)
    version = manifest.get("digest_version", "digest/1")
    if version not in DIGEST_VERSIONS:
        raise DataError(
            f"{path}: its digest is {version!r}, this version reads {' and '.join(DIGEST_VERSIONS)}; "
            "load it with the version that wrote it, or run the backtest again"
        )
    return manifest
