"""Databento's publishers: the data of one venue in one dataset, each with its own book and order ids.

Source: `publishers.rs` of Databento's dbn library, https://github.com/databento/dbn.
"""

from __future__ import annotations

from typing import Final

PUBLISHERS: Final = {
    1: "GLBX.MDP3.GLBX",
    2: "XNAS.ITCH.XNAS",
    3: "XBOS.ITCH.XBOS",
    4: "XPSX.ITCH.XPSX",
    5: "BATS.PITCH.BATS",
    6: "BATY.PITCH.BATY",
    7: "EDGA.PITCH.EDGA",
    8: "EDGX.PITCH.EDGX",
    9: "XNYS.PILLAR.XNYS",
    10: "XCIS.PILLAR.XCIS",
    11: "XASE.PILLAR.XASE",
    12: "XCHI.PILLAR.XCHI",
    15: "MEMX.MEMOIR.MEMX",
    16: "EPRL.DOM.EPRL",
    38: "IEXG.TOPS.IEXG",
    39: "DBEQ.BASIC.XCHI",
    40: "DBEQ.BASIC.XCIS",
    41: "DBEQ.BASIC.IEXG",
    42: "DBEQ.BASIC.EPRL",
}
"""Dataset and venue of the known publishers, by id."""


def dataset_of(publisher_id: int) -> str:
    """Return a publisher's dataset, such as XNAS.ITCH; empty if the publisher is unknown."""
    return PUBLISHERS.get(publisher_id, "").rpartition(".")[0]


def venue_of(publisher_id: int, dataset: str) -> str:
    """Return the venue of a publisher's orders.

    Args:
        publisher_id: of the records.
        dataset: of the file, used if the publisher is unknown.
    """
    return PUBLISHERS.get(publisher_id, "").rpartition(".")[2] or dataset.partition(".")[0]


def described(publisher_id: int) -> str:
    """Format a publisher's id, with its name if known."""
    name = PUBLISHERS.get(publisher_id)
    return f"{publisher_id} ({name})" if name else str(publisher_id)
