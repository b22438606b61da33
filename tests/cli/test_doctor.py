"""`doctor`: what it finds, and what it ends with."""

from __future__ import annotations

import json
from importlib import metadata

import pytest

from lob_backtest import checkup
from lob_backtest.cli import main
from lob_backtest.engine import ENGINES


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
    assert "events/s" in found["engine reference"]["found"]


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


@pytest.mark.parametrize(
    ("version", "numbers"), [("3.0.1", (3, 0, 1)), ("2.10rc1", (2, 10)), ("26.0.1.dev3", (26, 0, 1))]
)
def test_versions_compare_by_number(version: str, numbers: tuple[int, ...]) -> None:
    assert checkup._numbers(version)[: len(numbers)] == numbers
    assert checkup._numbers("2.10") > checkup._numbers("2.9")
