"""The strategy objects of a run: those that are given, or those that the config names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from lob_backtest.config.model import RunConfig
from lob_backtest.config.parts import AgentPart
from lob_backtest.errors import ConfigError, StrategyError, text_of
from lob_backtest.process.interrupts import uninterrupted
from lob_backtest.strategy.api import Strategy
from lob_backtest.strategy.loader import load_strategy
from lob_backtest.strategy.module import forget

Given: TypeAlias = Strategy | type[Strategy]
Strategies: TypeAlias = Given | Sequence[Given] | None


@contextmanager
def strategies_of(config: RunConfig, given: Strategies) -> Iterator[tuple[RunConfig, list[Strategy]]]:
    """Yield the strategy objects of a run and its config, with an `[[agent]]` for each of several that are given.

    Modules that are loaded from files are forgotten at the end.

    Args:
        config: the run's.
        given: to `lob_backtest.run`.

    Raises:
        ConfigError: there is none, a parameter is wrong, an instance has run before, or as many are given as the config
            does not have agents.
        StrategyError: the `__init__` of one raised.
    """
    loaded: list[str] = []
    try:
        config, parts = _matched(config, given)
        agents = []
        for i, (part, each) in enumerate(zip(config.agents, parts, strict=True)):
            key = f"agent.{i}" if config.agent else "strategy"
            where = f"{key}: " if len(config.agents) > 1 else ""
            agents.append(_made(part, each, key, where, loaded))
        _use(agents)
        yield (config if given is None else _without_classes(config)), agents
    finally:
        _forget(loaded)


@uninterrupted
def _forget(modules: Sequence[str]) -> None:
    for module in modules:
        forget(module)


def agent_names(config: RunConfig, agents: Sequence[Strategy]) -> list[str]:
    """Return the name of each agent: of the config, else of its class, with a number where that occurs before.

    Args:
        config: the run's.
        agents: the strategy objects.
    """
    names: list[str] = []
    taken = {part.name for part in config.agents if part.name is not None}
    numbers: dict[str, int] = {}
    for part, agent in zip(config.agents, agents, strict=True):
        cls = type(agent).__name__
        name = part.name or cls
        while part.name is None and name in taken:
            numbers[cls] = numbers.get(cls, 1) + 1
            name = f"{cls}-{numbers[cls]}"
        taken.add(name)
        names.append(name)
    return names


def _matched(config: RunConfig, given: Strategies) -> tuple[RunConfig, list[Given | None]]:
    """Return the config with a part for each strategy, and what is given for each part."""
    if given is None:
        return config, [None] * len(config.agents)
    if isinstance(given, Strategy | type) or not isinstance(given, Sequence) or isinstance(given, str | bytes):
        if len(config.agents) > 1:
            raise ConfigError(f"strategy: one is given, but the config has {len(config.agents)} agents; give a list")
        return config, [given]
    if not given:
        raise ConfigError("strategy: an empty list; expected at least one strategy")
    if not config.agent:
        config = _with_agents(config, len(given))
    elif len(config.agent) != len(given):
        raise ConfigError(f"strategy: {len(given)} are given, but the config has {len(config.agent)} agents")
    return config, list(given)


def _with_agents(config: RunConfig, count: int) -> RunConfig:
    if config.strategy.class_ is not None or config.strategy.params:
        raise ConfigError("strategy: given, and so is [strategy] in the config; a list of strategies needs [[agent]]")
    return config.with_agents(count)


def _without_classes(config: RunConfig) -> RunConfig:
    """Return a copy that names no classes: others have been given."""
    agents = tuple(part.model_copy(update={"class_": None}) for part in config.agent)
    strategy = config.strategy.model_copy(update={"class_": None})
    return config.model_copy(update={"agent": agents, "strategy": strategy})


def _made(part: AgentPart, given: Given | None, key: str, where: str, loaded: list[str]) -> Strategy:
    """Return the strategy object of one part of the config; note the module that it was loaded from.

    Args:
        part: of the config.
        given: to `lob_backtest.run`, if it was.
        key: of the part.
        where: put before what its class raises: the key, if there are several agents.
        loaded: takes the module's name.
    """
    if given is None:
        if part.class_ is None:
            raise ConfigError(
                f"{key}.class: missing; name a strategy, as in 'strategies/fixed_spread.py:FixedSpread', or give "
                "lob_backtest.run a class"
            )
        cls = load_strategy(part.class_)
        loaded.append(cls.__module__)
        return _instance(cls, part.params, where)
    if isinstance(given, type) and issubclass(given, Strategy):
        return _instance(given, part.params, where)
    if not isinstance(given, Strategy):
        raise ConfigError(
            f"strategy: expected a Strategy or a subclass of it, got {given!r}; the data or the config come first, "
            "then the strategy"
        )
    if part.params:
        raise ConfigError(f"{key}.params: given, but so is a strategy object; set the parameters on one of them")
    return given


def _use(agents: Sequence[Strategy]) -> None:
    """See that no instance has run before, or is there twice, and mark all of them."""
    seen: set[int] = set()
    for agent in agents:
        if agent._used or id(agent) in seen:
            raise ConfigError(f"{type(agent).__name__}: this instance has run already; make a new one for each run")
        seen.add(id(agent))
    for agent in agents:
        agent._used = True


def _instance(cls: type[Strategy], params: dict[str, Any], where: str) -> Strategy:
    try:
        made = cls(**params)
    except KeyboardInterrupt:
        raise
    except ConfigError as error:
        if not where:
            raise
        raise ConfigError(f"{where}{error}") from error
    except BaseException as error:
        what = f"{type(error).__name__}: {text_of(error)}"
        raise StrategyError(f"{where}{cls.__name__}.__init__(): raised {what}") from error
    if not isinstance(made, Strategy):
        raise StrategyError(f"{where}{cls.__name__}.__new__(): returned no Strategy")
    return made
