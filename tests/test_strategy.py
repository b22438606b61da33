"""Strategy classes: typed parameters, and what is refused before a run."""

from __future__ import annotations

import threading
from typing import Annotated, Any, ClassVar, Literal

import pytest
from annotated_types import Ge

import lob_backtest as lob
from lob_backtest.errors import ConfigError


class Quotes(lob.Strategy):
    """Has a parameter of every kind."""

    offset: int = 1
    gamma: float = 0.5
    both: bool = True
    name: str = "x"
    side: Literal["bid", "ask"] = "bid"
    every: lob.Duration = 5
    size: Annotated[int, Ge(1)] = 10
    shared: ClassVar[dict[str, int]] = {}
    _state: int = 0


class Wider(Quotes):
    """Inherits them and adds one."""

    extra: int


def test_parameters_are_the_public_annotated_attributes_of_the_class_and_its_bases() -> None:
    assert list(Quotes.parameters) == ["offset", "gamma", "both", "name", "side", "every", "size"]
    assert list(Wider.parameters) == [*Quotes.parameters, "extra"]
    assert Quotes(offset=3).values() == {
        "offset": 3,
        "gamma": 0.5,
        "both": True,
        "name": "x",
        "side": "bid",
        "every": 5,
        "size": 10,
    }


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("offset", "3", 3),
        ("gamma", 2, 2.0),
        ("gamma", "0.25", 0.25),
        ("both", "false", False),
        ("side", "ask", "ask"),
        ("every", "100ms", 100_000_000),
        ("every", 7, 7),
    ],
)
def test_values_are_checked_and_text_is_read(name: str, given: Any, value: Any) -> None:
    strategy = Quotes(**{name: given})
    assert getattr(strategy, name) == value
    assert type(getattr(strategy, name)) is type(value)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("offset", 1.5),
        ("offset", True),
        ("offset", "much"),
        ("gamma", "much"),
        ("both", 1),
        ("name", 5),
        ("side", "mid"),
        ("every", "soon"),
        ("size", 0),
    ],
)
def test_values_of_another_kind_or_out_of_range_are_refused(name: str, given: Any) -> None:
    with pytest.raises(ConfigError, match=f"Quotes: parameter {name} = "):
        Quotes(**{name: given})


def test_unknown_and_missing_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Quotes has no parameter .ofset.\. Did you mean .offset."):
        Quotes(ofset=1)
    with pytest.raises(ConfigError, match="Wider: parameter 'extra' has no default and was not given"):
        Wider()


def test_a_parameter_of_another_type_is_refused_with_the_class() -> None:
    with pytest.raises(ConfigError, match=r"Lists.sizes: .* is no type of a parameter; use int, float"):

        class Lists(lob.Strategy):
            sizes: list[int] = []  # noqa: RUF012


@pytest.mark.parametrize(
    ("name", "hint"), [("on_boook", "did you mean 'on_book'?"), ("on_quit", "callbacks are on_start")]
)
def test_a_method_with_almost_a_callback_s_name_is_refused_with_the_class(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        type("Misspelt", (lob.Strategy,), {name: lambda self, ctx: None})
    assert f"Misspelt.{name} is no callback and would never be called; " in str(caught.value)
    assert hint in str(caught.value)


class Remembers(Quotes):
    """Has a mutable default of every kind."""

    _seen: list[int] = []  # noqa: RUF012
    _by_side = {1: [0], -1: [0]}  # noqa: RUF012
    levels = ({1, 2}, "of a tuple")


class Inherits(Remembers):
    """Has them from its base, and does not call its `__init__`."""

    def __init__(self) -> None:
        self._seen.append(1)


@pytest.mark.parametrize("cls", [Remembers, Inherits])
def test_a_mutable_default_belongs_to_the_instance(cls: type[Any]) -> None:
    one, two = cls(), cls()
    one._seen.append(2)
    one._by_side[1].append(3)
    one.levels[0].add(4)
    assert (one._seen[-1], one._by_side[1], one.levels[0]) == (2, [0, 3], {1, 2, 4})
    assert (two._seen, two._by_side, two.levels[0]) == (
        Inherits()._seen if cls is Inherits else [],
        {1: [0], -1: [0]},
        {1, 2},
    )
    assert (Remembers._seen, Remembers._by_side[1], Remembers.levels[0]) == ([], [0], {1, 2})


def test_a_mutable_default_that_a_subclass_replaces_is_not_brought_back() -> None:
    class Counts(Remembers):
        _seen = 7  # type: ignore[assignment]

    assert Counts()._seen == 7


def test_a_class_variable_is_shared_by_its_instances() -> None:
    one, two = Quotes(), Quotes()
    assert one.shared is two.shared is Quotes.shared
    assert one.parameters is Quotes.parameters


def test_a_default_that_cannot_be_copied_is_refused() -> None:
    class Locks(lob.Strategy):
        _locks = [threading.Lock()]  # noqa: RUF012

    with pytest.raises(
        ConfigError, match=r"Locks\._locks: its default cannot be copied .* set it in __init__ or on_start"
    ):
        Locks()


class Pauses(lob.Strategy):
    """Has durations as defaults, in text and with bounds."""

    pause: lob.Duration = "250us"  # type: ignore[assignment]
    bounded: Annotated[lob.Duration, Ge(1)] = "1.5s"  # type: ignore[assignment]
    plain: lob.Duration = 7
    name: str = "5ms"


def test_a_duration_as_a_default_is_read_like_one_that_is_given() -> None:
    assert Pauses().values() == {"pause": 250_000, "bounded": 1_500_000_000, "plain": 7, "name": "5ms"}
    assert Pauses(pause="1ms").pause == lob.MS


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ("soon", "'soon' is not a duration; write a number and a unit"),
        (1.5, "1.5 is not a duration"),
        (None, "None is not a duration"),
    ],
)
def test_a_default_that_is_no_duration_is_refused(default: Any, message: str) -> None:
    cls = type("Bad", (Pauses,), {"pause": default})
    with pytest.raises(ConfigError) as caught:
        cls()
    assert f"Bad: parameter pause = {default!r}: " in str(caught.value)
    assert message in str(caught.value)
    assert cls(pause=1).pause == 1


def test_an_instance_runs_once(tmp_path: Any) -> None:
    lob.generate(tmp_path / "m.parquet", events=1_500)
    strategy = Quotes()
    config = {"instrument": [{"data": [str(tmp_path / "m.parquet")]}]}
    lob.run(config, strategy)
    with pytest.raises(ConfigError, match="this instance has run already"):
        lob.run(config, strategy)
