"""What all verbs have in common: JSON for programs, and a suggestion for what is misspelt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from vendor_files import lobster

import lob_backtest as lob
from lob_backtest.cli.group import GROUPS, VERBS, cli, main
from lob_backtest.cli.output import JSON_VERSIONS

ROOT = Path(__file__).resolve().parents[2]


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


COMMANDS = {
    "run": "run -d {}/market.parquet -s lob_backtest.strategies.fixed_spread -q",
    "run --show-config": "run -d {}/market.parquet -s lob_backtest.strategies.fixed_spread --show-config",
    "report": "report {}/result -o {}/page.html --force",
    "compare": "compare {}/result {}/result",
    "convert": "convert lobster {}/TEST_2012-06-21_34200000_57600000_message_1.csv -o {}/converted.parquet --force -q",
    "validate": "validate {}/market.parquet",
    "inspect": "inspect {}/levels.parquet {}/levels.parquet -n 1",
    "book": "book {}/market.parquet -o {}/book.parquet --force -q",
    "generate": "generate -o {}/generated.parquet --events 1000 --force -q",
    "venues": "venues generic",
    "calibrate": "calibrate {}/market.parquet",
    "latency": "latency {}/orders.csv -o {}/latency.parquet --force",
    "init": "init {}/project -q",
    "doctor": "doctor",
    "schema run": "schema run",
    "schema events": "schema events",
    "schema result": "schema result",
}
"""A command line for each kind of JSON."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    lob.generate(folder / "market.parquet", events=3_000)
    log = "Timestamp,Order_ID,Status\n1700000000000,a,PENDING_CREATE\n1700000000071,a,CREATED\n"
    (folder / "orders.csv").write_text(log)
    lob.run({"instrument": [{"data": [str(folder / "market.parquet")]}]}, lob.Strategy, out=folder / "result")
    lob.generate(folder / "levels.parquet", events=1_000, level=2)
    lobster(folder, ["34200,1,11,10,1000000,1"], [(10002, 7, 10000, 30)])
    return folder


def documented(kind: str) -> set[str]:
    """Return the keys that docs/cli.md lists first for a kind of JSON: before a colon or a parenthesis."""
    rows = (ROOT / "docs/cli.md").read_text("utf-8").partition("\n## JSON\n")[2].splitlines()
    (row,) = [row for row in rows if row.startswith(f"| `{kind}` | {JSON_VERSIONS[kind]} | ")]
    text = re.sub(r"\([^)]*\)|: [^;]*|;[^:;]*:", "", row.split(" | ")[2])
    return set(re.findall(r"`(\w+)`", text))


def test_every_verb_has_a_version_of_its_json() -> None:
    assert {kind.split()[0] for kind in JSON_VERSIONS} == set(VERBS)
    assert set(COMMANDS) == set(JSON_VERSIONS)


@pytest.mark.parametrize("kind", JSON_VERSIONS)
def test_json_begins_with_its_version_and_has_the_documented_keys(
    kind: str, capsys: pytest.CaptureFixture[str], files: Path
) -> None:
    code, out, err = call(capsys, *COMMANDS[kind].replace("{}", str(files)).split(), "--json")
    assert code == 0, err
    found = json.loads(out)
    for each in found if kind in ("inspect", "venues") else [found]:
        assert next(iter(each.items())) == ("version", JSON_VERSIONS[kind])
        keys = set(each) - {"version"}
        if kind in {"run", "report"}:  # and the metrics
            assert documented(kind) < keys
        elif kind != "schema run":  # which is standardized
            assert documented(kind) == keys


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


def test_verbs_complete_in_a_shell() -> None:
    words = {"_LOB_BACKTEST_COMPLETE": "bash_complete", "COMP_WORDS": "lob-backtest va", "COMP_CWORD": "1"}
    done = subprocess.run(
        [Path(sys.executable).with_name("lob-backtest")],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,validate\n"
