"""Convert vendor files to one canonical file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from lob_backtest import vendors as formats
from lob_backtest.atomic.drafts import check_output
from lob_backtest.data.audit.acceptance import Acceptance, files_shown
from lob_backtest.data.packet_rows import OutOfRangeError
from lob_backtest.data.provenance import Origin, Stamp, stamp_of
from lob_backtest.data.writer import EventWriter
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.printable import utf8
from lob_backtest.process.interrupts import with_guard
from lob_backtest.progress import Progress
from lob_backtest.vendors.looks import looks_like
from lob_backtest.vendors.paths import PathLike, as_paths


@dataclass(frozen=True, slots=True)
class Conversion:
    """The result of `convert`.

    Attributes:
        output: the canonical file.
        symbol: of the instrument.
        tick_size: in quote currency.
        lot_size: in base units.
        rows: number of its rows.
        packets: number of its packets.
        first_ns: exchange time of the first row.
        last_ns: exchange time of the last row.
        counts: dropped, changed and synthesized events, by kind.
        notes: sentences for the user.
    """

    output: Path
    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    rows: int
    packets: int
    first_ns: int
    last_ns: int
    counts: dict[str, int]
    notes: tuple[str, ...]


@with_guard
def convert(
    format: str,  # noqa: A002 - the name on the command line
    inputs: PathLike | Iterable[PathLike],
    output: PathLike,
    *,
    symbol: str | None = None,
    tick_size: str | Decimal | None = None,
    lot_size: str | Decimal | None = None,
    force: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Conversion:
    """Convert vendor files to one canonical file.

    Args:
        format: the vendor's format, one of `vendors.names`.
        inputs: one file or several that follow each other in time, as text or as `Path`.
        output: the canonical file; it is written whole or not at all.
        symbol: the instrument to convert, or its name if the files have none.
        tick_size: the price of one tick in quote currency; the format's own default if `None`.
        lot_size: the size of one lot in base units; the format's own default if `None`.
        force: replace `output` if it exists.
        progress: called with the rows written and `None`, since the total is unknown.
        **options: further options of the format, such as LOBSTER's `orderbook`; `None` counts as absent.

    Returns:
        A description of the file, and the counts of dropped and changed events.

    Raises:
        ConfigError: an unknown format or option, or a missing setting that the files do not have either.
        DataError: a file is unreadable or malformed, or a run would refuse the converted rows; the message has file and
            line, or the row.
        OutputError: `output` exists, or cannot be written.
    """
    module = formats.load(format)
    options = {name: value for name, value in options.items() if value is not None}
    unknown = sorted(set(options) - module.OPTIONS)
    if unknown:
        allowed = ", ".join(["symbol", "tick_size", "lot_size", *sorted(module.OPTIONS)])
        raise ConfigError(f"format {format!r} takes no option {', '.join(unknown)}; it takes {allowed}")
    paths = as_paths("inputs", inputs)
    if not paths:
        raise ConfigError("no input: give at least one vendor file")
    sizes = {"tick_size": _positive("tick size", tick_size), "lot_size": _positive("lot size", lot_size)}
    try:
        source = module.open_source(paths, symbol=symbol, **sizes, **options)
    except DataError as error:
        found = looks_like(paths[0])
        if found in (None, format):
            raise
        hint = f"it looks like a file of {found}: lob-backtest convert {found}"
        raise DataError(f"{error}. {utf8(str(paths[0]))}: {hint}") from error
    destination = _one_path("output", output)
    check_output(destination, source.files, force=force)
    return _write(source, destination, progress, force=force)


def _write(source: formats.Source, output: Path, progress: Progress | None, *, force: bool) -> Conversion:
    acceptance = Acceptance(source.level, source.files)
    stamps = _stamps(source.files)
    with EventWriter(
        output,
        level=source.level,
        symbol=source.symbol,
        tick_size=source.tick_size,
        lot_size=source.lot_size,
        venue=source.venue,
        depth=source.depth,
        clock_shift_ns=getattr(source, "clock_shift_ns", None),
        late_level_ns=getattr(source, "late_level_ns", None),
        late_print_ns=getattr(source, "late_print_ns", None),
        force=force,
    ) as writer:
        for columns in _stretches(source):
            writer.write(acceptance.check(columns))
            if progress is not None:
                progress(writer.rows, None)
        counts = {name: n for name, n in source.counts.items() if n}
        if not acceptance.rows:
            raise DataError(f"{files_shown(source.files)}: no events of {source.symbol} in there{_counted(counts)}")
        acceptance.finish()
        writer.source = _provenance(stamps, counts)
    return Conversion(
        output=output,
        symbol=source.symbol,
        tick_size=source.tick_size,
        lot_size=source.lot_size,
        rows=acceptance.rows,
        packets=acceptance.packets,
        first_ns=acceptance.first_ns,
        last_ns=acceptance.last_ns,
        counts=counts,
        notes=tuple(source.notes),
    )


def _stretches(source: formats.Source) -> Iterator[dict[str, Any]]:
    try:
        yield from source.columns()
    except OutOfRangeError as error:
        raise DataError(f"{files_shown(source.files)}: {error}") from error


def _counted(counts: Mapping[str, int]) -> str:
    """Format counts as the end of a sentence."""
    shown = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items())
    return f"; left out or changed: {shown}" if shown else ""


def _one_path(name: str, value: PathLike) -> Path:
    paths = as_paths(name, value)
    if len(paths) != 1:
        raise ConfigError(f"{name}: {len(paths)} paths; expected one")
    return paths[0]


def _positive(name: str, value: str | Decimal | None) -> Decimal | None:
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal(0)
    if not number.is_finite() or number <= 0:
        raise ConfigError(f"{name} {value!r}: expected a positive decimal, such as 0.01")
    return number


def _stamps(files: Sequence[Path]) -> dict[Path, Stamp]:
    """Return the stamp of each file."""
    try:
        return {path: stamp_of(path) for path in files}
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from error


def _provenance(stamps: Mapping[Path, Stamp], counts: Mapping[str, int]) -> str:
    """Return the value of `lob.source`: each vendor file with its SHA-256, then the counts of the conversion.

    Raises:
        DataError: a file has changed since it was read.
    """
    parts = [f"{utf8(path.name)} sha256:{Origin.local(path).sha256(stamp)}" for path, stamp in stamps.items()]
    if counts:
        parts.append(f"converted with {json.dumps(counts, sort_keys=True)}")
    return "; ".join(parts)
