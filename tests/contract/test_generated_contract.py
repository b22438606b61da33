"""The kernel's half of the contract is what the generator writes from the Python half."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from lob_backtest.contract.tables import TimeInForce

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_contract", ROOT / "scripts" / "generate_contract.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_up_to_date(generator: ModuleType) -> None:
    stale = [path.relative_to(ROOT) for path, text in generator.files().items() if path.read_text("utf-8") != text]
    assert not stale, f"run `make contract`: {stale}"


def test_generated_files_are_formatted(generator: ModuleType) -> None:
    if shutil.which("rustfmt") is None:
        pytest.skip("no rustfmt")
    for path in generator.files():
        done = subprocess.run(
            ["rustfmt", "--check", "--edition", "2021", "--config-path", ROOT / "kernel", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_each_field_of_the_plan_is_read(generator: ModuleType) -> None:
    reader = generator.files()[generator.READER]
    for cls in generator.PLANS:
        for name, _ in generator.fields(cls):
            assert f'getattr("{name}")' in reader


def test_a_type_that_the_kernel_cannot_hold_is_no_type_of_its_own(generator: ModuleType) -> None:
    assert generator.rust_type("int | None") == "Option<i64>"
    assert generator.rust_type("tuple[int, ...]") == "Vec<i64>"
    assert generator.rust_type("tuple[InstrumentPlan, ...]") == "Vec<InstrumentPlan>"
    assert generator.rust_type("dict[int, IssuePolicy]") == "[IssuePolicy; Issue::ALL.len()]"


@pytest.mark.parametrize(
    ("default", "written"),
    [
        (None, "None"),
        (False, "false"),
        (True, "true"),
        (0, "0"),
        (1, "1"),
        (-7, "-7"),
        ("", "Tag::EMPTY"),
        (TimeInForce.GTC, "TimeInForce::Gtc"),
    ],
)
def test_a_default_of_a_term_is_written_as_its_type(generator: ModuleType, default: object, written: str) -> None:
    assert generator.constant(default) == written


@pytest.mark.parametrize("default", [1.0, "x", ()])
def test_a_default_without_a_constant_is_refused_by_value(generator: ModuleType, default: object) -> None:
    with pytest.raises(TypeError, match="has no constant in Rust") as caught:
        generator.constant(default)
    assert repr(default) in str(caught.value)
