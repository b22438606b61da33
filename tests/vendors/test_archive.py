"""Zip archives of vendor files: members that are no data, folders, damage, and what Python cannot unpack."""

from __future__ import annotations

import random
import re
import struct
import zipfile
from pathlib import Path

import pytest
from vendor_files import lobster, rows_of

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.archive import Member, find_members
from lob_backtest.vendors.convert import Conversion, convert
from lob_backtest.vendors.text_file import LINE_BYTES

MESSAGES = [f"3420{i}.5,1,{11 + i},10,1000000,1" for i in range(5)]
BOOK = [(10002, 7, 10000, 30 + 10 * i) for i in range(5)]
NAME = "TEST_2012-06-21_34200000_57600000_{}_1.csv"
MESSAGE_NAME, BOOK_NAME = NAME.format("message"), NAME.format("orderbook")
APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    folder = tmp_path / "plain"
    folder.mkdir()
    return {path.name: path.read_bytes() for path in lobster(folder, MESSAGES, BOOK) if path}


def packed(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def converted(tmp_path: Path, archive: Path) -> Conversion:
    return convert("lobster", archive, tmp_path / "out.parquet", force=True)


def refusal(tmp_path: Path, archive: Path) -> str:
    with pytest.raises(DataError) as caught:
        converted(tmp_path, archive)
    assert not (tmp_path / "out.parquet").exists()
    return str(caught.value)


LAYOUTS = {
    "side by side": ("", ""),
    "in one folder": ("day/", "day/"),
    "in two folders": ("message/", "orderbook/"),
    "in folders of Windows": ("a\\message\\", "a\\orderbook\\"),
}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_message_and_order_book_files_pair_by_name(tmp_path: Path, contents, layout: str, method: int, order) -> None:
    folders = dict(zip((MESSAGE_NAME, BOOK_NAME), LAYOUTS[layout], strict=True))
    members = {folders[name] + name: content for name, content in list(contents.items())[::order]}
    done = converted(tmp_path, packed(tmp_path / "a.zip", members, method))
    plain = tmp_path / "plain"
    convert("lobster", plain / MESSAGE_NAME, tmp_path / "plain.parquet", orderbook=[plain / BOOK_NAME])
    assert rows_of(done.output) == rows_of(tmp_path / "plain.parquet")
    assert done.notes == ()


def test_what_is_no_data_is_passed_over(tmp_path: Path, contents) -> None:
    members = {"day/": b"", **{f"day/{name}": content for name, content in contents.items()}}
    members |= {f"__MACOSX/day/._{name}": APPLE_DOUBLE for name in contents}
    members |= {f"__MACOSX/{name}": b"x" for name in contents}
    members |= {f"day/._{name}": APPLE_DOUBLE for name in contents}
    members |= dict.fromkeys((".DS_Store", "day/.DS_Store", "ReadMe.txt", "day/ReadMe.txt", f"day/{NAME}/"), b"x")
    assert converted(tmp_path, packed(tmp_path / "a.zip", members)).packets == 5


def test_a_zip_is_known_by_its_content(tmp_path: Path, contents) -> None:
    assert converted(tmp_path, packed(tmp_path / "a.download", contents)).packets == 5


def test_two_members_of_one_name_are_refused(tmp_path: Path, contents) -> None:
    archive = packed(tmp_path / "a.zip", {f"{folder}/{name}": c for folder in "xy" for name, c in contents.items()})
    assert refusal(tmp_path, archive).startswith(f"{archive}: two members are named {MESSAGE_NAME}: x/{MESSAGE_NAME}")


def test_an_archive_of_message_files_alone_is_suspect_and_speaks_of_no_option(tmp_path: Path, contents) -> None:
    del contents[BOOK_NAME]
    done = converted(tmp_path, packed(tmp_path / "a.zip", contents))
    assert "no order book file in the archive" in done.notes[0]
    assert "--orderbook" not in done.notes[0]


@pytest.mark.parametrize(("missing", "without"), [("message", "message file"), ("orderbook", "order book file")])
def test_files_that_do_not_pair_are_refused_by_name(tmp_path: Path, contents, missing: str, without: str) -> None:
    second = {name.replace("06-21", "06-22"): content for name, content in contents.items()}
    other = NAME.replace("06-21", "06-22").format("message" if missing == "orderbook" else "orderbook")
    del second[NAME.replace("06-21", "06-22").format(missing)]
    text = refusal(tmp_path, packed(tmp_path / "a.zip", contents | second))
    assert f"message and order book files do not pair: without {without} {other}; expected" in text


def test_an_encrypted_archive_is_named(tmp_path: Path, contents) -> None:
    archive = packed(tmp_path / "a.zip", contents)
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(signature), bytes(data)):
            data[found.start() + offset] |= 1
    archive.write_bytes(data)
    assert refusal(tmp_path, archive) == f"{archive}: encrypted; unpack it first"


@pytest.mark.parametrize(("method", "shown"), [(9, "9 (Deflate64)"), (93, "93 (Zstandard)"), (77, "77")])
def test_a_method_of_compression_that_python_has_not_is_named(tmp_path: Path, contents, method: int, shown) -> None:
    archive = packed(tmp_path / "a.zip", contents)
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        for found in re.finditer(re.escape(signature), bytes(data)):
            struct.pack_into("<H", data, found.start() + offset, method)
    archive.write_bytes(data)
    text = refusal(tmp_path, archive)
    assert text == (
        f"{archive}:{MESSAGE_NAME}: compressed with method {shown}, which Python cannot read; unpack it first"
    )


@pytest.mark.parametrize(
    ("head", "kind"), [(b"7z\xbc\xaf\x27\x1c\x00\x04", "7z"), (b"Rar!\x1a\x07\x01\x00", "RAR"), (b"BZh91AY&", "bzip2")]
)
def test_archives_of_other_kinds_are_named(tmp_path: Path, head: bytes, kind: str) -> None:
    archive = tmp_path / MESSAGE_NAME
    archive.write_bytes(head)
    assert refusal(tmp_path, archive).startswith(f"{archive}: {kind} cannot be read; unpack it first")


def test_a_member_that_is_compressed_once_more_is_named(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", {MESSAGE_NAME + ".gz": b"\x1f\x8b"})
    assert refusal(tmp_path, archive) == f"{archive}:{MESSAGE_NAME}.gz: compressed within the archive; unpack it first"


def test_an_order_book_option_does_not_take_an_archive(tmp_path: Path, contents) -> None:
    archive = packed(tmp_path / "a.zip", contents)
    with pytest.raises(ConfigError, match=r"--orderbook .*a\.zip: an archive; unpack it"):
        convert("lobster", tmp_path / "plain" / MESSAGE_NAME, tmp_path / "out.parquet", orderbook=archive)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("message", b""),
        ("message", b"34200.5,1,11,10,1000000,1\n"),
        ("orderbook", b""),
        ("orderbook", b"1000200,7,1000000,30\n"),
    ],
)
def test_a_member_that_unpacks_to_one_endless_line_is_refused(tmp_path: Path, contents, kind: str, head) -> None:
    contents[NAME.format(kind)] = head + bytes(4 * LINE_BYTES)
    archive = packed(tmp_path / "a.zip", contents)
    assert archive.stat().st_size < 100_000
    text = refusal(tmp_path, archive)
    assert text.startswith(f"{archive}:{NAME.format(kind)}, line {2 if head else 1}: longer than 16 MB; expected a ")


def test_a_member_that_is_gone_when_it_is_read_is_named(tmp_path: Path, contents) -> None:
    archive = packed(tmp_path / "a.zip", contents)
    member = find_members(archive, re.compile(r".*message.*"))[MESSAGE_NAME]
    packed(archive, {"other": b""})
    with pytest.raises(DataError, match=r"a\.zip:TEST.*: cannot be read"), member.open():
        pass
    archive.unlink()
    with pytest.raises(DataError, match=r"a\.zip:TEST.*: cannot be read"), member.open():
        pass
    with pytest.raises(DataError, match="no such file"), Member(archive).open():
        pass


def damaged(rng: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[place] ^= 1 << rng.randrange(8)
            case 1:
                data[place] = rng.randrange(256)
            case 2 if len(data) > 200:
                del data[place : place + rng.randrange(1, 40)]
            case _:
                data[place:place] = rng.randbytes(rng.randrange(1, 20))
    return bytes(data)


def assert_damage_is_refused_or_harmless(tmp_path: Path, contents: dict[str, bytes], seed: int, count: int) -> None:
    rng = random.Random(seed)
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    originals = [packed(tmp_path / f"{method}.zip", contents, method).read_bytes() for method in methods]
    archive, output = tmp_path / "a.zip", tmp_path / "out.parquet"
    archive.write_bytes(originals[0])
    rows = rows_of(converted(tmp_path, archive).output)
    for _ in range(count):
        archive.write_bytes(damaged(rng, rng.choice(originals)))
        output.unlink(missing_ok=True)
        done, refused = None, ""
        try:
            done = converted(tmp_path, archive)
        except DataError as error:
            refused = str(error)
        assert output.exists() == (done is not None)
        if done is None:
            assert str(archive) in refused
        else:
            # The order book may be out of sight, by a damaged name; every other byte has a checksum.
            assert done.notes or [row["price_ticks"] for row in rows_of(output)] == [row["price_ticks"] for row in rows]


@pytest.mark.parametrize("seed", range(4))
def test_damage_is_refused_or_harmless(tmp_path: Path, contents, seed: int) -> None:
    assert_damage_is_refused_or_harmless(tmp_path, contents, seed, 60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
def test_damage_is_refused_or_harmless_at_length(tmp_path: Path, contents, seed: int) -> None:
    assert_damage_is_refused_or_harmless(tmp_path, contents, seed, 2000)
