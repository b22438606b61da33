"""Where a file's bytes come from, and whether they are still the same: opened natively, stamped and hashed.

Files are opened by Arrow itself, never through a Python file object: Arrow's threads may hold what was read until after
the interpreter has ended, and memory of Python in their hands then aborts the process.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.fs

from lob_backtest.errors import DataError
from lob_backtest.printable import utf8

READ_BYTES: Final = 1 << 20


class Stamp(NamedTuple):
    """What changes when a file does; a remote file has a size and a time of change alone, the rest is 0."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


@dataclass(frozen=True)
class Origin:
    """Where a file is.

    Attributes:
        name: as the user named it, in a form that can be printed and stored as UTF-8.
        path: local files: its path in the bytes of the file system; remote ones: its path there.
        filesystem: `None`: the local one.
    """

    name: str
    path: bytes | str
    filesystem: pyarrow.fs.FileSystem | None = None

    @classmethod
    def local(cls, path: str | os.PathLike[str]) -> Origin:
        """Return the origin of a local file, whose name may be any bytes; a later change of folder does not matter."""
        return cls(utf8(os.fspath(path)), os.path.join(os.getcwdb(), os.fsencode(path)))

    @classmethod
    def remote(cls, name: str, filesystem: pyarrow.fs.FileSystem, path: str) -> Origin:
        """Return the origin of a file of a filesystem of Arrow's."""
        if isinstance(filesystem, pyarrow.fs.LocalFileSystem):
            return cls(utf8(name), os.fsencode(path))
        return cls(utf8(name), path, filesystem)

    def open(self) -> pa.NativeFile:
        """Open the file for reading.

        Raises:
            OSError: it is missing, or cannot be read.
        """
        if self.filesystem is not None:
            return self.filesystem.open_input_file(self.path)
        return pa.OSFile(self.path)

    def stamp(self, file: pa.NativeFile) -> Stamp:
        """Return the stamp of a file that `open` has opened."""
        if self.filesystem is not None:
            info = self.filesystem.get_file_info(self.path)
            return Stamp(0, 0, file.size(), info.mtime_ns or 0, 0)
        return _stamp(os.fstat(file.fileno()))

    @contextmanager
    def opened(self, stamp: Stamp) -> Iterator[pa.NativeFile]:
        """Open the file and close it at the end, if it is the one that was stamped, before and after.

        Raises:
            DataError: it has changed, is missing, or cannot be read.
        """
        try:
            file = self.open()
        except FileNotFoundError:
            raise self.changed() from None
        except OSError as error:
            raise DataError(f"{self.name}: cannot be read ({one_line(error)})") from error
        with file:
            self.check(file, stamp)
            try:
                yield file
            except DataError:
                self.check(file, stamp)  # what else is wrong with it comes from that
                raise
            self.check(file, stamp)

    def check(self, file: pa.NativeFile, stamp: Stamp) -> None:
        """Compare an open file with its stamp.

        Raises:
            DataError: they differ.
        """
        if self.stamp(file) != stamp:
            raise self.changed()

    def changed(self) -> DataError:
        """Return the error of a file that is not what it was when it was first opened."""
        return DataError(
            f"{self.name}: changed while it was read (replaced, written to, moved, touched, or given other permissions "
            "or links); expected a file that stays as it is. Start again when nothing writes to it"
        )

    def sha256(self, stamp: Stamp, stop: Event | None = None) -> str | None:
        """Read the file and return its SHA-256 in hexadecimal; `None` if it was stopped.

        Raises:
            DataError: the file is not the one that was stamped, or cannot be read.
        """
        digest = hashlib.sha256()
        with self.opened(stamp) as file:
            while stop is None or not stop.is_set():
                try:
                    piece = file.read(READ_BYTES)
                except OSError as error:
                    raise DataError(f"{self.name}: cannot be read ({one_line(error)})") from error
                if not piece:
                    return digest.hexdigest()
                digest.update(piece)
        return None


def stamp_of(path: str | os.PathLike[str]) -> Stamp:
    """Return the stamp of a local file, taken before it is read; `Origin.local(path).sha256(stamp)` checks it after.

    Raises:
        OSError: it is missing.
    """
    return _stamp(os.stat(path))


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def one_line(error: BaseException) -> str:
    """Return the text of an error without line ends."""
    return " ".join(str(error).split())
