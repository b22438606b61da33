"""Profiles of venues: how they treat orders, each line with its source, in one TOML file per venue."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from lob_backtest.config.parts import OrderRulesPart
from lob_backtest.errors import ConfigError

NAMES: Final = (
    "generic",
    "binance_spot",
    "binance_usdm",
    "binance_coinm",
    "bybit",
    "okx",
    "deribit",
    "kraken",
    "coinbase",
    "nasdaq",
    "cme",
)


class Profile(NamedTuple):
    """The rules of a venue.

    Attributes:
        name: one of `NAMES`.
        title: the venue, in words.
        text: the file, with the sources as comments.
        rules: how orders are treated.
        venues: names of the venue in files of market data.
        caution: what the rules do not tell, for a note; empty where there is nothing.
    """

    name: str
    title: str
    text: str
    rules: OrderRulesPart
    venues: tuple[str, ...]
    caution: str


@cache
def load(name: str) -> Profile:
    """Read a profile.

    Args:
        name: one of `NAMES`.

    Raises:
        ConfigError: there is no such profile.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NAMES)}"
        raise ConfigError(f"venue.profile: no profile {name!r}; {hint}")
    text = files(__package__).joinpath(f"{name}.toml").read_text("utf-8")
    values: dict[str, Any] = tomllib.loads(text)
    venues, caution = tuple(values.pop("venues")), values.pop("caution", "")
    title = text.partition("\n")[0].removeprefix("# ").rstrip(".")
    return Profile(name, title, text, OrderRulesPart.model_validate(values), venues, caution)


def venue_hints(named: Mapping[str, str | None]) -> list[str]:
    """Return what a user should know about the venues of a run.

    Args:
        named: the profile that the config names for each venue, `None` where it names none.
    """
    found = []
    for venue, name in named.items():
        fitting = None if name else profile_of(venue)
        if fitting is not None:
            rules = "how it treats replacements, post-only orders and own orders that meet"
            found.append(f"{venue}: the profile {fitting.name!r} says {rules}: set it as venue.profile")
        elif name and load(name).caution:
            found.append(f"{venue}: {load(name).caution}")
    return found


def profile_of(venue: str) -> Profile | None:
    """Return the profile of a venue as files of market data name it, `None` where there is none."""
    return next((profile for profile in map(load, NAMES) if venue in profile.venues), None)
