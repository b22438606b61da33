"""Random commands to `MatchingEngine`, and to the naive exchange beside it.

Reruns as a script with a seed and a number of commands.
"""

from __future__ import annotations

import itertools
import random
import sys

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from naive_exchange import NaiveExchange

from lob_backtest.contract.tables import RejectReason
from lob_backtest.synthetic.exchange import MatchingEngine

SIDES = st.sampled_from([1, -1])
PRICES = st.integers(96, 104)
SIZES = st.integers(1, 12)


class BothExchanges(RuleBasedStateMachine):
    """Every command goes to both; answers, books and queues must agree after each."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = MatchingEngine()
        self.naive = NaiveExchange()
        self.last_id = 0

    def compare(self, trades, expected) -> None:
        expected_trades, refused = expected
        assert [tuple(trade) for trade in trades] == expected_trades
        assert (self.exchange.refused is RejectReason.POST_ONLY) == refused

    @rule(side=SIDES, price=PRICES | st.none(), size=SIZES, tif=st.sampled_from(["GTC", "GTC", "IOC", "FOK"]))
    def submit(self, side, price, size, tif):
        self.last_id += 1
        trades = self.exchange.submit(self.last_id, side, price, size, tif=tif)
        self.compare(trades, self.naive.submit(self.last_id, side, price, size, tif))

    @rule(side=SIDES, price=PRICES, size=SIZES)
    def submit_post_only(self, side, price, size):
        self.last_id += 1
        trades = self.exchange.submit(self.last_id, side, price, size, post_only=True)
        self.compare(trades, self.naive.submit(self.last_id, side, price, size, post_only=True))

    @precondition(lambda self: self.naive.queue)
    @rule(data=st.data())
    def cancel(self, data):
        order_id = data.draw(st.sampled_from([o.order_id for o in self.naive.queue]))
        assert self.exchange.cancel(order_id) == self.naive.cancel(order_id)

    @precondition(lambda self: self.naive.queue)
    @rule(data=st.data(), price=PRICES | st.none(), size=st.integers(1, 20) | st.none())
    def replace(self, data, price, size):
        order_id = data.draw(st.sampled_from([o.order_id for o in self.naive.queue]))
        trades = self.exchange.replace(order_id, price_ticks=price, size_lots=size)
        self.compare(trades, self.naive.replace(order_id, price, size))

    @invariant()
    def agree(self):
        self.exchange.check()
        assert self.exchange.depth(20) == self.naive.depth(20)
        assert len(self.exchange) == len(self.naive.queue)
        for order in self.naive.queue:
            view = self.exchange.order(order.order_id)
            assert (view.side, view.price_ticks, view.open_lots) == (order.side, order.price_ticks, order.open_lots)
            assert view.size_lots == order.open_lots + order.filled_lots
            assert self.exchange.queue_ahead(order.order_id) == self.naive.queue_ahead(order.order_id)


BothExchanges.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
TestBothExchanges = BothExchanges.TestCase


class Actors:
    """Seeded, weighted actors on one exchange, who keep their own account of every order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.exchange = MatchingEngine()
        self.live: list[int] = []
        self.last_id = 0
        self.submitted: dict[int, int] = {}  # lots by order: submitted = filled + gone + open
        self.filled: dict[int, int] = {}
        self.gone: dict[int, int] = {}
        self.limit: dict[int, tuple[int, int | None]] = {}
        self.arrivals: dict[int, int] = {}
        self.commands = 0

    def account(self, trades) -> None:
        for before, after in itertools.pairwise(trades):
            side = self.limit[after.taker_id][0]
            # No worse price trades before a better one; at one price the older order trades first.
            assert side * before.price_ticks <= side * after.price_ticks
            if before.price_ticks == after.price_ticks:
                assert self.arrivals[before.maker_id] < self.arrivals[after.maker_id]
        for trade in trades:
            side, limit = self.limit[trade.taker_id]
            # At the resting order's price, and never beyond the taker's limit.
            assert trade.price_ticks == self.limit[trade.maker_id][1]
            assert limit is None or side * trade.price_ticks <= side * limit
            for order_id in (trade.maker_id, trade.taker_id):
                self.filled[order_id] += trade.size_lots

    def settle(self, order_id: int) -> None:
        """Book what did not trade and does not stand as gone."""
        open_lots = self.exchange.order(order_id).open_lots if order_id in self.exchange else 0
        self.gone[order_id] = self.submitted[order_id] - self.filled[order_id] - open_lots
        assert self.gone[order_id] >= 0

    def submit(self, price, size, tif="GTC", post_only=False) -> None:
        side = self.random.choice((1, -1))
        if price is not None:
            price = 1_000 - side * price
        self.last_id += 1
        order_id = self.last_id
        self.submitted[order_id], self.filled[order_id], self.limit[order_id] = size, 0, (side, price)
        self.arrivals[order_id] = self.commands
        trades = self.exchange.submit(order_id, side, price, size, tif=tif, post_only=post_only)
        self.account(trades)
        self.settle(order_id)
        rests = order_id in self.exchange
        # IOC never rests, FOK fills all or nothing, post-only never takes.
        assert not (rests and (tif != "GTC" or price is None))
        assert tif != "FOK" or self.filled[order_id] in (0, size)
        assert not (post_only and trades)
        if rests:
            self.live.append(order_id)

    def draw(self) -> int | None:
        while self.live:
            place = self.random.randrange(len(self.live))
            order_id = self.live[place]
            if order_id in self.exchange:
                return order_id
            self.live[place] = self.live[-1]
            self.live.pop()
        return None

    def cancel(self) -> None:
        order_id = self.draw()
        if order_id is not None:
            open_lots = self.exchange.order(order_id).open_lots
            assert self.exchange.cancel(order_id) == open_lots
            self.gone[order_id] += open_lots
            self.check_account(order_id, 0)

    def replace(self) -> None:
        order_id = self.draw()
        if order_id is None:
            return
        view, draws = self.exchange.order(order_id), self.random
        price = view.price_ticks + draws.choice((0, 0, 0, -3, -1, 1, 2))
        total = max(1, view.size_lots + draws.choice((0, -1, -5, 3)))
        keeps = price == view.price_ticks and total <= view.size_lots
        ahead = self.exchange.queue_ahead(order_id)
        before = self.limit[order_id], self.arrivals[order_id]
        self.limit[order_id] = (view.side, price)
        if not keeps:
            self.arrivals[order_id] = self.commands
        trades = self.exchange.replace(order_id, price_ticks=price, size_lots=total)
        if self.exchange.refused is RejectReason.POST_ONLY:
            self.limit[order_id], self.arrivals[order_id] = before
            assert self.exchange.order(order_id) == view
            assert self.exchange.queue_ahead(order_id) == ahead
            return
        self.account(trades)
        self.submitted[order_id] = max(total, self.filled[order_id])
        self.settle(order_id)
        if keeps and order_id in self.exchange:
            assert self.exchange.queue_ahead(order_id) == ahead

    def check_account(self, order_id: int, open_lots: int) -> None:
        assert self.submitted[order_id] == self.filled[order_id] + self.gone[order_id] + open_lots

    def act(self) -> None:
        self.commands += 1
        draw = self.random.random()
        size = 1 + int(self.random.expovariate(0.2))
        distance = int(self.random.expovariate(0.2))
        if draw < 0.52:
            self.submit(distance, size)
        elif draw < 0.60:
            self.submit(distance - 3, size, post_only=True)
        elif draw < 0.65:
            self.submit(None, 3 * size)
        elif draw < 0.70:
            self.submit(-distance, 3 * size, tif=self.random.choice(("IOC", "FOK")))
        elif draw < 0.80:
            self.replace()
        else:
            self.cancel()

    def check(self) -> None:
        self.exchange.check()
        for order_id in self.submitted:
            open_lots = self.exchange.order(order_id).open_lots if order_id in self.exchange else 0
            self.check_account(order_id, open_lots)
        for side in (1, -1):
            ahead: dict[int, int] = {}
            for order in self.exchange.resting(side):
                assert self.exchange.queue_ahead(order.order_id) == ahead.get(order.price_ticks, 0)
                ahead[order.price_ticks] = ahead.get(order.price_ticks, 0) + order.open_lots


def play(seed: int, commands: int) -> Actors:
    actors = Actors(seed)
    for k in range(1, commands + 1):
        actors.act()
        if k % 10_000 == 0 or k == commands:
            actors.check()
    return actors


@pytest.mark.parametrize("seed", [1])
def test_100_000_random_commands_keep_the_invariants(seed):
    actors = play(seed, 100_000)
    # The actors did what they are for: trade, and leave a book.
    assert sum(actors.filled.values()) > 100_000
    assert len(actors.exchange) > 100


@pytest.mark.parametrize("seed", range(3))
def test_random_commands_agree_with_the_naive_exchange(seed):
    draws = random.Random(seed)
    machine = BothExchanges()
    for k in range(1_500):
        draw = draws.random()
        if draw < 0.7 or not machine.naive.queue:
            machine.last_id += 1
            side, size, post_only = draws.choice((1, -1)), draws.randrange(1, 20), draws.random() < 0.2
            price = None if draws.random() < 0.05 else 100 - side * draws.randrange(-2, 9)
            tif = draws.choice(("GTC", "GTC", "GTC", "IOC", "FOK"))
            post_only = post_only and price is not None and tif == "GTC"
            trades = machine.exchange.submit(machine.last_id, side, price, size, tif=tif, post_only=post_only)
            machine.compare(trades, machine.naive.submit(machine.last_id, side, price, size, tif, post_only))
        elif draw < 0.85:
            order_id = draws.choice(machine.naive.queue).order_id
            assert machine.exchange.cancel(order_id) == machine.naive.cancel(order_id)
        else:
            order_id = draws.choice(machine.naive.queue).order_id
            price = draws.choice((None, 100 + draws.randrange(-8, 9)))
            size = draws.choice((None, draws.randrange(1, 30)))
            trades = machine.exchange.replace(order_id, price_ticks=price, size_lots=size)
            machine.compare(trades, machine.naive.replace(order_id, price, size))
        if k % 10 == 0:
            machine.agree()
    assert len(machine.naive.queue) > 30


if __name__ == "__main__":
    seed, commands = (int(text) for text in sys.argv[1:3])
    print(f"seed {seed}: {play(seed, commands).commands:,} commands, every invariant kept")
