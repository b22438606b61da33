"""What killed runs leave is removed or completed by the next; what a living process writes is left alone."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from result_factory import random_result

from lob_backtest.atomic import drafts, leftovers
from lob_backtest.atomic.drafts import FileDraft, write_file
from lob_backtest.errors import OutputError
from lob_backtest.result import Result
from lob_backtest.results import folder as storage

pytestmark = pytest.mark.skipif(leftovers.fcntl is None, reason="no flock: nothing is removed")

OLD, NEW = random_result(5), random_result(6)
TABLES = ("fills", "orders", "bbo", "samples", "series")


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def left_behind(target: Path, *, host: str | None = None, kind: str = "tmp", token: str = "01234567") -> Path:
    """Make what a killed run leaves."""
    folder = target.with_name(f".{target.name}.{host or leftovers._host()}-{token}.lob.{kind}")
    folder.mkdir()
    (folder / "fills.parquet").write_bytes(b"half")
    return folder


def test_the_next_run_removes_what_a_killed_one_left_and_logs_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = left_behind(tmp_path / "out")
    other = left_behind(tmp_path / "another")
    NEW.save(tmp_path / "out", page=False)
    assert left_in(tmp_path) == ["out"]
    assert [record.getMessage() for record in caplog.records] == [
        f"removed {each}, which a run that was killed had left" for each in (other, left)
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_what_is_not_part_of_a_result_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    left = left_behind(tmp_path / "out")
    (left / "notes.txt").write_text("mine")
    for _ in range(2):
        NEW.save(tmp_path / "out", force=True, page=False)
    assert left_in(left) == ["notes.txt"]
    assert len(caplog.records) == 1
    assert "kept" in caplog.records[0].getMessage()
    left.chmod(0o700)


def test_a_name_with_escape_sequences_is_logged_without_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    left_behind(tmp_path / "a\x1b[31mb")
    NEW.save(tmp_path / "out", page=False)
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().isprintable()


def test_a_file_that_a_killed_run_left_is_removed_too(tmp_path: Path) -> None:
    leftovers.temporary(tmp_path / "a.parquet").write_bytes(b"half")
    write_file(tmp_path / "b.txt", "x")
    assert left_in(tmp_path) == ["b.txt"]


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    with storage.Draft(tmp_path / "out", force=False) as draft, FileDraft(tmp_path / "a") as file:
        NEW.save(tmp_path / "other", page=False)
        write_file(tmp_path / "b", "x")
        assert draft.path.is_dir()
        assert file.path.is_file()
        file.file.write(b"whole")
    assert left_in(tmp_path) == ["a", "b", "other"]
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_what_another_computer_may_write_is_left_alone(tmp_path: Path) -> None:
    left = left_behind(tmp_path / "out", host="01234567")
    NEW.save(tmp_path / "out", page=False)
    assert left_in(tmp_path) == [left.name, "out"]


def test_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError("no locks")

    left = left_behind(tmp_path / "out")
    monkeypatch.setattr(leftovers.fcntl, "flock", fails)
    NEW.save(tmp_path / "out", page=False)
    assert left_in(tmp_path) == [left.name, "out"]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    names = [".out.tmp", ".out.1234.tmp", ".out.12345678-12345678.lob.tmp.bak", "out.12345678-12345678.lob.tmp"]
    for name in names:
        (tmp_path / name).touch()
    write_file(tmp_path / "a", "x")
    assert left_in(tmp_path) == sorted([*names, "a"])


def test_what_is_kept_under_its_temporary_name_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other name could be given: permission may have been withdrawn, and be back for the next run."""

    def fails(*_: object) -> None:
        raise PermissionError("no")

    with monkeypatch.context() as patch:
        patch.setattr(drafts, "rename_new", fails)
        with pytest.raises(OutputError, match=r"kept as .*\.lob\.tmp"):
            NEW.save(tmp_path / "out", page=False)
        with pytest.raises(OutputError, match=r"kept as .*\.lob\.tmp"):
            write_file(tmp_path / "file", "x", force=False)
    kept = left_in(tmp_path)
    write_file(tmp_path / "another", "x")
    assert left_in(tmp_path) == sorted([*kept, "another"])
    assert Result.load(next(tmp_path / name for name in kept if "out" in name)).digest == NEW.digest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_leaves_the_draft_to_its_parent(tmp_path: Path) -> None:
    """As of a strategy that forks in a callback, and whose child returns."""
    with storage.Draft(tmp_path / "out", force=False) as draft:
        for table in TABLES:
            draft.write(f"{table}.parquet", NEW.rows(table))
        child = os.fork()
        if not child:
            try:
                draft.discard()
                draft.place()
            except OutputError:
                draft.discard()
                os._exit(6)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6
        NEW.finish(draft, page=False)
    assert Result.load(tmp_path / "out").digest == NEW.digest


def test_a_draft_that_is_taken_for_a_leftover_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may find the draft in the moment before it is locked."""
    lock, calls = leftovers.lock, iter(range(9))

    def late(path: Path) -> int | None:
        if next(calls) == 0:
            shutil.rmtree(path)
        return lock(path)

    monkeypatch.setattr(leftovers, "lock", late)
    assert Result.load(NEW.save(tmp_path / "out", page=False)).digest == NEW.digest


def made_elsewhere(result: Result, place: Path) -> None:
    (place.parent / "elsewhere").mkdir()
    result.save(place.parent / "elsewhere" / "out", page=False).rename(place)
    (place.parent / "elsewhere").rmdir()


@pytest.mark.parametrize("new_is_there", [True, False])
def test_a_replacement_that_was_cut_between_its_renames_is_completed(new_is_there: bool, tmp_path: Path) -> None:
    """Without `renameat2`: the target is absent, the old result and the new one have hidden names."""
    old = leftovers.temporary(tmp_path / "out").with_suffix(".old")
    made_elsewhere(OLD, old)
    if new_is_there:
        made_elsewhere(NEW, old.with_suffix(".tmp"))
    write_file(tmp_path / "file", "x")
    assert left_in(tmp_path) == ["file", "out"]
    assert Result.load(tmp_path / "out").digest == (NEW if new_is_there else OLD).digest


def test_a_replacement_that_was_cut_behind_its_renames_is_completed(tmp_path: Path) -> None:
    made_elsewhere(OLD, leftovers.temporary(tmp_path / "out").with_suffix(".old"))
    made_elsewhere(NEW, tmp_path / "out")
    write_file(tmp_path / "file", "x")
    assert left_in(tmp_path) == ["file", "out"]
    assert Result.load(tmp_path / "out").digest == NEW.digest


KILLED = """
import os, random, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from result_factory import random_result
from lob_backtest import rename
from lob_backtest.atomic.drafts import write_file

folder, kills, seed, way = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
if way == "two steps":
    rename._system_call = lambda: None
rng = random.Random(seed)
results = [random_result(k) for k in (5, 6)]
WATCHED = ("drafts.py", "leftovers.py", "rename.py", "storage.py", "table_file.py", "shutil.py")
line, last = 0, -1

def watch(frame, event, _):
    global line
    if not frame.f_code.co_filename.endswith(WATCHED):
        return None
    line += event == "line"
    if line == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return watch

def replace(result):
    result.save(folder / "out", page=False, force=True)
    write_file(folder / "file", result.digest * 1000)

for result in results:  # the digest and the like are worked out once
    replace(result)
sys.settrace(watch)
replace(results[0])
sys.settrace(None)
lines = line
for kill in range(kills):
    child = os.fork()
    if not child:
        line, last = 0, rng.randrange(1, lines)
        sys.settrace(watch)
        replace(results[kill % 2])
        os._exit(0)
    rng.random()
    assert os.waitpid(child, 0)[1] in (0, signal.SIGKILL)
    print(kill, flush=True)
    sys.stdin.readline()
"""


def check_kills(tmp_path: Path, kills: int, way: str) -> None:
    """Kill a process at a random line while it replaces a result and a file; look after each kill."""
    words = [str(Path(__file__).parents[1] / "support"), str(tmp_path), str(kills), "1", way]
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    both, left = {OLD.digest, NEW.digest}, 0
    with child:
        for kill in range(kills):
            assert child.stdout.readline() == f"{kill}\n"
            names = set(left_in(tmp_path))
            left += len(names - {"out", "file"})
            if way == "exchange":
                assert "out" in names
            leftovers.clean(tmp_path)
            assert left_in(tmp_path) == ["file", "out"]
            assert Result.load(tmp_path / "out").digest in both
            assert (tmp_path / "file").read_text() in {digest * 1000 for digest in both}
            child.stdin.write("\n")
            child.stdin.flush()
    assert child.returncode == 0
    assert left > kills // 4


@pytest.mark.parametrize("way", ["exchange", "two steps"])
def test_a_kill_leaves_the_old_result_or_the_new_one(way: str, tmp_path: Path) -> None:
    check_kills(tmp_path, 15, way)


@pytest.mark.soak
@pytest.mark.parametrize("way", ["exchange", "two steps"])
def test_kills_leave_the_old_result_or_the_new_one(way: str, tmp_path: Path) -> None:
    check_kills(tmp_path, 300, way)


@pytest.mark.parametrize("is_quiet", [False, True])
def test_a_command_tells_on_stderr_what_it_removed_unless_it_is_quiet(is_quiet: bool, tmp_path: Path) -> None:
    left = left_behind(tmp_path / "out")
    words = ["generate", "--events", "1000", "-o", "a.parquet", "--json", *(["-q"] if is_quiet else [])]
    command = [sys.executable, "-m", "lob_backtest.cli", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (f"{left.name}, which a run that was killed had left" in done.stderr) != is_quiet
    assert json.loads(done.stdout)["rows"] >= 1000
    assert not left.exists()
