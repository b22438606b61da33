"""Ground truth of a synthetic market per packet: hidden value, consensus, volatility, taker."""

from __future__ import annotations

import os
from typing import Final

import pyarrow as pa

from lob_backtest.data.output import DraftWriter, ParquetDraft
from lob_backtest.synthetic.order_flow import OrderFlow

CHUNK_ROWS: Final = 1 << 16

TRUTH: Final = pa.schema(
    [
        pa.field("sequence", pa.uint64(), nullable=False),
        pa.field("ts_exchange_ns", pa.int64(), nullable=False),
        pa.field("value_1024ths", pa.int64(), nullable=False),
        pa.field("consensus_1024ths", pa.int64(), nullable=False),
        pa.field("volatility_1024ths", pa.int32(), nullable=False),
        pa.field("pace_1024ths", pa.int32(), nullable=False),
        pa.field("taker", pa.uint8(), nullable=False),
    ]
)
"""`sequence` is that of the market's file. The value and the consensus of the makers, after the packet, are in 1/1024
tick; the volatility of the value and the pace of fresh events in 1/1024 of their mean; `taker` is the aggressor of the
packet: 0 none, 1 noise, 2 informed."""


class TruthWriter(DraftWriter):
    """Write the ground truth to a Parquet file that takes its name when it is complete; a context manager.

    Args:
        path: of the file; an existing regular file is replaced.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._rows: list[tuple[int, ...]] = []
        self._draft = ParquetDraft(path, TRUTH, compression="zstd")

    def note(self, flow: OrderFlow, sequence: int) -> None:
        """Append a row: the state after a packet.

        Args:
            flow: the participants.
            sequence: the packet's number.
        """
        self._rows.append(
            (
                sequence,
                flow.now_ns,
                flow.value,
                flow.consensus,
                flow.volatility,
                flow.arrivals.pace,
                int(flow.taker),
            )
        )
        if len(self._rows) == CHUNK_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, TRUTH, strict=True)]
        self._draft.write(pa.Table.from_arrays(arrays, schema=TRUTH))
        self._rows.clear()

    def _finish(self) -> None:
        self._flush()
