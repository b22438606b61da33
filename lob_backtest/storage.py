"""Saved results on disk: a folder appears whole, or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa

from lob_backtest.errors import DataError, OutputError
from lob_backtest.table_file import TableWriter
from lob_backtest.tables import Rows

MANIFEST: Final = "summary.json"
FORMAT: Final = "lob_backtest.result/1"


def check_target(target: Path, *, force: bool) -> None:
    """Refuse a folder that must not be written, before any work is done.

    Args:
        target: the folder to write.
        force: replace a result that is there.

    Raises:
        OutputError: it exists and `force` is not given, or it is not a result.
    """
    if not (target.exists() or target.is_symlink()):
        return
    if not force:
        raise OutputError(f"{target} exists; choose another folder, or replace it with --force (force=True)")
    if target.is_symlink() or not target.is_dir():
        raise OutputError(f"{target} is not a folder; choose another one")
    if any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise OutputError(
            f"{target} holds no {MANIFEST}: it is not a result, and is not replaced; choose another folder"
        )


class Draft:
    """A folder in the making: it has a temporary name in the same parent until `finish`; a context manager.

    A block that ends without `finish` leaves nothing behind.

    Args:
        target: the folder to write.
        force: replace a result that is there.

    Attributes:
        folder: where the files are until then.

    Raises:
        OutputError: as `check_target` says, or the folder cannot be made.
    """

    def __init__(self, target: Path, *, force: bool) -> None:
        check_target(target, force=force)
        self.target = Path(os.path.abspath(target))
        self.folder = self.target.with_name(f".{self.target.name}.{secrets.token_hex(4)}.tmp")
        self._force = force
        with self.writing():
            _make_parent(self.target)
            self.folder.mkdir()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Tell in one way why something cannot be written.

        Raises:
            OutputError: the disk is full, permission is denied, or the like.
        """
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise OutputError(f"cannot write {self.target}: {_reason(error)}; nothing was left behind") from error

    def write(self, name: str, content: str | Rows) -> None:
        """Write text, or a table (Parquet), and flush it to disk.

        Raises:
            OutputError: it cannot be written.
        """
        with self.writing():
            _write(self.folder / name, content)

    def finish(self) -> Path:
        """Put the folder in place and return it.

        Raises:
            OutputError: it cannot be, or the target appeared in the meantime.
        """
        with self.writing():
            _flush_folder(self.folder)
            _put_in_place(self.folder, self.target, force=self._force)
            _flush_folder(self.target.parent)
        return self.target

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def write_file(target: Path, text: str) -> None:
    """Write one file under a temporary name, flush it to disk, then rename it.

    Raises:
        OutputError: it cannot be written.
    """
    target = Path(os.path.abspath(target))
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        _make_parent(target)
        _write(draft, text)
        draft.replace(target)
        _flush_folder(target.parent)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {_reason(error)}; nothing was left behind") from error
    finally:
        if draft.exists():
            draft.unlink()


def _make_parent(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(f"cannot write {target}: {target.parent} is not a folder; choose another place") from None


def _write(path: Path, content: str | Rows) -> None:
    if isinstance(content, str):
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return
    with closing(TableWriter(path, content.schema)) as writer:
        for batch in content.to_batches():
            writer.write(batch)
        writer.finish()


def _put_in_place(draft: Path, target: Path, *, force: bool) -> None:
    check_target(target, force=force)
    if not target.exists():
        draft.rename(target)
        return
    old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    target.rename(old)
    try:
        draft.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush_folder(folder: Path) -> None:
    """Make the names in a folder durable; not every system can, and then nothing is lost but a power cut's worth."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


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
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}); run the backtest again") from None
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise DataError(f"{path}: its format is {found!r}, expected {FORMAT!r}; run the backtest again")
    assert isinstance(manifest, dict)
    return manifest
