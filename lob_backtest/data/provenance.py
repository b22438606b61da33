"""The origin of a file's bytes, and checks that they are unchanged: files are opened natively, stamped and hashed.

Files are opened by Arrow itself, never through a Python file object: Arrow's threads may hold buffers until after the
interpreter has ended, and if those belong to Python, the process aborts.
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
    """The identity of a file's content; of a remote file only size and time of change are known, the rest is 0."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


@dataclass(frozen=True)
class Origin:
    """The place of a file.

    Attributes:
        name: as given by the user, made printable and valid UTF-8.
        path: absolute, in the file system's bytes; of a remote file, the path in its filesystem.
        filesystem: of Arrow; `None`: the local one.
    """

    name: str
    path: bytes | str
    filesystem: pyarrow.fs.FileSystem | None = None

    @classmethod
    def local(cls, path: str | os.PathLike[str]) -> Origin:
        """Return the origin of a local file, whose name may be any bytes; it does not depend on the current folder."""
        return cls(utf8(os.fspath(path)), os.path.join(os.getcwdb(), os.fsencode(path)))

    @classmethod
    def remote(cls, name: str, filesystem: pyarrow.fs.FileSystem, path: str) -> Origin:
        """Return the origin of a file in one of Arrow's filesystems."""
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
        """Open the file for a block; check its stamp before and after.

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
                self.check(file, stamp)  # a changed file is the cause of any other error
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
        """Return the error for a file that has changed since it was first opened."""
        return DataError(
            f"{self.name}: changed while it was read (replaced, written to, moved, touched, or given other permissions "
            "or links); expected a file that stays as it is. Start again when nothing writes to it"
        )

    def sha256(self, stamp: Stamp, stop: Event | None = None) -> str | None:
        """Read the file and return its SHA-256 in hexadecimal; `None` if stopped.

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
    """Return the text of an error on one line."""
    return " ".join(str(error).split())
