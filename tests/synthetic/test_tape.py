from __future__ import annotations

import pytest

from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.synthetic.exchange import MatchingEngine
from lob_backtest.synthetic.tape import LevelTape, OrderTape, Tape


def sweep(tape: Tape) -> list[tuple[int, ...]]:
    """A buy of 9 takes 3 + 4 at 101 and 102 and rests with 2; then one order moves and one is cancelled in part."""
    exchange = MatchingEngine()
    exchange.submit(1, -1, 101, 3)
    exchange.submit(2, -1, 102, 4)
    exchange.submit(3, -1, 103, 5)
    tape.begin(1_000, 1_500)
    for trade in exchange.submit(4, 1, 102, 9):
        tape.execute(trade.maker_id, -1, trade.price_ticks, trade.size_lots)
    tape.add(4, 1, 102, 2)
    tape.end(exchange)
    tape.begin(2_000, 2_500)
    exchange.replace(3, price_ticks=104)
    tape.modify(3, -1, 103, 104, 5)
    tape.end(exchange)
    tape.begin(3_000, 3_500)
    exchange.replace(3, size_lots=4)
    tape.cancel(3, -1, 104, 1)
    tape.end(exchange)
    columns = tape.take_columns()
    names = ("sequence", "action", "side", "order_id", "price_ticks", "size_lots", "flags")
    return list(zip(*(columns[name].tolist() for name in names if name in columns), strict=True))


def test_order_tape_tells_each_event():
    assert sweep(OrderTape()) == [
        (1, Action.EXECUTE, -1, 1, 101, 3, 0),
        (1, Action.EXECUTE, -1, 2, 102, 4, 0),
        (1, Action.ADD, 1, 4, 102, 2, Flag.LAST),
        (2, Action.MODIFY, -1, 3, 104, 5, Flag.LAST),
        (3, Action.CANCEL, -1, 3, 104, 1, Flag.LAST),
    ]


def test_level_tape_tells_prints_then_levels_as_the_packet_leaves_them():
    assert sweep(LevelTape()) == [
        (1, Action.TRADE, -1, 101, 3, 0),
        (1, Action.TRADE, -1, 102, 4, 0),
        (1, Action.LEVEL, -1, 101, 0, 0),
        (1, Action.LEVEL, -1, 102, 0, 0),
        (1, Action.LEVEL, 1, 102, 2, Flag.LAST),
        (2, Action.LEVEL, -1, 103, 0, 0),
        (2, Action.LEVEL, -1, 104, 5, Flag.LAST),
        (3, Action.LEVEL, -1, 104, 4, Flag.LAST),
    ]


@pytest.mark.parametrize("make", [OrderTape, LevelTape])
def test_snapshot_status_and_hidden_prints_are_flagged(make):
    exchange, tape = MatchingEngine(), make()
    tape.begin(1_000, 1_001, snapshot=True)
    exchange.submit(1, 1, 99, 5)
    tape.add(1, 1, 99, 5)
    tape.end(exchange)
    tape.status(1_000, 1_001, Phase.CONTINUOUS)
    tape.begin(2_000, 2_001)
    tape.hidden(1, 100, 7)
    tape.end(exchange)
    columns = tape.take_columns()
    shown = Action.ADD if make is OrderTape else Action.LEVEL
    assert columns["action"].tolist() == [Action.CLEAR, shown, Action.STATUS, Action.TRADE]
    last, snapshot = Flag.LAST, Flag.SNAPSHOT
    assert columns["flags"].tolist() == [snapshot, snapshot | last, last, Flag.HIDDEN | last]
    assert columns["phase"].tolist() == [0, 0, Phase.CONTINUOUS, 0]
    assert columns["ts_exchange_ns"].tolist() == [1_000, 1_000, 1_000, 2_000]
    assert columns["ts_local_ns"].tolist() == [1_001, 1_001, 1_001, 2_001]


def test_columns_are_taken_once_and_counts_go_on():
    tape = OrderTape()
    assert len(sweep(tape)) == 5
    assert len(tape) == 0
    assert (tape.rows, tape.packets, tape.trades) == (5, 3, 2)
    assert all(len(column) == 0 for column in tape.take_columns().values())
