"""The part of one agent in the result of a run of several, as if it had run alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lob_backtest.results.run_info import RunInfo


def tables_of(tables: Mapping[str, pa.Table], agent: int, agents: int) -> dict[str, pa.Table]:
    """Return the tables that a run of one agent alone has.

    Ids of orders and fills are those of such a run, too: those of agents that run side by side take turns.

    Args:
        tables: of the whole run.
        agent: its code in them.
        agents: how many there are.
    """
    own = {}
    for name, table in tables.items():
        if "agent" in table.schema.names:
            table = table.filter(pc.equal(table["agent"], agent))  # noqa: PLW2901
            table = _with(table, "agent", np.zeros(table.num_rows, dtype=np.int16))  # noqa: PLW2901
        if "order_id" in table.schema.names:
            ids = table["order_id"].to_numpy()
            table = _with(table, "order_id", (ids - 1) // agents + 1)  # noqa: PLW2901
        if "fill_id" in table.schema.names:
            table = _with(table, "fill_id", np.arange(table.num_rows, dtype=np.int64))  # noqa: PLW2901
        own[name] = table
    return own


def info_of(info: RunInfo, agent: int) -> RunInfo:
    """Return what describes a run of one agent alone.

    Args:
        info: of the whole run.
        agent: its code in the tables.
    """
    count = len(info.instruments)
    part = slice(agent * count, (agent + 1) * count)
    parts = info.config.get("agent")
    if not parts:
        return info
    config = {key: value for key, value in info.config.items() if key != "agent"} | {"agent": [parts[agent]]}
    return dataclasses.replace(
        info,
        instruments=tuple(info.instrument_of(agent, i) for i in range(count)),
        agents=(info.agents[agent],),
        seed=parts[agent].get("seed", info.seed),
        config=config,
        requests_not_arrived=info.requests_not_arrived[part],
        sessions=info.sessions[part],
    )


def _with(table: pa.Table, name: str, values: np.ndarray) -> pa.Table:
    """Return a table with other values in a column that has no nulls."""
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), pa.array(values, type=table.schema.field(place).type))
