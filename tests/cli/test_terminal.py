"""What a terminal is sent: no control characters of anybody's names; and what becomes of output that nobody takes."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import VERBS, main
from lob_backtest.printable import printable, printable_lines, utf8

EVIL = "\x1b[2J\x1b]0;x\x07\r\x9b31m\u202e\x08"
CLI = Path(lob.__file__).parent / "cli"
needs_posix = pytest.mark.skipif(os.name != "posix", reason="file names and pipes as on POSIX")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a market, a strategy and a result whose names steer a terminal."""
    folder = tmp_path_factory.mktemp("names")
    lob.generate(folder / f"{EVIL}.parquet", events=1_500, symbol=EVIL)
    lob.generate(folder / "plain.parquet", events=1_500)
    (folder / f"{EVIL}.py").write_text(
        "import warnings\nimport lob_backtest as lob\nclass S(lob.Strategy):\n    size: int = 1\n"
        f"    def on_start(self, ctx):\n        ctx.log({EVIL!r}); warnings.warn({EVIL!r})\n"
        f"        raise ValueError({EVIL!r})\n"
    )
    (folder / "evil.toml").write_text('[[instrument]]\ndata = ["x"]\n"\\u001b[2J" = "\\u001b[2J"\n')
    config = {"instrument": [{"data": [str(folder / f"{EVIL}.parquet")]}]}
    lob.run(config, lob.Strategy).save(folder / f"{EVIL}.result", page=False)
    return folder


CALLS: dict[str, list[list[str]]] = {
    "init": [["{}/plain.parquet/@"], ["{}/new@"]],
    "run": [
        ["-d", "{}/@.parquet", "-s", "{}/@.py:S"],
        ["-d", "{}/@.parquet", "-s", "{}/@.py:S", "--set", "instrument.0.name='@'", "--show-config"],
        ["-d", "{}/@.parquet", "-s", "{}/@.py:S", "-o", "{}/out@"],
        ["-d", "{}/@.parquet", "-s", "{}/@.py:@"],
        ["-d", "{}/plain.parquet", "-s", "lob_backtest.strategies.fixed_spread:FixedSpread", "-o", "{}/fine@"],
        ["{}/evil.toml"],
        ["{}/@.toml"],
        ["-d", "{}/plain.parquet", "--set", "@=@"],
        ["-d", "{}/plain.parquet", "--set", "run.start='@'"],
        ["-d", "{}/plain.parquet", "-p", "@=1", "-s", "lob_backtest.strategies.fixed_spread"],
        ["--@", "@"],
    ],
    "convert": [["@", "{}/@.csv", "-o", "{}/o"], ["lobster", "{}/@.csv", "-o", "{}/o"]],
    "validate": [["{}/@.parquet"], ["{}/@"]],
    "inspect": [["{}/@.parquet", "-n", "2"], ["{}/@"]],
    "book": [["{}/@.parquet", "-o", "{}/book@"], ["{}/@.parquet", "-o", "{}/b", "--every", "@"]],
    "calibrate": [["{}/@.parquet"], ["{}/@"]],
    "venues": [["@"]],
    "latency": [["{}/@.parquet"], ["{}/@.csv"], ["{}/@"]],
    "generate": [["-o", "{}/made@", "--events", "1500", "--symbol", "@"], ["-o", "{}/@.parquet"]],
    "report": [["{}/@.result", "-o", "{}/page@"], ["{}/@"]],
    "compare": [["{}/@.result", "{}/@.result"], ["{}/@", "{}/@"], ["a", "b", "--tolerance", "@"]],
    "schema": [["@"]],
    "doctor": [["@"]],
}


def on_terminal(argv: list[str]) -> tuple[Any, str]:
    """Run the command line with a terminal as stdout and stderr; return the exit code and what it was sent."""
    pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
    leader, follower = pty.openpty()
    with open(follower, "w", closefd=False) as terminal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        patch.setattr(sys, "stderr", terminal)
        patch.setenv("TERM", "dumb")  # rich writes no escape sequences of its own
        patch.setenv("NO_COLOR", "1")
        with pytest.raises(SystemExit) as stop:
            main(argv)
    os.close(follower)
    sent = b""
    with contextlib.suppress(OSError):  # nothing is left
        while piece := os.read(leader, 65536):
            sent += piece
    os.close(leader)
    return stop.value.code, sent.decode().replace("\r\n", "\n")


def test_every_verb_is_called() -> None:
    assert set(CALLS) == set(VERBS)


@needs_posix
@pytest.mark.parametrize(("verb", "words"), [(verb, words) for verb, calls in CALLS.items() for words in calls])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_name_steers_the_terminal(verb: str, words: list[str], folder: Path) -> None:
    argv = [verb, *(word.replace("@", EVIL).replace("{}", str(folder)) for word in words)]
    code, sent = on_terminal(argv)
    assert code in range(7)
    assert code != 5, sent
    assert sent
    assert [char for char in sent if not char.isprintable() and char != "\n"] == []


def test_every_verb_prints_through_the_door() -> None:
    """`click.echo`, `print` and the streams are for cli/output.py and cli/streams.py alone."""
    found = []
    for path in sorted(CLI.rglob("*.py")):
        if path.name in ("output.py", "streams.py") or "project" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if re.fullmatch(
                r"(click\.)?(s?echo|secho|print)|sys\.(__)?std(out|err)(__)?\.write|traceback\.print.*", called
            ):
                found.append(f"{path.name}:{getattr(node, 'lineno', 0)}: {called}")
    found = [each for each in found if not each.endswith(" echo")]
    assert not found


def test_texts_are_made_printable() -> None:
    assert printable("a\x1b[2Jé\nü\u00a0\udcff") == "a�[2Jé�ü��"
    assert printable_lines("a\tb\r\nc\x85d") == "a    b�\nc�d"
    assert utf8("é\udcff\ud800x") == "é\\xff\\ud800x"


def program(*words: str) -> list[str]:
    return [sys.executable, "-m", "lob_backtest.cli", *words]


@needs_posix
@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["schema"],
        ["doctor", "--help"],
        ["inspect", "{}/plain.parquet", "-n", "1000"],
        ["validate", "{}/plain.parquet"],
        ["run", "-d", "{}/plain.parquet", "-s", "lob_backtest.strategies.fixed_spread"],
        ["run", "-d", "{}/plain.parquet", "-s", "lob_backtest.strategies.fixed_spread", "--json"],
        ["compare", "{}/@.result", "{}/@.result"],
    ],
)
def test_output_that_nobody_takes_ends_a_verb_as_other_tools(words: list[str], folder: Path) -> None:
    argv = program(*(word.replace("@", EVIL).replace("{}", str(folder)) for word in words))
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *argv], stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in closed.stderr
    assert closed.returncode == (0 if words[-1] == "--help" else 6), closed.stderr
    if Path("/dev/full").exists():
        with open("/dev/full", "w") as full:
            done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 6
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


@needs_posix
@pytest.mark.skipif(sys.platform == "darwin", reason="file names are UTF-8 there")
def test_a_config_and_a_strategy_may_have_names_that_are_not_utf_8(tmp_path: Path, engine: str) -> None:
    odd = os.fsdecode(b"caf\xe9")
    place = tmp_path / odd
    place.mkdir()
    lob.generate(tmp_path / "m.parquet", events=1_500)
    (place / f"{odd}.py").write_text("import lob_backtest as lob\nimport other\nclass S(lob.Strategy):\n    pass\n")
    (place / "other.py").write_text("")
    (place / f"{odd}.toml").write_text(
        f'[[instrument]]\ndata = ["{tmp_path}/m.parquet"]\n[strategy]\nclass = "caf\\u00e9.py"\n'
    )
    words = ["run", str(place / f"{odd}.toml"), "-s", f"{place / odd}.py:S", "--engine", engine, "--json"]
    done = subprocess.run(program(*words, "-o", str(tmp_path / "out")), capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, done.stderr.decode("ascii"))
    assert json.loads(done.stdout.decode("utf-8", "strict"))["status"] == "complete"
    named = lob.Result.load(tmp_path / "out").info.config["strategy"]["class"]
    assert named.endswith("caf\\xe9/caf\\xe9.py:S")
    for wrong in (["run", str(place / odd)], ["run", "-d", "x", "-s", f"{place / odd}.py:T"], ["report", str(place)]):
        done = subprocess.run(program(*wrong), capture_output=True, check=False)
        assert done.returncode in (2, 3)
        assert b"Traceback" not in done.stderr
        done.stderr.decode("utf-8", "strict")
