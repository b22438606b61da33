"""The documentation, run: every command and snippet of README.md and docs/ works as it is written.

Each page is played from top to bottom in a folder of its own that looks like the repository, with a shorter sample.
A fence marked `no-run` needs files that are not here: its Python is compiled, its command lines are parsed. A command
whose comment says `exit N` has to end with that code.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import shlex
import shutil
import sys
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import click
import pytest

import lob_backtest as lob
from lob_backtest.cli.group import VERBS, cli, main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "strategies/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
SAMPLE_ROWS = 30_000
NOT_OURS = ("git ", "pip ", "cd ", "pytest", ".venv/bin/pre-commit ")


class Fence(NamedTuple):
    """A fenced block: the words behind the backticks, its text, and where it starts."""

    words: list[str]
    text: str
    line: int


def fences(markdown: str) -> list[Fence]:
    found = re.finditer(r"^```([^\n]*)\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)
    return [Fence(m[1].split(), m[2], markdown[: m.start()].count("\n") + 1) for m in found]


def command_lines(block: str) -> list[tuple[str, int]]:
    """Split a shell block into commands and the exit codes that their comments announce."""
    commands = []
    for line in block.replace("\\\n", " ").splitlines():
        command, _, comment = line.partition(" #") if not line.startswith("#") else ("", "", "")
        if command.strip():
            code = re.search(r"\bexit (\d+)", comment)
            commands.append((command.strip(), int(code[1]) if code else 0))
    return commands


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def parse_only(command: str) -> None:
    """Check verb and options of a command line without running it."""
    words = shlex.split(command)
    assert words[0] == "lob-backtest", command
    with click.Context(cli) as context:
        verb = cli.get_command(context, words[1])
        assert verb is not None, f"{words[1]} is no verb"
        inner = click.Context(verb, parent=context)
        while isinstance(verb, click.Group):
            verb = verb.get_command(inner, words.pop(2))
            assert verb is not None, command
            inner = click.Context(verb, parent=inner)
        verb.make_parser(inner).parse_args(words[2:])


def run_command(command: str, code: int) -> None:
    """Run a command line in this process, which spares an import of everything each time."""
    with pytest.raises(SystemExit) as stop:
        main(shlex.split(command)[1:])
    assert stop.value.code == code, f"{command}\nexit {stop.value.code}, not {code}"


def play_shell(fence: Fence) -> None:
    for command, code in command_lines(fence.text):
        if command.startswith("make "):
            targets = {word for word in command.split()[1:] if "=" not in word}
            assert targets <= make_targets(), command
        elif command.startswith(NOT_OURS):
            continue
        elif "no-run" in fence.words:
            parse_only(command)
        else:
            assert command.startswith("lob-backtest "), f"what is {command!r}?"
            run_command(command, code)


def play_python(text: str, place: str, module: ModuleType, *, run: bool) -> None:
    code = compile(text, place, "exec", dont_inherit=True)
    if run:
        exec(code, vars(module))


@pytest.fixture(scope="module")
def short_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import pyarrow.parquet as pq

    path = tmp_path_factory.mktemp("sample") / "sample-l3.parquet"
    head = next(pq.ParquetFile(ROOT / "data/sample-l3.parquet").iter_batches(batch_size=SAMPLE_ROWS))
    with pq.ParquetWriter(path, head.schema, compression="lz4", write_page_checksum=True) as writer:
        writer.write_batch(head)
    return path


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_everything_on_the_page_runs(
    page: Path, tmp_path: Path, short_sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/sample-l3.parquet").symlink_to(short_sample)
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies")  # no link: `demo.toml` says ../data
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = ModuleType("snippets")
    monkeypatch.setitem(sys.modules, "snippets", module)  # where annotations are looked up
    for fence in fences(page.read_text("utf-8")):
        kind = fence.words[0] if fence.words else ""
        named = next((word.partition("=")[2] for word in fence.words if word.startswith("file=")), None)
        if named:
            (tmp_path / named).write_text(fence.text, encoding="utf-8")
        if kind in {"sh", "bash", "shell", "console"}:
            play_shell(fence)
        elif kind == "python":
            where = f"{page.name}:{fence.line}"
            play_python(fence.text, where, module, run="no-run" not in fence.words and named is None)


def anchors(markdown: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and mkdocs make them, and those of the API's directives."""
    without_code = re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)
    directives = re.findall(r"^::: (\S+)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}.union(directives)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        if not linked.exists() or (anchor and anchor not in anchors(linked.read_text("utf-8"))):
            broken.append(target)
    assert not broken


def test_paths_in_the_steps_of_contributing_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"`((?:lob_backtest|kernel|tests|docs|scripts)/[\w./-]+)`", page)
    assert len(named) > 40
    assert not [name for name in named if not (ROOT / name).exists()]


def test_every_page_is_linked_from_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text("utf-8") + (ROOT / "docs/adr/index.md").read_text("utf-8")
    missing = [
        p.name for p in PAGES if p.is_relative_to(ROOT / "docs") and p.name != "index.md" and p.name not in index
    ]
    assert not missing


def test_every_page_is_in_the_sites_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    listed = set(re.findall(r"^ *- (?:[\w. ]+: )?(\S+\.md)$", nav, re.MULTILINE))
    pages = [path for kind in ("*.md", "*.ipynb") for path in (ROOT / "docs").rglob(kind)]
    assert listed == {path.relative_to(ROOT / "docs").with_suffix(".md").as_posix() for path in pages}


def generator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_line_page_is_up_to_date() -> None:
    assert (ROOT / "docs/cli.md").read_text("utf-8") == generator("generate_cli").page(), "run `make docs`"


def test_the_pages_of_the_api_are_up_to_date() -> None:
    saved = {path.name: path.read_text("utf-8") for path in (ROOT / "docs/api").iterdir()}
    assert saved == generator("generate_api").pages(), "run `make docs`"


@pytest.mark.parametrize("name", lob.__all__)
def test_every_public_name_is_on_a_page_of_the_api(name: str) -> None:
    pages = [path.read_text("utf-8") for path in (ROOT / "docs/api").iterdir()]
    assert sum(page.count(f"\n::: lob_backtest.{name}\n") for page in pages) == 1


def members_of(cls: type) -> list[tuple[str, object]]:
    return [
        (name, member)
        for name, member in vars(cls).items()
        if not name.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property | cached_property | classmethod | staticmethod))
    ]


@pytest.mark.parametrize("name", lob.__all__)
def test_every_public_name_and_its_members_have_a_docstring(name: str) -> None:
    value = getattr(lob, name)
    summary = generator("generate_api").summary(name)
    assert summary.endswith((".", ":"))
    if not isinstance(value, type) or issubclass(value, Enum):
        return
    assert [member for member, what in members_of(value) if not inspect.getdoc(what)] == []
    if is_dataclass(value):
        assert value.__doc__
        described = re.findall(r"^        (\w+): ", value.__doc__, re.MULTILINE)
        assert described == [field.name for field in fields(value)]


def test_the_tables_of_keys_are_up_to_date() -> None:
    text = (ROOT / "docs/configuration.md").read_text("utf-8")
    assert text == generator("generate_configuration").page(text), "run `make docs`"


def test_a_stale_table_of_keys_is_written_again_and_a_missing_one_found() -> None:
    text, write = (ROOT / "docs/configuration.md").read_text("utf-8"), generator("generate_configuration").page
    row = next(line for line in text.splitlines(keepends=True) if line.startswith("| `hidden_any_side` |"))
    assert write(text.replace(row, "| `hidden` | boolean | | old |\n")) == text
    with pytest.raises(ValueError, match="no section with a table of keys for risk"):
        write(text.replace("## risk\n", "## Risk limits\n"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented(verb: str) -> None:
    assert f"\n## {verb}\n" in (ROOT / "docs/cli.md").read_text("utf-8")


def test_the_table_of_exit_codes_is_that_of_the_code() -> None:
    import signal

    from lob_backtest import errors, regression
    from lob_backtest.cli.streams import BROKEN_PIPE

    page = (ROOT / "docs/errors.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (?:`(\w+)`)? *\|", page, re.MULTILINE)
    kinds = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.LobBacktestError)]
    expected = {(0, ""), (BROKEN_PIPE, ""), *((kind.exit_code, kind.__name__) for kind in kinds)}
    expected |= {(128 + each, "KeyboardInterrupt") for each in (signal.SIGINT, signal.SIGTERM, 1)}  # 1: SIGHUP
    assert {(int(code), name) for code, name in rows} == expected
    assert set(regression.EXIT_CODES.values()) <= {code for code, _ in expected}


def first_cells(page: str, heading: str) -> list[str]:
    """Return the first cells of the table rows below a heading, without backticks."""
    text = (ROOT / "docs" / page).read_text("utf-8").partition(f"\n## {heading}\n")[2].split("\n## ")[0]
    return [row.split("|")[1].strip().strip("`") for row in text.splitlines() if row.startswith("| ")]


def test_every_reason_for_a_refusal_is_documented() -> None:
    from lob_backtest.contract.tables import RejectReason

    assert first_cells("strategies.md", "Refusals")[1:] == [r.name for r in RejectReason if r]


def test_every_cause_of_a_fill_is_documented() -> None:
    from lob_backtest.contract.tables import Cause

    assert [c.name.lower() for c in Cause] == [
        cell for cell in first_cells("fill-model.md", "When a resting order fills") if cell != "cause"
    ]


def test_every_action_flag_and_column_is_documented() -> None:
    from lob_backtest.contract.rows import COLUMNS, Action, Flag

    cells = first_cells("data.md", "The schema")
    assert set(COLUMNS.names) <= set(cells)
    assert {f"{code.name} {code.value}" for code in [*Action, *Flag]} <= set(cells)


def test_the_policies_of_bad_data_are_documented() -> None:
    from lob_backtest.data.faults import ALLOWED, DEFAULT_POLICIES, ON_REQUEST, FaultKind

    page = (ROOT / "docs/data.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| ([\w ]+) \| ([\w, ]+) \|$", page, re.MULTILINE)
    assert rows == [
        (str(k), "not looked for" if k in ON_REQUEST else str(DEFAULT_POLICIES[k]), ", ".join(sorted(ALLOWED[k])))
        for k in FaultKind
    ]


def test_every_key_of_the_config_is_documented() -> None:
    from lob_backtest.config.model import RunConfig
    from lob_backtest.config.parts import AgentPart, ChannelPart, FeesPart, InstrumentPart, VenuePart

    assert "`version = 1`" in (ROOT / "docs/configuration.md").read_text("utf-8")  # the one key outside of the tables
    parts = {name: field.annotation for name, field in RunConfig.model_fields.items() if name != "version"}
    parts |= {"instrument": InstrumentPart, "venue": VenuePart, "agent": AgentPart}
    for name, part in {**parts, "instrument.fees": FeesPart, "venue.latency": ChannelPart}.items():
        keys = [field.alias or key for key, field in part.model_fields.items()]
        assert first_cells("configuration.md", name)[1:] == keys, name


def test_every_strategy_is_listed() -> None:
    listed = (ROOT / "strategies/README.md").read_text("utf-8")
    missing = [p.name for p in (ROOT / "strategies").glob("[a-z]*.py") if f"[{p.name}]({p.name})" not in listed]
    assert not missing


def test_the_calibrated_parameters_of_the_page_are_those_of_the_sample() -> None:
    from lob_backtest.calibration.calibrate import calibrate

    found = calibrate(ROOT / "data/sample-l3.parquet")
    page = (ROOT / "docs/quoting.md").read_text("utf-8")
    for name in ("volatility", "fill_rate", "fill_decay"):
        assert f"-p {name}={getattr(found, name).value:.4g} " in page


def test_a_wrong_option_in_a_page_is_seen() -> None:
    with pytest.raises(click.exceptions.NoSuchOption):
        parse_only("lob-backtest compare a b --no-such-option")


def test_comments_and_continuations_are_not_commands() -> None:
    block = "# a comment\nlob-backtest compare a b   # exit 1: they differ\nlob-backtest run \\\n  x.toml\n"
    assert command_lines(block) == [("lob-backtest compare a b", 1), ("lob-backtest run    x.toml", 0)]
