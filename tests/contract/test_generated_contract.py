"""The kernel's half of the contract is what the generator writes from the Python half."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import order_terms
import pytest
import rust_text

from lob_backtest.contract.tables import Liquidity, TimeInForce
from lob_backtest.contract.terms import written_names
from lob_backtest.engine.client import arguments

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


def test_a_type_that_the_kernel_cannot_hold_is_no_type_of_its_own() -> None:
    assert rust_text.rust_type("int | None") == "Option<i64>"
    assert rust_text.rust_type("tuple[int, ...]") == "Vec<i64>"
    assert rust_text.rust_type("tuple[InstrumentPlan, ...]") == "Vec<InstrumentPlan>"
    assert rust_text.rust_type("dict[int, IssuePolicy]") == "[IssuePolicy; Issue::ALL.len()]"


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
def test_a_default_of_a_term_is_written_as_its_type(default: object, written: str) -> None:
    assert rust_text.constant(default) == written


@pytest.mark.parametrize("default", [1.0, "x", ()])
def test_a_default_without_a_constant_is_refused_by_value(default: object) -> None:
    with pytest.raises(TypeError, match="has no constant in Rust") as caught:
        rust_text.constant(default)
    assert repr(default) in str(caught.value)


class MoreTerms(NamedTuple):
    """Terms with an option of each kind."""

    side: int
    price_ticks: int | None
    tif: TimeInForce = TimeInForce.GTC
    count: int = 0
    display_lots: int | None = None
    liquidity: Liquidity | None = None

    @classmethod
    def kinds(cls) -> dict[str, str]:
        return {name: hint.__forward_arg__ for name, hint in cls.__annotations__.items()}


def test_options_that_may_be_missing_are_read_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_terms, "Terms", MoreTerms)
    text = "".join(order_terms.order_terms())
    assert '"display_lots" if given.is_none() => ()' in text
    assert (
        '"display_lots" => match whole_number(given)? {\n            Some(value) => options.terms.display_lots = Some('
        in text
    )
    assert '"count" => match whole_number(given)? {\n            Some(value) => options.terms.count = value' in text
    assert '"liquidity" => match liquidity(given) {\n            Some(value) => options.terms.liquidity = Some(' in text
    assert 'Ok("taker") => Some(Liquidity::Taker)' in text
    assert "terms.liquidity.map(|each| types.member(py, 0, each as usize)).into_bound_py_any(py)?" in text
    assert "types.member(py, 1, terms.tif as usize)" in text


def test_names_of_members_are_written_small_but_times_in_force() -> None:
    assert list(written_names(TimeInForce))[:3] == ["GTC", "IOC", "FOK"]
    assert list(written_names(Liquidity)) == ["maker", "taker"]


def test_a_reader_of_an_option_follows_its_annotation() -> None:
    read = arguments.reader_of("Liquidity | None")
    assert read("taker") is Liquidity.TAKER
    assert read("TAKER") is read(1) is read(["taker"]) is None
    read = arguments.reader_of("int | None")
    assert (read(5), read(5.0), read(1 << 70)) == (5, 5, 1 << 62)
    assert read(0.5) is read("5") is read(True) is read(float("nan")) is None
