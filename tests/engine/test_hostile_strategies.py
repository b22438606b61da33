"""Whatever a strategy raises or changes, a run ends in one message, and what there was until then is kept."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import hostile_strategies as hostile
import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.errors import StrategyError

CALLBACKS = [name for name in vars(lob.Strategy) if name.startswith("on_")]
HARMLESS = [hostile.ChangesSettings, hostile.ChangesFolder, hostile.ChangesParameters, hostile.ReturnsJunk]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=3_000)
    return path


def config(market: Path) -> dict[str, Any]:
    return {"instrument": [{"data": [str(market)]}], "latency": {"entry": "1ms", "response": "1ms"}}


def fails(market: Path, strategy: lob.Strategy, engine: str, folder: Path | None = None) -> StrategyError:
    """Run, and see that a partial result is in the error, and on disk if there is a folder."""
    with pytest.raises(StrategyError) as caught:
        lob.run(config(market), strategy, engine=engine, out=folder / "out" if folder else None)
    assert caught.value.result is not None
    assert caught.value.result.status == "partial"
    assert folder is None or lob.Result.load(folder / "out").digest == caught.value.result.digest
    return caught.value


@pytest.mark.parametrize("what", hostile.RAISED)
def test_whatever_a_callback_raises_leaves_a_partial_result(what: str, engine: str, market: Path) -> None:
    error = fails(market, hostile.Raises(what=what), engine)
    assert re.match(r"Raises\.on_book\(\) at 2024-07-19T[\d:.]+Z: raised [^\s:]+(: .+)? \(", str(error), re.DOTALL)
    assert str(error).endswith(f"hostile_strategies.py, line {line_of('raise RAISED')})")
    assert type(error.__cause__) is type(hostile.RAISED[what]())
    assert len(str(error)) < 11_000


def line_of(text: str) -> int:
    lines = Path(hostile.__file__).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize("where", CALLBACKS)
def test_every_callback_may_raise(where: str, engine: str, market: Path, tmp_path: Path) -> None:
    error = fails(market, hostile.Raises(what="text_exits", where=where), engine, tmp_path)
    assert str(error).startswith(f"Raises.{where}(")


@pytest.mark.parametrize("strategy", [hostile.Recurses, hostile.ForcesItsFills])
def test_what_is_told_of_a_callback_cannot_fail(
    strategy: type[lob.Strategy], engine: str, market: Path, tmp_path: Path
) -> None:
    fails(market, strategy(), engine, tmp_path)


@pytest.mark.parametrize("what", hostile.RAISED)
@pytest.mark.parametrize("where", ["import", "__init__"])
def test_whatever_is_raised_before_the_run_is_one_message(
    where: str, what: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import hostile_strategies as hostile, lob_backtest as lob\nclass S(lob.Strategy):\n    "
    raising = f"raise hostile.RAISED[{what!r}]()"
    text += f"pass\n{raising}\n" if where == "import" else f"def __init__(self):\n        {raising}\n"
    (tmp_path / "s.py").write_text(text)
    with pytest.raises(SystemExit) as stop:
        main(["run", "--data", str(market), "-s", f"{tmp_path}/s.py:S", "-o", str(tmp_path / "out")])
    out, err = capsys.readouterr()
    is_config = what == "config"
    assert (stop.value.code, out) == (2 if is_config else 4, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_that_comes_back_from_a_callback_does_not_touch_the_result(
    engine: str, market: Path, tmp_path: Path
) -> None:
    (tmp_path / "s.py").write_text(
        "import os\nfrom hostile_strategies import Trades\n"
        "class S(Trades):\n    _pid = 0\n    def on_stop(self, ctx):\n        self._pid = os.fork()\n"
        "        if self._pid:\n            _, status = os.waitpid(self._pid, 0)\n"
        "            ctx.record('child', os.waitstatus_to_exitcode(status))\n"
    )
    words = [
        "-m",
        "lob_backtest.cli",
        "run",
        "-d",
        str(market),
        "-s",
        f"{tmp_path}/s.py:S",
        "-o",
        str(tmp_path / "out"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    done = subprocess.run(
        [sys.executable, *words, "--engine", engine, "-q"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("that the strategy forked") == 1
    assert "Traceback" not in done.stderr
    assert lob.Result.load(tmp_path / "out").series("child")["value"].tolist() == [4.0]


def test_an_interrupt_that_a_strategy_raises_is_one(
    engine: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.py").write_text(
        "import lob_backtest as lob\nclass S(lob.Strategy):\n    def on_book(self, ctx): raise KeyboardInterrupt\n"
    )
    with pytest.raises(SystemExit) as stop:
        main(["run", "--data", str(market), "-s", f"{tmp_path}/s.py:S", "--engine", engine])
    assert stop.value.code == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("cls", HARMLESS)
def test_settings_that_a_strategy_changes_do_not_reach_the_result(
    cls: type[lob.Strategy], engine: str, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(market.parent)
    relative = config(Path(market.name))
    expected = lob.run(relative, hostile.Trades(), engine=engine)
    assert expected.summary["fills"] > 3
    here = os.path.relpath(tmp_path)
    result = lob.run(relative, cls(), engine=engine, out=Path(here) / "out")
    assert (result.digest, result.summary) == (expected.digest, expected.summary)
    assert result.info.inputs == expected.info.inputs
    saved = lob.Result.load(tmp_path / "out")
    assert saved.digest == expected.digest
    assert saved.info.config["strategy"]["params"]["size"] == 1
