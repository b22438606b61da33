"""`doctor`: what it finds, and what it ends with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from lob_backtest import checkup
from lob_backtest.cli.group import main
from lob_backtest.engine import ENGINES
from lob_backtest.synthetic.generate import generate

ROOT = Path(__file__).resolve().parents[2]
RUN = ("run", "--data", "market.parquet", "--strategy", f"{ROOT}/strategies/fixed_spread.py:FixedSpread")


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["doctor", *argv])
    return (stop.value.code, *capsys.readouterr())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the measurement."""
    monkeypatch.setattr(checkup, "_events_per_s", lambda _: 2_000_000.0)


def test_a_whole_installation_is_healthy_and_its_engine_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--json")
    said = json.loads(out)
    found = {each["what"]: each for each in said["findings"]}
    assert (code, said["healthy"]) == (0, True)
    assert found["pyarrow"]["found"] == metadata.version("pyarrow")
    for name in ENGINES:
        assert found[f"engine {name}"]["state"] in ("ok", "slow", "absent")
    assert " rows/s without orders, over a file of " in found["engine reference"]["found"]


@pytest.mark.usefixtures("quick")
def test_a_missing_library_is_named_with_the_command_that_brings_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["nosuchlibrary>=2", "nosuchextra>=1; extra == 'databento'", "unasked; extra == 'docs'", "click>=8"]
    monkeypatch.setattr(metadata, "requires", lambda _: asked)
    code, out, err = call(capsys)
    assert code == 1
    assert "pip install 'nosuchlibrary>=2'" in err
    assert "pip install 'nosuchextra>=1'" in err
    assert "unasked" not in out
    states = {line.split()[0]: line.split()[1] for line in out.splitlines()[2:]}
    assert (states["nosuchlibrary"], states["nosuchextra"], states["click"]) == ("missing", "absent", "ok")


@pytest.mark.usefixtures("quick")
def test_a_library_that_is_too_old_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: ["click>=999.1"])
    code, out, _ = call(capsys)
    assert code == 1
    assert "older than 999.1" in out


@pytest.mark.usefixtures("quick")
def test_an_absent_extra_is_no_illness(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: ["nosuchextra>=1; extra == 'databento'"])
    assert call(capsys)[0] == 0


def test_an_engine_that_cannot_run_is_an_illness(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(name: str) -> float:
        raise OSError("No space left on device")

    monkeypatch.setattr(checkup, "_events_per_s", full)
    code, out, _ = call(capsys)
    assert code == 1
    assert "No space left on device" in out


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a folder with a copy of the package that has no compiled engine."""
    source = Path(checkup.__file__).parent
    shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("_kernel.*", "__pycache__"))
    return tmp_path


def call_in(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the copy. No `.pth` file is read (-S), lest an editable installation lend it its compiled engine."""
    command = [sys.executable, "-S", "-m", "lob_backtest.cli", *argv]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("py3-none-any", "cargo was not found"),
        ("cp311-abi3-linux_x86_64", "failed to compile"),
        (None, "its file is missing"),
    ],
)
def test_why_the_compiled_engine_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tag: str | None, why: str
) -> None:
    if tag:
        (tmp_path / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
    monkeypatch.setattr(checkup, "is_built", lambda: False)
    monkeypatch.setattr(metadata, "distributions", lambda **_: [metadata.Distribution.at(tmp_path)])
    code, out, err = call(capsys)
    kernel = next(line for line in out.splitlines() if line.split()[:2] == ["engine", "kernel"])
    assert code == 0
    assert "absent" in kernel
    assert why in kernel
    assert "engine kernel: install Rust" in err


def test_an_engine_that_was_not_built_is_absent(elsewhere: Path) -> None:
    done = call_in(elsewhere, "doctor", "--json")
    states = {each["what"]: each["state"] for each in json.loads(done.stdout)["findings"]}
    assert (done.returncode, states["engine kernel"]) == (0, "absent"), done.stderr


def test_a_run_says_that_the_compiled_engine_was_not_built(elsewhere: Path) -> None:
    generate(elsewhere / "market.parquet", events=1000)
    done, refused = call_in(elsewhere, *RUN), call_in(elsewhere, *RUN, "--engine", "kernel")
    assert done.returncode == 0
    assert "the compiled engine is not built" in done.stderr
    assert refused.returncode == 2
    assert "engine 'kernel' is not installed; available: reference" in refused.stderr


def test_a_compiled_engine_that_cannot_be_loaded_is_an_illness_and_stops_a_run(elsewhere: Path) -> None:
    (elsewhere / "lob_backtest" / f"_kernel{EXTENSION_SUFFIXES[0]}").write_bytes(b"not a library\n" * 1000)
    generate(elsewhere / "market.parquet", events=1000)
    told, stopped = call_in(elsewhere, "doctor"), call_in(elsewhere, *RUN)
    assert told.returncode == 1
    for said in (told.stdout, stopped.stderr):
        assert "the compiled engine cannot be loaded: " in said
        assert "--engine reference" in said
    assert stopped.returncode == 2
    assert "bug" not in stopped.stderr
    assert call_in(elsewhere, *RUN, "--engine", "reference").returncode == 0


@pytest.mark.parametrize(
    ("version", "numbers"), [("3.0.1", (3, 0, 1)), ("2.10rc1", (2, 10)), ("26.0.1.dev3", (26, 0, 1))]
)
def test_versions_compare_by_number(version: str, numbers: tuple[int, ...]) -> None:
    assert checkup._numbers(version)[: len(numbers)] == numbers
    assert checkup._numbers("2.10") > checkup._numbers("2.9")
