"""What `force` replaces, and what it never does; a replacement is whole or did not take place."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from result_factory import random_result

from lob_backtest.atomic import drafts, leftovers, rename
from lob_backtest.atomic.drafts import FileDraft, check_output, write_file
from lob_backtest.errors import OutputError
from lob_backtest.result import Result
from lob_backtest.results import folder as storage

OLD, NEW = random_result(5), random_result(6)


@pytest.fixture(params=["exchange", "two steps"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Replace as the system can, and as one can that has no `renameat2`."""
    if request.param == "two steps":
        monkeypatch.setattr(rename, "_system_call", lambda: None)
    return str(request.param)


def saved(folder: Path, result: Result = OLD) -> Path:
    return result.save(folder, page=False)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_force_replaces_a_whole_result(way: str, tmp_path: Path) -> None:
    saved(tmp_path / "out")
    NEW.save(tmp_path / "out", force=True)
    NEW.save(tmp_path / "out", force=True, page=False)
    assert left_in(tmp_path) == ["out"]
    assert Result.load(tmp_path / "out").digest == NEW.digest
    assert "report.html" not in left_in(tmp_path / "out")


def test_force_replaces_an_empty_folder(way: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert Result.load(NEW.save(tmp_path / "out", force=True, page=False)).digest == NEW.digest


def test_force_replaces_a_result_of_an_earlier_version(tmp_path: Path) -> None:
    out = saved(tmp_path / "out")
    (out / "series.parquet").unlink()
    manifest = json.loads((out / "summary.json").read_text())
    del manifest["timing"]
    (out / "summary.json").write_text(json.dumps(manifest))
    assert Result.load(NEW.save(out, force=True, page=False)).digest == NEW.digest


def note(out: Path) -> None:
    (out / "notes.txt").write_text("mine")


def subfolder(out: Path) -> None:
    (out / "src").mkdir()


def link(out: Path) -> None:
    (out / "lots.parquet").unlink()
    (out / "lots.parquet").symlink_to(out / "fills.parquet")


def folder_named_as_a_table(out: Path) -> None:
    (out / "report.html").mkdir()


def other_format(out: Path) -> None:
    (out / "summary.json").write_text('{"format": "coverage/1"}')


def no_manifest(out: Path) -> None:
    (out / "summary.json").unlink()


def broken_manifest(out: Path) -> None:
    (out / "summary.json").write_text('{"coverage": ')


FOREIGN: dict[Callable[[Path], None], str] = {
    note: "holds notes.txt, which is not part of a result",
    subfolder: "holds src, which is not part of a result",
    link: "holds lots.parquet, which is not part of a result",
    folder_named_as_a_table: "holds report.html, which is not part of a result",
    other_format: "is not a result.*coverage/1",
    no_manifest: "is not a result.*holds no summary.json",
    broken_manifest: "is not a result.*not readable as JSON",
}


@pytest.mark.parametrize("change", FOREIGN, ids=lambda change: change.__name__)
def test_force_never_replaces_a_folder_that_holds_anything_else(change: Callable[[Path], None], tmp_path: Path) -> None:
    out = saved(tmp_path / "out")
    change(out)
    before = {name: (out / name).stat().st_ino for name in left_in(out)}
    with pytest.raises(OutputError, match=FOREIGN[change]):
        NEW.save(out, force=True)
    assert {name: (out / name).stat().st_ino for name in left_in(out)} == before
    assert left_in(tmp_path) == ["out"]


def test_force_names_a_few_of_many_others(tmp_path: Path) -> None:
    out = saved(tmp_path / "out")
    for number in range(9):
        (out / f"{number}.txt").touch()
    with pytest.raises(OutputError, match=r"holds 0\.txt, 1\.txt, 2\.txt and 6 more, which"):
        NEW.save(out, force=True)


@pytest.mark.parametrize("inside", [".", "..", "../out", "../../out"])
@pytest.mark.parametrize("is_result", [False, True])
def test_force_never_replaces_the_current_folder(
    inside: str, is_result: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    if is_result:
        saved(out)
    (out if is_result or inside != ".." else tmp_path / "out" / "deep").mkdir(parents=True, exist_ok=True)
    if inside == "../../out":
        (out / "a").mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(out / "a")
    else:
        monkeypatch.chdir(out)
    with pytest.raises(OutputError, match="is the current folder, or holds it, and is not replaced"):
        NEW.save(inside, force=True)
    assert out.is_dir()


def test_force_never_replaces_the_root_or_a_mounted_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="root of a file system, and is not replaced"):
        NEW.save("/", force=True)
    out = saved(tmp_path / "out")
    monkeypatch.setattr(Path, "is_mount", lambda self: self == out)
    with pytest.raises(OutputError, match="where a disk is mounted"):
        NEW.save(out, force=True)


def test_force_never_replaces_a_link(tmp_path: Path) -> None:
    saved(tmp_path / "real")
    (tmp_path / "out").symlink_to("real")
    (tmp_path / "nowhere").symlink_to("absent")
    for name in ("out", "out/", "nowhere"):
        with pytest.raises(OutputError, match="is a symbolic link"):
            NEW.save(f"{tmp_path}/{name}", force=True)
    assert Result.load(tmp_path / "real").digest == OLD.digest


def test_what_appears_in_the_old_folder_at_the_last_moment_is_kept(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, check = saved(tmp_path / "out"), storage._check_entries

    def late(target: Path) -> None:
        check(target)
        (target / "notes.txt").write_text("mine")
        monkeypatch.setattr(storage, "_check_entries", check)

    with storage.Draft(out, force=True) as draft:
        for table in ("fills", "orders", "bbo", "samples", "series"):
            draft.write(f"{table}.parquet", NEW.rows(table))
        monkeypatch.setattr(storage, "_check_entries", late)
        NEW.finish(draft, page=False)
    assert Result.load(out).digest == NEW.digest
    assert (tmp_path / "out.kept" / "notes.txt").read_text() == "mine"


def test_a_second_rename_that_fails_puts_the_old_result_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rename, "_system_call", lambda: None)
    out, works = saved(tmp_path / "out"), Path.rename

    def fails(self: Path, target: Path) -> Path:
        if target == out and self.suffix == ".tmp":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return works(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OutputError, match=r"Input/output error; what was written is kept as .*out\.kept"):
        NEW.save(out, force=True, page=False)
    assert left_in(tmp_path) == ["out", "out.kept"]
    assert (Result.load(out).digest, Result.load(tmp_path / "out.kept").digest) == (OLD.digest, NEW.digest)


def test_a_parent_that_was_made_for_it_goes_with_a_draft(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), storage.Draft(tmp_path / "a" / "b" / "out", force=False):
        raise KeyboardInterrupt
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("name", ["nul\0name", "x" * 300, "no/such\0/place"])
def test_an_impossible_name_is_an_output_error_before_any_work(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        NEW.save(f"{tmp_path}/{name}")
    with pytest.raises(OutputError):
        write_file(f"{tmp_path}/{name}", "x")
    assert left_in(tmp_path) == []


def test_long_names_and_names_that_are_not_utf_8_work(tmp_path: Path) -> None:
    for name in ("é" * 127, os.fsdecode(b"caf\xe9"), "x" * 255):
        assert Result.load(NEW.save(tmp_path / name, page=False)).digest == NEW.digest
        write_file(tmp_path / "files" / name, "x")
    assert len(left_in(tmp_path)) == len(left_in(tmp_path / "files")) + 1 == 4


def test_only_a_regular_file_is_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "data").write_text("mine")
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "nowhere").symlink_to("absent")
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "link", "nowhere", "pipe"):
        for action in (lambda path: check_output(path, force=True), lambda path: write_file(path, "x")):
            with pytest.raises(OutputError, match=r"is not a file|is a symbolic link"):
                action(tmp_path / name)
    assert (tmp_path / "data").read_text() == "mine"
    write_file(tmp_path / "data", "new")
    assert (tmp_path / "data").read_text() == "new"


def test_a_file_that_appears_meanwhile_stays_without_force(way: str, tmp_path: Path) -> None:
    draft = FileDraft(tmp_path / "a.txt", force=False)
    draft.__enter__()
    draft.file.write(b"new")
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"exists.* is kept as .*a\.txt\.kept"):
        draft.__exit__(None, None, None)
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert (tmp_path / "a.txt.kept").read_text() == "new"
    assert left_in(tmp_path) == ["a.txt", "a.txt.kept"]


def test_names_are_exchanged_only_where_both_are_there(way: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(FileExistsError):
        rename.rename_new(tmp_path / "a", tmp_path / "b")
    rename.rename_new(tmp_path / "a", tmp_path / "c")
    done = rename.exchange(tmp_path / "b", tmp_path / "c")
    assert (tmp_path / "b").read_text() == ("a" if done else "b")
    assert left_in(tmp_path) == ["b", "c"]
    if done:
        with pytest.raises(FileNotFoundError):
            rename.exchange(tmp_path / "b", tmp_path / "d")


def test_the_names_of_a_result_are_those_that_are_written(tmp_path: Path) -> None:
    assert set(left_in(NEW.save(tmp_path / "out"))) == storage.FILES
    assert leftovers.temporary(tmp_path / "out").name not in storage.FILES
    assert drafts.absolute("x").is_absolute()
