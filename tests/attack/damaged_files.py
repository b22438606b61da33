"""Damage files by seeded mutations and read them; run as a script, so that a crash of the process can be named.

``python tests/attack/damaged_files.py FOLDER market 0 1000`` writes what came of mutations to FOLDER/market.outcomes, a
line each: its number, its class, and "refused", "same", "other" or "raised" with the exception.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from lob_backtest.contract.tables import schemas
from lob_backtest.data.parquet.footer_checksum import CHECKSUM_BYTES, TRAILER_BYTES
from lob_backtest.data.reader import open_market
from lob_backtest.errors import DataError
from lob_backtest.results.table_file import TableFile

MARK = b"LOBSEAL1"
FILES = ("market", "unchecked market", "table", "unchecked table")


def footer_start(whole: bytes) -> int:
    """Return where the footer begins."""
    return len(whole) - TRAILER_BYTES - int.from_bytes(whole[-TRAILER_BYTES:-4], "little")


def scattered(random: Random, data: bytearray, begin: int, end: int, most: int = 20) -> None:
    """Set some bytes of a stretch to anything."""
    for _ in range(random.randint(1, most)):
        data[random.randrange(begin, end)] = random.randrange(256)


def anywhere(random: Random, data: bytearray) -> None:
    """Damage any bytes."""
    scattered(random, data, 0, len(data))


def one_bit(random: Random, data: bytearray) -> None:
    """Flip one bit."""
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def pages(random: Random, data: bytearray) -> None:
    """Damage pages and their headers."""
    scattered(random, data, 4, footer_start(data))


def footer(random: Random, data: bytearray) -> None:
    """Damage the footer and what follows it."""
    scattered(random, data, footer_start(data), len(data), 4)


def boundary(random: Random, data: bytearray) -> None:
    """Damage both sides of the footer's begin, a stretch or some bytes."""
    start = footer_start(data)
    begin, end = start - random.randint(1, 2 * CHECKSUM_BYTES), start + random.randint(1, 200)
    if random.random() < 0.5:
        data[begin:end] = random.randbytes(end - begin)
    else:
        data[random.randrange(begin, start)] ^= 1 << random.randrange(8)
        scattered(random, data, start, end, 4)


def without_mark(random: Random, data: bytearray) -> None:
    """Damage the footer checksum's mark, and the footer where it holds small numbers: types, counts, lengths."""
    start = footer_start(data)
    data[start - CHECKSUM_BYTES + random.randrange(len(MARK))] ^= 1 << random.randrange(8)
    small(random, data)


def small(random: Random, data: bytearray) -> None:
    """Set small numbers of the footer to other small numbers."""
    start, end = footer_start(data), len(data) - TRAILER_BYTES
    places = [at for at in range(start, end) if data[at] < 20]
    for at in random.sample(places, random.randint(1, 3)):
        data[at] = random.randrange(20)


def with_new_checksum(random: Random, data: bytearray) -> None:
    """Change the footer, and its checksum to match."""
    small(random, data)
    start = footer_start(data)
    checksum = zlib.crc32(data[start:-TRAILER_BYTES]).to_bytes(4, "little")
    if data[start - CHECKSUM_BYTES : start].startswith(MARK):
        data[start - 4 : start] = checksum


def sector(random: Random, data: bytearray) -> None:
    """Lose a stretch to zeros, or to another part of the file."""
    length = min(random.choice((64, 512, 4096)), len(data) // 2)
    at, other = random.randrange(len(data) - length), random.randrange(len(data) - length)
    data[at : at + length] = bytes(length) if random.random() < 0.5 else data[other : other + length]


def length_changed(random: Random, data: bytearray) -> None:
    """Lose or gain bytes, at the end or within."""
    at, size = random.randrange(len(data)), random.choice((1, 12, 100, 1000))
    if random.random() < 0.3:
        del data[at:]
    elif random.random() < 0.5:
        del data[at : at + size]
    else:
        data[at:at] = random.randbytes(size)


Mutation = Callable[[Random, bytearray], None]
MUTATIONS: tuple[Mutation, ...] = (
    anywhere, one_bit, pages, footer, boundary, without_mark, small, with_new_checksum, sector, length_changed,
)  # fmt: skip


def market_outcome(path: Path) -> object:
    """Return everything that a run would learn from a market file."""
    source = open_market(path)
    columns: list[list[Any]] = [[] for _ in range(9)]
    for batch in source.batches():
        for column, part in zip(columns, batch[:9], strict=True):
            column.extend(part.tolist())
    return columns, source.files[0].keywords(), source.rows, source.counts


def table_outcome(path: Path) -> object:
    """Return the rows of a result table."""
    return TableFile.of(path, schemas((10**9,))["fills"]).read().to_pydict()


def outcome_of(read: Callable[[Path], object], path: Path, good: object) -> str:
    """Read a file and say what came of it."""
    try:
        return "same" if read(path) == good else "other"
    except DataError:
        return "refused"
    except BaseException as error:
        return f"raised {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def attack(folder: Path, name: str, first: int, count: int) -> None:
    """Read mutations of one of `FILES`, which stands in the folder under its name."""
    whole = (folder / name).read_bytes()
    read = market_outcome if "market" in name else table_outcome
    good = read(folder / name)
    target = folder / "fills.parquet"
    with (folder / f"{name}.outcomes").open("a", encoding="utf-8") as out:
        for number in range(first, first + count):
            random, data = Random(f"{name} {number}"), bytearray(whole)
            mutation = MUTATIONS[number % len(MUTATIONS)]
            mutation(random, data)
            target.write_bytes(data)
            out.write(f"{number} {mutation.__name__} ")
            out.flush()  # what is being read when the process dies is known
            out.write(outcome_of(read, target, good) + "\n")


if __name__ == "__main__":
    attack(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
