"""Files as vendors deliver them: plain, or as members of a zip archive."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Final, NamedTuple

from lob_backtest.errors import DataError
from lob_backtest.vendors import text_file

BROKEN: Final = (
    *text_file.BROKEN,
    zipfile.BadZipFile,
    lzma.LZMAError,
    struct.error,
    zlib.error,
    RuntimeError,  # with NotImplementedError: a version or a method of compression that zipfile does not have
    ValueError,  # with UnicodeDecodeError: of a member's name; a place before the start of the file
    OverflowError,
    IndexError,
)
"""Exceptions of zipfile and the decompressors for damaged archives."""

_ENCRYPTED: Final = 0x1
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_OTHER_METHODS: Final = {1: "Shrink", 6: "Implode", 9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
"""Names by number, from PKWARE's APPNOTE.TXT, 4.4.5."""

_ZIP: Final = b"PK\x03\x04"
_UNREADABLE: Final = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"PK\x07\x08": "split zip",
}
_BUFFER_BYTES: Final = 1 << 16


class Member(NamedTuple):
    """A file, or the member of a zip archive."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """The file's own name, without its folder."""
        return _file_name(self.member) if self.member else self.path.name

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open for reading; a file outside an archive is decompressed if its content is gzip or zstd.

        Raises:
            DataError: it cannot be opened; reading it later raises the same if the content is damaged.
        """
        with ExitStack() as stack:
            if not self.member:
                file: IO[bytes] = stack.enter_context(text_file.opened(self.path))
            else:
                try:
                    archive = stack.enter_context(zipfile.ZipFile(self.path))
                    file = stack.enter_context(archive.open(self.member))
                except (*BROKEN, KeyError) as error:
                    raise DataError(f"{self}: cannot be read ({error}); get the archive again, or unpack it") from error
            yield io.BufferedReader(_Guarded(file, self), _BUFFER_BYTES)


class _Guarded(io.RawIOBase):
    """A stream whose failures to read are DataErrors that name the file."""

    def __init__(self, stream: IO[bytes], member: Member) -> None:
        self._stream = stream
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except BROKEN as error:
            raise DataError(f"{self._member}: truncated or corrupt ({error}); get the file again") from error
        buffer[: len(data)] = data
        return len(data)


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip archive, by its content or its name.

    Args:
        path: the file.

    Raises:
        DataError: there is no such file, or it is an archive of a kind that cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    for magic, kind in _UNREADABLE.items():
        if head.startswith(magic):
            raise DataError(f"{path}: {kind} cannot be read; unpack it first, and convert what was in it")
    return head.startswith(_ZIP) or path.suffix.lower() == ".zip"


def find_members(path: Path, pattern: re.Pattern[str]) -> dict[str, Member]:
    """Find the members of a zip archive whose file names match, in whatever folders they lie.

    Folders, and files that an operating system adds to an archive (`__MACOSX/`, `._NAME`), are skipped.

    Args:
        path: the archive.
        pattern: matches whole file names.

    Returns:
        The members by file name.

    Raises:
        DataError: it is not a zip archive, or a member is encrypted, compressed with a method that Python does not
            have, or has the same file name as another.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except BROKEN as error:
        raise DataError(f"{path}: cannot be read as a zip archive ({error}); get it again") from error
    found: dict[str, Member] = {}
    for info in infos:
        name = _file_name(info.filename)
        is_folder = info.filename.endswith("/")
        if is_folder or _is_of_the_system(info.filename) or not pattern.fullmatch(name):
            continue
        if info.flag_bits & _ENCRYPTED:
            raise DataError(f"{path}: encrypted; unpack it first")
        if info.compress_type not in _METHODS:
            method = info.compress_type
            shown = f"{method} ({_OTHER_METHODS[method]})" if method in _OTHER_METHODS else str(method)
            raise DataError(
                f"{path}:{info.filename}: compressed with method {shown}, which Python cannot read; unpack it first"
            )
        if name in found:
            raise DataError(
                f"{path}: two members are named {name}: {found[name].member} and {info.filename}; unpack it, and "
                "choose one"
            )
        found[name] = Member(path, info.filename)
    return found


def _file_name(member: str) -> str:
    return PurePosixPath(member.replace("\\", "/")).name


def _is_of_the_system(member: str) -> bool:
    """Return whether a member is an AppleDouble file, which macOS adds beside each file under that file's name."""
    parts = PurePosixPath(member.replace("\\", "/")).parts
    return "__MACOSX" in parts or any(part.startswith("._") for part in parts)
