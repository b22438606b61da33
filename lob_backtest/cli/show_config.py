"""The effective config of a run, printed: each value and where it is from."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, Final

from lob_backtest.cli.output import echo, print_json
from lob_backtest.printable import printable, utf8

if TYPE_CHECKING:
    from lob_backtest.config.effective import Effective
    from lob_backtest.config.model import RunConfig
    from lob_backtest.config.sections import Section

WIDTH: Final = 80
MAX_VALUE: Final = 24
"""Columns of the values; a longer one moves its origin to a line of its own."""
NONE: Final = {
    "run.start": "first row",
    "run.end": "last packet",
    "data.max_bad_fraction": "any share",
    "max_position": "no limit",
}
"""What a value that is not set stands for."""


def show_config(config: RunConfig, options: Mapping[str, str], *, as_json: bool) -> None:
    """Print every setting of a run, which is prepared and checked, but not started.

    Args:
        config: the run's.
        options: by the key that it set, the option of the command line.
        as_json: print JSON.

    Raises:
        ConfigError: the run would be refused.
        DataError: a file cannot be read.
        StrategyError: a strategy cannot be made.
    """
    sections = _sections(config, options)
    if as_json:
        plain = [
            {**part.place, "settings": {key: row._asdict() for key, row in part.settings.items()}} for part in sections
        ]
        print_json("run --show-config", {"sections": plain}, indent=2, default=str)
        return
    for section in sections:
        place = ", ".join(f"{what} {printable(utf8(name))}" for what, name in section.place.items())
        echo(place or "run")
        echo("\n".join(_lines(section.settings)))


def _sections(config: RunConfig, options: Mapping[str, str]) -> list[Section]:
    from lob_backtest.backtest import class_name, open_source, parameters_of
    from lob_backtest.config.compile import make_plan
    from lob_backtest.config.sections import AgentShown, effective_sections
    from lob_backtest.strategy.agents import agent_names, strategies_of

    with redirect_stdout(sys.stderr), strategies_of(config, None) as (whole, agents):
        sources = [open_source(whole, part) for part in whole.instrument]
        make_plan(whole, sources)  # refuses what a run refuses
        shown = [
            AgentShown(name, class_name(part, agent), parameters_of(agent))
            for name, part, agent in zip(agent_names(whole, agents), whole.agents, agents, strict=True)
        ]
        return effective_sections(whole, sources, shown, options)


def _lines(settings: Mapping[str, Effective]) -> Iterator[str]:
    """Yield a section's lines: key, value and origin, the origin below the value where it does not fit beside it."""
    texts = {key: _text(key, row.value) for key, row in settings.items()}
    key_width = max(map(len, texts))
    value_width = max([len(text) for text in texts.values() if len(text) <= MAX_VALUE], default=0)
    for key, row in settings.items():
        left = f"  {key.ljust(key_width)}"
        line = f"{left}  {texts[key].ljust(value_width)}  {row.origin}"
        if len(line) <= WIDTH and len(texts[key]) <= value_width:
            yield line
            continue
        space = max(WIDTH - len(left) - 2, MAX_VALUE)
        pieces = textwrap.wrap(texts[key], space, break_on_hyphens=False)
        pieces += [f"  {each}" for each in textwrap.wrap(row.origin, space - 2, break_on_hyphens=False)]
        yield f"{left}  {pieces[0]}"
        yield from (f"{' ' * len(left)}  {piece}" for piece in pieces[1:])


def _text(key: str, value: Any) -> str:
    if value is None:
        return NONE.get(key, "none")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return printable(", ".join(utf8(str(each)) for each in value)) or "none"
    return printable(utf8(str(value))) or '""'
