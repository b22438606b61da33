"""The floor plan: rooms without circles, folders and classes of a size that can be taken in."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_tidy import ALLOWED, FILES, ROOT, SOURCES, imported_parts

MAX_FILES = 16
MAX_FIELDS = 20
MAX_BOOLS = 4
PLACES = ("lob_backtest", "kernel/src", "tests")
"""Folders that the rules hold for."""

Shape = tuple[str, int, int]
"""A class or struct: its name, its fields, how many of them are true or false."""


def below(place: str, suffix: str) -> list[Path]:
    return [path for path in FILES if path.suffix == suffix and path.is_relative_to(ROOT / place)]


@pytest.mark.parametrize("place", PLACES)
def test_a_folder_has_few_files(place: str) -> None:
    counts = Counter(path.parent for path in SOURCES if path.is_relative_to(ROOT / place))
    assert counts
    crowded = [f"{folder.relative_to(ROOT)}: {n} files" for folder, n in counts.items() if n > MAX_FILES]
    assert not crowded, f"at most {MAX_FILES} source files in a folder: {crowded}"


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Return a circle of imports as a path that ends where it began; empty where there is none."""
    done: set[str] = set()

    def search(path: list[str]) -> list[str]:
        for target in sorted(imports.get(path[-1], ())):
            if target in path:
                return [*path[path.index(target) :], target]
            if target not in done and (found := search([*path, target])):
                return found
        done.add(path[-1])
        return []

    return next((found for room in sorted(imports) if (found := search([room]))), [])


def room_of(module: str, modules: set[str], depth: int) -> str:
    """Return the folder of a module, at most `depth` names deep; a module of the package itself is a room.

    Args:
        module: dotted, below `lob_backtest`; names behind the module's own are left out.
        modules: all modules.
        depth: of folders.
    """
    names = module.split(".")
    while names and ".".join(names) not in modules:
        names.pop()
    is_folder = any(each.startswith(".".join(names) + ".") for each in modules)
    folder = names if is_folder else names[:-1]
    return ".".join(folder[:depth]) or ".".join(names)


def imports_of_rooms(depth: int) -> dict[str, set[str]]:
    files = below("lob_backtest", ".py")
    names = {
        ".".join(p.relative_to(ROOT / "lob_backtest").with_suffix("").parts).removesuffix(".__init__"): p for p in files
    }
    modules = set(names) - {"__init__"}
    found: dict[str, set[str]] = {}
    for module, path in names.items():
        if module in {"__init__", "moved"} or "project" in path.parts:
            continue
        room = room_of(module, modules, depth)
        package = ".".join(path.relative_to(ROOT).parent.parts)
        for _, target in imported_parts(package, path.read_text("utf-8")):
            other = room_of(target, modules, depth)
            if other and other != room:
                found.setdefault(room, set()).add(other)
    return found


def test_rooms_import_each_other_without_a_circle() -> None:
    imports = imports_of_rooms(depth=1)
    assert set(imports) <= set(ALLOWED)
    assert not circle(imports)


def test_folders_import_each_other_without_a_circle() -> None:
    assert not circle(imports_of_rooms(depth=2))


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"d", "b"}}) == ["b", "c", "b"]
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


@pytest.mark.parametrize(("place", "suffix"), [("lob_backtest/engine/models", ".py"), ("kernel/src/models", ".rs")])
def test_each_model_states_its_assumption_and_its_bias(place: str, suffix: str) -> None:
    models = [path for path in below(place, suffix) if path.stem not in ("__init__", "mod")]
    assert {path.stem for path in models} >= {"queue", "fees", "latency"}
    silent = [path.relative_to(ROOT).as_posix() for path in models if not states_its_limits(path.read_text("utf-8"))]
    assert not silent, f"the module's docstring has to state the models' 'Assumption:' and 'Bias:': {silent}"


def states_its_limits(text: str) -> bool:
    """Return whether the docstring at the head of a Python or Rust module has an assumption and a bias."""
    inner = [line.removeprefix("//!").strip() for line in text.splitlines() if line.startswith("//!")]
    head = "\n".join(inner) if inner else ast.get_docstring(ast.parse(text)) or ""
    return all(re.search(rf"^{word}: \S", head, re.MULTILINE) for word in ("Assumption", "Bias"))


def test_a_model_without_its_bias_is_found() -> None:
    assert states_its_limits('"""Fees.\n\nAssumption: none.\nBias: none.\n"""\n')
    assert states_its_limits("//! Fees.\n//!\n//! Assumption: none.\n//! Bias: none.\n\nuse a::b;\n")
    assert not states_its_limits('"""Fees.\n\nAssumption: none.\n"""\nBIAS = "Bias: none."\n')
    assert not states_its_limits("//! Fees.\n\n// Assumption: none.\n// Bias: none.\n")


def python_shapes(text: str) -> Iterator[Shape]:
    """Yield the classes of a module: fields are annotated in the class, listed as slots or assigned to `self`."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef):
            continue
        fields: dict[str, bool] = {}
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                fields[each.target.id] = ast.unparse(each.annotation) == "bool"
        for each in ast.walk(node):
            if isinstance(each, ast.Assign | ast.AnnAssign):
                targets = each.targets if isinstance(each, ast.Assign) else [each.target]
                is_bool = isinstance(each.value, ast.Constant) and isinstance(each.value.value, bool)
                for target in targets:
                    if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                        fields[target.attr] = fields.get(target.attr, False) or is_bool
        yield node.name, len(fields), sum(fields.values())


def rust_shapes(text: str) -> Iterator[Shape]:
    """Yield the structs with named fields of a formatted Rust file."""
    for found in re.finditer(
        r"^(?:pub(?:\([\w ]+\))? )?struct (\w+)[^;{(]*\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL
    ):
        fields = re.findall(r"^    (?:pub(?:\([\w: ]+\))? )?(\w+): (.+?),?$", found[2], re.MULTILINE)
        yield found[1], len(fields), sum(kind == "bool" for _, kind in fields)


def large(shapes: Iterator[Shape]) -> list[str]:
    return [
        f"{name}: {fields} fields, {bools} of them true or false"
        for name, fields, bools in shapes
        if fields > MAX_FIELDS or bools > MAX_BOOLS
    ]


def test_classes_have_few_fields() -> None:
    places = [*below("lob_backtest", ".py"), *below("strategies", ".py")]
    complaints = [f"{p.relative_to(ROOT)}: {c}" for p in places for c in large(python_shapes(p.read_text("utf-8")))]
    for path in below("kernel/src", ".rs"):
        complaints += [f"{path.relative_to(ROOT)}: {c}" for c in large(rust_shapes(path.read_text("utf-8")))]
    assert not complaints, f"at most {MAX_FIELDS} fields and {MAX_BOOLS} bools:\n" + "\n".join(complaints)


def test_a_large_class_is_found() -> None:
    many = "".join(f"    a{i}: int\n" for i in range(21))
    assert large(python_shapes(f"class A:\n{many}"))
    assert large(
        python_shapes("class A:\n    def f(self):\n" + "".join(f"        self.b{i} = True\n" for i in range(5)))
    )
    assert large(rust_shapes(f"pub struct A {{\n{many.replace('int', 'i64,')}}}\n"))
    assert large(rust_shapes("struct A<T> {\n" + "".join(f"    pub(crate) a{i}: bool,\n" for i in range(5)) + "}\n"))
    assert not large(python_shapes("class A:\n    a: bool\n    def f(self):\n        self.b, x = 1, 2\n"))
