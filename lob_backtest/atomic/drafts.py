"""Files and folders appear whole, or not at all: the one place of this package that writes to disk.

A draft has a temporary name beside its target. When it is complete and flushed to disk, it takes the target's name. A
draft that is given up leaves nothing behind; one that is complete and cannot take its name is kept under another.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import pyarrow as pa

from lob_backtest.atomic import leftovers
from lob_backtest.atomic.rename import exchange, rename_new
from lob_backtest.errors import OutputError
from lob_backtest.process.interrupts import entering, uninterrupted


class Draft:
    """A file or folder in the making; a context manager.

    Args:
        target: where it goes.
        force: replace what `check` allows to be replaced.

    Attributes:
        target: as an absolute path.
        path: where it is until it is complete.

    Raises:
        OutputError: the name is impossible; in the block: it cannot be written.
    """

    def __init__(self, target: str | os.PathLike[str], *, force: bool) -> None:
        self.target = absolute(target)
        self.path = leftovers.temporary(self.target)
        self.force = force
        self._process = os.getpid()
        self._lock: int | None = None
        self._parents: list[Path] = []

    def check(self) -> None:
        """Refuse a target that must not be written.

        Raises:
            OutputError: it exists, and must not be replaced.
        """
        raise NotImplementedError

    def _create(self) -> None:
        raise NotImplementedError

    def _take_name(self) -> None:
        raise NotImplementedError

    @entering
    def __enter__(self) -> Self:
        self.check()
        try:
            with self.writing():
                self._make_parents()
                leftovers.clean(self.target.parent)
                self.check()  # a replacement that was cut short may have been completed
                self._create_locked()
        except BaseException:
            self.discard()
            raise
        return self

    @uninterrupted
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Report in one way why something cannot be written.

        Raises:
            OutputError: the disk is full, permission is denied, or the like.
        """
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise OutputError(f"cannot write {self.target}: {reason(error)}; nothing was left behind") from error

    @uninterrupted
    def place(self) -> Path:
        """Give the draft, which is complete and closed, the target's name.

        Returns:
            the target.

        Raises:
            OutputError: it cannot be done; the message names where the draft is kept.
        """
        if not self._is_ours():
            raise OutputError(f"cannot write {self.target}: this process was forked from the one that writes it")
        try:
            self._take_name()
        except (OSError, OutputError) as error:
            kept = self.keep()
            why = str(error) if isinstance(error, OutputError) else f"cannot write {self.target}: {reason(error)}"
            raise KeptError(f"{why}; what was written is kept as {kept}", kept) from error
        try:
            flush_folder(self.target.parent)
        except OSError as error:
            raise OutputError(
                f"{self.target} is written, but its name could not be flushed to disk ({reason(error)}): "
                "a power cut may lose it"
            ) from error
        finally:
            self._parents = []
            self._unlock()
        return self.target

    @uninterrupted
    def keep(self) -> Path:
        """Give the draft another name beside the target, which stays when the block ends.

        Returns:
            `NAME.kept`, `NAME.kept-2`, …; the temporary name where it cannot be renamed.
        """
        kept = _rename_free(self.path, self.target)
        if kept == self.path:
            leftovers.spare(kept)
        self.path = leftovers.temporary(self.target)  # nothing is there: `discard` leaves what is kept alone
        self._parents = []
        return kept

    @uninterrupted
    def discard(self) -> None:
        """Remove the draft, unless it has taken its name."""
        if self._is_ours():
            leftovers.remove(self.path)
            _remove_empty(self._parents)
        self._unlock()

    def _is_ours(self) -> bool:
        """Return whether this is the process that made the draft, not one forked from it, as by a strategy."""
        return os.getpid() == self._process

    def _make_parents(self) -> None:
        parent = self.target.parent
        self._parents = missing_folders(parent)
        try:
            make_folder(parent)
        except (FileExistsError, NotADirectoryError):
            raise OutputError(f"cannot write {self.target}: {parent} is not a folder; choose another place") from None

    def _create_locked(self) -> None:
        """Make the draft and lock it; another process may take it for a leftover in between."""
        while True:
            self._create()
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                self._lock = leftovers.lock(self.path)
                if self._lock is None or _is_at(self._lock, self.path):
                    return
            self._unlock()
            self.path = leftovers.temporary(self.target)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class KeptError(OutputError):
    """A draft could not take its name.

    Attributes:
        path: where it is.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class FileDraft(Draft):
    """One file, which takes its name when the block ends without an exception, complete and on disk.

    Args:
        target: where it goes.
        force: replace a regular file that is there.
        make_parent: make the folder it goes to if it is missing.

    Attributes:
        file: to write to, from the start of the block.
    """

    file: BinaryIO

    def __init__(self, target: str | os.PathLike[str], *, force: bool = True, make_parent: bool = False) -> None:
        super().__init__(target, force=force)
        self._makes_parent = make_parent

    def check(self) -> None:
        """Refuse a target that must not be written; see `check_output`."""
        check_output(self.target, force=self.force, parent_is_made=self._makes_parent)

    def _create(self) -> None:
        self.file = create(self.path)

    def _complete(self) -> None:
        """Write what belongs at the end of the file."""

    def _take_name(self) -> None:
        self.check()
        if self.force:
            self.path.replace(self.target)
        else:
            rename_new(self.path, self.target)

    @uninterrupted
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                with self.writing():
                    self._complete()
                    flush(self.file)
                    self.file.close()
                self.place()
        finally:
            self.discard()

    @uninterrupted
    def discard(self) -> None:
        """Close the file and remove it, unless it has taken its name."""
        with contextlib.suppress(OSError, AttributeError):  # there may be no file yet
            self.file.close()
        super().discard()


class FolderDraft(Draft):
    """A folder of files, without folders in it. A block that ends without `place` leaves nothing behind.

    Args:
        target: where it goes.
        force: replace a folder that is there.
        check: refuses a target that must not be written; takes `target` and `force`.
        names: of all files that such a folder may hold; others are never removed.
    """

    def __init__(
        self, target: Path, *, force: bool, check: Callable[[Path, bool], None], names: frozenset[str]
    ) -> None:
        super().__init__(target, force=force)
        self._check = check
        self._names = names

    def check(self) -> None:
        """Refuse a target that must not be written."""
        self._check(self.target, self.force)

    def _create(self) -> None:
        self.path.mkdir()

    def _take_name(self) -> None:
        flush_folder(self.path)
        self.check()
        if not os.path.lexists(self.target):
            rename_new(self.path, self.target)
        elif exchange(self.path, self.target):
            self._discard_old(self.path)
        else:
            self._replace_in_two_steps()

    def _replace_in_two_steps(self) -> None:
        """Replace the target where names cannot be exchanged; `leftovers.clean` completes it after a kill."""
        old = leftovers.old_name(self.path)
        self.target.rename(old)
        try:
            self.path.rename(self.target)
        except BaseException:
            old.rename(self.target)
            raise
        self._discard_old(old)

    def _discard_old(self, old: Path) -> None:
        """Remove the files that such a folder holds; what else has appeared in it since `check` is kept."""
        with contextlib.suppress(OSError):
            for name in self._names:
                (old / name).unlink(missing_ok=True)
            old.rmdir()
        if os.path.lexists(old):
            kept = _rename_free(old, self.target)
            leftovers.log(f"{self.target} held what is not part of a result; it is kept as {kept}")


def _rename_free(source: Path, target: Path) -> Path:
    """Rename to a visible name beside the target that is free.

    Returns:
        `NAME.kept`, `NAME.kept-2`, …; the source where it cannot be renamed.
    """
    for number in range(1, 1000):
        name = target.with_name(f"{leftovers.shortened(target.name)}.kept" + (f"-{number}" if number > 1 else ""))
        try:
            rename_new(source, name)
        except FileExistsError:
            continue
        except OSError:
            break
        return name
    return source


class RemovedOnError:
    """Several files or folders that are written together; a context manager that removes them after an exception.

    Args:
        targets: the files and folders, none of which exists yet.
    """

    def __init__(self, targets: Sequence[Path]) -> None:
        self._targets = targets
        missing = {folder for each in targets for folder in missing_folders(absolute(each).parent)}
        self._folders = sorted(missing, key=lambda each: len(each.parts), reverse=True)

    def __enter__(self) -> Self:
        return self

    @uninterrupted
    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for each in self._targets:
                leftovers.remove(each)
            _remove_empty(self._folders)


def write_file(target: str | os.PathLike[str], text: str, *, force: bool = True) -> None:
    """Write one text file, whole, as UTF-8; what UTF-8 has no code for is written as an escape.

    Args:
        target: where it goes; missing folders are made.
        text: all of it.
        force: replace a regular file that is there.

    Raises:
        OutputError: it cannot be written.
    """
    with FileDraft(target, force=force, make_parent=True) as draft, draft.writing():
        draft.file.write(_encoded(text))


def check_output(
    output: str | os.PathLike[str], inputs: Sequence[Path] = (), *, force: bool, parent_is_made: bool = False
) -> None:
    """Refuse a place for a file before any work is done.

    Args:
        output: the file to write.
        inputs: the files that are read.
        force: whether a regular file that is there may be replaced.
        parent_is_made: whether its folder may be missing.

    Raises:
        OutputError: it exists, is an input, is no regular file, or its folder is not there.
    """
    output = Path(output)
    absolute(output)
    if os.path.lexists(output):
        if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
            raise OutputError(f"{output}: is an input; choose another place")
        if output.is_symlink():
            raise OutputError(f"{output}: is a symbolic link, which is not replaced; choose another place")
        if not output.is_file():
            raise OutputError(f"{output}: is not a file; choose another place")
        if not force:
            raise OutputError(f"{output}: exists; pass --force to replace it, or choose another place")
    if not parent_is_made and not output.parent.is_dir():
        raise OutputError(f"{output.parent}: no such folder; make it first, or choose another place")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        OSError: permission is denied, or a file has that name.
    """
    folder.mkdir(parents=True, exist_ok=True)


def missing_folders(folder: Path) -> list[Path]:
    """Return the folders that `make_folder` would make, the innermost first."""
    return [each for each in (folder, *folder.parents) if not os.path.lexists(each)]


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def create(path: Path) -> BinaryIO:
    """Make a new file in a draft, for writing and reading back."""
    return cast(BinaryIO, path.open("w+b"))


def create_native(path: Path) -> pa.NativeFile:
    """Make a new file in a draft for Arrow to write: its threads must not hold streams of Python."""
    return pa.OSFile(os.fsencode(path), "wb")


def reopen(path: Path) -> BinaryIO:
    """Open a file in a draft again, for reading and writing."""
    return cast(BinaryIO, path.open("r+b"))


def write_entry(path: Path, text: str) -> None:
    """Write a text file in a folder that is a draft, and flush it; an earlier one stays until this one is complete.

    Raises:
        OSError: the disk is full, or the like.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with create(part) as file:
            file.write(_encoded(text))
            flush(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def flush(file: BinaryIO) -> None:
    """Flush a file to disk.

    Raises:
        OSError: the disk is full, or the like.
    """
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can; elsewhere a power cut may lose the last ones.

    Raises:
        OSError: the disk is broken, or the like.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def absolute(target: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a target.

    Raises:
        OutputError: the file system cannot have such a name, or it cannot be reached.
    """
    shown = repr(os.fspath(target))
    try:
        if b"\0" in os.fsencode(target):
            raise OutputError(f"{shown}: a name cannot have a NUL character; choose another place")
    except UnicodeEncodeError as error:
        raise OutputError(f"{shown}: the file system cannot have this name ({error}); choose another") from None
    path = Path(os.path.abspath(target))
    if not path.name:
        raise OutputError(f"{path} is the root of a file system, and is not replaced; choose a name in it")
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # the first is as it should be, the second has a message of its own
    except OSError as error:
        raise OutputError(f"{shown}: {reason(error)}; choose another place") from error
    return path


def reason(error: BaseException) -> str:
    """Return why something could not be written, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or ("out of memory" if isinstance(error, MemoryError) else type(error).__name__)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
