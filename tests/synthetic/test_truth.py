from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from lob_backtest.contract.rows import Action
from lob_backtest.errors import OutputError
from lob_backtest.synthetic import truth
from lob_backtest.synthetic.generate import Generated, generate
from lob_backtest.synthetic.order_flow import Taker
from lob_backtest.synthetic.truth import TRUTH

EVENTS = 60_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Generated, dict[str, np.ndarray]]:
    folder = tmp_path_factory.mktemp("truth")
    market = generate(folder / "l3.parquet", events=EVENTS, seed=11, truth=folder / "truth.parquet")
    table = pq.read_table(folder / "truth.parquet")
    assert table.schema.remove_metadata().equals(TRUTH)
    return market, {name: table[name].to_numpy() for name in table.column_names}


def trades(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Packet, side of the taker and price of each trade."""
    table = pq.read_table(path)
    rows = np.isin(table["action"].to_numpy(), [Action.EXECUTE, Action.TRADE])
    sequence, side, price = (table[name].to_numpy()[rows] for name in ("sequence", "side", "price_ticks"))
    return sequence.astype(np.int64), -side.astype(np.int64), price


def test_there_is_a_row_for_each_packet(made):
    market, columns = made
    table = pq.read_table(market.path)
    assert columns["sequence"].tolist() == list(range(1, market.packets + 1))
    first_rows = np.flatnonzero(np.diff(table["sequence"].to_numpy().astype(np.int64), prepend=0))
    assert np.array_equal(columns["ts_exchange_ns"], table["ts_exchange_ns"].to_numpy()[first_rows])


def test_market_is_the_same_with_and_without(made, tmp_path):
    market, _ = made
    alone = generate(tmp_path / "alone.parquet", events=EVENTS, seed=11)
    assert pq.read_table(alone.path).equals(pq.read_table(market.path))


def test_packets_that_trade_have_a_taker_and_no_others(made):
    market, columns = made
    sequence, _, _ = trades(market.path)
    assert set(columns["sequence"][columns["taker"] != Taker.NONE].tolist()) == set(sequence.tolist())


def test_the_informed_take_only_what_is_wrong(made):
    """They pay at most the value, whatever the side; noise does not care."""
    market, columns = made
    sequence, side, price = trades(market.path)
    gain = side * (columns["value_1024ths"][sequence - 1] - 1024 * price)
    informed = columns["taker"][sequence - 1] == Taker.INFORMED
    assert informed.sum() > 500
    assert gain[informed].min() > 0
    assert (gain[~informed] < 0).mean() > 0.5


def test_value_does_not_follow_trades(made):
    """Trades reveal the value and do not make it: what it does next has nothing to do with their sides."""
    market, columns = made
    sequence, side, _ = trades(market.path)
    value = columns["value_1024ths"]
    later = value[np.minimum(sequence + 99, len(value) - 1)] - value[sequence - 1]
    # The deviation of a sum of 100 steps: trades of one burst share theirs, so that few of them are independent.
    assert abs((side * later).mean()) < later.std() / 5


def test_makers_learn_what_the_informed_know(made):
    _, columns = made
    wrong = np.abs(columns["value_1024ths"] - columns["consensus_1024ths"])
    assert np.median(wrong) < 1024
    assert wrong.max() > 1024


def test_rows_do_not_depend_on_the_chunks_they_are_written_in(made, tmp_path, monkeypatch):
    _, columns = made
    monkeypatch.setattr(truth, "CHUNK_ROWS", 777)
    generate(tmp_path / "m.parquet", events=3_000, seed=11, truth=tmp_path / "t.parquet")
    again = pq.read_table(tmp_path / "t.parquet")
    for name in again.column_names:
        # All but the closing packet, which a longer market has not there.
        assert np.array_equal(again[name].to_numpy()[:-1], columns[name][: again.num_rows - 1]), name


def test_an_interrupted_market_leaves_no_file(tmp_path):
    def stop(rows: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "m.parquet", events=80_000, truth=tmp_path / "t.parquet", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_truth_that_cannot_be_written_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="none"):
        generate(tmp_path / "m.parquet", events=1_000, truth=tmp_path / "none" / "t.parquet")
    assert list(tmp_path.iterdir()) == []
