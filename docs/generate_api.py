"""Write the pages of the API reference, docs/api/*.md, from the public names: `python docs/generate_api.py`.

A page holds a directive of mkdocstrings for each name; the text comes from the docstrings when the site is built.
"""

from __future__ import annotations

import importlib
import inspect
import re
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple

import lob_backtest

FOLDER: Final = Path(__file__).with_name("api")


class Page(NamedTuple):
    """A page of the reference.

    `names` are public; `also` are types that they return or hold, documented but not exported. Both are separated by
    spaces.
    """

    title: str
    about: str
    names: str
    also: str = ""


PAGES: Final = {
    "run": Page(
        "Runs and results",
        "`lob.run` replays market data through a strategy and returns a `Result`. What its numbers mean is in\n"
        "[The report](../report.md); the keys of a config are in [Configuration](../configuration.md).",
        "run RunConfig Result compare",
        "results.run_info.RunInfo results.run_info.InstrumentInfo results.run_info.InputInfo regression.Comparison "
        "regression.MetricMove regression.RowDifference",
    ),
    "strategy": Page(
        "Strategies",
        "[Write a strategy](../strategies.md) is the guide; this page lists every attribute and method.\n\n"
        "> **Two meanings of `side`.** The `side` of a `Print` is the aggressor's: +1 where a buyer took an ask.\n"
        "> The `side` of a row of the [market data](../data.md) is the resting order's, in a row of a trade too:\n"
        "> -1 for the same event.",
        "Strategy Context Book Print Order Fill Instrument DEPTH Side TimeInForce OrderState UpdateKind RejectReason "
        "Liquidity Cause",
        "instrument.Fees",
    ),
    "quoting": Page(
        "Parts of a market maker",
        "Small objects without access to the run: made in `on_start`, called in a callback.\n"
        "[Parts of a market maker](../quoting.md) has a strategy that uses all of them.",
        "quote_prices InventoryLimit InventorySkew SpreadWidening Ladder EwmaVolatility FlowToxicity "
        "OrderFlowImbalance",
    ),
    "data": Page(
        "Market data",
        "[Market data](../data.md) describes the columns and the converters. `side` of a row is that of the resting\n"
        "order, in a trade too; `Print.side`, which a strategy sees, is the aggressor's.",
        "convert read_events write_events",
        "vendors.convert.Conversion data.writer.EventWriter",
    ),
    "market": Page(
        "Synthetic markets",
        "A market to try strategies on, and the [matching engine](../exchange.md) that it runs on.",
        "generate MatchingEngine Trade",
        "synthetic.generate.Generated synthetic.exchange.RestingOrder",
    ),
    "errors": Page(
        "Errors and units",
        "Every error that the package raises on purpose derives from `LobBacktestError`; `exit_code` is that of the\n"
        "[command line](../errors.md).",
        "LobBacktestError ConfigError DataError StrategyError OrderError EngineError OutputError US MS SECOND Duration",
    ),
}

OPTIONS: Final = {
    "RunConfig": ("members: [load, parse, set, plain]",),
    "Duration": ("show_attribute_values: false",),
    "MatchingEngine": ("show_signature: false",),
}
"""Options of mkdocstrings for single names: a config's keys have a page of their own, `engine` is deprecated."""

HEAD: Final = "<!-- Written by docs/generate_api.py (`make docs`) from the names in lob_backtest.__all__. -->\n"


def members(enum: type[Enum]) -> str:
    """Return a table of an enumeration's members; the meaning is the comment behind each of them."""
    told = dict(re.findall(r"^    (\w+) = [^#\n]*  # (.+)$", inspect.getsource(enum), re.MULTILINE))
    rows = [f"| `{each.name}` | {each.value} | {told.get(each.name, '')} |\n" for each in enum]
    return "\n| member | value | meaning |\n|---|---:|---|\n" + "".join(rows)


def directive(path: str, value: Any) -> str:
    """Return what shows one name: a directive, with a table for an enumeration."""
    name = path.rpartition(".")[2]
    is_enum = isinstance(value, type) and issubclass(value, Enum)
    options = OPTIONS.get(name, ("members: false", "show_bases: false", "show_signature: false") if is_enum else ())
    lines = "".join(f"      {option}\n" for option in options)
    shown = f"\n::: lob_backtest.{path}\n" + ("    options:\n" + lines if lines else "")
    return shown + (members(value) if is_enum else "")


def page(name: str) -> str:
    """Return one page."""
    shown = PAGES[name]
    parts = [directive(each, getattr(lob_backtest, each)) for each in shown.names.split()]
    if shown.also:
        parts.append("\n## Types that they return or hold\n")
        parts += [directive(each, None) for each in shown.also.split()]
    return f"# {shown.title}\n\n{HEAD}\n{shown.about}\n" + "".join(parts)


def summary(name: str) -> str:
    """Return the first paragraph of a public name's docstring, or of the text below a constant."""
    value = getattr(lob_backtest, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        text = inspect.getdoc(value) or ""
    else:
        home = importlib.import_module(f"lob_backtest.{lob_backtest._HOME_OF[name]}")
        found = re.search(rf'^{name}\b[^\n]*\n"""(.+?)"""', inspect.getsource(home), re.MULTILINE | re.DOTALL)
        text = found[1] if found else ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def index() -> str:
    """Return the page that lists all names.

    Raises:
        ValueError: a public name is on no page, or on two.
    """
    on_pages = [name for each in PAGES.values() for name in each.names.split()]
    if sorted(on_pages) != sorted(lob_backtest.__all__):
        wrong = sorted(set(on_pages) ^ set(lob_backtest.__all__)) or "one of them twice"
        raise ValueError(f"the pages of docs/generate_api.py are not the names of lob_backtest.__all__: {wrong}")
    text = f"# API reference\n\n{HEAD}\nEvery public name of the package, as in `import lob_backtest as lob`.\n"
    for file, shown in PAGES.items():
        rows = [
            f"| [`lob.{name}`]({file}.md#lob_backtest.{name}) | {summary(name)} |\n" for name in shown.names.split()
        ]
        text += f"\n## {shown.title}\n\n| name | |\n|---|---|\n" + "".join(rows)
    return text


def pages() -> dict[str, str]:
    """Return every page by the name of its file."""
    return {"index.md": index(), **{f"{name}.md": page(name) for name in PAGES}}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in pages().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
    print(f"wrote {FOLDER}")
