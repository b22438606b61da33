"""What all verbs have in common: JSON for programs, and a suggestion for what is misspelt."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

import lob_backtest as lob
from lob_backtest.cli.group import GROUPS, VERBS, cli, main


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(argv))
    return (stop.value.code, *capsys.readouterr())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_speaks_json(verb: str) -> None:
    with click.Context(cli) as context:
        command = cli.get_command(context, verb)
    assert command is not None
    assert any("--json" in option.opts for option in command.params)


def test_help_lists_every_verb_on_24_lines_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = call(capsys, "--help")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for group, verbs in GROUPS.items():
        at = lines.index(f"{group}:")
        assert [line.split()[0] for line in lines[at + 1 : at + 1 + len(verbs)]] == list(verbs)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["generate", "-o", "{}/new.parquet", "--events", "2000"], {"rows": 2000}),
        (["book", "{}/market.parquet", "-o", "{}/book.parquet", "--every", "row"], {"rows": 3000, "skipped": {}}),
        (["report", "{}/result", "-o", "{}/page.html"], {}),
    ],
)
def test_what_was_written_is_said_as_json(
    argv: list[str], says: dict[str, object], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lob.generate(tmp_path / "market.parquet", events=3_000)
    if argv[0] == "report":
        config = {"instrument": [{"data": [str(tmp_path / "market.parquet")]}]}
        lob.run(config, lob.Strategy).save(tmp_path / "result")
    code, out, _ = call(capsys, *(word.format(tmp_path) for word in argv), "--json")
    assert code == 0
    found = json.loads(out)
    assert {name: found[name] for name in says} == says
    assert any(Path(str(value)).is_file() for value in found.values())


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["valdate", "x"], "did you mean 'validate'?"),
        (["backtest"], "the commands are run, report, compare, convert"),
        (["run", "--paranoit"], "--paranoid"),
        (["--versoin"], "--version"),
        (["convert", "lobstr", "x", "-o", "y.parquet"], "lobster"),
        (["schema", "evnts"], "events"),
    ],
)
def test_a_misspelling_is_one_message_with_what_was_meant(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, *argv)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
