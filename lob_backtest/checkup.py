"""Examine an installation: versions, engines and their speed, extras, and where data is found."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from lob_backtest.engine import ENGINES, is_built, load_engine
from lob_backtest.errors import LobBacktestError

DISTRIBUTION: Final = "lob-backtest"
MEASURED_EVENTS: Final = 20_000
FAST_EVENTS_PER_S: Final = 1_000_000
"""An engine below this is called slow: a busy day of one instrument takes it minutes."""

_REQUIREMENT: Final = re.compile(r"([\w.-]+)\s*(?:>=\s*([\d.]+))?[^;]*(?:;.*extra == [\"'](\w+)[\"'])?")

State = Literal["ok", "slow", "absent", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One item of the examination.

    Attributes:
        what: its name.
        state: "ok"; "slow"; "absent": not installed and not required; "missing": no run works without it.
        found: version, place or speed.
        advice: the remedy; empty if the state is "ok".
    """

    what: str
    state: State
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at everything that a run needs or can use; nothing is changed."""
    return [
        Finding("python", "ok", f"{platform.python_version()} at {sys.executable}"),
        Finding("machine", "ok", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"),
        *_libraries(),
        *([] if is_built() else [_no_kernel()]),
        *(_engine(name, preferred=place == 0) for place, name in enumerate(ENGINES)),
        *_data(),
    ]


def _libraries() -> Iterator[Finding]:
    """Compare the installed libraries with the requirements in the distribution's metadata."""
    place = Path(__file__).resolve().parent
    yield Finding(DISTRIBUTION, "ok", f"{metadata.version(DISTRIBUTION)} at {place}")
    for text in metadata.requires(DISTRIBUTION) or ():
        parts = _REQUIREMENT.match(text)
        assert parts is not None, text
        name, least, extra = parts.groups()
        if extra in (None, "databento"):
            yield _library(name, least or "0", extra)


def _library(name: str, least: str, extra: str | None) -> Finding:
    advice = f"pip install '{name}>={least}'"
    state: State = "absent" if extra else "missing"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, state, "not installed" + (f" (extra {extra})" if extra else ""), advice)
    if _numbers(version) < _numbers(least):
        return Finding(name, state, f"{version}, older than {least}", advice)
    return Finding(name, "ok", version)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the release numbers of a version: "3.0.1rc1" gives (3, 0, 1)."""
    return tuple(int(number) for number in re.findall(r"(?:^|\.)(\d+)", version))


def _no_kernel() -> Finding:
    """Return the reason why the compiled engine is missing.

    The tag of the installed wheel has the reason: without cargo, setup.py builds a wheel for any platform.
    """
    wheels = (each.read_text("WHEEL") for each in metadata.distributions(name=DISTRIBUTION))
    if "-none-any" in next(filter(None, wheels), ""):  # a build in a checkout leaves no WHEEL file
        why = "cargo was not found when the package was installed"
    else:
        why = "it failed to compile when the package was installed, or its file is missing"
    advice = (
        "install Rust (https://rustup.rs), then run LOB_REQUIRE_KERNEL=1 pip install --force-reinstall --no-binary "
        "lob-backtest lob-backtest; docs/performance.md"
    )
    return Finding("engine kernel", "absent", f"not built: {why}", advice)


def _engine(name: str, *, preferred: bool) -> Finding:
    """Measure an engine on a small synthetic market."""
    what = f"engine {name}"
    try:
        load_engine(name)
        rate = _events_per_s(name)
    except (ImportError, LobBacktestError, OSError) as error:
        return Finding(what, "missing", f"does not run ({error})", "see the message")
    found = f"{rate:,.0f} rows/s without orders, over a file of {MEASURED_EVENTS:,} rows"
    if preferred and rate < FAST_EVENTS_PER_S:
        return Finding(what, "slow", found, "pure Python: days of one instrument are comfortable, years are not")
    return Finding(what, "ok", found)


def _events_per_s(name: str) -> float:
    from lob_backtest.backtest import run
    from lob_backtest.strategy.api import Strategy
    from lob_backtest.synthetic.generate import generate

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "market.parquet"
        generate(path, events=MEASURED_EVENTS)
        timing = run({"instrument": [{"data": [str(path)]}]}, Strategy, engine=name).timing
    return timing["events"] / timing["engine_s"]


def _data() -> Iterator[Finding]:
    """Yield the places of the bundled sample and of the tests' real market data; only checkouts have them."""
    root = Path(__file__).resolve().parents[1]
    sample = root / "data" / "sample-l3.parquet"
    named = os.environ.get("LOB_SHARED_DATA")
    if sample.is_file():
        yield Finding("sample", "ok", str(sample))
    else:
        yield Finding("sample", "absent", "only in a checkout", "lob-backtest generate -o sample.parquet")
        if not named:
            return
    folder = Path(named) if named else root.parent / "shared" / "data"
    if folder.is_dir():
        yield Finding("real market data", "ok", str(folder))
    else:
        yield Finding("real market data", "absent", f"{folder}", "only tests use it; set LOB_SHARED_DATA to its folder")
