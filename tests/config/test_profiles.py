"""Profiles of venues: what they set, where it is from, and what the page says of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.config.effective import ORDER_RULES
from lob_backtest.config.profiles import NAMES, load, profile_of
from lob_backtest.errors import ConfigError

PAGE = (Path(__file__).resolve().parents[2] / "docs/venues.md").read_text("utf-8")
WORDS = {
    "keeps its place": "keep",
    "loses its place": "lose",
    "order cancelled": "cancel",
    "refused": "reject",
    "slides": "slide",
    "newest ends": "cancel_newest",
    "oldest cancelled": "cancel_oldest",
    "both become smaller": "decrement",
}


def rules_of(name: str) -> dict[str, Any]:
    rules = load(name).rules
    return {
        key: getattr(rules.replace if key.startswith("replace.") else rules, key.rpartition(".")[2])
        for key in ORDER_RULES
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_says_where_each_line_is_from(name: str) -> None:
    text = load(name).text
    assert name == "generic" or re.search(r"# .*(\.com|\.io|\.org|Nasdaq|CME)", text)
    if name not in ("generic", "cme"):  # no post-only orders on Globex
        assert all(rules_of(name).values())
    blocks = re.split(r"\n\n|\n\[replace\]\n", text)
    if name != "generic":
        assert all("#" in block for block in blocks if re.search(r"^\w+ = ", block, re.MULTILINE))


def test_the_generic_profile_has_the_defaults() -> None:
    assert rules_of("generic") == ORDER_RULES


def test_the_page_has_the_rules_of_each_profile() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.+) \|$", PAGE, re.MULTILINE)
    table = {name: cells.split(" | ") for names, cells in rows for name in re.findall(r"\w+", names) if name in NAMES}
    assert set(table) == set(NAMES)
    for name, (place, size, would_take, post_only, meets) in table.items():
        said = (WORDS[place], size, WORDS[would_take], WORDS[post_only], WORDS[meets])
        rules = {key: value or ORDER_RULES[key] for key, value in rules_of(name).items()}
        keys = ("replace.decrease", "replace.size_is", "replace.would_take", "post_only", "self_trade")
        assert said == tuple(rules[key] for key in keys), name


def test_a_venue_has_one_profile() -> None:
    venues = [venue for name in NAMES for venue in load(name).venues]
    assert len(set(venues)) == len(venues)
    profile = profile_of("BINANCE_FUTURES")
    assert profile is not None
    assert profile.name == "binance_usdm"
    assert profile_of("SYNTHETIC") is None


def test_a_misspelt_profile_is_answered_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match="no profile 'binanc_usdm'; did you mean 'binance_usdm'"):
        load("binanc_usdm")


class Buys(lob.Strategy):
    def on_start(self, ctx: lob.Context) -> None:
        ctx.every("1s")

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        ctx.buy(1, 1)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.parquet"
    lob.generate(path, events=2_000)
    return path


def run(market: Path, venue: dict[str, Any], name: str = "BINANCE_FUTURES") -> lob.Result:
    config = {"instrument": {"data": str(market), "venue": name}, "venue": [{"name": name, **venue}]}
    return lob.run(config, Buys)


def test_a_run_suggests_the_profile_of_its_venue(market: Path) -> None:
    def about(result: lob.Result) -> list[str]:
        return [note for note in result.notes if "BINANCE_FUTURES" in note]

    (note,) = about(run(market, {}))
    assert "the profile 'binance_usdm' says how it treats replacements" in note
    assert not about(run(market, {"profile": "binance_usdm"}))
    assert not about(run(market, {"profile": "generic"}))


def test_a_profile_that_does_not_tell_everything_says_so(market: Path) -> None:
    notes = run(market, {"profile": "cme"}, "GLBX").notes
    assert any("pro rata" in note for note in notes)


def test_precedence_is_shown(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.toml").write_text(
        f'[[instrument]]\ndata = "{market}"\nvenue = "V"\npost_only = "slide"\n'
        '[[venue]]\nname = "V"\nprofile = "binance_usdm"\nself_trade = "decrement"\n'
        '[strategy]\nclass = "strategies/fixed_spread.py:FixedSpread"\n'
    )
    text = (tmp_path / "run.toml").read_text()
    root = Path(__file__).resolve().parents[2]
    (tmp_path / "run.toml").write_text(text.replace("strategies/", f"{root}/strategies/"))
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tmp_path / "run.toml"), "--show-config"])
    assert ended.value.code == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["post_only", "slide", "instrument.0.post_only"] in lines
    assert ["self_trade", "decrement", "venue.0.self_trade"] in lines
    assert ["replace.decrease", "lose", "profile", "binance_usdm"] in lines


def test_venues_are_listed_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["kraken"], ["cme", "--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["venues", *argv])
        assert ended.value.code == 0
        out = capsys.readouterr().out
        if not argv:
            assert [line.split()[0] for line in out.splitlines()] == list(NAMES)
        elif "--json" in argv:
            (found,) = json.loads(out)
            assert (found["name"], found["replace"]["size_is"]) == ("cme", "open")
        else:
            assert out.rstrip() == load("kraken").text.rstrip()
