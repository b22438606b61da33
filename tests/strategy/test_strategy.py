"""Strategy classes: typed parameters, and what is refused before a run."""

from __future__ import annotations

import abc
import threading
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

import pytest
from annotated_types import Ge

import lob_backtest as lob
from lob_backtest.contract.tables import TimeInForce
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


def test_an_attribute_that_is_no_parameter_is_answered_with_its_annotation() -> None:
    class Plain(lob.Strategy):
        size = 10

    expected = r"Plain has no parameter 'size'\. The class has size without an annotation; write size: int = 10\."
    with pytest.raises(ConfigError, match=expected):
        Plain(size=5)


def test_a_parameter_of_another_type_is_refused_with_the_class() -> None:
    with pytest.raises(ConfigError, match=r"Lists.sizes: .* is no type of a parameter; use int, float"):

        class Lists(lob.Strategy):
            sizes: list[int] = []  # noqa: RUF012


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
        ConfigError,
        match=r"Locks\._locks: its default cannot be copied .* make it in __init__ or on_start, or declare it ClassVar",
    ):
        Locks()


class Counter:
    """An object of a plain class: hashable by identity, and mutable."""

    n = 0


class CountsCalls(Quotes):
    """Keeps its state in objects of plain classes and quotes by it."""

    _counter: Counter = Counter()
    _same = _counter
    _pair = (1, _counter)
    _vol: lob.EwmaVolatility = lob.EwmaVolatility(half_life="1s")

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        self._counter.n += 1
        self._vol.update(ctx.now_ns, 100.0 + self._counter.n)
        if ctx.book.bid_ticks is not None:
            ctx.quote(bid=(ctx.book.bid_ticks, self._counter.n))
        ctx.record("n", self._counter.n)
        ctx.record("volatility", self._vol.value or 0.0)


def test_a_default_of_a_plain_class_belongs_to_the_instance() -> None:
    one, two = CountsCalls(), CountsCalls()
    one._counter.n = 5
    assert one._counter is one._same is one._pair[1]
    assert (two._counter.n, two._pair[1].n, CountsCalls._counter.n) == (0, 0, 0)
    assert one._vol is not two._vol


def test_a_second_run_of_a_strategy_with_objects_as_defaults_gives_the_same_result(engine: str) -> None:
    config = {"instrument": [{"data": ["data/sample-l3.parquet"]}], "run": {"end": "2024-07-19T13:31:00Z"}}
    first, second = (lob.run(config, CountsCalls, engine=engine) for _ in range(2))
    for name in ("n", "volatility"):
        assert first.series(name)["value"].tolist() == second.series(name)["value"].tolist()
    assert first.digest == second.digest


class Fixed(abc.ABC, lob.Strategy):
    """Has defaults that are immutable or shared by nature, some of which cannot be copied."""

    _missing = object()
    _module = threading
    _cls = Counter
    _function = staticmethod(len)
    _tif = TimeInForce.IOC
    _number = (
        1,
        2.5,
        True,
        None,
        "a",
        b"b",
        Decimal(1),
        Fraction(1, 2),
        frozenset({1}),
        datetime(2024, 1, 1, tzinfo=UTC),
    )

    @property
    def half(self) -> float:
        return 0.5


def test_immutable_defaults_are_not_in_the_way() -> None:
    fixed = Fixed()
    assert {name for name in vars(fixed) if not name.startswith("_used")} <= {"_number"}
    assert fixed._missing is Fixed._missing
    assert fixed._tif is TimeInForce.IOC
    assert (fixed._number, fixed.half) == (Fixed._number, 0.5)


def test_a_subclass_s_value_of_a_class_variable_is_shared() -> None:
    class Base(lob.Strategy):
        _lock: ClassVar[Any] = None

    class Locked(Base):
        _lock = threading.Lock()

    assert Locked()._lock is Locked._lock


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
