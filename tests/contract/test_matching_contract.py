from __future__ import annotations

import random

import pytest

from lob_backtest.contract.tables import RejectReason
from lob_backtest.errors import ConfigError, LobBacktestError, OrderError
from lob_backtest.synthetic.exchange import MatchingEngine, RestingOrder, Trade


@pytest.fixture
def exchange() -> MatchingEngine:
    return MatchingEngine()


def test_best_is_none_on_an_empty_side(exchange):
    assert exchange.best == (None, None)
    exchange.submit(1, +1, 100, 1)
    assert exchange.best == (100, None)
    exchange.cancel(1)
    assert exchange.best == (None, None)
    assert exchange.depth(3) == ([], [])


def test_trade_is_at_the_resting_price_and_names_both_orders(exchange):
    exchange.submit(1, -1, 101, 5)
    assert exchange.submit(2, +1, 105, 3) == [Trade(maker_id=1, taker_id=2, price_ticks=101, size_lots=3)]
    assert exchange.depth(1) == ([], [(101, 2, 1)])
    assert 2 not in exchange


def test_better_price_trades_first_then_older_order(exchange):
    exchange.submit(1, -1, 102, 1)
    exchange.submit(2, -1, 101, 1)
    exchange.submit(3, -1, 101, 1)
    assert [t.maker_id for t in exchange.submit(4, +1, 102, 3)] == [2, 3, 1]


def test_rest_of_a_gtc_order_rests_at_its_limit(exchange):
    exchange.submit(1, -1, 101, 2)
    assert len(exchange.submit(2, +1, 101, 5)) == 1
    assert exchange.order(2) == RestingOrder(2, 1, 101, 5, 3, False, 0)
    exchange.check()


@pytest.mark.parametrize(("tif", "price_ticks"), [("IOC", 101), ("GTC", None), ("IOC", None)])
def test_rest_of_an_ioc_or_market_order_is_dropped(exchange, tif, price_ticks):
    exchange.submit(1, -1, 101, 2)
    assert exchange.submit(2, +1, price_ticks, 5, tif=tif) == [Trade(1, 2, 101, 2)]
    assert (len(exchange), exchange.best) == (0, (None, None))
    exchange.check()


@pytest.mark.parametrize(("size_lots", "filled"), [(5, 5), (6, 0)])
def test_fok_fills_all_or_nothing(exchange, size_lots, filled):
    exchange.submit(1, -1, 101, 2)
    exchange.submit(2, -1, 102, 3)
    exchange.submit(3, -1, 103, 9)
    trades = exchange.submit(4, +1, 102, size_lots, tif="FOK")
    assert sum(t.size_lots for t in trades) == filled
    assert exchange.refused is RejectReason.NONE
    assert 4 not in exchange
    exchange.check()


def test_market_fok_counts_the_whole_side(exchange):
    exchange.submit(1, -1, 101, 2)
    exchange.submit(2, -1, 1000, 3)
    assert exchange.submit(3, +1, None, 6, tif="FOK") == []
    assert len(exchange.submit(4, +1, None, 5, tif="FOK")) == 2


def test_post_only_that_would_take_is_refused_and_leaves_the_book(exchange):
    exchange.submit(1, -1, 101, 2)
    assert exchange.submit(2, +1, 101, 5, post_only=True) == []
    assert exchange.refused is RejectReason.POST_ONLY
    assert 2 not in exchange
    assert exchange.depth(9) == ([], [(101, 2, 1)])
    assert exchange.submit(2, +1, 100, 5, post_only=True) == []
    assert exchange.refused is RejectReason.NONE
    assert exchange.best == (100, 101)


def test_cancel_tells_what_stood(exchange):
    exchange.submit(1, -1, 101, 5)
    exchange.submit(2, +1, 101, 2)
    assert exchange.cancel(1) == 3
    exchange.check()


def test_unknown_id_is_a_key_error(exchange):
    exchange.submit(1, -1, 101, 5)
    exchange.submit(2, +1, 101, 5)
    for command in (exchange.cancel, exchange.replace, exchange.queue_ahead, exchange.order):
        for order_id in (1, 2, 3):
            with pytest.raises(KeyError):
                command(order_id)


def test_amend_down_keeps_queue_position(exchange):
    exchange.submit(1, +1, 100, 5)
    exchange.submit(2, +1, 100, 5)
    exchange.replace(1, size_lots=1)
    assert (exchange.queue_ahead(1), exchange.queue_ahead(2)) == (0, 1)
    assert exchange.submit(3, -1, 100, 2) == [Trade(1, 3, 100, 1), Trade(2, 3, 100, 1)]


@pytest.mark.parametrize("change", [{"size_lots": 5}, {"price_ticks": 100}, {}])
def test_amend_to_the_same_price_and_size_keeps_queue_position(exchange, change):
    exchange.submit(1, +1, 100, 5)
    exchange.submit(2, +1, 100, 7)
    assert exchange.replace(1, **change) == []
    assert (exchange.queue_ahead(1), exchange.queue_ahead(2)) == (0, 5)
    exchange.check()


def test_amend_up_goes_to_the_back(exchange):
    exchange.submit(1, +1, 100, 5)
    exchange.submit(2, +1, 100, 7)
    assert exchange.replace(1, size_lots=6) == []
    assert (exchange.queue_ahead(1), exchange.queue_ahead(2)) == (7, 0)
    exchange.check()


def test_replaced_size_is_the_total_with_fills(exchange):
    exchange.submit(1, +1, 100, 5)
    exchange.submit(2, -1, 100, 2)
    exchange.replace(1, size_lots=4)
    assert exchange.order(1) == RestingOrder(1, 1, 100, 4, 2, False, 0)
    exchange.replace(1, price_ticks=99, size_lots=9)
    assert exchange.order(1) == RestingOrder(1, 1, 99, 9, 7, False, 0)
    exchange.check()


@pytest.mark.parametrize("total_lots", [1, 2])
def test_replace_to_a_size_already_filled_ends_the_order(exchange, total_lots):
    exchange.submit(1, +1, 100, 5)
    exchange.submit(2, -1, 100, 2)
    assert exchange.replace(1, price_ticks=120, size_lots=total_lots) == []
    assert 1 not in exchange
    exchange.check()


def test_replace_to_a_marketable_price_takes_at_once(exchange):
    exchange.submit(1, -1, 101, 2)
    exchange.submit(2, +1, 99, 5)
    assert exchange.replace(2, price_ticks=101) == [Trade(1, 2, 101, 2)]
    assert exchange.order(2) == RestingOrder(2, 1, 101, 5, 3, False, 0)
    exchange.check()


def test_replace_of_a_post_only_order_that_would_take_is_refused_and_the_original_stays(exchange):
    exchange.submit(1, -1, 101, 2)
    exchange.submit(2, +1, 100, 5, post_only=True)
    exchange.submit(3, +1, 100, 5)
    assert exchange.replace(2, price_ticks=101, size_lots=9) == []
    assert exchange.refused is RejectReason.POST_ONLY
    assert exchange.order(2) == RestingOrder(2, 1, 100, 5, 5, True, 0)
    assert exchange.queue_ahead(2) == 0
    exchange.check()


def test_queue_ahead_counts_older_orders_at_the_price_alone(exchange):
    for order_id, price_ticks, size_lots in ((1, 100, 3), (2, 101, 50), (3, 100, 4), (4, 100, 5), (5, 99, 50)):
        exchange.submit(order_id, +1, price_ticks, size_lots)
    assert [exchange.queue_ahead(i) for i in (1, 3, 4, 2, 5)] == [0, 3, 7, 0, 0]
    exchange.cancel(3)
    assert exchange.queue_ahead(4) == 3


def test_queue_ahead_is_right_at_every_place_of_a_queue(exchange):
    for order_id in range(12):
        exchange.submit(order_id, -1, 100, order_id + 1)
    assert [exchange.queue_ahead(i) for i in range(12)] == [i * (i + 1) // 2 for i in range(12)]


def test_owner_and_trading_order_are_told_back(exchange):
    exchange.submit(1, -1, 102, 5, owner=7)
    exchange.submit(2, -1, 101, 5)
    exchange.submit(3, -1, 101, 5, owner=9)
    assert [(o.order_id, o.owner) for o in exchange.resting(-1)] == [(2, 0), (3, 9), (1, 7)]


def test_negative_prices_are_prices(exchange):
    exchange.submit(1, +1, -5, 1)
    exchange.submit(2, -1, 0, 1)
    assert exchange.best == (-5, 0)
    assert exchange.submit(3, -1, -5, 1) == [Trade(1, 3, -5, 1)]


def test_id_is_free_again_once_its_order_is_gone(exchange):
    exchange.submit(1, +1, 100, 1)
    exchange.cancel(1)
    exchange.submit(1, +1, 100, 1)
    assert exchange.best == (100, None)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((1, 1, 100, 1), {}, "is live"),
        ((2, 0, 100, 1), {}, "side 0"),
        ((2, 1, 100, 0), {}, "size 0"),
        ((2, 1, 100, -1), {}, "size -1"),
        ((2, 1, 100, 1 << 40), {}, "size 1099511627776"),
        ((2, 1, 100, 1.0), {}, "size 1.0"),
        ((2, 1, 100.5, 1), {}, "price 100.5"),
        ((2, 1, 1 << 40, 1), {}, "price 1099511627776"),
        ((2, 1, -1 << 40, 1), {}, "price -1099511627776"),
        ((2, 1, True, 1), {}, "price True"),
        (("2", 1, 100, 1), {}, "order id '2'"),
        ((2, 1, 100, 1), {"tif": "DAY"}, "tif 'DAY'"),
        ((2, 1, None, 1), {"post_only": True}, "post-only and a market order"),
        ((2, 1, 100, 1), {"post_only": True, "tif": "IOC"}, "post-only and IOC"),
    ],
)
def test_senseless_arguments_raise_and_change_nothing(exchange, arguments, options, message):
    exchange.submit(1, -1, 101, 5)
    with pytest.raises(OrderError, match=message) as error:
        exchange.submit(*arguments, **options)
    assert isinstance(error.value, LobBacktestError)
    assert isinstance(error.value, ValueError)
    assert exchange.depth(9) == ([], [(101, 5, 1)])
    exchange.check()


@pytest.mark.parametrize(
    "change", [{"size_lots": 0}, {"size_lots": -3}, {"price_ticks": 1.5}, {"price_ticks": 1 << 40}]
)
def test_senseless_replacements_raise_and_change_nothing(exchange, change):
    exchange.submit(1, -1, 101, 5)
    with pytest.raises(OrderError):
        exchange.replace(1, **change)
    assert exchange.depth(9) == ([], [(101, 5, 1)])


def test_the_argument_engine_still_works_with_a_warning():
    with pytest.warns(DeprecationWarning, match="leave out `engine`"):
        assert MatchingEngine(engine="reference").best == (None, None)


def test_another_engine_is_a_config_error():
    with pytest.warns(DeprecationWarning, match="engine"), pytest.raises(ConfigError, match="'turbo'"):
        MatchingEngine("turbo")


def corrupt_size(exchange):
    exchange._ladders[1][-100].size_lots += 1


def corrupt_order_of_arrival(exchange):
    exchange._ladders[1][-100].orders.move_to_end(1)


def corrupt_index(exchange):
    del exchange._orders[1]


def corrupt_best(exchange):
    exchange._best[1] = None


def corrupt_account(exchange):
    exchange._traded_lots += 1


def corrupt_by_an_empty_order(exchange):
    exchange._orders[1].open_lots = 0
    exchange._ladders[1][-100].size_lots -= 5


@pytest.mark.parametrize(
    "corrupt",
    [
        corrupt_size,
        corrupt_order_of_arrival,
        corrupt_index,
        corrupt_best,
        corrupt_account,
        corrupt_by_an_empty_order,
    ],
)
def test_check_sees_a_broken_book(corrupt):
    exchange = MatchingEngine()
    exchange.submit(1, +1, 100, 5)
    exchange.submit(2, +1, 100, 5)
    exchange.check()
    corrupt(exchange)
    with pytest.raises(AssertionError):
        exchange.check()


def test_check_sees_a_crossed_book():
    exchange = MatchingEngine()
    exchange.submit(1, +1, 100, 5)
    exchange.submit(2, -1, 101, 5)
    level = exchange._ladders[-1].pop(101)
    level.key = level.price_ticks = 100
    exchange._ladders[-1][100] = level
    with pytest.raises(AssertionError):
        exchange.check()


def test_mirrored_commands_give_mirrored_trades():
    """Buying against selling and prices against their negatives change nothing but signs."""
    draws = random.Random(5)
    one, other = MatchingEngine(), MatchingEngine()
    for order_id in range(2_000):
        side, price, size = draws.choice((1, -1)), 100 + draws.randrange(12), 1 + draws.randrange(9)
        trades = one.submit(order_id, side, price, size)
        assert other.submit(order_id, -side, -price, size) == [t._replace(price_ticks=-t.price_ticks) for t in trades]
    bids, asks = one.depth(50)
    assert other.depth(50) == ([(-p, s, n) for p, s, n in asks], [(-p, s, n) for p, s, n in bids])
