"""Find market data files, open them, and refuse others, before any row is read."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from threading import Event
from typing import Any, Final

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from lob_backtest.contract.rows import LEVEL_BY_SCHEMA, META_PREFIX, Meta, columns_of
from lob_backtest.contract.tables import schemas
from lob_backtest.data.parquet.footer import MAGIC, DamageError, Footer, read_footer
from lob_backtest.data.prefetch import Beside
from lob_backtest.data.provenance import READ_BYTES, Origin, Stamp, one_line
from lob_backtest.errors import DataError, folder_remedy
from lob_backtest.printable import utf8
from lob_backtest.units import DURATION_LIMIT_NS

Path = str | os.PathLike[str]

_REMEDY: Final = "convert it with `lob-backtest convert`, or write it with lob_backtest.write_events"
_TABLE_REMEDY: Final = "lob_backtest.Result.load reads its folder; give the market data that the run read"
_AGAIN: Final = "get the file again from its source"
_UNITS: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass(frozen=True)
class MarketFile:
    """One canonical file whose schema and metadata have been checked.

    Attributes:
        path: as given by the user, for messages and results; bytes that are not UTF-8 are escaped.
        rows: of all row groups.
        level: 2 or 3.
        symbol: the instrument's name at its venue.
        venue: where it trades; may be empty.
        tick_size: the price of one tick in quote currency.
        lot_size: the size of one lot in base units.
        depth: levels shown per side; 0: all.
        clock_shift_ns: added to the recorded local times by the converter; `None`: nothing.
        late_level_ns: L2: how long after a print its LEVEL row may follow; `None`: unknown.
        late_print_ns: L2: how long after a fall of a level its print may follow; `None`: unknown.
        source: the vendor file; may be empty.
        created_by: the program that wrote it; may be empty.
        has_local: whether any row has a local time.
        footer: the places of the rows.
        origin: the place of the file.
        stamp: its identity when it was opened: a file that is changed afterwards is refused.
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
    footer: Footer
    origin: Origin
    stamp: Stamp

    @classmethod
    def open(cls, path: Path) -> MarketFile:
        """Open one file by its local path or URI.

        Raises:
            DataError: it is missing, unreadable, or not canonical; every difference is in the message.
        """
        return _open(_origin(os.fspath(path)))

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal; computed on first use.

        Raises:
            DataError: the file has changed since it was opened, or cannot be read.
        """
        return self.origin.sha256(self.stamp) or ""  # without an event it is not stopped

    def hash_now(self, stop: Event) -> None:
        """Compute `sha256` ahead of its use; without effect if stopped or if the file cannot be read."""
        with suppress(DataError):  # raised again on use of the hash
            found = self.origin.sha256(self.stamp, stop)
            if found is not None:
                self.__dict__["sha256"] = found

    def check_unchanged(self) -> None:
        """Check that the file is the one that was opened.

        Raises:
            DataError: it has changed, or cannot be opened any more.
        """
        with self.origin.opened(self.stamp):
            pass

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

    @contextmanager
    def parquet(self) -> Iterator[pq.ParquetFile]:
        """Open the Parquet file; page checksums are verified, and little is read ahead.

        Raises:
            DataError: the file has changed since it was first opened, or cannot be read.
        """
        with self.origin.opened(self.stamp) as file, _parquet(self.path, file) as parquet:
            yield parquet

    def raw_batches(self, columns: list[str], *, batch_rows: int) -> Generator[tuple[int, pa.RecordBatch], None, None]:
        """Stream columns, part by part of each row group.

        Args:
            columns: names of the columns.
            batch_rows: rows per batch; the last of a row group has fewer.

        Yields:
            The 0-based row group and its next rows.

        Raises:
            DataError: a page is corrupt, rows are missing, or the file has changed since it was first opened.
        """
        with self.origin.opened(self.stamp) as file, _parquet(self.path, file) as parquet:
            for group in range(len(self.footer.groups)):
                yield from self._group(parquet, group, columns, batch_rows)
                if self.origin.filesystem is None:  # remote: only at the end, since each check takes a round trip
                    self.origin.check(file, self.stamp)

    def _group(
        self, parquet: pq.ParquetFile, group: int, columns: list[str], batch_rows: int
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        where = f"{self.path}, row group {group}"
        missing = self.footer.groups[group].rows
        batches = parquet.iter_batches(batch_size=batch_rows, row_groups=[group], columns=columns)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{where}: corrupt ({one_line(error)}); {_AGAIN}") from error
            if batch is None:
                break
            missing -= batch.num_rows
            if any(len(column) != batch.num_rows for column in batch.columns):
                raise DataError(f"{where}: corrupt (columns of different lengths); {_AGAIN}")
            if batch.num_rows:
                yield group, batch
        if missing:
            raise DataError(f"{where}: corrupt ({missing} rows are missing); {_AGAIN}")


def find_files(paths: Path | Iterable[Path]) -> list[MarketFile]:
    """Open every file that matches paths, URIs and glob patterns.

    Args:
        paths: one or several; a pattern's files are in the order of their names.

    Raises:
        DataError: nothing matches, or a file cannot be used.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise DataError("no market data files given; name at least one")
    files = []
    for path in given:
        files += [_open(origin) for origin in _expand(os.fspath(path))]
    return files


def _expand(path: str) -> list[Origin]:
    if not glob.has_magic(path) or ("://" not in path and os.path.exists(path)):
        return [_origin(path)]
    if "://" not in path:
        found = [Origin.local(name) for name in sorted(glob.glob(path, recursive=True))]
    else:
        # A folder is listed, and its names matched: patterns are not part of any URI scheme.
        head, _, tail = path.partition("://")
        parts = tail.split("/")
        first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
        filesystem, base = _remote(f"{head}://{'/'.join(parts[:first])}")
        pattern = "/".join([base.rstrip("/"), *parts[first:]])
        try:
            infos = filesystem.get_file_info(pyarrow.fs.FileSelector(base, recursive=len(parts) > first + 1))
        except OSError as error:
            raise DataError(f"{utf8(path)}: cannot be listed ({one_line(error)})") from error
        names = sorted(info.path for info in infos if info.is_file)
        # fnmatch lets * cross a slash; a file must also be as deep as the pattern.
        found = [
            Origin.remote(f"{head}://{name}", filesystem, name)
            for name in names
            if fnmatch.fnmatchcase(name, pattern) and name.count("/") == pattern.count("/")
        ]
    if not found:
        raise DataError(f"{utf8(path)}: no file matches this pattern")
    return found


def _origin(path: str) -> Origin:
    if "://" not in path:
        return Origin.local(path)
    return Origin.remote(path, *_remote(path))


def _remote(path: str) -> tuple[pyarrow.fs.FileSystem, str]:
    try:
        filesystem, inner = pyarrow.fs.FileSystem.from_uri(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{utf8(path)}: not a usable address ({one_line(error)})") from error
    return filesystem, inner


def _open(origin: Origin) -> MarketFile:
    path = origin.name
    try:
        file = origin.open()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        if os.path.isdir(path):
            raise DataError(f"{path}: is a folder; {folder_remedy(path)}") from None
        raise DataError(f"{path}: cannot be read ({one_line(error)})") from error
    with file:
        stamp = origin.stamp(file)
        footer = _footer(path, file)
        with _parquet(path, file) as parquet:
            found = _described(path, parquet, footer)
            return MarketFile(path=path, footer=footer, origin=origin, stamp=stamp, **found)


def _footer(path: str, file: pa.NativeFile) -> Footer:
    """Read the footer, and refuse files that are not Parquet or whose footer is damaged."""
    try:
        size = file.size()
        head = file.read_at(min(size, len(MAGIC)), 0)
        if size == 0:
            raise DataError(f"{path}: empty (0 bytes); expected a canonical Parquet file")
        if head == b"PARE":
            raise DataError(f"{path}: an encrypted Parquet file; decrypt it first")
        if head != MAGIC:
            raise DataError(f"{path}: not Parquet (it begins with {head!r}); {_REMEDY}")
        return read_footer(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({one_line(error)})") from error
    except DamageError as damage:
        raise DataError(f"{path}: {damage}; {_AGAIN}") from None


@contextmanager
def _parquet(path: str, file: pa.NativeFile) -> Iterator[pq.ParquetFile]:
    try:
        # Column chunks are streamed through small buffers: memory does not grow with the row group.
        parquet = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False, buffer_size=READ_BYTES)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: corrupt footer ({one_line(error)}); {_AGAIN}") from error
    with parquet:
        yield parquet


def _described(path: str, parquet: pq.ParquetFile, footer: Footer) -> dict[str, Any]:
    """Check schema and metadata of an open file, and return the fields of `MarketFile` that they hold."""
    try:
        schema, found = parquet.schema_arrow, parquet.metadata.metadata or {}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {one_line(error)}; {_AGAIN}") from None
    meta = _metadata(path, found, footer)
    wrong = _differences(schema, meta)
    if wrong:
        for name, table in schemas(()).items():
            if not meta and set(table.names) <= set(schema.names):
                raise DataError(f"{path}: is the table {name!r} of a result, not market data; {_TABLE_REMEDY}")
        raise DataError(f"{path}: not a canonical market data file: {'; '.join(wrong)}. Remedy: {_REMEDY}")
    if not footer.rows:
        raise DataError(f"{path}: empty (0 rows); a market data file has at least one row")
    return {
        "rows": footer.rows,
        "level": LEVEL_BY_SCHEMA[meta[Meta.SCHEMA]],
        "symbol": meta[Meta.SYMBOL],
        "venue": meta.get(Meta.VENUE, ""),
        "tick_size": Decimal(meta[Meta.TICK_SIZE]),
        "lot_size": Decimal(meta[Meta.LOT_SIZE]),
        "depth": int(meta.get(Meta.DEPTH, 0)),
        "clock_shift_ns": int(meta[Meta.CLOCK_SHIFT_NS]) if Meta.CLOCK_SHIFT_NS in meta else None,
        "late_level_ns": int(meta[Meta.LATE_LEVEL_NS]) if Meta.LATE_LEVEL_NS in meta else None,
        "late_print_ns": int(meta[Meta.LATE_PRINT_NS]) if Meta.LATE_PRINT_NS in meta else None,
        "source": meta.get(Meta.SOURCE, ""),
        "created_by": meta.get(Meta.CREATED_BY, ""),
        "has_local": _has_local(path, parquet, footer),
    }


def _metadata(path: str, found: dict[bytes, bytes], footer: Footer) -> dict[str, str]:
    """Decode the metadata of a file; refuse a file that this package wrote and whose footer checksum is missing."""
    meta = {}
    for key, value in found.items():
        try:
            name = key.decode()
            if name.startswith(META_PREFIX):
                meta[name] = value.decode()
        except UnicodeDecodeError:
            raise DataError(
                f"{path}: not a canonical market data file: metadata {key!r} are not UTF-8. Remedy: {_AGAIN}, or "
                f"{_REMEDY}"
            ) from None
    if _is_ours(found, meta) and not footer.has_checksum:
        raise DataError(
            f"{path}: corrupt ({Meta.CREATED_BY} is {meta[Meta.CREATED_BY]!r}, but the checksum of its footer is "
            f"missing); {_AGAIN}. A tool that rewrites files has to leave {Meta.CREATED_BY} out"
        )
    return meta


def _is_ours(found: dict[bytes, bytes], meta: dict[str, str]) -> bool:
    """Return whether `EventWriter` wrote a file; tools that copy its metadata into another also add Arrow's schema."""
    return meta.get(Meta.CREATED_BY, "").startswith("lob_backtest") and b"ARROW:schema" not in found


def _differences(schema: pa.Schema, meta: dict[str, str]) -> list[str]:
    """List every difference between a file and the contract."""
    wrong = [
        f"no metadata {key}"
        for key in (Meta.SCHEMA, Meta.SYMBOL, Meta.TICK_SIZE, Meta.LOT_SIZE)
        if not meta.get(key, "").strip()
    ]
    version = meta.get(Meta.SCHEMA, "")
    if version and version not in LEVEL_BY_SCHEMA:
        known = ", ".join(LEVEL_BY_SCHEMA)
        wrong.append(f"{Meta.SCHEMA} is {version!r}, which this version cannot read (it reads {known})")
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
            wrong.append(f"{key} is present, which only L2 files have")
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
    """Compute the hashes of files in a thread while the block reads them; stop when the block ends early.

    Raises:
        DataError: a file has changed since it was opened.
    """

    def work(stop: Event) -> None:
        for file in files:
            file.hash_now(stop)

    with Beside(work, "lob-hash") as hashing:
        yield
        hashing.wait()
    for file in files:
        file.check_unchanged()


def _is_positive_decimal(text: str) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and number > 0


def _has_local(path: str, parquet: pq.ParquetFile, footer: Footer) -> bool:
    """Return whether some row has a local time, by the footer; without statistics, by the first rows."""
    column = [each.path for each in footer.columns].index("ts_local_ns")
    for group in footer.groups:
        nulls = group.chunks[column].nulls
        if nulls is None:
            try:
                with closing(parquet.iter_batches(batch_size=1024, columns=["ts_local_ns"])) as batches:
                    first = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{path}, row group 0: corrupt ({one_line(error)}); {_AGAIN}") from error
            return first is not None and first.column(0).null_count < first.num_rows
        if nulls < group.rows:
            return True
    return False
