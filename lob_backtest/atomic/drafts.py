"""Write files and folders whole or not at all; no other module of this package writes to disk.

A draft has a temporary name beside its target. When it is complete and flushed to disk, it takes the target's name. An
abandoned draft is removed; a complete one that cannot take its name is kept under another.
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
from lob_backtest.process.interrupts import check, entering, uninterrupted


class Draft:
    """A file or folder that is being written; a context manager.

    Args:
        target: where it goes.
        force: replace the target, if `check` allows it.

    Attributes:
        target: as an absolute path.
        path: its temporary name.

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
                self.check()  # `clean` may have completed an interrupted replacement
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
        """Turn errors of writing into an OutputError with the reason.

        Raises:
            OutputError: the disk is full, permission is denied, or the like.
        """
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise OutputError(f"cannot write {self.target}: {reason(error)}; nothing was left behind") from error

    @uninterrupted
    def place(self) -> Path:
        """Give the complete and closed draft the target's name.

        Returns:
            the target.

        Raises:
            OutputError: the rename fails; the message has the name under which the draft is kept.
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
        """Give the draft another name beside the target, under which it stays when the block ends.

        Returns:
            `NAME.kept`, `NAME.kept-2`, …; the temporary name where it cannot be renamed.
        """
        kept = _rename_free(self.path, self.target)
        if kept == self.path:
            leftovers.spare(kept)
        self.path = leftovers.temporary(self.target)  # a free name: `discard` then removes nothing
        self._parents = []
        return kept

    @uninterrupted
    def discard(self) -> None:
        """Remove the draft, unless it has its target's name."""
        if self._is_ours():
            leftovers.remove(self.path)
            leftovers.remove_empty(self._parents)
        self._unlock()

    def _is_ours(self) -> bool:
        """Return whether this process made the draft; a fork of it, as by a strategy, has no claim to it."""
        return os.getpid() == self._process

    def _make_parents(self) -> None:
        parent = self.target.parent
        self._parents = missing_folders(parent)
        try:
            make_folder(parent)
        except (FileExistsError, NotADirectoryError):
            raise OutputError(f"cannot write {self.target}: {parent} is not a folder; choose another place") from None

    def _create_locked(self) -> None:
        """Make the draft and lock it; retried, since in between another process may remove it as a leftover."""
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
    """A draft could not take its target's name.

    Attributes:
        path: where it is kept.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class FileDraft(Draft):
    """One file, which takes its target's name when the block ends without an exception.

    Args:
        target: where it goes.
        force: replace an existing regular file.
        make_parent: make the target's folder if it is missing.

    Attributes:
        file: open for writing within the block.
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
        """Write the end of the file."""

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
                check()
                with self.writing():
                    self._complete()
                    flush(self.file)
                    self.file.close()
                self.place()
        finally:
            self.discard()

    @uninterrupted
    def discard(self) -> None:
        """Close the file and remove it, unless it has its target's name."""
        with contextlib.suppress(OSError, AttributeError):  # the file may not be open yet
            self.file.close()
        super().discard()


class FolderDraft(Draft):
    """A folder of files, without subfolders. A block that ends without `place` removes it.

    Args:
        target: where it goes.
        force: replace an existing folder.
        check: raises if a target must not be written; called with `target` and `force`.
        names: of all files that such a folder may hold; other files are never removed.
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
        """Replace the target on systems that cannot exchange names; `leftovers.clean` completes it after a kill."""
        old = leftovers.old_name(self.path)
        self.target.rename(old)
        try:
            self.path.rename(self.target)
        except BaseException:
            old.rename(self.target)
            raise
        self._discard_old(old)

    def _discard_old(self, old: Path) -> None:
        """Remove the files of the replaced folder; other files that have appeared in it since `check` are kept."""
        with contextlib.suppress(OSError):
            for name in self._names:
                (old / name).unlink(missing_ok=True)
            old.rmdir()
        if os.path.lexists(old):
            kept = _rename_free(old, self.target)
            leftovers.log(f"{self.target} held files that are not part of a result; it is kept as {kept}")


def _rename_free(source: Path, target: Path) -> Path:
    """Rename to a free, visible name beside the target.

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


def write_file(target: str | os.PathLike[str], text: str, *, force: bool = True) -> None:
    """Write one text file, whole, as UTF-8; lone surrogates are written as escapes.

    Args:
        target: where it goes; missing folders are made.
        text: the content.
        force: replace an existing regular file.

    Raises:
        OutputError: it cannot be written.
    """
    with FileDraft(target, force=force, make_parent=True) as draft, draft.writing():
        draft.file.write(_encoded(text))


def check_output(
    output: str | os.PathLike[str], inputs: Sequence[Path] = (), *, force: bool, parent_is_made: bool = False
) -> None:
    """Refuse a target before any work is done.

    Args:
        output: the file to write.
        inputs: the files that are read; the target is none of them.
        force: whether an existing regular file may be replaced.
        parent_is_made: whether its folder may be missing.

    Raises:
        OutputError: it exists, is an input or not a regular file, or its folder is missing.
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
    """Make a folder and its missing parents.

    Raises:
        OSError: permission is denied, or a file has one of the names.
    """
    folder.mkdir(parents=True, exist_ok=True)


def missing_folders(folder: Path) -> list[Path]:
    """Return the folders that `make_folder` would make, the innermost first."""
    return [each for each in (folder, *folder.parents) if not os.path.lexists(each)]


def create(path: Path) -> BinaryIO:
    """Make a new file in a draft, for writing and reading back."""
    return cast(BinaryIO, path.open("w+b"))


def create_native(path: Path) -> pa.NativeFile:
    """Make a new file in a draft for Arrow, whose threads must not hold Python streams."""
    return pa.OSFile(os.fsencode(path), "wb")


def reopen(path: Path) -> BinaryIO:
    """Open a file in a draft again, for reading and writing."""
    return cast(BinaryIO, path.open("r+b"))


def write_entry(path: Path, text: str) -> None:
    """Write a text file in a draft folder, and flush it; an earlier file of the name stays until this one is complete.

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
    """Flush the names in a folder to disk; on systems that cannot, a power cut may lose the latest ones.

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
        pass  # a missing target is the normal case; `check` reports a file in the place of a folder
    except OSError as error:
        raise OutputError(f"{shown}: {reason(error)}; choose another place") from error
    return path


def reason(error: BaseException) -> str:
    """Return the reason of a failed write, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or ("out of memory" if isinstance(error, MemoryError) else type(error).__name__)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
