"""Queue models by name, and their weights as tables of integers."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from lob_backtest.config.queue_models import log, of_function, power, queue_model
from lob_backtest.contract.plan import QueueModel, QueueWeights
from lob_backtest.contract.queue_grid import LENGTHS, MAX_WEIGHT, grid
from lob_backtest.engine.models.queue import proportional, weighted
from lob_backtest.engine.models.queue_weights import weights_of
from lob_backtest.errors import ConfigError

UNIT = 1 << 20


def heavier(lots: float) -> float:
    return lots**1.5


def lighter_for_more(lots: float) -> float:
    return -lots


def test_the_grid_has_every_short_length_and_64_per_octave() -> None:
    lengths = grid()
    assert lengths[:130] == [*range(128), 128, 130]
    assert lengths[-1] == 1 << 60
    assert len(lengths) == LENGTHS
    assert all(later > earlier for earlier, later in pairwise(lengths))


@pytest.mark.parametrize("name", ["log", "power(1)", "power(2)", "power(0.5)", "power(3.25)"])
def test_a_share_is_that_of_the_formula(name: str) -> None:
    """Straight lines between 64 points per octave are within 1 in 2,000 of powers up to 3.25."""
    _, weights = queue_model(name)
    rng = random.Random(name)
    exponent = None if name == "log" else float(name[6:-1])
    for _ in range(2000):
        ahead, behind = (rng.randrange(1, 1 << rng.randrange(1, 40)) for _ in range(2))
        found = weights_of(weights, ahead * UNIT, behind * UNIT)
        front, back = (
            math.log1p(x) if exponent is None else (x / max(ahead, behind)) ** exponent for x in (ahead, behind)
        )
        assert found[0] / sum(found) == pytest.approx(front / (front + back), rel=1e-3, abs=1e-15)


def test_the_first_power_is_proportional_to_a_unit_of_rounding() -> None:
    model = weighted(power(Decimal(1)))
    rng = random.Random(1)
    for _ in range(2000):
        old = rng.randrange(2, 1 << rng.randrange(2, 39))
        new, printed = sorted(rng.randrange(old) for _ in range(2))
        if new + printed >= old:
            continue
        ahead = rng.randrange((old - printed) * UNIT)
        exact = proportional(ahead, old, new, printed)
        assert abs(model(ahead, old, new, printed) - exact) <= 2 + ahead // 1_000_000


def test_a_position_is_never_below_0_nor_does_it_lose_more_than_the_cancels() -> None:
    rng = random.Random(2)
    for weights in (log(), power(Decimal(8)), power(Decimal("0.1")), of_function(heavier, "heavier")):
        model = weighted(weights)
        for _ in range(1000):
            old = rng.randrange(1, 1 << rng.randrange(1, 40))
            new, printed = rng.randrange(old), 0
            ahead = rng.randrange(old * UNIT + 1)
            after = model(ahead, old, new, printed)
            assert max(0, ahead - (old - new) * UNIT) <= after <= ahead


def test_nothing_ahead_stays_nothing() -> None:
    for weights in (log(), power(Decimal(2))):
        assert weighted(weights)(0, 10, 0, 0) == 0
        assert weighted(weights)(10 * UNIT, 10, 0, 0) == 0


def test_the_longest_queues_do_not_overflow() -> None:
    longest = (1 << 40) - 1
    for weights in (log(), power(Decimal(20))):
        assert max(weights.values) == MAX_WEIGHT
        assert 0 <= weighted(weights)(longest * UNIT, longest, 1, 0) <= longest * UNIT


def test_a_function_by_module_and_name_is_a_model() -> None:
    model, weights = queue_model(f"{__name__}:heavier")
    assert model == QueueModel.WEIGHTED
    assert weights.name == f"{__name__}:heavier"
    share = Fraction(weights_of(weights, 4 * UNIT, 1 * UNIT)[0], sum(weights_of(weights, 4 * UNIT, 1 * UNIT)))
    assert float(share) == pytest.approx(8 / 9, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("linear", "unknown model 'linear'; expected one of proportional, back, log, power"),
        ("power(0)", "expected a power above 0 and up to 20"),
        ("power(21)", "expected a power above 0 and up to 20"),
        ("power(-1)", "unknown model"),
        ("power(nan)", "unknown model"),
        ("nowhere:f", "cannot be loaded: No module named 'nowhere'"),
        (f"{__name__}:nothing", "cannot be loaded"),
        (f"{__name__}:lighter_for_more", "expected a finite number, 0 or more, and no less than for fewer lots"),
        ("math:factorial", "raised"),
        ("a b:f", "unknown model"),
    ],
)
def test_what_is_no_model_is_refused_by_name(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"fills\.queue: ") as caught:
        queue_model(name)
    assert message in str(caught.value)


@pytest.mark.parametrize("values", [(0,) * 10, (1,) + (0,) * (LENGTHS - 1)])
def test_weights_that_an_engine_cannot_use_are_refused(values: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="QueueWeights"):
        QueueWeights(values)
