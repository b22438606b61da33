"""Strategy files share no module with each other, and replace none of anybody else's."""

from __future__ import annotations

import importlib
import inspect
import pickle
import re
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.errors import StrategyError
from lob_backtest.strategy.loader import load_strategy
from lob_backtest.strategy.module import LIBRARIES, PREFIX, forget

ROOT = Path(__file__).resolve().parents[2]
NAMES = re.findall(
    r"\w+",
    """
    json re random typing numpy pyarrow logging threading pandas decimal jinja2 plotly struct hashlib numbers secrets
    time math queue click rich signal statistics select strategy config lob_backtest pydantic tomllib traceback
    builtins sys os importlib io abc collections dataclasses enum types __main__ __init__ helper errors units S
""",
)

SIMPLE = """
import lob_backtest as lob

class S(lob.Strategy):
    def on_start(self, ctx):
        import helper
        ctx.record("v", helper.VALUE)
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=1_500)
    return str(path)


def write(folder: Path, **files: str) -> Path:
    """Write modules; a name with `__` for the separator of folders."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def recorded(market: str, strategy: str, **options: Any) -> list[float]:
    values = lob.run({"instrument": [{"data": [market]}], "strategy": {"class": strategy}}, **options).series("v")
    return [float(value) for value in values["value"]]


@pytest.mark.parametrize("late", [False, True])
def test_each_strategy_gets_the_helper_beside_it(late: bool, market: str, tmp_path: Path) -> None:
    early = SIMPLE.replace("        import helper\n", "").replace("import lob_", "import helper\nimport lob_")
    for name, value in (("a", 1), ("b", 2)):
        write(tmp_path / name, strat=SIMPLE if late else early, helper=f"VALUE = {value}\n")
    found = [recorded(market, f"{tmp_path / name}/strat.py:S") for name in "aba"]
    assert found == [[1.0], [2.0], [1.0]]


def test_the_helper_of_one_is_not_found_by_another(market: str, tmp_path: Path) -> None:
    write(tmp_path / "a", strat=SIMPLE, helper="VALUE = 1\n")
    write(tmp_path / "b", strat=SIMPLE)
    recorded(market, f"{tmp_path}/a/strat.py:S")
    with pytest.raises(StrategyError, match="No module named 'helper'"):
        recorded(market, f"{tmp_path}/b/strat.py:S")


def test_runs_in_threads_get_their_own_helpers(market: str, tmp_path: Path) -> None:
    for value in range(4):
        write(tmp_path / str(value), strat=SIMPLE, helper=f"import time\ntime.sleep(0.01)\nVALUE = {value}\n")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: recorded(market, f"{tmp_path / str(n % 4)}/strat.py:S"), range(8)))
    assert found == [[float(n % 4)] for n in range(8)]


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_named_as_a_module_replaces_none(name: str, market: str, tmp_path: Path) -> None:
    before = dict(sys.modules)
    text = "import json, random, math, logging, numpy, typing, dataclasses\n" + SIMPLE.replace("import helper", "")
    write(tmp_path, **{name.replace("__", "_double_"): text.replace("helper.VALUE", "math.floor(numpy.float64(3.5))")})
    (tmp_path / f"{name.replace('__', '_double_')}.py").rename(tmp_path / f"{name}.py")
    assert recorded(market, f"{tmp_path / name}.py:S") == [3.0]
    after = sys.modules
    assert {key for key in before if after.get(key) is not before[key]} == set()
    assert not [key for key in after if key.startswith(PREFIX)]
    assert str(tmp_path) not in sys.path
    assert not (tmp_path / "__pycache__").exists()


def test_the_class_in_the_result_is_named_by_the_file_alone(market: str, tmp_path: Path) -> None:
    write(tmp_path, strat=SIMPLE, helper="VALUE = 1\n")
    cls = load_strategy(f"{tmp_path}/strat.py:S")
    config = {"instrument": [{"data": [market]}]}
    assert lob.run(config, cls).info.config["strategy"]["class"] == "strat:S"
    named = f"{tmp_path}/strat.py:S"
    assert lob.run({**config, "strategy": {"class": named}}).info.config["strategy"]["class"] == named


def test_a_file_that_has_changed_is_loaded_anew_with_what_is_beside_it(market: str, tmp_path: Path) -> None:
    write(tmp_path, strat=SIMPLE, helper="VALUE = 1\n")
    first = recorded(market, f"{tmp_path}/strat.py:S")
    write(tmp_path, strat=SIMPLE.replace("VALUE)", "VALUE + 5)"), helper="VALUE = 2\n")
    assert (first, recorded(market, f"{tmp_path}/strat.py:S")) == ([1.0], [7.0])
    write(tmp_path, helper="VALUE = 3\n")  # within a second, and of the same size
    assert recorded(market, f"{tmp_path}/strat.py:S") == [8.0]


MANY_WAYS = """
from __future__ import annotations
import dataclasses, typing
import lob_backtest as lob
import helper
import pack.deep.leaf
import pack.deep.leaf as leaf
import space.inner
from helper import VALUE
from pack import deep
from pack.deep import leaf as same
from . import helper as relative
from .pack.deep.leaf import LEAF
import importlib
import strat

@dataclasses.dataclass
class Point:
    x: int
    y: typing.ClassVar[int] = 3

class S(lob.Strategy):
    size: int = 2
    def on_start(self, ctx):
        assert helper is relative and leaf is same is pack.deep.leaf and deep is pack.deep
        assert importlib.import_module(".helper", __package__) is helper
        assert __import__("helper") is helper
        assert strat.S is S
        assert helper.BACK is S
        ctx.record("v", VALUE + LEAF + pack.TOP + space.inner.INNER)
"""


def test_every_form_of_import_finds_the_modules_beside(market: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        strat=MANY_WAYS,
        helper="VALUE = 1\ndef __getattr__(name):\n    import strat\n    return strat.S\n",
        pack__deep__leaf="import helper\nfrom ... import helper as same\nLEAF = 10 * helper.VALUE\n",
        space__inner="INNER = 1000\n",
    )
    (tmp_path / "pack" / "__init__.py").write_text("import pack.deep\nTOP = 100\n")
    (tmp_path / "pack" / "deep" / "__init__.py").write_text("")
    assert recorded(market, f"{tmp_path}/strat.py:S") == [1111.0]


def test_a_class_is_found_by_its_module_s_name(tmp_path: Path) -> None:
    write(tmp_path, strat=MANY_WAYS.partition("class S")[0] + "class S(lob.Strategy):\n    pass\n", helper="VALUE = 1")
    write(tmp_path, pack__deep__leaf="LEAF = 1", space__inner="")
    for name in ("pack", "pack/deep"):
        (tmp_path / name / "__init__.py").write_text("")
    cls = load_strategy(f"{tmp_path}/strat.py:S")
    module: Any = sys.modules[cls.__module__]
    assert module.S is cls
    assert pickle.loads(pickle.dumps(module.Point(4))) == module.Point(4)
    assert type(pickle.loads(pickle.dumps(cls()))) is cls
    assert inspect.getmodule(cls) is module
    assert inspect.getsource(cls).startswith("class S(lob.Strategy)")
    assert Path(inspect.getfile(cls)) == tmp_path / "strat.py"
    forget(cls.__module__)
    assert cls.__module__ not in sys.modules


def test_a_module_that_is_in_a_library_s_name_gets_the_library(market: str, tmp_path: Path) -> None:
    write(tmp_path, hypothesis="import hypothesis\nfrom hypothesis import given\n" + SIMPLE, helper="VALUE = 1")
    assert recorded(market, f"{tmp_path}/hypothesis.py:S") == [1.0]
    (tmp_path / "hypothesis.py").unlink()
    (tmp_path / "hypothesis").mkdir()  # a folder of data, no package
    write(tmp_path, strat="from hypothesis import given\n" + SIMPLE)
    assert recorded(market, f"{tmp_path}/strat.py:S") == [1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise GeneratorExit\n", r"strat\.py: GeneratorExit when it was imported"),
        ("", r"name the class, as in .*; strategies there: none"),
        ("import lob_backtest as lob\nclass S(lob.Strategy):\n    size: int\n", "parameter 'size' has no default"),
    ],
)
def test_a_file_that_gives_no_strategy_leaves_nothing_behind(
    text: str, message: str, market: str, tmp_path: Path
) -> None:
    write(tmp_path, strat=f"import helper\n{text}", helper="")
    before = list(sys.modules)
    with pytest.raises(lob.LobBacktestError, match=message):
        recorded(market, f"{tmp_path}/strat.py")
    assert [name for name in sys.modules if name.startswith(PREFIX) and name not in before] == []


def test_two_loads_are_two_classes_with_state_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, strat="import helper\nimport lob_backtest as lob\nclass S(lob.Strategy):\n    h = helper\n")
    write(tmp_path, helper="SEEN = []\n")
    one, two = (load_strategy(f"{tmp_path}/strat.py") for _ in range(2))
    assert one is not two
    one.h.SEEN.append(1)  # type: ignore[attr-defined]
    assert two.h.SEEN == []  # type: ignore[attr-defined]


def test_the_libraries_are_those_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {re.split(r"[^\w-]", each)[0].replace("-", "_") for each in project["dependencies"]}
    assert needed | {"lob_backtest"} == LIBRARIES
    assert all(importlib.util.find_spec(name) for name in LIBRARIES)
