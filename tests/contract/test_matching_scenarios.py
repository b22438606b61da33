"""Orders in, trades out, as tables that a trader can read.

A line is a command, then `->` and what comes of it: trades as ``maker/taker size@price``, `refused`, `gone size`, or
nothing. ``ahead ID`` asks for a queue position, ``book`` for the book: bids | asks, best first, as ``size@price``.
"""

from __future__ import annotations

import pytest

from lob_backtest.contract.tables import RejectReason
from lob_backtest.synthetic.exchange import MatchingEngine, Trade

SCENARIOS = {
    "a sweep walks the levels in price-time order": """
        sell 1 5@102      ->
        sell 2 5@101      ->
        sell 3 5@101      ->
        buy  4 12@102     -> 2/4 5@101, 3/4 5@101, 1/4 2@102
        book              -> | 3@102
    """,
    "a marketable limit rests where its limit is": """
        sell 1 200@101    ->
        buy  2 1000@101   -> 1/2 200@101
        book              -> 800@101 |
        sell 3 100@99     -> 2/3 100@101
        book              -> 700@101 |
    """,
    "two market orders in a row take what is there once": """
        sell 1 100@101    ->
        buy  2 100 market -> 1/2 100@101
        buy  3 100 market ->
        book              -> |
    """,
    "IOC takes within its limit and never rests": """
        sell 1 3@101      ->
        sell 2 3@103      ->
        buy  3 9@102 IOC  -> 1/3 3@101
        book              -> | 3@103
    """,
    "FOK takes all or nothing": """
        sell 1 3@101      ->
        sell 2 3@102      ->
        buy  3 7@102 FOK  ->
        buy  4 4@101 FOK  ->
        buy  5 6@102 FOK  -> 1/5 3@101, 2/5 3@102
        book              -> |
    """,
    "post-only never takes": """
        sell 1 3@101      ->
        buy  2 3@101 post -> refused
        buy  3 3@102 post -> refused
        buy  4 3@100 post ->
        book              -> 3@100 | 3@101
    """,
    "cancels ahead move the queue, cancels behind do not": """
        buy  1 10@100     ->
        buy  2 20@100     ->
        buy  3 30@100     ->
        ahead 3           -> 30
        cancel 1          -> gone 10
        ahead 3           -> 20
        ahead 2           -> 0
        cancel 3          -> gone 30
        ahead 2           -> 0
    """,
    "smaller keeps the place, larger loses it": """
        buy  1 10@100     ->
        buy  2 20@100     ->
        replace 1 4@100   ->
        ahead 2           -> 4
        replace 1 5@100   ->
        ahead 2           -> 0
        ahead 1           -> 20
        sell 3 21@100     -> 2/3 20@100, 1/3 1@100
    """,
    "the same price and size keep the place": """
        buy  1 10@100     ->
        buy  2 20@100     ->
        replace 1 10@100  ->
        ahead 1           -> 0
        ahead 2           -> 10
        sell 3 12@100     -> 1/3 10@100, 2/3 2@100
    """,
    "a partly filled order keeps its place": """
        buy  1 10@100     ->
        buy  2 10@100     ->
        sell 3 4@100      -> 1/3 4@100
        ahead 2           -> 6
        sell 4 7@100      -> 1/4 6@100, 2/4 1@100
    """,
    "replace to a marketable price takes at once": """
        buy  1 10@100     ->
        sell 2 10@105     ->
        sell 3 5@101      ->
        replace 1 10@105  -> 3/1 5@101, 2/1 5@105
        book              -> | 5@105
    """,
    "replace counts the fills in": """
        buy  1 10@100     ->
        sell 2 6@100      -> 1/2 6@100
        replace 1 8@100   ->
        book              -> 2@100 |
        replace 1 6@100   ->
        book              -> |
    """,
    "the best price comes back after its level is gone": """
        buy  1 1@100      ->
        buy  2 1@99       ->
        cancel 1          -> gone 1
        book              -> 1@99 |
        buy  3 1@101      ->
        book              -> 1@101, 1@99 |
    """,
}


def told(trades: list[Trade]) -> str:
    return ", ".join(f"{t.maker_id}/{t.taker_id} {t.size_lots}@{t.price_ticks}" for t in trades)


def limit_of(text: str) -> tuple[int, int]:
    size, _, price = text.partition("@")
    return int(size), int(price)


def obey(exchange: MatchingEngine, command: str) -> str:
    verb, *words = command.split()
    if verb == "book":
        bids, asks = exchange.depth(99)
        sides = [", ".join(f"{size}@{price}" for price, size, _ in side) for side in (bids, asks)]
        return " | ".join(sides).strip()
    order_id = int(words[0])
    if verb == "ahead":
        return str(exchange.queue_ahead(order_id))
    if verb == "cancel":
        return f"gone {exchange.cancel(order_id)}"
    if verb == "replace":
        size, price = limit_of(words[1])
        trades = exchange.replace(order_id, price_ticks=price, size_lots=size)
    else:
        side = {"buy": 1, "sell": -1}[verb]
        options = set(words[2:])
        size, price = (int(words[1]), None) if "market" in options else limit_of(words[1])
        tif = next(iter(options & {"IOC", "FOK"}), "GTC")
        trades = exchange.submit(order_id, side, price, size, tif=tif, post_only="post" in options)
    return "refused" if exchange.refused is not RejectReason.NONE else told(trades)


@pytest.mark.parametrize("table", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_scenario(table: str) -> None:
    exchange = MatchingEngine()
    for line in table.strip().splitlines():
        command, _, expected = line.partition("->")
        assert obey(exchange, command) == expected.strip(), line.strip()
        exchange.check()
