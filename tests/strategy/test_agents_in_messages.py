"""With several agents, a message or a line of the log names the agent that it is about; with one it does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.errors import StrategyError

NOW = r"2024-07-19T[\d:.]+Z"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=2_000)
    return str(path)


class Says(lob.Strategy):
    """Writes a line, then does what its parameter says."""

    then: str = "nothing"

    def on_start(self, ctx: lob.Context) -> None:
        ctx.log(f"{self.then}\nand more")
        ctx.at(ctx.now_ns)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        if self.then == "raise":
            raise ValueError("no")
        if self.then == "loop":
            ctx.at(ctx.now_ns)
        while self.then == "stall":
            pass


def config(market: str, names: list[str] | None = None) -> dict[str, Any]:
    named = {"agent": [{"name": name} for name in names]} if names else {}
    return {"instrument": [{"data": [market]}], **named}


def failure(market: str, engine: str, agents: Any, names: list[str] | None = None, **how: Any) -> str:
    with pytest.raises(StrategyError) as caught:
        lob.run(config(market, names), agents, engine=engine, **how)
    assert caught.value.result.status == "partial"
    return str(caught.value)


def test_an_error_names_its_agent_and_says_that_all_ended(engine: str, market: str) -> None:
    text = failure(market, engine, [Says(), Says(then="raise")], ["calm", "wild"])
    start, end = r"agent wild: Says\.on_timer\(1\) at ", r" \(.*, line \d+\); this ended the run of all agents"
    assert re.fullmatch(start + NOW + ": raised ValueError: no" + end, text)


def test_agents_without_a_name_have_that_of_the_result(engine: str, market: str) -> None:
    text = failure(market, engine, [Says(), Says(then="raise")])
    assert text.startswith("agent Says-2: Says.on_timer(1) at ")


@pytest.mark.parametrize("names", [None, ["alone"]])
def test_an_error_of_a_single_agent_names_only_the_callback(engine: str, market: str, names: list[str] | None) -> None:
    text = failure(market, engine, [Says(then="raise")], names)
    assert re.fullmatch(r"Says\.on_timer\(1\) at " + NOW + r": raised ValueError: no \(.*, line \d+\)", text)


def test_a_limit_names_its_agent(engine: str, market: str) -> None:
    text = failure(market, engine, [Says(), Says(then="loop")], ["calm", "wild"])
    assert re.match(r"agent wild: Says\.on_timer\(\d+\) at " + NOW + ": wild: more than 10,000 timers", text)


def test_a_callback_that_takes_too_long_names_its_agent(engine: str, market: str) -> None:
    text = failure(market, engine, [Says(), Says(then="stall")], ["calm", "wild"], callback_timeout="50ms")
    assert re.match(r"agent wild: Says\.on_timer\(1\) at " + NOW + ": took longer than 50ms", text)


@pytest.mark.parametrize("saved", [False, True])
def test_lines_of_the_log_name_their_agent(
    engine: str, market: str, saved: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "result" if saved else None
    lob.run(config(market, ["a", "b"]), [Says(then="x"), Says(then="y")], engine=engine, out=out)
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(NOW, "NOW", line) for line in lines] == ["NOW a: x", "and more", "NOW b: y", "and more"]


def test_lines_of_the_log_of_a_single_agent_have_no_name(
    engine: str, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lob.run(config(market, ["a"]), [Says(then="x")], engine=engine)
    assert [re.sub(NOW, "NOW", line) for line in capsys.readouterr().err.splitlines()] == ["NOW x", "and more"]


class Breaks(lob.Strategy):
    """Cannot be made."""

    def __init__(self) -> None:
        raise ValueError("no")


def test_a_strategy_that_cannot_be_made_is_named_by_its_key(market: str) -> None:
    with pytest.raises(lob.ConfigError, match=r"^agent\.1: Says has no parameter 'them'"):
        lob.run({**config(market), "agent": [{}, {"params": {"them": 1}}]}, [Says, Says])
    with pytest.raises(StrategyError, match=r"^agent\.1: Breaks\.__init__\(\): raised ValueError: no$"):
        lob.run(config(market), [Says, Breaks])
    with pytest.raises(StrategyError, match=r"^Breaks\.__init__\(\): raised ValueError: no$"):
        lob.run(config(market), Breaks)
