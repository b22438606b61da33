"""The part of one agent in the result of a run of several, as if it had run alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lob_backtest.results.run_info import RunInfo


def tables_of(tables: Mapping[str, pa.Table], agent: int) -> dict[str, pa.Table]:
    """Return the tables that a run of one agent alone has.

    Args:
        tables: of the whole run.
        agent: its code in them.
    """
    return {name: _own(table, agent) if "agent" in table.schema.names else table for name, table in tables.items()}


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
        seed=parts[agent].get("seed", info.config["run"]["seed"]),
        config=config,
        requests_not_arrived=info.requests_not_arrived[part],
        sessions=info.sessions[part],
        notes=tuple(
            each if each.agent is None else dataclasses.replace(each, agent=0)
            for each in info.notes
            if each.agent in (None, agent)
        ),
    )


def _own(table: pa.Table, agent: int) -> pa.Table:
    """Return the rows of an agent, as of the only one."""
    own = table.filter(pc.equal(table["agent"], agent))
    place = own.schema.get_field_index("agent")
    codes = pa.array(np.zeros(own.num_rows, dtype=np.int16))
    return own.set_column(place, own.schema.field(place), codes)
