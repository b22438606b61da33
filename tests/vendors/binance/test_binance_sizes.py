"""Sizes that no lot size holds exactly."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from binance_files import converted, depth, trade

from lob_backtest.contract.rows import LIMIT
from lob_backtest.errors import ConfigError, DataError
from lob_backtest.vendors.binance.units import Span, lot_of

WIDE = [
    depth(0, 8, 10, [("0.51", "812345678901.0"), ("0.50", "7.0")], [("0.52", "1.5")]),
    trade(1, 1, "0.51", "20.5"),
    trade(2, 2, "0.51", "1.5"),
    trade(3, 3, "0.51", "30.0"),
    depth(4, 11, 11, [("0.50", "0.0")], [("0.52", "10.0")]),
]


def test_sizes_that_no_lot_holds_ask_for_a_lot_and_the_lot_that_is_named_will_do(tmp_path):
    with pytest.raises(ConfigError, match=r"sizes up to 812345678901\.0 and as fine as 0\.1; .* --lot-size 1,"):
        converted(tmp_path, WIDE)
    with pytest.raises(ConfigError, match=r"--lot-size 0\.5 is too small, 1 is not"):
        converted(tmp_path, WIDE, lot_size="0.5")
    done, rows = converted(tmp_path, WIDE, lot_size="1")
    assert rows[0] == "0 LEVEL +1 812345678901@51 #10 SUSPECT"
    assert done.counts["levels_rounded_up_to_lots"] == 1
    assert done.counts["prints_rounded_down_to_lots"] == 2


def test_levels_are_rounded_up_and_prints_down(tmp_path):
    done, rows = converted(tmp_path, WIDE, lot_size="10")
    assert rows == [
        "0 LEVEL +1 81234567891@51 #10 SUSPECT",
        "0 LEVEL +1 1@50 #10 SUSPECT",
        "0 LEVEL -1 1@52 #10 SUSPECT |",
        "1 TRADE +1 2@51 #0 SUSPECT |",
        "3 TRADE +1 3@51 #0 SUSPECT |",
        "4 LEVEL +1 0@50 #11 SUSPECT",
        "4 LEVEL -1 1@52 #11 SUSPECT |",
    ]
    assert done.counts["levels_rounded_up_to_lots"] == 3
    assert done.counts["prints_rounded_down_to_lots"] == 2
    assert any("3 sizes of levels were rounded up to whole lots of 10, and 2 of prints down" in n for n in done.notes)


def test_sizes_that_a_lot_holds_exactly_are_never_rounded(tmp_path):
    lines = [depth(0, 8, 10, [("0.51", "1000.0")], [("0.52", "1.5")])]
    with pytest.raises(DataError, match=r"line 1: size 1\.5 is no multiple of 1; .* such as 0\.1 "):
        converted(tmp_path, lines, lot_size="1")
    done, _ = converted(tmp_path, lines, lot_size="0.1")
    assert done.lot_size == Decimal("0.1")


def test_prices_are_never_rounded(tmp_path):
    with pytest.raises(DataError, match=r"price 0\.51 is no multiple of 0\.1; pass a --tick-size .* such as 0\.01 "):
        converted(tmp_path, WIDE, tick_size="0.1", lot_size="10")


@pytest.mark.parametrize("seed", range(200))
def test_lot_that_a_message_names_holds_the_largest_size(seed):
    rng = random.Random(seed)
    texts = [f"{rng.randrange(10 ** rng.randrange(1, 18))}.{rng.randrange(10**3):03d}" for _ in range(20)]
    span = Span()
    for text in texts:
        span.add(text)
    sizes = [Decimal(text) for text in texts]
    assert Decimal(span.largest) == max(sizes)
    assert all(size % span.finest == 0 for size in sizes)
    assert any(size % (span.finest * 10) for size in sizes)
    try:
        lot, is_rounded = lot_of(span, None, "a.gz")
    except ConfigError as error:
        named = Decimal(str(error).partition("--lot-size ")[2].partition(",")[0])
        assert lot_of(span, named, "a.gz") == (named, True)
        assert max(sizes) / span.finest >= LIMIT
        assert not span.fits(named / 10)
    else:
        assert lot == span.finest
        assert not is_rounded
        assert max(sizes) / lot < LIMIT
