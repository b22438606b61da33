"""The option `--tz`: the time zone of the times that a verb prints for people."""

from __future__ import annotations

import difflib
from datetime import UTC, tzinfo

import click

from lob_backtest.errors import ConfigError


def _zone(context: click.Context, option: click.Parameter, name: str | None) -> tzinfo:
    if name is None or context.resilient_parsing:
        return UTC
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, or a folder of zones such as "America"
        known = {each.casefold(): each for each in sorted(available_timezones())}
        near = difflib.get_close_matches(name[:100].casefold(), known, n=1)
        hint = f"did you mean {known[near[0]]!r}?" if near else "expected a name such as 'America/New_York'"
        if not known:
            hint = "this system has no table of time zones; pip install tzdata"
        raise ConfigError(f"--tz {name[:100]!r}: no such IANA time zone; {hint}") from None


zone_option = click.option(
    "--tz",
    "zone",
    metavar="NAME",
    callback=_zone,
    help="IANA time zone of printed times, as in America/New_York; UTC unless given. Files and JSON are in UTC.",
)
