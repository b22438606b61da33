"""The house rules of CONTRIBUTING.md, enforced.

Each rule is a function from source text to complaints, so that one test runs it over the repository and another shows
that it complains when it should.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("lob_backtest", "strategies", "benchmarks", "scripts", "docs", "tests", "kernel")
PRODUCTS = re.compile(r"^(\.git|\.venv|\.\w+_cache|\.hypothesis|out|build|dist|site|target|__pycache__|.+\.egg-info)$")

MAX_FUNCTION_LINES = 60
MAX_MODULE_LINES = 500
MAX_POSITIONAL = 6
MAX_LOOP_LINES = 150
MAX_FILE_BYTES = 5_000_000

# What each room of the package may import of the package. `lob_backtest` alone is its `__init__`: the public names.
GROUND = {"errors", "units", "instrument", "progress", "printable", "process"}
ALLOWED: dict[str, set[str]] = {
    "errors": {"printable"},
    "units": {"printable"},
    "instrument": set(),
    "progress": set(),
    "printable": set(),
    "process": set(),
    "moved": set(),
    "atomic": GROUND,
    "contract": GROUND,
    "strategy": GROUND | {"config", "contract"},
    "quoting": GROUND | {"contract", "strategy"},
    "book": GROUND | {"contract"},
    "data": GROUND | {"atomic", "book", "contract"},
    "vendors": GROUND | {"atomic", "book", "contract", "data"},
    "synthetic": GROUND | {"contract", "data"},
    "calibration": GROUND | {"book", "contract", "data"},
    "config": GROUND | {"book", "contract", "data"},
    "engine": GROUND | {"book", "contract", "strategy", "_kernel"},
    "results": GROUND | {"atomic", "contract", "data.parquet", "data.provenance"},
    "report": GROUND | {"contract", "results"},
    "result": GROUND | {"atomic", "contract", "report", "results"},
    "regression": GROUND | {"contract", "report", "result", "results"},
    "checkup": GROUND | {"backtest", "engine", "strategy", "synthetic"},
    "pytest_plugin": GROUND | {"backtest", "config", "regression", "result", "strategy"},
    "backtest": {"*"},
    "cli": {"*"},
    "strategies": {"", "strategy", "quoting", "units"},
}
BANNED_MODULES = {"util", "utils", "helper", "helpers", "misc", "common"}
BANNED_CLASS_ENDINGS = ("Manager", "Helper", "Util", "Utils")
BANNED_WORDS = {"qty", "volume", "amount", "quantity"}
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:ro" + r"ot|ho" + r"me/\w+|wo" + r"rk|Us" + r"ers/\w+)/")


def tracked() -> list[Path]:
    """Files under version control and new ones not ignored; without git, every file that is not a build product."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        listed = ""
    paths = [ROOT / name for name in listed.split("\0") if name] or [
        path for path in ROOT.rglob("*") if not any(PRODUCTS.match(part) for part in path.relative_to(ROOT).parts)
    ]
    return sorted(path for path in paths if path.is_file())


FILES = tracked()
SOURCES = [path for path in FILES if path.suffix in {".py", ".rs"} and path.relative_to(ROOT).parts[0] in CODE]


def is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:8192]


def python_functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def rust_functions(text: str) -> Iterator[tuple[str, int, int, int]]:
    """Yield name, first line, lines and parameters of each Rust function, by counting brackets on formatted source."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        found = re.match(r"^(\s*)(?:pub(?:\([\w ]+\))? )?(?:const |unsafe |async |extern \"C\" )*fn (\w+)", line)
        if not found:
            continue
        signature_end = next(
            (k for k in range(start, len(lines)) if lines[k].rstrip().endswith(("{", ";", "}"))), start
        )
        end = signature_end
        if lines[signature_end].rstrip().endswith("{"):
            closing = (k for k in range(signature_end, len(lines)) if lines[k].startswith(found[1] + "}"))
            end = next(closing, len(lines) - 1)
        head = re.search(r"\((.*?)\)\s*(?:->|where|\{|;|$)", " ".join(lines[start : end + 1]))
        parameters = re.findall(r"(\w+): ", re.sub(r"<[^<>]*>|\([^()]*\)", "", head[1])) if head else []
        yield found[2], start + 1, end - start + 1, len(parameters)


def long_modules(name: str, text: str) -> list[str]:
    lines = len(text.splitlines())
    limit = MAX_LOOP_LINES if name.endswith(("engine/loop.py", "run/main_loop.rs")) else MAX_MODULE_LINES
    return [f"{name}: {lines} lines, at most {limit}"] if lines > limit else []


def long_functions(name: str, text: str) -> list[str]:
    if name.endswith(".rs"):
        sizes = [(n, line, lines) for n, line, lines, _ in rust_functions(text)]
    else:
        sizes = [(f.name, f.lineno, (f.end_lineno or f.lineno) - f.lineno + 1) for f in python_functions(text)]
    return [
        f"{name}:{line} {function}: {lines} lines, at most {MAX_FUNCTION_LINES}"
        for function, line, lines in sizes
        if lines > MAX_FUNCTION_LINES
    ]


def many_parameters(name: str, text: str) -> list[str]:
    if name.endswith(".rs"):
        counts = [(n, line, parameters) for n, line, _, parameters in rust_functions(text)]
    else:
        counts = []
        for f in python_functions(text):
            names = [a.arg for a in [*f.args.posonlyargs, *f.args.args]]
            counts.append((f.name, f.lineno, len(names) - (names[:1] in (["self"], ["cls"]))))
    return [
        f"{name}:{line} {function}: {count} positional parameters, at most {MAX_POSITIONAL}"
        for function, line, count in counts
        if count > MAX_POSITIONAL
    ]


def unfinished_work(name: str, text: str) -> list[str]:
    return [f"{name}:{k}: {line.strip()}" for k, line in enumerate(text.splitlines(), 1) if UNFINISHED.search(line)]


def machine_paths(name: str, text: str) -> list[str]:
    return [f"{name}:{k}: {line.strip()}" for k, line in enumerate(text.splitlines(), 1) if MACHINE_PATHS.search(line)]


def ragged_text(name: str, text: str) -> list[str]:
    complaints = [f"{name}:{k}: ends in a space" for k, line in enumerate(text.split("\n"), 1) if line != line.rstrip()]
    complaints += [f"{name}:{k}: a merge's mark" for k, s in enumerate(text.split("\n"), 1) if s.startswith("<<<<<<< ")]
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        complaints.append(f"{name}: does not end in one newline")
    return complaints


def banned_names(name: str, text: str) -> list[str]:
    """Complain about vague modules and classes, and about other words for `size` in names of our own."""
    stem = Path(name).stem
    complaints = [f"{name}: a module's name says what is in it"] if stem in BANNED_MODULES else []
    if name.endswith(".rs"):
        return complaints
    for node in ast.walk(ast.parse(text)):
        words: list[str] = []
        if isinstance(node, ast.ClassDef):
            if node.name.endswith(BANNED_CLASS_ENDINGS):
                complaints.append(f"{name}:{node.lineno}: class {node.name} says nothing of what it does")
            words = [node.name]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            words = [node.name]
        elif isinstance(node, ast.arg):
            words = [node.arg]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            words = [node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            words = [node.attr]
        complaints += [
            f"{name}:{getattr(node, 'lineno', 0)}: {word}: say size"
            for word in words
            if BANNED_WORDS & set(word.lower().split("_"))
        ]
    return complaints


def imported_parts(package: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name below `lob_backtest` of each import of it, relative imports included.

    Args:
        package: the dotted package of the module, e.g. ``"lob_backtest.engine"``.
        text: the module's source.
    """
    for node in ast.walk(ast.parse(text)):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            targets = [f"{base}.{alias.name}" for alias in node.names]
        for target in targets:
            if target == "lob_backtest" or target.startswith("lob_backtest."):
                yield node.lineno, target.removeprefix("lob_backtest").removeprefix(".")


def part_of(name: str) -> str:
    """Name the part of the package that a file belongs to: ``lob_backtest/data/reader.py`` is ``data``."""
    pieces = Path(name).with_suffix("").parts
    return pieces[0] if pieces[0] == "strategies" else pieces[1]


def wrong_way_imports(name: str, text: str) -> list[str]:
    if not name.startswith(("lob_backtest/", "strategies/")) or name == "lob_backtest/__init__.py":
        return []
    part = part_of(name)
    if part not in ALLOWED:
        return [f"{name}: add the part {part!r} to ALLOWED in tests/house/test_tidy.py, with what it may import"]
    allowed = ALLOWED[part]
    package = ".".join(Path(name).parent.parts)
    complaints = []
    for line, target in imported_parts(package, text):
        first = target.split(".")[0]
        public = part == "strategies" and first not in ALLOWED  # lob_backtest.MS and the like
        if (
            not {"*", first} & allowed
            and first != part
            and not any(target.startswith(a) for a in allowed if "." in a)
            and not public
        ):
            complaints.append(f"{name}:{line}: {part} must not import {first or 'lob_backtest'}")
    return complaints


RULES: list[Callable[[str, str], list[str]]] = [
    long_modules,
    long_functions,
    many_parameters,
    banned_names,
    unfinished_work,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_source_breaks_the_rule(rule: Callable[[str, str], list[str]]) -> None:
    complaints = [c for path in SOURCES for c in rule(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))]
    assert not complaints, "\n".join(complaints)


def test_imports_go_one_way() -> None:
    python = [path for path in SOURCES if path.suffix == ".py"]
    complaints = [c for p in python for c in wrong_way_imports(p.relative_to(ROOT).as_posix(), p.read_text("utf-8"))]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("rule", [machine_paths, ragged_text], ids=lambda rule: rule.__name__)
def test_no_text_file_breaks_the_rule(rule: Callable[[str, str], list[str]]) -> None:
    own = [path for path in FILES if path.name != "LICENSE" and path.suffix not in {".csv", ".html"} and is_text(path)]
    complaints = [c for path in own for c in rule(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))]
    assert not complaints, "\n".join(complaints)


def test_no_file_is_large() -> None:
    large = [f"{p.relative_to(ROOT)}: {p.stat().st_size}" for p in FILES if p.stat().st_size > MAX_FILE_BYTES]
    assert not large, f"at most {MAX_FILE_BYTES} bytes: {large}"


def test_the_package_list_names_every_folder() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = {".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "lob_backtest").rglob("__init__.py")}
    assert set(settings["packages"]) == folders | {"lob_backtest.strategies"}
    assert settings["package-dir"] == {"lob_backtest.strategies": "strategies"}


def undeclared_imports(name: str, text: str) -> list[str]:
    """Complain about imports in the package of libraries that an installation of it does not bring."""
    if not name.startswith(("lob_backtest/", "strategies/")):
        return []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["databento"]]
    known = {re.split(r"[^\w-]", each)[0].replace("-", "_") for each in wanted} | {
        "lob_backtest",
        *sys.stdlib_module_names,
    }
    if name.endswith("pytest_plugin.py"):
        known.add("pytest")  # which is what imports it
    complaints = []
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        complaints += [
            f"{name}: {each} is not among the dependencies" for each in names if each.split(".")[0] not in known
        ]
    return complaints


def test_every_library_is_declared() -> None:
    python = [path for path in SOURCES if path.suffix == ".py"]
    complaints = [c for p in python for c in undeclared_imports(p.relative_to(ROOT).as_posix(), p.read_text("utf-8"))]
    assert not complaints, "\n".join(complaints)


def test_the_package_data_names_every_other_file() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    named = {
        p for package, globs in patterns.items() for g in globs for p in (ROOT / package.replace(".", "/")).glob(g)
    }
    other = {p for p in FILES if p.is_relative_to(ROOT / "lob_backtest") and p.suffix != ".py"}
    assert other <= named


LONG_RUST = "fn long(a: i64, b: i64) -> i64 {\n" + "    a;\n" * 70 + "}\n"

BROKEN = [
    (long_modules, "lob_backtest/a.py", "x = 1\n" * 501),
    (long_modules, "lob_backtest/engine/loop.py", "x = 1\n" * 151),
    (long_modules, "kernel/src/run/main_loop.rs", "mod x;\n" * 151),
    (long_functions, "lob_backtest/a.py", "def f():\n" + "    pass\n" * 60),
    (long_functions, "kernel/src/a.rs", LONG_RUST),
    (many_parameters, "lob_backtest/a.py", "class A:\n    def f(self, a, b, c, d, e, f, g): ...\n"),
    (many_parameters, "kernel/src/a.rs", "pub fn f(a: u8, b: u8, c: u8,\n d: u8, e: u8, f: u8, g: u8) {\n}\n"),
    (banned_names, "lob_backtest/data/utils.py", ""),
    (banned_names, "lob_backtest/a.py", "class OrderManager: ...\n"),
    (banned_names, "lob_backtest/a.py", "def f(order_qty): ...\n"),
    (banned_names, "lob_backtest/a.py", "self.volume = 1\n"),
    (unfinished_work, "lob_backtest/a.py", "# TO" + "DO: later\n"),
    (machine_paths, "docs/a.md", "see /ro" + "ot/notes\n"),
    (ragged_text, "docs/a.md", "text \n"),
    (ragged_text, "docs/a.md", "no newline"),
    (wrong_way_imports, "lob_backtest/engine/book.py", "from lob_backtest.data.reader import read\n"),
    (wrong_way_imports, "lob_backtest/engine/book.py", "from lob_backtest import report\n"),
    (wrong_way_imports, "lob_backtest/report/show/page.py", "def f():\n    import lob_backtest.engine.loop\n"),
    (wrong_way_imports, "lob_backtest/data/reader.py", "from ..cli import main\n"),
    (wrong_way_imports, "lob_backtest/strategy/api.py", "from ..engine import loop\n"),
    (wrong_way_imports, "lob_backtest/novelty.py", "import lob_backtest.errors\n"),
    (wrong_way_imports, "strategies/a.py", "from lob_backtest.engine import loop\n"),
    (undeclared_imports, "lob_backtest/a.py", "def f():\n    from scipy.stats import norm\n"),
]


@pytest.mark.parametrize(("rule", "name", "text"), BROKEN, ids=[f"{r.__name__}-{n}" for r, n, _ in BROKEN])
def test_a_rule_complains_when_it_is_broken(rule: Callable[[str, str], list[str]], name: str, text: str) -> None:
    assert rule(name, text)


FINE = [
    (long_functions, "lob_backtest/a.py", "def f():\n" + "    pass\n" * 59),
    (long_functions, "kernel/src/a.rs", "fn a() {}\n" * 70),
    (many_parameters, "lob_backtest/a.py", "def f(a, b, c, d, e, f, *, g, h): ...\n"),
    (many_parameters, "kernel/src/a.rs", "fn f(&mut self, a: Vec<(u8, u8)>, b: u8) -> u8 {\n}\n"),
    (wrong_way_imports, "lob_backtest/engine/book.py", "from lob_backtest.contract.rows import Action\n"),
    (wrong_way_imports, "strategies/a.py", "import lob_backtest as lob\nfrom lob_backtest import MS, Strategy\n"),
    (banned_names, "lob_backtest/a.py", "size_lots = feed.volume\n"),
]


@pytest.mark.parametrize(("rule", "name", "text"), FINE, ids=[f"{r.__name__}-{n}" for r, n, _ in FINE])
def test_a_rule_is_silent_when_it_is_kept(rule: Callable[[str, str], list[str]], name: str, text: str) -> None:
    assert not rule(name, text)
