"""Find market data files, open them, and refuse what is not one, before any row is looked at."""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from threading import Event, Thread
from typing import Any, Final

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from lob_backtest.errors import DataError
from lob_backtest.market import seal
from lob_backtest.market.schema import LEVEL_BY_SCHEMA, Meta, columns_of
from lob_backtest.units import DURATION_LIMIT_NS

Path = str | os.PathLike[str]

_MAGIC: Final = b"PAR1"
_READ_BYTES: Final = 1 << 20
_REMEDY: Final = "convert it with `lob-backtest convert`, or write it with lob_backtest.write_events"
_UNITS: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass(frozen=True)
class MarketFile:
    """One canonical file whose schema and metadata have been checked.

    Attributes:
        path: as the user named it, for messages.
        rows: in all of its row groups.
        level: 2 or 3.
        symbol: the instrument's name at its venue.
        venue: where it trades; may be empty.
        tick_size: the price of one tick in quote currency.
        lot_size: the size of one lot in base units.
        depth: levels shown a side; 0: all.
        clock_shift_ns: what was added to local times; `None`: nothing.
        late_level_ns: L2: how long after a print its LEVEL row may follow; `None`: not said.
        late_print_ns: L2: how long after a fall of a level its print may follow; `None`: not said.
        source: the vendor file; may be empty.
        created_by: the program that wrote it; may be empty.
        has_local: whether any row has a local time.
        filesystem: where it lives.
        inner: its path there.
    """

    path: str
    rows: int
    level: int
    symbol: str
    venue: str
    tick_size: Decimal
    lot_size: Decimal
    depth: int
    clock_shift_ns: int | None
    late_level_ns: int | None
    late_print_ns: int | None
    source: str
    created_by: str
    has_local: bool
    filesystem: pyarrow.fs.FileSystem
    inner: str

    @classmethod
    def open(cls, path: Path) -> MarketFile:
        """Open one file by its local path or URI.

        Raises:
            DataError: it is missing, unreadable, or not canonical; every difference is in the message.
        """
        filesystem, inner = _filesystem(os.fspath(path))
        return _open(os.fspath(path), filesystem, inner)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal; read when first asked for."""
        return self._hash(Event()) or ""  # nobody sets that event

    def _hash(self, stop: Event) -> str | None:
        """Read the file and return its hash, `None` if it was stopped."""
        digest = hashlib.sha256()
        with self.filesystem.open_input_stream(self.inner) as stream:
            while not stop.is_set():
                piece = stream.read(_READ_BYTES)
                if not piece:
                    return digest.hexdigest()
                digest.update(piece)
        return None

    def hash_now(self, stop: Event) -> None:
        """Find `sha256` before it is asked for, unless it is stopped or the file cannot be read."""
        with suppress(OSError):
            found = self._hash(stop)
            if found is not None:
                self.__dict__["sha256"] = found

    def keywords(self) -> dict[str, Any]:
        """Return the metadata as keyword arguments of `write_events`."""
        late = {"late_level_ns": self.late_level_ns, "late_print_ns": self.late_print_ns}
        return {
            "level": self.level,
            "symbol": self.symbol,
            "tick_size": format(self.tick_size, "f"),
            "lot_size": format(self.lot_size, "f"),
            "venue": self.venue,
            "depth": self.depth or None,
            "clock_shift_ns": self.clock_shift_ns,
            "source": self.source,
            **(late if self.level == 2 else {}),
        }

    def parquet(self) -> pq.ParquetFile:
        """Open the Parquet file underneath; page checksums are verified, and little is read ahead."""
        return _parquet(self.path, self.filesystem, self.inner)

    def raw_batches(self, columns: list[str], *, batch_rows: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Stream columns, a part of one row group at a time.

        Args:
            columns: which.
            batch_rows: rows a batch; the last of a row group has fewer.

        Yields:
            The 0-based row group and its next rows.

        Raises:
            DataError: a page is corrupt, or rows are missing.
        """
        with self.parquet() as parquet:
            for group in range(parquet.num_row_groups):
                yield from self._group(parquet, group, columns, batch_rows)

    def _group(
        self, parquet: pq.ParquetFile, group: int, columns: list[str], batch_rows: int
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        where = f"{self.path}, row group {group}"
        missing = parquet.metadata.row_group(group).num_rows
        batches = parquet.iter_batches(batch_size=batch_rows, row_groups=[group], columns=columns)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{where}: corrupt ({_one_line(error)}); get the file again from its source") from error
            if batch is None:
                break
            missing -= batch.num_rows
            if any(len(column) != batch.num_rows for column in batch.columns):
                raise DataError(f"{where}: corrupt (columns of different lengths); get the file again from its source")
            if batch.num_rows:
                yield group, batch
        if missing:
            raise DataError(f"{where}: corrupt ({missing} rows are missing); get the file again from its source")


def find_files(paths: Path | Iterable[Path]) -> list[MarketFile]:
    """Open every file that paths, URIs and glob patterns name.

    Args:
        paths: one or several; a pattern's files come in the order of their names.

    Raises:
        DataError: nothing matches, or a file cannot be used.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise DataError("no market data files given; name at least one")
    files = []
    for path in given:
        files += [_open(name, filesystem, inner) for name, filesystem, inner in _expand(os.fspath(path))]
    return files


def _expand(path: str) -> list[tuple[str, pyarrow.fs.FileSystem, str]]:
    if not glob.has_magic(path) or ("://" not in path and os.path.exists(path)):
        return [(path, *_filesystem(path))]
    if "://" not in path:
        found = [(name, *_filesystem(name)) for name in sorted(glob.glob(path, recursive=True))]
    else:
        # A folder is listed, and its names matched: patterns are not part of any URI scheme.
        head, _, tail = path.partition("://")
        parts = tail.split("/")
        first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
        filesystem, base = _filesystem(f"{head}://{'/'.join(parts[:first])}")
        pattern = "/".join([base.rstrip("/"), *parts[first:]])
        try:
            infos = filesystem.get_file_info(pyarrow.fs.FileSelector(base, recursive=len(parts) > first + 1))
        except OSError as error:
            raise DataError(f"{path}: cannot be listed ({_one_line(error)})") from error
        names = sorted(info.path for info in infos if info.is_file)
        # fnmatch lets * cross a slash; a file must also be as deep as the pattern.
        found = [
            (f"{head}://{name}", filesystem, name)
            for name in names
            if fnmatch.fnmatchcase(name, pattern) and name.count("/") == pattern.count("/")
        ]
    if not found:
        raise DataError(f"{path}: no file matches this pattern")
    return found


def _filesystem(path: str) -> tuple[pyarrow.fs.FileSystem, str]:
    if "://" not in path:
        return pyarrow.fs.LocalFileSystem(), path
    try:
        filesystem, inner = pyarrow.fs.FileSystem.from_uri(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: not a usable address ({_one_line(error)})") from error
    return filesystem, inner


def _open(path: str, filesystem: pyarrow.fs.FileSystem, inner: str) -> MarketFile:
    _check_frame(path, filesystem, inner)
    with _parquet(path, filesystem, inner) as parquet:
        meta = {key.decode(): value.decode() for key, value in (parquet.metadata.metadata or {}).items()}
        wrong = _differences(parquet.schema_arrow, meta)
        if wrong:
            raise DataError(f"{path}: not a canonical market data file: {'; '.join(wrong)}. Remedy: {_REMEDY}")
        if not parquet.metadata.num_rows:
            raise DataError(f"{path}: empty (0 rows); a market data file has at least one row")
        return MarketFile(
            path=path,
            rows=parquet.metadata.num_rows,
            level=LEVEL_BY_SCHEMA[meta[Meta.SCHEMA]],
            symbol=meta[Meta.SYMBOL],
            venue=meta.get(Meta.VENUE, ""),
            tick_size=Decimal(meta[Meta.TICK_SIZE]),
            lot_size=Decimal(meta[Meta.LOT_SIZE]),
            depth=int(meta.get(Meta.DEPTH, 0)),
            clock_shift_ns=int(meta[Meta.CLOCK_SHIFT_NS]) if Meta.CLOCK_SHIFT_NS in meta else None,
            late_level_ns=int(meta[Meta.LATE_LEVEL_NS]) if Meta.LATE_LEVEL_NS in meta else None,
            late_print_ns=int(meta[Meta.LATE_PRINT_NS]) if Meta.LATE_PRINT_NS in meta else None,
            source=meta.get(Meta.SOURCE, ""),
            created_by=meta.get(Meta.CREATED_BY, ""),
            has_local=_has_local(parquet),
            filesystem=filesystem,
            inner=inner,
        )


def _check_frame(path: str, filesystem: pyarrow.fs.FileSystem, inner: str) -> None:
    """Refuse what has not the outer shape of a Parquet file, or whose footer is not what was written."""
    try:
        with filesystem.open_input_file(inner) as file:
            size = file.size()
            head = file.read_at(min(size, 4), 0)
            trailer = file.read_at(seal.TRAILER_BYTES, size - seal.TRAILER_BYTES) if size >= seal.TRAILER_BYTES else b""
            length = int.from_bytes(trailer[:4], "little")
            start = size - seal.TRAILER_BYTES - length
            fits = trailer[4:] == _MAGIC and start >= len(_MAGIC)
            footer = file.read_at(length, start) if fits else b""
            before = (
                file.read_at(seal.SEAL_BYTES, start - seal.SEAL_BYTES) if fits and start >= seal.SEAL_BYTES else b""
            )
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({_one_line(error)})") from error
    if size == 0:
        raise DataError(f"{path}: empty (0 bytes); expected a canonical Parquet file")
    if head == b"PARE":
        raise DataError(f"{path}: an encrypted Parquet file; decrypt it first")
    if head != _MAGIC:
        raise DataError(f"{path}: not Parquet (it begins with {head!r}); {_REMEDY}")
    if not fits:
        raise DataError(
            f"{path}: truncated or corrupt (no Parquet footer at its end); get the file again from its source"
        )
    if seal.is_intact(before, footer) is False:
        raise DataError(f"{path}: corrupt (the footer does not match its checksum); get the file again from its source")


def _parquet(path: str, filesystem: pyarrow.fs.FileSystem, inner: str) -> pq.ParquetFile:
    try:
        # Column chunks are streamed through small buffers: memory does not grow with the row group.
        return pq.ParquetFile(
            filesystem.open_input_file(inner),
            page_checksum_verification=True,
            pre_buffer=False,
            buffer_size=_READ_BYTES,
        )
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: corrupt footer ({_one_line(error)}); get the file again from its source") from error


def _differences(schema: pa.Schema, meta: dict[str, str]) -> list[str]:
    """List everything in which a file differs from the contract."""
    wrong = [
        f"no metadata {key}"
        for key in (Meta.SCHEMA, Meta.SYMBOL, Meta.TICK_SIZE, Meta.LOT_SIZE)
        if not meta.get(key, "").strip()
    ]
    version = meta.get(Meta.SCHEMA, "")
    if version and version not in LEVEL_BY_SCHEMA:
        known = ", ".join(LEVEL_BY_SCHEMA)
        wrong.append(f"{Meta.SCHEMA} is {version!r}, which this version does not know (it knows {known})")
    for key in (Meta.TICK_SIZE, Meta.LOT_SIZE):
        if key in meta and not _is_positive_decimal(meta[key]):
            wrong.append(f"{key} is {meta[key]!r}, expected a positive decimal such as '0.01'")
    for key in (Meta.DEPTH, Meta.CLOCK_SHIFT_NS):
        digits = meta.get(key, "0")
        if not (digits.isdecimal() or (key == Meta.CLOCK_SHIFT_NS and digits.removeprefix("-").isdecimal())):
            wrong.append(f"{key} is {digits!r}, expected an integer")
    level = LEVEL_BY_SCHEMA.get(version, 3 if "order_id" in schema.names else 2)
    for key in (Meta.LATE_LEVEL_NS, Meta.LATE_PRINT_NS):
        digits = meta.get(key, "0")
        if not digits.isdecimal() or len(digits) > 19 or int(digits) >= DURATION_LIMIT_NS:
            wrong.append(f"{key} is {digits!r}, expected an integer of nanoseconds from 0 to 2^60 - 1")
        elif key in meta and level != 2:
            wrong.append(f"{key} is there, which only L2 files have")
    for field in columns_of(level):
        at = schema.get_all_field_indices(field.name)
        if len(at) != 1:
            wrong.append(
                f"column {field.name} is missing" if not at else f"column {field.name} is there {len(at)} times"
            )
        elif schema.field(at[0]).type != field.type:
            wrong.append(_wrong_type(field, schema.field(at[0]).type))
    return wrong


def _wrong_type(field: pa.Field, found: pa.DataType) -> str:
    text = f"column {field.name} is {found}, expected {field.type}"
    if field.name.endswith("_ns"):
        text += " nanoseconds since 1970 (UTC)"
        if pa.types.is_timestamp(found):
            text += f" (the unit of this one is {_UNITS[found.unit]})"
    return text


@contextmanager
def hashed_meanwhile(files: Sequence[MarketFile]) -> Iterator[None]:
    """Find the hashes of files in a thread of its own while something else is done; if that fails, stop."""
    stop = Event()

    def work() -> None:
        for file in files:
            file.hash_now(stop)

    thread = Thread(target=work, name="lob-hash", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        stop.set()
        raise
    finally:
        thread.join()


def _is_positive_decimal(text: str) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and number > 0


def _has_local(parquet: pq.ParquetFile) -> bool:
    """Tell from the footer whether some row has a local time; without statistics, from the first rows."""
    column = parquet.schema_arrow.get_field_index("ts_local_ns")
    for group in range(parquet.num_row_groups):
        chunk = parquet.metadata.row_group(group).column(column)
        if chunk.statistics is None or not chunk.statistics.has_null_count:
            first = next(parquet.iter_batches(batch_size=1024, columns=["ts_local_ns"]), None)
            return first is not None and first.column(0).null_count < first.num_rows
        if chunk.statistics.null_count < chunk.num_values:
            return True
    return False


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
