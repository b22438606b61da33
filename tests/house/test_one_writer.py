"""`lob_backtest.atomic.drafts` and what it is made of write to disk, and nothing else of the package does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "lob_backtest"
WRITERS = {"atomic/drafts.py", "atomic/leftovers.py", "atomic/rename.py"}
PARQUET = {"ParquetWriter", "write_table"}
ALLOWED = {
    "results/table_file.py": PARQUET,
    "data/output.py": PARQUET,
    "checkup.py": {"TemporaryDirectory"},
    "cli/streams.py": {"open"},
}
"""Parquet goes into files that `drafts` has made; `doctor` writes a market to measure with, and removes it; closed
standard streams are opened on the null device."""

CHANGES = re.compile(
    r"write_text|write_bytes|mkdir|makedirs|rmdir|rmtree|unlink|rename|renames|touch|truncate|symlink_to|hardlink_to"
    r"|mkstemp|mkdtemp|mktemp|\w*TemporaryFile|TemporaryDirectory|copy2?|copyfile|copytree|move|write_table"
    r"|FileOutputStream|output_stream|open_output_stream|ParquetWriter|to_(?:parquet|csv|feather|pickle)"
)
MODE = re.compile(r"[rbt]*[wax+][rwaxbt+]*")
OS_ONLY = {"copy", "move", "remove", "open", "link", "symlink", "rename", "replace", "unlink", "mkdir"}
"""Names that mean a file only after `os.` or `shutil.`, or that `CHANGES` lets through elsewhere."""


def writes(text: str) -> Iterator[str]:
    """Name each call in a module that makes, changes or removes a file, by its line."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        owner = getattr(getattr(function, "value", None), "id", "")
        of_system = owner in ("os", "shutil") and name in OS_ONLY
        modes = [each.value for each in node.keywords if each.arg == "mode"]
        arguments = [*node.args[isinstance(function, ast.Name) :], *modes]
        opened = name in ("open", "fdopen", "OSFile") and any(
            isinstance(each, ast.Constant) and isinstance(each.value, str) and MODE.fullmatch(each.value)
            for each in arguments
        )
        of_path = name == "replace" and len(node.args) == 1 and not node.keywords
        if of_system or opened or of_path or (CHANGES.fullmatch(name) and name not in ("copy", "move")):
            yield f"{node.lineno}: {name}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_other_module_writes_to_disk(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    if name in WRITERS:
        return
    found = writes(path.read_text("utf-8"))
    assert [each for each in found if each.split()[-1] not in ALLOWED.get(name, ())] == []


@pytest.mark.parametrize(
    "code",
    [
        'open("a", "w")',
        'path.open("r+b")',
        'open("a", mode="x")',
        "path.write_text(text)",
        "path.replace(target)",
        'os.open("a", os.O_CREAT)',
        "shutil.move(a, b)",
        "os.remove(a)",
        "pq.write_table(table, path)",
        "pq.ParquetWriter(path, schema)",
        'pa.OSFile("a", "wb")',
        "tempfile.NamedTemporaryFile()",
        "frame.to_csv(path)",
    ],
)
def test_each_way_to_write_is_found(code: str) -> None:
    assert list(writes(code))


@pytest.mark.parametrize(
    "code", ['open("a")', 'path.open("rb")', 'text.replace("a", "b")', "orders.remove(order)", "info.copy()"]
)
def test_what_only_reads_is_not(code: str) -> None:
    assert not list(writes(code))
