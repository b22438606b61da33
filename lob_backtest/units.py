"""Time: int64 nanoseconds since the epoch, UTC, inside; "100ms" and ISO dates in configs and on the command line."""

from __future__ import annotations

import operator
import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from lob_backtest.printable import cut

US: Final = 1_000
"""A microsecond in nanoseconds."""
MS: Final = 1_000_000
"""A millisecond in nanoseconds."""
SECOND: Final = 1_000_000_000
"""A second in nanoseconds."""
DURATION_LIMIT_NS: Final = 1 << 60
"""Durations are below this (36 years), so that their sums with a time fit into 64 bits."""

MAX_SHOWN: Final = 100
"""Characters of a value in a message."""

_UNITS: Final = {
    "ns": 1,
    "us": US,
    "µs": US,
    "\N{GREEK SMALL LETTER MU}s": US,
    "ms": MS,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86400 * SECOND,
}
_DURATION: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|\N{GREEK SMALL LETTER MU}s|ms|s|m|h|d)\s*")
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


def shown(value: Any) -> str:
    """Return the `repr` of a user's value for a message, cut to `MAX_SHOWN` characters."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        if isinstance(value, int):
            return f"a number of type {type(value).__name__} with thousands of digits"
        return _without_text(value)
    except Exception:  # the author's object can do anything when it is asked for its text
        return _without_text(value)
    return cut(text, MAX_SHOWN)


def _without_text(value: Any) -> str:
    return f"an object of type {type(value).__name__}, whose repr raises"


def parse_duration(given: Any) -> int:
    """Read a duration: "100ms", "1.5s", "250us", a timedelta of Python, pandas or numpy, or an integer of nanoseconds.

    Raises:
        ValueError: it is none of these; the message has the expected form.
    """
    if isinstance(given, str):
        found = _DURATION.fullmatch(given)
        if found is not None:
            ns = Decimal(found[1]) * _UNITS[found[2]]
            if ns != int(ns):
                raise ValueError(f"{shown(given)} is not a whole number of nanoseconds")
            return int(ns)
    elif (ns_of_object := _nanoseconds(given)) is not None:
        return ns_of_object
    raise ValueError(
        f"{shown(given)} is not a duration; write a number and a unit (ns, us, ms, s, m, h, d), as in '100ms'"
    )


def _nanoseconds(given: Any) -> int | None:
    """Return the nanoseconds of an integer or a timedelta; `None` for anything else, a missing value among them."""
    if isinstance(given, timedelta):
        whole = getattr(given, "value", None)  # of pandas, in nanoseconds
        return whole if isinstance(whole, int) else (given // timedelta(microseconds=1)) * US
    if type(given).__name__ == "timedelta64":  # of numpy, in a unit of its own
        text = str(given.astype("timedelta64[ns]").astype("int64"))
        return None if str(given) == "NaT" else int(text)
    return _index(given)


def _index(given: Any) -> int | None:
    """Return an integer of Python or numpy; `None` for anything else."""
    try:
        return None if isinstance(given, bool) else operator.index(given)
    except TypeError:
        return None


def format_duration(ns: int) -> str:
    """Write nanoseconds in the largest unit that divides them: 100_000_000 becomes "100ms"."""
    for unit in ("d", "h", "m", "s", "ms", "us"):
        if ns and ns % _UNITS[unit] == 0:
            return f"{ns // _UNITS[unit]}{unit}"
    return f"{ns}ns"


def parse_instant(value: Any) -> int:
    """Read a point in time: an ISO date with its offset ("2024-07-19T00:00:00Z"), a datetime, or integer nanoseconds.

    Raises:
        ValueError: it is none of these, or without an offset; the message has the expected form.
    """
    if (given_ns := _index(value)) is not None:
        return given_ns
    text = value.isoformat() if isinstance(value, date) else value
    found = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        written = text if isinstance(value, date) else shown(value)  # TOML makes dates of what was typed
        raise ValueError(
            f"{written} is not a time; write it with its time of day and its offset from UTC, as in "
            "'2024-07-19T13:30:00Z'"
        )
    zone = "+00:00" if found[4] == "Z" else found[4]
    try:
        whole = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
    except ValueError as error:
        raise ValueError(f"{shown(text)} is not a time: {error}") from None
    seconds = int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * SECOND + int((found[3] or "0").ljust(9, "0"))


def format_instant(ns: int, zone: tzinfo = UTC) -> str:
    """Write nanoseconds since the epoch as an ISO date with all nine digits and the offset of a time zone."""
    seconds, fraction = divmod(ns, SECOND)
    moment = datetime.fromtimestamp(seconds, zone)
    offset = "Z" if zone is UTC else moment.isoformat()[len("2024-07-19T13:30:00") :]
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}{offset}"


def is_ambiguous(ns: int, zone: tzinfo) -> bool:
    """Return whether the clocks of a time zone show this time twice, since they are set back."""
    moment = datetime.fromtimestamp(ns // SECOND, zone)
    return moment.utcoffset() != moment.replace(fold=1 - moment.fold).utcoffset()


_DURATION_SCHEMA: Final = {
    "anyOf": [{"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["100ms"]}, {"type": "integer"}]
}
_INSTANT_SCHEMA: Final = {
    "anyOf": [{"type": "string", "pattern": f"^{_INSTANT.pattern}$", "format": "date-time"}, {"type": "integer"}]
}

Duration = Annotated[int, BeforeValidator(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""Nanoseconds; given as text such as "100ms", a timedelta, or an integer."""

Instant = Annotated[int, BeforeValidator(parse_instant), WithJsonSchema(_INSTANT_SCHEMA)]
"""Nanoseconds since the epoch, UTC; in a config also an ISO date with its offset."""
