from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lob_backtest.data.faults import (
    ALLOWED,
    DEFAULT_POLICIES,
    ON_REQUEST,
    SAMPLES,
    FaultKind,
    FaultSample,
    Policy,
    Tally,
    resolve_policies,
)
from lob_backtest.errors import ConfigError


def test_every_kind_has_a_default_that_is_allowed():
    assert set(DEFAULT_POLICIES) == set(ALLOWED) == set(FaultKind)
    assert all(DEFAULT_POLICIES[kind] in ALLOWED[kind] or kind in (FaultKind.SEQUENCE_GAP,) for kind in FaultKind)


def test_sequence_kinds_are_looked_for_only_on_request():
    assert FaultKind.SEQUENCE_GAP not in resolve_policies(None)
    assert resolve_policies({"sequence_gap": "repair"})[FaultKind.SEQUENCE_GAP] == Policy.REPAIR


def test_documentation_lists_every_kind_with_its_policies():
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| (fail|skip|keep|repair|not looked for) \| ([^|]+) \|$", page, re.MULTILINE
    )
    listed = {kind: (default, set(possible.split(", "))) for kind, default, possible in rows}
    assert listed == {
        str(kind): (
            "not looked for" if kind in ON_REQUEST else str(DEFAULT_POLICIES[kind]),
            set(map(str, ALLOWED[kind])),
        )
        for kind in FaultKind
    }


def test_misspelt_kind_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="no kind 'zero_sise'; did you mean 'zero_size'"):
        resolve_policies({"zero_sise": "skip"})


@pytest.mark.parametrize("value", ["repair", "ignore", ""])
def test_policy_that_makes_no_sense_for_a_kind_is_refused(value):
    with pytest.raises(ConfigError, match=r"data\.policies\.bad_side.*expected one of: fail, skip"):
        resolve_policies({"bad_side": value})


def test_tally_counts_all_and_remembers_the_first():
    tally = Tally()
    for row in range(SAMPLES + 3):
        tally.add(FaultKind.CROSSED, Policy.KEEP, FaultSample("a", row, 10 * row))
    assert tally.counts == {"crossed": {"keep": SAMPLES + 3}}
    assert [sample.row for sample in tally.samples["crossed"]] == list(range(SAMPLES))
    assert tally.total() == tally.total(Policy.KEEP) == SAMPLES + 3
    assert tally.total(Policy.SKIP) == 0


def test_policies_come_without_the_weight_of_arrow():
    code = "import sys, lob_backtest.data.faults; sys.exit('pyarrow' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
